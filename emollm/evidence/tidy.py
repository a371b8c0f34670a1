"""Long ("tidy") tables, one row for each unit at each moment: face_id, time or frame, au, intensity and, if told, side and
confidence. A unit that a table does not list is not measured; in a coder's table, which looks alike, it is absent.

A long table is told from a coder's by what it holds: numbers only, and either no column `side` or the same units at
every one of several moments.
"""

from __future__ import annotations

import numpy as np

from emollm.evidence import decimal_marks
from emollm.evidence.cells import is_number
from emollm.evidence.clock import Clock, clock_columns, frame_numbers, read_clock
from emollm.evidence.facs_codes import hand_columns, read_hand, unit_number
from emollm.evidence.series import Rows, TableFace, empty_arrays, split_by_face, who_columns
from emollm.evidence.tables import Table
from emollm.schema import AU_NAMES, AUS, SIDES

_SIDES = {"": (0, 1), "both": (0, 1), "b": (0, 1), "left": (0,), "l": (0,), "right": (1,), "r": (1,)}


def read_long(table: Table, fps: float | None = None) -> list[TableFace]:
    """A coder's table or a long one, whichever its cells say."""
    frame, (clock, _) = frame_numbers(table), clock_columns(table)
    au, side, level = hand_columns(table)
    table.load({}, [au, side, level, clock, frame, table.pick("confidence"), *who_columns(table)])
    return _read_tidy(table, fps) if _is_tidy(table, clock or frame) else read_hand(table)


def _is_tidy(table: Table, clock: str) -> bool:
    au, side, level = hand_columns(table)
    if not clock or not level or not all(is_number(cell) for cell in table.texts[level] if cell):
        return False
    if not side:
        return True
    moments: dict[tuple, set] = {}
    who = table.texts.get(who_columns(table)[0]) or [""] * table.rows
    for name, where, moment, face in zip(table.texts[au], table.texts[side], table.texts[clock], who, strict=True):
        moments.setdefault((face, moment), set()).add((name, where))
    return len(moments) > 1 and len(set(map(frozenset, moments.values()))) == 1


def _read_tidy(table: Table, fps: float | None) -> list[TableFace]:
    table.say("read as a long table, one row a unit: a unit that it does not list is not measured")
    au, side, level = hand_columns(table)
    frame, (clock, units), sure = frame_numbers(table), clock_columns(table), table.pick("confidence")
    units_of = [unit_number(table, row, au, name) for row, name in enumerate(table.texts[au])]
    strength = _numbers(table, level, 5.0)
    confidence = _numbers(table, sure, 1.0) if sure else np.ones(table.rows)
    first, moment = _moments(table, frame, clock)
    intensity, certain, measured = empty_arrays(len(first))
    taken = np.zeros(intensity.shape, bool)
    for row, number in enumerate(units_of):
        if number is None:
            continue
        k, sides = AUS.index(number), _side(table, row, side)
        if taken[moment[row], k, sides].any():
            raise table.cell_error(row, au, f"{AU_NAMES[k]} is listed twice at the same moment.")
        taken[moment[row], k, sides] = True
        intensity[moment[row], k, sides] = strength[row]
        certain[moment[row], k] = max(certain[moment[row], k], 0.0 if np.isnan(strength[row]) else confidence[row])
        measured[k] = True
    seconds = read_clock(table, clock, units, guess_unit=True)
    frames = _numbers(table, frame, np.inf) if frame else None
    _keep_rows(table, first)
    rows = Rows(intensity, certain, measured, Clock(*(None if v is None else v[first] for v in (seconds, frames))))
    return split_by_face(table, rows, "table", fps)


def _numbers(table: Table, column: str, high: float) -> np.ndarray:
    """A text column as numbers from 0 to `high`, NaN for no value; a little past the end is clipped."""
    values = np.full(table.rows, np.nan)
    cells = decimal_marks.ungroup_texts(table.texts[column], True, table.decimal) if np.isinf(high) else table.texts[column]
    for row, cell in enumerate(cells):
        if not cell:
            continue
        value = float(cell.replace("−", "-").replace(",", ".")) if is_number(cell) else np.nan
        if not -0.05 * min(high, 5) <= value <= high * 1.05:
            raise table.cell_error(row, column, f"'{cell[:20]}' is not a number from 0 to {high:g}.")
        values[row] = min(max(value, 0.0), high)
    return values


def _moments(table: Table, frame: str, clock: str) -> tuple[np.ndarray, np.ndarray]:
    """First row of every moment of every face and picture, in order of appearance, and the moment of each row."""
    columns = [table.texts[c] for c in (*who_columns(table), frame or clock) if c in table.texts]
    order: dict[tuple, int] = {}
    moment = np.array([order.setdefault(key, len(order)) for key in zip(*columns, strict=True)])
    return np.unique(moment, return_index=True)[1], moment


def _keep_rows(table: Table, rows: np.ndarray) -> None:
    """Leave one row of the table for every moment."""
    table.texts = {column: [cells[row] for row in rows] for column, cells in table.texts.items()}
    table.lines, table.rows = table.lines[rows], len(rows)


def _side(table: Table, row: int, column: str) -> list[int]:
    word = table.texts[column][row].lower() if column else ""
    if word not in _SIDES:
        raise table.cell_error(row, column, f"'{word[:20]}' is not a side. Use {', '.join(SIDES)}.")
    return list(_SIDES[word])
