"""Tables of py-feat (py-feat.org), a Fex: AUxx is the *probability* that the AU is present."""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.series import PRESENT, by_face, empty
from emollm.evidence.tables import COUNT, UNIT, Table
from emollm.schema import AUS, ON, AUSeries, InputError

FEX_FPS = 30.0  # when a table is too short to tell its frame rate


def from_probability(p: np.ndarray) -> np.ndarray:
    """Probability that an AU is present -> intensity: 0 -> 0, 0.5 -> ON, 1 -> PRESENT, straight lines between.

    A probability says nothing about strength, so certainty ends in the middle of the scale and an even chance on the
    threshold from which a movement counts as there.
    """
    return np.interp(p, (0.0, 0.5, 1.0), (0.0, ON, PRESENT))


def is_fex(columns: set[str]) -> bool:
    """Whether lower-case column names are those of py-feat."""
    return any(re.fullmatch(r"au\d{1,2}", column) for column in columns)


def read_fex(table: Table) -> list[AUSeries]:
    """Every face of a py-feat table of one picture or clip; frames become seconds."""
    columns = table.numbered(r"AU(\d{1,2})")
    frame, face_score = table.pick("frame"), table.pick("facescore")
    limits = {frame: COUNT, face_score: UNIT} | dict.fromkeys(columns.values(), UNIT)
    table.load(limits, ("input", "approx_time", "Identity"))
    if len(set(table.texts.get("input", []))) > 1:
        raise InputError(f"{table.name}: it holds several pictures or clips (column input). Split it, one file each.")
    intensity, confidence, measured = empty(table.rows)
    score = np.nan_to_num(table.number(face_score, 1.0))
    for number, column in columns.items():
        k, p = AUS.index(number), table.numbers[column]
        intensity[:, k] = np.where(np.isnan(p), np.nan, from_probability(p))[:, None]
        confidence[:, k] = np.nan_to_num(score * abs(2 * p - 1))  # sure at 0 and 1, a coin toss at 0.5
        measured[k] = np.isfinite(p).any()
    frames = table.number(frame) if frame else np.arange(table.rows, dtype=float)
    times = (frames - frames[0]) / _fex_rate(frames, table.texts.get("approx_time", []))
    return by_face(table, times, _fex_faces(table), (intensity, confidence, measured), "py-feat")


def _fex_rate(frames: np.ndarray, clock: list[str]) -> float:
    """Frames a second. py-feat writes whole seconds (MM:SS) only, so the first frame of the last second tells."""
    seconds = [int(m[1]) * 60 + int(m[2]) if (m := re.fullmatch(r"(\d+):(\d\d)", cell)) else 0 for cell in clock]
    if not seconds or max(seconds) == 0:
        return FEX_FPS
    return float(frames[seconds.index(max(seconds))]) / max(seconds) or FEX_FPS


def _fex_faces(table: Table) -> np.ndarray:
    """py-feat names faces Person_0, Person_1...; here they are ordinals in order of appearance."""
    names = table.texts.get("Identity")
    if not names:
        return np.zeros(table.rows)
    order = {name: float(k) for k, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names])
