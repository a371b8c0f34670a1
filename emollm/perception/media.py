"""One front door for pictures and clips: whatever the user gives becomes a `Media` that yields RGB frames.

Contract (measuring, chips and rendering rely on it): frames are uint8 RGB, upright (EXIF and rotation metadata are
applied), without alpha (flattened on white) and C-contiguous; a photo is a clip of one frame at 0 s. Photo or clip
is decided by content, never by extension. Clips are decoded anew for every pass, so memory does not grow with length.
Words of the decoding libraries never reach an error message: they can leak memory addresses (CVE-2026-22778).
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from emollm.schema import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 32  # px; below this no face can be measured
MAX_PHOTO_PIXELS = 50_000_000  # checked from the header, before anything is decoded
MAX_PHOTO_SIDE = 30_000  # px; OpenCV cannot warp wider pictures
MAX_CLIP_SIDE = 4096  # px
MAX_CLIP_FRAMES = 20_000
DECODE_THREADS = "AUTO"  # as PyAV calls them: AUTO decodes ahead in threads, NONE costs a quarter less work
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
CLIP_CODECS = frozenset({
    "h264", "hevc", "vp8", "vp9", "av1", "mjpeg", "mpeg4", "mpeg1video", "mpeg2video", "msmpeg4v1", "msmpeg4v2",
    "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1"})
PHOTOS_READ = "JPEG, PNG, WebP, BMP, TIFF or GIF"
CLIPS_READ = "MP4, MOV, MKV, WebM, AVI or WMV"

PHOTO_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")
_CLIP_MAGIC = {  # first bytes -> the one FFmpeg demuxer allowed to open them (none that follows links, as HLS does)
    b"\x1aE\xdf\xa3": "matroska", b"0&\xb2u\x8ef\xcf\x11": "asf", b"FLV\x01": "flv", b"OggS": "ogg",
    b"\0\0\x01\xba": "mpeg"}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
_HEADER_BYTES = 512


@dataclass
class Media:
    """One photo or clip, ready to be read frame by frame (see `read`)."""

    kind: str  # "photo" | "clip"
    name: str  # for messages
    sha256: str  # of the file's bytes; of shape and pixels when no file was given
    width: int  # px, upright
    height: int  # px, upright
    count: int | None = 1  # frames, as declared by the file; None when it does not say
    fps: float | None = None  # frames per second, None for photos
    duration: float = 0.0  # s, as declared by the file; 0 for photos
    notices: list[str] = field(default_factory=list)  # what the reader of a result must know about this file
    picture: np.ndarray | None = field(default=None, repr=False)  # [H, W, 3] of a photo
    source: Path | bytes | None = field(default=None, repr=False)  # of a clip
    demuxer: str = field(default="", repr=False)

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[tuple[int, float, np.ndarray]]:
        """Yield (frame index, time s, RGB [H, W, 3] uint8) in decoding order.

        indices: only these frames (others are decoded but not converted, which is 3 times faster); None = all.
        Indices the media does not have are left out. Raises InputError when a clip is longer than MAX_CLIP_FRAMES.
        """
        wanted = None if indices is None else {int(i) for i in indices}
        if self.kind == "photo":
            if wanted is None or 0 in wanted:
                yield 0, 0.0, self.picture
            return
        yield from self._clip_frames(wanted)

    def _clip_frames(self, wanted: set[int] | None) -> Iterator[tuple[int, float, np.ndarray]]:
        last = MAX_CLIP_FRAMES if wanted is None else max(wanted, default=-1)
        start = previous = None
        if last < 0:
            return
        with _open_clip(self.source, self.demuxer, self.name) as stream:
            for index, frame in enumerate(_decoded(stream, self)):
                if index >= MAX_CLIP_FRAMES:
                    raise InputError(f"{self.name}: the clip has more than {MAX_CLIP_FRAMES} frames. "
                                     "Cut it into shorter clips.")
                step = 1 / (self.fps or 25.0)
                now = frame.time if frame.time is not None else (start or 0.0) + index * step
                start = now if start is None else start
                # Broken files repeat or reverse time stamps; times must rise for everything that follows.
                time = now - start if previous is None or now - start > previous else previous + step
                previous = time
                if wanted is None or index in wanted:
                    yield index, time, _upright_rgb(frame, self)
                if index >= last:
                    return


def read(source: str | Path | bytes | np.ndarray | Image, *, name: str | None = None) -> Media:
    """Open a photo or a clip.

    source: path, file content as bytes, PIL image, or uint8 array [H, W, 3] RGB or [H, W] grey. name: how messages
    call it (default: the path as given). Photos are decoded here; of clips only the first frame.
    Raises InputError, in one line with the remedy, for whatever cannot be used.
    """
    from PIL import Image

    if isinstance(source, (str, Path)):
        name = _one_line(name or str(source))
        return _from_content(_existing_file(source, name), name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_content(bytes(source), _one_line(name or "bytes"))
    if isinstance(source, np.ndarray):
        return _from_array(source, _one_line(name or "array"))
    if isinstance(source, Image.Image):
        return _from_image(source, _one_line(name or getattr(source, "filename", "") or "image"), None)
    raise InputError(f"cannot read media from {type(source).__name__}: give a path, bytes, a PIL image or an array")


def _one_line(name: str) -> str:
    """A file may be called anything; a message stays one line of readable length."""
    name = "".join(letter if letter.isprintable() else "?" for letter in str(name))
    return name if len(name) <= 200 else f"...{name[-200:]}"


def _existing_file(source: str | Path, name: str) -> Path:
    path = Path(source)
    if "://" in str(source):
        raise InputError(f"{name}: addresses are not opened. Download the file and give its path.")
    try:
        if path.is_dir():
            raise InputError(f"{name}: this is a directory. Give one photo or clip.")
        if not path.is_file():
            raise InputError(f"{name}: no such file. Check the path.")
        with path.open("rb"):
            return path
    except (OSError, ValueError):
        raise InputError(f"{name}: the file cannot be opened. Check its path and permissions.") from None


def _open_bytes(source: Path | bytes) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _from_content(source: Path | bytes, name: str) -> Media:
    with _open_bytes(source) as file:
        header = file.read(_HEADER_BYTES)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not header:
        raise InputError(f"{name}: the file is empty. Give a photo or a clip.")
    if header.startswith(PHOTO_MAGIC) or (header[:4] == b"RIFF" and header[8:12] == b"WEBP"):
        return _from_photo(source, name, digest)
    if demuxer := demuxer_of(header):
        return _from_clip(source, name, digest, demuxer)
    raise InputError(f"{name}: {_describe_unknown(header)}. Give a photo ({PHOTOS_READ}) or a clip ({CLIPS_READ}).")


def demuxer_of(header: bytes) -> str | None:
    if header[4:8] in _MP4_BOXES and header[8:12] not in _HEIF_BRANDS:
        return "mp4"
    if header[:4] == b"RIFF" and header[8:12] == b"AVI ":
        return "avi"
    if len(header) > 188 and header[0] == header[188] == 0x47:
        return "mpegts"
    return next((demuxer for magic, demuxer in _CLIP_MAGIC.items() if header.startswith(magic)), None)


def _describe_unknown(header: bytes) -> str:
    if header[4:8] == b"ftyp":
        return "HEIC and AVIF pictures are not read; save it as JPEG"
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        # A multi-byte letter cut at the end of the header is still text.
        text = header[: error.start].decode("utf-8") if error.start > len(header) - 4 else ""
    if text and all(letter.isprintable() or letter in "\r\n\t\f" for letter in text):
        return "this is a text file"
    return "unknown file format"


# Photos


def _from_array(array: np.ndarray, name: str) -> Media:
    good = array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
    if not good:
        raise InputError(f"{name}: array of shape {array.shape} and type {array.dtype}, "
                         "expected uint8 [H, W, 3] RGB or [H, W] grey")
    _check_size(array.shape[1], array.shape[0], name)
    rgb = np.repeat(array[:, :, None], 3, axis=2) if array.ndim == 2 else array
    return _photo(np.array(rgb, order="C"), name, None, [])


def _from_photo(source: Path | bytes, name: str, digest: str) -> Media:
    from PIL import Image, UnidentifiedImageError

    with _open_bytes(source) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # our own limit is lower than the one Pillow warns about
                image = Image.open(file, formats=PHOTO_FORMATS)
        except Image.DecompressionBombError:
            raise InputError(f"{name}: {_too_many_pixels()}") from None
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError):
            raise InputError(f"{name}: the picture is damaged. Save it again or give another file.") from None
        return _from_image(image, name, digest)


def _from_image(image: Image, name: str, digest: str | None) -> Media:
    """A PIL image, still undecoded or not, as Media."""
    _check_size(*image.size, name)
    notices = []
    # MPO (phones store a second view) also counts as several frames but does not move.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        notices.append(f"{name}: the picture has {image.n_frames} frames; only the first is used.")
    try:
        rgb = _rgb(image)
    except Exception:  # decoders raise nearly anything on damaged data
        raise InputError(f"{name}: the picture is cut off or damaged. Save it again or give another file.") from None
    return _photo(rgb, name, digest, notices)


def _rgb(image: Image) -> np.ndarray:
    from PIL import Image, ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)  # a face on its side would change every action unit
    if image.mode.startswith(("I", "F")):  # 16 bits a pixel; Pillow's own conversion clips instead of scaling
        values = np.asarray(image, dtype=np.float64)
        grey = np.clip(values / 257 if values.max() > 255 else values, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"), order="C")


def _photo(rgb: np.ndarray, name: str, digest: str | None, notices: list[str]) -> Media:
    # The shape is part of the hash: 30x100 and 100x30 pictures can have equal bytes (CVE-2025-46722).
    digest = digest or hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()
    return Media("photo", name, digest, rgb.shape[1], rgb.shape[0], notices=notices, picture=rgb)


def _too_many_pixels() -> str:
    return f"the picture has more than {MAX_PHOTO_PIXELS // 1_000_000} megapixels. Make it smaller."


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels is too small. Both sides must be at least {MIN_SIDE}.")
    if width * height > MAX_PHOTO_PIXELS:
        raise InputError(f"{name}: {width}x{height} pixels: {_too_many_pixels()}")
    if max(width, height) > MAX_PHOTO_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels: a side may have at most {MAX_PHOTO_SIDE}. Make it smaller.")


# Clips


@contextmanager
def _open_clip(source: Path | bytes, demuxer: str, name: str) -> Iterator[Any]:
    """The clip's video stream, checked against the limits before anything is decoded.

    FFmpeg is given an open file and one demuxer, so that no address and no playlist in the file can be followed.
    """
    import av

    with _open_bytes(source) as file:
        try:
            container = av.open(file, format=demuxer)
        except (av.FFmpegError, OSError, ValueError):
            raise InputError(f"{name}: the clip is cut off or damaged. Save it again or give another file.") from None
        with container:
            if not container.streams.video:
                raise InputError(f"{name}: the file has no pictures (sound only?). Give a clip with a video track.")
            stream = container.streams.video[0]
            _check_stream(stream, name)
            stream.thread_type = DECODE_THREADS
            yield stream


def _check_stream(stream: Any, name: str) -> None:
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else "unknown"
    if codec not in CLIP_CODECS:
        raise InputError(f"{name}: video codec '{codec}' is not read. Convert the clip to H.264 (MP4).")
    width, height = context.width, context.height
    if max(width, height) > MAX_CLIP_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels is too large. "
                         f"Make the clip at most {MAX_CLIP_SIDE} pixels a side.")
    if stream.frames > MAX_CLIP_FRAMES:
        raise InputError(f"{name}: the clip has {stream.frames} frames, at most {MAX_CLIP_FRAMES} are read. "
                         "Cut it into shorter clips.")


def _decoded(stream: Any, media: Media) -> Iterator[Any]:
    """Decoded frames; where the data breaks off the clip ends, with a notice."""
    import av

    count = 0
    try:
        for frame in stream.container.decode(stream):
            yield frame
            count += 1
    except (av.FFmpegError, OSError, ValueError):
        _notice(media, f"{media.name}: the clip is damaged after frame {count}; the rest is left out.")
        return
    if media.count and count < 0.9 * media.count:
        _notice(media, f"{media.name}: only {count} of {media.count} frames could be decoded.")


def _notice(media: Media, text: str) -> None:
    if text not in media.notices:
        media.notices.append(text)


def _from_clip(source: Path | bytes, name: str, digest: str, demuxer: str) -> Media:
    media = Media("clip", name, digest, 0, 0, count=None, source=source, demuxer=demuxer)
    with _open_clip(source, demuxer, name) as stream:
        rate = stream.average_rate or stream.guessed_rate
        media.fps = float(rate) if rate else None
        media.count = stream.frames or None
        media.duration = _duration(stream, media)
        if (aspect := stream.sample_aspect_ratio) and aspect != 1:
            media.notices.append(f"{name}: its pixels are not square ({aspect}); faces are measured as stored.")
        first = next(_decoded(stream, media), None)
        if first is None:
            raise InputError(f"{name}: no frame of the clip can be decoded. Save it again or give another file.")
        turned = _quarter_turns(first) % 2 == 1
        media.width, media.height = (first.height, first.width) if turned else (first.width, first.height)
    if min(media.width, media.height) < MIN_SIDE:
        raise InputError(f"{name}: {media.width}x{media.height} pixels is too small. "
                         f"Both sides must be at least {MIN_SIDE}.")
    return media


def _duration(stream: Any, media: Media) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if stream.container.duration:
        return stream.container.duration / 1e6  # FFmpeg counts microseconds
    return media.count / media.fps if media.count and media.fps else 0.0


def _quarter_turns(frame: Any) -> int:
    """How often the stored frame must be turned by 90 degrees against the clock to stand upright."""
    return round((frame.rotation or 0) / 90) % 4


def _upright_rgb(frame: Any, media: Media) -> np.ndarray:
    turns = _quarter_turns(frame)
    width, height = (media.height, media.width) if turns % 2 else (media.width, media.height)
    # A clip may change its picture size midway: every frame gets the size of the first.
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    # Some widths come with padded rows, in which mediapipe silently finds nothing.
    return np.ascontiguousarray(np.rot90(rgb, turns))
