"""emollm's own tables: the CSV and the JSON that `emollm measure` writes.

Columns frame, timestamp (s), face_id, confidence, success, estimator, baseline, version, then AUxx_left, AUxx_right
(0-5, empty = not visible) and AUxx_confidence (0-1); left and right are the person's own. An AU that was not measured
has no columns.
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.clock import Clock, clock_columns, frame_numbers, read_clock
from emollm.evidence.series import Rows, TableFace, empty_arrays, split_by_face, who_columns
from emollm.evidence.tables import COUNT, SCALE, TIME, UNIT, Table
from emollm.schema import AUS, SIDES, AUSeries, InputError

ORIGIN = ("estimator", "baseline", "version")


def is_emollm(columns: set[str]) -> bool:
    """Whether plain column names are those of `emollm measure`."""
    return any(re.fullmatch(r"au\d\d_(left|right)", column) for column in columns)


def read_csv(table: Table, fps: float | None = None) -> list[TableFace]:
    """Every face of a CSV of `emollm measure`. Raises InputError for one that lacks a column."""
    parts = {part: table.unit_columns(rf"au(\d\d)_{part}") for part in ("left", "right", "confidence")}
    of_ours = bool(parts["confidence"])  # tables of two sides by others come without
    lacking = [f"AU{n:02d}_{part}" for n in {*parts["left"], *parts["right"]} for part in parts
               if n not in parts[part] and (of_ours or part != "confidence")]
    if lacking:
        raise InputError(f"{table.name}: the column {min(lacking)} is missing.")
    frame, (clock, units) = frame_numbers(table), clock_columns(table)
    limits = {column: UNIT if part == "confidence" else SCALE for part in parts for column in parts[part].values()}
    table.load({frame: COUNT} | limits, [clock, *who_columns(table), *(table.pick(column) for column in ORIGIN)])
    intensity, confidence, measured = empty_arrays(table.rows)
    for number in parts["left"]:
        k = AUS.index(number)
        for side in (0, 1):
            intensity[:, k, side] = table.numbers[parts[SIDES[side]][number]]
        confidence[:, k] = (table.numbers[parts["confidence"][number]] if of_ours else
                            np.isfinite(intensity[:, k]).any(1))
        measured[k] = True
    confidence[:, ~measured] = np.nan
    rows = Rows(intensity, confidence, measured, Clock(read_clock(table, clock, units), table.numbers.get(frame)))
    if not of_ours:
        table.say("read as a table of both sides: intensity 0 to 5, left and right as the person has them")
    return _add_origin(table, split_by_face(table, rows, "emollm" if of_ours else "table", fps))


def _add_origin(table: Table, faces: list[TableFace]) -> list[TableFace]:
    """Who measured, by which baseline and version, from the face's first row."""
    names = table.texts.get(who_columns(table)[0], [])
    for face in faces:
        series = face.series
        first = next((row for row, name in enumerate(names) if name and float(name) == series.face_id), 0)
        for column in ORIGIN:
            cells = table.texts.get(table.pick(column), [])
            setattr(series, column, (cells[first] if cells else "") or getattr(series, column))
        series.measured = np.isfinite(series.confidence).any(0)  # another face of the file may have more AUs
        series.confidence = np.nan_to_num(series.confidence)
    return faces


def from_json(stored: dict, name: str) -> list[TableFace]:
    """The faces of `emollm measure -o x.json`, or of one AUSeries.to_dict(). Raises InputError."""
    try:
        faces = [AUSeries.from_dict(face) for face in stored.get("faces", [stored])]
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"{name}: not an AU table in emollm's JSON. Write one with `emollm measure -o x.json`.") from None
    for series in faces:
        for what, values, limits in (("times", series.times, TIME), ("intensity", series.intensity, SCALE),
                                     ("confidence", series.confidence, UNIT)):
            if ((values < limits.low) | (values > limits.high)).any() or np.isinf(values).any():
                raise InputError(f"{name}: face {series.face_id}: {what} out of range ({limits.low:g} to {limits.high:g}).")
    if not faces:
        raise InputError(f"{name}: it holds no face.")
    return [TableFace(series) for series in faces]
