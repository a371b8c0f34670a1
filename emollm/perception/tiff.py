"""The first directory of a TIFF file, read without decoding anything: enough to check it and to neutralise its orientation.

Classic TIFF 6.0; of the tags only those whose values stand in the entry itself or in one array behind it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

WIDTH, HEIGHT, BITS, ORIENTATION, SAMPLES, FORMAT, MAX_SAMPLE = 256, 257, 258, 274, 277, 339, 281
_SIZES = {1: "B", 3: "H", 4: "I"}
_MAX_ENTRIES, _MAX_VALUES = 4096, 16


@dataclass(frozen=True)
class Directory:
    """values: tag -> numbers; places: tag -> offset of its value in the file, bytes."""

    order: str  # "<" | ">"
    values: dict[int, tuple[int, ...]]
    places: dict[int, int]

    def first_value(self, tag: int, default: int) -> int:
        return self.values.get(tag, (default,))[0]


def directory(content: bytes) -> Directory | None:
    """The first directory; None when there is none that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return None
    try:
        (at,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, at)
        entries = [_entry(content, order, at + 2 + 12 * k) for k in range(min(count, _MAX_ENTRIES))]
    except struct.error:
        return None
    readable = [entry for entry in entries if entry]
    return Directory(order, {tag: values for tag, values, _ in readable}, {tag: place for tag, _, place in readable})


def _entry(content: bytes, order: str, at: int) -> tuple[int, tuple[int, ...], int] | None:
    tag, kind, count = struct.unpack_from(f"{order}HHI", content, at)
    if kind not in _SIZES or not 1 <= count <= _MAX_VALUES:
        return None
    pattern, place = f"{order}{count}{_SIZES[kind]}", at + 8
    if struct.calcsize(pattern) > 4:
        (place,) = struct.unpack_from(f"{order}I", content, place)
    return tag, struct.unpack_from(pattern, content, place), place


def clear_orientation(content: bytes, tags: Directory) -> bytes:
    """The same file, said to stand upright."""
    place = tags.places.get(ORIENTATION)
    if place is None or tags.first_value(ORIENTATION, 1) == 1:
        return content
    changed = bytearray(content)
    struct.pack_into(f"{tags.order}H", changed, place, 1)
    return bytes(changed)
