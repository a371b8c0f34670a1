"""A decoded frame of a clip as RGB of 8 bits, whatever it was stored as: the one place where clips get their colours.

Colour matrix and limited or full range are the frame's own; high dynamic range is tone-mapped, wide samples are read on
their real range, transparency lies on white.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from emollm.perception import depth, hdr, photo

_ALPHA = re.compile(r"yuva|gbrap|ayuv|vuya|rgba|bgra|argb|abgr|ya(8|16)")


class Developer:
    """Of one clip. `look` at its first frames, then ask for the `rgb` of any."""

    def __init__(self, first: Any):
        self.transfer, self.mapper = hdr.transfer_of(first), None
        planar = "" if self.transfer else depth.planes_of(first.format.name)
        self.depth = depth.Depth(planar) if planar else None
        self.see_through = bool(_ALPHA.search(first.format.name)) and not self.transfer and not self.depth

    def look(self, frame: Any) -> None:
        if self.depth and depth.planes_of(frame.format.name) == self.depth.planar:
            self.depth.add(frame)

    @property
    def words(self) -> list[str]:
        """What the reader of a result must know."""
        if self.transfer:
            return [hdr.words(self.transfer)]
        return [self.depth.words] if self.depth else []

    def rgb(self, frame: Any, width: int, height: int) -> np.ndarray:
        """uint8 [height, width, 3]."""
        smooth = "BICUBIC" if (width, height) != (frame.width, frame.height) else None  # measured: closer than bilinear
        size = {"width": width, "height": height, "interpolation": smooth}
        if self.transfer:
            self.mapper = self.mapper or hdr.ToneMapper(self.transfer, width, height)
            return self.mapper.rgb(frame.reformat(format="rgb48le", **size))
        if self.depth and depth.planes_of(frame.format.name) == self.depth.planar:
            frame = self.depth.narrow(frame)
        if self.see_through:
            rgba = frame.to_ndarray(format="rgba", **size)
            return photo.lay_on_white(rgba) if rgba[:, :, 3].any() else rgba[:, :, :3]  # an alpha of zeros was never filled in
        return frame.to_ndarray(format="rgb24", **size)
