"""Draw what hides a part of a face: masks, hands, scarves, objects; dark glasses, bars, fringes.

Each cover is a shape in the face's own landmarks and a texture that fills it, so that shapes and textures can be kept apart
between fitting and checking. Pictures are [H, W, 3] uint8; points [478, 2+] in picture px.
"""

from __future__ import annotations

import cv2
import numpy as np

OVAL_BELOW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
EYES = ((33, 133, 159, 145), (362, 263, 386, 374))
NOSE = (6, 195, 5, 4, 1, 2)  # from the bridge down
LOWER_SHAPES = ("mask", "low mask", "box", "hand", "object", "scarf")
UPPER_SHAPES = ("glasses", "goggles", "bar", "fringe", "hand")
TEXTURES = ("plain", "gradient", "noise", "pleats", "stripes", "checks", "cloth", "skin", "blotches")


def lower_shape(name: str, points: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Mask [H, W] float 0-1 of something in front of mouth and chin."""
    p, mask = points[:, :2], np.zeros(size, np.float32)
    width = np.linalg.norm(p[454] - p[234])
    if name in ("mask", "low mask"):
        top = p[rng.choice(NOSE[1:4] if name == "mask" else NOSE[3:])]
        low = np.array([p[k] for k in OVAL_BELOW[1:-1]])
        low = low + (low - p[4]) * rng.uniform(0.0, 0.15)
        _fill(mask, np.vstack([low, top + np.array([rng.uniform(-0.03, 0.03) * width, 0])]))
    elif name == "box":
        top = p[rng.choice((2, 164, 4))][1]
        centre, half = p[13], rng.uniform(0.35, 0.7) * width
        bottom = p[152][1] + rng.uniform(-0.05, 0.3) * width
        _fill(
            mask,
            np.array(
                [[centre[0] - half, top], [centre[0] + half, top], [centre[0] + half, bottom], [centre[0] - half, bottom]]
            ),
        )
    elif name == "hand":
        for k in range(int(rng.integers(3, 6))):
            at = p[13] + [(k - 2) * 0.12 * width + rng.normal(0, 0.03) * width, rng.normal(0.02, 0.06) * width]
            cv2.ellipse(
                mask,
                tuple(at.astype(int).tolist()),
                (max(2, int(0.09 * width)), max(3, int(rng.uniform(0.25, 0.4) * width))),
                float(rng.uniform(-25, 25)),
                0,
                360,
                1.0,
                -1,
            )
    elif name == "object":
        at = p[13] + rng.normal(0, 0.05, 2) * width
        cv2.ellipse(
            mask,
            tuple(at.astype(int).tolist()),
            (int(rng.uniform(0.3, 0.5) * width), int(rng.uniform(0.25, 0.45) * width)),
            float(rng.uniform(0, 180)),
            0,
            360,
            1.0,
            -1,
        )
    else:
        top = p[rng.choice((2, 164, 4, 5))]
        across = (p[454] - p[234]) / max(width, 1)
        left, right = top - across * width, top + across * width
        down = np.array([-across[1], across[0]]) * width * 1.5
        _fill(mask, np.array([left, right, right + down, left + down]))
    return mask


def upper_shape(name: str, points: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Mask [H, W] float 0-1 of something in front of the eyes."""
    p, mask = points[:, :2], np.zeros(size, np.float32)
    width = np.linalg.norm(p[454] - p[234])
    across = (p[263] - p[33]) / max(np.linalg.norm(p[263] - p[33]), 1)
    down = np.array([-across[1], across[0]])
    if name == "glasses":
        high, wide = rng.uniform(0.11, 0.17) * width, rng.uniform(0.15, 0.21) * width
        tilt = float(np.degrees(np.arctan2(across[1], across[0])))
        for eye in EYES:
            at = p[list(eye)].mean(0) + down * 0.02 * width
            cv2.ellipse(mask, tuple(at.astype(int).tolist()), (max(2, int(wide)), max(2, int(high))), tilt, 0, 360, 1.0, -1)
        cv2.line(mask, tuple(p[33].astype(int).tolist()), tuple(p[263].astype(int).tolist()), 1.0, max(1, int(0.03 * width)))
        return mask
    above, below = {
        "goggles": (0.14, 0.17),
        "bar": (rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.1)),
        "fringe": (0.8, 0.08),
        "hand": (0.3, 0.12),
    }[name]
    centre, half = (p[33] + p[263]) / 2, rng.uniform(0.42, 0.6) * width
    corners = np.array(
        [
            centre - across * half - down * above * width,
            centre + across * half - down * above * width,
            centre + across * half + down * below * width,
            centre - across * half + down * below * width,
        ]
    )
    _fill(mask, corners)
    return mask


def _fill(mask: np.ndarray, corners: np.ndarray) -> None:
    cv2.fillPoly(mask, [corners.round().astype(np.int32)], 1.0)


def texture(name: str, picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a cover looks like, [H, W, 3] uint8."""
    height, width = picture.shape[:2]
    base, other = rng.integers(0, 256, 3).astype(float), rng.integers(0, 256, 3).astype(float)
    if rng.random() < 0.5:  # greys, as most pictures for fitting are grey
        base[:], other[:] = base[0], other[0]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    face = max(float(np.linalg.norm(points[454, :2] - points[234, :2])), 8.0)
    share = np.zeros((height, width), np.float32)
    if name == "gradient":
        share = (np.cos(a := rng.uniform(0, 6.28)) * x + np.sin(a) * y) / face
        share = (share - share.min()) / max(np.ptp(share), 1e-6)
    elif name in ("noise", "cloth", "blotches"):
        grain = {"noise": 0.01, "cloth": 0.03, "blotches": 0.12}[name] * face
        share = cv2.GaussianBlur(rng.random((height, width)).astype(np.float32), (0, 0), max(grain, 0.4))
        share = np.clip((share - share.mean()) / (share.std() * 4 + 1e-6) + 0.5, 0, 1)
    elif name in ("stripes", "pleats", "checks"):
        period = rng.uniform(0.06, 0.25) * face
        share = (y % period < period * (0.2 if name == "pleats" else 0.5)).astype(np.float32)
        if name == "checks":
            share = np.abs(share - (x % period < period / 2))
        if name == "pleats":
            other = np.clip(base - rng.uniform(15, 50), 0, 255)
    elif name == "skin":
        cheek = points[rng.choice((205, 425, 151)), :2].astype(int)
        patch = picture[max(0, cheek[1] - 2) : cheek[1] + 3, max(0, cheek[0] - 2) : cheek[0] + 3]
        base = patch.reshape(-1, 3).mean(0) if patch.size else base
        other = np.clip(base * rng.uniform(0.75, 1.1), 0, 255)
        share = cv2.GaussianBlur(rng.random((height, width)).astype(np.float32), (0, 0), 0.15 * face)
        share = np.clip((share - share.mean()) / (share.std() * 4 + 1e-6) + 0.5, 0, 1)
    filled = base + (other - base) * share[..., None]
    return np.clip(filled + rng.normal(0, rng.uniform(0, 6), filled.shape), 0, 255).astype(np.uint8)


def covered(picture: np.ndarray, points: np.ndarray, where: str, shape: str, fill: str, rng: np.random.Generator) -> np.ndarray:
    """The picture with one cover in front of the "lower" or "upper" half of its face."""
    shaped = (lower_shape if where == "lower" else upper_shape)(shape, points, picture.shape[:2], rng)
    filled = texture(fill, picture, points, rng)
    if shape in ("glasses", "goggles") and rng.random() < 0.8:  # dark, with a reflection
        filled = (filled * rng.uniform(0.05, 0.3)).astype(np.uint8)
    soft = cv2.GaussianBlur(shaped, (0, 0), max(0.3, float(rng.uniform(0.2, 1.2))))[..., None]
    return (picture * (1 - soft) + filled * soft).round().astype(np.uint8)
