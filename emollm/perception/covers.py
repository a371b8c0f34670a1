"""Is a part of a face hidden: by a mask, a hand, a scarf, dark glasses, a fringe?

The mesh lays a whole face over whatever hides one, so its units there mean nothing. Small convolutional networks
(data/covers.npz, data_engine/fit_covers.py) look at the aligned chip and at its mirror image, so that a mirrored face has its
sides swapped and nothing else. What they say is averaged; of the lower half the surest one's word counts, as each knows covers
that the other misses. Runs on numpy and OpenCV alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from emollm.facs.units import LOWER, UPPER
from emollm.files import DATA, open_fitted_table
from emollm.perception import drawing

FILE = DATA / "covers.npz"
SIDE = 32  # px of the chip that the network looks at
PARTS = ("lower", "left eye", "right eye", "brows", "left mouth", "right mouth")  # left and right are the person's own
MIRRORED = [0, 2, 1, 3, 5, 4]  # where each part is in a mirror
BROWS = (1, 2, 4)
ANY = PARTS.index("lower")  # the part that any of the networks may tell alone
LENS, FAINT = 2.0, 0.01  # how far below the threshold a second eye may lie when one is hidden; the score that it gets then
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


def pack(networks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Networks as they are stored, N of them, one behind the other: weights as int8 [N, D, ...] with a scale for each of D
    outputs."""
    packed = {}
    for name in networks[0]:
        values = np.stack([network[name] for network in networks]).astype(np.float32)
        if name.endswith("_bias"):
            packed[name] = values.astype(np.float16)
            continue
        scale = np.abs(values.reshape(*values.shape[:2], -1)).max(-1) / 127 + 1e-9
        packed[name] = np.round(values / scale[(..., *[None] * (values.ndim - 2))]).astype(np.int8)
        packed[f"{name}_scale"] = scale.astype(np.float32)
    return packed


def unpack(packed: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The inverse of pack(), up to rounding; float32."""
    stacked = {}
    for name in packed:
        if name.endswith("_bias"):
            stacked[name] = packed[name].astype(np.float32)
        elif not name.endswith("_scale"):
            scale = packed[f"{name}_scale"]
            stacked[name] = packed[name] * scale[(..., *[None] * (packed[name].ndim - 2))]
    return [{name: values[k] for name, values in stacked.items()} for k in range(len(stacked["out_bias"]))]


@functools.cache
def weights() -> list[dict[str, np.ndarray]]:
    """Of every network. Raises InputError when their file is missing."""
    with open_fitted_table(FILE, "fit_covers.py") as arrays:
        return unpack(arrays)


def scores(thumbs: np.ndarray, given: list[dict[str, np.ndarray]] | None = None) -> np.ndarray:
    """How surely each part is covered, [N, len(PARTS)], 0 at the threshold; of thumbnails [N, SIDE, SIDE] uint8.

    given: networks to use instead of those stored.
    """
    x = normalise_thumbs(thumbs)
    both = _forward(np.concatenate([x, x[:, :, ::-1]]), _stack(given) if given else _stored())
    told = (both[:, : len(x)] + both[:, len(x) :][..., MIRRORED]) / 2  # [networks, N, len(PARTS)]
    return np.where(np.arange(len(PARTS)) == ANY, told.max(0), told.mean(0))


def pair_lenses(scores: np.ndarray) -> np.ndarray:
    """Scores [len(PARTS)] with both eyes hidden where one is and the other is within LENS of it, the mouth being free: glasses
    have two lenses, and a light in one of them looks like an eye."""
    eyes, mouth = scores[1:3], scores[4:6]
    if eyes.max() <= 0 or eyes.min() <= -LENS or mouth.max() > 0:
        return scores
    return np.concatenate([scores[:1], np.maximum(eyes, FAINT), scores[3:]])


def look(chip: np.ndarray) -> np.ndarray:
    """Why parts of a face are not measured, [len(HIDDEN)], > 0: so it is; of its aligned grey chip [S, S] uint8."""
    return np.append(pair_lenses(scores(thumbnail(chip)[None])[0]), drawing.score(chip)).astype(np.float32)


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


def _stack(networks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The weights of K networks side by side as _forward takes them, [K, inputs, D] and biases [K, 1, D]."""
    def matrix(values: np.ndarray) -> np.ndarray:
        return (values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T).reshape(-1, len(values))

    return {name: np.stack([w[name][None] if name.endswith("_bias") else matrix(w[name]) for w in networks])
            for name in networks[0]}


@functools.cache
def _stored() -> dict[str, np.ndarray]:
    return _stack(weights())


def _forward(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """What each of K networks says of x [N, SIDE, SIDE], [K, N, len(PARTS)]."""
    x = x[None, ..., None]  # [K, N, S, S, channels]
    for layer in range(1, 4):
        x = np.maximum(_convolve(x, w[f"conv{layer}"], w[f"conv{layer}_bias"]), 0)
    x = x.transpose(0, 1, 4, 2, 3).reshape(*x.shape[:2], -1)
    x = np.maximum(x @ w["hidden"] + w["hidden_bias"], 0)
    return x @ w["out"] + w["out_bias"]


def _convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """3x3 convolution of x [K or 1, N, H, W, C] by kernel [K, 9 * C, D], edges padded with zeros; every second place."""
    n, height, width = x.shape[1:4]
    padded = np.zeros((len(x), n, height + 2, width + 2, x.shape[4]), np.float32)
    padded[:, :, 1:-1, 1:-1] = x
    seen = np.concatenate([padded[:, :, y:y + height:2, x:x + width:2] for y in range(3) for x in range(3)], -1)
    return (seen.reshape(len(x), -1, seen.shape[-1]) @ kernel + bias).reshape(-1, n, height // 2, width // 2, kernel.shape[2])
