"""Evidence for training records stays anatomically and numerically sound."""

import itertools
import random

import numpy as np
import pytest

from data_engine import sample
from emollm.answer import prompt
from emollm.perception.events import side_and_strength
from emollm.schema import AU_NAMES, AUS, OFF, ON, au_index

N = 200


def draws(make):
    return [make(random.Random(seed)) for seed in range(N)]


def strengths(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values).max(1)


def test_draws_are_faces():
    """24 x 2 intensities on the FACS scale, some movement in most faces, some one-sided, never two kinds of open jaw."""
    faces = draws(sample.draw_from_variants)
    assert all(f.shape == (24, 2) and (f >= 0).all() and (f <= 5).all() for f in faces)
    on = np.array([(strengths(f) >= ON).sum() for f in faces])
    assert 2 < on.mean() < 8
    assert (on == 0).any()
    assert any((side_and_strength(f[:, 0], f[:, 1])[0] != 2).any() for f in faces)
    jaw = np.array([[strengths(f)[AUS.index(k)] for k in (26, 27)] for f in faces])
    assert not (jaw.min(1) > ON).any()
    assert (jaw.max(1) > ON).any()


def test_draws_cover_every_unit():
    seen = np.array([strengths(f) >= ON for f in draws(sample.draw_from_variants)])
    assert seen.any(0).all()


@pytest.mark.parametrize("make", [sample.draw_from_variants, lambda rng: sample.edit(np.full((24, 2), 2.0), rng),
                                  lambda rng: sample.redraw_strengths(np.random.default_rng(0).uniform(0, 5, (9, 24, 2)), rng)])
def test_one_seed_one_face(make):
    np.testing.assert_array_equal(make(random.Random(3)), make(random.Random(3)))
    assert not np.array_equal(make(random.Random(3)), make(random.Random(4)))


def test_an_edit_adds_or_removes_one_or_two_movements():
    face = np.zeros((24, 2))
    face[au_index(12)], face[au_index(6)], face[au_index(2)] = 3.0, 2.0, np.nan
    removed = added = 0
    for edited in draws(lambda rng: sample.edit(face, rng)):
        changed = np.flatnonzero((np.nan_to_num(edited) != np.nan_to_num(face)).any(1))
        assert len(changed) <= 2
        assert np.isnan(edited[au_index(2)]).all()  # what cannot be seen stays unseen
        for k in changed:
            assert (edited[k] == 0).all() or strengths(edited)[k] >= ON
            removed += (edited[k] == 0).all()
            added += strengths(face)[k] == 0
    assert min(removed, added) > N / 10
    assert face[au_index(12), 0] == 3.0


def test_hidden_units_are_a_share_of_the_measured_ones():
    measured = np.arange(24) % 2 == 0
    kept = np.array(draws(lambda rng: sample.hide(measured, rng)))
    assert not kept[:, ~measured].any()
    whole = (kept == measured).all(1).mean()
    assert 0.6 < whole < 0.85
    assert (kept.sum(1) == 0).any()


def test_clips_rise_to_their_peaks():
    """A clip made from a face reads as that face: same sides and strengths, every movement within its event."""
    for seed in range(60):
        rng = random.Random(seed)
        peak = sample.draw_from_variants(rng)
        if seed % 3 == 0:
            peak[rng.randrange(24)] = np.nan
        series, events, keys = sample.as_clip(peak, np.full(24, 0.9), np.ones(24, bool), "drawn", 3, rng)
        assert (np.diff(series.times) > 0).all()
        assert 1 <= len(keys) <= 3
        assert keys == sorted(set(keys))
        assert max(keys) < len(series.times)
        on = {AU_NAMES[k] for k in np.flatnonzero(strengths(peak) >= ON)}
        assert {e.au for e in events} == on
        photo = sample.photo_series(peak, np.full(24, 0.9), np.ones(24, bool), "drawn")
        still = {(o.au, o.side, o.intensity) for o in prompt.observe(photo, [])}
        assert {(o.au, o.side, o.intensity) for o in prompt.observe(series, events)} == still
        for e in events:
            k = au_index(e.au)
            assert e.onset <= e.apex <= e.offset
            outside = (series.times < e.onset - 0.02) | (series.times > e.offset + 0.02)
            assert np.nan_to_num(series.intensity[outside, k]).max(initial=0) <= OFF
            assert np.nanmax(series.intensity[:, k]) == pytest.approx(e.peak)
            assert series.times[np.nanargmax(series.intensity[:, k].max(1))] == pytest.approx(e.apex)


def test_real_cooccurrence_is_kept():
    pool = np.zeros((1, 24, 2))
    pool[0, [au_index(6), au_index(12)]] = 3.0
    for face in draws(lambda rng: sample.redraw_strengths(pool, rng)):
        assert set(np.flatnonzero(strengths(face) > 0)) <= {au_index(6), au_index(12)}


def test_clips_have_brief_and_lasting_movements_and_some_that_set_in_together():
    """What a clip is told by must be there to be told."""
    brief = lasting = together = n = 0
    for rng in map(random.Random, range(N)):
        series, events, _ = sample.as_clip(sample.draw_from_variants(rng), np.full(24, 0.9), np.ones(24, bool), "drawn", 3, rng)
        duration = float(series.times[-1])
        n += len(events) > 1
        brief += any(e.micro and duration > 1 for e in events)
        lasting += any(e.onset == 0 and e.offset >= duration - 0.02 for e in events)
        onsets = sorted(e.onset for e in events)
        together += any(b - a < 0.01 for a, b in itertools.pairwise(onsets))
        assert all(0 <= e.onset <= e.apex <= e.offset <= max(duration, e.onset + 0.1) + 0.011 for e in events)
    assert min(brief, lasting, together) > 0.2 * n
