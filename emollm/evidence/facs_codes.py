"""A human coder's FACS codes: a string such as 1+2+5D or L14B, or a table with one row a code.

The table has the columns AU, side, intensity (A-E or 1-5; X = not scored) and optionally timestamp, face_id. Everything
not coded is absent, as in comprehensive FACS coding; a code without a letter is read as PRESENT.
"""

from __future__ import annotations

import math
import re

import numpy as np

from emollm.evidence.clock import clock_columns, read_clock
from emollm.evidence.names import left_out_notice
from emollm.evidence.series import PRESENT, TableFace, who_columns
from emollm.evidence.tables import Table
from emollm.facs.readings import LETTERS, level_of_letter
from emollm.schema import AU_NAMES, AUS, ON, SIDES, AUSeries, InputError, au_index

_CODE = re.compile(r"(?P<side>[LRBlrb]?)(?:AU)?(?P<number>\d{1,2})(?P<level>[A-Za-z]?)", re.ASCII)
_LISTED = re.compile(r"\s*[+,;]\s*|\s+")  # between codes
_SURE = re.compile(r"[LRBlrb]?(?:(?:AU|au)\d{1,2}[A-EXa-ex]?|\d{1,2}[A-EXa-ex])", re.ASCII)  # no number of a file name
NEUTRAL = "0"  # a coder's word for a face without any action
_LETTERS = ("", *LETTERS, "X")  # no letter: there, without an intensity
_WORDS = {"": "both", "l": "left", "r": "right", "b": "both", "bilateral": "both"}


def looks_like_facs(text: str) -> bool:
    """Whether a string is a FACS code such as 1+2+5D, or 0 for a neutral face, rather than the name of a file."""
    if text.strip() == NEUTRAL:
        return True
    if (listed := _LISTED.split(text.strip()))[1:] and all(_SURE.fullmatch(part) for part in listed):
        return True
    codes = [_CODE.fullmatch(part) for part in re.split(r"\s*\+\s*", text.strip())]
    return all(codes) and any(code["level"].upper() in _LETTERS for code in codes)


def parse_facs(code: str, name: str = "FACS code") -> AUSeries:
    """A coder's FACS string as one moment: 1+2+5D, 6C+12D, L14B (the person's left), X = not scored, 0 = neutral.

    A unit that emollm does not know, and a letter other than A-E or X, is left out and named in the notices. Raises
    InputError naming the part that is no code, an AU coded twice on one side, or a string of which nothing can be used.
    """
    if code.strip() == NEUTRAL:
        return coded_series(np.zeros(1), [[]], face_id=0)
    coded, foreign, odd = [], [], []
    for part in _LISTED.split(code.strip()):
        match = _CODE.fullmatch(part)
        if not match:
            raise InputError(f"{name}: '{part[:20]}' is not a FACS code. Write for example 1+2+5D or L12C+25.")
        if int(match["number"]) not in AUS:
            foreign.append(int(match["number"]))
            continue
        if match["level"].upper() not in _LETTERS:
            odd.append(f"{part}: '{match['level']}' is no FACS intensity (A-E, or X for not scored); left out")
            continue
        side = {"L": "left", "R": "right"}.get(match["side"].upper(), "both")
        coded.append((au_index(match["number"]), side, match["level"], f"{name}: {part}"))
    if not coded and odd:
        raise InputError(f"{name}: {odd[0].removesuffix('; left out')}. Write for example 1+2+5D or L12C+25.")
    if not coded:
        raise InputError(f"{name}: unknown action unit '{foreign[0]}': use one of {' '.join(AU_NAMES)}")
    series = coded_series(np.zeros(1), [coded], face_id=0)
    series.notices[:0] = [*(left_out_notice(number) for number in dict.fromkeys(foreign)), *odd]
    return series


_UNIT_COLUMNS = ("au", "action_unit", "unit", "variable", "au_name")  # variable: of a wide table that was melted


def is_hand(columns: set[str]) -> bool:
    """Whether plain column names are those of a coder's table."""
    return bool(columns & set(_UNIT_COLUMNS)) and bool(columns & {"intensity", "side", "level", "value", "score"})


def hand_columns(table: Table) -> tuple[str, str, str]:
    """The columns of unit, side and strength."""
    return table.pick(*_UNIT_COLUMNS), table.pick("side"), table.pick("intensity", "level", "value", "score")


def read_hand(table: Table) -> list[TableFace]:
    """Every face of a coder's table whose columns are loaded as text; rows with the same time are one moment. Raises
    InputError."""
    table.say("read as a coder's table: what is not coded is absent")
    if not clock_columns(table)[0] and (onset := table.pick("onset", "start", "start_(s)", "begin", "apex")):
        table.say(f"{onset} is not read: all codes are taken as one moment. Name the column of each code's time timestamp.")
    stamp, units = clock_columns(table)
    times = read_clock(table, stamp, units)
    times = np.zeros(table.rows) if times is None or not np.isfinite(times).any() else times
    if np.isnan(times).any():
        raise table.cell_error(int(np.isnan(times).argmax()), stamp, "is empty, but other rows tell their time.")
    ids = _ids(table)
    codes = _codes(table)
    faces = []
    for face in np.unique(ids):
        moments = np.unique(times[ids == face])
        coded = [[codes[row] for row in np.flatnonzero((ids == face) & (times == moment)) if codes[row]] for moment in moments]
        series = coded_series(moments, coded, int(face))
        series.notices = table.notices + series.notices
        faces.append(TableFace(series))
    return faces


def _ids(table: Table) -> np.ndarray:
    column = who_columns(table)[0]
    try:
        return np.array([int(float(name or 0)) for name in table.texts.get(column) or ["0"] * table.rows])
    except ValueError:
        raise InputError(f"{table.name}: the column {column} must hold whole numbers.") from None


def _codes(table: Table) -> list[tuple[int, str, str, str] | None]:
    """AU index, side, letter and place of every row; None for a unit that emollm does not know."""
    au, side, level = hand_columns(table)
    blank = [""] * table.rows
    codes: list[tuple[int, str, str, str] | None] = []
    for row in range(table.rows):
        name, where, letter = (table.texts.get(c, blank)[row] for c in (au, side, level))
        word = _WORDS.get(where.lower(), where.lower())
        if word not in SIDES:
            raise table.cell_error(row, side, f"'{where[:20]}' is not a side. Use left, right or both.")
        if (number := unit_number(table, row, au, name)) is None:
            codes.append(None)
            continue
        codes.append((AUS.index(number), word, letter, f"{table.name}: row {table.lines[row]}"))
    if not any(codes):
        raise InputError(f"{table.name}: unknown action unit '{table.texts[au][0][:20]}': use one of {' '.join(AU_NAMES)}")
    return codes


def unit_number(table: Table, row: int, column: str, name: str) -> int | None:
    """12 for "12", "AU12", "au12_r"; None, and a notice, for a number not among the 24. Raises InputError for no unit."""
    match = re.fullmatch(r"(?:au_?)?(\d{1,2})(?:\.0)?(?:_[rc])?", name.strip().lower(), re.ASCII)
    if not match:
        raise table.cell_error(row, column, f"'{name[:20]}' is not an action unit such as 12 or AU12.")
    if int(match[1]) in AUS:
        return int(match[1])
    table.say(left_out_notice(int(match[1])))
    return None


def coded_series(times: np.ndarray, moments: list[list[tuple[int, str, str, str]]], face_id: int) -> AUSeries:
    """Human codes (AU index, side, letter, where it stands) at each moment -> series; what is not coded is absent.

    times: [T] s. Raises InputError for a unit that is coded twice at one moment, or a letter that is none.
    """
    intensity = np.zeros((len(times), len(AUS), 2))
    coded = np.zeros(intensity.shape, bool)
    measured = np.ones(len(AUS), bool)
    for t, codes in enumerate(moments):
        for k, side, letter, where in codes:
            sides = [0, 1] if side == "both" else [SIDES.index(side)]
            if coded[t, k, sides].any():
                raise InputError(f"{where}: {AU_NAMES[k]} is coded twice at the same moment.")
            coded[t, k, sides] = True
            if letter.upper() == "X":
                measured[k] = False
                continue
            intensity[t, k, sides] = _letter(letter, where)
    intensity[:, ~measured] = np.nan
    return AUSeries(times=times.astype(float), intensity=intensity, confidence=np.tile(measured * 1.0, (len(times), 1)),
                    measured=measured, estimator="hand", face_id=face_id,
                    notices=traces(intensity, coded, "coded as a trace (A)"))


def traces(intensity: np.ndarray, coded: np.ndarray, how: str) -> list[str]:
    """A word for every unit that was given but is too weak, at its strongest, to be read as a movement.

    intensity, coded: [T, 24, 2]. how: it was given, such as "coded as a trace (A)".
    """
    side = np.where(coded, intensity, -np.inf).max(0)  # strongest of each side
    strongest = side.max(1)
    weak = [f"{AU_NAMES[k]}{'' if (side[k] > 0).all() else f' ({SIDES[int(side[k].argmax())]})'}"
            for k in np.flatnonzero((strongest > 0) & (strongest < ON))]
    if not weak:
        return []
    return [f"{how}: {', '.join(weak)}; kept as evidence, but too slight to be named as a movement, which begins at "
            f"{ON:g} of 5"]


def _letter(letter: str, where: str) -> float:
    """FACS A-E -> 1-5; a number 0-5 stays; nothing is PRESENT."""
    if not letter:
        return PRESENT
    if (level := level_of_letter(letter)) is not None:
        return level
    try:
        value = float(letter.replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 5:
        raise InputError(f"{where}: intensity '{letter[:20]}' is neither A-E nor 0 to 5.")
    return value
