"""The fit of the action-unit estimator: its regression, its figures, and what must not change what is measured."""

import numpy as np
import pytest

from data_engine import au_check, au_fit, au_page, au_sets, fit_aus
from data_engine.au_scores import auc, f1
from emollm.perception import measure
from emollm.schema import AUS, LABELS, ON, au_index


def test_area_and_f1_are_exact():
    scores, y = np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1])
    assert auc(scores, y) == pytest.approx(3.5 / 4)
    assert f1(scores >= 0.4, y) == pytest.approx(4 / 5)


def test_regression_finds_the_direction_and_heeds_weights_and_penalty():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    y = (x[:, 1] > 0).astype(float)
    free = au_fit.logistic(x, y, np.ones(400), np.eye(3))
    assert free[1] > 3 and abs(free[2]) < 0.5
    dear = au_fit.logistic(x, y, np.ones(400), np.diag([1, 1e6, 1]))
    assert abs(dear[1]) < 0.01
    flipped = au_fit.logistic(np.concatenate([x, x]), np.concatenate([y, 1 - y]), np.repeat([1, 1e-6], 400), np.eye(3))
    np.testing.assert_allclose(flipped, free, atol=1e-2)


def test_people_are_never_split_between_folds():
    people = np.repeat([f"p{k}" for k in range(23)], 3)
    folds = au_fit.fold_of(people)
    assert all(len(set(folds[people == p])) == 1 for p in set(people)) and set(folds) == set(range(au_fit.FOLDS))


def test_resampling_draws_people_whole():
    people = np.array(["a", "a", "b", "c", "c", "c"])
    for rows in au_page.resample(people)[:20]:
        counts = {p: int((people[rows] == p).sum()) for p in "abc"}
        assert counts["a"] % 2 == 0 and counts["c"] % 3 == 0


def test_a_face_is_shaken_in_five_known_ways():
    picture = np.random.default_rng(0).integers(0, 256, (40, 31, 3)).astype(np.uint8)
    changed = au_sets.shake(picture)
    assert tuple(changed) == au_sets.CHANGES
    np.testing.assert_array_equal(changed["mirror"][:, ::-1], picture)
    assert changed["half"].shape == (20, 15, 3) and changed["blur"].shape == picture.shape
    assert changed["bright"].max() == 255 and (changed["dark"] == (picture * 0.8).astype(np.uint8)).all()


def test_perception_is_cached_by_name(tmp_path):
    calls = []

    def pictures():
        calls.append(1)
        yield np.zeros((64, 64, 3), np.uint8)

    pytest.importorskip("mediapipe", reason="the faces extra is not installed")
    first, again = (au_sets.perceive_pictures(tmp_path, "none", pictures) for _ in range(2))
    assert len(calls) == 1 and not first.found.any() and again.patches.shape == first.patches.shape


def test_figures_count_what_is_on():
    levels = np.zeros((4, len(AUS)))
    levels[0, au_index(25)], levels[1, au_index(27)], levels[2, au_index(26)] = ON, 5, ON - 0.01
    assert au_check.share_on(levels, au_check.OPENING) == 0.5


def test_the_mean_of_sides_ignores_what_is_not_seen():
    levels = np.full((1, len(AUS), 2), np.nan)
    levels[0, 0], levels[0, 1, 0] = (1, 3), 4
    assert au_check.mean_sides(levels)[0, :3].tolist()[:2] == [2, 4] and np.isnan(au_check.mean_sides(levels)[0, 2])


def test_faces_of_another_table_are_paired_where_each_sees_one():
    rows = [{"frame": str(f), "success": s} for f, s in ((1, "1"), (2, "1"), (2, "1"), (3, "0"), (4, "1"), (5, "1"), (6, "1"))]
    frames = np.array([0, 1, 2, 3, 3, 4, 9])
    assert au_check.pair_frames(frames, rows) == [(0, rows[0]), (5, rows[5])]


def test_a_wink_counts_only_when_one_eye_is_shut():
    sides = np.zeros((2, len(AUS), 2))
    sides[0, au_index(43), 0] = 5
    sides[1, au_index(43)] = 5
    assert au_check.five_figures(["a_wink", "b_wink"], sides)["met"]["wink"] == "1/2"


def drawn_faces(rng: np.random.Generator, smiles: np.ndarray, noise: float = 0.004) -> au_sets.PerceivedFaces:
    """Faces laid out from the mean face with smooth differences; `smiles` [N] 0-1 lifts and spreads the mouth corners."""
    mean = measure.estimator().mean
    near = np.exp(-((mean[:, None, :2] - mean[[61, 291]][None, :, :2]) ** 2).sum(-1) / 0.02)  # [478, 2]
    lift = near[:, :1] * [-0.08, -0.07, 0] + near[:, 1:] * [0.08, -0.07, 0]
    points = mean + smiles[:, None, None] * lift + rng.normal(0, noise, (len(smiles), 478, 3))
    return au_sets.PerceivedFaces(100 * points + 200, np.zeros((len(smiles), 2, 0, 0)))


def test_a_fit_of_a_few_drawn_faces_finds_the_movement_and_is_read_back(tmp_path, monkeypatch):
    """All units are fitted from their codes, as the command does it; only AU12 was drawn, and it alone is found."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(au_fit, "NEUTRALS", 60)
    people = np.repeat([f"p{k}" for k in range(30)], 3)
    codes = np.repeat(rng.integers(0, 2, (30, len(AUS))), 3, axis=0).astype(float)
    k = au_index(12)
    coded = au_sets.FaceSet(drawn_faces(rng, codes[:, k]), codes, people, np.tile([False, False, True], 30), np.arange(90))
    labels = np.arange(320) % len(LABELS)
    labels[:160] = LABELS.index("neutral")
    smiles = (labels == LABELS.index("happiness")) * rng.uniform(0.5, 1, 320)
    shapes = rng.random((320, len(AUS)))
    shapes[:, k] = smiles
    wild = au_sets.FaceSet(drawn_faces(rng, smiles), shapes, labels, np.arange(320) % 5 == 0, np.arange(320))
    shaken = np.arange(1, 320, 20), drawn_faces(rng, np.repeat(smiles[1::20], len(au_sets.CHANGES)))
    reading, fits = fit_aus.fit(coded, wild, shaken, with_looks=False)
    assert fits[12].accuracy > 0.9 and all(fits[n].accuracy < 0.6 for n in (1, 4, 9, 15, 17))
    est = measure.estimator()
    monkeypatch.setattr(measure, "FILE", tmp_path / "estimator.npz")
    try:
        fit_aus.write(measure.FILE, {"alone": reading, "looked": reading}, mean=est.mean, mirror=est.mirror, half=est.half,
                      measured=est.measured)
        levels = measure.intensities(drawn_faces(rng, np.array([0.0, 1.0])).landmarks, None)[:, k]  # [2, 2]
    finally:
        measure.estimator.cache_clear()
    assert (levels[0] < ON).all() and (levels[1] >= ON).all()
