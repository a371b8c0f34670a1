"""What the skin of a face shows at some of its landmarks: brow furrow, nose root, cheek, chin, mouth corners.

Contract (the action-unit estimator was fitted on it): an aligned grey chip of SIZE px (align.cut_chip), its contrast
taken out; rectified gradients in BINS directions, smoothed (DAISY, Tola et al., IEEE TPAMI 32(5), 2010), read on a 3x3
grid around each of PLACES; each patch normalised; its COMPONENTS principal components. The left half is read mirrored,
so that one set of weights measures either side. The components are in data/au_looks.npz (data_engine/fit_aus.py).
P = places, 72 = 9 grid points x BINS, 2 = left, right.
"""

from __future__ import annotations

import functools

import numpy as np

from emollm.files import DATA, open_fitted_table
from emollm.perception import align

FILE = DATA / "au_looks.npz"
SIZE = 64  # px of the chip
STEP, SMOOTH = 5.0, 2.5  # px between grid points, and sigma of the smoothing
BINS = 8
COMPONENTS = 10  # of each patch
WEAK = 0.25  # gradient energy of a patch below which it counts as plain skin
# Landmarks of each patch, on the person's right and left half; the mean of two where two are named.
PLACES = {
    "glabella": ((9,), (9,)), "inner brow": ((107, 55), (336, 285)), "outer brow": ((105,), (334,)),
    "nose root": ((6,), (6,)), "eye": ((159, 145), (386, 374)), "crow's feet": ((226,), (446,)),
    "lid-cheek line": ((119,), (348,)), "nose side": ((217,), (437,)), "nose wing": ((129,), (358,)),
    "cheek": ((205,), (425,)), "mouth corner": ((61,), (291,)), "philtrum": ((164,), (164,)), "lips": ((13, 14), (13, 14)),
    "lower lip": ((17,), (17,)), "chin": ((199,), (199,)), "below the corner": ((214,), (434,)),
    "forehead": ((151,), (151,)), "outer forehead": ((104, 69), (333, 299)),
}
NAMES = tuple(PLACES)
WIDTH = len(PLACES) * COMPONENTS  # numbers a half-face

_CENTRES = np.array([[(sides[side] * 2)[:2] for sides in PLACES.values()] for side in (1, 0)])  # [2, P, 2] left, right
_ANGLES = np.arange(BINS, dtype=np.float32) * 2 * np.pi / BINS
_GRID = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1).reshape(-1, 2) * STEP  # [9, 2]
_MIRRORED_GRID = np.array([2, 1, 0, 5, 4, 3, 8, 7, 6])
_MIRRORED_BINS = (BINS // 2 - np.arange(BINS)) % BINS


@functools.cache
def basis() -> tuple[np.ndarray, np.ndarray]:
    """Mean [P, 72] and components [P, 72, COMPONENTS] of the patches. Raises InputError when their file is missing."""
    with open_fitted_table(FILE, "fit_aus.py") as arrays:
        return arrays["mean"], arrays["project"]


def look(chip: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Appearance of one face, [2, WIDTH] float16: chip [SIZE, SIZE, 3] or grey [SIZE, SIZE] uint8, points [478, 2+] in picture
    px."""
    return project(describe(chip, points))


def project(patches: np.ndarray) -> np.ndarray:
    """Components [.., WIDTH] float16 of described patches [.., P, 72]."""
    mean, components = basis()
    parts = np.einsum("...pd,pdk->...pk", np.asarray(patches, dtype=np.float32) - mean, components)
    return parts.reshape(*parts.shape[:-2], WIDTH).astype(np.float16)


def describe(chip: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Patches [2, P, 72] float32 of one face; arguments as look(), the chip may be grey [SIZE, SIZE]."""
    at = align.apply(align.similarity(points[align.STABLE, :2].astype(float), align.CANONICAL * SIZE - 0.5),
                     points[:, :2].astype(float))
    patches = _read(_gradients(to_grey(chip)), at[_CENTRES].mean(2)[:, :, None] + _GRID)  # [2, P, 9, BINS]
    patches[0] = patches[0][:, _MIRRORED_GRID][..., _MIRRORED_BINS]
    patches = patches.reshape(2, len(PLACES), -1)
    return patches / np.sqrt((patches**2).sum(-1, keepdims=True) + WEAK**2)


def to_grey(chip: np.ndarray) -> np.ndarray:
    """A chip [S, S, 3] or [S, S] in grey."""
    import cv2

    return chip if chip.ndim == 2 else cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)


def _gradients(grey: np.ndarray) -> np.ndarray:
    """Smoothed rectified gradients [SIZE, SIZE, BINS] of a grey chip, free of its brightness and contrast."""
    import cv2

    chip = grey.astype(np.float32)
    chip = (chip - chip.mean()) / (chip.std() + 8)
    across, down = (cv2.Sobel(chip, cv2.CV_32F, *axes, scale=1 / 8) for axes in ((1, 0), (0, 1)))
    ahead = across[..., None] * np.cos(_ANGLES[:BINS // 2]) + down[..., None] * np.sin(_ANGLES[:BINS // 2])
    both = (np.maximum(ahead, 0), np.maximum(-ahead, 0))  # OpenCV blurs at most four channels at a time
    return np.concatenate([cv2.GaussianBlur(m, (0, 0), SMOOTH) for m in both], -1)


def _read(maps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bilinear values [.., BINS] of maps [S, S, BINS] at places [.., 2] x, y; outside, those of the nearest edge."""
    at = np.clip(at, 0, SIZE - 1.001)
    whole = at.astype(int)
    x, y = whole[..., 0], whole[..., 1]
    u, v = np.moveaxis((at - whole).astype(np.float32)[..., None], -2, 0)
    return (maps[y, x] * (1 - u) + maps[y, x + 1] * u) * (1 - v) + (maps[y + 1, x] * (1 - u) + maps[y + 1, x + 1] * u) * v
