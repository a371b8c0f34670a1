"""Draw what hides a part of a face: masks, hands, scarves, objects; dark glasses, fringes; one half; and what comes near one.

Each cover is a shape in the face's own frame (origin between the lips, x to the picture's right, unit: the face's width) and a
texture that fills it, so that shapes and textures can be kept apart between fitting and checking. What a cover hides is told by
the landmarks that it lies on, not by its name: a hand beside the mouth hides nothing. Pictures are [H, W, 3] uint8; points
[478, 2+] in picture px.
"""

from __future__ import annotations

import cv2
import numpy as np

from data_engine.face_frame import OVAL_BELOW, Frame, mask_of
from data_engine.prints import Face
from data_engine.textures import texture
from emollm.perception.covers import PARTS

EYES = ((33, 133, 159, 145), (362, 263, 386, 374))
# Landmarks of each part, in the order of emollm.perception.covers.PARTS; the right brow's before the left one's.
LANDMARKS = {
    "lower": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 13, 14, 78, 308),
    "left eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 473),
    "right eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 468),
    "brows": (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
    "left mouth": (291, 308, 375, 409, 321, 270, 405, 269, 314, 267),
    "right mouth": (61, 78, 146, 185, 91, 40, 181, 39, 84, 37),
}
# Share of a part's landmarks under a cover from which on it is hidden, [len(PARTS)], and up to which it is seen. Two fifths of
# half a mouth are its corner, without which the half says nothing.
HIDDEN, SEEN = np.array((0.5, 0.5, 0.5, 0.5, 0.4, 0.4)), 0.15
LOWER_SHAPES = ("mask", "low mask", "box", "fingers", "fist", "object", "stick", "scarf", "two hands")
UPPER_SHAPES = ("glasses", "square glasses", "goggles", "bar", "fringe", "eye patch", "hand on the eyes")
HALF_SHAPES = (
    "half hand", "half mask", "half box", "half scarf", "half hair", "cheek hand", "palm", "leaning hand", "strands",
)  # fmt: skip
CASTS_SHADOW = ("fingers", "fist", "palm")
OTHER_SHAPES = ("hat", "collar", "beside", "low fringe", "anywhere")


def ellipse(centre: object, radii: object, degrees: float = 0.0) -> np.ndarray:
    """Corners [24, 2] of an ellipse."""
    t, a = np.linspace(0, 2 * np.pi, 24, endpoint=False), np.radians(degrees)
    flat = np.stack([radii[0] * np.cos(t), radii[1] * np.sin(t)], -1)
    return flat @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + centre


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _fingers(rng: np.random.Generator, centre: np.ndarray, spread: float = 1.0) -> list[np.ndarray]:
    """A hand: fingers side by side, and often a palm behind their ends."""
    angle, count = rng.uniform(-180, 180), int(rng.integers(3, 6))
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    across, thick, long = np.array([-along[1], along[0]]), rng.uniform(0.06, 0.1) * spread, rng.uniform(0.25, 0.42) * spread
    shapes = [ellipse(centre + across * (k - (count - 1) / 2) * thick * rng.uniform(1.6, 2.0) + along * rng.normal(0, 0.04),
                      (long, thick), angle + rng.normal(0, 5)) for k in range(count)]  # fmt: skip
    return (
        [ellipse(centre - along * long, (rng.uniform(0.2, 0.35), rng.uniform(0.22, 0.36)), angle)] if rng.random() < 0.7 else []
    ) + shapes


def _finger(at: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    return ellipse(at, (rng.uniform(0.06, 0.09), rng.uniform(0.24, 0.4)), side * rng.uniform(0, 25))


def lower_shape(name: str, frame: Frame, rng: np.random.Generator) -> list[np.ndarray]:
    """Polygons, in the face's frame, of something in front of the mouth."""
    near = rng.normal(0, 0.05, 2)
    if name in ("mask", "low mask"):
        base, bridge = frame.landmark_places((2, 6))
        share = rng.uniform(0.2, 0.8) if name == "mask" else rng.uniform(-0.25, 0.2)
        peak, round_ = base + (bridge - base) * share, rng.uniform(0.05, 0.14)
        low = frame.landmark_places(OVAL_BELOW[int(rng.integers(1, 4)) : -int(rng.integers(1, 4))])
        low = low * rng.uniform((0.85, 0.95), (1.12, 1.15))
        return [np.vstack([low, peak + np.array((round_, rng.uniform(0, 0.05))), peak, peak - [round_, rng.uniform(-0.05, 0)]])]
    if name == "box":
        top, bottom = rng.uniform(-0.28, -0.08), rng.uniform(0.14, 0.9)
        wide = rng.uniform(0.3, 0.8)
        return [_box(-wide, top, wide, bottom) + rng.normal(0, 0.03, (4, 2)) + [rng.normal(0, 0.06), 0]]
    if name == "fingers":
        return _fingers(rng, near)
    if name == "fist":
        palm = ellipse(near + np.array((0, 0.1)), rng.uniform(0.28, 0.42, 2), rng.uniform(0, 90))
        knuckles = [near + np.array((-0.27 + 0.18 * k, rng.normal(0, 0.02))) for k in range(4)]
        return [palm, *(ellipse(at, (0.09, rng.uniform(0.12, 0.2)), 4) for at in knuckles)]
    if name == "object":
        return [ellipse(near, rng.uniform((0.22, 0.16), (0.5, 0.45)), rng.uniform(0, 180))]
    if name == "stick":  # a microphone, a cone, a bottle
        end, thin, thick = np.array([rng.uniform(-0.6, 0.6), 1.2]), np.array((0.09, 0)), np.array((0.1, 0))
        return [np.array([near - thin, near + thin, end + thick, end - thick]), ellipse(near, rng.uniform(0.2, 0.32, 2))]
    if name == "two hands":
        places = [(side, k) for side in (-1, 1) for k in range(4)]
        return [_finger(near + np.array((side * (0.06 + 0.125 * k), 0.05 * k)), side, rng) for side, k in places]
    edge, top = np.linspace(-0.8, 0.8, 9), rng.uniform(-0.3, -0.09)  # a scarf
    rim = np.stack(
        [edge, top + rng.normal(0, 0.02, 9) + rng.uniform(-0.1, 0.2) * edge**2 + rng.uniform(-0.15, 0.15) * edge], -1
    )
    return [np.vstack([rim, (1.0, 1.3), (-1.0, 1.3)])]


def upper_shape(name: str, frame: Frame, rng: np.random.Generator) -> list[np.ndarray]:
    """Polygons of something in front of the eyes, of one eye or of the brows."""
    right, left = frame.landmark_places(EYES[0]).mean(0), frame.landmark_places(EYES[1]).mean(0)
    y, shift = (right[1] + left[1]) / 2, rng.normal(0, 0.02, 2)
    if name in ("glasses", "square glasses"):
        wide, high = rng.uniform(0.115, 0.21), rng.uniform(0.085, 0.17)
        narrow = rng.uniform(0.8, 1.0)
        lens = (
            ellipse((0, 0), (wide, high))
            if name == "glasses"
            else _box(-wide, -high, wide, high) * [[1, 1], [1, 1], [narrow, 1], [narrow, 1]]
        )
        return [lens + right + shift, lens + left + shift, _box(right[0], y - 0.03, left[0], y)]
    if name in ("goggles", "bar"):
        high, wide = rng.uniform(0.09, 0.19) if name == "goggles" else rng.uniform(0.05, 0.1), rng.uniform(0.36, 0.6)
        return [_box(-wide, y - high, wide, y + high * rng.uniform(0.8, 1.1)) + shift]
    if name == "fringe":  # down to the brows, or over the eyes
        low, edge = y + rng.uniform(-0.1, 0.1), np.linspace(-0.6, 0.6, 12)
        return [np.vstack([np.stack([edge, low + rng.normal(0, 0.03, 12)], -1), (0.6, -1.4), (-0.6, -1.4)])]
    if name == "eye patch":
        eye = (right, left)[int(rng.integers(2))]
        return [ellipse(eye + shift, rng.uniform((0.11, 0.09), (0.25, 0.28)), rng.uniform(0, 180))]
    return _fingers(rng, (right, left, (right + left) / 2)[int(rng.integers(3))] + shift, 1.1)


def other_shape(name: str, frame: Frame, rng: np.random.Generator) -> list[np.ndarray]:
    """Polygons of something that mostly leaves mouth, eyes and brows free."""
    y = frame.landmark_places(EYES[0] + EYES[1])[:, 1].mean()
    if name == "hat":
        low = y - rng.uniform(0.2, 0.4)
        return [np.array([(-0.8, low), (0, low - 0.06), (0.8, low), (0.7, -2), (-0.7, -2)])]
    if name == "collar":
        top = rng.uniform(0.22, 0.5)
        return [np.array([(-0.8, top - 0.1), (0, top), (0.8, top - 0.1), (0.9, 1.5), (-0.9, 1.5)])]
    if name == "beside":
        side = rng.choice((-1, 1))
        return _fingers(rng, np.array([side * rng.uniform(0.4, 0.65), rng.uniform(-0.5, 0.5)]))
    if name == "low fringe":
        low, edge = y - rng.uniform(0.12, 0.22), np.linspace(-0.6, 0.6, 12)
        return [np.vstack([np.stack([edge, low + rng.normal(0, 0.03, 12)], -1), (0.6, -1.4), (-0.6, -1.4)])]
    return [ellipse((rng.uniform(-0.6, 0.6), rng.uniform(-1, 0.6)), rng.uniform(0.08, 0.35, 2), rng.uniform(0, 180))]


def half_shape(name: str, frame: Frame, rng: np.random.Generator) -> list[np.ndarray]:
    """Polygons of something in front of the left or right half of a face: all of it, or from the cheek down."""
    side, edge = rng.choice((-1, 1)), float(np.clip(rng.normal(0.02, 0.05), -0.08, 0.13))  # edge: from the midline outwards
    whole, y = rng.random() < 0.6, frame.landmark_places(EYES[0] + EYES[1])[:, 1].mean()
    top = y - rng.uniform(0.12, 0.9) if whole else rng.uniform(y + 0.1, -0.05)
    bottom, lean = rng.uniform(0.2, 0.9), rng.normal(0, 0.05)
    if name == "half mask":  # as a mask of the theatre, or half of one that slipped
        low = frame.landmark_places(OVAL_BELOW[10:] if side > 0 else OVAL_BELOW[10::-1]) * rng.uniform((0.9, 0.9), (1.15, 1.1))
        low = np.stack([side * np.maximum(side * low[:, 0], edge), np.maximum(low[:, 1], top)], -1)
        return [np.vstack([(side * edge, low[0, 1]), low, (side * rng.uniform(0.3, 0.5), top), (side * edge, top)])]
    if name in ("half scarf", "half hair"):
        down = np.linspace(top, bottom, 12)
        rim = edge + lean * np.linspace(-1, 1, 12) * 2 + rng.uniform(-0.04, 0.08) * np.linspace(-1, 1, 12) ** 2
        rim = rim + rng.normal(0, 0.012 if name == "half hair" else 0.02, 12)
        return [np.vstack([np.stack([side * rim, down], -1), (side * 1.0, bottom), (side * 1.0, top)])]
    if name == "half hand":  # fingers upright side by side before one half, the palm below or behind them
        count, thick, turn = int(rng.integers(3, 6)), rng.uniform(0.055, 0.095), rng.normal(0, 12)
        tip = top + rng.uniform(-0.1, 0.1, count) - 0.05 * np.sin(np.linspace(0, np.pi, count))
        long = (bottom - tip) / 2
        fingers = [ellipse((side * (edge + thick * (0.9 + 1.75 * k)), tip[k] + long[k]), (thick, long[k]), turn)
                   for k in range(count)]  # fmt: skip
        palm = ellipse((side * (edge + 0.26), bottom), (0.26, rng.uniform(0.25, 0.5)), turn)
        return fingers if rng.random() < 0.3 else [palm, *fingers]
    if name == "cheek hand":  # from the side, its fingers towards the mouth
        at, count = rng.uniform(-0.25, 0.1), int(rng.integers(3, 6))
        thick, long = rng.uniform(0.06, 0.085), rng.uniform(0.2, 0.32)
        rows = [ellipse((side * (edge + long + rng.normal(0, 0.02)), at + 1.7 * thick * k), (long, thick), rng.normal(0, 8))
                for k in range(count)]  # fmt: skip
        return [ellipse((side * (edge + 2 * long), at + 0.12), (0.25, rng.uniform(0.25, 0.4))), *rows]
    if name in ("palm", "leaning hand"):
        return [shape * (side, 1) for shape in _leaning_hand(name == "palm", max(edge, -0.02), rng)]
    if name == "strands":
        return [[lock * (side, 1) for lock in bundle] for bundle in _strands(edge, bottom, rng)]
    corners = np.array([(edge + lean, top), (1.2, top + rng.normal(0, 0.1)), (1.2, bottom), (edge - lean, bottom)])
    return [corners * (side, 1)]


def _leaning_hand(bare: bool, edge: float, rng: np.random.Generator) -> list[np.ndarray]:
    """A hand that the cheek on the picture's right leans on, over the corner of the mouth: bare, only its palm, above the chin;
    else its fingers up the cheek, close together, and the wrist below."""
    if bare:
        wide, high, turn = rng.uniform(0.24, 0.42), rng.uniform(0.16, 0.32), rng.uniform(-80, 80)
        reach = np.hypot(wide * np.cos(np.radians(turn)), high * np.sin(np.radians(turn)))  # of the turned oval, sideways
        at = np.array((edge + reach, rng.uniform(-0.08, 0.12)))
        thumb = ellipse(at + rng.normal(0, 0.07, 2), (0.8 * wide, rng.uniform(0.07, 0.12)), turn + rng.normal(0, 20))
        wrist = np.array([(at[0] - 0.1, at[1]), (at[0] + 0.2, at[1] - 0.1), (1.3, rng.uniform(0.1, 0.6)), (1.2, 1.1)])
        behind, before = ([part] if rng.random() < 0.55 else [] for part in (wrist, thumb))
        return [*behind, ellipse(at, (wide, high), turn), *before]
    count, thick, lean = int(rng.integers(3, 5)), rng.uniform(0.05, 0.085), rng.normal(0, 15)
    knuckles, long = rng.uniform(-0.1, 0.2), rng.uniform(0.14, 0.28, 4)
    down = np.array((-np.sin(np.radians(lean)), np.cos(np.radians(lean))))
    wide = thick * (count - 0.2)
    first = np.array((edge + thick, knuckles))
    beside = np.array((1.8 * thick, 0.02))
    fingers = [ellipse(first + k * beside - 0.8 * long[k] * down, (thick, long[k]), -lean + rng.normal(0, 3))
               for k in range(count)]  # fmt: skip
    palm = first + (wide - thick, 0) + down * 0.17
    back = ellipse(palm, (1.1 * wide, rng.uniform(0.2, 0.3)), -lean)
    arm = np.array([(-0.6 * wide, 0), (0.6 * wide, 0), (0.7 * wide, 1.3), (-0.7 * wide, 1.3)]) + palm + down * 0.1
    thumb = ellipse(palm - (rng.uniform(0.6, 1.0) * wide, 0.02), (rng.uniform(0.05, 0.07), 0.2), rng.uniform(0, 40))
    return [arm, back, *([thumb] if rng.random() < 0.4 else []), *fingers]


def _strands(edge: float, bottom: float, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Locks of hair that fall over the picture's right half from above, in bundles of one shade; some of the face shows."""
    return [[_lock(edge, bottom, rng) for _ in range(int(rng.integers(5, 14)))] for _ in range(int(rng.integers(2, 5)))]


def _lock(edge: float, bottom: float, rng: np.random.Generator) -> np.ndarray:
    down = np.linspace(0, 1, 9)
    start, end = rng.uniform((-0.1, -1.1), (0.7, -0.7)), rng.uniform((edge, 0.5 * bottom), (edge + 0.6, bottom))
    bend = rng.normal(0, 0.1) * np.sin(np.pi * down) + 0.02 * np.sin(rng.uniform(0, 20) * down)
    middle = start + (end - start) * down[:, None] + np.stack([bend, 0 * down], -1)
    half = np.stack([rng.uniform(0.006, 0.04) * (1 - 0.8 * down**2), 0 * down], -1)
    return np.vstack([middle - half, (middle + half)[::-1]])


def cover(
    picture: np.ndarray,
    points: np.ndarray,
    where: str,
    shape: str,
    fill: str,
    rng: np.random.Generator,
    others: list[Face] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The picture with one cover, and the share of each part (covers.PARTS) that lies under it, [len(PARTS)] 0-1.

    where: "lower", "upper", "half" or "other", of which shape is one of the shapes. fill: one of textures.TEXTURES or PRINTS.
    others: as textures.texture.
    """
    frame = Frame(points)
    shapes = {"lower": lower_shape, "upper": upper_shape, "half": half_shape, "other": other_shape}[where](shape, frame, rng)
    filled = _surface(picture, frame, shape, fill, rng, others or [])
    fills = [filled] * len(shapes)
    if shape.endswith("glasses") and rng.random() < 0.6:
        fills[:2] = _with_reflections(filled, shapes[:2], frame, rng)
    if shape == "strands":
        fills = [filled * rng.uniform(0.5, 1.4) for _ in shapes]
    beneath = _with_shadow(picture, frame, shapes, rng) if "hand" in shape or shape in CASTS_SHADOW else picture
    out, whole = _lay(beneath, frame, shapes, fills, rng)
    if shape.endswith("glasses"):  # a rim of its own
        ink = rng.uniform(0, 255)
        for corners in shapes[:2]:
            at, line = np.round(frame.to_px(corners) * 8).astype(np.int32), max(1, int(rng.uniform(0.005, 0.04) * frame.unit))
            cv2.polylines(out, [at], True, (ink,) * 3, line, cv2.LINE_AA, 3)
    return out.clip(0, 255).round().astype(np.uint8), hidden_shares(whole, points)


def _surface(
    picture: np.ndarray, frame: Frame, shape: str, fill: str, rng: np.random.Generator, others: list[Face]
) -> np.ndarray:
    """The texture of a cover [H, W, 3], dark if it is of glass, often lit as the face is, with noise."""
    filled = texture(fill, picture, frame, rng, others)
    if "glasses" in shape or (shape == "goggles" and rng.random() < 0.8):  # dark, with a reflection
        filled = filled * rng.uniform(0.05, 0.4) + rng.uniform(0, 30)
    if rng.random() < 0.5:  # lit as the face is
        light = cv2.GaussianBlur(picture.mean(2).astype(np.float32), (0, 0), 0.15 * frame.unit)
        filled = filled * np.clip(light / np.float32(max(light.mean(), 1)), 0.5, 1.5)[..., None]
    return filled + rng.standard_normal((*filled.shape[:2], 1), np.float32) * np.float32(rng.uniform(0, 6))


def _with_reflections(
    filled: np.ndarray, lenses: list[np.ndarray], frame: Frame, rng: np.random.Generator
) -> list[np.ndarray]:
    """What either lens looks like: a window, a bright sky or a lamp in one of them, or in both, differently."""
    out, (y, x) = [], np.mgrid[: filled.shape[0], : filled.shape[1]].astype(np.float32)
    one = int(rng.integers(2)) if rng.random() < 0.7 else None
    for k, corners in enumerate(lenses):
        middle, turn = frame.to_px(corners.mean(0) + rng.normal(0, 0.04, 2)), rng.uniform(0, np.pi)
        along = ((x - middle[0]) * np.cos(turn) + (y - middle[1]) * np.sin(turn)) / frame.unit
        apart = np.hypot(x - middle[0], y - middle[1]) / frame.unit
        kind, wide = rng.choice(("band", "sky", "lamp", "whole")), rng.uniform(0.02, 0.12)
        share = {"band": np.exp(-((along / wide) ** 2)), "sky": 1 / (1 + np.exp((along / wide * 3).clip(-30, 30))),
                 "lamp": np.exp(-((apart / wide) ** 2)), "whole": np.ones_like(along)}[str(kind)]  # fmt: skip
        out.append(filled if one == 1 - k else filled + rng.uniform(20, 170) * share[..., None])
    return out


def _with_shadow(picture: np.ndarray, frame: Frame, shapes: list, rng: np.random.Generator) -> np.ndarray:
    """The picture darker around the shapes, towards one side, as by what stands before a face."""
    if rng.random() < 0.4:
        return picture
    shadow, to = np.zeros(picture.shape[:2], np.uint8), rng.normal(0, 0.03, 2)
    for corners in shapes:
        shadow |= mask_of(frame.to_px(corners + to), shadow.shape)
    share = cv2.GaussianBlur(shadow.astype(np.float32) / 255, (0, 0), rng.uniform(0.01, 0.06) * frame.unit)[..., None]
    return picture * (1 - rng.uniform(0.1, 0.6) * share)


def _mask(frame: Frame, corners: np.ndarray | list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Mask [H, W] uint8 of a shape or of a bundle of them."""
    if isinstance(corners, np.ndarray):
        return mask_of(frame.to_px(corners), size)
    return np.maximum.reduce([mask_of(frame.to_px(one), size) for one in corners])


def _lay(
    picture: np.ndarray, frame: Frame, shapes: list, fills: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The picture [H, W, 3] float with the shapes filled, and the mask [H, W] of all of them."""
    out, whole = picture.astype(np.float32), np.zeros(picture.shape[:2], np.uint8)
    edge, soft = rng.uniform(0.5, 0.9), max(0.3, float(rng.uniform(0.002, 0.02)) * frame.unit)
    for corners, fill in zip(shapes, fills, strict=True):  # one after the other, each with a darker rim: fingers, knuckles
        mask = _mask(frame, corners, picture.shape[:2])
        whole |= mask
        share = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), soft)[..., None]
        depth = np.float32(1)
        if len(shapes) > 2:
            inner = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.03 * frame.unit)[..., None]
            depth = edge + (1 - edge) * np.clip(2 * inner - 1, 0, 1)
        out += (fill * depth - out) * share
    return out, whole


def hidden_shares(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Share of each part's landmarks that lie on mask [H, W] > 127, in the order of covers.PARTS; 0 of the lower half and
    of the brows as long as either half of the mouth, or either brow, is seen."""
    at = points[:, :2].round().astype(int).clip(0, (mask.shape[1] - 1, mask.shape[0] - 1))
    share = {part: (mask[at[list(LANDMARKS[part]), 1], at[list(LANDMARKS[part]), 0]] > 127).mean() for part in PARTS}
    brows = mask[at[list(LANDMARKS["brows"]), 1], at[list(LANDMARKS["brows"]), 0]].reshape(2, -1) > 127
    for part, halves in (("lower", (share["left mouth"], share["right mouth"])), ("brows", brows.mean(1))):
        if min(halves) <= SEEN:
            share[part] = 0.0  # the half that is seen is measured
    return np.array(list(share.values()))
