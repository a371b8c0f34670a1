"""Movements in time as annotators know them: tiers of intervals, one tier an action unit.

A `Recording` is what one annotation file holds. Times are kept to the millisecond, which is ELAN's own resolution, and
strengths to two decimals. Each format has its file and writes and reads there: boris, eaf (ELAN), textgrid (Praat), bids.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from emollm.facs.readings import level_of_letter
from emollm.schema import AU_NAMES, AUS, SIDES, AUEvent, AUSeries, InputError

EXTRA = "pip install 'emollm[formats]'"  # brings pympi-ling, praatio and pyarrow
TICK = 0.001  # s, the shortest interval that every format can hold
_TIER = re.compile(r"(?:face (?P<face>\d+) )?(?P<au>(?:AU)?\d{1,2})(?: \(\d+\))?", re.IGNORECASE)
_CODE = re.compile(r"(?P<side>[LR]?)(?:AU)?(?P<au>\d{1,2})(?P<level>[A-E]?)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class Recording:
    """The movements of one clip, by face; `series` holds what they were found in, where that is known."""

    media: str  # file of the clip
    faces: dict[int, list[AUEvent]]  # face_id -> movements
    duration: float = 0.0  # s; 0 = not known
    fps: float = 0.0  # frames a second; 0 = not known
    series: list[AUSeries] = field(default_factory=list)

    @property
    def end(self) -> float:
        """Where a file about this clip ends, s."""
        return max([self.duration, TICK, *(e.offset for events in self.faces.values() for e in events)])


def snap_event(event: AUEvent) -> AUEvent:
    """The event on the grid of TICK, never shorter than one, its apex within."""
    onset = round(event.onset, 3)
    offset = max(round(event.offset, 3), round(onset + TICK, 3))
    apex = min(max(round(event.apex, 3), onset), offset)
    return AUEvent(event.au, event.side, onset, apex, offset, round(event.peak, 2))


def rows(recording: Recording) -> list[tuple[int, AUEvent]]:
    """(face_id, snapped event) in order of time."""
    movements = [(face, snap_event(event)) for face, events in recording.faces.items() for event in events]
    return sorted(movements, key=lambda row: (row[1].onset, row[1].offset, row[0], row[1].au, row[1].side))


def tiers(recording: Recording) -> dict[str, list[AUEvent]]:
    """Tier name -> movements that do not overlap, in order of face and action unit.

    "AU12", or "face 1 AU12" unless face 0 is the only one. Movements of one unit that overlap, as those of two sides
    may, go to a second tier "AU12 (2)".
    """
    alone = set(recording.faces) <= {0}
    by_tier: dict[str, list[AUEvent]] = {}
    for face, event in sorted(rows(recording), key=lambda row: (row[0], row[1].au, row[1].onset)):
        name, lane = event.au if alone else f"face {face} {event.au}", 1
        while (at := name if lane == 1 else f"{name} ({lane})") in by_tier and by_tier[at][-1].offset > event.onset:
            lane += 1
        by_tier.setdefault(at, []).append(event)
    return by_tier


def label(event: AUEvent) -> str:
    """What stands in an interval: "left 3.10 apex 1.240"."""
    return f"{event.side} {event.peak:.2f} apex {event.apex:.3f}"


def from_tiers(name: str, intervals: Iterable[tuple[str, float, float, str]]) -> dict[int, list[AUEvent]]:
    """Inverse of tiers() and label(): (tier, onset s, offset s, text) -> movements by face.

    A human coder's file is understood as well: the unit stands in the tier's name or in the text ("R12C"), the side and
    the level (0-5, or A-E) are optional. A level that is not given is NaN, an apex that is not given lies in the middle.
    Intervals that name no action unit are left out. Raises InputError when none does.
    """
    faces: dict[int, list[AUEvent]] = {}
    for tier, onset, offset, text in intervals:
        for face, event in _parse(tier, onset, offset, text):
            faces.setdefault(face, []).append(event)
    if not faces:
        raise InputError(f"{name}: no interval names an action unit. Name a tier AU12, or write codes such as R12C.")
    return faces


def _parse(tier: str, onset: float, offset: float, text: str) -> Iterator[tuple[int, AUEvent]]:
    named = _TIER.fullmatch(tier.strip())
    middle = (onset + offset) / 2
    if named and (au := known_unit(named["au"])):
        side, level, apex = _read_label(text)
        yield int(named["face"] or 0), AUEvent(au, side, onset, middle if math.isnan(apex) else apex, offset, level)
        return
    for part in re.split(r"[\s+]+", text.strip()):
        code = _CODE.fullmatch(part)
        if code and (au := known_unit(code["au"])):
            yield 0, AUEvent(au, _side(code["side"]), onset, middle, offset, _level(code["level"]))


def known_unit(name: str) -> str:
    """"AU12" for AU12, au12 and 12; empty for everything else."""
    digits = name.strip().upper().removeprefix("AU")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else -1
    return AU_NAMES[AUS.index(number)] if number in AUS else ""


def _read_label(text: str) -> tuple[str, float, float]:
    """Side, level and apex of an interval's text; what is missing is both, NaN, NaN."""
    stated, _, apex = text.partition("apex")
    words = stated.split()
    side = next((_side(w) for w in words if _side(w) != "both"), "both")
    level = next((value for w in words if not math.isnan(value := _level(w))), math.nan)
    moment = _NUMBER.search(apex)
    return side, level, float(moment[0]) if moment else math.nan


def _side(word: str) -> str:
    lower = word.lower()
    return lower if lower in SIDES else {"l": "left", "r": "right"}.get(lower, "both")


def _level(word: str) -> float:
    """A-E -> 1-5, a number 0-5 as it is, else NaN."""
    if (level := level_of_letter(word)) is not None:
        return level
    value = float(word) if _NUMBER.fullmatch(word) else math.nan
    return value if value <= 5 else math.nan
