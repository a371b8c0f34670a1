"""The strongest moment of every action unit as columns of one array: written and read here, so that nobody counts columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Peaks(NamedTuple):
    """One column each, of any leading shape: numpy arrays, or torch tensors within the model."""

    left: Any  # intensity 0-5
    right: Any  # intensity 0-5
    strength: Any  # as the answer states it, 0-5
    side: Any  # index into schema.SIDES
    onset: Any  # s; 0 in a photograph
    offset: Any  # s; 0 in a photograph

    def pack(self) -> np.ndarray:
        """-> [..., 6] float32."""
        return np.stack(self, -1).astype(np.float32)

    @classmethod
    def unpack(cls, array: Any) -> Peaks:
        """[..., 6] -> columns [...]."""
        return cls(*(array[..., k] for k in range(len(cls._fields))))
