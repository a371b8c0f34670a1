"""Frames read ahead by another thread: the same ones, in order, with their errors, and no thread left behind."""

import threading

import numpy as np
import pytest

from emollm.perception import face, media
from emollm.perception.ahead import read_ahead


def reading_threads():
    return [t for t in threading.enumerate() if t.name.startswith("read ahead")]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_same_items_in_order(count):
    assert list(read_ahead(iter(range(count)), room=3)) == list(range(count))
    assert not reading_threads()


def test_error_comes_where_it_belongs():
    def items():
        yield from range(5)
        raise ValueError("frame 5")

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="frame 5"):
        next(ahead)
    assert not reading_threads()


def test_one_other_thread_makes_all_items_after_its_beginning():
    begun, makers = [], []

    def items():
        for k in range(6):
            makers.append(threading.get_ident())
            yield k

    list(read_ahead(items(), lambda: begun.append(threading.get_ident())))
    assert set(makers) == set(begun) and len(begun) == 1 and threading.get_ident() not in makers


def test_no_more_than_room_items_wait():
    made = []

    def items():
        for k in range(100):
            made.append(k)
            yield k

    ahead = read_ahead(items(), room=2)
    next(ahead)
    ahead.close()
    assert len(made) <= 3 and not reading_threads()


def test_clip_followed_in_one_thread_gives_the_same_track(astronaut_clip, monkeypatch):
    ahead, = face.follow(media.read(astronaut_clip))
    monkeypatch.setattr(face, "read_ahead", lambda items, begin: items)
    plain, = face.follow(media.read(astronaut_clip))
    for name in ("landmarks", "pose", "looks", "covers", "boxes", "times"):
        np.testing.assert_array_equal(getattr(ahead, name), getattr(plain, name))
