"""Is the face drawn, painted or sculpted rather than photographed?

Told by what a camera does not make: areas without any shading; and by how grey levels, edges and shading are spread over the
face as a whole, at a size at which every picture is as sharp (data/drawings.npz, data_engine/fit_drawings.py). Both are seen on
the aligned chip. Fewer than half of paintings, statues and dolls are told (docs/au_estimator.md).
"""

from __future__ import annotations

import functools

import numpy as np

from emollm.files import DATA, open_fitted_table

FILE = DATA / "drawings.npz"
FLAT, SHARE = 1, 0.4  # grey levels that the 3x3 px around a place differ by, and share of such places of a drawing
CLIPPED = (4, 251)  # darkest and lightest grey level that count: an over- or underexposed face is flat as well
CENTRE, RADII = (0.5, 0.53), (0.33, 0.40)  # of what is looked at, in chip sides: the face without its outline

SIDE = 32  # px of the chip that statistics are taken of
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)  # quantiles of the grey levels
EDGES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99)  # quantiles of what changes from place to place
STEPS = (2, 4, 8, 16)  # grey levels of flat places
SPREAD = 8.0  # grey levels added to the spread, so that a face in the dark is not all noise


def score(chip: np.ndarray) -> float:
    """How surely a face is drawn, > 0: it is; of its grey chip [S, S] uint8, aligned (align.cut_chip)."""
    exposed = (chip >= CLIPPED[0]) & (chip <= CLIPPED[1])
    flat = float((_flat_areas(chip, FLAT) & exposed)[_face_ellipse(len(chip))].mean()) - SHARE
    weights = _weights()
    return max(flat, float(weights[0] + statistics(chip) @ weights[1:]))


def statistics(chip: np.ndarray) -> np.ndarray:
    """Numbers [29] about a grey chip [S, S] uint8: quantiles of grey levels, of edges and of curvature, without its contrast;
    how many grey levels there are, how much is flat, contrast and brightness."""
    import cv2

    small = cv2.resize(chip, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    face, inside = small.astype(np.float32), _face_ellipse(SIDE)
    spread, mean = float(face[inside].std()), float(face[inside].mean())
    plain = (face - mean) / (spread + SPREAD)
    edges = np.hypot(cv2.Sobel(plain, cv2.CV_32F, 1, 0), cv2.Sobel(plain, cv2.CV_32F, 0, 1)) / 8
    curved = np.abs(cv2.Laplacian(plain, cv2.CV_32F))
    share = np.bincount(small[inside] >> 4, minlength=16) / inside.sum()
    return np.array([*_quantiles(plain[inside], LEVELS), *np.log(_quantiles(edges[inside], EDGES) + 0.01),
                     *np.log(_quantiles(curved[inside], EDGES) + 0.01), -(share * np.log(share + 1e-6)).sum(),
                     *(_flat_areas(small, step)[inside].mean() for step in STEPS), (spread + SPREAD) / 64, mean / 128])


def _quantiles(values: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """As np.quantile, in a fifth of its time."""
    return np.interp(np.array(shares) * (len(values) - 1), np.arange(len(values)), np.sort(values))


@functools.cache
def _weights() -> np.ndarray:
    with open_fitted_table(FILE, "fit_drawings.py") as arrays:
        return arrays["weights"]


def _flat_areas(grey: np.ndarray, step: int) -> np.ndarray:
    """Where the 3x3 px around a place differ by at most so many grey levels, [S, S] bool."""
    import cv2

    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(grey, square) - cv2.erode(grey, square) <= step


@functools.cache
def _face_ellipse(side: int) -> np.ndarray:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    return ((x - CENTRE[0]) / RADII[0]) ** 2 + ((y - CENTRE[1]) / RADII[1]) ** 2 <= 1
