"""Tables of py-feat (py-feat.org), a Fex: AUxx is the *probability* that the AU is present.

A current Fex has 20 AU columns beside 512 of identity, 1,434 of mesh and 52 blend shapes; only what is named here is read:
AUxx, FaceRect (the box), FaceScore, input (the picture or clip), frame (from 0), approx_time, Identity.
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.clock import FPS, Clock, clock_columns, frame_numbers, from_hms, read_clock
from emollm.evidence.series import PRESENT, Rows, TableFace, empty_arrays, split_by_face, who_columns
from emollm.evidence.tables import ANY, COUNT, PERCENT, Range, Table
from emollm.schema import AUS, ON

FEX_FPS = FPS  # when a table is too short to tell its frame rate
PROBABILITY = Range(0.0, 1.0, "py-feat's probability that the unit is present, 0 to 1 (AUxx_r would be an intensity 0 to 5)")
BOX = ("facerectx", "facerecty", "facerectwidth", "facerectheight")


def from_probability(p: np.ndarray) -> np.ndarray:
    """Probability that an AU is present -> intensity: 0 -> 0, 0.5 -> ON, 1 -> PRESENT, straight lines between.

    A probability says nothing about strength, so certainty ends in the middle of the scale and an even chance on the
    threshold from which a movement counts as there.
    """
    return np.interp(p, (0.0, 0.5, 1.0), (0.0, ON, PRESENT))


def is_fex(columns: set[str]) -> bool:
    """Whether plain column names are those of py-feat."""
    return any(re.fullmatch(r"au\d{1,2}", column) for column in columns)


def read_fex(table: Table, fps: float | None = None) -> list[TableFace]:
    """Every face of every picture or clip of a py-feat table; frames become seconds."""
    table.say("read as a py-feat table: the probability of each unit, of the whole face")
    columns, box = table.unit_columns(r"au(\d{1,2})"), [table.pick(name) for name in BOX]
    frame, score, approximate = frame_numbers(table), table.pick("facescore", "conf", "confidence"), table.pick("approx_time")
    clock, units = ("", 1.0) if approximate else clock_columns(table)
    limits = {frame: COUNT, score: PERCENT} | dict.fromkeys(columns.values(), PROBABILITY) | dict.fromkeys(box, ANY)
    table.load(limits, [approximate, clock, *who_columns(table)])
    filled = _fill(table, columns, _face_certainty(table, score, box))
    frames = table.numbers.get(frame)
    rate = None if frames is None else _fex_rate(frames, table.texts.get(approximate, []))
    rows = Rows(*filled, Clock(read_clock(table, clock, units), frames, 0, rate, FEX_FPS), _boxes(table, box))
    return split_by_face(table, rows, "py-feat", fps)


def _face_certainty(table: Table, score: str, box: list[str]) -> np.ndarray:
    """How sure py-feat is that a row holds a face [R]; 0 for its rows without one."""
    sure = table.confidence(score)
    if all(column in table.numbers for column in box):
        sure = np.where(np.isnan(table.numbers[box[0]]), 0.0, sure)
    return sure


def _fill(table: Table, columns: dict[int, str], sure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    intensity, confidence, measured = empty_arrays(table.rows)
    for number, column in columns.items():
        k, p = AUS.index(number), table.numbers[column]
        intensity[:, k] = np.where(np.isnan(p) | (sure <= 0), np.nan, from_probability(p))[:, None]
        confidence[:, k] = np.nan_to_num(sure * abs(2 * p - 1))  # sure at 0 and 1, a coin toss at 0.5
        measured[k] = np.isfinite(p).any()
    return intensity, confidence, measured


def _boxes(table: Table, box: list[str]) -> np.ndarray | None:
    """[R, 4] x0 y0 x1 y1; None when the table has no boxes."""
    if not all(column in table.numbers for column in box):
        return None
    x, y, width, height = (table.numbers[column] for column in box)
    return np.stack([x, y, x + width, y + height], 1)


def _fex_rate(frames: np.ndarray, clock: list[str]) -> float | None:
    """Frames a second. py-feat writes whole seconds (MM:SS) only, so the first frame of the last second tells; None when the
    clock never leaves the first second."""
    seconds = [from_hms(cell) or 0.0 for cell in clock]
    if not seconds or max(seconds) == 0:
        return None
    return float(frames[seconds.index(max(seconds))]) / max(seconds) or None
