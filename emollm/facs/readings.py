"""What action units are commonly read as, alone and for each label, and how strengths are worded.

A label is what a face is commonly read as, never what a person feels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emollm.facs.tables import COMBINATIONS, OTHER_READINGS, OVER_70, VARIANTS
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, LABELS, InputError, au_index

if TYPE_CHECKING:
    import numpy as np

# FACS A-E: upper bound of the intensity that each word covers.
LEVELS = ("trace", "slight", "marked", "pronounced", "extreme")
LETTERS = "ABCDE"  # of the same levels
_LEVEL_BOUNDS = (1.5, 2.5, 3.5, 4.5)


def level_word(intensity: float) -> str:
    """FACS letter A-E as a word: trace < 1.5, slight < 2.5, marked < 3.5, pronounced < 4.5, else extreme."""
    return LEVELS[sum(intensity >= bound for bound in _LEVEL_BOUNDS)]


def level_letter(intensity: float) -> str:
    """The same as a FACS letter, A-E."""
    return LETTERS[LEVELS.index(level_word(intensity))]


def level_of_letter(letter: str) -> float | None:
    """A-E or a-e as 1-5; None for anything else."""
    return 1.0 + LETTERS.index(letter.upper()) if len(letter) == 1 and letter.upper() in LETTERS else None


def region_polygon(name: str, side: str, landmarks: np.ndarray) -> list[list[float]]:
    """Where an action unit shows, as an ordered polygon in picture pixels.

    name: "AU04". side: left | right (the person's own) | both; both joins the two halves by their convex hull.
    landmarks: [478, 2+] in picture pixels. Returns [[x, y], ...]. Raises InputError for an unknown action unit or side.
    """
    region = ACTION_UNITS[AU_NAMES[au_index(name)]].region
    if side in region:
        return [[float(x), float(y)] for x, y in landmarks[list(region[side]), :2]]
    if side == "both":
        return _hull(landmarks[list({*region["left"], *region["right"]}), :2])
    raise InputError(f"unknown side '{side}': use left, right or both")


def region_patches(name: str, side: str, landmarks: np.ndarray) -> list[list[list[float]]]:
    """The two halves of a region where they do not meet (cheeks, lids, mouth corners), as region_polygon; empty when the region
    is one piece. Raises InputError as region_polygon."""
    if side != "both":
        return []
    region = ACTION_UNITS[AU_NAMES[au_index(name)]].region
    apart = not {*region["left"]} & {*region["right"]}
    return [region_polygon(name, half, landmarks) for half in ("left", "right")] if apart else []


def _hull(points: np.ndarray) -> list[list[float]]:
    """Convex hull, ordered (Andrew's monotone chain, Information Processing Letters 9(5), 1979)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})

    def half(chain):
        kept: list[tuple[float, float]] = []
        for p in chain:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return [list(p) for p in half(ordered) + half(reversed(ordered))]


def _turn(a: tuple, b: tuple, c: tuple) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


# Movements that speak against a label: the opposite pull of the same part of the face, and in no listing of that label.
AGAINST = {
    "happiness": (4, 15, 20),
    "sadness": (5, 12, 27),
    "surprise": (4, 9, 15, 24),
    "fear": (6, 12, 43),
    "disgust": (2, 5, 12),
    "anger": (1, 2, 12),
    "contempt": (1, 5, 20, 27),
}
# Seen on faces at rest all the time, so they do not speak against the label "neutral".
_AT_REST = ("AU25", "AU43", "AU45")


def relation(label: str, au: str | int) -> str:
    """How a movement bears on a label: "for" when any variant of the label lists it, "against", or "neutral".

    For the label "neutral" every movement counts against it except parted lips, closed eyes and blinks.
    Raises InputError for an unknown label or action unit.
    """
    if label not in LABELS:
        raise InputError(f"unknown label '{label}': use one of {' '.join(LABELS)}")
    name = AU_NAMES[au_index(au)]
    if label == "neutral":
        return "neutral" if name in _AT_REST else "against"
    if any(name in variant.aus for variant in VARIANTS if variant.label == label):
        return "for"
    return "against" if ACTION_UNITS[name].number in AGAINST[label] else "neutral"


def reading(name: str | int) -> tuple[str, ...]:
    """What one action unit alone is commonly read as: labels that list it first, then readings without emotion."""
    au = AU_NAMES[au_index(name)]
    labels = [label for label in LABELS if any(au in v.aus for v in VARIANTS if v.label == label)]
    return (*labels, *OTHER_READINGS[au])


def describe(name: str | int) -> str:
    """Everything that is known of one action unit, as text for the terminal. Raises InputError if unknown."""
    unit = ACTION_UNITS[AU_NAMES[au_index(name)]]
    confusable = ", ".join(f"{au} {ACTION_UNITS[au].title}" for au in unit.confusable)
    lines = [f"{unit.name} {unit.title}", f"  muscle       {unit.muscle}", f"  look         {'; '.join(unit.look)}",
             f"  side         {unit.laterality}", f"  looks like   {confusable}", f"  note         {unit.note}",
             f"  levels       {_levels()}", f"  also         {', '.join(OTHER_READINGS[unit.name])}",
             "  listed for (in brackets: shown by that share of people only):"]
    return "\n".join([*lines, *_listings(unit.name), "  together with others:", *_companions(unit.name)])


def _levels() -> str:
    below = [f"{word} below {bound}" for word, bound in zip(LEVELS, _LEVEL_BOUNDS, strict=False)]
    return ", ".join([*below, f"{LEVELS[-1]} from {_LEVEL_BOUNDS[-1]}"])


def _listings(au: str) -> list[str]:
    """One line a listing: "sadness: 4+15 [1 60%, 6 50%]; source", brackets for those whose share is published."""
    lines = []
    for v in VARIANTS:
        if au not in v.aus:
            continue
        always = "+".join(str(int(k[2:])) for k, share in v.aus.items() if share in (None, OVER_70))
        some = ", ".join(f"{int(k[2:])} {share:.0%}" for k, share in v.aus.items() if share not in (None, OVER_70))
        lines.append(f"    {v.label}: {always}{f' [{some}]' if some else ''}; {v.source}")
    return lines or ["    no label"]


def _companions(au: str) -> list[str]:
    combinations = [c for c in COMBINATIONS if au in c.aus]
    return [f"    {'+'.join(str(int(k[2:])) for k in sorted(c.aus))} {c.name}: "
            f"{', '.join(c.commonly_read_as)}; {c.source}"
            for c in combinations] or ["    no listed combination"]
