"""Tables with a presence and an intensity of the whole face for each AU: OpenFace 2 and LibreFace.

openface   (github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format): AUxx_r is intensity 0-5, AUxx_c presence 0/1.
           AU28 has only AU28_c. Rows with success 0 become NaN.
libreface  (github.com/ihp-lab/LibreFace): au_N_intensity 0-5, au_N presence 0/1.

A presence without an intensity is read as PRESENT. Where a table gives both and they disagree, confidence is halved.
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.series import PRESENT, by_face, empty
from emollm.evidence.tables import COUNT, SCALE, TIME, UNIT, Table
from emollm.schema import AUS, AUSeries, InputError

OPENFACE_R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
OPENFACE_C = tuple(sorted((*OPENFACE_R, 28)))


def is_openface(columns: set[str]) -> bool:
    """Whether lower-case column names are those of OpenFace 2."""
    return any(re.fullmatch(r"au\d\d_[rc]", column) for column in columns)


def read_openface(table: Table) -> list[AUSeries]:
    """Every face of an OpenFace table; a photograph has no timestamp and no success column."""
    strengths, presences = table.numbered(r"AU(\d\d)_r"), table.numbered(r"AU(\d\d)_c")
    if {"au03_r", "au08_r"} & {column.lower() for column in table.header}:
        raise InputError(f"{table.name}: its AU columns are counted, not named by FACS (AU03_r, AU08_r), as "
                         "OpenFace 3 writes them. Rename them to the action units they stand for.")
    face, frame = table.pick("face_id", "face"), table.pick("frame")
    limits = {"timestamp": TIME, "confidence": UNIT, "success": UNIT, face: COUNT, frame: COUNT}
    limits |= dict.fromkeys(strengths.values(), SCALE) | dict.fromkeys(presences.values(), UNIT)
    table.load(limits)
    sure = np.nan_to_num(table.number("confidence", 1.0)) * (table.number("success", 1.0) >= 0.5)
    times = table.number("timestamp", 0.0)  # a photograph has none
    filled = _both_readings(table, strengths, presences, sure)
    return by_face(table, times, table.number(face, 0.0), filled, "openface")


def is_libreface(columns: set[str]) -> bool:
    """Whether lower-case column names are those of LibreFace."""
    return any(re.fullmatch(r"au_\d+(_intensity)?", column) for column in columns)


def read_libreface(table: Table) -> list[AUSeries]:
    """The one face of a LibreFace table."""
    strengths, presences = table.numbered(r"AU_(\d+)_intensity"), table.numbered(r"AU_(\d+)")
    limits = {"frame_time_in_ms": TIME} | dict.fromkeys(strengths.values(), SCALE)
    table.load(limits | dict.fromkeys(presences.values(), UNIT))
    times = table.number("frame_time_in_ms", 0.0) / 1000
    filled = _both_readings(table, strengths, presences, np.ones(table.rows))
    return by_face(table, times, np.zeros(table.rows), filled, "libreface")


def _both_readings(table: Table, strengths: dict[int, str], presences: dict[int, str],
                   sure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill from whole-face intensity and presence columns. sure: [R] confidence of the row, 0 = not tracked."""
    intensity, confidence, measured = empty(table.rows)
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
