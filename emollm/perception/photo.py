"""Pictures through Pillow (and OpenCV for deep colour): upright, square, 8-bit RGB, with what the reader must know.

Words of the decoding libraries never reach a message: they can leak memory addresses (CVE-2026-22778).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np

from emollm.perception import deep_colour, hdr, levels, limits, orientations, tiff
from emollm.schema import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
DAMAGED = "the picture is cut off or damaged. Save it again or give another file."


def stream(source: Path | bytes) -> BinaryIO:
    """An open file of a path or of bytes."""
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def open_image(file: BinaryIO, form: str, name: str) -> Image:
    """A Pillow image, its pixels still undecoded, by the one plugin that belongs to its first bytes. Raises InputError."""
    from PIL import Image

    if form == "HEIF":
        _register_heif(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is lower than the one Pillow warns about
            image = Image.open(file, formats=(form,))
    except Image.DecompressionBombError:
        raise InputError(f"{name}: {limits.too_many_pixels()}") from None
    except MemoryError:
        raise
    except Exception:  # plugins raise nearly anything on damaged headers
        raise InputError(f"{name}: the picture is damaged. Save it again or give another file.") from None
    limits.check_photo(*image.size, name)
    return image


def _register_heif(name: str) -> None:
    try:
        import pillow_heif
    except ImportError:
        raise InputError(f"{name}: HEIC pictures need the package pillow-heif. Install it, or save the picture as "
                         "JPEG.") from None
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def read(source: Path | bytes, form: str, name: str) -> tuple[np.ndarray, list[str]]:
    """The pixels of a picture file, RGB [H, W, 3], and notices. Raises InputError."""
    with stream(source) as file:
        content = file.read(limits.MAX_PHOTO_BYTES + 1)
    limits.check_photo_bytes(len(content), name)
    tags = tiff.directory(content) if form == "TIFF" else None
    if tags is not None and deep_colour.needs_opencv(tags):
        limits.check_photo(tags.first_value(tiff.WIDTH, 0), tags.first_value(tiff.HEIGHT, 0), name)
        return guard_decoding(lambda: _deep_tiff(content, tags, name), name)
    return from_image(open_image(io.BytesIO(content), form, name), name, content)


def _deep_tiff(content: bytes, tags: tiff.Directory, name: str) -> tuple[np.ndarray, list[str]]:
    values = deep_colour.decode_opencv(tiff.clear_orientation(content, tags))
    if values is None:
        raise ValueError("not decoded")
    rgb, words = deep_colour.to_bytes(values, deep_colour.largest_value(content))
    orientation = orientations.EXIF.get(tags.first_value(tiff.ORIENTATION, 1), orientations.Orientation())
    return orientation.turn_upright(lay_on_white(rgb)), [f"{name}: {words}."]


def from_image(image: Image, name: str, content: bytes | None = None) -> tuple[np.ndarray, list[str]]:
    """The pixels of a Pillow image, still undecoded or not, and notices. content: of its file, for colour of 16 bits."""
    limits.check_photo(*image.size, name)
    notices = []
    # Pages of a TIFF, pictures of a HEIC. MPO (phones store a second view) also counts as several.
    if (count := frames_of(image, name)) > 1 and image.format != "MPO":
        notices.append(f"{name}: the picture has {count} frames; only the first is used.")
    rgb, colour_notices = guard_decoding(lambda: _rgb(image, name, content), name)
    return rgb, notices + colour_notices


def frames_of(image: Image, name: str) -> int:
    """How many pictures a file holds; Pillow goes through the file to count them. Raises InputError."""
    return guard_decoding(lambda: getattr(image, "n_frames", 1), name)


def guard_decoding(decode: Callable[[], T], name: str) -> T:
    """What a step of decoding gives. Raises InputError when the data are damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow thinks of damaged data is no message of ours
            return decode()
    except (InputError, MemoryError):
        raise
    except Exception:  # decoders raise nearly anything on damaged data
        raise InputError(f"{name}: {DAMAGED}") from None


def _rgb(image: Image, name: str, content: bytes | None) -> tuple[np.ndarray, list[str]]:
    wide = deep_colour.colour(image, content, name) if content is not None else None
    aspect, orientation = _aspect(image), _orientation(image)
    if wide is not None:
        rgb, words = deep_colour.to_bytes(wide, deep_colour.largest_value(content))
        rgb = lay_on_white(rgb)
    else:
        image.load()  # which turns TIFF upright by itself, and then says so
        aspect = 1 / aspect if orientation.swapped and not _orientation(image).swapped else aspect
        orientation = _orientation(image)
        rgb, words = flatten(image, deep_colour.largest_value(content))
    notices = [f"{name}: {words}."] if words else []
    if transfer := hdr.transfer_in(content) if content is not None and image.format in ("HEIF", "AVIF", "PNG") else "":
        rgb = hdr.picture(rgb, transfer)
        notices.append(f"{name}: {hdr.words(transfer)}.")
    if aspect != 1:
        rgb = _resize(rgb, *orientations.square_photo(rgb.shape[1], rgb.shape[0], aspect))
        notices.append(f"{name}: its pixels are {aspect:.3g} times as wide as high; measured with square ones.")
    limits.check_small(rgb.shape[1], rgb.shape[0], name)
    return orientation.turn_upright(rgb), notices


def _orientation(image: Image) -> orientations.Orientation:
    return orientations.EXIF.get(image.getexif().get(tiff.ORIENTATION, 1), orientations.Orientation())


def flatten(image: Image, white: float | None = None) -> tuple[np.ndarray, str]:
    """A decoded image as RGB [H, W, 3] without alpha (flattened on white), and its range in words when it was not 8 bits."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # Pillow's own conversion clips instead of scaling
        grey, words = levels.to_bytes(np.asarray(image), white)
        return np.repeat(grey[:, :, None], 3, axis=2), words
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"), order="C"), ""


def _resize(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC))


# Pixel aspect


def _aspect(image: Image) -> float:
    """Width over height of a stored pixel, from densities that differ (JFIF, pHYs, TIFF resolution)."""
    across, down = image.info.get("jfif_density") or image.info.get("aspect") or _resolution(image) or (1, 1)
    try:
        return orientations.pixel_aspect(float(down) / float(across))
    except (ZeroDivisionError, ValueError, OverflowError):
        return 1.0


def _resolution(image: Image) -> tuple | None:
    if image.format == "TIFF":
        return image.info.get("resolution") or image.info.get("dpi")
    return image.info.get("dpi") if image.format in ("PNG", "BMP") else None


def lay_on_white(rgba: np.ndarray) -> np.ndarray:
    """[H, W, 3] of [H, W, 3 or 4] uint8, on white."""
    if rgba.shape[2] == 3:
        return rgba
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    return np.rint(rgba[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
