"""Action units over time as the tables of other tools: py-feat, LibreFace, ARKit.

Each is the inverse of the reader in `evidence` as far as the format can say it; what it cannot say is lost: py-feat holds
probabilities and no strength above PRESENT, py-feat and LibreFace know no sides, ARKit has no AU11, AU23, AU27 of its own.
Where they have one unit for a jaw drop or for the closing of the eyes, it is that of evidence.whole_movements.
A unit that was not measured leaves its cells empty, never 0.
"""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from emollm.evidence import BLENDSHAPES, FEX_FPS, PRESENT
from emollm.evidence.whole_movements import join, stronger_side
from emollm.schema import AUS, ON, AUSeries, au_index

LAYOUTS = ("fex", "libreface", "arkit")
FEX_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)  # columns of py-feat 2
LIBREFACE_PRESENCE = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
LIBREFACE_INTENSITY = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
_SIDED = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")
# In the order of developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation as capture tools write them.
ARKIT = (*(f"{name}{side}" for side in ("Left", "Right") for name in _SIDED), "jawForward", "jawLeft", "jawRight", "jawOpen",
         "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight",
         "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
         "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
         "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
         "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
         "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut")


def csv_text(faces: list[AUSeries], layout: str, media: str = "") -> str:
    """Faces as one CSV of fex, libreface or arkit. libreface has no face column: give one face at a time."""
    columns, row_of = {"fex": (_fex_columns(), _fex_rows), "libreface": (_libreface_columns(), _libreface_rows),
                       "arkit": (["timestamp", "face_id", *ARKIT], _arkit_rows)}[layout]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for series in faces:
        writer.writerows(row_of(series, media))
    return out.getvalue()


def rate_of(times: np.ndarray) -> float:
    """Frames a second, by the mean step without the gaps of a lost face; 0 for a single moment."""
    steps = np.diff(times)
    return 1 / float(steps[steps <= 1.5 * np.median(steps)].mean()) if len(steps) else 0.0


# --- py-feat -----------------------------------------------------------------------------------------------------

def to_probability(level: np.ndarray) -> np.ndarray:
    """Intensity -> probability that the unit is present: the inverse of evidence.from_probability, 1 from PRESENT on."""
    return np.interp(level, (0.0, ON, PRESENT), (0.0, 0.5, 1.0))


def _fex_columns() -> list[str]:
    return ["FaceScore", *(f"AU{n:02d}" for n in FEX_AUS), "input", "frame", "approx_time", "Identity"]


def _fex_rows(series: AUSeries, media: str) -> list[list]:
    p, rate = to_probability(join(stronger_side(series))), rate_of(series.times) or FEX_FPS
    rows = []
    for t, time in enumerate(series.times):
        seen = np.isfinite(p[t])
        score = float(series.confidence[t][seen].mean()) if seen.any() else 0.0
        cells = [_cell(p[t, au_index(n)]) for n in FEX_AUS]
        frame = round(time * rate)
        clock = f"{int(frame / rate + 1e-9) // 60:02d}:{int(frame / rate + 1e-9) % 60:02d}"
        rows.append([f"{score:.4f}", *cells, media, frame, clock, f"Person_{series.face_id}"])
    return rows


# --- LibreFace ---------------------------------------------------------------------------------------------------

def _libreface_columns() -> list[str]:
    return ["frame_idx", "frame_time_in_ms", *(f"au_{n}" for n in LIBREFACE_PRESENCE),
            *(f"au_{n}_intensity" for n in LIBREFACE_INTENSITY)]


def _libreface_rows(series: AUSeries, _: str) -> list[list]:
    level = join(stronger_side(series))
    rows = []
    for t, time in enumerate(series.times):
        levels = {n: level[t, au_index(n)] for n in {*LIBREFACE_PRESENCE, *LIBREFACE_INTENSITY}}
        present = ["" if math.isnan(levels[n]) else int(levels[n] >= ON) for n in LIBREFACE_PRESENCE]
        rows.append([t, f"{1000 * time:.3f}", *present, *(_cell(levels[n]) for n in LIBREFACE_INTENSITY)])
    return rows


# --- ARKit -------------------------------------------------------------------------------------------------------

def _arkit_rows(series: AUSeries, _: str) -> list[list]:
    shapes = blendshapes(series)
    empty = np.full(len(series.times), math.nan)
    columns = [shapes.get(name, empty) for name in ARKIT]
    return [[_cell(time), series.face_id, *(_cell(column[t]) for column in columns)] for t, time in enumerate(series.times)]


def blendshapes(series: AUSeries) -> dict[str, np.ndarray]:
    """ARKit shapes [T] 0-1 that the reader of evidence turns back into these action units; others are not known."""
    sides = np.moveaxis(np.where(series.measured[:, None], series.intensity, np.nan), 2, 0)  # [2, T, 24]
    level = np.moveaxis(join(sides), 0, 2) / 5  # [T, 24, 2]
    shapes: dict[str, np.ndarray] = {}
    for number, names in BLENDSHAPES.items():
        for name in names:
            sides = level[:, AUS.index(number)]
            if "*" in name:
                shapes |= {name.replace("*", word): sides[:, side] for side, word in enumerate(("Left", "Right"))}
            else:
                shapes[name] = np.fmax(sides[:, 0], sides[:, 1])
    return shapes | _mouth(level)


def _mouth(level: np.ndarray) -> dict[str, np.ndarray]:
    """The shapes behind parted lips. The jaw opens past its middle with AU27 (evidence/blendshapes); the lips follow it,
    less mouthClose, or the lower lip is drawn down further."""
    jaw, gap = np.fmax(level[:, au_index(26), 0], level[:, au_index(26), 1]), level[:, au_index(25)]  # [T], [T, 2]
    close = np.clip(jaw - np.fmin(gap[:, 0], gap[:, 1]), 0, 1)
    down = np.where(gap > (jaw - close)[:, None] + 1e-9, gap, 0 * gap)
    return {"jawOpen": jaw, "mouthClose": close, "mouthLowerDownLeft": down[:, 0], "mouthLowerDownRight": down[:, 1]}


def _cell(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.4f}".rstrip("0").rstrip(".") or "0"
