"""ARKit's 52 blend shapes, 0-1: lowerCamel names, or the PascalCase table of Live Link Face with Timecode."""

from __future__ import annotations

import math
import re

import numpy as np

from emollm.evidence.series import by_face, empty
from emollm.evidence.tables import COUNT, TIME, UNIT, Table
from emollm.schema import AUS, AUSeries

LIVELINK_FPS = 60.0  # when a table is too short to tell its frame rate

# ARKit blend shape(s) -> AU, by Apple's description of each blend shape (developer.apple.com/documentation/arkit/
# arfaceanchor/blendshapelocation) against the appearance changes of the FACS manual (Ekman, Friesen & Hager, 2002).
# "*" stands for Left / Right; several names: the least of them moves. Coefficient 0-1 becomes intensity 0-5.
# Shapes without an AU of ours (gaze, jawForward, jawLeft/Right, mouthLeft/Right, mouthClose, cheekPuff, tongueOut,
# mouthShrugUpper, mouthLowerDown alone = AU16) only serve AU25, where lips part: see _blend_lips.
# Only duration tells closed eyes (AU43) from a blink (AU45): a single row counts as closed, a series as blinks.
BLENDSHAPES = {
    1: ("browInnerUp",), 2: ("browOuterUp*",), 4: ("browDown*",), 5: ("eyeWide*",), 6: ("cheekSquint*",),
    7: ("eyeSquint*",), 9: ("noseSneer*",), 10: ("mouthUpperUp*",), 12: ("mouthSmile*",), 14: ("mouthDimple*",),
    15: ("mouthFrown*",), 17: ("mouthShrugLower",), 18: ("mouthPucker",), 20: ("mouthStretch*",),
    22: ("mouthFunnel",), 24: ("mouthPress*",), 26: ("jawOpen",), 28: ("mouthRollLower", "mouthRollUpper"),
    45: ("eyeBlink*",),
}
LIPS = ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight")
# MediaPipe writes these names but its model never moves them (at most .0004 on 32,137 faces): such a column is not a
# measurement, so the AU is masked.
DEAD_SHAPES, DEAD = ("cheekSquint*", "noseSneer*"), 0.001


def is_blendshapes(columns: set[str]) -> bool:
    """Whether lower-case column names are those of ARKit blend shapes."""
    return len(columns & {"browinnerup", "jawopen", "mouthfunnel", "mouthpucker", "mouthclose"}) >= 3


def read_blendshapes(table: Table) -> list[AUSeries]:
    """Every face of a blend-shape table; without a time column, rows are LIVELINK_FPS a second."""
    shapes = {side_name.replace("*", side) for names in BLENDSHAPES.values() for side_name in names
              for side in ("Left", "Right")} | set(LIPS)
    spelled = {_plain_name(column): column for column in table.header}
    limits = {spelled[shape]: UNIT for shape in shapes if shape in spelled}
    clock, stamp = table.pick("timecode"), table.pick("timestamp", "time")
    table.load(limits | {stamp: TIME, "face_id": COUNT}, (clock,))
    values = {shape: table.numbers[spelled[shape]] for shape in shapes if shape in spelled}
    if stamp:
        times = table.numbers[stamp]
    elif clock:
        times = _timecode(table, table.texts[clock])
    else:
        times = np.arange(table.rows) / LIVELINK_FPS
    return by_face(table, times, table.number("face_id", 0.0), _blend(values, table.rows), "blendshapes")


def _plain_name(column: str) -> str:
    """browDownLeft for BrowDownLeft, browDown_L and browDownLeft."""
    spelled = re.sub(r"_([LR])$", lambda m: {"L": "Left", "R": "Right"}[m[1]], column.strip())
    return spelled[:1].lower() + spelled[1:]


def _blend(values: dict[str, np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blend-shape coefficients [R] -> intensity, confidence, measured, by BLENDSHAPES."""
    intensity, confidence, measured = empty(rows)
    for number, names in BLENDSHAPES.items():
        k = AUS.index(number)
        if number == 45 and rows == 1:
            k = AUS.index(43)
        for side, word in enumerate(("Left", "Right")):
            columns = [values.get(name.replace("*", word)) for name in names]
            if any(column is None for column in columns):
                continue
            if names[0] in DEAD_SHAPES and np.nanmax(columns[0], initial=0.0) < DEAD:
                continue
            intensity[:, k, side] = 5 * np.min(columns, axis=0)
    _blend_lips(values, intensity)
    measured[:] = np.isfinite(intensity).any((0, 2))
    confidence[np.isfinite(intensity).any(2)] = 1.0
    return intensity, confidence, measured


def _blend_lips(values: dict[str, np.ndarray], intensity: np.ndarray) -> None:
    """AU25 and AU27 in place. Lips part where the jaw opens further than mouthClose shuts them again, or the lower lip
    is drawn down; FACS scores a jaw opened past the middle of its way as a mouth stretch."""
    if not all(shape in values for shape in LIPS):
        return
    jaw = values["jawOpen"]
    for side, word in enumerate(("Left", "Right")):
        gap = np.maximum(np.clip(jaw - values["mouthClose"], 0, 1), values[f"mouthLowerDown{word}"])
        intensity[:, AUS.index(25), side] = 5 * gap
        intensity[:, AUS.index(27), side] = 5 * np.clip(2 * jaw - 1, 0, 1)


def _timecode(table: Table, cells: list[str]) -> np.ndarray:
    """Live Link Face's HH:MM:SS:FF.fraction -> seconds from the first row.

    The rate is one more than the highest FF once a second has passed, else LIVELINK_FPS.
    """
    parts = []
    for row, cell in enumerate(cells):
        match = re.fullmatch(r"(\d+):(\d\d):(\d\d)[:;](\d+(?:\.\d+)?)", cell)
        if not match:
            raise table.bad(row, "Timecode", f"'{cell[:20]}' is not HH:MM:SS:FF.")
        parts.append((int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]), float(match[4])))
    seconds, frames = np.array(parts).T
    rate = math.floor(frames.max()) + 1 if np.ptp(seconds) >= 2 else max(LIVELINK_FPS, math.floor(frames.max()) + 1)
    times = seconds + frames / rate
    return times - times[0]
