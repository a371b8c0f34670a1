"""The stages of captioning as plain functions of what they are given: measure one medium, choose a batch, answer it.

Nothing here knows of processes, files to write or a log, so the same stages can run as actors on other machines.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from emollm.answer.prompt import DEFAULT_QUESTION, observe
from emollm.caption.incoming import requests
from emollm.caption.incoming.items import Inline, Item, Medium, shown
from emollm.caption.run import lines
from emollm.caption.run.lines import Line
from emollm.caption.run.settings import key_of
from emollm.explainer import Prepared, edited
from emollm.explainer import answer as explain_answer
from emollm.explanation import Explanation
from emollm.schema import InputError, NoFaceError
from emollm.workers import WorkerError

TOKENS_A_FRAME, TOKENS_A_LINE, LETTERS_A_TOKEN = 16, 30, 4  # to compare lengths; no tokenizer is needed for that


@dataclass
class Measured:
    """One medium after measuring: what is asked about it, and what came of it (one of the last three)."""

    todo: list[tuple[Item, str]]  # items that have no line yet, with their keys
    copies: list[Line] = field(default_factory=list)  # answers that a file of the same content has already
    prepared: Prepared | None = None
    no_face: str = ""
    error: tuple[str, str] | None = None  # code, message


@dataclass
class Ask:
    """One item ready for the model."""

    item: Item
    key: str
    prepared: Prepared
    arrival: int = 0

    def __post_init__(self) -> None:
        readable = self.prepared.readable
        self.faces = max(1, len(readable))
        self.frames = sum(len(s.series.times) for s in self.prepared.subjects)
        tokens = (TOKENS_A_FRAME * len(s.key_frames) + TOKENS_A_LINE * len(observe(s.series, s.events)) for s in readable)
        self.length = max(tokens, default=0) + len(self.item.question or "") // LETTERS_A_TOKEN  # of prompt and answer, roughly


def measure(medium: Medium, prepare: Callable[..., Prepared], settings_sha256: str, wanted: Callable[[Item, str], bool],
            twin: Callable[[str], Line | None] = lambda key: None) -> Measured:
    """Hash one photo or clip and, when an item of it is wanted, measure it. Never raises: the result says what is wrong.

    prepare: function (path or bytes, name=) -> Prepared without edits. wanted: whether an item with this key needs a line.
    twin: the line of an answered item with this key, if there is one.
    """
    def sort(sha256: str, **found) -> Measured:
        keyed = [(i, key_of(sha256, i.question or DEFAULT_QUESTION, i.what_if, settings_sha256)) for i in medium.items]
        todo, copies = [], []
        for item, key in ((item, key) for item, key in keyed if wanted(item, key)):
            if line := twin(key):
                copies.append(lines.renamed(line, item.custom_id, name_of(medium)))
            else:
                todo.append((item, key))
        return Measured(todo, copies, **found)

    source, sha256, error = _opened(medium)
    first = sort(sha256, error=error)
    if error or not first.todo:
        return first
    try:
        prepared = prepare(source, name=name_of(medium))
    except NoFaceError as none:
        first.no_face = str(none)
    except WorkerError as dead:
        first.error = "worker_failed", str(dead)
    except InputError as bad:
        first.error = "media_undecodable", str(bad)
    except Exception as bug:  # one strange file must not end the run
        first.error = "internal_error", f"{name_of(medium)}: internal error while measuring ({type(bug).__name__})"
    else:
        if prepared.sha256 in ("", sha256):
            first.prepared = prepared
        else:  # changed between hashing and measuring: the key is that of the bytes that were measured
            return sort(prepared.sha256, prepared=prepared)
    return first


def answer(asks: list[Ask], engine, grounded: bool, model: str) -> Iterator[tuple[Ask, list[Explanation] | Exception]]:
    """Explanations of a batch. A batch that fails is halved until only the items that fail alone are left."""
    try:
        found = explain_answer([a.prepared for a in asks], engine, [a.item.question for a in asks], grounded, model)
    except Exception as error:
        if len(asks) == 1:
            yield asks[0], error
            return
        half = len(asks) // 2
        yield from answer(asks[:half], engine, grounded, model)
        yield from answer(asks[half:], engine, grounded, model)
    else:
        yield from zip(asks, found, strict=True)


class Window:
    """Items waiting for the model, at most a few batches of them."""

    def __init__(self):
        self.waiting: list[Ask] = []
        self.arrived = 0

    def add(self, ask: Ask) -> None:
        ask.arrival, self.arrived = self.arrived, self.arrived + 1
        self.waiting.append(ask)

    @property
    def faces(self) -> int:
        return sum(ask.faces for ask in self.waiting)

    @property
    def frames(self) -> int:
        return sum(ask.frames for ask in self.waiting)

    def take(self, faces: int) -> list[Ask]:
        """The batch of similar length that holds the one who has waited longest."""
        batches: list[list[Ask]] = [[]]
        for ask in sorted(self.waiting, key=lambda a: (a.length, a.arrival)):
            if batches[-1] and sum(a.faces for a in batches[-1]) + ask.faces > faces:
                batches.append([])
            batches[-1].append(ask)
        chosen = min(batches, key=lambda batch: min((a.arrival for a in batch), default=0))
        taken = {ask.arrival for ask in chosen}
        self.waiting = [ask for ask in self.waiting if ask.arrival not in taken]
        return chosen


def with_edits(prepared: Prepared, edits: dict[str, float]) -> Prepared:
    """What prepare(what_if=edits) gives, without measuring again."""
    return dataclasses.replace(prepared, subjects=[edited(s, edits) for s in prepared.subjects], edits=edits)


def _opened(medium: Medium) -> tuple[str | bytes | None, str, tuple[str, str] | None]:
    """What to measure, the sha256 of its bytes, and the error when there is nothing to measure."""
    source = medium.source
    if medium.items[0].error:
        return None, "", medium.items[0].error
    try:
        if isinstance(source, Inline):
            content = requests.fetch(source)
            return content, hashlib.sha256(content).hexdigest(), None
        if os.path.exists(source) and not os.path.isfile(source):  # a pipe would never end
            return None, "", ("unsupported_media", f"{shown(source)}: not an ordinary file. Give a photo or a clip.")
        with open(source, "rb") as file:
            return source, hashlib.file_digest(file, "sha256").hexdigest(), None
    except requests.Refused as refused:
        return None, "", (refused.code, refused.message)
    except (OSError, ValueError) as failed:
        reason = getattr(failed, "strerror", None) or "not a file name"
        return None, "", ("media_not_found", f"{name_of(medium)}: the file cannot be opened ({reason}). Check its path and "
                                             "permissions.")


def name_of(medium: Medium) -> str:
    """What messages and results call it."""
    return medium.items[0].custom_id if isinstance(medium.source, Inline) else shown(medium.source)
