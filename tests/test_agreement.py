"""Agreement of two codings: every measure against its textbook formula on small cases, pairing, intervals, the command."""

import itertools
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emollm import cli, evidence
from emollm.output import agreement, bids, boris, export, timeline
from emollm.output.agreement_report import as_json, as_text, figure
from emollm.output.annotations import Recording
from emollm.perception.events import events as find_events
from emollm.schema import AU_NAMES, AUEvent, AUSeries, InputError, au_index

SMILE = au_index(12)


def series_of(levels, face_id=0, step=0.04, unit=SMILE):
    """AU12 alone, alike on both sides."""
    levels = np.asarray(levels, float)
    intensity = np.full((len(levels), len(AU_NAMES), 2), np.nan)
    intensity[:, unit] = levels[:, None]
    measured = np.arange(len(AU_NAMES)) == unit
    return AUSeries(step * np.arange(len(levels)), intensity, measured * np.ones((len(levels), 1)), measured, "test",
                    face_id=face_id)


def agreed(a, b, **options):
    (unit,) = agreement.agree(agreement.pair({0: series_of(a)}, {0: series_of(b)}, ("a", "b")), **options)
    return unit


def value(unit, measure):
    return unit.measures[measure].value


# --- measures ----------------------------------------------------------------------------------------------------

def test_measures_of_ten_moments_by_hand():
    """TP 3, FP 1, FN 2, TN 4: F1 = 6 / 9, p_o = .7, p_e = (4 * 5 + 6 * 5) / 100 = .5, kappa = .4. A is higher in 3 * 5 +
    .5 * (1 tie at 2.0) pairs of the on ones, and above four zeros of the off ones for neither of the two misses (ties)."""
    a = [2.0, 3.0, 4.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]
    b = [2.0, 3.0, 5.0, 2.0, 1.5, 0.0, 0.0, 1.0, 0.0, 0.5]
    unit = agreed(a, b)
    assert (unit.au, unit.n, unit.on_a, unit.on_b) == ("AU12", 10, 4, 5)
    assert value(unit, "f1") == pytest.approx(6 / 9)
    assert value(unit, "kappa") == pytest.approx(0.4)
    wins = sum((x > y) + (x == y) / 2 for x, y in itertools.product(a[:5], a[5:]))
    assert value(unit, "auc") == pytest.approx(wins / 25)
    assert value(unit, "r") == pytest.approx(np.corrcoef(a, b)[0, 1])


def icc_by_anova(a, b):
    """ICC(3,1) from the mean squares of a two-way table, as in Shrout & Fleiss (1979), table 3."""
    table = np.stack([a, b], axis=1)
    n, k = table.shape
    between = k * ((table.mean(1) - table.mean()) ** 2).sum() / (n - 1)
    residual = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    error = (residual**2).sum() / ((n - 1) * (k - 1))
    return (between - error) / (between + (k - 1) * error)


def test_icc_of_the_first_two_judges_of_shrout_and_fleiss():
    """Their six targets (table 2), halved to fit the scale 0-5: 2 * 10 / (40/3 + 27/2). A constant
    offset between judges costs nothing."""
    first, second = np.array([9, 6, 8, 7, 10, 6]) / 2, np.array([2, 1, 4, 1, 5, 2]) / 2
    assert value(agreed(first, second), "icc") == pytest.approx(icc_by_anova(first, second))
    assert value(agreed(first, second), "icc") == pytest.approx(240 / 322)
    assert value(agreed(first, first - 2.5), "icc") == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=3, max_size=40))
def test_measures_equal_their_definitions(pairs):
    a, b = np.array(pairs).T / 100
    unit, on_a, on_b = agreed(a, b, resamples=2), a >= 1.25, b >= 1.25
    ties = np.sign(a[on_b][:, None] - a[~on_b]) / 2 + 0.5
    expected = {"auc": ties.mean() if ties.size else math.nan}
    hits = 2 * (on_a & on_b).sum() + (on_a != on_b).sum()
    expected["f1"] = 2 * (on_a & on_b).sum() / hits if hits else math.nan
    chance = on_a.mean() * on_b.mean() + (~on_a).mean() * (~on_b).mean()
    expected["kappa"] = ((on_a == on_b).mean() - chance) / (1 - chance) if chance < 1 - 1e-12 else math.nan
    graded = not np.isin(a, (0, 3)).all() and not np.isin(b, (0, 3)).all()
    expected["r"] = np.corrcoef(a, b)[0, 1] if graded and np.ptp(a) and np.ptp(b) else math.nan
    expected["icc"] = icc_by_anova(a, b) if graded and (np.ptp(a) or np.ptp(b)) else math.nan
    for measure, right in expected.items():
        assert value(unit, measure) == pytest.approx(right, abs=1e-6, nan_ok=True), measure


def test_presence_alone_has_no_intensity_to_compare():
    unit = agreed([0, 1.0, 2.0, 4.0], [0, 0, 3.0, 3.0])
    assert value(unit, "f1") == 1
    assert math.isnan(value(unit, "icc"))
    assert math.isnan(value(unit, "r"))


def test_a_unit_that_is_never_on_has_no_auc():
    unit = agreed([0, 0.5, 1.0, 0.2], [0, 0, 0.1, 0.2])
    assert math.isnan(value(unit, "auc"))
    assert math.isnan(value(unit, "f1"))


# --- intervals ---------------------------------------------------------------------------------------------------

def test_intervals_hold_the_value_and_narrow_with_length():
    rng = np.random.default_rng(0)
    b = np.clip(2 + 2 * np.sin(np.arange(6000) / 40), 0, 5)
    a = np.clip(b + rng.normal(0, 1, 6000), 0, 5)
    short, long = agreed(a[:500], b[:500]), agreed(a, b)
    for measure in agreement.MEASURES:
        few, many = short.measures[measure], long.measures[measure]
        assert few.low <= few.value <= few.high
        assert many.high - many.low < few.high - few.low


def test_intervals_know_that_neighbouring_frames_are_alike():
    """The same moments shown 25 times each are no more evidence: the interval must not shrink by a factor of five."""
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 5, 60).round(2), rng.uniform(0, 5, 60).round(2)
    once = agreement.pair({0: series_of(a, step=1.0)}, {0: series_of(b, step=1.0)}, ("a", "b"))
    often = agreement.pair({0: series_of(a.repeat(25))}, {0: series_of(b.repeat(25))}, ("a", "b"))
    one, many = (agreement.agree(p)[0].measures["r"] for p in (once, often))
    assert many.value == pytest.approx(one.value)
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.25)


def test_the_same_call_gives_the_same_numbers():
    a, b = np.arange(100) % 7 / 2, np.arange(100) % 5
    assert agreed(a, b) == agreed(a, b)
    assert math.isnan(agreed(a[:10], b[:10]).measures["r"].low), "one block cannot be resampled"


# --- pairing -----------------------------------------------------------------------------------------------------

def test_tables_of_other_frame_rates_meet_at_the_nearest_frame():
    a, b = series_of(np.arange(50) / 10, step=1 / 25), series_of(np.arange(60) / 12, step=1 / 30)
    times, one, other = agreement.align_codings(a, b)
    np.testing.assert_allclose(times, a.times)
    np.testing.assert_allclose(one[:, SMILE], a.intensity[:, SMILE, 0])
    np.testing.assert_allclose(other[:, SMILE], one[:, SMILE], atol=0.06)


def test_moments_without_a_partner_are_left_out():
    a, b = series_of(np.ones(50)), series_of(np.ones(50))
    keep = (a.times < 0.5) | (a.times > 1.5)
    a = AUSeries(a.times[keep], a.intensity[keep], a.confidence[keep], a.measured, "test")
    times, _, _ = agreement.align_codings(a, b)
    np.testing.assert_allclose(times, a.times)
    b.times += 100
    with pytest.raises(InputError, match="share no moment"):
        agreement.pair({0: a}, {0: b}, ("a.csv", "b.csv"))


def test_movements_count_as_their_peak_and_rest_between():
    levels = np.zeros(50)
    levels[10:21] = 3.5
    coder = [AUEvent("AU12", "both", 0.4, 0.6, 0.8, 3.5)]
    _, one, other = agreement.align_codings(series_of(levels), coder)
    np.testing.assert_allclose(one[:, SMILE], other[:, SMILE])
    assert np.isnan(other[:, au_index(1)]).all(), "a unit that a coder never used was not coded"
    coder[0].peak = math.nan
    assert agreement.align_codings(coder, series_of(levels))[1][15, SMILE] == evidence.PRESENT


def test_faces_are_paired_by_number_or_because_they_are_the_only_ones():
    smile = np.array([0.0, 2, 0, 2])
    assert len(agreement.pair({3: series_of(smile)}, {0: series_of(smile)}, ("a", "b")).faces) == 1
    two = {0: series_of(smile), 1: series_of(smile)}
    assert len(agreement.pair(two, {1: series_of(smile), 2: series_of(smile)}, ("a", "b")).faces) == 1
    with pytest.raises(InputError, match=r"a\.csv and b\.csv share no face: face 0, 1 against face 5"):
        agreement.pair(two, {5: series_of(smile)}, ("a.csv", "b.csv"))


def units_of(levels):
    """A table of {AU number: levels over time}, alike on both sides."""
    frames = len(next(iter(levels.values())))
    intensity, measured = np.full((frames, len(AU_NAMES), 2), np.nan), np.zeros(len(AU_NAMES), bool)
    for number, values in levels.items():
        intensity[:, au_index(number)], measured[au_index(number)] = np.array(values, float)[:, None], True
    return AUSeries(0.04 * np.arange(frames), intensity, measured * np.ones((frames, 1)), measured, "test")


OPENING = {26: [0, 1, 2.4, 1, 0, 0, 2.4], 27: [0.2, 0.1, 0.9, 1.1, 2, 4, 0]}  # AU26 gives way to AU27
DROP = [0, 1, 2.4, 3.05, 3.5, 4.5, 2.4]
CLOSING = {43: [0, 3, 0, 0], 45: [0, 0, 4, 0]}


def test_a_jaw_is_compared_whole_with_a_machine_that_has_no_au27():
    ours, theirs = units_of(OPENING), units_of({26: DROP})
    for a, b in ((ours, theirs), (theirs, ours)):
        paired = agreement.pair({0: a}, {0: b}, ("a", "b"))
        (unit,) = agreement.agree(paired)
        assert (unit.au, unit.name, value(unit, "r")) == ("AU26", "AU26+27", pytest.approx(1))
        assert unit.on_a == unit.on_b == 5
        np.testing.assert_allclose(paired.faces[0][1][:, au_index(26)], DROP)
    assert "AU26+27: one movement, of which a coding has AU26 alone." in as_text([unit], "a", "b")
    assert json.loads(as_json([unit], "a", "b"))["units"][0]["joined"] == "AU27"
    assert ">AU26+27<" in figure([unit], "a", "b")


def test_the_closing_of_the_eyes_is_compared_whole():
    whole = np.fmax(*CLOSING.values())
    for number, others in ((45, {45: whole}), (43, {43: whole})):
        (unit,) = agreement.agree(agreement.pair({0: units_of(CLOSING)}, {0: units_of(others)}, ("a", "b")))
        assert (unit.au, value(unit, "r")) == (f"AU{number}", pytest.approx(1))
    (unit,) = agreement.agree(agreement.pair({0: units_of({43: [0, 3.0, 0]})}, {0: units_of({45: [0, 3.0, 0]})}, ("a", "b")))
    assert unit.name == "AU45+43"


def test_units_that_both_codings_tell_apart_are_compared_apart():
    ours = units_of(OPENING | {12: DROP})
    assert [u.name for u in agreement.agree(agreement.pair({0: ours}, {0: ours}, ("a", "b")))] == ["AU12", "AU26", "AU27"]
    coder = [AUEvent("AU26", "both", 0.04, 0.08, 0.08, 3.0)]
    (unit,) = agreement.agree(agreement.pair({0: ours}, {0: coder}, ("a", "b")))
    assert (unit.name, unit.on_a) == ("AU26", 2), "a coder who saw no AU27 did not say that there is none"
    smile = units_of({12: DROP})
    assert [u.name for u in agreement.agree(agreement.pair({0: ours}, {0: smile}, ("a", "b")))] == ["AU12"]


def test_a_coder_of_the_wide_mouth_alone_meets_a_machine_without_au27():
    coder = [AUEvent("AU27", "both", 0.12, 0.16, 0.2, 4.0)]
    (unit,) = agreement.agree(agreement.pair({0: coder}, {0: units_of({26: DROP})}, ("a", "b")))
    assert (unit.name, unit.n, unit.on_a) == ("AU26+27", 7, 3)


# --- the command and the figures -----------------------------------------------------------------------------------

@pytest.fixture
def smile(clip_of):
    return clip_of({"AU12": (1.0, 1.5, 2.5, 3.0, 1.0), "AU01": (2.0, 3.0, 4.0, 2.0, 2.0)})[0]


def test_a_clip_agrees_with_its_own_movements(tmp_path, smile, capsys):
    evidence.write_csv(tmp_path / "a.csv", [smile])
    made = Recording("a.mp4", {0: find_events(smile)})
    (tmp_path / "b_events.tsv").write_text(bids.text(made))
    (tmp_path / "b.boris").write_text(boris.project([made]))
    for other in ("b_events.tsv", "b.boris"):
        assert cli.main(["agree", str(tmp_path / "a.csv"), str(tmp_path / other), "--json"]) == 0
        stored = json.loads(capsys.readouterr().out)
        assert [unit["au"] for unit in stored["units"]] == ["AU01", "AU12"]
        assert all(unit["auc"]["value"] > 0.95 for unit in stored["units"])
    assert cli.main(["agree", str(tmp_path / "a.csv"), str(tmp_path / "a.csv"), "--figure", str(tmp_path / "f.svg")]) == 0
    out = capsys.readouterr().out
    assert "1.00" in next(line for line in out.splitlines() if line.startswith("AU12"))
    ElementTree.parse(tmp_path / "f.svg")


@pytest.mark.parametrize(("arguments", "message"), [
    (["a.csv", "none.csv"], "no such file"), (["a.csv", "a.csv", "--figure", "x.png"], "Name it .svg"),
    (["a.csv", "a.csv", "-o", "a.csv"], "would overwrite the input"), (["a.csv", "brows.csv"], "no action unit in common")])
def test_mistakes_are_named(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    evidence.write_csv("a.csv", [series_of([0, 2.0, 0])])
    evidence.write_csv("brows.csv", [series_of([0, 2.0, 0], unit=au_index(4))])
    assert cli.main(["agree", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_reports_show_what_cannot_be_had_as_such():
    unit = agreed([0, 1.0, 2.0, 4.0], [0, 0, 3.0, 3.0])
    assert as_text([unit], "a", "b").splitlines()[4].split()[-2:] == ["-", "-"]
    assert json.loads(as_json([unit], "a", "b"))["units"][0]["icc"] == {"value": None, "low": None, "high": None}


def coordinates(drawn: str) -> tuple[np.ndarray, np.ndarray]:
    """All x and y of lines and dots."""
    root = ElementTree.fromstring(drawn)
    found = [(float(e.get(x)), float(e.get(y))) for e in root.iter() for x, y in (("x1", "y1"), ("x2", "y2"), ("cx", "cy"))
             if e.get(x)]
    for e in root.iter("{http://www.w3.org/2000/svg}polyline"):
        found += [tuple(map(float, p.split(","))) for p in e.get("points").split()]
    return tuple(np.array(found).T)


def test_figures_lie_within_their_page(smile):
    units = agreement.agree(agreement.pair({0: smile}, {0: smile}, ("a", "b")))
    for drawn in (figure(units, "a <&> b", "c"), timeline.figure(export.recording("clip <1>.mp4", [smile]))):
        root = ElementTree.fromstring(drawn)
        x, y = coordinates(drawn)
        assert 0 <= x.min() <= x.max() <= float(root.get("width"))
        assert 0 <= y.min() <= y.max() <= float(root.get("height"))


def test_a_timeline_shows_the_units_that_moved_with_their_peaks(smile):
    drawn = timeline.figure(export.recording("a.mp4", [smile]))
    assert "AU12 lip corner puller" in drawn
    assert "AU01 inner brow raiser" in drawn
    assert "AU04" not in drawn
    assert drawn.count("<polyline") == 4, "two units, two sides"
    long = series_of(np.where(np.arange(20_000) == 7001, 5.0, 0.0))
    assert len(timeline.figure(export.recording("a.mp4", [long]))) < 100_000
    (part,) = timeline.parts(long.times, long.intensity[:, SMILE, 0])
    assert max(v for _, v in part) == 5
    with pytest.raises(InputError, match="no course in time"):
        timeline.figure(Recording("a.jpg", {}, series=[series_of([2.0])]))
