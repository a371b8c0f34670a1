"""Clips of laboratories, cutting rooms and phones: interlaced, of more than 8 bits, of high dynamic range, see-through."""

import io
import random
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emollm.perception import fields, hdr, media
from emollm.schema import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import damaged

FACE = damaged.face()
GREY = FACE @ [0.299, 0.587, 0.114]


def written(codec, pixels, frames, container="matroska", options=None, **context):
    """A clip of av frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as made:
        stream = made.add_stream(codec, rate=25, options=damaged.QUICK.get(codec, {}) | (options or {}))
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        stream.codec_context.time_base = Fraction(1, 25)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return file.getvalue()


def samples(values, form):
    """An av frame with these samples, [H, W] a plane, in words of 16 bits."""
    frame = av.VideoFrame(values[0].shape[1], values[0].shape[0], form)
    for plane, one in zip(frame.planes, values, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, :plane.width] = one
        plane.update(rows.tobytes())
    return frame


def in_words(face, bits, form):
    """A picture of so many bits in a format of 16."""
    whole = av.VideoFrame.from_ndarray(np.rint(face * (65535 / 255)).astype(np.uint16), "rgb48le").reformat(format=form)
    planes = [np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, :p.width] for p in whole.planes]
    return samples([plane >> (16 - bits) for plane in planes], form)


# Depth


@pytest.mark.parametrize("form", ["gray16le", "gbrp16le", "yuv444p16le", "yuv420p16le"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_samples_of_fewer_bits_in_words_of_16_are_read_on_their_real_range(form, bits):
    read = media.read(written("ffv1", form, [in_words(FACE, bits, form)] * 2), name="lab")
    expected = np.repeat(GREY[:, :, None], 3, 2) if form.startswith("gray") else FACE
    for _, _, rgb in read.frames():
        assert np.abs(rgb - expected.astype(float)).mean() < (3 if form == "yuv420p16le" else 1.5)
    assert read.notices == [f"lab: values of 16 bits are read on the range 0 to {2**bits - 1}."]


@pytest.mark.parametrize("form", ["rgb48le", "rgba64le"])
def test_packed_words_too(form):
    deep = np.rint(FACE * (4095 / 255)).astype(np.uint16)
    deep = deep if form == "rgb48le" else np.dstack([deep, np.full(deep.shape[:2], 4095, np.uint16)])
    read = media.read(written("ffv1", form, [av.VideoFrame.from_ndarray(deep, form)]), name="lab")
    (_, _, rgb), = read.frames()
    np.testing.assert_allclose(rgb.astype(int), FACE, atol=1)
    assert read.notices == ["lab: values of 16 bits are read on the range 0 to 4095."]


@pytest.mark.parametrize(("codec", "form", "container", "size", "options"), [
    ("ffv1", "gray10le", "matroska", 96, {}), ("ffv1", "gray12le", "matroska", 96, {}),
    ("ffv1", "yuv420p10le", "matroska", 96, {}), ("ffv1", "yuv422p12le", "matroska", 96, {}),
    ("ffv1", "gbrp12le", "matroska", 96, {}), ("ffv1", "yuv444p14le", "nut", 96, {}),
    ("prores_ks", "yuv422p10le", "mov", 96, {}), ("prores_ks", "yuva444p10le", "mov", 96, {"profile": "4444"}),
    ("dnxhd", "yuv422p10le", "mov", 256, {"profile": "dnxhr_hqx"}),
    ("dnxhd", "yuv444p10le", "mov", 256, {"profile": "dnxhr_444"}),
    ("libx265", "yuv420p12le", "mpegts", 96, {"crf": "10"}), ("v210", "yuv422p10le", "mov", 96, {})])
def test_a_format_that_names_its_depth_is_read_on_it_without_a_word(codec, form, container, size, options):
    face = damaged.face(size, size)
    grey = form.startswith("gray")
    frame = (samples([np.rint(GREY * ((2**int(form[4:6]) - 1) / 255)).astype(np.uint16)], form) if grey
             else av.VideoFrame.from_ndarray(face, "rgb24").reformat(format=form))
    read = media.read(written(codec, form, [frame] * 2, container, options), name="lab")
    _, _, rgb = next(read.frames())
    expected = np.repeat(GREY[:, :, None], 3, 2) if grey else face
    assert np.abs(rgb - expected.astype(float)).mean() < 4 and read.notices == []


def test_a_clip_that_begins_dark_gets_a_wider_range_where_it_needs_one():
    dark, bright = (samples([np.rint(GREY * top / 255).astype(np.uint16)], "gray16le") for top in (200, 4095))
    read = media.read(written("ffv1", "gray16le", [dark] * (fields.LOOKED_AT + 1) + [bright]), name="lab")
    frames = [rgb for _, _, rgb in read.frames()]
    np.testing.assert_allclose(frames[-1][:, :, 0], GREY, atol=1)
    assert read.notices == [f"lab: values of 16 bits are read on the range 0 to {top}." for top in (255, 4095)]


@pytest.mark.parametrize(("top", "said"), [(1.0, "0 to 1"), (255.0, "0 to 255"), (4095.0, "0 to 4095")])
def test_fractions_of_a_clip(top, said):
    values = (FACE.astype(np.float32) * np.float32(top / 255))[:, :, [1, 2, 0]]
    frame = av.VideoFrame(damaged.SIDE, damaged.SIDE, "gbrpf32le")
    for k, plane in enumerate(frame.planes):
        rows = np.zeros((plane.height, plane.line_size // 4), np.float32)
        rows[:, :plane.width] = values[:, :, k]
        plane.update(rows.tobytes())
    read = media.read(written("ffv1", "gbrpf32le", [frame], options={"strict": "-2", "level": "4"}), name="lab")
    (_, _, rgb), = read.frames()
    np.testing.assert_allclose(rgb.astype(int), FACE, atol=1)
    assert read.notices == [f"lab: fractional values are read on the range {said}."]


# Fields


def combed(astronaut, count=30, step=6, first="tff"):
    """Frames of a picture that moves between its two fields, by `step` px a frame."""
    picture = np.ascontiguousarray(astronaut[:240, 60:380])
    frames = []
    for k in range(count):
        one, other = (np.roll(picture, (2 * k + half) * step // 2, 1) for half in (0, 1))
        even, odd = (one, other) if first == "tff" else (other, one)
        frame = even.copy()
        frame[1::2] = odd[1::2]
        frames.append(frame)
    return frames, [np.roll(picture, k * step, 1) for k in range(count)]


def comb(rgb):
    """How much a line differs from its neighbours, in grey levels."""
    grey = rgb.mean(2)
    return np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean()


CAMERAS = [("libx264", "yuv420p", "mp4", {"x264-params": "tff=1"}, "tff", "frames"),
           ("libx264", "yuv420p", "mpegts", {"x264-params": "bff=1"}, "bff", "frames"),
           ("mpeg2video", "yuv420p", "mpeg", {"flags": "+ilme+ildct"}, "bff", "frames"),
           ("prores_ks", "yuv422p10le", "mov", {"flags": "+ildct"}, "bff", "frames"),
           ("ffv1", "yuv420p", "matroska", {}, "tff", "lines"), ("rawvideo", "uyvy422", "mov", {}, "bff", "lines"),
           ("huffyuv", "yuv422p", "avi", {}, "tff", "lines"), ("libx264", "yuv420p", "mp4", {"crf": "14"}, "tff", "lines")]


@pytest.mark.parametrize(("codec", "pixels", "container", "options", "first", "told"), CAMERAS)
def test_interlaced_clips_are_made_whole(codec, pixels, container, options, first, told, astronaut):
    frames, whole = combed(astronaut, first=first)
    given = [av.VideoFrame.from_ndarray(frame, "rgb24") for frame in frames]
    options |= {"b": "9000000"} if codec == "mpeg2video" else {}
    read = media.read(written(codec, pixels, given, container, options), name="cam")
    found = list(read.frames())
    assert len(found) == len(frames)
    np.testing.assert_allclose([time for _, time, _ in found], np.arange(len(frames)) / 25, atol=0.002)
    (notice,) = [n for n in read.notices if "interlaced" in n]
    assert notice.startswith("cam: the clip is interlaced") and f"its {told}" in notice
    for (_, _, rgb), combs, clean in list(zip(found, frames, whole, strict=True))[2:-2]:
        assert comb(rgb) < 1.2 * comb(clean) < comb(combs) / 2
    again = {index: rgb for index, _, rgb in read.frames([7, 8])}  # key frames come from a second pass
    assert all(np.array_equal(again[k], found[k][2]) for k in again)


@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
def test_whole_pictures_are_left_alone(codec, astronaut):
    """A face that moves, and one that does not: no frame is touched and no word is said."""
    _, whole = combed(astronaut)
    for frames in (whole, whole[:1] * 30):
        content = written(codec, "yuv420p", [av.VideoFrame.from_ndarray(frame, "rgb24") for frame in frames])
        read = media.read(content)
        with av.open(io.BytesIO(content)) as plain:
            for (_, _, rgb), frame in zip(read.frames(), plain.decode(video=0), strict=True):
                np.testing.assert_array_equal(rgb, frame.to_ndarray(format="rgb24"))
        assert read.notices == []


def test_an_interlaced_clip_that_changes_its_size_midway_is_read(astronaut):
    frames, _ = combed(astronaut, 12)
    parts = [written("mpeg2video", "yuv420p", [av.VideoFrame.from_ndarray(f[:side, :side].copy(), "rgb24") for f in frames],
                     "mpegts", {"flags": "+ilme+ildct"}) for side in (96, 160)]
    shapes = [rgb.shape for _, _, rgb in media.read(b"".join(parts)).frames()]
    assert len(shapes) >= 20 and set(shapes) == {(96, 96, 3)}


def test_the_part_of_an_interlaced_clip_holds_the_frames_of_the_whole(astronaut):
    frames, _ = combed(astronaut, 100)
    content = written("libx264", "yuv420p", [av.VideoFrame.from_ndarray(f, "rgb24") for f in frames], "mp4",
                      {"x264-params": "tff=1:keyint=12"})
    whole = {round(time, 3): rgb for _, time, rgb in media.read(content).frames()}
    part = list(media.read(content, start=3.0, end=3.4).frames())
    assert len(part) == 10
    for _, time, rgb in part:
        np.testing.assert_array_equal(rgb, whole[round(time, 3)])


# High dynamic range


def coded(face, transfer):
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


def hdr_clip(face, transfer, codec="libx265", form="yuv420p10le", container="mpegts"):
    code = {"PQ": 16, "HLG": 18}[transfer]
    deep = av.VideoFrame.from_ndarray(np.rint(coded(face, transfer) * 65535).astype(np.uint16), "rgb48le")
    frame = deep.reformat(format=form, dst_colorspace=9, dst_color_range=1)
    frame.colorspace, frame.color_trc, frame.color_primaries = 9, code, 9
    return written(codec, form, [frame] * 2, container, {"crf": "8"} if "265" in codec else {}, colorspace=9, color_trc=code,
                   color_primaries=9, color_range=1)


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
@pytest.mark.parametrize(("codec", "form", "container"), [
    ("libx265", "yuv420p10le", "mpegts"), ("prores_ks", "yuv422p10le", "mov"), ("ffv1", "yuv444p12le", "matroska")])
def test_high_dynamic_range_looks_as_the_standard_picture_does(transfer, codec, form, container, astronaut):
    face = np.ascontiguousarray(astronaut[:256, 60:316])
    read = media.read(hdr_clip(face, transfer, codec, form, container), name="phone")
    (_, _, rgb), *_ = read.frames()
    middle = face.max(2) < 150  # what is brighter is rolled off
    assert np.abs(rgb.astype(float) - face)[middle].mean() < 4 and np.abs(rgb.astype(float) - face).mean() < 6
    assert read.notices == [f"phone: high dynamic range ({transfer}) is tone-mapped to standard range before measuring."]


def test_the_units_of_a_face_in_high_dynamic_range_are_those_of_the_plain_one(astronaut):
    from emollm.explainer import measure

    face = np.ascontiguousarray(astronaut[:256, 60:316])
    standard = [av.VideoFrame.from_ndarray(face, "rgb24").reformat(format="yuv444p12le")] * 2
    plain, = measure(written("ffv1", "yuv444p12le", standard), baseline="none")
    for transfer in ("PQ", "HLG"):
        wide, = measure(hdr_clip(face, transfer, "ffv1", "yuv444p12le", "matroska"), baseline="none")
        assert np.nanmax(np.abs(wide.series.intensity[0] - plain.series.intensity[0])) < 0.5


def test_tone_mapping_keeps_black_and_grey_and_never_turns_back():
    for transfer in ("PQ", "HLG"):
        ramp = hdr.standard(np.repeat(np.linspace(0, 1, 200)[:, None], 3, 1), transfer)
        assert ramp[0].max() == 0 and ramp[-1].min() > 0.97
        assert (np.diff(ramp, axis=0) >= -1e-9).all() and np.abs(ramp - ramp[:, :1]).max() < 0.002


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "PNG"])
def test_photographs_of_high_dynamic_range_too(form, astronaut):
    import pillow_heif

    pillow_heif.register_heif_opener()
    face = np.ascontiguousarray(astronaut[:256, 60:316])
    file = io.BytesIO()
    Image.fromarray(np.rint(coded(face, "PQ") * 255).astype(np.uint8)).save(file, form, quality=95)
    content = bytearray(file.getvalue())
    if form == "PNG":
        chunk = b"cICP" + bytes([9, 16, 0, 1])
        content[33:33] = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    else:
        at = content.index(b"colrnclx") + 8
        content[at:at + 4] = b"\0\x09\0\x10"
    read = media.read(bytes(content), name="photo")
    assert np.abs(read.picture.astype(float) - face).mean() < 6
    assert read.notices == ["photo: high dynamic range (PQ) is tone-mapped to standard range before measuring."]


# Transparency


@pytest.mark.parametrize(("alpha", "expected"), [(255, 0), (0, 0), (None, 255)])
def test_what_is_see_through_lies_on_white_unless_all_of_it_is(alpha, expected):
    """expected: grey level of a black half whose alpha is 0; an alpha that is 0 everywhere was never filled in."""
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[:, 32:, :3], picture[:, :, 3] = 120, 255 if alpha is None else alpha
    if alpha is None:
        picture[:, :32, 3] = 0
    content = written("qtrle", "argb", [av.VideoFrame.from_ndarray(picture, "rgba").reformat(format="argb")], "mov")
    (_, _, rgb), = media.read(content).frames()
    assert abs(int(rgb[10, 5, 0]) - expected) <= 1 and abs(int(rgb[10, 60, 0]) - 120) <= 1


# Damage


def test_damaged_clips_of_these_kinds_are_read_or_refused_in_one_line(astronaut):
    frames, _ = combed(astronaut, 5)
    small = [av.VideoFrame.from_ndarray(np.ascontiguousarray(f[:96, :96]), "rgb24") for f in frames]
    sound = [written("mpeg2video", "yuv420p", small, "mpegts", {"flags": "+ilme+ildct"}),
             written("libx264", "yuv420p", small, "mp4", {"x264-params": "tff=1"}), hdr_clip(FACE, "PQ"), hdr_clip(FACE, "HLG"),
             written("ffv1", "gray16le", [in_words(FACE, 12, "gray16le")] * 3),
             written("ffv1", "gbrpf32le", [av.VideoFrame.from_ndarray(FACE, "rgb24").reformat(format="gbrpf32le")] * 2,
                     options={"strict": "-2", "level": "4"}),
             written("qtrle", "argb", [f.reformat(format="argb") for f in small], "mov")]
    outcomes = {"read": 0, "refused": 0}
    for number in range(420):
        draw = random.Random(f"lab {number}")
        content = bytearray(sound[number % len(sound)])
        for _ in range(draw.choice((1, 2, 4))):
            content = damaged.WAYS[draw.choice([w for w in damaged.WAYS if w != "grafted"])](content, draw)
        try:
            for _, _, rgb in media.read(bytes(content), name="given").frames():
                assert rgb.dtype == np.uint8 and rgb.shape[2] == 3
            outcomes["read"] += 1
        except InputError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50
