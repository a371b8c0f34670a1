"""Random tables of the five formats in random dialects: the same series as the clean table, or a clear refusal.

What must not change a measurement: delimiter, decimal sign, encoding, line ends, quotes, order of columns, columns that nobody
uses, row names, spelling of the header, words for no value, clocks that do not run. What is spoilt on purpose (a word in a
cell, a value far outside its scale, a lost column) must be refused in one line that names it.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emollm import evidence
from emollm.evidence.cells import INFINITE, MISSING
from emollm.schema import InputError

WORDS = sorted(word for word in MISSING | INFINITE if word.strip())
FPS = 25


@dataclass
class Format:
    """header and a row (list of cells) of one maker; values: positions of the cells that hold measurements; clock: position."""

    header: list[str]
    key: list[str]  # cells before the values, {i} the frame from 0, {s} seconds, {ms}, {face}
    values: list[str]
    top: float
    clock: int | None

    def rows(self, levels):
        return [
            [cell.format(i=i, n=i + 1, s=f"{i / FPS:.3f}", ms=f"{i * 1000 / FPS:.1f}") for cell in self.key]
            + ["" if np.isnan(v) else f"{v:.3f}" for v in row]
            for i, row in enumerate(levels)
        ]


OPENFACE = Format(
    ["frame", "face_id", "timestamp", "confidence", "success"],
    ["{n}", "0", "{s}", "0.98", "1"],
    [f"AU{n:02d}_r" for n in (1, 4, 6, 12, 25)],
    5.0,
    2,
)
FEAT = Format(["input", "frame"], ["a.mp4", "{i}"], [f"AU{n:02d}" for n in (1, 4, 6, 11, 12, 43)], 1.0, None)
LIBREFACE = Format(["frame_idx", "frame_time_in_ms"], ["{i}", "{ms}"], [f"au_{n}_intensity" for n in (1, 4, 12, 26)], 5.0, 1)
ARKIT = Format(
    ["frame", "timestamp"], ["{i}", "{s}"], ["browInnerUp", "jawOpen", "mouthFunnel", "MouthSmileLeft", "mouthSmile_R"], 1.0, 1
)
NATIVE = Format(
    ["frame", "timestamp", "face_id"],
    ["{i}", "{s}", "0"],
    [f"AU{n}_{part}" for n in ("04", "12") for part in ("left", "right")],
    5.0,
    1,
)
FORMATS = [OPENFACE, FEAT, LIBREFACE, ARKIT, NATIVE]


@st.composite
def tables(draw):
    """A format, its levels [T, values] with holes, and a recipe of everything that may differ between programs."""
    layout = draw(st.sampled_from(FORMATS))
    rows, seed = draw(st.integers(1, 12)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    levels = rng.uniform(0, layout.top, (rows, len(layout.values))).round(3)
    levels[rng.random(levels.shape) < 0.15] = np.nan
    levels[rng.integers(rows), :2] = 0.5
    return layout, levels, rng


def complete(layout, rows):
    """Our own table needs a confidence for every unit."""
    if layout is not NATIVE:
        return [*layout.header, *layout.values], rows
    return [*layout.header, *layout.values, "AU04_confidence", "AU12_confidence"], [[*row, "0.9", "0.8"] for row in rows]


def written(header, rows, delimiter=",", ends="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerows([header, *rows])
    return out.getvalue()


def read(folder, content):
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return evidence.read_faces(path, fps=FPS)


def disguised(layout, rows, rng):
    """The same table as another program would have saved it."""
    header, rows = complete(layout, rows)
    rows = [
        [str(rng.choice(WORDS)) if not cell and k >= len(layout.header) else cell for k, cell in enumerate(row)] for row in rows
    ]
    extra = int(rng.integers(0, 4))
    header = [*header, *(f"col{k}" for k in range(extra))]
    rows = [[*row, *(str(rng.choice(["1.5", "word", "", "a b"])) for _ in range(extra))] for row in rows]
    order = rng.permutation(len(header))
    header, rows = [header[k] for k in order], [[row[k] for k in order] for row in rows]
    delimiter = str(rng.choice([",", ";", "\t", "|"]))
    if rng.random() < 0.4:
        rows = [[cell.replace(".", ",") if cell.replace(".", "").isdigit() else cell for cell in row] for row in rows]
    if rng.random() < 0.3:
        header, rows = (
            [str(rng.choice(["", "X", "...1", "Unnamed: 0"])), *header],
            [[str(k + 1), *row] for k, row in enumerate(rows)],
        )
    renames = [str, lambda c: f" {c}", lambda c: f"X.{c}", lambda c: c.replace("_", "."), str.upper, str.lower]
    header = list(map(renames[rng.integers(len(renames))], header))
    content = written(
        header, rows, delimiter, str(rng.choice(["\n", "\r\n"])), int(rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    )
    return content.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])))


def assert_same(faces, clean):
    assert [f.series.face_id for f in faces] == [f.series.face_id for f in clean]
    for a, b in zip(faces, clean, strict=True):
        np.testing.assert_allclose(a.series.times, b.series.times, atol=2e-3)
        np.testing.assert_allclose(a.series.intensity, b.series.intensity, atol=1e-9)
        np.testing.assert_allclose(a.series.confidence, b.series.confidence, atol=1e-9)
        assert a.series.measured.tolist() == b.series.measured.tolist()
        assert a.series.estimator == b.series.estimator


QUICK = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=600, **QUICK)
@given(tables())
def test_any_dialect_gives_the_same_series(tmp_path_factory, drawn):
    layout, levels, rng = drawn
    rows = layout.rows(levels)
    folder = tmp_path_factory.getbasetemp()
    assert_same(read(folder, disguised(layout, rows, rng)), read(folder, written(*complete(layout, rows))))


@settings(max_examples=200, **QUICK)
@given(tables())
def test_any_faulty_clock_gives_the_times_of_the_frames(tmp_path_factory, drawn):
    layout, levels, rng = drawn
    rows = layout.rows(levels)
    folder = tmp_path_factory.getbasetemp()
    clean = read(folder, written(*complete(layout, rows)))
    if layout.clock is None or len(rows) < 2:
        rows = rows[::-1]
    else:
        fault = rng.integers(4)
        at = int(rng.integers(1, len(rows)))
        for k, row in enumerate(rows):
            if fault == 0 or (fault == 1 and k == at):
                row[layout.clock] = "" if fault else "NA"
            elif fault == 2:
                row[layout.clock] = "0.000"
            elif fault == 3 and k == at:
                row[layout.clock] = rows[k - 1][layout.clock]
    faces = read(folder, disguised(layout, rows, rng))
    for a, b in zip(faces, clean, strict=True):
        np.testing.assert_allclose(a.series.times, b.series.times, atol=2e-3)
        np.testing.assert_allclose(a.series.intensity, b.series.intensity, atol=1e-9)


@settings(max_examples=300, **QUICK)
@given(tables())
def test_what_is_spoilt_is_refused_in_one_line(tmp_path_factory, drawn):
    layout, levels, rng = drawn
    header, rows = complete(layout, layout.rows(levels))
    at, column = int(rng.integers(len(rows))), int(rng.integers(len(layout.header), len(header)))
    kind = int(rng.integers(3))
    if kind == 2:
        rows.insert(0, rows[0][:-2])  # a row cut off in the middle of the table
    else:
        rows[at][column] = ["ab12", "87.5"][kind]
    with pytest.raises(InputError) as caught:
        read(tmp_path_factory.getbasetemp(), written(header, rows, str(rng.choice([",", ";", "\t"]))))
    assert "\n" not in str(caught.value)
    assert f"row {2 if kind == 2 else at + 2}" in str(caught.value)
    assert kind == 2 or header[column] in str(caught.value)


@settings(max_examples=200, **QUICK)
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "frame,AU01_r\n", "AU,side,intensity\n", "jawOpen;time\n", "x_0\n"]),
    st.sampled_from([".csv", ".txt", ".json", ".parquet", ".npy", ".facs"]),
)
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, tail, head, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(head.encode() + tail)
    try:
        assert evidence.read_faces(path)
    except InputError as error:
        assert "\n" not in str(error)
