"""Landmarks of the faces of a long clip, frame by frame: the latest in memory, the rest in a temporary file.

An hour of one face has half a gigabyte of landmarks. Up to HELD bytes of all faces together they stay as they are; beyond,
they go to the file, rounded to 32 bits, and `array` gives a read-only view of it that the system fills page by page.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

HELD = 64e6  # bytes of landmarks in memory; a clip of 5,500 frames of one face fits
BLOCK = 1024  # frames that are looked at at a time
STORED = np.dtype(np.float32)


class Store:
    """Where the landmarks of all faces of one clip are kept."""

    def __init__(self) -> None:
        self.kept: list[Landmarks] = []
        self.bytes, self.file = 0, None

    def landmarks(self) -> Landmarks:
        """Those of one more face."""
        self.kept.append(Landmarks(self))
        return self.kept[-1]

    def count(self, added: int) -> None:
        """Make room when too many bytes are in memory."""
        self.bytes += added
        if self.bytes > HELD:
            for one in self.kept:
                one.flush()
            self.bytes = 0

    def write(self, points: np.ndarray) -> int:
        """Where in the file the points come to lie, bytes."""
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="emollm-")  # noqa: SIM115 - lives as long as the arrays that map it
        at = self.file.seek(0, 2)
        self.file.write(np.ascontiguousarray(points, STORED).tobytes())
        return at


class Landmarks:
    """Landmarks [T, 478, 3] of one face, appended frame by frame; the last one is always at hand as it was given."""

    def __init__(self, store: Store):
        self.store, self.recent = store, []
        self.parts: list[tuple[int, int]] = []  # in the file: first byte, frames
        self.first = self.last = None

    def __len__(self) -> int:
        return sum(count for _, count in self.parts) + len(self.recent)

    def append(self, points: np.ndarray) -> None:
        self.first, self.last = points if self.first is None else self.first, points
        self.recent.append(points)
        self.store.count(points.nbytes)

    def extend(self, later: Landmarks) -> None:
        """Those of the same face come back."""
        if later.parts:
            self.flush()
            self.parts += later.parts
        self.recent += later.recent
        self.last = later.last

    def flush(self) -> None:
        if self.recent:
            self.parts.append((self.store.write(np.array(self.recent)), len(self.recent)))
            self.recent = []

    def array(self) -> np.ndarray:
        """All of them, [T, 478, 3]: float64 when they never left the memory, else float32 mapped from the file."""
        if not self.parts:
            return np.array(self.recent)
        self.flush()
        shape, size = self.last.shape, self.last.size * STORED.itemsize
        follow = all(at + count * size == following for (at, count), (following, _) in pairwise(self.parts))
        start = self.parts[0][0] if follow else self._gather(size)
        self.store.file.flush()
        return np.asarray(np.memmap(self.store.file, STORED, "r", start, (len(self), *shape)))

    def _gather(self, size: int) -> int:
        """The parts once more at the end of the file, one behind the other: where they begin there, bytes."""
        start = self.store.file.seek(0, 2)
        for at, count in self.parts:
            for first in range(0, count, BLOCK):
                self.store.file.seek(at + first * size)
                block = self.store.file.read(min(BLOCK, count - first) * size)
                self.store.file.seek(0, 2)
                self.store.file.write(block)
        return start


def blocks(landmarks: np.ndarray) -> Iterator[slice]:
    """Slices of at most BLOCK frames; pages of a mapped file are given back behind each."""
    for first in range(0, max(len(landmarks), 1), BLOCK):
        yield slice(first, first + BLOCK)
        mapped = getattr(landmarks.base, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
