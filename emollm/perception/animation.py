"""Moving GIF, APNG, WebP and AVIF pictures as clips, composed frame by frame by Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from emollm.perception import limits, orientations, photo, tiff
from emollm.perception.limits import Cut
from emollm.schema import InputError

FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
FASTEST = 10  # ms; shorter frames are shown for USUAL by every browser
USUAL = 100  # ms


class Animation:
    """A picture of several frames, to be gone through any number of times.

    Fields as those of `clip.Clip`; rate and duration are what the first frame's time makes of the whole.
    """

    def __init__(self, source: Path | bytes, form: str, name: str, notices: list[str], cut: Cut):
        self.source, self.form, self.name, self.notices = source, form, name, notices
        with photo.stream(source) as file, photo.open_image(file, form, name) as image:
            limits.check_clip(*image.size, name)
            self.count = photo.frames_of(image, name) - _hidden_frames(image)
            self.rate = 1000 / _milliseconds(image)
            self.duration = self.count / self.rate
            cut.check(name, self.count, self.duration, self.rate)
            _, first = next(self._frames(image), (None, None))
            if first is None:
                raise InputError(f"{name}: {photo.DAMAGED}")
            self.height, self.width = first().shape[:2]
        limits.check_small(self.width, self.height, name)

    def pictures(self, start: float = 0.0) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        """(time s, function that gives the frame's RGB [H, W, 3]). Every frame is built on the one before: all are decoded."""
        with photo.stream(self.source) as file, photo.open_image(file, self.form, self.name) as image:
            yield from self._frames(image)

    def _frames(self, image) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        time = 0.0
        for number in range(_hidden_frames(image), _hidden_frames(image) + self.count):
            try:
                image.seek(number)
                image.load()
                shown = image.convert("RGBA")
                orientation = orientations.EXIF.get(image.getexif().get(tiff.ORIENTATION, 1), orientations.Orientation())
            except MemoryError:
                raise
            except Exception:  # decoders raise nearly anything on damaged data
                words = f"{self.name}: the picture is damaged after {time:.2f} s; the rest is left out."
                self.notices += [words] if words not in self.notices else []
                return
            yield time, lambda shown=shown, orientation=orientation: orientation.turn_upright(photo.flatten(shown)[0])
            time += _milliseconds(image) / 1000


def _milliseconds(image) -> float:
    stated = image.info.get("duration") or 0
    return float(stated) if stated > FASTEST else float(USUAL)


def _hidden_frames(image) -> int:
    """An APNG may begin with a picture for readers that know no animation."""
    return int(bool(getattr(image, "default_image", False)))


def moves(source: Path | bytes, form: str, name: str) -> bool:
    """Whether a picture file holds several frames to be shown one after the other."""
    if form not in FORMATS:
        return False
    with photo.stream(source) as file, photo.open_image(file, form, name) as image:
        return photo.frames_of(image, name) - _hidden_frames(image) > 1
