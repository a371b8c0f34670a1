"""Photographs in colour of more than 8 bits, which Pillow would cut to 8 before anybody sees their range: through OpenCV.

PNG, TIFF, PPM and JPEG 2000. OpenCV goes by the picture's size in the data themselves, so that is checked here too.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from emollm.perception import levels, limits, tiff

if TYPE_CHECKING:
    from PIL.Image import Image

_BLANK = rb"(?:\s|#[^\n]*\n)+"
_PPM = re.compile(rb"P6" + _BLANK + rb"(\d{1,9})" + _BLANK + rb"(\d{1,9})" + _BLANK + rb"(\d{1,5})\s")
_HEADER = 4096  # bytes of a PPM that its numbers stand in
_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000: its start and its sizes


def colour(image: Image, content: bytes, name: str) -> np.ndarray | None:
    """[H, W, 3 or 4] uint16 of a picture in colour of 16 bits; None for all others. Raises InputError for one too large."""
    if image.format == "PNG" and content[24:26] in (b"\x10\x02", b"\x10\x06"):  # IHDR: bit depth, colour type
        return decode_opencv(content)
    if image.format == "PPM" and (ppm := _PPM.match(content[:_HEADER])) and int(ppm[3]) > 255:
        limits.check_photo(int(ppm[1]), int(ppm[2]), name)
        return decode_opencv(content)
    if image.format == "JPEG2000" and image.mode in ("RGB", "RGBA") and (size := _words_of_16(content)):
        limits.check_photo(*size, name)
        return decode_opencv(content)
    tags = tiff.directory(content) if image.format == "TIFF" else None
    if tags is not None and tags.first_value(tiff.BITS, 8) == 16 and tags.first_value(tiff.SAMPLES, 1) in (3, 4):
        return decode_opencv(tiff.clear_orientation(content, tags)) if image.mode in ("RGB", "RGBA", "RGBX") else None
    return None


def needs_opencv(tags: tiff.Directory) -> bool:
    """Whether a TIFF holds colour in float or in more than 16 bits, of which Pillow knows nothing."""
    return tags.first_value(tiff.SAMPLES, 1) >= 3 and tags.first_value(tiff.BITS, 1) in (32, 64)


def largest_value(content: bytes | None) -> float | None:
    """The value that a TIFF or PPM calls its largest possible, or the end of a depth such as 10 or 12 bits."""
    if content is not None and (ppm := _PPM.match(content[:_HEADER])):
        return float(ppm[3]) if 255 < int(ppm[3]) < 65535 else None
    tags = tiff.directory(content) if content is not None else None
    if tags is None:
        return None
    bits, largest = tags.first_value(tiff.BITS, 8), tags.first_value(tiff.MAX_SAMPLE, 0)
    if largest > 255 and tags.first_value(tiff.FORMAT, 1) == 1:
        return float(largest)
    return 2.0**bits - 1 if bits in (10, 12, 14) else None


def to_bytes(values: np.ndarray, largest: float | None) -> tuple[np.ndarray, str]:
    """[H, W, 3 or 4] as uint8, and the range of its colours in words: how opaque a pixel is has a range of its own."""
    rgb, words = levels.to_bytes(values[:, :, :3], largest)
    if values.shape[2] == 3:
        return rgb, words
    return np.dstack([rgb, levels.to_bytes(values[:, :, 3], None)[0]]), words


def decode_opencv(content: bytes) -> np.ndarray | None:
    """Colour as stored, [H, W, 3 or 4], RGB; None when OpenCV cannot decode it."""
    import cv2

    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)
    if stored is None or stored.ndim != 3 or stored.shape[2] not in (3, 4):
        return None
    return stored[:, :, [2, 1, 0, *range(3, stored.shape[2])]]


def _words_of_16(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG 2000 whose samples have 16 bits, from its codestream; None for fewer."""
    at = content.find(_CODESTREAM)
    try:
        right, bottom, left, top = struct.unpack_from(">4I", content, at + 8)
        (samples, depth) = struct.unpack_from(">HB", content, at + 40)
    except struct.error:
        return None
    return (right - left, bottom - top) if at >= 0 and samples >= 3 and depth == 15 else None
