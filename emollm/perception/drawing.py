"""Is the face drawn rather than photographed? Told by what a camera does not make: areas without any shading.

Seen on the aligned chip. Pencil drawings, statues, masks and the faces of animals cannot be told from people soundly with what
there is (docs/au_estimator.md).
"""

from __future__ import annotations

import functools

import numpy as np

FLAT, SHARE = 1, 0.4  # grey levels that the 3x3 px around a place differ by, and share of such places of a drawing
CLIPPED = (4, 251)  # darkest and lightest grey level that count: an over- or underexposed face is flat as well
CENTRE, RADII = (0.5, 0.53), (0.33, 0.40)  # of what is looked at, in chip sides: the face without its outline


def score(chip: np.ndarray) -> float:
    """How surely a face is drawn, > 0: it is; of its grey chip [S, S] uint8, aligned (align.cut_chip)."""
    import cv2

    square = np.ones((3, 3), np.uint8)
    flat = cv2.dilate(chip, square) - cv2.erode(chip, square) <= FLAT
    exposed = (chip >= CLIPPED[0]) & (chip <= CLIPPED[1])
    return float((flat & exposed)[_within(len(chip))].mean()) - SHARE


@functools.cache
def _within(side: int) -> np.ndarray:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    return ((x - CENTRE[0]) / RADII[0]) ** 2 + ((y - CENTRE[1]) / RADII[1]) ** 2 <= 1
