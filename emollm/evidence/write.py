"""Action units as a table of emollm or of OpenFace, or as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator

import numpy as np

from emollm.evidence.openface import OPENFACE_C, OPENFACE_R
from emollm.evidence.whole_movements import join, stronger_side
from emollm.files import write_file
from emollm.schema import AU_NAMES, AUS, ON, SCHEMA_VERSION, AUSeries, InputError

FORMATS = ("emollm", "openface")  # what can be written


def csv_text(faces: Iterable[AUSeries], layout: str = "emollm", frames: list[np.ndarray] | None = None) -> str:
    """Faces as one CSV.

    layout: emollm (exact to four decimals) or openface (17 AUxx_r and 18 AUxx_c; the stronger side; AU26 and AU45 as
    `whole_movements` says; an AU that was not measured leaves its cells empty). frames: decoded frame index of every row, one
    array a face; default 0, 1, 2...
    Raises InputError for another layout.
    """
    if layout not in FORMATS:
        raise InputError(f"unknown table format '{layout}': use one of {' '.join(FORMATS)}")
    faces = list(faces)
    frames = frames or [np.arange(len(series.times)) for series in faces]
    kept = [k for k in range(len(AUS)) if any(series.measured[k] for series in faces)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_openface_columns() if layout == "openface" else _emollm_columns(kept))
    for series, index in zip(faces, frames, strict=True):
        if layout == "openface":
            rows, first = _openface_rows(series), 1  # OpenFace counts frames from 1
        else:
            rows, first = _emollm_rows(series, kept), 0
        writer.writerows([int(index[t]) + first, *row] for t, row in enumerate(rows))
    return out.getvalue()


def json_text(faces: Iterable[AUSeries]) -> str:
    """Faces as {"schema_version", "faces": [AUSeries.to_dict()]}."""
    stored = {"schema_version": SCHEMA_VERSION, "faces": [series.to_dict() for series in faces]}
    return json.dumps(stored, indent=1, allow_nan=False) + "\n"


def write_csv(path: str | os.PathLike, faces: Iterable[AUSeries], layout: str = "emollm",
              frames: list[np.ndarray] | None = None) -> None:
    """Write `csv_text`, whole or not at all. Raises InputError when the place cannot be written."""
    write_file(path, csv_text(faces, layout, frames))


def write_json(path: str | os.PathLike, faces: Iterable[AUSeries]) -> None:
    """Write `json_text`, whole or not at all. Raises InputError when the place cannot be written."""
    write_file(path, json_text(faces))


def _emollm_columns(kept: list[int]) -> list[str]:
    return ["frame", "timestamp", "face_id", "confidence", "success", "estimator", "baseline", "version",
            *(f"{AU_NAMES[k]}_{part}" for k in kept for part in ("left", "right", "confidence"))]


def _openface_columns() -> list[str]:
    return ["frame", "face_id", "timestamp", "confidence", "success", *(f"AU{n:02d}_r" for n in OPENFACE_R),
            *(f"AU{n:02d}_c" for n in OPENFACE_C)]


def _row_quality(series: AUSeries, t: int) -> tuple[float, int]:
    """Mean confidence of what was measured in one row, and whether anything was."""
    confidence = series.confidence[t][series.measured]
    seen = bool(np.isfinite(series.intensity[t][series.measured]).any())
    mean = float(np.nanmean(confidence)) if seen and np.isfinite(confidence).any() else 0.0
    return round(mean, 4), int(seen)


def _emollm_rows(series: AUSeries, kept: list[int]) -> Iterator[list]:
    cells = np.concatenate([series.intensity[:, kept], np.nan_to_num(series.confidence[:, kept, None])], 2)  # [T, kept, 3]
    cells[:, ~series.measured[kept]] = np.nan
    for t, values in enumerate(cells.reshape(len(cells), -1)):
        yield [_cell(series.times[t]), series.face_id, *_row_quality(series, t), series.estimator, series.baseline,
               series.version, *map(_cell, values.tolist())]


def _openface_rows(series: AUSeries) -> Iterator[list]:
    for t, whole in enumerate(join(stronger_side(series))):
        levels = {n: float(whole[AUS.index(n)]) for n in OPENFACE_C}
        present = ["" if math.isnan(levels[n]) else f"{levels[n] >= ON:.1f}" for n in OPENFACE_C]
        yield [series.face_id, f"{series.times[t]:.3f}", *_row_quality(series, t),
               *("" if math.isnan(levels[n]) else f"{levels[n]:.2f}" for n in OPENFACE_R), *present]


def _cell(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.4f}".rstrip("0").rstrip(".")
