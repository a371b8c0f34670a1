"""Tables with a presence and an intensity of the whole face for each AU: OpenFace 2 and LibreFace.

openface   (github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format): AUxx_r is intensity 0-5, AUxx_c presence 0/1.
           AU28 has only AU28_c. Rows with success 0 become NaN. Frames count from 1.
libreface  (github.com/ihp-lab/LibreFace): au_N_intensity 0-5, au_N presence 0/1. Frames count from 0.

A presence without an intensity is read as PRESENT. Where a table gives both and they disagree, confidence is halved.
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.clock import Clock, clock_columns, frame_numbers, read_clock
from emollm.evidence.series import PRESENT, Rows, TableFace, empty_arrays, split_by_face, who_columns
from emollm.evidence.tables import COUNT, PERCENT, SCALE, UNIT, Table
from emollm.schema import AUS, InputError

OPENFACE_R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
OPENFACE_C = tuple(sorted((*OPENFACE_R, 28)))


def is_openface(columns: set[str]) -> bool:
    """Whether plain column names are those of OpenFace 2."""
    return any(re.fullmatch(r"au\d{1,2}_[rc]", column) for column in columns)


def read_openface(table: Table, fps: float | None = None) -> list[TableFace]:
    """Every face of an OpenFace table; a photograph has no timestamp and no success column. Raises InputError."""
    if {"au03_r", "au08_r"} & table.plain.keys():
        raise InputError(f"{table.name}: its AU columns are counted, not named by FACS (AU03_r, AU08_r), as "
                         "OpenFace 3 writes them. Rename them to the action units they stand for.")
    table.say("read as an OpenFace table: intensity 0 to 5 and presence of the whole face")
    return _whole_face(table, table.unit_columns(r"au(\d{1,2})_r"), table.unit_columns(r"au(\d{1,2})_c"), "openface", 1, fps)


def is_libreface(columns: set[str]) -> bool:
    """Whether plain column names are those of LibreFace."""
    return any(re.fullmatch(r"au_\d+(_intensity)?", column) for column in columns)


def read_libreface(table: Table, fps: float | None = None) -> list[TableFace]:
    """Every face of a LibreFace table."""
    table.say("read as a LibreFace table: intensity 0 to 5 and presence of the whole face")
    return _whole_face(table, table.unit_columns(r"au_(\d+)_intensity"), table.unit_columns(r"au_(\d+)"), "libreface", 0, fps)


def _whole_face(table: Table, strengths: dict[int, str], presences: dict[int, str], estimator: str, first: int,
                fps: float | None) -> list[TableFace]:
    """Faces from whole-face intensity and presence columns; rows that were not tracked are NaN."""
    frame, (clock, units) = frame_numbers(table), clock_columns(table)
    confidence, success = table.pick("confidence", "conf"), table.pick("success")
    limits = {frame: COUNT, confidence: PERCENT, success: UNIT}
    table.load(limits | dict.fromkeys(strengths.values(), SCALE) | dict.fromkeys(presences.values(), UNIT),
               [clock, *who_columns(table)])
    sure = table.confidence(confidence) * (table.number(success, 1.0) >= 0.5)
    filled = _both_readings(table, strengths, presences, sure)
    frames = table.numbers.get(frame)
    return split_by_face(table, Rows(*filled, Clock(read_clock(table, clock, units), frames, first)), estimator, fps)


def _both_readings(table: Table, strengths: dict[int, str], presences: dict[int, str],
                   sure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill from whole-face intensity and presence columns. sure: [R] confidence of the row, 0 = not tracked."""
    intensity, confidence, measured = empty_arrays(table.rows)
    tracked = sure > 0
    for number in sorted({*strengths, *presences}):
        k = AUS.index(number)
        strength = table.number(strengths.get(number, ""))
        present = table.number(presences.get(number, ""))
        agree = np.isnan(strength) | np.isnan(present) | ((strength >= 1) == (present >= 0.5))
        value = np.where(np.isnan(strength), present * PRESENT, strength)
        intensity[:, k] = np.where(tracked, value, np.nan)[:, None]
        confidence[:, k] = np.where(tracked & np.isfinite(value), sure * np.where(agree, 1.0, 0.5), 0.0)
        measured[k] = np.isfinite(value).any()
    return intensity, confidence, measured
