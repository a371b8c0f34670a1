"""A part of a clip: the same frames at the same times as in a pass over all of it, and clips that are too long."""

import numpy as np
import pytest

from emollm.perception import limits, media
from emollm.perception.clip import Clip
from emollm.perception.limits import Cut
from emollm.schema import InputError

FRAMES, FPS = 120, 25
CONTAINERS = [("libx264", "a.mp4"), ("libx264", "a.mkv"), ("mpeg4", "a.avi"), ("libx264", "a.ts"), ("mpeg2video", "a.mpg"),
              ("wmv2", "a.wmv"), ("flv1", "a.flv"), ("mpeg2video", "a.mxf"), ("libvpx", "a.webm"), ("libvpx", "a.ogv")]


@pytest.fixture(scope="module")
def numbered():
    """120 small frames that all differ."""
    slope = np.add.outer(2 * np.arange(64), 3 * np.arange(64))
    return [np.repeat(((slope + 5 * n) % 256)[:, :, None], 3, 2).astype(np.uint8) for n in range(FRAMES)]


@pytest.fixture(scope="module")
def written(numbered, write_clip, tmp_path_factory):
    """Function (codec, name) -> path of the numbered frames, with a key frame twice a second."""
    folder, made = tmp_path_factory.mktemp("cut"), {}

    def write(codec, name):
        if (codec, name) not in made:
            options = {"g": "12"} | ({"deadline": "realtime", "cpu-used": "8"} if "vpx" in codec else {})
            made[codec, name] = write_clip(folder / name, numbered, codec=codec, options=options)
        return made[codec, name]

    return write


def times(path, **part):
    return [round(time, 3) for _, time, _ in media.read(path, **part).frames()]


@pytest.mark.parametrize(("codec", "name"), CONTAINERS)
def test_a_part_holds_the_frames_of_the_whole(codec, name, written):
    path = written(codec, name)
    whole = {round(time, 3): rgb for _, time, rgb in media.read(path).frames()}
    part = list(media.read(path, start=3.0, end=3.5).frames())
    assert [index for index, _, _ in part] == list(range(len(part)))
    assert [round(time, 3) for _, time, _ in part] == [t for t in whole if 3.0 - 1e-6 <= t < 3.5 - 1e-6] and len(part) >= 12
    for _, time, rgb in part:
        np.testing.assert_array_equal(rgb, whole[round(time, 3)])


def test_a_late_part_is_sought_and_not_decoded_from_the_start(written, monkeypatch):
    decoded = []
    original = Clip._decode
    monkeypatch.setattr(Clip, "_decode", lambda self, stream, whole=True: (
        decoded.append(frame.time) or frame for frame in original(self, stream, whole)))
    read = media.read(written("libx264", "a.mp4"), start=4.0, end=4.2)
    decoded.clear()
    assert len(list(read.frames())) == 5 and min(decoded) >= 2.5


def test_fps_and_skipping_take_frames_evenly_at_their_own_times(written):
    path = written("libx264", "a.mp4")
    assert times(path, fps=5) == [round(0.2 * n, 3) for n in range(24)]
    assert times(path, start=1.0, end=2.0, fps=2) in ([1.0, 1.48], [1.0, 1.52])  # 1.5 lies between two frames
    assert times(path, skip_frames=40) == [0.0, 1.6, 3.2]
    assert len(times(path, fps=1000)) == FRAMES
    assert abs(len(times(path, fps=7)) - 7 * FRAMES / FPS) <= 1
    read = media.read(path, start=1.0, end=3.0, fps=5)
    assert (read.count, read.fps, read.duration) == (10, 5, pytest.approx(4.8, abs=0.05))


def test_wanted_frames_of_a_part(written):
    read = media.read(written("libx264", "a.mp4"), start=2.0, fps=5)
    everything = {index: (time, rgb) for index, time, rgb in read.frames()}
    for index, time, rgb in read.frames([3, 7, 99]):
        assert time == everything[index][0]
        np.testing.assert_array_equal(rgb, everything[index][1])


@pytest.mark.parametrize(("part", "words"), [
    ({"start": 90}, "--start 90 is past the end: the clip lasts 4.80 s"), ({"start": 4.8}, "past the end"),
    ({"start": 3, "end": 2}, "--end 2 is not after --start 3"), ({"start": 2, "end": 2}, "not after"),
    ({"end": 0}, "not after"),
    ({"start": -1}, "--start -1"), ({"fps": 0}, "--fps 0: give more than 0"), ({"fps": -5}, "more than 0"),
    ({"fps": float("nan")}, "not a number"), ({"start": "5"}, "not a number"), ({"skip_frames": 0}, "from 1 on"),
    ({"skip_frames": 2.5}, "whole number"), ({"fps": 5, "skip_frames": 5}, "give one of them"),
    ({"end": float("inf")}, "number")])
def test_parts_that_cannot_be_are_refused_in_one_line(part, words, written):
    with pytest.raises(InputError, match=words) as told:
        media.read(written("libx264", "a.mp4"), **part)
    assert "\n" not in str(told.value)


def test_a_start_past_the_end_of_a_clip_that_does_not_state_its_length(written, tmp_path):
    stream = written("mpeg2video", "a.m2v")
    assert len(times(stream, start=4.0)) >= 15
    with pytest.raises(InputError, match="past the end: the clip is shorter"):
        media.read(stream, start=60)


def test_a_photo_has_no_parts(astronaut):
    read = media.read(astronaut, start=5, name="photo")
    assert len(list(read.frames())) == 1 and read.notices[0].startswith("photo: a photo has no times")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])  # Matroska states a duration and no number of frames
def test_a_clip_over_the_limit_is_refused_from_its_header(name, written, monkeypatch):
    path = written("libx264", name)
    monkeypatch.setattr(limits, "MAX_CLIP_FRAMES", 50)
    monkeypatch.setattr(Clip, "_decode", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(InputError, match=r"120 frames .*at most 50.*--start 0 --end 2, or fewer frames with --fps 10\."):
        media.read(path)
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MAX_CLIP_FRAMES", 50)
    assert len(times(path, end=2.0)) == len(times(path, start=2.0, end=4.0)) == 50  # what the message proposes is read
    assert len(times(path, fps=10)) <= 50


def test_an_hour_is_read():
    Cut().check("hour", None, 3600, 60)


def test_too_many_frames_to_pass_are_refused_even_when_few_are_kept(written, monkeypatch):
    path = written("libx264", "a.mp4")
    monkeypatch.setattr(limits, "MAX_PASSED_FRAMES", 100)
    with pytest.raises(InputError, match=r"--start 0 --end 4 --fps"):
        media.read(path, fps=1)
    assert len(times(path, end=4.0, fps=1)) == 4


def test_the_limits_hold_when_the_header_says_less(written, monkeypatch):
    read = media.read(written("mpeg2video", "a.m2v"))
    assert read.count is None
    monkeypatch.setattr(limits, "MAX_PASSED_FRAMES", 30)
    with pytest.raises(InputError, match="more than 30 frames would have to be decoded"):
        list(read.frames())


@pytest.mark.parametrize(("attended", "seconds", "rate"), [
    *((False, *clip) for clip in [(3600, 30), (3600, 60), (90_000, 25), (30_000, 1), (4_000_000, 30)]),
    (True, 3601, 60), (True, 4_000_000, 30)])
def test_what_the_refusal_of_a_long_clip_proposes_is_read(attended, seconds, rate):
    import re

    with pytest.raises(InputError) as told:
        Cut(attended=attended).check("long", None, seconds, rate)
    proposals = [dict(re.findall(r"--(start|end|fps) ([\d.]+)", words)) for words in str(told.value).split(" or ")]
    assert len(proposals) == 2
    for proposal in proposals:
        proposed = {name: float(value.rstrip(".")) for name, value in proposal.items()}
        Cut(**proposed, attended=attended).check("long", None, seconds, rate)


def test_a_worker_process_reads_fewer_frames_than_somebody_who_waits(write_clip, tmp_path):
    from emollm.model.checkpoint import shape_of
    from emollm.workers import Workers

    path = write_clip(tmp_path / "long.mp4", [np.zeros((32, 32, 3), np.uint8)] * (limits.UNATTENDED_FRAMES + 1), codec="mpeg4")
    assert media.read(path).count == limits.UNATTENDED_FRAMES + 1
    with Workers(1) as pool:
        for source in (str(path), path.read_bytes()):
            with pytest.raises(InputError, match=f"at most {limits.UNATTENDED_FRAMES} are read"):
                pool.submit(source, shape_of("pocket"), name="long.mp4").result()
        with pytest.raises(InputError, match="no face"):
            pool.submit(str(path), shape_of("pocket"), cut=Cut(end=0.1)).result()
