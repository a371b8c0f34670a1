"""A small file of every accepted picture and clip format, and files gone wrong in every usual way made from them.

The same number gives the same file at every run and on every machine that has the same encoders.
"""

from __future__ import annotations

import functools
import random
import zlib

import lab
import numpy as np
from material import astronaut

SIDE = 96  # px
PNG = b"\x89PNG\r\n\x1a\n"
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# codec, container, pixel format, size: what an encoder insists on; options
CLIPS = {
    "h264.mp4": ("libx264", "mp4", "yuv420p"), "h264.ts": ("libx264", "mpegts", "yuv420p"),
    "h264.flv": ("libx264", "flv", "yuv420p"), "h264.h264": ("libx264", "h264", "yuv420p"),
    "hevc.mp4": ("libx265", "mp4", "yuv420p10le"), "hevc.hevc": ("libx265", "hevc", "yuv420p"),
    "av1.mkv": ("libsvtav1", "matroska", "yuv420p"), "vp8.webm": ("libvpx", "webm", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "webm", "yuv420p"), "vp8.ogv": ("libvpx", "ogg", "yuv420p"),
    "vp8.ivf": ("libvpx", "ivf", "yuv420p"), "mpeg4.avi": ("mpeg4", "avi", "yuv420p"),
    "mpeg2.mpg": ("mpeg2video", "mpeg", "yuv420p"), "mpeg2.m2v": ("mpeg2video", "mpeg2video", "yuv420p"),
    "mpeg2.mxf": ("mpeg2video", "mxf", "yuv422p"), "mpeg1.mpg": ("mpeg1video", "mpeg", "yuv420p"),
    "wmv1.wmv": ("wmv1", "asf", "yuv420p"), "wmv2.wmv": ("wmv2", "asf", "yuv420p"),
    "msmpeg4.avi": ("msmpeg4", "avi", "yuv420p"), "flv1.flv": ("flv1", "flv", "yuv420p"),
    "mjpeg.avi": ("mjpeg", "avi", "yuvj420p"), "mjpeg.mjpeg": ("mjpeg", "mjpeg", "yuvj420p"),
    "ffv1.mkv": ("ffv1", "matroska", "yuv420p"), "ffv1_grey16.nut": ("ffv1", "nut", "gray16le"),
    "huffyuv.avi": ("huffyuv", "avi", "yuv422p"), "ffvhuff.avi": ("ffvhuff", "avi", "yuv420p"),
    "utvideo.avi": ("utvideo", "avi", "yuv420p"), "magicyuv.avi": ("magicyuv", "avi", "yuv420p"),
    "raw.avi": ("rawvideo", "avi", "bgr24"), "raw.y4m": ("wrapped_avframe", "yuv4mpegpipe", "yuv420p"),
    "v210.mov": ("v210", "mov", "yuv422p10le"), "v308.mov": ("v308", "mov", "yuv444p"),
    "v408.mov": ("v408", "mov", "yuva444p"),
    "v410.mov": ("v410", "mov", "yuv444p10le"), "r210.mov": ("r210", "mov", "gbrp10le"),
    "ljpeg.avi": ("ljpeg", "avi", "bgr24"), "jpegls.avi": ("jpegls", "avi", "rgb24"),
    "jpeg2000.mov": ("jpeg2000", "mov", "rgb24"), "png.mov": ("png", "mov", "rgb24"), "qtrle.mov": ("qtrle", "mov", "rgb24"),
    "zmbv.avi": ("zmbv", "avi", "bgr0"), "msvideo1.avi": ("msvideo1", "avi", "rgb555le"),
    "cinepak.avi": ("cinepak", "avi", "rgb24"), "svq1.mov": ("svq1", "mov", "yuv410p"),
    "prores.mov": ("prores_ks", "mov", "yuv422p10le"), "cfhd.mov": ("cfhd", "mov", "yuv422p10le")}
SIZED = {"dnxhd.mov": ("dnxhd", "mov", "yuv422p", (256, 120), {"profile": "dnxhr_lb"}),
         "h263.3gp": ("h263", "3gp", "yuv420p", (128, 96), {}), "h261.avi": ("h261", "avi", "yuv420p", (176, 144), {}),
         "dv.avi": ("dvvideo", "avi", "yuv420p", (720, 576), {}), "dv.dv": ("dvvideo", "dv", "yuv420p", (720, 576), {})}
STILLS = {
    "jpeg": ("JPEG", {}), "jpeg_progressive": ("JPEG", {"progressive": True}), "png": ("PNG", {}), "webp": ("WEBP", {}),
    "webp_lossless": ("WEBP", {"lossless": True}), "avif": ("AVIF", {"speed": 9}), "heic": ("HEIF", {}), "bmp": ("BMP", {}),
    "gif": ("GIF", {}), "tiff": ("TIFF", {}), "tiff_lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff_deflate": ("TIFF", {"compression": "tiff_deflate"}), "tiff_jpeg": ("TIFF", {"compression": "jpeg"}),
    "jp2": ("JPEG2000", {}), "j2k": ("JPEG2000", {"no_jp2": True}), "ppm": ("PPM", {}), "qoi": ("QOI", {}),
    "mpo": ("MPO", {"save_all": True})}
MOVING = {"gif": "GIF", "apng": "PNG", "webp": "WEBP", "avif": "AVIF"}


@functools.cache
def face(width: int = SIDE, height: int = SIDE) -> np.ndarray:
    """[height, width, 3] uint8: the astronaut's face."""
    import cv2

    return cv2.resize(astronaut()[40:170, 158:288], (width, height), interpolation=cv2.INTER_AREA)


def moments(width: int = SIDE, height: int = SIDE) -> list[np.ndarray]:
    """Four frames: the face moves by 2 px a frame."""
    return [np.ascontiguousarray(np.roll(face(width, height), 2 * k, 1)) for k in range(4)]


def clip(codec: str, container: str, pixels: str, size: tuple[int, int] = (SIDE, SIDE), options: dict | None = None) -> bytes:
    """A clip of 4 frames at 25 a second."""
    return lab.written(codec, pixels, [lab.plain(picture) for picture in moments(*size)], container, options)


def moving(form: str) -> bytes:
    from PIL import Image

    first, *rest = (Image.fromarray(picture) for picture in moments())
    return lab.saved(first, form, save_all=True, append_images=rest, duration=80)


def deep() -> dict[str, bytes]:
    """Pictures of more than 8 bits."""
    import cv2
    from PIL import Image

    grey, colour = face()[:, :, 0].astype(np.uint16) * 16, face()[:, :, ::-1].astype(np.uint16) * 16
    made = {"png_grey16": Image.fromarray(grey), "tiff_float": Image.fromarray(grey.astype(np.float32) / 4080)}
    files = {name: lab.saved(image, name.split("_")[0].upper()) for name, image in made.items()}
    for name, ending, values in (("png_colour16", ".png", colour), ("tiff_colour16", ".tif", colour),
                                 ("tiff_colour_float", ".tif", colour.astype(np.float32) / 4080)):
        files[name] = cv2.imencode(ending, values)[1].tobytes()
    return files


@functools.cache
def whole() -> dict[str, bytes]:
    """Name -> a sound file of every accepted format."""
    from PIL import Image

    picture = Image.fromarray(face())
    files = {f"still_{name}": lab.saved(picture, form, **more) for name, (form, more) in STILLS.items()} | deep()
    files |= {f"moving_{name}": moving(form) for name, form in MOVING.items()}
    files |= {name: clip(*given) for name, given in (CLIPS | SIZED).items()}
    packets = files["h264.ts"]
    files["avchd.mts"] = b"".join(k.to_bytes(4, "big") + packets[k:k + 188] for k in range(0, len(packets) - 187, 188))
    return files | lab.seeds(face())


def damaged(number: int) -> tuple[str, bytes]:
    """(what was done to which, content) of the damaged file of this number."""
    draw = random.Random(f"damaged {number}")
    names = sorted(whole())
    name = names[number % len(names)]
    content, done = bytearray(whole()[name]), []
    for _ in range(draw.choice((1, 1, 2, 4))):
        kind = draw.choice(tuple(WAYS))
        content = WAYS[kind](content, draw)
        done.append(kind)
    if content.startswith(PNG) and draw.random() < 0.7:  # else nearly all of them end at a checksum
        content = _checked(content)
        done.append("checksums put right")
    return f"{number} {name}: {', '.join(done)}", bytes(content)


def _checked(content: bytearray) -> bytearray:
    """A PNG whose chunks have the checksums of what they now hold."""
    at = len(PNG)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at:at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(content):
            break
        content[end:end + 4] = zlib.crc32(content[at + 4:end]).to_bytes(4, "big")
        at = end + 4
    return content


def _place(content: bytearray, draw: random.Random) -> int:
    """Half the time within the header, where damage has more consequences."""
    return draw.randrange(max(1, min(len(content), 512) if draw.random() < 0.5 else len(content)))


def _cut(content: bytearray, draw: random.Random) -> bytearray:
    return content[:max(16, int(len(content) * draw.random()))]


def _bits(content: bytearray, draw: random.Random) -> bytearray:
    for _ in range(draw.choice((1, 3, 10, 40))):
        content[_place(content, draw)] ^= 1 << draw.randrange(8)
    return content


def _noise(content: bytearray, draw: random.Random) -> bytearray:
    at = _place(content, draw)
    run = draw.choice((1, 4, 32, 512))
    content[at:at + run] = draw.randbytes(min(run, len(content) - at))
    return content


def _extreme(content: bytearray, draw: random.Random) -> bytearray:
    """A number in the file that is as large or small as it can be: sizes, counts, offsets."""
    at, width, order = _place(content, draw), draw.choice((1, 2, 4)), draw.choice(("big", "little"))
    content[at:at + width] = (draw.choice(EXTREMES) % 256**width).to_bytes(width, order)
    return content


def _lost(content: bytearray, draw: random.Random) -> bytearray:
    at = _place(content, draw)
    del content[at:at + draw.choice((1, 7, 64, 1024))]
    return content or bytearray(16)


def _doubled(content: bytearray, draw: random.Random) -> bytearray:
    at = _place(content, draw)
    run = content[at:at + draw.choice((8, 128, 2048))]
    content[at:at] = run * draw.choice((1, 1, 20))
    return content


def _blank(content: bytearray, draw: random.Random) -> bytearray:
    at, run = _place(content, draw), draw.choice((4, 64, 1024))
    content[at:at + run] = bytes([draw.choice((0, 255))]) * min(run, len(content) - at)
    return content


def _grafted(content: bytearray, draw: random.Random) -> bytearray:
    """The head of one file on the body of another."""
    other = whole()[draw.choice(sorted(whole()))]
    return content[:max(16, draw.randrange(len(content)))] + other[draw.randrange(len(other)):]


WAYS = {"cut": _cut, "bits": _bits, "noise": _noise, "extreme": _extreme, "lost": _lost, "doubled": _doubled, "blank": _blank,
        "grafted": _grafted}
