"""Reading photos and clips: right pixels, right times, one clear line for everything unusable."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from emollm.perception import limits, media
from emollm.perception.clip import Clip
from emollm.schema import InputError


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def refused(source, *words, **options):
    """The InputError's text: one line, naming the input, without words of the decoding library."""
    with pytest.raises(InputError) as caught:
        media.read(source, **options)
    text = str(caught.value)
    assert "\n" not in text and not re.search("0x[0-9a-f]{8}", text)
    for word in words:
        assert word in text
    return text


@pytest.fixture(scope="module")
def picture(astronaut):
    return astronaut[40:240, 100:340]  # 240x200


@pytest.fixture(scope="module")
def image(picture):
    return Image.fromarray(picture)


def only_frame(source):
    frames = list(media.read(source).frames())
    assert len(frames) == 1 and frames[0][:2] == (0, 0.0)
    rgb = frames[0][2]
    assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3 and rgb.flags.c_contiguous
    return rgb


# Photos


def test_every_kind_of_source_gives_the_same_pixels(astronaut, astronaut_file):
    for source in (astronaut_file, str(astronaut_file), astronaut_file.read_bytes(), Image.open(astronaut_file),
                   astronaut):
        read = media.read(source)
        assert (read.kind, read.width, read.height, read.count) == ("photo", 512, 512, 1)
        np.testing.assert_array_equal(only_frame(source), astronaut)


def test_photo_frames_obeys_indices(astronaut):
    assert list(media.read(astronaut).frames([1, 2])) == []
    assert len(list(media.read(astronaut).frames([0, 5]))) == 1


def test_reading_leaves_the_callers_array_alone(astronaut):
    given = astronaut.copy()
    media.read(given).picture[:] = 0
    np.testing.assert_array_equal(given, astronaut)


def test_grey_array_becomes_rgb(picture):
    grey = picture[:, :, 0]
    np.testing.assert_array_equal(only_frame(grey), np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP", "JPEG", "GIF"])
def test_formats_are_recognised_by_content(format, image, picture, tmp_path):
    path = tmp_path / "wrong.mp4"  # the extension lies
    path.write_bytes(saved(image, format, **({"quality": 95} if format in ("JPEG", "WEBP") else {})))
    difference = np.abs(only_frame(path).astype(int) - picture)
    assert difference.mean() < {"JPEG": 3, "WEBP": 5, "GIF": 12}.get(format, 0.001)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation, image, picture):
    undo = {1: (), 2: (Image.Transpose.FLIP_LEFT_RIGHT,), 3: (Image.Transpose.ROTATE_180,),
            4: (Image.Transpose.FLIP_TOP_BOTTOM,), 5: (Image.Transpose.TRANSPOSE,), 6: (Image.Transpose.ROTATE_90,),
            7: (Image.Transpose.TRANSVERSE,), 8: (Image.Transpose.ROTATE_270,)}[orientation]
    stored = image
    for step in undo:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(stored, "PNG", exif=exif)
    np.testing.assert_array_equal(only_frame(content), picture)
    assert (media.read(content).width, media.read(content).height) == image.size


def test_alpha_is_flattened_on_white(image, picture):
    clear = image.convert("RGBA")
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:100] = 0
    clear.putalpha(Image.fromarray(alpha))
    rgb = only_frame(saved(clear, "PNG"))
    assert (rgb[:100] == 255).all()
    np.testing.assert_array_equal(rgb[100:], picture[100:])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "PA", "CMYK", "1", "YCbCr", "RGBA", "RGBX", "LAB", "HSV"])
def test_colour_modes_keep_the_picture(mode, image, picture):
    if mode == "LAB":
        from PIL import ImageCms

        change = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        converted = ImageCms.applyTransform(image, change)
    else:
        converted = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    expected = picture.mean(2) if mode in ("L", "LA", "1") else picture
    actual = only_frame(converted)
    actual = actual.mean(2) if mode in ("L", "LA", "1") else actual
    assert np.abs(actual.mean() - expected.mean()) < 12
    least = 0.55 if mode == "1" else 0.95 if mode in ("L", "LA", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV") else 0.8
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > least  # one bit a pixel is all dither


def test_palette_transparency_becomes_white(image):
    paletted = image.quantize(16)
    index = int(np.asarray(paletted)[0, 0])
    rgb = only_frame(saved(paletted, "PNG", transparency=index))
    assert (rgb[np.asarray(paletted) == index] == 255).all()


def test_sixteen_bit_grey_is_scaled_not_clipped(picture):
    grey = picture[:, :, 0]
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(only_frame(saved(deep, "PNG"))[:, :, 0], grey)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_a_moving_picture_taken_for_a_still_gives_its_first_frame_with_a_notice(format, image):
    other = Image.new("RGB", image.size, "black")
    read = media.read(saved(image, format, save_all=True, append_images=[other, other]), name="dance", still=True)
    assert read.kind == "photo" and len(read.notices) == 1
    assert "dance" in read.notices[0] and "first" in read.notices[0]
    assert np.abs(read.picture.mean() - np.asarray(image).mean()) < 12


def test_still_pictures_have_no_notice(astronaut_file):
    assert media.read(astronaut_file).notices == []


def png_header(width, height):
    """A PNG that declares a size and holds next to nothing."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_pixel_cap_is_checked_from_the_header():
    """Declared sizes: Pillow's own limits start at 89 and 179 megapixels; ours is lower and one for all."""
    for width, height in ((20_000, 20_000), (12_000, 10_000), (8_000, 7_000)):
        refused(png_header(width, height), "huge.png", "50 megapixels", name="huge.png")
    refused(png_header(40_000, 500), "30000")


def test_too_small_pictures_name_the_minimum():
    refused(np.zeros((1, 1, 3), np.uint8), "1x1", "32")
    refused(saved(Image.new("RGB", (500, 31)), "PNG"), "500x31", "32")
    assert media.read(np.zeros((32, 32), np.uint8)).width == 32


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_photos_are_refused(format, share, image):
    content = saved(image, format)
    refused(content[: max(16, int(len(content) * share))], "half", name="half")


def test_damaged_photos_are_refused_or_read_but_never_crash(image):
    rng = np.random.default_rng(0)
    outcomes = set()
    for format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"):
        content = saved(image, format)
        for _ in range(12):
            damaged = bytearray(content)
            for position in rng.integers(4, len(damaged), 30):
                damaged[position] = rng.integers(256)
            try:
                outcomes.add(media.read(bytes(damaged)).kind)
            except InputError as error:
                assert "\n" not in str(error)
                outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("array", [np.zeros((64, 64, 2), np.uint8), np.zeros((64, 64, 3), np.int32),
                                   np.zeros((2, 64, 64, 3), np.uint8), np.zeros(64, np.uint8)])
def test_other_arrays_are_refused_with_what_is_expected(array):
    refused(array, str(array.shape), "[H, W, 3]")


# What is not media


def test_unusable_files_are_named_with_a_remedy(tmp_path):
    refused(tmp_path / "gone.jpg", "gone.jpg", "no such file")
    refused(tmp_path, str(tmp_path), "directory")
    refused("https://example.org/face.jpg", "example.org", "Download")
    refused("a\0b\nc", "a?b?c", "Check")
    assert len(refused("x" * 5000, "Check")) < 300
    refused(12, "int")
    for content, word in ((b"", "empty"), ("Grüße, this is prose.\n".encode(), "text file"),
                          (b"a,b\n1,2\n", "text file"), (bytes(range(128, 255)) * 9, "unknown"),
                          (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged"), (b"\xff\n" + bytes(30), "JPEG XL"),
                          (b"%PDF-1.7\n\xff\xfe\xfd\x00", "unknown")):
        path = tmp_path / "thing.jpg"
        path.write_bytes(content)
        refused(path, "thing.jpg", word)


def test_text_cut_within_a_letter_is_still_text():
    refused(("é" * 400).encode()[1:] + b"", "unknown")
    refused(b"a" + ("é" * 400).encode(), "text file")


def test_hash_tells_shapes_apart():
    """Equal bytes in another shape must not meet in a cache (CVE-2025-46722)."""
    wide, high = np.zeros((40, 90, 3), np.uint8), np.zeros((90, 40, 3), np.uint8)
    assert media.read(wide).sha256 != media.read(high).sha256
    assert media.read(wide).sha256 == media.read(wide.copy()).sha256


def test_hash_of_a_file_is_the_files(astronaut_file):
    import hashlib

    assert media.read(astronaut_file).sha256 == hashlib.sha256(astronaut_file.read_bytes()).hexdigest()


# Clips


def test_clip_frames_are_the_encoded_ones(astronaut_clip, clip_frames, clip_facts):
    clip = media.read(astronaut_clip)
    assert (clip.kind, clip.width, clip.height) == ("clip", clip_facts.size, clip_facts.size)
    assert (clip.count, clip.fps, clip.duration) == (clip_facts.frames, clip_facts.fps, pytest.approx(2.0, abs=0.05))
    seen = list(clip.frames())
    assert [index for index, _, _ in seen] == list(range(clip_facts.frames))
    np.testing.assert_allclose([time for _, time, _ in seen], np.arange(clip_facts.frames) / clip_facts.fps, atol=1e-6)
    for (_, _, rgb), original in zip(seen, clip_frames, strict=True):
        assert rgb.flags.c_contiguous and np.abs(rgb.astype(int) - original).mean() < 6
    assert clip.notices == []


def test_wanted_frames_equal_those_of_a_full_pass(astronaut_clip):
    clip = media.read(astronaut_clip)
    everything = {index: (time, rgb) for index, time, rgb in clip.frames()}
    some = list(clip.frames([30, 3, 3, 17, 999, -1]))
    assert [index for index, _, _ in some] == [3, 17, 30]
    for index, time, rgb in some:
        assert time == everything[index][0]
        np.testing.assert_array_equal(rgb, everything[index][1])
    assert list(clip.frames([])) == []


def test_only_wanted_frames_are_converted(astronaut_clip, monkeypatch):
    """Converting to RGB costs more than decoding: unused frames must stay as they are."""
    converted = []
    original = Clip.rgb
    monkeypatch.setattr(Clip, "rgb", lambda self, frame: converted.append(1) or original(self, frame))
    list(media.read(astronaut_clip).frames([5, 40]))
    assert len(converted) == 2


def test_clip_from_bytes_and_under_another_name(astronaut_clip, tmp_path):
    (tmp_path / "clip.jpg").write_bytes(astronaut_clip.read_bytes())
    for source in (astronaut_clip.read_bytes(), tmp_path / "clip.jpg"):
        clip = media.read(source)
        assert clip.kind == "clip" and clip.sha256 == media.read(astronaut_clip).sha256
        assert len(list(clip.frames())) == clip.count


@pytest.mark.parametrize(("codec", "name"), [("mpeg4", "a.mp4"), ("mpeg4", "a.avi"), ("libx264", "a.mkv"),
                                             ("libx264", "a.mov"), ("libx264", "a.ts"), ("libvpx-vp9", "a.webm"),
                                             ("libvpx", "a.webm"), ("wmv2", "a.wmv"), ("mjpeg", "a.avi"),
                                             ("mpeg2video", "a.mpg")])
def test_containers_and_codecs(codec, name, clip_frames, write_clip, tmp_path):
    frames = clip_frames[:6]
    options = {"strict": "unofficial"} if codec == "mjpeg" else {}
    clip = media.read(write_clip(tmp_path / name, frames, codec=codec, options=options))
    seen = list(clip.frames())
    assert len(seen) == 6 and (clip.width, clip.height) == (320, 320)
    np.testing.assert_allclose([time for _, time, _ in seen], np.arange(6) / 25, atol=0.002)
    assert np.abs(seen[0][2].astype(int) - frames[0]).mean() < 12


def test_widths_that_are_not_multiples_of_sixteen(clip_frames, write_clip, tmp_path):
    frames = [np.ascontiguousarray(f[:150, :202]) for f in clip_frames[:3]]
    clip = media.read(write_clip(tmp_path / "odd.mp4", frames))
    for (_, _, rgb), original in zip(clip.frames(), frames, strict=True):
        assert rgb.shape == (150, 202, 3) and rgb.flags.c_contiguous
        assert np.abs(rgb.astype(int) - original).mean() < 8


def test_variable_frame_rate_keeps_its_times(clip_frames, write_clip, tmp_path):
    times = [0.0, 0.04, 0.2, 0.24, 0.7]
    clip = media.read(write_clip(tmp_path / "vfr.mkv", clip_frames[:5], times=times))
    np.testing.assert_allclose([time for _, time, _ in clip.frames()], times, atol=0.002)


def test_missing_and_repeated_time_stamps_still_rise(astronaut_clip, monkeypatch):
    clip = media.read(astronaut_clip)
    original = Clip._decode

    def broken(self, stream):
        for number, frame in enumerate(original(self, stream)):
            frame.pts = {3: None, 4: 0}.get(number, frame.pts)
            yield frame

    monkeypatch.setattr(Clip, "_decode", broken)
    times = [time for _, time, _ in clip.frames(range(10))]
    assert len(times) == 10 and (np.diff(times) > 0).all()


def rotate_mp4(content, quarter_turns):
    """Set the display matrix of an MP4 (ISO 14496-12, 'tkhd') to turn the picture with the clock."""
    matrix = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[quarter_turns]
    a, b, c, d = (value << 16 for value in matrix)
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = content.index(b"tkhd")
    at = content.index(identity, track)
    return content[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + content[at + 36:]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_metadata_is_obeyed(turns, clip_frames, write_clip, tmp_path):
    frames = [np.ascontiguousarray(f[:200]) for f in clip_frames[:3]]  # 320x200
    path = write_clip(tmp_path / "phone.mp4", frames)
    clip = media.read(rotate_mp4(path.read_bytes(), turns))
    upright = np.rot90(frames[0], -turns)
    assert (clip.width, clip.height) == (upright.shape[1], upright.shape[0])
    rgb = next(clip.frames())[2]
    assert rgb.flags.c_contiguous and np.abs(rgb.astype(int) - upright).mean() < 8


def test_clip_without_its_index_is_refused(astronaut_clip):
    content = astronaut_clip.read_bytes()
    refused(content[: len(content) // 2], "half.mp4", name="half.mp4")  # the index stands at the end
    refused(content[:40], "damaged")


def test_clip_cut_off_in_its_data_gives_what_is_there_with_a_notice(clip_frames, write_clip, tmp_path):
    path = write_clip(tmp_path / "a.mp4", clip_frames, options={"crf": "14", "movflags": "faststart"})
    content = path.read_bytes()
    if content.index(b"moov") > content.index(b"mdat"):  # this muxer keeps the index last: put it first by remuxing
        import av

        path = tmp_path / "b.mp4"
        with av.open(io.BytesIO(content)) as old, \
                av.open(str(path), "w", options={"movflags": "faststart"}) as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
        content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    clip = media.read(content[: int(len(content) * 0.6)], name="cut.mp4")
    seen = list(clip.frames())
    assert 0 < len(seen) < 50
    assert len(clip.notices) == 1 and "cut.mp4" in clip.notices[0]
    list(clip.frames())
    assert len(clip.notices) == 1  # said once


def test_sound_without_pictures_is_refused(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(path, "sound.mp4", "video")


def test_codecs_outside_the_list_are_refused(clip_frames, write_clip, tmp_path):
    refused(write_clip(tmp_path / "game.mkv", clip_frames[:2], codec="snow", options={"strict": "-2"}), "snow", "H.264")


def test_clip_limits(astronaut_clip, clip_frames, write_clip, tmp_path, monkeypatch):
    tiny = [np.ascontiguousarray(f[:16, :64]) for f in clip_frames[:2]]
    refused(write_clip(tmp_path / "tiny.mp4", tiny, codec="mpeg4"), "64x16", "32")
    monkeypatch.setattr(limits, "MAX_CLIP_SIDE", 300)
    refused(astronaut_clip, "320x320", "300")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MAX_CLIP_FRAMES", 20)
    refused(astronaut_clip, "50 frames", "20")
    monkeypatch.undo()
    undeclared = media.read(write_clip(tmp_path / "a.mkv", clip_frames[:30]))
    assert undeclared.count is None  # Matroska does not say, so the limit must hold while decoding
    monkeypatch.setattr(limits, "MAX_CLIP_FRAMES", 20)
    with pytest.raises(InputError, match="more than 20 frames"):
        list(undeclared.frames())


def test_damaged_clips_are_refused_or_read_but_never_crash(clip_frames, write_clip, tmp_path):
    content = write_clip(tmp_path / "a.mp4", clip_frames[:10]).read_bytes()
    rng = np.random.default_rng(1)
    outcomes = set()
    for _ in range(40):
        damaged = bytearray(content)
        for position in rng.integers(32, len(damaged), 40):
            damaged[position] = rng.integers(256)
        try:
            outcomes.add(len(list(media.read(bytes(damaged)).frames())) > 0)
        except InputError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes & {True} and "refused" in outcomes


def test_every_development_sample_can_be_read(dev_data):
    import csv

    with open(dev_data / "samples" / "manifest.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 40
    for row in rows:
        read = media.read(dev_data / "samples" / row["file"])
        assert read.kind == ("photo" if row["kind"] == "image" else "clip"), row["file"]
        assert (read.width, read.height) == (int(row["width"]), int(row["height"])), row["file"]
        assert read.sha256 == row["sha256"], row["file"]
