"""The film of an explained clip: as long as the clip, regions while a movement lasts, a timeline that runs."""

import dataclasses
from itertools import pairwise

import av
import numpy as np
import pytest

from emollm.answer.phases import phases_and_affect
from emollm.cli import main
from emollm.explanation import Explanation
from emollm.output import film, render, strip
from emollm.perception import face, media
from emollm.schema import AUSeries, Claim, InputError, au_index

FIRST, LAST = 14, 34  # frames of the astronaut's clip, the smile among them


def decoded(path):
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def explained(series, aus=("AU12",), **changes):
    claims = [Claim(text=au, span=(0, 4), au=au, level="marked", intensity=4 - k, measured_intensity=3.0, verdict="supported",
                    region=[[0, 0], [9, 0], [9, 9]], interval=(0.0, 1.0), frame_time=0.5) for k, au in enumerate(aus)]
    values = {"label": "happiness", "confidence": 0.8, "distribution": {"happiness": 0.8, "neutral": 0.2}, "claims": claims,
              "evidence": series.to_dict(), "phases": phases_and_affect(series)[0]}
    return Explanation(**values | changes)


def rising(times):
    """A smile on both sides that is there in the second half."""
    intensity = np.zeros((len(times), 24, 2))
    intensity[len(times) // 2:, au_index(12)] = 4.0
    return AUSeries(np.asarray(times), intensity, np.ones((len(times), 24)), np.ones(24, bool), "test")


@pytest.fixture(scope="module")
def made(astronaut_clip, tmp_path_factory):
    """(clip, track, series, film's frames)."""
    clip = media.read(astronaut_clip, start=FIRST / 25, end=LAST / 25)
    (track,) = face.follow(clip)
    series = rising(track.times)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    film.write(path, clip, track, explained(series))
    assert not list(path.parent.glob(".*")), "a part is left behind"
    return clip, track, series, decoded(path)


def test_the_film_has_the_clips_frames_at_their_times(made):
    clip, _, _, frames = made
    np.testing.assert_allclose([t for t, _ in frames], [t - FIRST / 25 for _, t, _ in clip.frames()], atol=0.002)
    height, width, _ = frames[0][1].shape
    assert height % 2 == width % 2 == 0 and width > film.MIN_VIEW


def test_regions_are_drawn_while_the_movement_lasts(made):
    """The mouth corners take the colour of their unit in the second half, and only there."""
    clip, track, _, frames = made
    scale = film.MIN_VIEW / clip.width
    blue = []
    for (_, shown), points in zip(frames, track.landmarks, strict=True):
        x, y = ((points[61, :2] + 0.5) * scale).astype(int)
        around = shown[y - 12:y + 12, x - 12:x + 12].astype(int)
        blue.append((around[..., 0] - around[..., 2]).max())  # the first unit's colour is orange
    half = len(blue) // 2
    assert min(blue[half:]) > max(blue[:half]) + 20


def test_the_timeline_runs(made):
    """The stroke at the moment goes from left to right in equal steps."""
    _, _, _, frames = made
    at = []
    for _, shown in frames[::4]:
        below = shown[film.MIN_VIEW + 30:-80].astype(int).min(2)  # white in all colours
        at.append(int((below > 200).mean(0).argmax()))
    assert all(b > a for a, b in pairwise(at)) and np.ptp(np.diff(at)) <= 4


def test_a_face_that_is_gone_and_units_that_are_not_seen(made, tmp_path):
    """Frames without the face and without a measurement are shown as they are."""
    clip, track, series, _ = made
    gone = dataclasses.replace(track, frames=track.frames[:4], times=track.times[:4], landmarks=track.landmarks[:4],
                               boxes=track.boxes[:4])
    hidden = dataclasses.replace(series, intensity=np.full_like(series.intensity, np.nan))
    for known in (series, hidden):
        film.write(tmp_path / "gone.mp4", clip, gone, explained(known))
        assert len(decoded(tmp_path / "gone.mp4")) == LAST - FIRST


def test_what_the_reader_must_know_stands_below_the_film(made, tmp_path):
    clip, track, series, frames = made
    film.write(tmp_path / "film.mp4", clip, track, explained(series, notices=["5 faces measured: this is face 1"]))
    (_, noticed), (_, plain) = decoded(tmp_path / "film.mp4")[0], frames[0]
    assert 10 < len(noticed) - len(plain) < 40
    orange = [(frame[-70:, :, 0].astype(int) - frame[-70:, :, 2] > 60).sum() for frame in (noticed, plain)]
    assert orange[0] > 50 and orange[1] == 0, "in the colour of notices"


def test_nothing_cited_still_makes_a_film(made, tmp_path):
    clip, track, series, _ = made
    film.write(tmp_path / "bare.mp4", clip, track, explained(series, aus=(), label=None, phases=[]))
    assert len(decoded(tmp_path / "bare.mp4")) == LAST - FIRST


def test_a_place_that_cannot_be_written_is_refused(made, tmp_path):
    clip, track, series, _ = made
    with pytest.raises(InputError, match="cannot write this file"):
        film.write(tmp_path / "missing" / "film.mp4", clip, track, explained(series))


# The strip


def test_every_moment_has_its_place_and_no_peak_is_lost():
    """6,000 moments on 700 px: one frame of a movement is still drawn."""
    series = rising(np.arange(6_000) / 25)
    series.intensity[:] = 0
    series.intensity[3_001, au_index(12), 1] = 5.0
    drawn = strip.Strip(explained(series, phases=[]), ["AU12"], {"AU12": "#E69F00"}, 800, 14)
    columns = dict(drawn._columns("AU12"))
    assert columns[round(drawn.x(3_001 / 25))] == 5.0
    assert drawn.x(0) == drawn.left and drawn.x(1e9) == drawn.right


def test_phases_are_named_where_there_is_room():
    phases = [{"start": 0.0, "end": 9.0, "label": "neutral", "confidence": 0.7},
              {"start": 9.0, "end": 9.1, "label": "surprise", "confidence": 0.6}]
    series = rising(np.arange(100) / 10)
    with_names = np.asarray(strip.Strip(explained(series, phases=phases), [], {}, 900, 14).image).astype(int)
    top, bottom = 31, 54
    bright = (with_names[top:bottom] > 220).all(2).any(0)
    assert bright[200:700].any() and not bright[800:].any()
    assert strip.phase_at(phases, 9.05)["label"] == "surprise" and strip.phase_at(phases, 20.0) is None


def test_the_picture_of_a_clip_shows_its_course(made):
    _, _, series, _ = made
    picture, box = np.full((200, 200, 3), 128, np.uint8), [20, 20, 180, 180]
    clip = explained(series, box=box)
    photo = dataclasses.replace(clip, evidence=rising([0.0]).to_dict(), phases=[])
    assert render.annotate(picture, clip).height > render.annotate(picture, photo).height + 60


# The command


@pytest.mark.parametrize(("name", "words"), [("out.gif", "Name it .png or .jpg, or .mp4 for a clip"),
                                             ("out.mp4", "is a photo. Name the drawing .png or .jpg")])
def test_drawings_that_cannot_be_are_refused_before_the_work(astronaut_file, tmp_path, capsys, name, words):
    assert main(["explain", str(astronaut_file), "--render", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err
