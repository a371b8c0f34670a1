"""Is the lower or the upper half of a face hidden: by a mask, a hand, a scarf, dark glasses?

The mesh lays a whole face over whatever hides one, so its units there mean nothing. A small network (one hidden layer, data/covers.npz,
data_engine/fit_covers.py) reads the appearance of the face and a thumbnail of its chip. Runs on numpy alone.
"""

from __future__ import annotations

import functools

import numpy as np

from emollm.files import DATA
from emollm.schema import InputError

FILE = DATA / "covers.npz"
THUMB = 16  # px
HALVES = ("lower", "upper")
# What is not measured then (FACS numbers): all that shows in the covered half.
HIDDEN = {"lower": (9, 10, 11, 12, 14, 15, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28), "upper": (1, 2, 4, 5, 6, 7, 43, 45)}


def inputs(chip: np.ndarray, look: np.ndarray) -> np.ndarray:
    """What the network reads of one face [F] float16: its appearance [2, W] and its grey chip [S, S], contrast taken out."""
    import cv2

    thumb = cv2.resize(chip, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
    thumb = (thumb - thumb.mean()) / (thumb.std() + 8)
    return np.concatenate([np.asarray(look, np.float32).ravel(), thumb.ravel()]).astype(np.float16)


@functools.cache
def weights() -> dict[str, np.ndarray]:
    """Raises InputError when their file is missing."""
    if not FILE.is_file():
        raise InputError(f"{FILE}: missing; reinstall emollm or run data_engine/fit_covers.py")
    with np.load(FILE, allow_pickle=False) as stored:
        return {k: stored[k].astype(np.float32) for k in stored.files}


def covered(given: np.ndarray) -> np.ndarray:
    """Which half is covered, [N, 2] bool (HALVES), of inputs [N, F]."""
    w = weights()
    x = (np.asarray(given, np.float32) - w["mean"]) / w["std"]
    return np.maximum(x @ w["hidden"].T + w["hidden_bias"], 0) @ w["out"].T + w["out_bias"] > 0
