"""What movements alone are read as: properties that hold for any face, published prototypes, and the fit to coded frames."""

import random

import numpy as np
import pytest

from emollm import evidence
from emollm.answer import reading
from emollm.evaluation.reasoning import prototype, read_units, same_reading
from emollm.facs.tables import VARIANTS
from emollm.schema import AU_NAMES, LABELS, InputError, au_index
from emollm.training import reading as fitting

U, NAMES = len(AU_NAMES), np.array([v.label for v in VARIANTS])
SURE = np.ones((1, U), bool)


def faces(n: int, seed: int = 0) -> np.ndarray:
    """Strengths [n, U] of drawn faces with a few movements each, one of them at least at level B."""
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0, 5, (n, U)) * (rng.random((n, U)) < 0.2)
    strength[np.arange(n), rng.integers(0, U, n)] = rng.uniform(2, 5, n)
    return strength


def read(strength, confidence=1.0, measured=True) -> np.ndarray:
    shape = np.shape(strength)
    return reading.read(strength, np.broadcast_to(confidence, shape), np.broadcast_to(measured, shape))


def test_a_reading_is_a_distribution():
    found = read(faces(200))
    assert found.shape == (200, len(LABELS))
    np.testing.assert_allclose(found.sum(1), 1)
    assert found.min() >= reading.DOUBT / len(LABELS)


def test_a_face_at_rest_is_neutral():
    found = read(np.zeros((1, U)))[0]
    assert LABELS[found.argmax()] == "neutral"
    assert found.max() > 0.8


def test_what_is_not_measured_says_nothing():
    """Unmeasured is not absent: whatever number stands there, it must not matter. With nothing measured all are alike."""
    strength, other = faces(100), faces(100, seed=1)
    hidden = np.random.default_rng(2).random((100, U)) < 0.5
    hidden[:, au_index(9)] = False
    strength[:, au_index(9)] = other[:, au_index(9)] = 3  # so that the strongest movement is no trace on either side
    np.testing.assert_allclose(read(np.where(hidden, other, strength), measured=~hidden), read(strength, measured=~hidden))
    np.testing.assert_allclose(read(strength, measured=False), 1 / len(LABELS))
    np.testing.assert_allclose(read(strength, confidence=0.0), read(strength, measured=False), atol=0.01)


def test_unmeasured_differs_from_absent():
    """A smile whose cheeks were not measured is not a smile without them."""
    smile = np.zeros((1, U))
    smile[0, au_index(12)] = 4
    hidden = SURE.copy()
    hidden[0, au_index(6)] = False
    assert abs(read(smile) - read(smile, measured=hidden)).max() > 0.001


@pytest.mark.parametrize("au", AU_NAMES)
def test_a_stronger_movement_never_hurts_the_listings_that_name_it(au):
    """Exact, for every unit on drawn faces: the listings that name it get likelier together, step by step from 0 to E."""
    k, shares = au_index(au), reading.stored_shares()
    naming = shares[:, k] > np.median(shares[:, k])
    last = None
    for level in np.linspace(0, 5, 26):
        strength = faces(50)
        strength[:, k] = level
        fit = reading.log_likelihood(shares, strength, np.ones(strength.shape))
        share = np.exp(fit - np.logaddexp.reduce(fit, 1)[:, None])[:, naming].sum(1)
        assert last is None or (share >= last - 1e-12).all()
        last = share


def test_left_and_right_are_alike(photo_of):
    rng = np.random.default_rng(3)
    for _ in range(20):
        sides = {au: tuple(rng.uniform(0, 5, 2)) for au in rng.choice(AU_NAMES, 4, replace=False)}
        mirrored = {au: (right, left) for au, (left, right) in sides.items()}
        np.testing.assert_array_equal(reading.read_series(photo_of(sides)), reading.read_series(photo_of(mirrored)))


def test_a_clip_is_read_at_its_peaks(clip_of, photo_of):
    series, _ = clip_of({"AU06": (0, 1, 2, 3, 3), "AU12": (2, 3, 4, 4, 4)})
    peaks = photo_of({"AU06": 3.0, "AU12": 4.0})
    np.testing.assert_allclose(reading.read_series(series), reading.read_series(peaks), atol=1e-6)


def test_confidence_weighs():
    """The surer the measurement, the further from the even spread."""
    smile = np.zeros((1, U))
    smile[0, [au_index(6), au_index(12)]] = 4
    k = LABELS.index("happiness")
    sure, half, none = (read(smile, confidence=c)[0, k] for c in (1.0, 0.5, 0.0))
    assert sure > half > none


@pytest.mark.parametrize("units", [*({au: 1.0} for au in AU_NAMES), *(dict.fromkeys(v.aus, 1.0) for v in VARIANTS if v.aus)])
def test_a_trace_convinces_nobody(units):
    assert read_units([units]).max() <= 0.6


def test_a_trace_of_lowered_brows_is_not_anger():
    for code in ("4A", "4A+7A+23A"):
        assert dict(zip(LABELS, reading.read_series(evidence.parse_facs(code)), strict=True))["anger"] < 0.2


@pytest.mark.parametrize("variant", VARIANTS, ids=reading.name_of)
def test_prototypes_are_read_as_their_source_says(variant):
    """Every draw at levels C to E of every published listing."""
    rng = random.Random(5)
    found = read_units([prototype(variant, rng) for _ in range(20)])
    assert {LABELS[k] for k in found.argmax(1)} <= same_reading(variant)


@pytest.mark.parametrize("code, label", [
    ("4D+7D+17D+23D+24D", "anger"), ("1D+4D+15D+17C", "sadness"), ("9D+10D+17C", "disgust"), ("L14C", "contempt"),
    ("1C+2C+4C+5D+20C+25B", "fear"), ("1C+2C+5D+26D", "surprise")])
def test_codes_are_read(code, label):
    assert LABELS[reading.read_series(evidence.parse_facs(code)).argmax()] == label


def test_movements_are_listed_by_strength(photo_of):
    found = reading.units_by_strength(photo_of({"AU04": 2.0, "AU12": (1.0, 4.0), "AU06": 1.2, "AU25": 3.0}, hidden=["AU25"]))
    assert list(found.items()) == [("AU12", 4.0), ("AU04", 2.0)]


def test_weights_of_other_tables_are_refused(monkeypatch):
    monkeypatch.setattr(reading, "VARIANTS", VARIANTS[1:])
    reading.stored_shares.cache_clear()
    with pytest.raises(InputError, match=r"reading.npz was fitted to other tables than these: run python -m data_engine"):
        reading.stored_shares()
    reading.stored_shares.cache_clear()


# --- the fit --------------------------------------------------------------------------------------------------------

def made_frames(n: int = 60) -> tuple:
    """Coded faces of three labels; AU14 comes with every angry one, as no table has it."""
    rng = np.random.default_rng(0)
    labels = rng.choice([LABELS.index(x) for x in ("happiness", "anger", "surprise")], n)
    units = {"happiness": (6, 12), "anger": (4, 7, 14, 24), "surprise": (1, 2, 5, 26)}
    present = np.zeros((n, U))
    for row, label in zip(present, labels, strict=True):
        row[[au_index(k) for k in units[LABELS[label]]]] = 1
    return present, np.ones(U, bool), labels, np.arange(n) % 10


def test_frames_move_the_shares_toward_what_was_coded():
    table, fitted = fitting.from_tables(), fitting.fit(*made_frames()[:3])
    angry, k = NAMES == "anger", au_index(14)
    assert (fitted[angry, k] >= table[angry, k]).all() and (fitted[angry, k] > table[angry, k] + 0.3).any()
    np.testing.assert_array_equal(fitted[NAMES == "sadness"], table[NAMES == "sadness"])  # nothing was coded for it
    assert ((fitted > 0) & (fitted < 1)).all()


def test_uncoded_units_keep_the_tables_word():
    present, measured, label, _ = made_frames()
    measured[au_index(14)] = False
    assert np.array_equal(fitting.fit(present, measured, label)[:, au_index(14)], fitting.from_tables()[:, au_index(14)])


def test_subjects_are_left_out(monkeypatch):
    """No frame of a subject may be among those that its shares were fitted to."""
    present, measured, label, subject = made_frames()
    seen = []
    monkeypatch.setattr(fitting, "fit", lambda p, m, y: seen.append(len(y)) or fitting.from_tables())
    found = fitting.cross_validate(present, measured, label, subject)
    assert seen == [54] * 10
    assert (found.argmax(1) == label).mean() > 0.9


def test_coded_frames_are_read(tmp_path):
    np.savez(tmp_path / "codes.npz", au=[12, 14, 99], au_present=[[1, 0, 1], [0, 1, 0], [1, 1, 1], [1, 0, 0]],
             apex_frame=[1, 1, 0, 1], emotion=["happy", "contempt", "happy", "none"], subject=["a", "b", "a", "c"])
    present, measured, label, subject = fitting.coded_frames(tmp_path / "codes.npz")
    assert [LABELS[k] for k in label] == ["happiness", "contempt"]
    assert present[:, [au_index(12), au_index(14)]].tolist() == [[1, 0], [0, 1]]
    assert measured.sum() == 2
    assert subject.tolist() == ["a", "b"]


def test_human_coded_frames_left_out_by_subject(dev_data):
    """The shipped procedure on real codes: 109 posed frames of 40 people."""
    frames = fitting.coded_frames(dev_data / "ckplus48_facs_fit.npz")
    right = fitting.cross_validate(*frames).argmax(1) == frames[2]
    assert right.mean() >= 0.96
    assert min(right[frames[2] == k].mean() for k in np.unique(frames[2])) >= 0.8
