"""One front door for pictures and clips: whatever the user gives becomes a `Media` that yields RGB frames.

Contract (measuring, chips and rendering rely on it): frames are uint8 RGB, upright (EXIF and display matrices are
applied), of square pixels, without alpha (flattened on white) and C-contiguous; a photo is a clip of one frame at 0 s.
Photo or clip is decided by content, never by extension: a moving GIF is a clip. Clips are decoded anew for every pass,
so memory does not grow with length.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emollm.perception import arrays, limits, photo, sniff
from emollm.perception.animation import Animation, moves
from emollm.perception.clip import Clip
from emollm.perception.limits import Cut
from emollm.schema import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

NOT_OPENED = "addresses are not opened. Download the file and give its path."


@dataclass
class Media:
    """One photo or clip, ready to be read frame by frame (see `read`)."""

    kind: str  # "photo" | "clip"
    name: str  # for messages
    sha256: str  # of the file's bytes; of shape and pixels when no file was given
    width: int  # px, upright, square
    height: int  # px, upright, square
    count: int | None = 1  # frames that will be read, as declared by the file; None when it does not say
    fps: float | None = None  # frames read per second, None for photos
    duration: float = 0.0  # s, of the whole clip as declared by the file; 0 for photos
    notices: list[str] = field(default_factory=list)  # what the reader of a result must know about this file
    picture: np.ndarray | None = field(default=None, repr=False)  # [H, W, 3] of a photo
    clip: Clip | Animation | None = field(default=None, repr=False)
    cut: Cut = field(default_factory=Cut)

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[tuple[int, float, np.ndarray]]:
        """Yield (frame index, time s, RGB [H, W, 3] uint8) in decoding order.

        The index counts the frames that are read (the cut's), the time is the clip's own. indices: only these frames
        (others are decoded but not converted, which is 3 times faster); None = all. Indices the media does not have are
        left out. Raises InputError when a clip is longer than its header says and than may be read.
        """
        wanted = None if indices is None else {int(i) for i in indices}
        if self.kind == "photo":
            if wanted is None or 0 in wanted:
                yield 0, 0.0, self.picture
            return
        yield from self._clip_frames(wanted)

    def _clip_frames(self, wanted: set[int] | None) -> Iterator[tuple[int, float, np.ndarray]]:
        last = None if wanted is None else max(wanted, default=-1)
        if last is not None and last < 0:
            return
        for index, (time, convert) in enumerate(self._frames_in_cut()):
            if index >= self.cut.most:
                raise InputError(f"{self.name}: more than {self.cut.most} frames are to be read. Read a part of "
                                 f"it with --start and --end (up to {time:.0f} s), or fewer frames with --fps.")
            if wanted is None or index in wanted:
                yield index, time, convert()
            if index == last:
                return

    def _frames_in_cut(self) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        """(time s, function that gives the picture) of the frames that the cut asks for."""
        step = 1 / (self.clip.rate or limits.USUAL_RATE)
        start = self.cut.start or 0.0
        return self.cut.pick(_limit_frames(_repair_times(self.clip.pictures(start), step), start, self.name), step)


def _limit_frames(frames: Iterable[tuple[float, Callable]], start: float, name: str) -> Iterator[tuple[float, Callable]]:
    """The same frames; InputError when more of them follow the start than the header led to expect and may be decoded."""
    passed = 0
    for time, convert in frames:
        passed += time >= start
        if passed > limits.MAX_PASSED_FRAMES + 1:  # one more tells that the part is over
            raise InputError(f"{name}: more than {limits.MAX_PASSED_FRAMES} frames would have to be decoded. Read a part of it "
                             "with --start and --end, or cut it into shorter clips.")
        yield time, convert


def _repair_times(pictures: Iterable[tuple[float | None, Callable]], step: float) -> Iterator[tuple[float, Callable]]:
    """Broken files repeat, reverse or leave out time stamps; times must rise for everything that follows."""
    previous = None
    for stamp, convert in pictures:
        time = stamp
        if previous is not None and (stamp is None or stamp <= previous):
            time = previous + step
        previous = time if time is not None else 0.0
        yield previous, convert


def read(source: str | Path | bytes | np.ndarray | Image, *, name: str | None = None, start: float | None = None,
         end: float | None = None, fps: float | None = None, skip_frames: int | None = None, attended: bool = True,
         still: bool = False) -> Media:
    """Open a photo or a clip.

    source: path, file content as bytes, PIL image, or array, uint8 or float 0-1 (see arrays). name: how messages
    call it (default: the path as given). start, end, fps, skip_frames, attended: see `Cut`. still: of a moving
    picture (GIF, APNG, WebP, AVIF) take the first frame as a photo. Photos are decoded here; of clips only the first frame.
    Raises InputError, in one line with the remedy, for whatever cannot be used.
    """
    from PIL import Image

    cut = Cut(start, end, fps, skip_frames, attended)
    if isinstance(source, (str, Path)):
        name = _one_line(name or str(source))
        media = _from_content(_existing_file(source, name), name, cut, still)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        media = _from_content(bytes(source), _one_line(name or "bytes"), cut, still)
    elif isinstance(source, np.ndarray):
        media = _from_array(source, _one_line(name or "array"))
    elif isinstance(source, Image.Image):
        name = _one_line(name or getattr(source, "filename", "") or "image")
        media = _photo(*photo.from_image(source, name), name)
    else:
        raise InputError(f"cannot read media from {type(source).__name__}: give a path, bytes, a PIL image or an array")
    if media.kind == "photo" and not cut.is_whole:
        media.notices.append(f"{media.name}: a photo has no times; --start, --end, --fps and --skip-frames change nothing.")
    return media


def is_pixels(source: object) -> bool:
    """Whether something is a picture in memory: an array or a PIL image. Pillow is not imported to find out."""
    pillow = sys.modules.get("PIL.Image")
    return isinstance(source, np.ndarray) or (pillow is not None and isinstance(source, pillow.Image))


def _one_line(name: str) -> str:
    """A file may be called anything; a message stays one line of readable length."""
    name = "".join(letter if letter.isprintable() else "?" for letter in str(name))
    return name if len(name) <= 200 else f"...{name[-200:]}"


def _existing_file(source: str | Path, name: str) -> Path:
    path = Path(source)
    if "://" in str(source):
        raise InputError(f"{name}: {NOT_OPENED}")
    try:
        if path.is_dir():
            raise InputError(f"{name}: this is a directory. Give one photo or clip.")
        if not path.is_file():
            raise InputError(f"{name}: no such file. Check the path.")
        with path.open("rb"):
            return path
    except (OSError, ValueError):
        raise InputError(f"{name}: the file cannot be opened. Check its path and permissions.") from None


def digest(source: str | Path | bytes) -> str:
    """SHA-256 of a file's bytes, as `Media.sha256`. Raises OSError."""
    with photo.stream(Path(source) if isinstance(source, str) else source) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_content(source: Path | bytes, name: str, cut: Cut, still: bool) -> Media:
    with photo.stream(source) as file:
        header = file.read(sniff.HEADER_BYTES)
        file_kind = sniff.recognise(header)
        if file_kind == sniff.FileKind("photo", "JPEG") and sniff.is_jpeg_sequence(file):
            file_kind = sniff.FileKind("clip", "mjpeg")
    if not header:
        raise InputError(f"{name}: the file is empty. Give a photo or a clip.")
    if file_kind is None:
        raise InputError(f"{name}: {sniff.describe(header)}. Give a photo ({sniff.PHOTOS_READ}) or a clip "
                         f"({sniff.CLIPS_READ}).")
    if file_kind.kind == "clip":
        return _clip(Clip(source, file_kind.reader, name, [], cut), name, digest(source), cut)
    if not still and moves(source, file_kind.reader, name):
        return _clip(Animation(source, file_kind.reader, name, [], cut), name, digest(source), cut)
    return _photo(*photo.read(source, file_kind.reader, name), name, digest(source))


def _clip(clip: Clip | Animation, name: str, sha256: str, cut: Cut) -> Media:
    media = Media("clip", name, sha256, clip.width, clip.height, clip.count, clip.rate, clip.duration, clip.notices, clip=clip,
                  cut=cut)
    if cut.is_whole:
        return media
    if clip.rate:
        media.fps = cut.rate(clip.rate)
        media.count = round(cut.span(clip.duration) * media.fps) if clip.duration else None
    _check_start(media)
    return media


def _check_start(media: Media) -> None:
    """Raises InputError when nothing is left of a clip. Near its end and beyond only decoding tells: headers may be wrong."""
    start, duration = media.cut.start or 0.0, media.clip.duration
    if start == 0 or (duration and start < duration - 1):
        return
    if next(media._frames_in_cut(), None) is None:
        lasts = f"the clip lasts {duration:.2f} s" if duration else "the clip is shorter"
        raise InputError(f"{media.name}: --start {start:g} is past the end: {lasts}. Give an earlier time.")


def _from_array(array: np.ndarray, name: str) -> Media:
    return _photo(arrays.picture_of(array, name), [], name)


def _photo(rgb: np.ndarray, notices: list[str], name: str, sha256: str | None = None) -> Media:
    # The shape is part of the hash: 30x100 and 100x30 pictures can have equal bytes (CVE-2025-46722).
    sha256 = sha256 or hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()
    return Media("photo", name, sha256, rgb.shape[1], rgb.shape[0], notices=notices, picture=rgb)
