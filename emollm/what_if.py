"""What if a movement were weaker, stronger or not there: edits of the evidence, read, checked and made here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from emollm.schema import AU_NAMES, ON, AUEvent, InputError, au_index

if TYPE_CHECKING:
    from emollm.schema import AUSeries

EXAMPLE = "write AU=LEVEL with a level from 0 (absent) to 5, such as AU04=0"


def parse_edits(pairs: Iterable[str], option: str = "--what-if ") -> dict[str, float]:
    """["AU04=0"] or ["AU04=0,AU12=3"] -> {"AU04": 0.0, ...}. option: how messages name where a pair was written.

    Raises InputError, naming the pair, for an unknown unit, an intensity outside 0-5, or a unit given twice.
    """
    edits: dict[str, float] = {}
    for pair in ",".join(pairs).replace(";", ",").split(",") if pairs else ():
        name, equals, value = pair.partition("=")
        try:
            level = float(value)
        except ValueError:
            level = -1.0
        if not equals or not 0 <= level <= 5:
            raise InputError(f"{option}{pair}: {EXAMPLE}")
        au = AU_NAMES[au_index(name)]
        if au in edits:
            raise InputError(f"{option}{pair}: {au} is edited twice")
        edits[au] = level
    return edits


def check_edits(edits: Mapping[str, float] | Iterable[str] | None) -> dict[str, float]:
    """Edits with their units named as everywhere, {"AU04": 0.0}; also from ["AU04=0"], as they are written on the command line.

    Raises InputError for an unknown unit, an intensity outside 0-5, or anything else.
    """
    if edits is None or isinstance(edits, Mapping):
        return {AU_NAMES[au_index(name)]: _level(name, value) for name, value in (edits or {}).items()}
    pairs = [edits] if isinstance(edits, str) else edits
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(pair, str) for pair in pairs):
        raise InputError(f'what_if={edits!r:.60}: give {{"AU04": 0}} or ["AU04=0"]')
    return parse_edits(pairs, "what-if ")


def _level(name: str, value: object) -> float:
    try:
        level = float(value)
    except (TypeError, ValueError):
        raise InputError(f"what-if {name}={value!r:.40}: intensity must be a number between 0 and 5") from None
    if not 0 <= level <= 5:
        raise InputError(f"what-if {AU_NAMES[au_index(name)]}={level:g}: intensity must be between 0 and 5")
    return level


def edit(series: AUSeries, events: list[AUEvent], edits: Mapping[str, float]) -> tuple[AUSeries, list[AUEvent]]:
    """The evidence with some action units set to a given intensity 0-5 on both sides, over the whole track.

    Raises InputError as check_edits() does.
    """
    intensity, confidence = series.intensity.copy(), series.confidence.copy()
    measured, kept = series.measured.copy(), events
    for au, value in check_edits(edits).items():
        k = au_index(au)
        intensity[:, k], confidence[:, k], measured[k] = value, 1.0, True
        kept = [e for e in kept if e.au != au]
        if value >= ON and len(series.times) > 1:
            start, end = float(series.times[0]), float(series.times[-1])
            kept = [*kept, AUEvent(au, "both", start, start, end, value)]
    return dataclasses.replace(series, intensity=intensity, confidence=confidence, measured=measured), kept
