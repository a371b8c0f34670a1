"""What a picture or clip may be, and the part of a clip that is read: checked from headers, before anything is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from emollm.schema import InputError

MIN_SIDE = 32  # px; below this no face can be measured
MAX_PHOTO_PIXELS = 50_000_000
MAX_PHOTO_SIDE = 30_000  # px; OpenCV cannot warp wider pictures
MAX_PHOTO_BYTES = 2**29
MAX_CLIP_SIDE = 4096  # px
MAX_CLIP_FRAMES = 216_000  # measured of one clip: an hour at 60 a second
UNATTENDED_FRAMES = 20_000  # of one that nobody waits for with the whole machine
MAX_PASSED_FRAMES = 216_000  # decoded on the way to those: an hour at 60 a second
USUAL_RATE = 25.0  # frames per second, of clips that do not say
SAME_TIME = 1e-6  # s; times come from fractions, so equal ones may differ in the last digits

T = TypeVar("T")


@dataclass(frozen=True)
class Cut:
    """The part of a clip to read; a photo has no parts. Times are those of the clip, in s from its first frame.

    start, end: frames with start <= time < end. fps: about as many frames a second, those nearest to an even grid.
    skip_frames: every so manieth frame, as py-feat counts (24: one a second of a clip of 24 a second).
    attended: read for somebody who waits with all cores; a process that is one of several and whose time is limited reads fewer
    frames, with one thread.
    Raises InputError for a part that cannot be.
    """

    start: float | None = None
    end: float | None = None
    fps: float | None = None
    skip_frames: int | None = None
    attended: bool = True

    def __post_init__(self) -> None:
        for name in ("start", "end", "fps"):
            self._check_number(name, getattr(self, name))
        if self.start is not None and self.start < 0:
            raise InputError(f"--start {self.start:g}: give a time in seconds from the start of the clip, 0 or later")
        if self.end is not None and self.end <= (self.start or 0):
            raise InputError(f"--end {self.end:g} is not after --start {self.start or 0:g}: give a later end, in seconds from "
                             "the start of the clip")
        if self.fps is not None and self.fps <= 0:
            raise InputError(f"--fps {self.fps:g}: give more than 0 frames a second, such as --fps 5")
        if self.skip_frames is not None and not (isinstance(self.skip_frames, int) and self.skip_frames >= 1):
            raise InputError(f"--skip-frames {self.skip_frames}: give a whole number from 1 on; 1 reads every frame, 24 every "
                             "24th")
        if self.fps is not None and self.skip_frames is not None:
            raise InputError("--fps and --skip-frames both thin out the frames: give one of them")

    @staticmethod
    def _check_number(name: str, value: object) -> None:
        if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
            raise InputError(f"--{name} {value}: this is not a number. Give seconds, or frames a second for --fps.")

    @property
    def is_whole(self) -> bool:
        return self == Cut(attended=self.attended)

    @property
    def most(self) -> int:
        """Frames that are read at most."""
        return MAX_CLIP_FRAMES if self.attended else UNATTENDED_FRAMES

    def span(self, duration: float) -> float:
        """How much of a clip lies within the cut, s."""
        return max(0.0, min(self.end if self.end is not None else duration, duration) - (self.start or 0.0))

    def rate(self, fps: float) -> float:
        """Frames a second that are left of so many."""
        return fps / self.skip_frames if self.skip_frames else min(fps, self.fps or fps)

    def pick(self, frames: Iterable[tuple[float, T]], step: float) -> Iterator[tuple[float, T]]:
        """Of (time s, frame) in order those that the cut asks for. step: s between two frames."""
        start, number = self.start or 0.0, 0
        due = start
        for time, frame in frames:
            if time < start - SAME_TIME:
                continue
            if self.end is not None and time >= self.end - SAME_TIME:
                return
            number += 1
            if self.skip_frames and (number - 1) % self.skip_frames:
                continue
            if self.fps:
                if time < due - min(step, 1 / self.fps) / 2 + SAME_TIME:
                    continue
                due = start + (math.floor((time - start) * self.fps + 0.5) + 1) / self.fps
            yield time, frame

    def check(self, name: str, frames: int | None, duration: float, fps: float | None) -> None:
        """Raise InputError when a clip of so many frames (None: by its duration) has more of them here than may be read."""
        rate = frames / duration if frames and duration else fps or 0.0
        passed = frames if frames and (self.start is None and self.end is None) else self.span(duration) * rate
        kept = passed * self.rate(rate) / rate if rate else passed
        if kept <= self.most and passed <= MAX_PASSED_FRAMES:
            return
        seconds = passed / rate if rate else 0.0
        about = f"{passed:.0f} frames" + (f" ({seconds:.0f} s at {rate:g} a second)" if rate else "")
        raise InputError(f"{name}: {about} are too many, at most {self.most} are read. {self._remedy(seconds, rate)}")

    def _remedy(self, seconds: float, rate: float) -> str:
        """A part and a rate that would be read."""
        start = self.start or 0.0
        if not rate:
            return "Cut it into shorter clips."
        most = MAX_PASSED_FRAMES / rate
        fewer = self.most / min(seconds, most)
        fps = math.floor(fewer) if fewer >= 1 else max(math.floor(fewer * 100) / 100, 0.01)
        part = f"--start {start:g} --end {start + math.floor(self.most / self.rate(rate)):g}"
        thinner = f"--fps {fps:g}" if seconds <= most else f"--start {start:g} --end {start + math.floor(most):g} --fps {fps:g}"
        return f"Read a part of it with {part}, or fewer frames with {thinner}."


WHOLE = Cut()


def check_photo(width: int, height: int, name: str) -> None:
    """Raises InputError for a photo that is too small or too large."""
    check_small(width, height, name)
    if width * height > MAX_PHOTO_PIXELS:
        raise InputError(f"{name}: {width}x{height} pixels: {too_many_pixels()}")
    if max(width, height) > MAX_PHOTO_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels: a side may have at most {MAX_PHOTO_SIDE}. Make it smaller.")


def check_photo_bytes(count: int, name: str) -> None:
    """Raises InputError for a picture file that is larger than any picture needs to be."""
    if count > MAX_PHOTO_BYTES:
        raise InputError(f"{name}: a picture file of more than {MAX_PHOTO_BYTES >> 20} MB is not read. Save it smaller.")


def check_clip(width: int, height: int, name: str) -> None:
    """Raises InputError for a clip whose pictures are too large."""
    if max(width, height) > MAX_CLIP_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels is too large. Make the clip at most {MAX_CLIP_SIDE} pixels a side.")


def check_small(width: int, height: int, name: str) -> None:
    """Raises InputError for pictures in which no face can be measured."""
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels is too small. Both sides must be at least {MIN_SIDE}.")


def too_many_pixels() -> str:
    return f"the picture has more than {MAX_PHOTO_PIXELS // 1_000_000} megapixels. Make it smaller."
