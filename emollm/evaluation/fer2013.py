"""FER2013 pictures with FER+ votes, read from one npz file that the user brings (research use; never shipped).

Arrays: png and offset (the pictures), label, label_ambiguous, ferplus_votes [N, 10], public_test.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from emollm.schema import LABELS, InputError

FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")  # order of `label`
FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")  # first 8 votes
UNKNOWN, NOT_A_FACE = 8, 9


@dataclass
class Fer2013:
    """votes [N, 8] in the order of LABELS; keep: a face, not mostly unknown, not labelled twice; split by public_test."""

    png: bytes
    offset: np.ndarray
    fer: np.ndarray  # [N] index into LABELS
    votes: np.ndarray
    keep: np.ndarray
    public_test: np.ndarray

    def __len__(self) -> int:
        return len(self.fer)

    def pictures(self, rows: range) -> Iterator[Image.Image]:
        for row in rows:
            yield Image.open(io.BytesIO(self.png[self.offset[row]:self.offset[row + 1]]))


def load(folder: str) -> Fer2013:
    """Read fer2013_train.npz from `folder`. Raises InputError when it is missing."""
    faces = Path(folder) / "fer2013_train.npz"
    if not faces.is_file():
        raise InputError(f"{faces}: missing; data_engine/README.md says what it must hold")
    stored = np.load(faces)
    all_votes = stored["ferplus_votes"].astype(np.float32)
    votes = all_votes[:, [FERPLUS.index(label) for label in LABELS]]
    keep = ~stored["label_ambiguous"] & (all_votes[:, NOT_A_FACE] == 0)
    keep &= (votes.sum(1) >= all_votes[:, UNKNOWN]) & (votes.sum(1) > 0)
    return Fer2013(stored["png"].tobytes(), stored["offset"],
                   np.array([LABELS.index(name) for name in FER2013])[stored["label"]], votes, keep,
                   stored["public_test"])
