"""Tables as people bring them: each stands for a kind that programs of this trade write, with its bad twin."""

import csv
import io
import json

import numpy as np
import pytest

from emollm import evidence
from emollm.schema import AUS, AUSeries, InputError, NoFaceError, au_index

R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
C = (*R[:-1], 28, 45)
OPENFACE = [
    "frame",
    "face_id",
    "timestamp",
    "confidence",
    "success",
    *(f"AU{n:02d}_r" for n in R),
    *(f"AU{n:02d}_c" for n in C),
]
FEAT = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
AU02 = OPENFACE.index("AU02_r")


def openface(i, smile=3.0, face=0, time=None, confidence="0.98", success="1"):
    levels = {6: smile, 12: smile, 25: smile / 2}
    return [
        str(i + 1),
        str(face),
        f"{i / 30 if time is None else time:.3f}",
        confidence,
        success,
        *(f"{levels.get(n, 0):.2f}" for n in R),
        *(f"{float(levels.get(n, 0) >= 1):.1f}" for n in C),
    ]


def feat(smile=0.9):
    return [str(smile if n in (6, 12, 25) else 0.02) for n in FEAT]


BASE = [openface(i) for i in range(20)]


def text(rows, header=OPENFACE, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


@pytest.fixture
def read(tmp_path):
    def of(content, name="t.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return evidence.read_faces(path, **options)

    return of


def said(faces, words):
    assert any(words in notice for notice in faces[0].series.notices), faces[0].series.notices


def same(faces, other):
    assert len(faces) == len(other)
    for a, b in zip(faces, other, strict=True):
        np.testing.assert_allclose(a.series.times, b.series.times, atol=1e-3)
        np.testing.assert_allclose(a.series.intensity, b.series.intensity)
        np.testing.assert_allclose(a.series.confidence, b.series.confidence)
        assert a.series.measured.tolist() == b.series.measured.tolist()


# --- dialects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(read, coding):
    rows = [[*row, "Grüße"] for row in BASE]
    same(read(text(rows, [*OPENFACE, "Größe"]).encode(coding)), read(text(BASE)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_delimiters(read, delimiter):
    same(read(text(BASE, delimiter=delimiter)), read(text(BASE)))


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_decimal_comma(read, delimiter):
    """With commas between the cells, cells that hold one are quoted."""
    same(read(text([[cell.replace(".", ",") for cell in row] for row in BASE], delimiter=delimiter)), read(text(BASE)))


UNTIMED = [name for name in OPENFACE if name != "timestamp"]
LATE = [[cell for cell, name in zip(openface(i), OPENFACE, strict=True) if name != "timestamp"] for i in range(995, 1010)]


@pytest.mark.parametrize("mark", [",", ".", " ", "'", "\u202f", "\u00a0"])
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_thousands_in_a_column_of_frame_numbers(read, mark, delimiter):
    """1,000 among frame numbers is a thousand, whichever mark its decimals have."""
    grouped = [[f"{int(row[0]):,}".replace(",", mark), *row[1:]] for row in LATE]
    if mark == ".":  # where points group, commas are decimal
        grouped = [[row[0], *(cell.replace(".", ",") for cell in row[1:])] for row in grouped]
    same(read(text(grouped, UNTIMED, delimiter)), read(text(LATE, UNTIMED)))


@pytest.mark.parametrize(("times", "decimal", "expected"), [
    (["998", "999.5", "1,001", "1,002.5"], ".", [0.998, 0.9995, 1.001, 1.0025]),
    (["998", "999,5", "1.001", "1.002,5"], ",", [0.998, 0.9995, 1.001, 1.0025]),
    (["0,967", "1,000", "1,033", "1,067"], ",", [0.000967, 0.001, 0.001033, 0.001067]),
    (["1,033", "1,067", "1,100", "1,133"], ",", [0.001033, 0.001067, 0.0011, 0.001133]),
    (["1,033", "1,067", "1,100", "1,133"], ".", [1.033, 1.067, 1.1, 1.133]),
    (["1 033.5", "1 067", "1'100", "1 133"], ".", [1.0335, 1.067, 1.1, 1.133])])
def test_a_mark_in_a_clock_is_decided_over_its_column_then_over_the_table(read, times, decimal, expected):
    rows = [[str(k), time, f"{0.25 * k:.2f}".replace(".", decimal)] for k, time in enumerate(times)]
    (face,) = read(text(rows, ["frame", "time_ms", "AU12_r"], ";"))
    np.testing.assert_allclose(face.series.times, expected)
    np.testing.assert_allclose(face.series.intensity[:, au_index(12), 0], [0, 0.25, 0.5, 0.75])


def test_three_decimals_throughout_are_decimals(read):
    """A frame column that a statistics program wrote as 1,000 2,000 3,000 counts from one, in steps of one."""
    rows = [[f"{k + 1},000", f"{k},000"] for k in range(4)]
    (face,) = read(text(rows, ["frame", "AU12_r"], ";"), fps=25)
    np.testing.assert_allclose(face.series.times, [0, 0.04, 0.08, 0.12])
    np.testing.assert_allclose(face.series.intensity[:, au_index(12), 0], range(4))


def test_thousands_in_a_long_table(read):
    rows = [[f"{frame:,}", au, "2.5"] for frame in (999, 1000, 1001) for au in ("AU12", "AU06")]
    (face,) = read(text(rows, ["frame", "au", "intensity"]), fps=1000)
    np.testing.assert_allclose(face.series.times, [0.999, 1.0, 1.001])


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace("\n", "\r\n"),
        lambda content: content.replace("\n", "\r"),
        lambda content: "sep=,\n" + content,
        lambda content: "# made by hand\n\n" + content,
        lambda content: content + "\n\n",
        lambda content: "\n".join(f'"{line.replace(",", chr(34) + "," + chr(34))}"' for line in content.splitlines()),
        lambda content: "\n".join(line + "," for line in content.splitlines()),
        lambda content: content.split("\n")[0] + "\n" + "\n".join(line + "," for line in content.splitlines()[1:]),
    ],
)
def test_line_ends_quotes_comments_and_trailing_delimiters(read, change):
    same(read(change(text(BASE))), read(text(BASE)))


@pytest.mark.parametrize(
    "header",
    [["", *OPENFACE], ["X", *OPENFACE], ["...1", *OPENFACE], ["Unnamed: 0", *OPENFACE], ["index", *OPENFACE], OPENFACE],
)
def test_row_names(read, header):
    """R, readr, pandas and Excel; the last is R's write.table, whose header does not count the row names."""
    same(read(text([[str(i + 1), *row] for i, row in enumerate(BASE)], header)), read(text(BASE)))


@pytest.mark.parametrize(
    "rename",
    [
        lambda c: f" {c}",
        lambda c: f"X.{c}",
        lambda c: c.replace("_", "."),
        lambda c: c.upper(),
        lambda c: c.lower(),
        lambda c: f'"{c}"',
    ],
)
def test_renamed_columns(read, rename):
    same(read(text(BASE, list(map(rename, OPENFACE)))), read(text(BASE)))


@pytest.mark.parametrize(
    "word",
    [
        "NA",
        "N/A",
        "#N/A",
        "NaN",
        "nan",
        "nan(ind)",
        "-nan",
        "-nan(ind)",
        "null",
        "NULL",
        "None",
        ".",
        "-",
        "--",
        "1.#QNAN",
        "-1.#IND",
        "<NA>",
        "NaT",
        "?",
        "",
        "  ",
        "#DIV/0!",
        "inf",
        "-Infinity",
    ],
)
def test_every_word_for_no_value(read, word):
    rows = [list(row) for row in BASE]
    rows[3][AU02] = rows[3][OPENFACE.index("AU02_c")] = word
    (face,) = read(text(rows))
    assert np.isnan(face.series.intensity[3, au_index(2)]).all()
    assert np.isfinite(face.series.intensity[[2, 4], au_index(2)]).all()
    assert np.isfinite(face.series.intensity[3, au_index(12)]).all()


@pytest.mark.parametrize("word", ["n", "zero", "0x1", "1_0", "1e", "1.2.3", "1,2,3"])
def test_a_word_that_is_no_number_is_named_with_its_place(read, word):
    rows = [list(row) for row in BASE]
    rows[3][AU02] = word
    with pytest.raises(InputError, match=rf"row 5, column AU02_r: '{word}' is not a number"):
        read(text(rows))


def test_a_cut_last_row_is_left_out_and_said(read):
    faces = read(text([*BASE[:-1], BASE[-1][:9]]))
    said(faces, "row 21 is cut off after 9 of 40 cells and was left out")
    same(faces, read(text(BASE[:-1])))
    with pytest.raises(InputError, match="row 3 has 9 cells, the header 40"):
        read(text([BASE[0], BASE[1][:9], BASE[2]]))


def test_a_header_behind_a_comment_sign(read):
    """As numpy's savetxt writes it."""
    same(read("# of frames\n# " + text(BASE)), read(text(BASE)))


def test_a_workbook_is_named(read):
    with pytest.raises(InputError, match=r"this is a workbook .* Save the sheet as CSV"):
        read(b"PK\x03\x04rest")


def test_bytes_of_no_encoding(read):
    with pytest.raises(InputError, match="not UTF-8 text, nor UTF-16 or Windows-1252"):
        read(b"frame,AU01_r\n0,\x81\n")


def test_limits_count_the_columns_that_are_used(read, monkeypatch):
    """A current py-feat table has 1,998 columns beside its action units."""
    more = [
        *(f"Identity_{k}" for k in range(1, 513)),
        *(f"mesh_{axis}_{k}" for axis in "xyz" for k in range(478)),
        "browInnerUp",
        "jawOpen",
        "mouthFunnel",
        "mouthPucker",
        "mouthClose",
        *(f"shape{k}" for k in range(47)),
    ]
    header = [*more, "input", "frame", "approx_time", *(f"AU{n:02d}" for n in FEAT)]
    rows = [["0.5"] * len(more) + ["a.mp4", str(i * 30), f"00:{i:02d}", *feat()] for i in range(4)]
    (face,) = read(text(rows, header))
    assert (face.series.estimator, face.picture, face.series.times.tolist()) == ("py-feat", "a.mp4", [0, 1, 2, 3])
    assert [AUS[k] for k in np.flatnonzero(face.series.measured)] == list(FEAT)
    assert face.series.intensity[0, au_index(12)].tolist() == pytest.approx([2.65, 2.65])
    monkeypatch.setattr(evidence, "MAX_COLUMNS", 10)
    with pytest.raises(InputError, match="columns would be used, at most 10"):
        read(text(rows, header))


# --- scales ------------------------------------------------------------------------------------------------------


def test_rounding_past_an_end_is_clipped_and_counted(read):
    faces = read(text([[*row[:AU02], "-0.01", *row[AU02 + 1 :]] for row in BASE]))
    said(faces, "20 values just outside 0 to 5 set to its end (AU02_r)")
    same(faces, read(text(BASE)))
    shapes = read("timestamp,jawOpen,mouthFunnel\n0,1.04,0\n1,0.5,0\n")
    assert shapes[0].series.intensity[0, au_index(26)].tolist() == [5, 5]
    said(shapes, "1 value just outside 0 to 1")


@pytest.mark.parametrize(
    "content, words",
    [
        ("frame,timestamp,success,AU01_r\n1,0,1,62\n", "62 is out of range .* an intensity from 0 to 5"),
        ("frame,AU01,AU02\n0,4.5,0\n", "4.5 is out of range .* py-feat's probability .*AUxx_r would be an intensity"),
        ("timestamp,jawOpen,mouthFunnel\n0,55,0\n", "55 is out of range .* a blend shape's coefficient, 0 to 1"),
    ],
)
def test_another_scale_is_refused_naming_the_one_assumed(read, content, words):
    with pytest.raises(InputError, match=words):
        read(content)


def test_confidence_in_percent(read):
    faces = read(text([openface(i, confidence="98") for i in range(20)]))
    said(faces, "confidence is given in percent")
    same(faces, read(text(BASE)))


def test_the_kind_is_told_from_the_columns_and_stated(read):
    for content, kind in (
        (text(BASE), "an OpenFace table"),
        ("frame,AU01\n0,0.5\n", "py-feat"),
        ("au_1,au_2_intensity\n1,2\n", "LibreFace"),
        ("jawOpen\n0.5\n", "blend shapes"),
        ("AU,side,intensity\n12,,B\n", "a coder's table"),
        ("time,au,intensity\n0,12,2\n", "a long table"),
    ):
        said(read(content), f"read as {kind}" if kind not in ("py-feat", "LibreFace", "blend shapes") else kind)
    with pytest.raises(InputError, match="none of its 2 columns is known"):
        read("a,b\n1,2\n")


# --- clocks ------------------------------------------------------------------------------------------------------


def timed(times, frames=None):
    header = ["frame", "timestamp", "AU12_r"] if frames is not None else ["timestamp", "AU12_r"]
    rows = [[str(t), f"{k % 5}"] for k, t in enumerate(times)]
    return text([[str(f), *row] for f, row in zip(frames, rows, strict=True)] if frames is not None else rows, header)


@pytest.mark.parametrize(
    "times, words",
    [
        ([0.0, 0.04, 0.04, 0.12, 0.16], "does not move forward at row 4"),
        ([0, 0, 0, 0, 0], "stands still"),
        ([0.0, 0.04, "", 0.12, 0.16], "is empty in 1 of 5 rows"),
        ([""] * 5, "there is no clock"),
    ],
)
def test_a_clock_that_does_not_run_gives_way_to_frame_numbers(read, times, words):
    faces = read(timed(times, [1, 2, 3, 4, 5]), fps=25)
    said(faces, words)
    assert faces[0].series.times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert faces[0].series.intensity[:, au_index(12), 0].tolist() == [0, 1, 2, 3, 4]


def test_without_a_clip_the_rate_is_stated(read):
    faces = read(timed([""] * 4, [1, 2, 3, 4]))
    said(faces, "frame numbers at 30 frames a second are used")
    assert faces[0].series.times == pytest.approx(np.arange(4) / 30)


def test_a_clock_that_passes_midnight(read):
    faces = read(timed(["23:59:58", "23:59:59", "00:00:00", "00:00:01"]))
    said(faces, "passes midnight")
    assert np.diff(faces[0].series.times).tolist() == [1, 1, 1]
    live = "Timecode,JawOpen\n" + "".join(
        f"{clock}:00.5,0.{k}\n" for k, clock in enumerate(["23:59:58", "23:59:59", "00:00:00"], 1)
    )
    assert read(live)[0].series.times == pytest.approx([0, 1, 2])


def test_rows_out_of_order(read):
    faces = read(text(BASE[::-1]))
    said(faces, "in order of their frame numbers")
    same(faces, read(text(BASE)))
    said(read(timed([0.2, 0.1, 0.0])), "in order of time")


def test_a_live_link_clock_that_repeats_and_a_frame_without_a_face(read):
    codes = [f"10:00:{i // 60:02d}:{i % 60:02d}.123" for i in range(120)]
    rows = [[code, "61", "0.5", "0.5"] for code in codes]
    header = ["Timecode", "BlendShapeCount", "JawOpen", "MouthFunnel"]
    plain = read(text(rows, header))
    rows[70][0] = codes[69]
    faces = read(text(rows, header))
    said(faces, "the clock does not move forward at row 72: row numbers at 60 frames a second")
    same(faces, plain)
    rows[70] = [codes[70], "0"]
    faces = read(text(rows, header))
    said(faces, "1 row without a face left out")
    assert len(faces[0].series.times) == 119


def test_a_clock_that_is_no_clock(read):
    with pytest.raises(InputError, match="row 2, column timestamp: 'noon' is not a number of seconds"):
        read(timed(["noon", "1"]))


# --- people and pictures -----------------------------------------------------------------------------------------


def test_a_table_where_everything_is_lost_measured_no_frame(read):
    faces = read(text([openface(i, success="0", confidence="0.02") for i in range(5)]))
    assert not np.isfinite(faces[0].series.intensity).any()
    with pytest.raises(NoFaceError, match="no frame was measured"):
        read("timestamp,AU01_r\n0,NA\n1,\n")


def test_rows_without_a_face_are_no_person(read):
    rows = [row for i in range(5) for row in (openface(i), openface(i, face=1, success="0"))]
    faces = read(text(rows))
    assert [face.series.face_id for face in faces] == [0]
    said(faces, "face 1 was not measured in any row")
    box = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU12,frame,input,Identity\n"
    (face,) = read(f"{box}1,1,9,9,1,0.9,0,a.mp4,Person_0\n,,,,,,1,a.mp4,\n1,1,9,9,1,0.9,2,a.mp4,Person_0\n")
    assert face.series.times == pytest.approx([0, 2 / 30])


@pytest.mark.parametrize(
    "header, ids, notice",
    [
        (["face_id"], [["0"], ["1"]], ""),
        (["Identity"], [["Person_3"], ["Person_1"]], ""),
        ([], [[], []], "counted as they stand in each frame"),
    ],
)
def test_two_faces_of_a_py_feat_table(read, header, ids, notice):
    rows = [["a.mp4", str(i), *ids[k], *feat(p)] for i in range(5) for k, p in enumerate((0.9, 0.05))]
    faces = read(text(rows, ["input", "frame", *header, *(f"AU{n:02d}" for n in FEAT)]))
    assert [(face.series.face_id, len(face.series.times)) for face in faces] == [(0, 5), (1, 5)]
    assert faces[0].series.intensity[0, au_index(12), 0] > 2 > faces[1].series.intensity[0, au_index(12), 0]
    if notice:
        said(faces, notice)


def test_faces_without_a_name_go_from_left_to_right(read):
    rows = [["a.mp4", str(i), x, "1", "9", "9", *feat(p)] for i in range(3) for x, p in (("50", 0.9), ("5", 0.05))]
    faces = read(
        text(
            rows, ["input", "frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", *(f"AU{n:02d}" for n in FEAT)]
        )
    )
    said(faces, "from left to right")
    assert [face.boxes[0, 0] for face in faces] == [5, 50]
    assert faces[0].series.intensity[0, au_index(12), 0] < 1 < faces[1].series.intensity[0, au_index(12), 0]


def test_empty_face_numbers_are_one_face_and_some_are_an_error(read):
    same(read(text([[row[0], "", *row[2:]] for row in BASE])), read(text(BASE)))
    with pytest.raises(InputError, match="row 2, column face_id: is empty, but other rows name their face"):
        read(text([[BASE[0][0], "", *BASE[0][2:]], *BASE[1:]]))


def test_a_table_of_many_pictures(read):
    faces = read(text([[f"{i}.jpg", "0", *feat()] for i in range(5)], ["input", "frame", *(f"AU{n:02d}" for n in FEAT)]))
    assert [face.picture for face in faces] == [f"{i}.jpg" for i in range(5)]
    assert all(face.series.times.tolist() == [0] for face in faces)


def test_a_picture_of_two_faces_by_openface(read):
    faces = read(
        text([["0", "0.97", *openface(0)[5:]], ["1", "0.96", *openface(0, 0.0)[5:]]], ["face", "confidence", *OPENFACE[5:]])
    )
    assert [face.series.intensity[0, au_index(12), 0] for face in faces] == [3, 0]


# --- codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, content", [("codes.txt", "6C+12D\n"), ("codes.facs", "6C 12D"), ("UPPER.TXT", "\ufeff6C+12D\r\n")]
)
def test_files_of_codes(read, name, content):
    (face,) = read(content, name)
    assert face.series.intensity[0, [au_index(6), au_index(12)], 0].tolist() == [3, 4]
    assert evidence.is_table(name)


def test_a_text_file_may_hold_a_table(read):
    same(read(text(BASE, delimiter="\t"), "of.txt"), read(text(BASE)))


def test_units_that_emollm_does_not_know_are_named_and_left_out(read):
    series = evidence.parse_facs("6C+12D+16B")
    assert series.notices == ["AU16 is not among the 24 units; left out"]
    assert series.intensity[0, au_index(12)].tolist() == [4, 4]
    said(read("AU,side,intensity\n16,,B\n12,left,C\n"), "AU16 is not among the 24 units; left out")
    said(read("frame,AU12_r,AU16_r\n1,2,3\n"), "AU16 is not among the 24 units; left out")


def test_a_coded_trace_is_not_dropped_without_a_word():
    series = evidence.parse_facs("R12B+L14A")
    assert series.intensity[0, au_index(14)].tolist() == [1, 0]
    assert any("coded as a trace (A): AU14 (left); kept" in notice for notice in series.notices)


@pytest.mark.parametrize(
    "code, words",
    [("12F", "'F' is no FACS intensity"), ("U12B", "'U12B' is not a FACS code"), ("16+99", "unknown action unit '16'")],
)
def test_bad_codes(code, words):
    with pytest.raises(InputError, match=words):
        evidence.parse_facs(code)


# --- other carriers ----------------------------------------------------------------------------------------------


def test_parquet_frames_and_records_read_as_the_csv_does(read, tmp_path):
    import pandas
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    plain = read(text(BASE))
    arrow = arrow_csv.read_csv(tmp_path / "t.csv")
    parquet.write_table(arrow, tmp_path / "t.parquet")
    same(evidence.read_faces(tmp_path / "t.parquet"), plain)
    frame = pandas.read_csv(tmp_path / "t.csv")
    same(evidence.read_faces(frame), plain)
    for orient in ("records", "list", "dict"):
        same(read(json.dumps(frame.to_dict(orient)), "t.json"), plain)
    assert all(map(evidence.is_table, (frame, arrow, tmp_path / "t.parquet", "6C+12D", plain[0].series)))
    assert not any(
        map(evidence.is_table, ("photo.jpg", b"bytes", np.zeros((478, 478, 3), np.uint8), np.ones((2, 478, 3)), None))
    )
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="no Parquet file that can be read"):
        evidence.read_faces(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="column AU01_r: 'x' is not a number"):
        evidence.read_faces(frame.assign(AU01_r="x"))


LONG = """face_id,time,au,intensity,confidence
0,0.0,12,3,0.9
0,0.0,AU06,2.5,0.9
0,0.5,12,1,0.8
0,0.5,AU06,NA,0.8
1,0.0,12,0,1
1,0.5,12,0,1
"""


def test_long_tables(read):
    first, second = read(LONG)
    assert (first.series.times.tolist(), first.series.estimator) == ([0, 0.5], "table")
    assert first.series.intensity[:, au_index(12), 0].tolist() == [3, 1]
    assert np.isnan(first.series.intensity[1, au_index(6)]).all()
    assert not first.series.measured[au_index(4)], "what a long table does not list is not measured"
    assert second.series.intensity[:, au_index(12), 0].tolist() == [0, 0]
    sides = read("time,au,side,intensity\n0,12,left,3\n0,12,right,1\n1,12,left,0\n1,12,right,2\n")[0].series
    assert sides.intensity[:, au_index(12)].tolist() == [[3, 1], [0, 2]]


@pytest.mark.parametrize(
    "change, words",
    [
        (("0,0.5,12,1", "0,0.0,12,1"), "AU12 is listed twice"),
        (("AU06,2.5", "AU06,25"), "'25' is not a number from 0 to 5"),
        (("AU06,2.5", "smile,2.5"), "'smile' is not an action unit"),
    ],
)
def test_bad_long_tables(read, change, words):
    with pytest.raises(InputError, match=words):
        read(LONG.replace(*change))


# --- out and in again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", evidence.FORMATS)
def test_what_is_written_reads_back(tmp_path, layout):
    rng = np.random.default_rng(0)
    levels = rng.uniform(0, 5, (6, 24, 1)).round(2).repeat(2, 2)
    levels[:, [au_index(27), au_index(43)]] = 0  # OpenFace has no columns of their own for them
    written = AUSeries(np.arange(6) / 25, levels, np.ones((6, 24)), np.ones(24, bool), "emollm-geometry", face_id=2)
    evidence.write_csv(tmp_path / "t.csv", [written], layout)
    (back,) = evidence.read_all(tmp_path / "t.csv")
    kept = [au_index(n) for n in (R if layout == "openface" else AUS)]
    np.testing.assert_allclose(back.intensity[:, kept], levels[:, kept])
    np.testing.assert_allclose(back.times, written.times, atol=1e-3)
    assert back.face_id == 2
