"""What drawn covers look like: cloth, skin, patterns, parts of photographs."""

from __future__ import annotations

import cv2
import numpy as np

from data_engine.face_frame import Frame
from data_engine.prints import PRINTS, Face, print_mouth, smear

TEXTURES = (
    "plain", "gradient", "noise", "pleats", "stripes", "checks", "cloth", "skin", "blotches", "knit", "dots",
    "scribble", "photo", "flesh", "leaves", "smeared",
)  # fmt: skip
UNDER_PRINTS = ("plain", "plain", "gradient", "cloth", "skin", "skin", "flesh", "pleats", "blotches")
GRAIN = {"noise": 0.01, "cloth": 0.03, "blotches": 0.12}  # of textures of random spots, in widths of the face


def texture(name: str, picture: np.ndarray, frame: Frame, rng: np.random.Generator, others: list[Face]) -> np.ndarray:
    """What a cover looks like, [H, W, 3] float32; name: one of TEXTURES or PRINTS. others: photographs of which "photo" shows a
    turned and enlarged part, and whose mouths are printed."""
    size = picture.shape[:2]
    if name == "smeared":
        return smear(picture, frame, rng)
    if name in PRINTS:
        base = texture(str(rng.choice(UNDER_PRINTS)), picture, frame, rng, others)
        return print_mouth(name, base, frame, rng, others) if others else base
    base, other = rng.integers(0, 256, 3).astype(np.float32), rng.integers(0, 256, 3).astype(np.float32)
    if rng.random() < 0.6:  # greys, as most pictures for fitting are grey
        base[:], other[:] = base[0], other[0]
    x, y = _turned_axes(size, rng)
    period = rng.uniform(0.05, 0.25) * frame.unit
    if name == "photo" and others:
        return _photo(size, frame, rng, others[int(rng.integers(len(others)))][0])
    if name in ("skin", "flesh"):
        base, other = _skin_colours(picture, frame, rng, base)
    share = _pattern(name, x, y, period, frame, rng)
    if name == "pleats":
        other = np.clip(base - rng.uniform(15, 50), 0, 255)
    filled = (base + (other - base) * share[..., None]).astype(np.float32)
    return {"flesh": _crease, "leaves": _strew}.get(name, lambda filled, *_: filled)(filled, frame, rng)


def _turned_axes(size: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel, turned by some angle, [H, W] each."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    return np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x


def _photo(size: tuple[int, int], frame: Frame, rng: np.random.Generator, photo: np.ndarray) -> np.ndarray:
    zoom = rng.uniform(0.7, 3.0) * max(size) / max(photo.shape[:2])
    middle = np.array(photo.shape[1::-1]) * rng.uniform(0.2, 0.8, 2)
    warp = cv2.getRotationMatrix2D(middle.tolist(), float(rng.uniform(30, 330)), float(zoom))
    warp[:, 2] += frame.origin - middle
    return cv2.warpAffine(photo, warp, size[::-1], borderMode=cv2.BORDER_REFLECT).astype(np.float32)


def _skin_colours(picture: np.ndarray, frame: Frame, rng: np.random.Generator,
                  base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two tones of this face's own skin, from a cheek or the forehead; `base` where these lie outside the picture."""
    cheek = frame.points[rng.choice((205, 425, 151))].astype(int).clip(2)
    patch = picture[cheek[1] - 2 : cheek[1] + 3, cheek[0] - 2 : cheek[0] + 3]
    base = patch.reshape(-1, 3).mean(0) * rng.uniform(0.8, 1.15) if patch.size else base
    return base, base * rng.uniform(0.7, 1.1)


def _pattern(name: str, x: np.ndarray, y: np.ndarray, period: float, frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Share [H, W] 0-1 of the second colour; none of it in a plain texture. period: of stripes and dots, px."""
    if name == "gradient":
        share = (x - x.min()) / max(float(np.ptp(x)), 1e-6)
        return np.clip((share - 0.5) * rng.uniform(1, 4) + 0.5, 0, 1)
    if name in GRAIN:
        share = _noise(x.shape, GRAIN[name] * frame.unit, rng)
        return (share > rng.uniform(0.4, 0.65)).astype(np.float32) if rng.random() < 0.4 else share
    if name in ("stripes", "pleats", "checks"):
        share = (y % period < period * (0.2 if name == "pleats" else 0.5)).astype(np.float32)
        return np.abs(share - (x % period < period / 2)) if name == "checks" else share
    if name == "knit":
        return 0.5 + 0.5 * np.sin((y + 0.1 * period * np.sin(12 * x / frame.unit)) * 2 * np.pi / (0.5 * period))
    if name == "dots":
        from_middle = np.hypot(x % period - period / 2, y % period - period / 2)
        return (from_middle < period * rng.uniform(0.15, 0.4)).astype(np.float32)
    if name == "scribble":
        return _scribble(x.shape, frame, rng)
    return _noise(x.shape, 0.15 * frame.unit, rng) if name in ("skin", "flesh") else np.zeros(x.shape, np.float32)


def _crease(filled: np.ndarray, frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Skin with the folds of a hand, lit from one side."""
    for _ in range(int(rng.integers(2, 8))):
        start, step = rng.uniform((-0.6, -0.5), (0.6, 0.7)), rng.normal(0, 0.12, 2)
        bend = rng.normal(0, 0.03, (5, 2))
        at = np.round(frame.to_px(start + np.linspace(0, 1, 5)[:, None] * step + bend) * 8).astype(np.int32)
        shade = filled.mean((0, 1)) * rng.uniform(0.45, 0.85)
        cv2.polylines(filled, [at], False, shade.tolist(), max(1, int(rng.uniform(0.006, 0.02) * frame.unit)), cv2.LINE_AA, 3)
    y, x = np.mgrid[: filled.shape[0], : filled.shape[1]].astype(np.float32)
    light = rng.normal(0, 0.35, 2) / frame.unit
    lit = 1 + (x - frame.origin[0]) * light[0] + (y - frame.origin[1]) * light[1]
    return filled * lit.clip(0.5, 1.5)[..., None]


def _strew(filled: np.ndarray, frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Many leaves in a few colours, one over the other."""
    colours = rng.uniform(0, 255, (int(rng.integers(2, 6)), 3))
    if rng.random() < 0.6:
        colours[:] = colours[:, :1]
    size = rng.uniform(0.05, 0.16)
    count = int(rng.integers(50, 120))
    turn, long = rng.uniform(0, 2 * np.pi, count), size * rng.uniform(0.6, 1.5, count)
    along = np.stack([np.cos(turn), np.sin(turn)], -1) * long[:, None]
    across = along[:, ::-1] * (-1, 1) * rng.uniform(0.25, 0.6, (count, 1))
    centre, shade = rng.uniform((-0.9, -0.6), (0.9, 0.9), (count, 2)), rng.uniform(0.7, 1.1, (count, 1))
    leaves = np.round(frame.to_px(centre[:, None] + np.stack([-along, across, along, -across], 1)) * 8).astype(np.int32)
    inks = (colours[rng.integers(len(colours), size=count)] * shade).tolist()
    for tips, ink in zip(leaves, inks, strict=True):
        cv2.fillPoly(filled, [tips], ink, cv2.LINE_AA, 3)
        cv2.polylines(filled, [tips[[0, 2]]], False, [0.6 * one for one in ink], 1, cv2.LINE_AA, 3)
    return filled


def _scribble(size: tuple[int, int], frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Arcs and filled ellipses around the mouth."""
    share, face = np.zeros(size, np.float32), frame.unit
    for _ in range(int(rng.integers(1, 6))):
        at = frame.to_px(rng.uniform((-0.3, -0.2), (0.3, 0.4))).astype(int).tolist()
        radii = [int(rng.uniform(0.03, 0.3) * face), int(rng.uniform(0.02, 0.2) * face)]
        turned, arc = float(rng.uniform(0, 180)), float(rng.uniform(90, 360))
        cv2.ellipse(share, at, radii, turned, 0, arc, 1.0, int(rng.choice((-1, 1, max(1, int(0.03 * face))))))
    return share


def _noise(size: tuple[int, int], grain: float, rng: np.random.Generator) -> np.ndarray:
    share = cv2.GaussianBlur(rng.random(size).astype(np.float32), (0, 0), max(grain, 0.4))
    return np.clip((share - share.mean()) / (share.std() * 4 + 1e-6) + 0.5, 0, 1)
