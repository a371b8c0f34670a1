"""Covers of one half of a face, mouth and all, of kinds that nothing was learnt from.

Each is for the picture's right (side 1: the person's left) or its left (-1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from data_engine.canvas import Canvas
from data_engine.face_frame import OVAL_BELOW
from data_engine.other_covers import photographed_hand


def upright_hand(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        c.lay(c.ellipse((side * 0.3, 0.45), (0.27, 0.3)), c.skin * 0.86)
        for k, reach in enumerate((0.8, 0.92, 0.95, 0.85)):
            for grow, shade in ((1.0, 0.7), (0.86, 0.96)):
                finger = c.ellipse((side * (0.08 + 0.135 * k), 0.42 - reach / 2), (0.07 * grow, reach / 2), side * 3)
                c.lay(finger, c.skin * shade)

    return draw


def palm_on_cheek(side: int) -> Callable[[Canvas], None]:
    """As one leans a cheek on a hand: over the corner of the mouth, the eye is free."""

    def draw(c: Canvas) -> None:
        c.lay(c.ellipse((side * 0.32, 0.12), (0.34, 0.3), side * -55), c.skin * 0.88)
        c.lay(c.ellipse((side * 0.26, 0.02), (0.29, 0.09), side * -62), c.skin * 0.98)
        c.line([(side * 0.08, -0.1), (side * 0.16, 0.25)], c.skin * 0.55, 0.012)

    return draw


def half_paper(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        text = ((c.v % 0.07) < 0.025) & (c.grain(0.014) > -0.5) & (side * c.u > 0.1)
        c.lay(
            c.to_px([(side * 0.0, -0.95), (side * 1.1, -0.9), (side * 1.1, 0.8), (side * 0.04, 0.85)]),
            c.blend((246, 244, 238), (80, 80, 90), text.astype(float)),
            0.3,
        )

    return draw


def door(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        wood = 0.5 + 0.5 * np.sin(c.u * 40 + 2 * c.grain(0.2))
        planks = c.blend((95, 60, 35), (150, 105, 65), wood)
        c.lay(c.to_px([(side * 0.02, -4), (side * 9, -4), (side * 9, 4), (side * 0.02, 4)]), planks, 0)

    return draw


def half_theatre_mask(side: int) -> Callable[[Canvas], None]:
    """White, with a hole for the eye."""

    def draw(c: Canvas) -> None:
        before = c.picture.copy()
        low = c.frame(c.p[list(OVAL_BELOW[10:] if side > 0 else OVAL_BELOW[10::-1])])
        eye = c.frame(c.p[[362, 263] if side > 0 else [33, 133]]).mean(0)
        rim = np.vstack([(side * 0.01, low[0, 1]), low[1:], (side * 0.4, -0.85), (side * 0.01, -0.9)])
        c.lay(c.to_px(rim), np.array((238, 236, 230)) * (1 - 0.3 * np.abs(c.u))[..., None])
        hole = c.polygon_mask(c.ellipse(tuple(eye), (0.12, 0.07)))
        c.picture[hole] = before[hole]

    return draw


def hair(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        for k in range(70):
            start, end = c.rng.uniform(0.0, 0.7), c.rng.uniform(0.02, 0.6)
            down = np.linspace(0, 1, 8)
            x = start + (end - start) * down + 0.05 * np.sin(np.pi * down)
            shade = np.array((52, 36, 26)) * c.rng.uniform(0.5, 1.5)
            c.line(np.stack([side * x, -0.95 + 1.5 * down], -1), shade, 0.03 if k < 50 else 0.012)

    return draw


def upright_phone(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        c.lay(c.to_px([(side * 0.03, -0.75), (side * 0.5, -0.72), (side * 0.5, 0.35), (side * 0.03, 0.33)]), (20, 20, 24), 0.2)
        c.lay(c.ellipse((side * 0.14, -0.64), (0.05, 0.05)), (70, 70, 90))

    return draw


def hanging_mask(side: int) -> Callable[[Canvas], None]:
    """A surgical mask that hangs on one ear."""

    def draw(c: Canvas) -> None:
        folds = np.where((((c.v + 0.3 * side * c.u + 0.35) % 0.12) < 0.02), 0.82, 1.0)
        c.line([(side * 0.52, -0.3), (side * 0.4, -0.12)], (235, 238, 240), 0.015)
        c.lay(
            c.to_px([(side * 0.02, -0.12), (side * 0.42, -0.2), (side * 0.46, 0.2), (side * 0.3, 0.5), (side * -0.02, 0.42)]),
            np.array((140, 190, 220)) * folds[..., None],
        )

    return draw


def slanted_scarf(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        wave = 0.5 + 0.5 * np.sin((c.u + 0.6 * side * c.v) * 2 * np.pi / 0.06)
        c.lay(c.to_px([(side * 0.75, -0.6), (side * 0.1, -0.2), (side * 0.0, 0.1), (side * -0.05, 1.2), (side * 1.0, 1.2)]),
              c.blend((60, 20, 60), (150, 90, 150), wave))  # fmt: skip

    return draw


def half_pixels(side: int) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        c.pixelate(c.to_px([(side * 0.02, -0.85), (side * 0.55, -0.85), (side * 0.55, 0.5), (side * 0.02, 0.5)]), 0.15)

    return draw


HALVES: dict[str, Callable[[int], Callable[[Canvas], None]]] = {
    "hand, upright": upright_hand,
    "palm on the cheek": palm_on_cheek,
    "paper, one half": half_paper,
    "door": door,
    "mask of the theatre": half_theatre_mask,
    "hair, one half": hair,
    "phone, upright": upright_phone,
    "mask on one ear": hanging_mask,
    "scarf, slanted": slanted_scarf,
    "pixels, one half": half_pixels,
}


def with_upright_hand(photograph: str | None) -> dict[str, Callable[[int], Callable[[Canvas], None]]]:
    """HALVES and, with the photograph, its hand upright before one half and across one cheek."""
    if photograph is None:
        return HALVES
    hand = np.asarray(Image.open(photograph).convert("RGB"))
    return HALVES | {
        "photographed hand, one half": lambda side: photographed_hand(hand, (side * 0.27, -0.1), -90, 1.3, side > 0),
        "photographed hand, cheek": lambda side: photographed_hand(hand, (side * 0.29, 0.05), -90 - side * 25, 0.8, side > 0),
    }
