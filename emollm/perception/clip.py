"""Clips through PyAV (FFmpeg): the best video stream, upright, with square pixels, from any moment on.

FFmpeg is given an open file and one demuxer, so that no address and no playlist in the file can be followed.
Words of the decoding libraries never reach a message: they can leak memory addresses (CVE-2026-22778).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from emollm.perception import fields, limits, orientations, photo
from emollm.perception.develop import Developer
from emollm.perception.limits import Cut
from emollm.schema import InputError

CODECS = frozenset({
    "h264", "hevc", "vp8", "vp9", "av1", "mjpeg", "mpeg4", "mpeg1video", "mpeg2video", "msmpeg4v1", "msmpeg4v2",
    "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1", "flv1", "h263", "h261", "dvvideo",  # cameras, phones, the web
    "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "rawvideo", "v210", "v308", "v408", "v410", "r210", "ljpeg",
    "jpegls", "jpeg2000", "png", "qtrle", "zmbv", "msvideo1", "cinepak", "svq1",  # laboratories
    "prores", "dnxhd", "cfhd"})  # cutting rooms
UNTIMED = frozenset({"mjpeg", "h264", "hevc", "mpegvideo", "yuv4mpegpipe", "ivf", "dv", "ogg"})  # not sought within
SEEK_FROM = 2.0  # s; what begins earlier is decoded from the start
SEEK_ROOM = (1.0, 12.0)  # s before the wanted moment that are sought, one after the other: a key frame must come first
ATTACHED = 0x400 | 0x800 | 0x100000  # FFmpeg's dispositions: attached picture, timed thumbnails, still image
MAX_STATED_RATE = 1000.0  # frames/s; beyond it is a clock's tick that was taken for a rate


class Clip:
    """A clip, checked from its header, with its first frame decoded; to be gone through any number of times.

    width, height: upright, px. rate: frames/s or None. count: frames as declared, or None. duration: s, 0 when unknown.
    notices: filled here and while decoding.
    """

    def __init__(self, source: Path | bytes, demuxer: str, name: str, notices: list[str], cut: Cut):
        self.source, self.demuxer, self.name, self.notices = source, demuxer, name, notices
        self.threads = "AUTO" if cut.attended else "NONE"  # PyAV: AUTO decodes ahead in threads, NONE costs a quarter less work
        with self._open_stream() as stream:
            self._read_header(stream)
            cut.check(name, self.count, self.duration, self.rate)
            first = self._look(stream)
            self.zero = first.time or 0.0  # s in the file's own clock
            self.orientation = orientations.orientation_of_matrix(_matrix(first))
            aspect = orientations.pixel_aspect(stream.sample_aspect_ratio)
            self.stored_size = orientations.square_clip(first.width, first.height, aspect)
            self.width, self.height = self.orientation.size(*self.stored_size)
        limits.check_small(self.width, self.height, name)

    def _look(self, stream: Any) -> Any:
        """The first frame, when enough of them have told how all are to be read. Raises InputError when there is none."""
        first, combing = None, fields.Combing(stream.codec_context.field_order)
        for frame in islice(self._decode(stream), fields.LOOKED_AT):
            if first is None:
                first, self.developer = frame, Developer(frame)
            combing.add(frame)
            self.developer.look(frame)
        if first is None:
            raise InputError(f"{self.name}: no frame of the clip can be decoded. Save it again or give another file.")
        self.parity = combing.parity
        if self.parity:
            self._note(f"{self.name}: the clip is interlaced ({combing.words}); the two half pictures of each frame are made "
                       "one before measuring.")
        self._note_colours()
        return first

    def _read_header(self, stream: Any) -> None:
        average = float(stream.average_rate or 0)
        rate = average or float(stream.guessed_rate or 0)
        self.rate = rate if 0 < rate <= MAX_STATED_RATE else None
        self.count = stream.frames or None
        self.duration = _duration(stream) or (self.count / self.rate if self.count and self.rate else 0.0)
        if self.demuxer == "mjpeg":
            self._note(f"{self.name}: the file holds no times; {self.rate or limits.USUAL_RATE:g} frames a second are assumed.")

    def pictures(self, start: float = 0.0) -> Iterator[tuple[float | None, Callable[[], np.ndarray]]]:
        """(time s from the first frame, None when the file does not say; function that gives the frame's RGB [H, W, 3]).

        start: frames before it may be left out. In decoding order; only what is asked for is converted, which costs more.
        """
        if start >= SEEK_FROM and self.demuxer not in UNTIMED:
            for room in SEEK_ROOM:
                reached = False
                for time, frame in fields.whole_pictures(self._frames_from(start, room), self.parity):
                    reached = True
                    yield time, lambda frame=frame: self.rgb(frame)
                if reached:
                    return
        with self._open_stream() as stream:
            timed = ((self._time(frame), frame) for frame in self._decode(stream))
            for time, frame in fields.whole_pictures(timed, self.parity):
                yield time, lambda frame=frame: self.rgb(frame)

    def _time(self, frame: Any) -> float | None:
        return None if frame.time is None else frame.time - self.zero

    def _frames_from(self, start: float, room: float) -> Iterator[tuple[float, Any]]:
        """Frames from the key frame before a moment on; none when the file leads elsewhere, as many without an index do."""
        import av

        with self._open_stream() as stream:
            try:
                stream.container.seek(int((start - room + self.zero) / stream.time_base), stream=stream)
            except (av.FFmpegError, OSError, ValueError, OverflowError):
                return
            keyed = False
            for frame in self._decode(stream, whole=False):
                if frame.time is None or (not keyed and frame.key_frame and self._time(frame) > start):
                    return
                keyed = keyed or frame.key_frame
                if keyed:
                    yield self._time(frame), frame

    def rgb(self, frame: Any) -> np.ndarray:
        """A decoded frame as upright RGB [H, W, 3]."""
        # A clip may change its picture size midway: every frame gets the size of the first.
        picture = self.developer.rgb(frame, *self.stored_size)
        self._note_colours()
        return self.orientation.turn_upright(picture)

    def _note_colours(self) -> None:
        for words in self.developer.words:
            self._note(f"{self.name}: {words}.")

    @contextmanager
    def _open_stream(self) -> Iterator[Any]:
        """The video stream, checked against the limits before anything is decoded."""
        import av

        limit = {"max_pixels": str(limits.MAX_CLIP_SIDE**2)}  # for pictures that grow behind the header
        with photo.stream(self.source) as file:
            try:
                container = av.open(file, format=self.demuxer, options=limit)
            except (av.FFmpegError, OSError, ValueError):
                raise InputError(f"{self.name}: the clip is cut off or damaged. Save it again or give another file.") from None
            with container:
                stream = self._best_stream(container.streams.video)
                limits.check_clip(stream.codec_context.width, stream.codec_context.height, self.name)
                stream.codec_context.options = limit
                stream.thread_type = self.threads
                yield stream

    def _best_stream(self, streams: tuple) -> Any:
        """Not a cover or a thumbnail when there is anything else, rather many frames than one, the largest picture."""
        if not streams:
            raise InputError(f"{self.name}: the file has no pictures (sound only?). Give a clip with a video track.")
        read = [s for s in streams if _codec(s) in CODECS]
        if not read:
            raise InputError(f"{self.name}: video codec '{_codec(streams[0])}' is not read. Convert the clip to H.264 (MP4).")
        moving = [s for s in read if not int(s.disposition) & ATTACHED and s.frames != 1] or read
        best = max(moving, key=lambda s: s.codec_context.width * s.codec_context.height)
        if len(moving) > 1:
            size = f"{best.codec_context.width}x{best.codec_context.height}"
            self._note(f"{self.name}: the file has {len(moving)} video tracks; the largest ({size}) is read.")
        return best

    def _decode(self, stream: Any, whole: bool = True) -> Iterator[Any]:
        """Decoded frames; where the data breaks off the clip ends, with a notice. whole: from the start of the file."""
        import av

        count, last = 0, None
        try:
            for frame in stream.container.decode(stream):
                yield frame
                count, last = count + 1, frame.time
        except (av.FFmpegError, OSError, ValueError):
            where = f"frame {count}" if whole or last is None else f"{last:.2f} s"
            self._note(f"{self.name}: the clip is damaged after {where}; the rest is left out.")
            return
        if whole and self.count and count < 0.9 * self.count:
            self._note(f"{self.name}: only {count} of {self.count} frames could be decoded.")

    def _note(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


def _codec(stream: Any) -> str:
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else "unknown"


def _duration(stream: Any) -> float:
    if stream.duration:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (stream.container.duration or 0) / 1e6)  # FFmpeg counts microseconds


def _matrix(frame: Any) -> bytes | None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return None if matrix is None else bytes(matrix)
