"""How stored pixels stand in the world: quarter turns and mirrors (EXIF, display matrices) and pixels that are not square.

A face on its side, mirrored or squeezed would change every action unit, so this is undone before anything is measured.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from emollm.perception import limits

WIDEST_PIXEL = 4.0  # width over height; of real formats 64:45 is the widest that is common, and nothing is beyond 2.4
NEARLY_SQUARE = 0.005  # densities such as 72 and 72.009 dots an inch


@dataclass(frozen=True)
class Orientation:
    """One of the eight: rows and columns swapped first, then the columns and the rows reversed."""

    swapped: bool = False
    columns_reversed: bool = False
    rows_reversed: bool = False

    def turn_upright(self, picture: np.ndarray) -> np.ndarray:
        """The picture [H, W, C] upright, C-contiguous (in others mediapipe silently finds nothing)."""
        picture = picture.transpose(1, 0, 2) if self.swapped else picture
        picture = picture[:, ::-1] if self.columns_reversed else picture
        picture = picture[::-1] if self.rows_reversed else picture
        return np.ascontiguousarray(picture)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height once upright."""
        return (height, width) if self.swapped else (width, height)


# EXIF 2.32, tag 0x0112: where the first stored row and column belong.
EXIF = {1: Orientation(), 2: Orientation(columns_reversed=True), 3: Orientation(False, True, True),
        4: Orientation(rows_reversed=True), 5: Orientation(swapped=True), 6: Orientation(True, True, False),
        7: Orientation(True, True, True), 8: Orientation(True, False, True)}


def orientation_of_matrix(matrix: bytes | None) -> Orientation:
    """The orientation nearest to a display matrix as FFmpeg holds it (nine 32-bit numbers, as in ISO 14496-12 'tkhd').

    x' = a x + c y, y' = b x + d y. Only signs and the larger diagonal count: scaling is part of the pixel aspect.
    """
    if matrix is None or len(matrix) < 36:
        return Orientation()
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, c < 0, b < 0)
    return Orientation(False, a < 0, d < 0)


def pixel_aspect(ratio: Fraction | float | None) -> float:
    """Width over height of a pixel; 1 for what is unknown, square or impossible."""
    ratio = float(ratio or 1)
    believable = 1 / WIDEST_PIXEL <= ratio <= WIDEST_PIXEL and abs(ratio - 1) > NEARLY_SQUARE
    return ratio if believable else 1.0


def square_size(width: int, height: int, aspect: float, max_side: int, max_pixels: int) -> tuple[int, int]:
    """Size of the same picture with square pixels: one side grows, or the other shrinks where it would be too large."""
    wider, taller = (round(width * aspect), height), (width, round(height / aspect))
    grown, shrunk = (wider, taller) if aspect > 1 else (taller, wider)
    fits = max(grown) <= max_side and grown[0] * grown[1] <= max_pixels
    return grown if fits else shrunk


def square_photo(width: int, height: int, aspect: float) -> tuple[int, int]:
    return square_size(width, height, aspect, limits.MAX_PHOTO_SIDE, limits.MAX_PHOTO_PIXELS)


def square_clip(width: int, height: int, aspect: float) -> tuple[int, int]:
    return square_size(width, height, aspect, limits.MAX_CLIP_SIDE, limits.MAX_CLIP_SIDE**2)
