"""Is a part of a face hidden: by a mask, a hand, a scarf, dark glasses, a fringe?

The mesh lays a whole face over whatever hides one, so its units there mean nothing. A small convolutional network
(data/covers.npz, data_engine/fit_covers.py) looks at the aligned chip and at its mirror image, so that a mirrored face has its
sides swapped and nothing else. Runs on numpy and OpenCV alone.
"""

from __future__ import annotations

import functools

import numpy as np

from emollm.facs.units import LOWER, UPPER
from emollm.files import DATA, open_fitted_table
from emollm.perception import drawing

FILE = DATA / "covers.npz"
SIDE = 32  # px of the chip that the network looks at
PARTS = ("lower", "left eye", "right eye", "brows", "left mouth", "right mouth")  # left and right are the person's own
MIRRORED = [0, 2, 1, 3, 5, 4]  # where each part is in a mirror
BROWS = (1, 2, 4)
# What is not measured then: units (FACS numbers) and their sides (0 left, 1 right). Whatever hides an eye mostly hides its
# brow or leads the mesh astray there.
HIDDEN = {"lower": (LOWER, (0, 1)), "left eye": (UPPER, (0,)), "right eye": (UPPER, (1,)), "brows": (BROWS, (0, 1)),
          "left mouth": (LOWER, (0,)), "right mouth": (LOWER, (1,)), "drawing": (UPPER + LOWER, (0, 1))}


def thumbnail(chip: np.ndarray) -> np.ndarray:
    """A grey chip [S, S] uint8 as the network is given it, [SIDE, SIDE] uint8."""
    import cv2

    return cv2.resize(chip, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def normalise_thumbs(thumbs: np.ndarray) -> np.ndarray:
    """Thumbnails [N, SIDE, SIDE] uint8 without their brightness and contrast, float32."""
    x = np.asarray(thumbs, np.float32)
    return (x - x.mean((1, 2), keepdims=True)) / (x.std((1, 2), keepdims=True) + 8)


@functools.cache
def weights() -> dict[str, np.ndarray]:
    """Raises InputError when their file is missing."""
    with open_fitted_table(FILE, "fit_covers.py") as arrays:
        return {k: arrays[k].astype(np.float32) for k in arrays.files}


def scores(thumbs: np.ndarray, given: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """How surely each part is covered, [N, len(PARTS)], 0 at the threshold; of thumbnails [N, SIDE, SIDE] uint8.

    given: weights to use instead of those stored.
    """
    w, x = given or weights(), normalise_thumbs(thumbs)
    both = _network(np.concatenate([x, x[:, :, ::-1]]), w)
    return (both[: len(x)] + both[len(x) :, MIRRORED]) / 2


def look(chip: np.ndarray) -> np.ndarray:
    """Why parts of a face are not measured, [len(HIDDEN)], > 0: so it is; of its aligned grey chip [S, S] uint8."""
    return np.append(scores(thumbnail(chip)[None])[0], drawing.score(chip)).astype(np.float32)


def notices(hidden: np.ndarray) -> list[str]:
    """What was not measured and why, in words, of hidden [T, len(HIDDEN)] bool; empty when nothing was."""
    drawn = hidden[:, -1]
    lower, left, right, brows, left_mouth, right_mouth = (hidden[:, :-1] & ~drawn[:, None]).T
    lower = lower | (left_mouth & right_mouth)
    left, right, both = left & ~right, right & ~left, left & right
    left_mouth, right_mouth = left_mouth & ~lower, right_mouth & ~lower
    named = {"the lower half of the face is": lower, "the upper half of the face is": both,
             "the left half of the face is": left & left_mouth, "the right half of the face is": right & right_mouth,
             "the left eye and brow are": left & ~left_mouth, "the right eye and brow are": right & ~right_mouth,
             "the left half of the mouth is": left_mouth & ~left, "the right half of the mouth is": right_mouth & ~right,
             "the brows are": brows & ~left & ~right & ~both}
    lines = [f"{part} hidden{share_words(float(frames.mean()))}: what moves there is not measured"
             for part, frames in named.items() if frames.any()]
    if drawn.any():
        lines.insert(0, f"the face looks drawn, not photographed{share_words(float(drawn.mean()))}: it is not measured as a "
                        "person's")
    return lines


def share_words(share: float) -> str:
    """In which share of the frames something is so, in words; nothing where it is so in all."""
    return "" if share == 1 else f" in {share:.0%} of the frames"


def _network(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    x = x[..., None]  # [N, S, S, channels]
    for layer in range(1, 4):
        x = np.maximum(_convolve(x, w[f"conv{layer}"], w[f"conv{layer}_bias"]), 0)
    x = np.maximum(x.transpose(0, 3, 1, 2).reshape(len(x), -1) @ w["hidden"].T + w["hidden_bias"], 0)
    return x @ w["out"].T + w["out_bias"]


def _convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """3x3 convolution of x [N, H, W, C] by kernel [D, C, 3, 3], edges padded with zeros, -> [N, H / 2, W / 2, D]."""
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))[:, ::2, ::2]
    n, height, width = seen.shape[:3]  # [N, H, W, C, 3, 3]
    return (seen.reshape(n * height * width, -1) @ kernel.reshape(len(kernel), -1).T + bias).reshape(n, height, width, -1)
