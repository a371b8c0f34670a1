"""Clips whose samples are wider than what they hold: 12 bits of a camera in words of 16, fractions up to 255.

Formats that name their depth (gray12, yuv420p10, ...) are read on it by FFmpeg. Those of 16 bits and of fractions say
nothing, and FFmpeg takes all of their range: a 12-bit picture would come out black. As with photographs (levels.py) the
smallest usual depth that holds the values is taken; of a clip one for all frames, from its first ones, and a wider one from
the frame on that needs it.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from emollm.perception import levels

_WIDE = re.compile(r"(?P<base>gray|gbra?p|yuva?4\d\dp)(?P<sort>16|f32)(?P<order>le|be)")  # planes of whole samples
_TO_PLANES = (  # others of 16 bits or fractions -> the same in planes, without alpha
    (re.compile(r"(rgb|bgr)48[lb]e|(rgba|bgra)64[lb]e"), "gbrp16le"), (re.compile(r"ya16[lb]e"), "gray16le"),
    (re.compile(r"rgba?f32[lb]e"), "gbrpf32le"))


def planes_of(form: str) -> str:
    """The format of planes in which frames of this format are looked at; empty for formats that name their own depth."""
    if _WIDE.fullmatch(form):
        return form
    return next((planar for pattern, planar in _TO_PLANES if pattern.fullmatch(form)), "")


class Depth:
    """The range of one clip's samples. `add` its first frames, then `narrow` each."""

    def __init__(self, planar: str):
        """planar: of planes_of."""
        match = _WIDE.fullmatch(planar)
        self.planar, self.fractions = planar, match["sort"] == "f32"
        self.base = re.sub(r"(yuv|gbr)a", r"\1", match["base"])  # without alpha, which is the last plane
        self.type = np.dtype(f"{'<' if match['order'] == 'le' else '>'}{'f4' if self.fractions else 'u2'}")
        self.top = 0.0  # largest sample so far

    def add(self, frame: Any) -> None:
        self._widen(self._planes(frame))

    def narrow(self, frame: Any) -> Any:
        """The frame with samples of 8 bits, read on the clip's range."""
        import av

        planes = self._planes(frame)
        self._widen(planes)
        white = self.white
        # Of brightness and colour the middle must stay in the middle: 2048 of 4096 is 128 of 256.
        scale = np.float32(256 / (white + 1) if self.base.startswith("yuv") and not self.fractions else 255 / white)
        small = av.VideoFrame(frame.width, frame.height, self.base)
        for plane, values in zip(small.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, :values.shape[1]] = np.clip(np.rint(np.nan_to_num(values.astype(np.float32)) * scale), 0, 255)
            plane.update(rows.tobytes())
        small.color_range, small.colorspace = frame.color_range, frame.colorspace
        return small

    @property
    def white(self) -> float:
        return levels.full_scale(self.top, self.fractions)

    @property
    def words(self) -> str:
        """The range that is taken, for the reader of a result."""
        kind = "fractional values" if self.fractions else "values of 16 bits"
        return f"{kind} are read on the range 0 to {self.white:g}"

    def _planes(self, frame: Any) -> list[np.ndarray]:
        """[h, w] of each plane."""
        frame = frame if frame.format.name == self.planar else frame.reformat(format=self.planar)
        return [np.frombuffer(plane, self.type).reshape(plane.height, -1)[:, :plane.width] for plane in frame.planes[:3]]

    def _widen(self, planes: list[np.ndarray]) -> None:
        counted = planes[:1] if self.base.startswith("yuv") else planes  # the middle of colour is half the range anyway
        highest = max(float(np.nanmax(plane, initial=0)) for plane in counted)
        self.top = max(self.top, min(highest, float(np.finfo(np.float32).max)))
