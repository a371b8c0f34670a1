"""Pictures and clips of laboratories, cutting rooms and phones: interlaced, of high dynamic range, see-through, of more
than 8 bits. `seeds` holds a small sound file of each for the fuzz of `damaged.py`.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np

FPS = 25
TRANSFERS = {"PQ": 16, "HLG": 18}  # as ITU-T H.273 numbers them
# No B frames in x265: in a clip shorter than its delay for them it gives packets a decoding time that muxers refuse at random.
QUICK = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
         "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}, "libsvtav1": {"preset": "12"},
         "libx264": {"preset": "ultrafast"}}
FIELDS = {"flags": "+ilme+ildct"}
# name: codec, container, pixel format, options, field that is shown first
INTERLACED = {
    "h264_tff.mp4": ("libx264", "mp4", "yuv420p", {"x264-params": "tff=1"}, "tff"),
    "h264_bff.ts": ("libx264", "mpegts", "yuv420p", {"x264-params": "bff=1"}, "bff"),
    "h264_unflagged.mp4": ("libx264", "mp4", "yuv420p", {"crf": "14"}, "tff"),
    "mpeg2_fields.mpg": ("mpeg2video", "mpeg", "yuv420p", {**FIELDS, "b": "9000000"}, "bff"),
    "mpeg2_fields.mxf": ("mpeg2video", "mxf", "yuv422p", {**FIELDS, "b": "9000000"}, "bff"),
    "mpeg4_fields.avi": ("mpeg4", "avi", "yuv420p", FIELDS, "bff"),
    "prores_fields.mov": ("prores_ks", "mov", "yuv422p10le", {"flags": "+ildct"}, "bff"),
    "ffv1_fields.mkv": ("ffv1", "matroska", "yuv420p", {}, "tff"), "raw_fields.mov": ("rawvideo", "mov", "uyvy422", {}, "bff"),
    "huffyuv_fields.avi": ("huffyuv", "avi", "yuv422p", {}, "tff")}
# name: codec, container, pixel format, transfer
HDR = {"hevc_pq.mp4": ("libx265", "mp4", "yuv420p10le", "PQ"), "hevc_hlg.ts": ("libx265", "mpegts", "yuv420p10le", "HLG"),
       "av1_pq.mkv": ("libsvtav1", "matroska", "yuv420p10le", "PQ"),
       "h264_hlg.mkv": ("libx264", "matroska", "yuv420p10le", "HLG"),
       "prores_hlg.mov": ("prores_ks", "mov", "yuv422p10le", "HLG"), "ffv1_pq.mkv": ("ffv1", "matroska", "yuv444p12le", "PQ")}
# name: codec, container, pixel format, options
SEE_THROUGH = {
    "qtrle_alpha.mov": ("qtrle", "mov", "argb", {}), "png_alpha.mov": ("png", "mov", "rgba", {}),
    "prores_alpha.mov": ("prores_ks", "mov", "yuva444p10le", {"profile": "4444"}),
    "ffv1_alpha.mkv": ("ffv1", "matroska", "bgra", {}), "ffv1_yuva.mkv": ("ffv1", "matroska", "yuva420p", {}),
    "utvideo_alpha.avi": ("utvideo", "avi", "gbrap", {}),
    "huffyuv_alpha.avi": ("huffyuv", "avi", "bgra", {}), "magicyuv_alpha.avi": ("magicyuv", "avi", "gbrap", {}),
    "raw_alpha.avi": ("rawvideo", "avi", "bgra", {}), "vp9_alpha.webm": ("libvpx-vp9", "webm", "yuva420p", {})}
DEEP = {
    "gray10.mkv": ("ffv1", "matroska", "gray10le", {}), "gray16.mkv": ("ffv1", "matroska", "gray16le", {}),
    "gbrp16.mkv": ("ffv1", "matroska", "gbrp16le", {}), "yuv16.mkv": ("ffv1", "matroska", "yuv420p16le", {}),
    "rgba64.mkv": ("ffv1", "matroska", "rgba64le", {}),
    "float.mkv": ("ffv1", "matroska", "gbrpf32le", {"strict": "-2", "level": "4"}),
    "raw_gray16.nut": ("rawvideo", "nut", "gray16le", {}),
    "png16.mov": ("png", "mov", "rgb48be", {}), "jpeg2000_16.mkv": ("jpeg2000", "matroska", "rgb48le", {}),
    "jpegls16.avi": ("jpegls", "avi", "gray16le", {}), "hevc12.ts": ("libx265", "mpegts", "yuv420p12le", {}),
    "prores12.mov": ("prores_ks", "mov", "yuv444p10le", {"profile": "4444"}), "cfhd12.mov": ("cfhd", "mov", "gbrp12le", {}),
    "h264_10.mp4": ("libx264", "mp4", "yuv422p10le", {})}
ALPHA_STILLS = {
    "png": ("PNG", "RGBA", {}), "png_grey": ("PNG", "LA", {}), "webp": ("WEBP", "RGBA", {}),
    "webp_lossless": ("WEBP", "RGBA", {"lossless": True}), "tiff": ("TIFF", "RGBA", {}), "avif": ("AVIF", "RGBA", {"speed": 9}),
    "heic": ("HEIF", "RGBA", {}), "jp2": ("JPEG2000", "RGBA", {}), "qoi": ("QOI", "RGBA", {}), "bmp": ("BMP", "RGBA", {}),
    "palette": ("PNG", "P", {"transparency": 0}), "gif": ("GIF", "P", {"transparency": 0})}


# Clips


def written(codec: str, pixels: str, frames: list, container: str = "matroska", options: dict | None = None,
            **context) -> bytes:
    """A clip of av frames, FPS a second, each an object of its own: encoders with threads hold them. context: further settings
    of the encoder."""
    try:
        return _encoded(codec, pixels, frames, container, QUICK.get(codec, {}) | (options or {}), context)
    finally:
        # SVT-AV1 makes the thread that opens it a real-time one when root runs it, and all that it starts from then on.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _encoded(codec: str, pixels: str, frames: list, container: str, options: dict, context: dict) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as made:
        stream = made.add_stream(codec, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def plain(picture: np.ndarray):
    """An av frame of uint8 [H, W, 3 or 4]."""
    import av

    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgba" if picture.shape[2] == 4 else "rgb24")


def samples(values: list[np.ndarray], form: str):
    """An av frame with these samples, [H, W] a plane, in words of 16 bits."""
    import av

    frame = av.VideoFrame(values[0].shape[1], values[0].shape[0], form)
    for plane, one in zip(frame.planes, values, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, :plane.width] = one
        plane.update(rows.tobytes())
    return frame


def in_words(face: np.ndarray, bits: int, form: str):
    """A picture of so many bits in a format of planes of 16."""
    import av

    whole = av.VideoFrame.from_ndarray(np.rint(face * (65535 / 255)).astype(np.uint16), "rgb48le").reformat(format=form)
    planes = [np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, :p.width] for p in whole.planes]
    return samples([plane >> (16 - bits) for plane in planes], form)


def combed(picture: np.ndarray, count: int = 30, step: int = 6, first: str = "tff") -> tuple[list, list]:
    """Frames of a picture that moves between its two fields, by `step` px a frame; and the whole pictures."""
    picture = np.ascontiguousarray(picture)
    frames = []
    for k in range(count):
        one, other = (np.roll(picture, (2 * k + half) * step // 2, 1) for half in (0, 1))
        even, odd = (one, other) if first == "tff" else (other, one)
        frame = even.copy()
        frame[1::2] = odd[1::2]
        frames.append(frame)
    return frames, [np.roll(picture, k * step, 1) for k in range(count)]


def coded(face: np.ndarray, transfer: str) -> np.ndarray:
    """A picture of standard range as an HDR camera would write it: white at 203 nits, BT.2020; float [H, W, 3]."""
    to_2020 = np.linalg.inv([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    nits = np.clip(203 * (face / 255) ** 2.4 @ to_2020.T, 0, None)
    if transfer == "PQ":  # SMPTE ST 2084
        power = (nits / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    luma = (nits / 1000 @ [0.2627, 0.678, 0.0593])[..., None]  # ITU-R BT.2100, HLG
    scene = nits / 1000 * np.maximum(luma, 1e-9) ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def hdr_clip(face: np.ndarray, transfer: str, codec: str = "libx265", form: str = "yuv420p10le",
             container: str = "mpegts") -> bytes:
    import av

    code = TRANSFERS[transfer]
    values, frames = np.rint(coded(face, transfer) * 65535).astype(np.uint16), []
    for _ in range(2):
        frame = av.VideoFrame.from_ndarray(values, "rgb48le").reformat(format=form, dst_colorspace=9, dst_color_range=1)
        frame.colorspace, frame.color_trc, frame.color_primaries = 9, code, 9
        frames.append(frame)
    return written(codec, form, frames, container, {"crf": "8"} if "265" in codec else {}, colorspace=9, color_trc=code,
                   color_primaries=9, color_range=1)


# Pictures


def saved(image, form: str, **options) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def hdr_photo(face: np.ndarray, form: str, transfer: str = "PQ") -> bytes:
    """AVIF, HEIF or PNG of 8 bits that says which transfer its colours have."""
    from PIL import Image

    content = bytearray(saved(Image.fromarray(np.rint(coded(face, transfer) * 255).astype(np.uint8)), form, quality=95))
    code = TRANSFERS[transfer]
    if form == "PNG":
        chunk = b"cICP" + bytes([9, code, 0, 1])
        content[33:33] = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    else:
        at = content.index(b"colrnclx") + 8
        content[at:at + 4] = bytes([0, 9, 0, code])
    return bytes(content)


def veiled(face: np.ndarray) -> np.ndarray:
    """[H, W, 4] uint8: the picture, see-through towards its left side."""
    alpha = np.broadcast_to(np.linspace(0, 255, face.shape[1]).astype(np.uint8), face.shape[:2])
    return np.dstack([face, alpha])


def _deep_stills(face: np.ndarray) -> dict[str, Callable[[], bytes]]:
    import cv2
    from PIL import Image

    grey, colour = face[:, :, 1].astype(np.uint16) * 16, face[:, :, ::-1].astype(np.uint16) * 16
    clear = np.dstack([colour, veiled(face)[:, :, 3].astype(np.uint16) * 257])
    wide = {"grey16.tif": grey, "grey16.pgm": grey, "colour16.ppm": colour, "grey16.jp2": grey, "colour16.jp2": colour,
            "alpha16.png": clear, "alpha16.tif": clear, "grey.pfm": grey.astype(np.float32) / 4080}

    def coded(name: str, values: np.ndarray) -> bytes:
        return cv2.imencode(f".{name.split('.')[1]}", values)[1].tobytes()

    makers = {f"deep_{name}": partial(coded, name, values) for name, values in wide.items()}
    return makers | {"deep_int32.tif": partial(saved, Image.fromarray(grey.astype(np.int32)), "TIFF")}


# All of them


def makers(face: np.ndarray) -> dict[str, Callable[[], bytes]]:
    """Name -> what makes a small sound file of each kind, with the face of [H, W, 3] uint8."""
    from PIL import Image

    clear = veiled(face)

    def fields(codec: str, container: str, pixels: str, options: dict, first: str) -> bytes:
        return written(codec, pixels, list(map(plain, combed(face, 8, first=first)[0])), container, options)

    def two(picture: np.ndarray, codec: str, container: str, pixels: str, options: dict) -> bytes:
        return written(codec, pixels, [plain(picture).reformat(format=pixels) for _ in range(2)], container, options)

    def still(form: str, mode: str, options: dict) -> bytes:
        return saved(Image.fromarray(clear).convert(mode), form, **options)

    def moving(form: str) -> bytes:
        first, *rest = (Image.fromarray(np.roll(clear, 2 * k, 1)) for k in range(3))
        return saved(first, form, save_all=True, append_images=rest, duration=80)

    made = {f"fields_{name}": partial(fields, *how) for name, how in INTERLACED.items()}
    made |= {f"hdr_{name}": partial(hdr_clip, face, transfer, codec, pixels, container)
             for name, (codec, container, pixels, transfer) in HDR.items()}
    made |= {f"hdr_{transfer}_{form}".lower(): partial(hdr_photo, face, form, transfer) for form in ("PNG", "AVIF", "HEIF")
             for transfer in TRANSFERS}
    made |= {f"alpha_{name}": partial(two, clear, *how) for name, how in SEE_THROUGH.items()}
    made |= {f"alpha_{name}": partial(still, *how) for name, how in ALPHA_STILLS.items()}
    made |= {f"alpha_moving_{form}".lower(): partial(moving, form) for form in ("GIF", "PNG", "WEBP", "AVIF")}
    made |= {f"deep_{name}": partial(two, face, *how) for name, how in DEEP.items()}
    return made | _deep_stills(face)


def seeds(face: np.ndarray) -> dict[str, bytes]:
    """Name -> a small sound file of each kind."""
    return {name: make() for name, make in makers(face).items()}
