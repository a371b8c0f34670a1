"""Covers of kinds that nothing was learnt from: drawn on a face, or cut out of a photograph of a hand.

Of the lower half, and glasses; half_covers.py has those of one side. The shapes and textures of covers.py and textures.py,
which covers.npz learns from, take no part here.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from data_engine.canvas import Canvas
from data_engine.face_frame import OVAL_BELOW

# The hand in hand_on_forehead_rgba.png, px at a width of 1318; its wrist and the tip of its middle finger.
HAND = np.array([
    (440, 330), (440, 240), (462, 205), (455, 170), (470, 142), (490, 165), (520, 150), (560, 125), (640, 107), (665, 120),
    (655, 135), (640, 147), (715, 142), (727, 163), (715, 172), (735, 190), (738, 207), (715, 225), (725, 240), (640, 283),
    (600, 325), (540, 365), (490, 400)], float)
WRIST, TIP, HAND_WIDTH = np.array([465.0, 365.0]), np.array([730.0, 180.0]), 1318
RISE = np.array((0.09, 0.03))  # from the top of a mask over the nose to where it meets the cheek


def mask_shape(c: Canvas, top: float = 0.45, spread: float = 1.0) -> np.ndarray:
    """The outline of a mask: jaw and chin, and over the nose at `top` of the way from its base to the bridge."""
    low = c.frame(c.p[list(OVAL_BELOW[2:-2])]) * [spread, 1.0] + [0, 0.02]
    nose = c.frame(c.p[[2, 6]])
    peak = nose[0] + (nose[1] - nose[0]) * top
    left, right = low[0] - [0, 0.06], low[-1] - [0, 0.06]
    return c.to_px(np.vstack([low, right, peak + RISE, peak, peak + RISE * (-1, 1), left]))


def surgical(colour: tuple, pleats: bool = True) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        folds = np.where(pleats * (((c.v + 0.35) % 0.14) < 0.02), 0.82, 1.0) * (1 + 0.04 * c.grain(0.01))
        c.line([(-0.5, -0.25), (-0.36, -0.1)], colour, 0.015)
        c.line([(0.5, -0.25), (0.36, -0.1)], colour, 0.015)
        c.lay(mask_shape(c), np.array(colour) * folds[..., None])

    return draw


def respirator(c: Canvas) -> None:
    c.lay(
        mask_shape(c, 0.6, 0.92),
        np.array((236, 236, 230)) * (1 - 0.35 * np.clip(np.abs(c.u), 0, 0.5) - 0.1 * (np.abs(c.u) < 0.008))[..., None],
    )
    c.lay(c.ellipse((0.16, 0.08), (0.07, 0.06)), (200, 200, 205))


def floral(c: Canvas) -> None:
    fill = c.blend((40, 60, 120), (230, 120, 140), (c.grain(0.035) > 0.8).astype(float))
    c.lay(mask_shape(c, 0.5), c.blend(fill, (90, 160, 80), (c.grain(0.03) > 1.2).astype(float)))


def plaid(c: Canvas) -> None:
    share = 0.5 * ((c.u % 0.12) < 0.05) + 0.5 * (((c.v + 0.3 * c.u) % 0.12) < 0.05)
    c.lay(mask_shape(c, 0.4), c.blend((180, 40, 40), (30, 30, 50), share))


def dots(c: Canvas) -> None:
    share = np.hypot((c.u % 0.11) - 0.055, (c.v % 0.11) - 0.055) < 0.03
    c.lay(mask_shape(c, 0.35), c.blend((250, 250, 245), (200, 30, 60), share.astype(float)))


def printed_smile(c: Canvas) -> None:
    c.lay(mask_shape(c, 0.45), (245, 245, 245))
    turn = np.linspace(0.15 * np.pi, 0.85 * np.pi, 25)
    c.line(np.stack([0.2 * np.cos(turn), 0.18 * np.sin(turn) - 0.04], -1), (190, 20, 30), 0.025)


def printed_mouth(c: Canvas) -> None:
    c.lay(mask_shape(c, 0.3), c.skin * 0.97)
    c.lay(c.ellipse((0, 0.05), (0.2, 0.1)), (150, 40, 50))
    c.lay(c.ellipse((0, 0.03), (0.15, 0.045)), (245, 240, 235))


def skin_mask(c: Canvas) -> None:
    c.lay(mask_shape(c, 0.5), c.skin * 0.9)


def scarf(colour: tuple, top: float, knit: float) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        edge = np.linspace(-0.75, 0.75, 25)
        rim = np.stack([edge, top + 0.05 * np.sin(5 * edge) + 0.12 * edge**2], -1)
        wave = 0.5 + 0.5 * np.sin((c.v + 0.04 * np.sin(c.u * 60)) * 2 * np.pi / knit) if knit else 0.5 + 0.25 * c.grain(0.12)
        c.lay(c.to_px(np.vstack([rim, (0.9, 1.2), (-0.9, 1.2)])), c.blend(np.array(colour) * 0.6, colour, wave))

    return draw


def bandana(c: Canvas) -> None:
    share = (np.sin(c.u * 45) * np.sin(c.v * 45) > 0.45).astype(float)
    c.lay(
        c.to_px([(-0.52, -0.3), (-0.1, -0.3), (0, -0.36), (0.1, -0.3), (0.52, -0.3), (0.3, 0.45), (0, 0.75), (-0.3, 0.45)]),
        c.blend((25, 40, 110), (235, 235, 235), share),
    )


def flat_hand(c: Canvas) -> None:
    for k, reach in enumerate((0.26, 0.34, 0.36, 0.3)):
        y = -0.2 + 0.145 * k
        for grow, shade in ((1.0, 0.72), (0.88, 0.95)):
            c.lay(c.ellipse((-0.1 + 0.2 * (reach - 0.26), y), (0.28 + reach / 2, 0.078 * grow), -6), c.skin * shade)
    c.lay(c.ellipse((-0.5, 0.05), (0.25, 0.36), 10), c.skin * 0.9)


def fist(c: Canvas) -> None:
    c.lay(c.ellipse((0, 0.12), (0.4, 0.33)), c.skin * 0.9)
    for k in range(4):
        c.lay(c.ellipse((-0.27 + 0.18 * k, 0.0), (0.085, 0.17), 4), c.skin * (1.0 + 0.02 * k))
        c.line([(-0.18 + 0.18 * k, -0.14), (-0.18 + 0.18 * k, 0.14)], c.skin * 0.6, 0.012)
    c.lay(c.ellipse((0.02, 0.24), (0.25, 0.08), 12), c.skin * 0.97)


def both_hands(c: Canvas) -> None:
    for side in (-1, 1):
        for k in range(4):
            for grow, shade in ((1.0, 0.7), (0.85, 0.97)):
                c.lay(
                    c.ellipse((side * (0.07 + 0.125 * k), 0.06 + 0.05 * k), (0.068 * grow, 0.36 - 0.03 * k), side * 12),
                    c.skin * shade,
                )


def paper(c: Canvas) -> None:
    text = ((c.v % 0.06) < 0.02) & (c.grain(0.012) > -0.6) & (np.abs(c.u) < 0.6)
    c.lay(
        c.to_px([(-0.8, -0.22), (0.8, -0.16), (0.75, 1.0), (-0.85, 0.95)]),
        c.blend((245, 245, 240), (90, 90, 90), text.astype(float)),
        0.4,
    )


def cup(c: Canvas) -> None:
    c.lay(c.ellipse((0.42, 0.18), (0.16, 0.2)), (210, 205, 200))
    c.lay(
        c.to_px([(-0.36, -0.18), (0.36, -0.18), (0.3, 0.6), (-0.3, 0.6)]),
        np.array((225, 220, 214)) * (1 - 0.9 * np.clip(c.u + 0.1, -0.4, 0.4) ** 2 * 3)[..., None],
    )
    c.lay(c.ellipse((0, -0.18), (0.36, 0.05)), (160, 150, 140))


def paper_cup(c: Canvas) -> None:
    c.lay(
        c.to_px([(-0.27, -0.15), (0.27, -0.15), (0.22, 0.65), (-0.22, 0.65)]),
        c.blend((120, 70, 40), (200, 170, 130), (np.sin(c.u * 90) > 0).astype(float)),
    )
    c.lay(c.to_px([(-0.3, -0.2), (0.3, -0.2), (0.3, -0.1), (-0.3, -0.1)]), (30, 30, 30))


def microphone(c: Canvas) -> None:
    c.lay(c.to_px([(-0.09, 0.1), (0.09, 0.1), (0.3, 1.2), (0.15, 1.2)]), (25, 25, 28))
    grille = 0.5 + 0.5 * np.sin(c.u * 140) * np.sin(c.v * 140)
    c.lay(c.ellipse((0, 0.06), (0.24, 0.24)), c.blend((40, 40, 44), (150, 150, 155), grille))


def phone(c: Canvas) -> None:
    c.lay(c.to_px([(-0.42, -0.15), (0.42, -0.19), (0.44, 0.28), (-0.4, 0.32)]), (22, 22, 26), 0.2)
    c.lay(c.ellipse((0.3, -0.08), (0.05, 0.05)), (60, 60, 75))


def book(c: Canvas) -> None:
    share = (np.abs(c.u) < 0.02) + 0.6 * ((np.abs(np.abs(c.u) - 0.35) < 0.18) & (np.abs(c.v - 0.15) < 0.05))
    c.lay(
        c.to_px([(-0.7, -0.2), (0.7, -0.2), (0.7, 0.75), (-0.7, 0.75)]),
        c.blend((120, 30, 35), (220, 190, 120), share.astype(float)),
        0.4,
    )


def collar(c: Canvas) -> None:
    share = 0.5 + 0.5 * np.sin(c.u * 2 * np.pi / 0.035)
    c.lay(
        c.to_px([(-0.6, -0.05), (-0.3, -0.11), (0, -0.13), (0.3, -0.11), (0.6, -0.05), (0.8, 1.2), (-0.8, 1.2)]),
        c.blend((60, 62, 58), (96, 98, 92), share),
    )


def bouquet(c: Canvas) -> None:
    for _ in range(45):
        x, y = c.rng.uniform(-0.5, 0.5), c.rng.uniform(-0.12, 0.7)
        colour = ((220, 60, 90), (250, 210, 80), (240, 240, 240), (60, 120, 50))[c.rng.integers(4)]
        c.lay(c.ellipse((x, y), (0.11, 0.1), c.rng.uniform(0, 90)), colour)
        c.lay(c.ellipse((x, y), (0.035, 0.03)), np.array(colour) * 0.6)


def pixels(c: Canvas) -> None:
    """A face made unrecognisable from the nose down, as in a newspaper."""
    c.pixelate(c.to_px([(-0.5, -0.16), (0.5, -0.16), (0.5, 0.5), (-0.5, 0.5)]), 0.16)


def photographed_hand(
    picture: np.ndarray, centre: tuple, degrees: float, size: float, mirrored: bool = False
) -> Callable[[Canvas], None]:
    """The hand of a photograph, its middle at `centre` and pointing `degrees` from the picture's right, `size` long."""
    zoom = picture.shape[1] / HAND_WIDTH

    def draw(c: Canvas) -> None:
        along, a = (TIP - WRIST) * zoom, np.radians(degrees)
        scale, turn = size * c.unit / np.linalg.norm(along), a - np.arctan2(along[1], along[0]) * (-1 if mirrored else 1)
        matrix = (
            scale
            * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            @ np.diag([1, -1 if mirrored else 1])
        )
        shift = c.to_px([centre])[0] - matrix @ ((TIP + WRIST) / 2 * zoom)
        hand = cv2.warpAffine(
            picture,
            np.hstack([matrix, shift[:, None]]),
            c.picture.shape[1::-1],
            flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REPLICATE,
        )
        tint = c.skin / np.maximum(np.array((226, 180, 155)), 1)
        c.lay(HAND * zoom @ matrix.T + shift, hand * (0.4 + 0.6 * tint), 0)

    return draw


LOWER: dict[str, Callable[[Canvas], None]] = {
    "surgical blue": surgical((130, 180, 215)),
    "surgical white": surgical((240, 242, 245)),
    "surgical black": surgical((28, 28, 32)),
    "surgical pink": surgical((235, 170, 185)),
    "surgical green": surgical((120, 180, 150)),
    "mask, grey, smooth": surgical((150, 150, 150), False),
    "respirator": respirator,
    "mask, flowers": floral,
    "mask, plaid": plaid,
    "mask, dots": dots,
    "mask, printed smile": printed_smile,
    "mask, printed mouth": printed_mouth,
    "mask, skin colour": skin_mask,
    "scarf, knitted": scarf((170, 40, 45), -0.15, 0.045),
    "scarf, grey": scarf((120, 118, 115), -0.22, 0),
    "scarf, below the nose": scarf((60, 80, 70), -0.1, 0.08),
    "bandana": bandana,
    "flat hand": flat_hand,
    "fist": fist,
    "both hands": both_hands,
    "paper": paper,
    "cup": cup,
    "paper cup": paper_cup,
    "microphone": microphone,
    "phone": phone,
    "book": book,
    "collar": collar,
    "flowers": bouquet,
    "pixels": pixels,
}


def glasses(
    colour: tuple, radii: tuple, *, gradient: float = 0, shine: float = 0, rim: tuple | None = None, square: bool = False
) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        eyes = [c.frame(c.p[[a, b]]).mean(0) + np.array((0, 0.02)) for a, b in ((33, 133), (362, 263))]
        fill = np.array(colour, np.float32) * np.ones_like(c.picture) + gradient * np.clip(c.v + 0.55, 0, 0.5)[..., None]
        fill = fill + shine * ((c.u * 0.7 + c.v) % 0.3 < 0.04)[..., None]
        for x, y in eyes:
            a, b = radii
            corners = (
                c.to_px([(x - a, y - b), (x + a, y - b), (x + 0.92 * a, y + b), (x - 0.92 * a, y + b)])
                if square
                else c.ellipse((x, y), radii)
            )
            if rim:
                middle = corners.mean(0)
                c.lay(middle + (corners - middle) * 1.14, rim, 0.3)
            c.lay(corners, fill, 0.3)
        c.line([eyes[0] + [radii[0] * 0.9, 0], eyes[1] - [radii[0] * 0.9, 0]], rim or colour, 0.02)
        for eye, side in zip(eyes, (-1, 1), strict=True):
            c.line([eye + np.array((side * radii[0], 0)), (side * 0.52, eye[1])], rim or colour, 0.02)

    return draw


def one_lens_lit(side: int) -> Callable[[Canvas], None]:
    """Dark glasses with a window that shows in one lens: 1 the one at the picture's right, -1 the one at its left."""

    def draw(c: Canvas) -> None:
        glasses((18, 18, 20), (0.17, 0.13), rim=(70, 70, 74))(c)
        x, y = c.frame(c.p[[362, 263] if side > 0 else [33, 133]]).mean(0) + np.array((0, 0.02))
        pane = c.blend((120, 130, 140), (225, 232, 240), (c.v - y) / 0.2 + 0.5)
        for left, right in ((-0.09, -0.01), (0.01, 0.1)):
            c.lay(c.to_px([(x + left, y - 0.09), (x + right, y - 0.1), (x + right, y + 0.06), (x + left, y + 0.07)]), pane, 0)

    return draw


def visor(colour: tuple, far: tuple) -> Callable[[Canvas], None]:
    def draw(c: Canvas) -> None:
        y = c.frame(c.p[[33, 263]])[:, 1].mean()
        c.lay(
            c.to_px(
                [
                    (-0.5, y - 0.12),
                    (0, y - 0.15),
                    (0.5, y - 0.12),
                    (0.48, y + 0.1),
                    (0.12, y + 0.17),
                    (0, y + 0.1),
                    (-0.12, y + 0.17),
                    (-0.48, y + 0.1),
                ]
            ),
            c.blend(colour, far, (c.v - y + 0.15) / 0.3),
            0.2,
        )

    return draw


UPPER: dict[str, Callable[[Canvas], None]] = {
    "round, black": glasses((14, 14, 16), (0.15, 0.14)),
    "wayfarer": glasses((20, 18, 18), (0.185, 0.115), rim=(10, 10, 10), square=True),
    "aviator, brown": glasses((52, 34, 22), (0.175, 0.15), gradient=90, rim=(150, 130, 80)),
    "reflecting": glasses((40, 50, 60), (0.18, 0.13), shine=110, rim=(30, 30, 30)),
    "white rims": glasses((25, 25, 28), (0.17, 0.13), rim=(240, 240, 240)),
    "small, dark": glasses((22, 22, 24), (0.125, 0.09)),
    "sport visor": visor((30, 60, 90), (20, 20, 30)),
    "mirrored visor": visor((240, 150, 60), (90, 40, 120)),
    "left lens lit": one_lens_lit(1),
    "right lens lit": one_lens_lit(-1),
}


def with_hands(photograph: str | None) -> dict[str, Callable[[Canvas], None]]:
    """LOWER and, with the photograph, four ways to lay its hand over the mouth."""
    if photograph is None:
        return LOWER
    hand = np.asarray(Image.open(photograph).convert("RGB"))
    return LOWER | {
        "photographed hand, across": photographed_hand(hand, (0, 0.05), 0, 0.95),
        "photographed hand, mirrored": photographed_hand(hand, (0, 0.05), 180, 0.95, True),
        "photographed hand, up": photographed_hand(hand, (0.02, 0.15), -75, 0.9),
        "photographed hand, slanted": photographed_hand(hand, (0.03, 0.08), -30, 1.0),
    }
