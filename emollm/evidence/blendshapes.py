"""ARKit's 52 blend shapes, 0-1: lowerCamel names, or the PascalCase table of Live Link Face with Timecode."""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.cells import plain_name
from emollm.evidence.clock import Clock, clock_columns, frame_numbers, read_clock
from emollm.evidence.series import Rows, TableFace, empty_arrays, split_by_face, who_columns
from emollm.evidence.tables import COUNT, Range, Table
from emollm.schema import AUS

COEFFICIENT = Range(0.0, 1.0, "a blend shape's coefficient, 0 to 1")
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


def _shape_of(column: str) -> str:
    """browdownleft for BrowDownLeft, browDown_L, bs_browDownLeft and browDownLeft."""
    name = re.sub(r"^(blendshapes?|bs|arkit|shape)_", "", plain_name(column))
    return re.sub(r"_([lr])$", lambda m: {"l": "left", "r": "right"}[m[1]], name).replace("_", "")


SHAPES = {shape.lower(): shape for shape in LIPS} | {
    name.replace("*", side).lower(): name.replace("*", side) for names in BLENDSHAPES.values() for name in names
    for side in ("Left", "Right")}


def is_blendshapes(columns: set[str]) -> bool:
    """Whether plain column names hold one of ARKit's blend shapes or more."""
    return any(_shape_of(column) in SHAPES for column in columns)


def read_blendshapes(table: Table, fps: float | None = None) -> list[TableFace]:
    """Every face of a blend-shape table; without a clock, rows are LIVELINK_FPS a second."""
    table.say("read as ARKit blend shapes, 0 to 1, of each side")
    spelled: dict[str, str] = {}
    for column in table.header:
        if (shape := SHAPES.get(_shape_of(column))) is not None:
            spelled.setdefault(shape, column)
    frame, (stamp, units) = frame_numbers(table), clock_columns(table)
    count = table.pick("blendshapecount")
    texts = [stamp, count, *who_columns(table)]
    limits = {frame: COUNT} | dict.fromkeys(spelled.values(), COEFFICIENT)
    table.load(limits, texts, lambda cells: _is_lost(table, count, cells))
    values = {shape: table.numbers[column] for shape, column in spelled.items()}
    seconds = read_clock(table, stamp, units, guess_unit=True, default=LIVELINK_FPS)
    filled = _blend(values, table.rows)
    nobody = np.array([cell in ("0", "0.0") for cell in table.texts.get(count, [])], bool)
    if nobody.any():
        filled[0][nobody], filled[1][nobody] = np.nan, 0.0
    clock = Clock(seconds, table.numbers.get(frame), default=LIVELINK_FPS)
    return split_by_face(table, Rows(*filled, clock), "blendshapes", fps)


def _is_lost(table: Table, count: str, cells: list[str]) -> bool:
    """Live Link Face ends the row of a frame without a face after a BlendShapeCount of 0."""
    at = table.header.index(count) if count else len(cells)
    return at < len(cells) and cells[at] == "0"


def _blend(values: dict[str, np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blend-shape coefficients [R] -> intensity, confidence, measured, by BLENDSHAPES."""
    intensity, confidence, measured = empty_arrays(rows)
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
