"""The cache of observed training faces, `faces.npz`: written by `data_engine observe`, read by every stage. N faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emollm.schema import InputError


@dataclass
class ObservedFaces:
    """Arrays are read when they are asked for: landmarks alone are 90 MB for 32,000 faces."""

    stored: dict[str, np.ndarray]  # or the opened file

    @classmethod
    def read(cls, path: str) -> ObservedFaces:
        """Raises InputError when the file is missing or holds something else."""
        try:
            stored = np.load(path)
            if lacking := [name for name in ("chips", "fer", "fp_votes", "keep", "public_test") if name not in stored]:
                raise KeyError(f"it lacks {', '.join(lacking)}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not a cache of faces ({error}); data_engine/README.md says how to make one") from None
        return cls(stored)

    @staticmethod
    def write(path: str, source, observed: dict[str, np.ndarray]) -> None:
        """source: a Fer2013; observed: chips [N, S, S] uint8, landmarks [N, 478, 3] px, intensity [N, 24, 2], confidence
        [N, 24], measured [24] and found [N]."""
        np.savez(path, fer=source.fer, fp_votes=source.votes, keep=source.keep, public_test=source.public_test, **observed)

    @cached_property
    def chips(self) -> np.ndarray:
        """[N, S, S] uint8."""
        return self.stored["chips"]

    @cached_property
    def label(self) -> np.ndarray:
        """[N] FER2013 label, an index into LABELS."""
        return self.stored["fer"]

    @cached_property
    def votes(self) -> np.ndarray:
        """[N, 8] FER+ votes."""
        return self.stored["fp_votes"].astype(np.float32)

    @property
    def soft(self) -> np.ndarray:
        """[N, 8] votes as a distribution."""
        return self.votes / self.votes.sum(1, keepdims=True).clip(1)

    @cached_property
    def found(self) -> np.ndarray:
        """[N] bool: a mesh fits."""
        return self.stored["found"]

    @property
    def intensity(self) -> np.ndarray:
        """[N, 24, 2] 0-5, NaN without a face."""
        return self.stored["intensity"]

    @property
    def confidence(self) -> np.ndarray:
        """[N, 24] 0-1."""
        return self.stored["confidence"]

    @property
    def measured(self) -> np.ndarray:
        """[24] bool: what the estimator measures at all."""
        return self.stored["measured"]

    @property
    def landmarks(self) -> np.ndarray:
        """[N, 478, 3] px of the picture, NaN without a face."""
        return self.stored["landmarks"]

    @property
    def train(self) -> np.ndarray:
        """Rows to train on."""
        return np.flatnonzero(self.stored["keep"] & ~self.public_test)

    @property
    def public_test(self) -> np.ndarray:
        """[N] bool: of PublicTest, for validation."""
        return self.stored["public_test"]

    @property
    def validate(self) -> np.ndarray:
        """Rows of PublicTest."""
        return np.flatnonzero(self.public_test)
