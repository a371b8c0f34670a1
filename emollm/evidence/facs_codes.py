"""A human coder's FACS codes: a string such as 1+2+5D or L14B, or a table with one row a code.

The table has the columns AU, side, intensity (A-E or 1-5; X = not scored) and optionally timestamp, face_id. Everything
not coded is absent, as in comprehensive FACS coding; a code without a letter is read as PRESENT.
"""

from __future__ import annotations

import math
import re

import numpy as np

from emollm.evidence.series import PRESENT
from emollm.evidence.tables import COUNT, TIME, Table
from emollm.schema import AU_NAMES, AUS, SIDES, AUSeries, InputError, au_index

_NEARLY = re.compile(r"[LRlr]?(?:AU)?\d{1,3}[A-Za-z]?")  # what somebody writes who means a code
_CODE = re.compile(r"(?P<side>[LRlr]?)(?:AU)?(?P<number>\d{1,2})(?P<level>[A-Ea-eXx]?)")


def looks_like_facs(text: str) -> bool:
    """Whether a string is a FACS code such as 1+2+5D rather than the name of a file."""
    parts = re.split(r"\s*\+\s*", text.strip())
    return any(map(_CODE.fullmatch, parts)) and all(map(_NEARLY.fullmatch, parts))


def usable_facs(text: str) -> tuple[str, list[str]]:
    """The codes of a string that can be used, joined, and the others as they stand: unknown units, unknown letters."""
    left_out = [part for part in _parts(text) if not _is_code(part)]
    return "+".join(part for part in _parts(text) if part not in left_out), left_out


def _parts(text: str) -> list[str]:
    return re.split(r"\s*\+\s*|\s+", text.strip())


def _is_code(part: str) -> bool:
    match = _CODE.fullmatch(part)
    return bool(match) and int(match["number"]) in AUS


def parse_facs(code: str, name: str = "FACS code") -> AUSeries:
    """A coder's FACS string as one moment: 1+2+5D, 6C+12D, L14B (the person's left), X = not scored.

    Raises InputError naming the part that is no code, or an AU coded twice on one side.
    """
    coded = []
    for part in _parts(code):
        match = _CODE.fullmatch(part)
        if not match:
            raise InputError(f"{name}: '{part[:20]}' is not a FACS code. Write for example 1+2+5D or L12C+25.")
        side = {"L": "left", "R": "right"}.get(match["side"].upper(), "both")
        coded.append((au_index(match["number"]), side, match["level"], f"{name}: {part}"))
    return _coded(np.zeros(1), [coded], face_id=0)


def is_hand(columns: set[str]) -> bool:
    """Whether lower-case column names are those of a coder's table."""
    return "au" in columns and bool(columns & {"intensity", "side", "level"})


def read_hand(table: Table) -> list[AUSeries]:
    """Every face of a coder's table; rows with the same time are one moment."""
    au, side, level = table.pick("au"), table.pick("side"), table.pick("intensity", "level")
    stamp = table.pick("timestamp", "time")
    table.load({stamp: TIME, "face_id": COUNT}, (au, side, level))
    times, ids = table.number(stamp, 0.0), table.number("face_id", 0.0)
    blank = [""] * table.rows
    codes = []
    for row in range(table.rows):
        name, where, letter = (table.texts.get(c, blank)[row] for c in (au, side, level))
        word = {"": "both", "l": "left", "r": "right", "b": "both"}.get(where.lower(), where.lower())
        if word not in SIDES:
            raise table.bad(row, side, f"'{where[:20]}' is not a side. Use left, right or both.")
        codes.append((au_index(name), word, letter, f"{table.name}: row {table.lines[row]}"))
    faces = []
    for face in np.unique(ids):
        moments = np.unique(times[ids == face])
        coded = [[codes[row] for row in np.flatnonzero((ids == face) & (times == moment))] for moment in moments]
        faces.append(_coded(moments, coded, int(face)))
    return faces


def _coded(times: np.ndarray, moments: list[list[tuple[int, str, str, str]]], face_id: int) -> AUSeries:
    """Human codes (AU index, side, letter, where it stands) at each moment -> series; what is not coded is absent."""
    intensity = np.zeros((len(times), len(AUS), 2))
    given = np.zeros(intensity.shape, bool)
    measured = np.ones(len(AUS), bool)
    for t, codes in enumerate(moments):
        for k, side, letter, where in codes:
            sides = [0, 1] if side == "both" else [SIDES.index(side)]
            if given[t, k, sides].any():
                raise InputError(f"{where}: {AU_NAMES[k]} is coded twice at the same moment.")
            given[t, k, sides] = True
            if letter.upper() == "X":
                measured[k] = False
                continue
            intensity[t, k, sides] = _letter(letter, where)
    intensity[:, ~measured] = np.nan
    return AUSeries(times=times.astype(float), intensity=intensity, confidence=np.tile(measured * 1.0, (len(times), 1)),
                    measured=measured, estimator="hand", face_id=face_id)


def _letter(letter: str, where: str) -> float:
    """FACS A-E -> 1-5; a number 0-5 stays; nothing is PRESENT."""
    if not letter:
        return PRESENT
    if letter.upper() in "ABCDE" and len(letter) == 1:
        return 1.0 + "ABCDE".index(letter.upper())
    try:
        value = float(letter)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 5:
        raise InputError(f"{where}: intensity '{letter[:20]}' is neither A-E nor 0 to 5.")
    return value
