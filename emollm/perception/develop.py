"""A decoded frame of a clip as RGB of 8 bits, whatever it was stored as: the one place where clips get their colours.

Colour matrix and limited or full range are the frame's own; high dynamic range is tone-mapped, wide samples are read on
their real range, transparency lies on white.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np

from emollm.perception import depth, hdr, photo

_ALPHA = re.compile(r"yuva|gbrap|ayuv|vuya|rgba|bgra|argb|abgr|ya(8|16)")


class Developer:
    """Of one clip. `look` at its first frames, then ask for the `rgb` of any."""

    def __init__(self, first: Any):
        from av.video.reformatter import VideoReformatter

        self.transfer, self.mapper = hdr.transfer_of(first), None
        planar = "" if self.transfer else depth.planes_of(first.format.name)
        self.depth = depth.Depth(planar) if planar else None
        self.see_through = bool(_ALPHA.search(first.format.name)) and not self.transfer and not self.depth
        self.scaler = VideoReformatter()  # a frame's own makes its tables anew, which takes as long as converting 720p

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
        reformat = functools.partial(self.scaler.reformat, width=width, height=height, interpolation=smooth)
        if self.transfer:
            self.mapper = self.mapper or hdr.ToneMapper(self.transfer, width, height)
            return self.mapper.rgb(reformat(frame, format="rgb48le"))
        if self.depth and depth.planes_of(frame.format.name) == self.depth.planar:
            frame = self.depth.narrow(frame)
        if self.see_through:
            rgba = reformat(frame, format="rgba").to_ndarray()
            return photo.lay_on_white(rgba) if rgba[:, :, 3].any() else rgba[:, :, :3]  # an alpha of zeros was never filled in
        return reformat(frame, format="rgb24").to_ndarray()
