"""emollm's own tables: the CSV and the JSON that `emollm measure` writes.

Columns frame, timestamp (s), face_id, confidence, success, estimator, baseline, version, then AUxx_left, AUxx_right
(0-5, empty = not visible) and AUxx_confidence (0-1); left and right are the person's own. An AU that was not measured
has no columns.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from emollm.evidence.series import by_face, empty
from emollm.evidence.tables import COUNT, SCALE, TIME, UNIT, Table, decode
from emollm.schema import AUS, SIDES, AUSeries, InputError


def is_emollm(columns: set[str]) -> bool:
    """Whether lower-case column names are those of `emollm measure`."""
    return any(re.fullmatch(r"au\d\d_(left|right)", column) for column in columns)


def read_csv(table: Table) -> list[AUSeries]:
    """Every face of a CSV of `emollm measure`."""
    parts = {part: table.numbered(rf"AU(\d\d)_{part}") for part in ("left", "right", "confidence")}
    lacking = [f"AU{n:02d}_{part}" for n in {*parts["left"], *parts["right"]} for part in parts if n not in parts[part]]
    if lacking:
        raise InputError(f"{table.name}: the column {min(lacking)} is missing.")
    limits = {"timestamp": TIME, "face_id": COUNT}
    limits |= {column: UNIT if part == "confidence" else SCALE for part in parts for column in parts[part].values()}
    table.load(limits, ("estimator", "baseline", "version"))
    intensity, confidence, measured = empty(table.rows)
    confidence[:] = np.nan
    for number in parts["left"]:
        k = AUS.index(number)
        for side in (0, 1):
            intensity[:, k, side] = table.numbers[parts[SIDES[side]][number]]
        confidence[:, k] = table.numbers[parts["confidence"][number]]
        measured[k] = True
    ids = table.number("face_id", 0.0)
    return _provenance(table, ids, by_face(table, table.number("timestamp"), ids, (intensity, confidence, measured),
                                           "emollm"))


def _provenance(table: Table, ids: np.ndarray, faces: list[AUSeries]) -> list[AUSeries]:
    """Who measured, by which baseline and version, from the face's first row."""
    for series in faces:
        first = int((ids == series.face_id).argmax())
        for column, cells in table.texts.items():
            setattr(series, column, cells[first] or getattr(series, column))
        series.measured = np.isfinite(series.confidence).any(0)  # another face of the file may have more AUs
        series.confidence = np.nan_to_num(series.confidence)
    return faces


def read_json(path: Path) -> list[AUSeries]:
    """`emollm measure -o x.json`, or one AUSeries.to_dict()."""
    try:
        stored = json.loads(decode(path))
        faces = [AUSeries.from_dict(face) for face in stored.get("faces", [stored])]
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{path.name}: not an AU table in emollm's JSON. Write one with `emollm measure -o x.json`."
                         ) from None
    for series in faces:
        for what, values, (low, high) in (("times", series.times, TIME), ("intensity", series.intensity, SCALE),
                                          ("confidence", series.confidence, UNIT)):
            if ((values < low) | (values > high)).any() or np.isinf(values).any():
                raise InputError(f"{path.name}: face {series.face_id}: {what} out of range ({low:g} to {high:g}).")
    if not faces:
        raise InputError(f"{path.name}: it holds no face.")
    return faces
