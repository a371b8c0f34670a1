"""Is the lower or the upper half of a face hidden: by a mask, a hand, a scarf, dark glasses?

The mesh lays a whole face over whatever hides one, so its units there mean nothing. A small convolutional network
(data/covers.npz, data_engine/fit_covers.py) looks at the aligned chip. Runs on numpy and OpenCV alone.
"""

from __future__ import annotations

import functools

import numpy as np

from emollm.files import DATA
from emollm.schema import InputError

FILE = DATA / "covers.npz"
SIDE = 32  # px of the chip that the network looks at
HALVES = ("lower", "upper")
# What is not measured then (FACS numbers): all that shows in the covered half.
HIDDEN = {"lower": (9, 10, 11, 12, 14, 15, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28), "upper": (1, 2, 4, 5, 6, 7, 43, 45)}


def thumbnail(chip: np.ndarray) -> np.ndarray:
    """A grey chip [S, S] uint8 as the network is given it, [SIDE, SIDE] uint8."""
    import cv2

    return cv2.resize(chip, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def normalised(thumbs: np.ndarray) -> np.ndarray:
    """Thumbnails [N, SIDE, SIDE] uint8 without their brightness and contrast, float32."""
    x = np.asarray(thumbs, np.float32)
    return (x - x.mean((1, 2), keepdims=True)) / (x.std((1, 2), keepdims=True) + 8)


@functools.cache
def weights() -> dict[str, np.ndarray]:
    """Raises InputError when their file is missing."""
    if not FILE.is_file():
        raise InputError(f"{FILE}: missing; reinstall emollm or run data_engine/fit_covers.py")
    with np.load(FILE, allow_pickle=False) as stored:
        return {k: stored[k].astype(np.float32) for k in stored.files}


def scores(thumbs: np.ndarray) -> np.ndarray:
    """How surely each half is covered, [N, 2] (HALVES), 0 at the threshold; of thumbnails [N, SIDE, SIDE] uint8."""
    w, x = weights(), normalised(thumbs)[..., None]  # [N, S, S, channels]
    for layer in range(1, 4):
        x = np.maximum(_convolved(x, w[f"conv{layer}"], w[f"conv{layer}_bias"], 1 if layer == 3 else 2), 0)
    x = np.maximum(x.transpose(0, 3, 1, 2).reshape(len(x), -1) @ w["hidden"].T + w["hidden_bias"], 0)
    return x @ w["out"].T + w["out_bias"]


def _convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """3x3 convolution of x [N, H, W, C] by kernel [D, C, 3, 3], edges padded with zeros, -> [N, H / stride, W / stride, D]."""
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))[
        :, ::stride, ::stride
    ]
    n, height, width = seen.shape[:3]  # [N, H, W, C, 3, 3]
    return (seen.reshape(n * height * width, -1) @ kernel.reshape(len(kernel), -1).T + bias).reshape(n, height, width, -1)
