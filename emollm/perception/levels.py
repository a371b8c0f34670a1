"""Pixel values of more than 8 bits, or with a fraction, on their real range.

A 12-bit camera writes 0-4095 into 16-bit files; taken for 16 bits the picture would be nearly black, and its landmarks wrong.
"""

from __future__ import annotations

import numpy as np

BIT_DEPTHS = (8, 10, 12, 14, 16)
FULL_OF_ONE = 2.0  # floats up to here are meant as 0-1 with some overshoot
DARK = 0.25  # share of a range below which a picture's own largest value is taken for white


def to_bytes(values: np.ndarray, white: float | None = None) -> tuple[np.ndarray, str]:
    """Pixels [H, W] or [H, W, C] of any number type as uint8, and the range that was taken, in words.

    white: the value that the file itself calls white, when it says so. Values that are no numbers become black.
    """
    bad = ~np.isfinite(values) if values.dtype.kind == "f" else None
    if bad is not None and bad.any():
        values = np.where(bad, 0, values)
    low, high = float(values.min()), float(values.max())
    low, white = _range(low, high, values.dtype.kind == "f", white)
    scale = np.float32(255 / (white - low))
    out = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), 512):  # in bands: a large picture as float is four times itself
        band = (values[row:row + 512].astype(np.float32) - np.float32(low)) * scale
        out[row:row + 512] = np.clip(np.rint(band), 0, 255)
    kind = "fractional values" if values.dtype.kind == "f" else f"values of {8 * values.dtype.itemsize} bits"
    return out, f"{kind} from {_number(float(values.min()))} to {_number(high)} are read on the range {_number(low)} to " \
                f"{_number(white)}"


def _range(low: float, high: float, fractional: bool, white: float | None) -> tuple[float, float]:
    """Black and white."""
    if low < 0:
        return low, max(high, low + 1e-6)
    if white is not None and white >= high and white > 0:
        return 0.0, white
    white = full_scale(high, fractional)
    return 0.0, white if high >= DARK * white or high == 0 or (fractional and white == 1) else high


def full_scale(high: float, fractional: bool) -> float:
    """White of values from 0 to `high`: 1 for fractions, else the end of the smallest usual depth that holds them."""
    if fractional and high <= FULL_OF_ONE:
        return 1.0
    return next((2.0**bits - 1 for bits in BIT_DEPTHS if high <= 2**bits - 1), high)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
