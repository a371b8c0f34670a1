"""Interlaced clips: each frame holds two half pictures, taken a fiftieth or sixtieth of a second apart, line by line.

Of a face that moves the outline becomes a comb, which no landmark can follow. FFmpeg's bwdif makes one whole picture of each
frame. Told by the frames' own flags, else by the container's field order, else by how the lines of the first frames move
(FFmpeg's idet): clips of frame grabbers often say nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

LOOKED_AT = 24  # frames; a second of film
FEWEST = 6  # combed frames before an unflagged clip counts as interlaced
FLAGGED = "auto"  # the frames say themselves which of them are, and which field is first
# FFmpeg's AVFieldOrder -> which field is shown first; the second and third letter of TB and BT tell the coded order.
ORDERS = {2: "tff", 3: "bff", 4: "bff", 5: "tff"}


class Combing:
    """What the first frames of a clip say about its fields: `add` them, then ask `parity`."""

    def __init__(self, field_order: int):
        self.stated = ORDERS.get(field_order, "")
        self.flagged, self.filter, self.size, self.counts = False, None, None, {}

    def add(self, frame: Any) -> None:
        self.flagged = self.flagged or bool(frame.interlaced_frame)
        if self.flagged or _size(frame) != (self.size or _size(frame)):
            return
        if self.filter is None:
            self.filter, self.size = _filter(frame, "idet"), _size(frame)
        for looked_at in self.filter.push(frame) if self.filter else ():
            self.counts = looked_at.metadata

    @property
    def parity(self) -> str:
        """FLAGGED, tff or bff; empty for whole pictures."""
        return FLAGGED if self.flagged else self.stated or self._counted_parity()

    @property
    def words(self) -> str:
        """How it is known."""
        return "its frames say so" if self.flagged else "its header says so" if self.stated else "its lines move apart"

    def _counted_parity(self) -> str:
        counts = {kind: float(self.counts.get(f"lavfi.idet.multiple.{kind}", 0)) for kind in ("tff", "bff", "progressive")}
        first = max(("tff", "bff"), key=counts.get)
        return first if counts[first] >= FEWEST and counts[first] > 2 * counts["progressive"] else ""


def whole_pictures(frames: Iterable[tuple[float | None, Any]], parity: str) -> Iterator[tuple[float | None, Any]]:
    """The same (time, frame) with two half pictures made one; frames that are no such thing stay as they are.

    parity: of `Combing`; without it frames are passed on until one of them is flagged.
    """
    waiting: deque[float | None] = deque()  # times of frames within the filter, which needs the next frame for each
    working, size = None, None
    for time, frame in frames:
        if working is not None and _size(frame) != size:  # a clip may change its picture midway
            yield from zip(waiting, working.rest(), strict=False)
            working, waiting = None, deque()
        if working is None and (parity or frame.interlaced_frame):
            working, size = _filter(frame, "bwdif", _settings(parity)), _size(frame)
        if working is None:
            yield time, frame
            continue
        waiting.append(time)
        yield from ((waiting.popleft(), whole) for whole in working.push(frame))
    if working is not None:
        yield from zip(waiting, working.rest(), strict=False)


def _settings(parity: str) -> str:
    flagged = parity in ("", FLAGGED)
    return f"mode=send_frame:parity={FLAGGED if flagged else parity}:deint={'interlaced' if flagged else 'all'}"


def _size(frame: Any) -> tuple:
    return frame.width, frame.height, frame.format.name


def _filter(frame: Any, name: str, settings: str | None = None) -> _Filter | None:
    """None when FFmpeg cannot do it with such frames: they are too small, or of a format that no filter takes."""
    import av

    try:
        return _Filter(frame, name, settings)
    except (av.FFmpegError, ValueError):
        return None


class _Filter:
    """One of FFmpeg's filters between a source and a sink; frames go in and come out in order, one for one."""

    def __init__(self, frame: Any, name: str, settings: str | None = None):
        import av.filter

        self.graph = av.filter.Graph()
        self.graph.threads = 1  # the cores have other clips to read
        source = self.graph.add_buffer(width=frame.width, height=frame.height, format=frame.format,
                                       time_base=frame.time_base or Fraction(1, 1000))
        made, sink = self.graph.add(name, settings), self.graph.add("buffersink")
        source.link_to(made)
        made.link_to(sink)
        self.graph.configure()

    def push(self, frame: Any | None) -> Iterator[Any]:
        """What comes out once this frame is in; None for the end."""
        import av

        self.graph.push(frame)
        while True:
            try:
                yield self.graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return

    def rest(self) -> Iterator[Any]:
        return self.push(None)
