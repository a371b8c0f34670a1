"""Measured items that wait for the model, and which of them it answers together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from emollm.answer.prompt import observe
from emollm.caption.incoming.items import Inline, Item
from emollm.subject import PreparedSource, with_edits

TOKENS_A_FRAME, TOKENS_A_LINE, LETTERS_A_TOKEN = 16, 30, 4  # to compare lengths; no tokenizer is needed for that


class Size(NamedTuple):
    """What batches are chosen by."""

    faces: int
    frames: int  # measured
    length: int  # tokens of prompt and answer, roughly


@dataclass
class WaitingItem:
    """One measured item."""

    item: Item
    key: str
    source: str | Inline  # of its medium
    prepared: Any  # Prepared, or where it is on a cluster
    faces: int
    frames: int
    length: int
    deaths: int = 0  # of processes that had it
    arrival: int = 0


class Window:
    """Items waiting for the model, at most a few batches of them."""

    def __init__(self):
        self.waiting: list[WaitingItem] = []
        self.arrivals = 0

    def add(self, waiting: WaitingItem) -> None:
        waiting.arrival, self.arrivals = self.arrivals, self.arrivals + 1
        self.waiting.append(waiting)

    @property
    def faces(self) -> int:
        return sum(w.faces for w in self.waiting)

    @property
    def frames(self) -> int:
        return sum(w.frames for w in self.waiting)

    def take(self, faces: int) -> list[WaitingItem]:
        """The batch of similar length that holds the one who has waited longest."""
        batches: list[list[WaitingItem]] = [[]]
        for waiting in sorted(self.waiting, key=lambda w: (w.length, w.arrival)):
            if batches[-1] and sum(w.faces for w in batches[-1]) + waiting.faces > faces:
                batches.append([])
            batches[-1].append(waiting)
        chosen = min(batches, key=lambda batch: min((w.arrival for w in batch), default=0))
        taken = {w.arrival for w in chosen}
        self.waiting = [w for w in self.waiting if w.arrival not in taken]
        return chosen


def size_of(item: Item, prepared: PreparedSource) -> Size:
    """How much the model is asked with this item."""
    asked = with_edits(prepared, dict(item.what_if))
    readable = asked.readable_subjects
    tokens = (TOKENS_A_FRAME * len(s.key_frames) + TOKENS_A_LINE * len(observe(s.series, s.events)) for s in readable)
    return Size(max(1, len(readable)), sum(len(s.series.times) for s in asked.subjects),
                max(tokens, default=0) + len(item.words) // LETTERS_A_TOKEN)
