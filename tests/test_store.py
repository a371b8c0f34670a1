"""Landmarks of long clips: in memory or in a file, they come back as they went in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emollm.perception import face, measure, media, store


def appended(kept, numbers):
    """Frames of two points; every number is one frame."""
    for number in numbers:
        kept.append(np.full((2, 3), float(number)))


def numbers_of(array):
    return array[:, 0, 0].tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), max_size=12), st.sampled_from([0, 100, 300, 10**9]))
def test_frames_of_several_faces_come_back_in_order(turns, held):
    """Faces take turns, at any limit of memory; first and last are at hand as they were given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "HELD", held)
        together, given_, number = store.Store(), [[], [], []], 0
        kept = [together.landmarks() for _ in given_]
        for which, count in turns:
            appended(kept[which], range(number, number + count))
            given_[which] += range(number, number + count)
            number += count
        for one, expected in zip(kept, given_, strict=True):
            assert len(one) == len(expected)
            if expected:
                assert (one.first[0, 0], one.last[0, 0]) == (expected[0], expected[-1])
                assert numbers_of(one.array()) == numbers_of(one.array()) == expected


@pytest.mark.parametrize("away", [(False, False), (True, False), (False, True), (True, True)])
def test_a_face_that_comes_back_goes_on(away):
    together = store.Store()
    one, later = together.landmarks(), together.landmarks()
    for kept, numbers, file in ((one, range(5), away[0]), (later, range(5, 9), away[1])):
        appended(kept, numbers)
        if file:
            kept.flush()
    appended(later, [9])
    one.extend(later)
    assert numbers_of(one.array()) == list(range(10)) and one.last[0, 0] == 9


def test_what_fits_is_not_rounded_and_what_does_not_is_a_file(monkeypatch):
    third = np.full((2, 3), 1 / 3)
    small = store.Store().landmarks()
    small.append(third)
    assert small.array().dtype == np.float64 and small.array()[0, 0, 0] == 1 / 3
    monkeypatch.setattr(store, "HELD", 0)
    large = store.Store().landmarks()
    large.append(third)
    assert large.array().dtype == store.STORED and isinstance(large.array().base, np.memmap) and not large.recent
    np.testing.assert_allclose(large.array()[0], third, rtol=1e-7)


def test_blocks_cover_every_frame_once(monkeypatch):
    monkeypatch.setattr(store, "BLOCK", 4)
    for count in (0, 1, 4, 9):
        landmarks = np.arange(count)
        assert np.concatenate([landmarks[part] for part in store.blocks(landmarks)]).tolist() == list(range(count))


def test_a_long_clip_is_measured_as_a_short_one(astronaut_clip, monkeypatch):
    """Kept in a file and measured in blocks of seven frames, as an hour would be."""
    clip = media.read(astronaut_clip, end=0.8)
    (short,) = face.follow(clip)
    monkeypatch.setattr(store, "HELD", 50_000)
    monkeypatch.setattr(store, "BLOCK", 7)
    (long,) = face.follow(clip)
    assert isinstance(long.landmarks.base, np.memmap) and long.landmarks.shape == short.landmarks.shape
    np.testing.assert_array_equal(long.boxes, short.boxes)
    np.testing.assert_allclose(long.landmarks, short.landmarks, atol=1e-4)
    mine, its = (measure.series(track, "clip") for track in (long, short))
    np.testing.assert_allclose(mine.intensity, its.intensity, atol=1e-4)
    np.testing.assert_allclose(mine.confidence, its.confidence, atol=1e-4)
