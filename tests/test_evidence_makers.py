"""Tables of other makers: read on their own terms, or refused by name."""

import json

import numpy as np
import pytest

from emollm import evidence
from emollm.evidence import read_faces
from emollm.perception import sniff
from emollm.schema import AUS, InputError, au_index

SHAPES = {"_neutral": 0.0, "browInnerUp": 0.1, "browDownLeft": 0.2, "browDownRight": 0.1, "mouthSmileLeft": 0.6,
          "mouthSmileRight": 0.4, "jawOpen": 0.1}


def result(key: str, name: str, number: int, nested: bool = False) -> dict:
    """What MediaPipe's Face Landmarker gives for one frame."""
    shapes = [{"index": k, "score": v, name: n, "displayName": ""} for k, (n, v) in enumerate(SHAPES.items())]
    return {key: [shapes if nested else {"categories": shapes, "headIndex": -1}], "faceLandmarks": []} | (
        {"timestamp_ms": number * 40} if nested else {"timestamp": number * 40.0})


@pytest.mark.parametrize("stored", [
    [result("faceBlendshapes", "categoryName", k) for k in range(5)],
    {"results": [result("face_blendshapes", "category_name", k, nested=True) for k in range(5)]},
    [{"time": k / 25, "blendshapes": SHAPES} for k in range(5)]])
def test_blend_shapes_as_mediapipe_gives_them(stored, tmp_path):
    path = tmp_path / "web.json"
    path.write_text(json.dumps(stored))
    for source in (path, path.read_bytes()):
        (face,) = read_faces(source)
        assert face.series.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
        assert face.series.intensity[0, AUS.index(12)].tolist() == pytest.approx([3.0, 2.0])


def test_one_result_and_two_faces(tmp_path):
    one = result("faceBlendshapes", "categoryName", 0)
    one["faceBlendshapes"] *= 2
    path = tmp_path / "web.json"
    path.write_text(json.dumps(one))
    assert [face.series.face_id for face in read_faces(path)] == [0, 1]


@pytest.mark.parametrize(("ending", "text", "words"), [
    (".csv", "Timestamp,Joy,BrowRaise,Smile\n0,0.1,12.5,98.1\n", "Affectiva"),
    (".csv", "#INFO\n#DATA\nRow,Timestamp,Brow Furrow,Brow Raise,Smile\n1,0,3.2,12.5,98.1\n", "Affectiva"),
    (".txt", "Video Time\tNeutral\tAction Unit 01 - Inner Brow Raiser\n00:00:00.040\t0.1\tA\n", "FaceReader"),
    (".txt", "Video analysis detailed log\nFace Model:\tGeneral\n\nVideo Time\tNeutral\n00:00\t0.1\n", "FaceReader"),
    (".csv", b"\x1f\x8b\x08\0\0", "gzip"), (".csv", b"PK\x03\x04", "workbook"), (".csv", "frame,AU12_r\n1,C\n", "not a number"),
    (".csv", "frame,AU12_r\n1,80\n", "out of range"), (".csv", "<table><tr><td>AU12_r\n", "not a table")])
def test_what_is_known_and_not_read_is_named(ending, text, words, tmp_path):
    path = tmp_path / f"x{ending}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=words) as refused:
        read_faces(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("cells", [[1714557600000 + 40 * k for k in range(4)], [1714557600000000 + 40000 * k for k in range(4)],
                                   [f"2024-05-01T10:00:00.{40 * k:03d}Z" for k in range(4)],
                                   [f"2024-05-01 10:00:00.{40 * k:03d}" for k in range(4)],
                                   [1714557600 + 0.04 * k for k in range(4)]])
def test_clocks_since_1970_and_dates(cells, tmp_path):
    path = tmp_path / "of.csv"
    path.write_text("timestamp,AU12_r\n" + "".join(f"{cell},2\n" for cell in cells))
    (face,) = read_faces(path)
    assert face.series.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12], abs=1e-5)
    assert any("far date" in notice for notice in face.series.notices)


@pytest.mark.parametrize("text", [
    '"";"frame";"timestamp";"AU12_r"\n"1";1;0,0;2,5\n"2";2;0,04;2,5\n',
    '"frame" "timestamp" "AU12_r"\n"1" 1 0.0 2.5\n"2" 2 0.04 2.5\n',
    "sep=;\r\nframe;timestamp;AU12_r\r\n1;0,0;2,5\r\n2;0,04;2,5\r\n", "frame\ttimestamp\tAU12_r\n1\t0.0\t2.5\n2\t0.04\t2.5\n",
    "frame_idx,frame_time_in_ms,au_12_intensity\n0,0.0,2.5\n1,40.0,2.5\n"])
def test_exports_of_r_and_excel(text, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text)
    (face,) = read_faces(path)
    assert face.series.times.tolist() == pytest.approx([0, 0.04])
    assert face.series.intensity[:, AUS.index(12), 0].tolist() == [2.5, 2.5]


ROWS = [[k + 1, f"{k / 30:.3f}", 2.5, 3.0, 1.0] for k in range(8)]
PLAIN = ["frame", "timestamp", "AU06_r", "AU12_r", "AU25_r"]


def series_of(tmp_path, text, name="x.csv"):
    path = tmp_path / name
    path.write_text(text)
    return evidence.read(path)


def table(header, rows=ROWS, sign=","):
    return "\n".join(sign.join(map(str, row)) for row in [header, *rows]) + "\n"


def alike(one, other):
    np.testing.assert_allclose(one.intensity, other.intensity)
    np.testing.assert_allclose(one.times, other.times, atol=1e-9)


@pytest.mark.parametrize("spelled", ["AU_{}_r", "au_{:02d}_r", "AU {} (intensity)", "AU{:02d} Intensity", "AU{}_intensity",
                                     "AU{}(r)", "OpenFace_AU{:02d}_r", "AU{:02d}_r (0-5)", "intensity AU{}"])
def test_near_spellings_of_a_unit(spelled, tmp_path):
    """Every word of the name is known, and says the same."""
    alike(series_of(tmp_path, table(["frame", "timestamp", *(spelled.format(n) for n in (6, 12, 25))])),
          series_of(tmp_path, table(PLAIN)))


@pytest.mark.parametrize("spelled", ["AU{}_r_mean", "AU{:02d} z-score", "sd(AU{})"])
def test_a_name_with_an_unknown_word_is_refused_with_the_names_that_are_known(spelled, tmp_path):
    with pytest.raises(InputError, match=r"columns such as '.*6.*' name action units .* not known\. Name them AU12_r"):
        series_of(tmp_path, table(["frame", "timestamp", *(spelled.format(n) for n in (6, 12, 25))]))


@pytest.mark.parametrize(("spelled", "sides"), [
    ("AU{:02d}_{}", ("L", "R")), ("au{}{}", ("L", "R")), ("AU{:02d} ({})", ("L", "R")), ("AU{:02d}_{}", ("left", "right"))])
def test_sides_are_no_intensities_of_the_whole_face(spelled, sides, tmp_path):
    """AU12_R beside AU12_L is the right side; alone it is OpenFace's intensity."""
    columns = [spelled.format(n, side) for n in (6, 12) for side in sides]
    read = series_of(tmp_path, table(["frame", "timestamp", *columns], [[k, k / 30, 2, 0, 3, 1] for k in range(3)]))
    np.testing.assert_allclose(read.intensity[:, au_index(12)], [[3, 1]] * 3)
    assert "both sides" in read.notices[0] and read.confidence[0, au_index(12)] == 1


@pytest.mark.parametrize(("name", "cell"), [
    ("Time [s]", lambda k: k / 25), ("Time (ms)", lambda k: 40 * k), ("time_sec", lambda k: k / 25),
    ("t [ms]", lambda k: 40 * k),
    ("Timestamp (\u00b5s)", lambda k: 40_000 * k), ("elapsed_ms", lambda k: 40 * k),
    ("Video Time", lambda k: f"0:00:00.{40 * k:03d}"),
    ("unix_time", lambda k: f"{1714557600 + k / 25:.3f}"), ("TimeStamp_ns", lambda k: (1714557600 * 25 + k) * 40_000_000),
    ("datetime", lambda k: f"2024-05-01 10:00:00.{40 * k:03d}"), ("time", lambda k: f"01/05/2024 10:00:00.{40 * k:03d}"),
    ("time", lambda k: f"05/31/2024 10:00:00.{40 * k:03d} AM"), ("time", lambda k: f"0 days 00:00:00.{40 * k:03d}000")])
def test_clocks_of_every_name_and_unit(name, cell, tmp_path):
    read = series_of(tmp_path, table([name, "AU12_r"], [[cell(k), 3] for k in range(6)]))
    np.testing.assert_allclose(read.times, np.arange(6) / 25, atol=1e-6)


@pytest.mark.parametrize("name", ["Frame #", "Frame No.", "FrameIndex", "video_frame", "frame_nr"])
def test_frame_numbers_of_every_name(name, tmp_path):
    read = series_of(tmp_path, table([name, "AU12_r"], [[2 * k, 3] for k in range(6)]))  # from 0, though OpenFace counts from 1
    np.testing.assert_allclose(read.times, np.arange(6) * 2 / 30)


def test_a_timecode_outside_live_link(tmp_path):
    cells = [f"01:00:{k // 25:02d}:{k % 25:02d}" for k in range(60)]
    read = series_of(tmp_path, table(["Timecode", "AU12_r"], [[cell, 3] for cell in cells]))
    np.testing.assert_allclose(read.times, np.arange(60) / 25)


RECORDS = [dict(zip(PLAIN, map(float, row), strict=True)) for row in ROWS]


@pytest.mark.parametrize(("name", "stored"), [
    ("x.ndjson", "\n".join(map(json.dumps, RECORDS))), ("x.jsonl", "\n\n".join(map(json.dumps, RECORDS)) + "\n"),
    ("x.json", "\n".join(map(json.dumps, RECORDS))), ("x.json", json.dumps({"fps": 30, "frames": RECORDS})),
    ("x.json", json.dumps({"columns": PLAIN, "data": [list(map(float, row)) for row in ROWS]})),
    ("x.json", json.dumps({"schema": {"fields": [{"name": c} for c in PLAIN]}, "data": RECORDS})),
    ("x.json", json.dumps({str(k): row for k, row in enumerate(RECORDS)})),
    ("x.json", json.dumps([{"frame": r["frame"], "time": r["timestamp"], "aus": {c: r[c] for c in PLAIN[2:]}}
                           for r in RECORDS])),
    ("x.json", json.dumps([{"frame": r["frame"], "time": r["timestamp"], **{c[:4]: {"intensity": r[c]} for c in PLAIN[2:]}}
                           for r in RECORDS]))])
def test_json_in_every_form_that_programs_write(name, stored, tmp_path):
    alike(series_of(tmp_path, stored, name), series_of(tmp_path, table(PLAIN)))


def test_json_lines_that_break_off_and_those_of_a_batch(tmp_path):
    lines = list(map(json.dumps, RECORDS))
    read = series_of(tmp_path, "\n".join([*lines, lines[0][:30]]), "x.jsonl")
    assert len(read.times) == 8 and read.notices[0] == "line 9 is cut off and was left out"
    with pytest.raises(InputError, match="line 2 is no JSON"):
        series_of(tmp_path, "\n".join([lines[0], "{", lines[1]]), "x.jsonl")
    with pytest.raises(InputError, match=r"answers of a batch, no table\. Requests are for: emollm caption x"):
        series_of(tmp_path, json.dumps({"custom_id": "1", "body": {}}), "x.jsonl")


@pytest.mark.parametrize(("above", "notice"), [
    ("Recording made by the lab, room 3\n", "1 line above the header left out"),
    ("Subject;12\nCamera;left\n\n", "2 lines above the header left out")])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_lines_above_the_header(above, notice, sign, tmp_path):
    read = series_of(tmp_path, above + table(PLAIN, sign=sign))
    alike(read, series_of(tmp_path, table(PLAIN)))
    assert notice in read.notices


def test_a_row_of_units_blanks_that_fill_columns_up_and_a_melted_table(tmp_path):
    plain = series_of(tmp_path, table(PLAIN))
    read = series_of(tmp_path, table(PLAIN, [["#", "s", "0-5", "0-5", "0-5"], *ROWS]))
    alike(read, plain)
    assert "the row of units below the header was left out" in read.notices
    alike(series_of(tmp_path, "\n".join("".join(f"{cell!s:>12}" for cell in row) for row in [PLAIN, *ROWS]), "x.txt"), plain)
    melted = [[row[1], unit, cell] for row in ROWS for unit, cell in zip(PLAIN[2:], row[2:], strict=True)]
    alike(series_of(tmp_path, table(["timestamp", "variable", "value"], melted)), plain)


@pytest.mark.parametrize("code", ["-1", "-9", "-99", "-999", "999", "9999"])
def test_a_code_for_no_value_is_one_where_nothing_else_is_off_the_scale(code, tmp_path):
    rows = [[*row[:2], code, *row[3:]] if k in (2, 3) else row for k, row in enumerate(ROWS)]
    read = series_of(tmp_path, table(PLAIN, rows))
    assert np.isnan(read.intensity[2:4, au_index(6)]).all() and np.isfinite(read.intensity[:, au_index(12)]).all()
    assert f"{code} is taken as no value (2 cells)" in read.notices
    rows[5] = [*rows[5][:2], 7, *rows[5][3:]]
    with pytest.raises(InputError, match="out of range"):
        series_of(tmp_path, table(PLAIN, rows))


def test_tables_one_below_the_other_are_refused(tmp_path):
    with pytest.raises(InputError, match="row 6 repeats the header: tables stand one below the other"):
        series_of(tmp_path, table(PLAIN, [*ROWS[:4], PLAIN, *ROWS[:3]]))


def test_participants_are_people(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(table(["participant", *PLAIN], [[name, *row] for name in ("P01", "P02") for row in ROWS]))
    assert [face.series.intensity.shape[0] for face in evidence.read_faces(path)] == [8, 8]


@pytest.mark.parametrize("code", ["AU06B, AU12C", "6B 12C", "6b; 12c", "AU6B + AU12C"])
def test_codes_in_every_usual_list(code, tmp_path):
    alike(evidence.read(code), evidence.read("6B+12C"))
    alike(series_of(tmp_path, f"{code}\n", "x.txt"), evidence.read("6B+12C"))


@pytest.mark.parametrize(("content", "words"), [
    (b"$FL2@(#) SPSS", "SPSS"), (b"<stata_dta>", "Stata"), (b"RDX3\n", "write.csv"), (b"SQLite format 3\0", "database"),
    (b"\x80\x04\x95\x10", "never opened"), (b"MATLAB 5.0 MAT", "writetable"), (b"@relation x", "ARFF")])
def test_files_of_statistics_programs_are_named_with_what_to_do(content, words):
    assert words in sniff.describe(content + bytes(200))
