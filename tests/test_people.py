"""One person is one face through a clip: what cuts, what leaves and what comes back, on clips of two made people."""

import cv2
import numpy as np
import pytest

from emollm.perception import face, media, sights


@pytest.fixture(scope="module")
def people(clip_frames, astronaut):
    """Frames of two people: the astronaut, and a broader, darker face that leans the other way in another room."""
    wide = cv2.resize(astronaut[20:220, 110:340], (320, 320), interpolation=cv2.INTER_AREA)[:, ::-1]
    turn = cv2.getRotationMatrix2D((160, 160), 9, 1.0)
    other = [(cv2.warpAffine(wide, turn + np.array([[0, 0, k], [0, 0, 0]]), (320, 320), borderMode=cv2.BORDER_REPLICATE) * 0.6)
             .astype(np.uint8) for k in range(20)]
    return clip_frames, other


def spans(tracks):
    """Frames of each face, as runs (first, last)."""
    return [[(int(run[0]), int(run[-1])) for run in np.split(t.frames, np.flatnonzero(np.diff(t.frames) > 1) + 1)]
            for t in tracks]


def test_a_face_goes_on_after_a_cut_away_from_it(people, write_clip, tmp_path):
    one, other = people
    clip = media.read(write_clip(tmp_path / "aba.mp4", one[:12] + other[:12] + one[12:24] + other[12:20]))
    tracks = face.follow(clip)
    assert [t.face_id for t in tracks] == [0, 1]
    assert spans(tracks) == [[(0, 11), (24, 35)], [(12, 23), (36, 43)]]
    assert all(len(t.times) == len(t.landmarks) == len(t.looks) == len(t.quality.blur) for t in tracks)


def test_another_face_in_the_same_place_is_another_face(people, write_clip, tmp_path):
    """Before the same grey wall: only the faces differ."""
    one, other = people
    wall = [np.where(mask_of_face(f)[..., None], f, 120).astype(np.uint8) for f in (one[0], other[0])]
    clip = media.read(write_clip(tmp_path / "wall.mp4", [wall[0]] * 10 + [wall[1]] * 10))
    tracks = face.follow(clip)
    assert spans(tracks) == [[(0, 9)], [(10, 19)]]
    assert any("may be one person" in notice for notice in clip.notices)


def mask_of_face(picture):
    (points,) = face.landmarks(picture)[None, :, :2]
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 1)
    return cv2.dilate(mask, np.ones((15, 15), np.uint8)) > 0


@pytest.mark.parametrize(("comes_from", "faces"), [("right", 1), ("left", 2)])
def test_a_face_that_leaves_and_comes_back(clip_frames, write_clip, tmp_path, comes_from, faces):
    """It leaves to the right, is away for half a second and more, and comes back: at that edge it is the same face."""
    head = cv2.resize(clip_frames[0], (220, 220), interpolation=cv2.INTER_AREA)
    room = cv2.GaussianBlur(np.random.default_rng(0).integers(60, 200, (240, 480, 3)).astype(np.uint8), (0, 0), 9)

    def at(x):
        frame = room.copy()
        left, right = max(x, 0), min(x + 220, 480)
        if left < right:
            frame[10:230, left:right] = head[:, left - x:right - x]
        return frame

    out, away = [at(x) for x in (130, 130, 130, 130, 130, 160, 200, 240, 280, 330, 380, 430)], [at(480)] * 14
    back = out[::-1] if comes_from == "right" else [at(x) for x in (-150, -100, -60, -40, -20, 0, 0, 0, 0)]
    clip = media.read(write_clip(tmp_path / "back.mp4", out + away + back))
    tracks = face.follow(clip)
    assert [t.face_id for t in tracks] == list(range(faces))
    gone = {int(f) for t in tracks for f in t.frames} & set(range(len(out), len(out) + len(away)))
    assert not gone, "a face is seen while it is away"
    if faces == 1:
        (seen,) = spans(tracks)
        assert len(seen) == 2 and seen[0][0] == 0 and seen[1][-1] == len(out + away + back) - 1
    else:
        assert any("may be one person" in notice for notice in clip.notices)


def test_nothing_of_a_face_is_kept_by_which_it_could_be_known(people, write_clip, tmp_path):
    (track,) = face.follow(media.read(write_clip(tmp_path / "a.mp4", people[0][:6])))
    assert not [name for name, value in vars(track).items() if isinstance(value, sights.Sights)]


# What counts as seen again


def sights_of(*moments):
    """moments: (s, view, chip)."""
    made = sights.Sights()
    for moment in moments:
        made.add(*moment)
    return made


@pytest.fixture(scope="module")
def drawn():
    draw = np.random.default_rng(1)
    return [(draw.integers(0, 256, (36, 64)).astype(float), draw.integers(0, 256, (64, 64, 3)).astype(float)) for _ in range(2)]


@pytest.mark.parametrize(("view", "look", "again"), [(0, 0, True), (1, 0, False), (0, 1, False), (1, 1, False)])
def test_view_and_look_must_both_be_seen_again(drawn, view, look, again):
    before, later = sights_of((0.0, *drawn[0])), sights_of((5.0, drawn[view][0], drawn[look][1]))
    assert before.recurs_in(later) is again


def test_light_does_not_matter_and_the_last_frame_counts(drawn):
    (view, look), (other_view, other_look) = drawn
    before = sights_of((0.0, other_view, other_look), (0.1, view, look))  # too soon to be remembered, but the last
    assert before.recurs_in(sights_of((5.0, view * 0.5 + 40, look * 0.5 + 40)))


def test_what_is_remembered_does_not_grow(drawn):
    many = sights_of(*((float(k), *drawn[k % 2]) for k in range(100)))
    assert len(many.first) == sights.BEGINNING and len(many.last) == sights.LATELY
    assert many.last[0][0].dtype == np.uint8


def test_plain_pictures_are_like_nothing():
    flat = [np.full(20, 7.0)]
    assert sights.correlations(flat, [np.arange(20.0)])[0, 0] == 0 and sights.correlations(flat, flat)[0, 0] == 0
