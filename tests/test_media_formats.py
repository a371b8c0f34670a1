"""Every accepted format is read for what it is: pixels, times, ranges, the best track; everything else is named."""

import io
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from emollm.perception import levels, media, sniff, tiff
from emollm.schema import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import damaged

# Grey levels, on average, by which a picture may differ from the drawn one.
CLOSE, COARSE = 8, {"msvideo1.avi": 12, "cinepak.avi": 12, "svq1.mov": 14, "h261.avi": 12, "moving_gif": 12, "still_gif": 12}


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", sorted([*(f"still_{n}" for n in damaged.STILLS), *(f"moving_{n}" for n in damaged.MOVING),
                                         *damaged.CLIPS, *damaged.SIZED, "avchd.mts", *damaged.deep()]))
def test_every_format_gives_its_pictures_and_times(name, tmp_path):
    path = tmp_path / "named.wrong"  # content decides
    path.write_bytes(damaged.whole()[name])
    read = media.read(path)
    frames = list(read.frames())
    still = name.startswith(("still_", "png_", "tiff_"))
    assert (read.kind, len(frames)) == (("photo", 1) if still else ("clip", 4))
    step = 0.08 if name.startswith("moving") else 0.04
    np.testing.assert_allclose([time for _, time, _ in frames], [step * k for k in range(len(frames))], atol=0.004)
    if (read.width, read.height) != (damaged.SIDE, damaged.SIDE):
        assert name in damaged.SIZED
        return
    for (_, _, rgb), drawn in zip(frames, damaged.moments(), strict=False):
        grey = {"png_grey16": drawn[:, :, 0], "tiff_float": drawn[:, :, 0], "ffv1_grey16.nut": drawn @ [0.299, 0.587, 0.114]}
        expected = np.repeat(grey[name][:, :, None], 3, axis=2) if name in grey else drawn
        assert np.abs(rgb.astype(float) - expected).mean() < COARSE.get(name, CLOSE)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_moving_pictures_are_clips_with_the_times_they_hold(form):
    images = [Image.fromarray(np.roll(damaged.face(), 9 * k, 1)) for k in range(3)]
    content = saved(images[0], form, save_all=True, append_images=images[1:], duration=[200, 100, 300])
    read = media.read(content, start=0.15)
    assert read.kind == "clip" and [round(t, 3) for _, t, _ in read.frames()] == [0.2, 0.3]
    assert media.read(saved(images[0], form)).kind == "photo"


def test_a_black_first_frame_hides_no_face(astronaut):
    from emollm.explainer import measure

    face = Image.fromarray(np.ascontiguousarray(astronaut[20:236, 124:340]))
    blank = Image.new("RGB", face.size)
    (found,) = measure(saved(blank, "GIF", save_all=True, append_images=[face], duration=200))
    assert found.track.times.tolist() == [0.2]


def test_the_hidden_picture_of_an_animated_png_is_not_its_first_frame():
    cover, one, two = (Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue"))
    read = media.read(saved(cover, "PNG", save_all=True, append_images=[one, two], default_image=True, duration=50))
    assert [tuple(rgb[0, 0]) for _, _, rgb in read.frames()] == [(0, 255, 0), (0, 0, 255)]


@pytest.mark.parametrize("form", ["TIFF", "MPO"])
def test_pages_and_second_views_do_not_move(form):
    image = Image.fromarray(damaged.face())
    read = media.read(saved(image, form, save_all=True, append_images=[image, image]), name="many")
    assert read.kind == "photo" and len(read.notices) == (form == "TIFF")


def test_one_jpeg_after_another_is_a_clip_and_a_jpeg_with_something_behind_it_is_not():
    first, other = (saved(Image.fromarray(damaged.face(*size)), "JPEG") for size in ((96, 96), (64, 48)))
    read = media.read(first * 3)
    assert (read.kind, len(list(read.frames()))) == ("clip", 3) and "25 frames a second are assumed" in read.notices[0]
    assert media.read(first + other).kind == media.read(first + b"\0\0\0\x18ftypmp42").kind == "photo"
    assert not sniff.is_jpeg_sequence(io.BytesIO(first[:-2])) and not sniff.is_jpeg_sequence(io.BytesIO(b"\xff\xd8\xff"))


# Ranges


@pytest.mark.parametrize(("bits", "form"), [(10, "PNG"), (12, "PNG"), (14, "TIFF"), (16, "PNG")])
@pytest.mark.parametrize("colour", [True, False])
def test_deep_pictures_are_read_on_their_real_range(bits, form, colour):
    face = damaged.face() if colour else damaged.face()[:, :, 0]
    deep = np.rint(face * ((2**bits - 1) / 255)).astype(np.uint16)
    content = cv2.imencode(f".{form.lower()}", deep[:, :, ::-1] if colour else deep)[1].tobytes()
    read = media.read(content, name="deep")
    expected = face if colour else np.repeat(face[:, :, None], 3, axis=2)
    np.testing.assert_allclose(read.picture.astype(int), expected, atol=1)
    assert read.notices[0].startswith("deep: values of 16 bits from") and f"range 0 to {2**bits - 1}." in read.notices[0]


@pytest.mark.parametrize(("top", "said"), [(1.0, "0 to 1."), (255.0, "0 to 255."), (4095.0, "0 to 4095.")])
@pytest.mark.parametrize("colour", [True, False])
def test_fractions_are_read_on_their_real_range(top, said, colour):
    face = damaged.face() if colour else damaged.face()[:, :, 0]
    values = face.astype(np.float32) * np.float32(top / 255)
    content = cv2.imencode(".tif", values[:, :, ::-1] if colour else values)[1].tobytes()
    read = media.read(content)
    np.testing.assert_allclose(read.picture[:, :, 0].astype(int), face[:, :, 0] if colour else face, atol=1)
    assert said in read.notices[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_turned_tiff_of_any_depth_stands_upright(orientation, kind):
    picture = damaged.face(64, 48)
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[kind]
    content = cv2.imencode(".tif", (picture[:, :, ::-1].astype(np.float64) * scale).astype(kind))[1].tobytes()
    found = tiff.directory(content)
    if tiff.ORIENTATION not in found.places:
        pytest.skip("this OpenCV writes no orientation")
    turned = bytearray(content)
    at = found.places[tiff.ORIENTATION]
    turned[at:at + 2] = orientation.to_bytes(2, "little" if found.order == "<" else "big")
    from emollm.perception import orientations

    expected = orientations.EXIF[orientation].turn_upright(picture)
    np.testing.assert_allclose(media.read(bytes(turned)).picture.astype(int), expected, atol=1)


def test_odd_values_have_a_range_too():
    for values, said in ((np.array([[-1.0, 1.0]]), "range -1 to 1"), (np.array([[np.nan, 0.5]]), "range 0 to 1"),
                         (np.array([[0, 20]], np.uint16), "range 0 to 20"), (np.zeros((1, 2), np.uint16), "range 0 to 255"),
                         (np.array([[0, 2**20]], np.int32), "range 0 to 1048576"), (np.full((1, 2), np.inf), "range 0 to 1")):
        pixels, words = levels.to_bytes(values)
        assert pixels.dtype == np.uint8 and said in words
    assert levels.to_bytes(np.array([[0, 1000]], np.uint16), white=4000)[0].tolist() == [[0, 64]]


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("matrix", [1, 5])  # BT.709, BT.601, as FFmpeg counts them
def test_full_and_limited_range_give_the_same_colours(full, matrix, tmp_path):
    face, path = damaged.face(), tmp_path / "range.mkv"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = damaged.SIDE, damaged.SIDE, "yuv444p"
        stream.codec_context.color_range, stream.codec_context.colorspace = 2 if full else 1, matrix
        frame = av.VideoFrame.from_ndarray(face, format="rgb24")
        frame = frame.reformat(format="yuv444p", src_color_range=2, dst_color_range=2 if full else 1, dst_colorspace=matrix)
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    (_, _, rgb), = media.read(path).frames()
    assert np.abs(rgb.astype(int) - face).mean() < 2


# Tracks


def two_tracks(first: dict, second: dict) -> bytes:
    """An MP4 with two video tracks; each: size, frames, disposition."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as made:
        streams = []
        for track in (first, second):
            stream = made.add_stream(track.get("codec", "mpeg4"), rate=25)
            stream.width = stream.height = track["size"]
            stream.pix_fmt = track.get("pixels", "yuv420p")
            stream.codec_context.time_base = Fraction(1, 25)
            if "disposition" in track:
                stream.disposition = track["disposition"]
            streams.append(stream)
        for stream, track in zip(streams, (first, second), strict=True):
            for number in range(track["frames"]):
                frame = av.VideoFrame.from_ndarray(np.full((track["size"], track["size"], 3), track["grey"], np.uint8), "rgb24")
                frame.pts = number
                made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
    return file.getvalue()


def test_the_largest_track_is_read_and_the_others_are_counted():
    small, large = {"size": 64, "frames": 5, "grey": 30}, {"size": 128, "frames": 5, "grey": 200}
    for order in ((small, large), (large, small)):
        read = media.read(two_tracks(*order), name="two")
        assert (read.width, len(list(read.frames()))) == (128, 5)
        assert read.notices == ["two: the file has 2 video tracks; the largest (128x128) is read."]


@pytest.mark.parametrize("cover", [{"frames": 1}, {"frames": 1, "codec": "png", "pixels": "rgb24", "disposition": 0x400}])
def test_a_cover_is_not_the_clip(cover):
    cover = {"size": 256, "grey": 30, **cover}
    read = media.read(two_tracks(cover, {"size": 64, "frames": 5, "grey": 200}))
    assert (read.width, read.count, read.notices) == (64, 5, [])


# What is not read


@pytest.mark.parametrize(("content", "words"), [
    (b"\xff\n" + bytes(40), "JPEG XL"), (b"%PDF-1.7\n\xff", "PDF"), (b"PK\x03\x04" + bytes(40), "unpack"),
    (b"8BPS\0\1" + bytes(40), "Photoshop"), (bytes(128) + b"DICM" + bytes(40), "DICOM"), (b"RIFF\0\0\0\0WAVE", "sound"),
    (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "text file"), (b"ffconcat version 1.0\nfile /etc/passwd\n", "text file"),
    (b"P1 is a participant, P2 is another one\n", "text file"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text file"),
    (b"<?xml version='1.0'?><MPD/>", "text file"), (b"SIMPLE  =  T", "FITS"), (b"FWS\x06" + bytes(40), "Flash"),
    (b"\0\0\x01\0\x01\0" + bytes(60), "unknown")])
def test_what_is_known_and_not_read_is_named(content, words):
    with pytest.raises(InputError, match=words):
        media.read(content, name="given")


def test_heic_without_its_package_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InputError, match=r"pillow-heif.*JPEG"):
        media.read(damaged.whole()["still_heic"])


def test_a_picture_file_that_is_far_too_large_is_not_read(monkeypatch):
    from emollm.perception import limits

    monkeypatch.setattr(limits, "MAX_PHOTO_BYTES", 1000)
    with pytest.raises(InputError, match="picture file of more than"):
        media.read(damaged.whole()["still_png"])


@pytest.mark.parametrize("form", ["AVIF", "JPEG2000", "PPM", "QOI", "TIFF"])
def test_pixel_caps_hold_for_every_format(form, monkeypatch):
    from emollm.perception import limits

    monkeypatch.setattr(limits, "MAX_PHOTO_PIXELS", 5000)
    with pytest.raises(InputError, match="96x96 pixels"):
        media.read(saved(Image.fromarray(damaged.face()), form))
    for name in ("still_heic", "tiff_colour_float", "png_colour16"):
        with pytest.raises(InputError, match="96x96 pixels"):
            media.read(damaged.whole()[name])


def test_a_frame_that_grows_behind_the_header_is_not_decoded(monkeypatch):
    """A clip may change its picture size midway: FFmpeg itself is told the limit."""
    from emollm.perception import limits

    small, large = (damaged.clip("libx264", "mpegts", "yuv420p", (side, side)) for side in (96, 320))
    assert len(list(media.read(small + large).frames())) == 8
    monkeypatch.setattr(limits, "MAX_CLIP_SIDE", 128)
    try:
        read = media.read(small + large)
        assert len(list(read.frames())) < 8 and read.notices
    except InputError as error:
        assert "too large" in str(error)
