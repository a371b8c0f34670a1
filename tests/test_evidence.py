"""AU tables: round trips of our own, every foreign format from a small literal table, and errors that name the cell."""

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emollm import evidence
from emollm.schema import AUS, AUSeries, InputError, au_index

SAMPLES = Path(os.environ.get("EMOLLM_DEV_DATA", Path(__file__).parents[2] / "shared" / "data")) / "samples"


def series_of(frames=4, face_id=0, seed=0, measured=None):
    rng = np.random.default_rng(seed)
    mask = np.ones(24, bool) if measured is None else measured
    intensity = rng.uniform(0, 5, (frames, 24, 2)).round(4)
    intensity[rng.random(intensity.shape) < 0.1] = np.nan
    intensity[:, ~mask] = np.nan
    confidence = rng.uniform(0, 1, (frames, 24)).round(4) * mask
    return AUSeries(times=np.arange(frames) * 0.04, intensity=intensity, confidence=confidence, measured=mask,
                    estimator="emollm-geometry", baseline="clip", version="1.0", face_id=face_id)


def assert_same(a, b):
    np.testing.assert_allclose(a.times, b.times, atol=1e-4)
    np.testing.assert_allclose(a.intensity, b.intensity, atol=1e-4)
    np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-4)
    assert a.measured.tolist() == b.measured.tolist()
    assert (a.estimator, a.baseline, a.version, a.face_id) == (b.estimator, b.baseline, b.version, b.face_id)


def table(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def at(series, au, t=0):
    return series.intensity[t, au_index(au)].tolist()


# --- our own tables ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_written_table_reads_back_equal(tmp_path, suffix):
    """Two faces with different masks: an AU measured in one face only must stay masked, not 0, in the other."""
    mask = np.ones(24, bool)
    mask[[8, 20]] = False
    faces = [series_of(face_id=0), series_of(frames=3, face_id=2, seed=1, measured=mask)]
    path = tmp_path / f"au.{suffix}"
    if suffix == "csv":
        evidence.write_csv(path, faces)
    else:
        evidence.write_json(path, faces)
    for written, back in zip(faces, evidence.read_all(path), strict=True):
        assert_same(written, back)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000), st.sets(st.integers(0, 23), max_size=23))
def test_any_series_survives_the_csv(tmp_path_factory, frames, seed, hidden):
    mask = np.array([k not in hidden for k in range(24)])
    written = series_of(frames, seed=seed, measured=mask)
    path = tmp_path_factory.mktemp("csv") / "au.csv"
    evidence.write_csv(path, [written])
    assert_same(written, evidence.read(path))


def test_an_au_nobody_saw_stays_measured(tmp_path):
    """Measured but never visible is not the same as not measured."""
    written = series_of()
    written.intensity[:, 3] = np.nan
    evidence.write_csv(tmp_path / "au.csv", [written])
    assert evidence.read(tmp_path / "au.csv").measured[3]


def test_frames_column_holds_the_decoded_frame(tmp_path):
    evidence.write_csv(tmp_path / "au.csv", [series_of(2)], frames=[np.array([7, 9])])
    rows = list(csv.DictReader((tmp_path / "au.csv").open()))
    assert [row["frame"] for row in rows] == ["7", "9"]


def test_openface_layout_has_17_intensities_and_18_presences(tmp_path):
    """Column names and counts that OpenFace's own readers look for; unmeasured cells are empty, never 0."""
    mask = np.ones(24, bool)
    mask[au_index(28)] = mask[au_index(6)] = False
    written = series_of(measured=mask)
    written.intensity[0, au_index(12)] = (0.5, 3.0)
    evidence.write_csv(tmp_path / "of.csv", [written], "openface")
    rows = list(csv.DictReader((tmp_path / "of.csv").open()))
    assert [c for c in rows[0] if c.endswith("_r")] == [f"AU{n:02d}_r" for n in evidence.OPENFACE_R]
    assert len([c for c in rows[0] if c.endswith("_r")]) == 17
    assert len([c for c in rows[0] if c.endswith("_c")]) == 18
    assert (rows[0]["AU12_r"], rows[0]["AU12_c"], rows[0]["AU06_r"], rows[0]["AU28_c"]) == ("3.00", "1.0", "", "")
    assert rows[0]["frame"] == "1"
    back = evidence.read(tmp_path / "of.csv")
    assert at(back, 12) == [3.0, 3.0]
    assert not back.measured[au_index(6)]


def test_unknown_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown table format 'xlsx'"):
        evidence.write_csv(tmp_path / "x.csv", [series_of()], "xlsx")


# --- other people's tables ---------------------------------------------------------------------------------------

OPENFACE = """frame, timestamp, confidence, success, AU01_r, AU12_r, AU01_c, AU12_c, AU28_c, x_0
1, 0.000, 0.98, 1, 0.00, 2.50, 0.0, 1.0, 1.0, 300.5
2, 0.033, 0.90, 1, 2.00, 0.00, 0.0, 0.0, 0.0, 300.5
3, 0.067, 0.10, 0, 0.00, 0.00, 0.0, 0.0, 0.0, 300.5
"""


def test_openface_table(tmp_path):
    series = evidence.read(table(tmp_path, OPENFACE))
    assert series.estimator == "openface"
    assert series.times.tolist() == [0, 0.033, 0.067]
    assert [AUS[k] for k in np.flatnonzero(series.measured)] == [1, 12, 28]
    assert at(series, 12) == [2.5, 2.5]
    assert at(series, 28) == [evidence.PRESENT] * 2, "presence without intensity"
    assert np.isnan(series.intensity[2]).all(), "a frame that was not tracked is not a face at rest"
    assert np.isnan(series.intensity[:, au_index(4)]).all(), "a column that is not there is masked"
    assert series.confidence[0, au_index(12)] == pytest.approx(0.98)
    assert series.confidence[1, au_index(1)] == pytest.approx(0.45), "intensity 2 but presence 0: half as sure"
    assert series.confidence[2].max() == 0


def test_openface_picture_table_is_one_moment(tmp_path):
    text = "face, confidence, AU04_r, AU04_c\n0, 0.9, 3.0, 1\n1, 0.8, 0.0, 0\n"
    faces = evidence.read_all(table(tmp_path, text))
    assert [(f.face_id, f.times.tolist(), at(f, 4)[0]) for f in faces] == [(0, [0.0], 3.0), (1, [0.0], 0.0)]


def test_openface_3_columns_are_not_mistaken_for_facs_numbers(tmp_path):
    with pytest.raises(InputError, match="OpenFace 3"):
        evidence.read(table(tmp_path, "timestamp,AU01_r,AU02_r,AU03_r\n0,1,1,1\n"))


def test_py_feat_probabilities_are_not_read_as_intensities(tmp_path):
    text = ("FaceScore,AU01,AU6,AU12,Happy,approx_time,frame,input,Identity\n"
            "1.0,0.0,0.5,1.0,0.9,00:00,0,a.mp4,Person_3\n1.0,1.0,0.5,0.0,0.9,00:01,24,a.mp4,Person_3\n"
            "0.5,1.0,0.5,0.0,0.9,00:02,48,a.mp4,Person_3\n")
    series = evidence.read(table(tmp_path, text))
    assert (series.estimator, series.face_id) == ("py-feat", 0)
    assert at(series, 1) == [0, 0]
    assert at(series, 6) == [1.25, 1.25]
    assert at(series, 12) == [evidence.PRESENT] * 2
    assert series.times.tolist() == [0, 1, 2], "24 frames a second, told from the clock"
    assert series.confidence[:, au_index(1)].tolist() == [1, 1, 0.5]
    assert series.confidence[:, au_index(6)].tolist() == [0, 0, 0]


def test_one_face_cannot_be_read_from_a_table_of_several_pictures(tmp_path):
    with pytest.raises(InputError, match="several pictures"):
        evidence.read(table(tmp_path, "AU01,AU02,frame,input\n0,0,0,a.jpg\n0,0,1,b.jpg\n"))


def test_libreface_table(tmp_path):
    text = ",frame_idx,frame_time_in_ms,au_7,au_12,au_12_intensity\n5,0,0.0,1,1,4.5\n6,1,40.0,0,0,0.0\n"
    series = evidence.read(table(tmp_path, text))
    assert (series.estimator, series.face_id, series.times.tolist()) == ("libreface", 0, [0, 0.04])
    assert at(series, 12) == [4.5, 4.5]
    assert at(series, 7) == [evidence.PRESENT] * 2


def test_arkit_sides_are_the_persons_own(tmp_path):
    text = ("timestamp,browInnerUp,mouthSmileLeft,mouthSmileRight,jawOpen,mouthClose,mouthLowerDownLeft,"
            "mouthLowerDownRight,mouthFunnel,cheekSquintLeft,cheekSquintRight\n"
            "0,0.2,0.8,0.1,0.6,0.1,0,0,0.0,0.0001,0.0\n0.1,0.2,0.8,0.1,0.0,0.0,0,0,0.0,0.0,0.0002\n")
    series = evidence.read(table(tmp_path, text))
    assert at(series, 12) == pytest.approx([4.0, 0.5])
    assert at(series, 1) == pytest.approx([1.0, 1.0])
    assert at(series, 25) == pytest.approx([2.5, 2.5]), "the jaw opens 0.6, the lips close 0.1 of it again"
    assert at(series, 27) == pytest.approx([1.0, 1.0])
    assert not series.measured[au_index(6)], "MediaPipe never moves cheekSquint: that is no measurement of AU6"
    assert not series.measured[au_index(9)]


def test_live_link_face_timecode(tmp_path):
    text = ("Timecode,BlendShapeCount,EyeBlinkLeft,EyeBlinkRight,BrowInnerUp,JawOpen,MouthFunnel\n"
            "10:00:59:29.500,61,1.0,1.0,0.1,0.0,0.0\n10:01:00:00.500,61,0.5,0.5,0.1,0.0,0.0\n"
            "10:01:01:29.000,61,0.5,0.5,0.1,0.0,0.0\n")
    series = evidence.read(table(tmp_path, text))
    assert series.times == pytest.approx([0, 1 / 30, 2 - 0.5 / 30])
    assert at(series, 45) == [5, 5]
    assert not series.measured[au_index(43)]


def test_blend_shapes_of_a_photograph_close_the_eyes(tmp_path):
    text = "eyeBlinkLeft,eyeBlinkRight,browInnerUp,jawOpen,mouthFunnel\n0.8,0.8,0,0,0\n"
    series = evidence.read(table(tmp_path, text))
    assert at(series, 43) == [4, 4]
    assert not series.measured[au_index(45)]


@pytest.mark.parametrize("code, expected", [
    ("1+2+5D", {1: [3, 3], 2: [3, 3], 5: [4, 4]}), ("L14B", {14: [2, 0]}), ("R12E+L12A", {12: [1, 5]}),
    ("AU4 + 7C", {4: [3, 3], 7: [3, 3]})])
def test_facs_strings(code, expected):
    series = evidence.parse_facs(code)
    assert evidence.looks_like_facs(code)
    assert {AUS[k]: series.intensity[0, k].tolist() for k in np.flatnonzero(series.intensity[0].max(1))} == expected
    assert series.measured.all()
    assert series.estimator == "hand"


def test_what_a_coder_could_not_score_is_masked():
    series = evidence.parse_facs("6C+12D+25X")
    assert not series.measured[au_index(25)]
    assert np.isnan(series.intensity[0, au_index(25)]).all()


@pytest.mark.parametrize("code, message", [("1+2+banana", "'banana' is not a FACS code"), ("3", "unknown action"),
                                           ("12C+L12B", "coded twice"), ("", "is not a FACS code")])
def test_bad_facs_strings(code, message):
    with pytest.raises(InputError, match=message):
        evidence.parse_facs(code)


@pytest.mark.parametrize("code, used, told", [
    ("1+2+99+5D", "1+2+5D", ["AU99"]), ("4D+7Q+L23C", "4D+L23C", ["7Q: 'Q' is no FACS intensity"]), ("6C+12D", "6C+12D", [])])
def test_what_is_no_code_of_a_known_unit_is_named_and_the_rest_used(code, used, told):
    assert evidence.looks_like_facs(code)
    series, clean = evidence.parse_facs(code), evidence.parse_facs(used)
    assert np.array_equal(series.intensity, clean.intensity, equal_nan=True)
    assert len(series.notices) == len(clean.notices) + len(told)
    assert all(any(words in notice for notice in series.notices) for words in told)


def test_a_neutral_face_is_coded_0():
    assert evidence.looks_like_facs("0")
    assert (evidence.parse_facs("0").intensity == 0).all()
    assert evidence.parse_facs("0").measured.all()


@pytest.mark.parametrize("name", ["photo.jpg", "12.jpg", "1+2.csv", "", "../4", "7Q", "a+4"])
def test_file_names_are_not_facs_codes(name):
    assert not evidence.looks_like_facs(name)


def test_hand_codes_from_a_table_and_a_text_file(tmp_path):
    series = evidence.read(table(tmp_path, "AU,side,intensity,timestamp\n12,left,D,0.5\nAU06,both,2.5,0.5\n4,,B,1.5\n"))
    assert series.times.tolist() == [0.5, 1.5]
    assert (at(series, 12), at(series, 6), at(series, 4, 1), at(series, 12, 1)) == ([4, 0], [2.5, 2.5], [2, 2], [0, 0])
    assert at(evidence.read(table(tmp_path, "6B+12C\n", "smile.facs")), 12) == [3, 3]


# --- what goes wrong ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, message", [
    ("frame,timestamp,success,AU01_r\n1,0,1,2\n2,0.1,1,abc\n", "row 3, column AU01_r: 'abc' is not a number"),
    ("frame,timestamp,success,AU01_r\n1,0,1,inf\n", "no frame was measured"),
    ("frame,timestamp,success,AU01_r\n1,0,1,7\n", "row 2, column AU01_r: 7 is out of range"),
    ("frame,timestamp,success,AU01_r\n1,0,1\n", "row 2 has 3 cells, the header 4 columns"),
    ("frame,timestamp,success,AU01_r\n1,soon,1,1\n", "row 2, column timestamp: 'soon' is not a number"),
    ("frame,timestamp,success,AU01_r\n", "a header but no rows"),
    ("frame,timestamp,success,AU01_r\n1,0,0,1\n", None),
    ("timestamp,AU01_r,AU01_r\n0,1,1\n", "the column 'AU01_r' occurs twice"),
    ("timestamp,AU01_r\n0,\n", "no action unit in it has a value"),
    ("", "the file is empty"),
    ("a,b\n1,2\n", "not a table of action units"),
    ("x" + ",x" * 2500, "2501 columns"),
    ("timestamp,AU01_left,AU01_confidence\n0,1,1\n", "the column AU01_right is missing"),
    ("AU,side,intensity\n12,up,B\n", "row 2, column side: 'up' is not a side"),
    ("AU,side,intensity\n12,left,F\n", "row 2: intensity 'F' is neither"),
    ("AU,side,intensity\n99,left,B\n", "unknown action unit '99'"),
    ("Timecode,browInnerUp,jawOpen,mouthFunnel\nnoon,0,0,0\n", "'noon' is not HH:MM:SS:FF"),
])
def test_bad_tables_name_the_row_and_the_column(tmp_path, text, message):
    path = table(tmp_path, text)
    if message is None:  # a face that was never tracked is a table without values at all visible moments
        assert np.isnan(evidence.read(path).intensity).all()
        return
    with pytest.raises(InputError, match=message) as caught:
        evidence.read(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("t.csv: ") or "unknown action unit" in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", b"timestamp,AU01_r\n0,\x001\n", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_bytes_that_are_no_text(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError):
        evidence.read(tmp_path / "t.csv")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"faces": 3}', '{"faces": []}', '{"aus": []}', "[" * 100_000])
def test_bad_json(tmp_path, text):
    with pytest.raises(InputError, match=r"t\.json: "):
        evidence.read(table(tmp_path, text, "t.json"))


def test_limits_on_size(tmp_path, monkeypatch):
    path = table(tmp_path, OPENFACE)
    monkeypatch.setattr(evidence, "MAX_ROWS", 2)
    with pytest.raises(InputError, match="more than 2 rows"):
        evidence.read(path)
    monkeypatch.setattr(evidence, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        evidence.read(path)


def test_missing_file_and_missing_face(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        evidence.read(tmp_path / "none.csv")
    evidence.write_csv(tmp_path / "two.csv", [series_of(face_id=0), series_of(face_id=3)])
    with pytest.raises(InputError, match=r"several faces\. Choose one of the faces 0 3"):
        evidence.read(tmp_path / "two.csv")
    with pytest.raises(InputError, match="no face 1"):
        evidence.read(tmp_path / "two.csv", face_id=1)
    assert evidence.read(tmp_path / "two.csv", face_id=3).face_id == 3


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        evidence.write_csv(tmp_path / "no" / "au.csv", [series_of()])
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="development samples are not here (EMOLLM_DEV_DATA)")
@pytest.mark.parametrize("clip", [2, 3, 7, 12])
def test_real_openface_tables(clip):
    path = SAMPLES / f"openface_clip{clip}.csv"
    for series in evidence.read_all(path):
        rows = [r for r in csv.DictReader(path.open()) if int(r["face_id"]) == series.face_id]
        assert len(series.times) == len(rows)
        assert series.measured.sum() == 18
        tracked = [r["success"] == "1" for r in rows]
        assert np.isfinite(series.intensity[:, au_index(12), 0]).tolist() == tracked
        column = [float(r["AU12_r"]) if ok else math.nan for r, ok in zip(rows, tracked, strict=True)]
        np.testing.assert_allclose(series.intensity[:, au_index(12), 1], column)
