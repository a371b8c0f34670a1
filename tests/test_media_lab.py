"""Clips of laboratories, cutting rooms and phones: interlaced, of more than 8 bits, of high dynamic range, see-through."""

import io
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from emollm.perception import fields, hdr, media

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import damaged
import lab

FACE = damaged.face()
GREY = FACE @ [0.299, 0.587, 0.114]


# Depth


@pytest.mark.parametrize("form", ["gray16le", "gbrp16le", "yuv444p16le", "yuv420p16le"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_samples_of_fewer_bits_in_words_of_16_are_read_on_their_real_range(form, bits):
    read = media.read(lab.written("ffv1", form, [lab.in_words(FACE, bits, form) for _ in range(2)]), name="lab")
    expected = np.repeat(GREY[:, :, None], 3, 2) if form.startswith("gray") else FACE
    for _, _, rgb in read.frames():
        assert np.abs(rgb - expected.astype(float)).mean() < (3 if form == "yuv420p16le" else 1.5)
    assert read.notices == [f"lab: values of 16 bits are read on the range 0 to {2**bits - 1}."]


@pytest.mark.parametrize("form", ["rgb48le", "rgba64le"])
def test_packed_words_too(form):
    deep = np.rint(FACE * (4095 / 255)).astype(np.uint16)
    deep = deep if form == "rgb48le" else np.dstack([deep, np.full(deep.shape[:2], 4095, np.uint16)])
    read = media.read(lab.written("ffv1", form, [av.VideoFrame.from_ndarray(deep, form)]), name="lab")
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
    frames = [lab.samples([np.rint(GREY * ((2**int(form[4:6]) - 1) / 255)).astype(np.uint16)], form) if grey
              else av.VideoFrame.from_ndarray(face, "rgb24").reformat(format=form) for _ in range(2)]
    read = media.read(lab.written(codec, form, frames, container, options), name="lab")
    _, _, rgb = next(read.frames())
    expected = np.repeat(GREY[:, :, None], 3, 2) if grey else face
    assert np.abs(rgb - expected.astype(float)).mean() < 4 and read.notices == []


def test_a_clip_that_begins_dark_gets_a_wider_range_where_it_needs_one():
    dark, bright = (lab.samples([np.rint(GREY * top / 255).astype(np.uint16)], "gray16le") for top in (200, 4095))
    read = media.read(lab.written("ffv1", "gray16le", [dark] * (fields.LOOKED_AT + 1) + [bright]), name="lab")
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
    read = media.read(lab.written("ffv1", "gbrpf32le", [frame], options={"strict": "-2", "level": "4"}), name="lab")
    (_, _, rgb), = read.frames()
    np.testing.assert_allclose(rgb.astype(int), FACE, atol=1)
    assert read.notices == [f"lab: fractional values are read on the range {said}."]


# Fields


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
    frames, whole = lab.combed(astronaut[:240, 60:380], first=first)
    given = [av.VideoFrame.from_ndarray(frame, "rgb24") for frame in frames]
    options |= {"b": "9000000"} if codec == "mpeg2video" else {}
    read = media.read(lab.written(codec, pixels, given, container, options), name="cam")
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
    _, whole = lab.combed(astronaut[:240, 60:380])
    for frames in (whole, whole[:1] * 30):
        content = lab.written(codec, "yuv420p", [av.VideoFrame.from_ndarray(frame, "rgb24") for frame in frames])
        read = media.read(content)
        with av.open(io.BytesIO(content)) as plain:
            for (_, _, rgb), frame in zip(read.frames(), plain.decode(video=0), strict=True):
                np.testing.assert_array_equal(rgb, frame.to_ndarray(format="rgb24"))
        assert read.notices == []


def test_an_interlaced_clip_that_changes_its_size_midway_is_read(astronaut):
    frames, _ = lab.combed(astronaut[:240, 60:380], 12)
    parts = [lab.written("mpeg2video", "yuv420p", [av.VideoFrame.from_ndarray(f[:side, :side].copy(), "rgb24") for f in frames],
                     "mpegts", {"flags": "+ilme+ildct"}) for side in (96, 160)]
    shapes = [rgb.shape for _, _, rgb in media.read(b"".join(parts)).frames()]
    assert len(shapes) >= 20 and set(shapes) == {(96, 96, 3)}


def test_the_part_of_an_interlaced_clip_holds_the_frames_of_the_whole(astronaut):
    frames, _ = lab.combed(astronaut[:240, 60:380], 100)
    content = lab.written("libx264", "yuv420p", [av.VideoFrame.from_ndarray(f, "rgb24") for f in frames], "mp4",
                      {"x264-params": "tff=1:keyint=12"})
    whole = {round(time, 3): rgb for _, time, rgb in media.read(content).frames()}
    part = list(media.read(content, start=3.0, end=3.4).frames())
    assert len(part) == 10
    for _, time, rgb in part:
        np.testing.assert_array_equal(rgb, whole[round(time, 3)])


# High dynamic range


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
@pytest.mark.parametrize(("codec", "form", "container"), [
    ("libx265", "yuv420p10le", "mpegts"), ("prores_ks", "yuv422p10le", "mov"), ("ffv1", "yuv444p12le", "matroska")])
def test_high_dynamic_range_looks_as_the_standard_picture_does(transfer, codec, form, container, astronaut):
    face = np.ascontiguousarray(astronaut[:256, 60:316])
    read = media.read(lab.hdr_clip(face, transfer, codec, form, container), name="phone")
    (_, _, rgb), *_ = read.frames()
    middle = face.max(2) < 150  # what is brighter is rolled off
    assert np.abs(rgb.astype(float) - face)[middle].mean() < 4 and np.abs(rgb.astype(float) - face).mean() < 6
    assert read.notices == [f"phone: high dynamic range ({transfer}) is tone-mapped to standard range before measuring."]


def test_the_units_of_a_face_in_high_dynamic_range_are_those_of_the_plain_one(astronaut):
    from emollm.explainer import measure

    face = np.ascontiguousarray(astronaut[:256, 60:316])
    standard = [av.VideoFrame.from_ndarray(face, "rgb24").reformat(format="yuv444p12le") for _ in range(2)]
    plain, = measure(lab.written("ffv1", "yuv444p12le", standard), baseline="none")
    for transfer in ("PQ", "HLG"):
        wide, = measure(lab.hdr_clip(face, transfer, "ffv1", "yuv444p12le", "matroska"), baseline="none")
        assert np.nanmax(np.abs(wide.series.intensity[0] - plain.series.intensity[0])) < 0.5


def test_tone_mapping_keeps_black_and_grey_and_never_turns_back():
    for transfer in ("PQ", "HLG"):
        ramp = hdr.to_standard_range(np.repeat(np.linspace(0, 1, 200)[:, None], 3, 1), transfer)
        assert ramp[0].max() == 0 and ramp[-1].min() > 0.97
        assert (np.diff(ramp, axis=0) >= -1e-9).all() and np.abs(ramp - ramp[:, :1]).max() < 0.002


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "PNG"])
def test_photographs_of_high_dynamic_range_too(form, astronaut):
    face = np.ascontiguousarray(astronaut[:256, 60:316])
    read = media.read(lab.hdr_photo(face, form), name="photo")
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
    content = lab.written("qtrle", "argb", [av.VideoFrame.from_ndarray(picture, "rgba").reformat(format="argb")], "mov")
    (_, _, rgb), = media.read(content).frames()
    assert abs(int(rgb[10, 5, 0]) - expected) <= 1 and abs(int(rgb[10, 60, 0]) - 120) <= 1


# One of each


@pytest.mark.parametrize("name", sorted(MAKERS := lab.makers(FACE)))
def test_every_kind_is_read_and_what_was_done_to_it_is_said(name):
    """The seeds of the fuzz are sound files of their kind."""
    read = media.read(MAKERS[name](), name="given")
    (_, _, rgb), *_ = read.frames()
    assert rgb.shape == (damaged.SIDE, damaged.SIDE, 3)
    said, kind = " ".join(read.notices), name.split("_")[0]
    assert ("interlaced" in said) == (kind == "fields") and ("high dynamic range" in said) == (kind == "hdr")
    if kind in ("hdr", "deep") and "alpha" not in name:
        expected = np.repeat(GREY[:, :, None], 3, 2) if np.ptp(rgb, axis=2).max() == 0 else FACE
        assert np.abs(rgb - expected.astype(float)).mean() < 7
    else:
        assert rgb.max() > 200  # neither black nor lost
