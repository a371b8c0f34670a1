"""Whatever a Python program hands over gives the explanation of the file; what cannot be read is refused in one line."""

import base64
import io
import json
import os
import pathlib
import zipfile

import numpy as np
import pytest
from PIL import Image

import emollm
from emollm import python_inputs
from emollm.explanation import Explanation, Explanations
from emollm.schema import AU_NAMES, AUS, InputError, au_index

BYTES = pathlib.Path.read_bytes


class OfAnotherKind(os.PathLike):
    """A path, but no str and no Path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


class Pipe(io.RawIOBase):
    """A stream that cannot be rewound."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, room):
        return self.content.readinto(room)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def rgba(path):
    return np.dstack([pixels(path), np.full(pixels(path).shape[:2], 255, np.uint8)])


def data_url(path):
    return f"data:image/png;base64,{base64.b64encode(BYTES(path)).decode()}"


def tensor(path):
    import torch

    return torch.tensor(pixels(path))


def written(path):
    """A buffer that stands at its end, as after saving into it."""
    buffer = io.BytesIO()
    buffer.write(path.read_bytes())
    return buffer


def image(path):
    return Image.open(path)


GIVEN = {
    "str": str, "path": pathlib.Path, "another path": OfAnotherKind, "bytes": BYTES, "bytearray": lambda p: bytearray(BYTES(p)),
    "memoryview": lambda p: memoryview(BYTES(p)), "data url": data_url,
    "BytesIO": lambda p: io.BytesIO(BYTES(p)), "written BytesIO": written, "open file": lambda p: open(p, "rb"),  # noqa: SIM115
    "pipe": lambda p: Pipe(BYTES(p)), "image": image, "array": pixels, "rgba": rgba,
    "float array": lambda p: (pixels(p) / 255).astype(np.float32), "double array": lambda p: pixels(p) / 255,
    "rgba float": lambda p: rgba(p) / 255, "tensor": tensor, "tensor of channels": lambda p: tensor(p).permute(2, 0, 1),
    "float tensor": lambda p: (tensor(p).permute(2, 0, 1) / 255).requires_grad_(), "double tensor": lambda p: tensor(p) / 255.0,
}


def told(explanation):
    """All of an explanation but what the source was called."""
    return explanation.to_dict() | {"source": ""}


@pytest.fixture(scope="module")
def explain():
    """emollm.explain with the shipped model, which needs half the time of an untrained one: that never ends by itself."""
    return emollm.explain


@pytest.fixture(scope="module")
def of_file(explain, astronaut_file):
    (found,) = explain(astronaut_file)
    return told(found)


@pytest.mark.parametrize("kind", GIVEN)
def test_every_kind_gives_the_measurement_of_the_file(kind, astronaut_file, of_file):
    """The whole explanation is compared below, for one kind of every reader: the measurement decides the rest."""
    (face,) = emollm.measure(GIVEN[kind](astronaut_file))
    assert face.series.to_dict() == of_file["evidence"]


def test_every_reader_gives_the_explanation_of_the_file(explain, astronaut_file, of_file):
    kinds = ["str", "data url", "BytesIO", "image", "array", "float array", "float tensor"]
    found = explain([GIVEN[kind](astronaut_file) for kind in kinds])
    assert [told(explanation) for explanation in found] == [of_file] * len(kinds)
    assert [e.source for e in found] == [str(astronaut_file), *(f"item {k} of 7" for k in range(2, 8))]


def test_grey_is_read_as_grey():
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    for given in (grey, grey[:, :, None], grey / 255):
        seen = python_inputs.open_media(python_inputs.to_source(given), python_inputs.Cut())
        assert (seen.picture == grey[:, :, None]).all()


def test_transparency_is_white():
    clear = np.zeros((64, 64, 4), np.uint8)
    assert (python_inputs.open_media(python_inputs.to_source(clear), python_inputs.Cut()).picture == 255).all()


def test_a_file_is_left_where_it_was(astronaut_file):
    with open(astronaut_file, "rb") as file:
        file.seek(7)
        assert python_inputs.to_source(file) == (astronaut_file.read_bytes(), "astronaut.png")
        assert file.tell() == 7


def test_a_clip_may_be_open_too(astronaut_clip):
    of_path = emollm.measure(astronaut_clip, end=0.4)[0]
    with open(astronaut_clip, "rb") as file:
        assert emollm.measure(file, end=0.4)[0].series.to_dict() == of_path.series.to_dict()


# --- tables ------------------------------------------------------------------------------------------------------

def test_units_are_a_table(explain):
    (found,) = explain({"AU12": 3.0, 6: np.float32(2), "au4": None, "AU25": float("nan")})
    stored = found.evidence
    values = {au: stored["intensity"][0][k] for k, au in enumerate(AU_NAMES) if stored["measured"][k]}
    assert values == {"AU06": [2.0, 2.0], "AU12": [3.0, 3.0]}
    assert found.source == "AU table"


def test_columns_an_evidence_and_a_frame_are_tables(explain):
    pandas = pytest.importorskip("pandas")
    columns = {"timestamp": [0.0, 0.1], "AU12_r": [0.0, 3.0], "AU06_r": (1.0, 2.0)}
    of_dict, of_frame = explain([columns, pandas.DataFrame({k: list(v) for k, v in columns.items()})])
    assert told(of_dict) == told(of_frame)
    assert [of_dict.source, of_frame.source] == ["item 1 of 2", "item 2 of 2"]
    (again,) = explain(of_dict.evidence)
    assert again.evidence == of_dict.evidence


def test_units_replace_the_measurement(explain, astronaut_file):
    (found,) = explain(astronaut_file, evidence={"AU04": 4.0, "AU15": 3})
    assert np.flatnonzero(found.evidence["measured"]).tolist() == [AU_NAMES.index("AU04"), AU_NAMES.index("AU15")]


# --- lists, faces and edits ----------------------------------------------------------------------------------------

def test_a_list_is_explained_in_order(explain, two_faces_file, astronaut_file):
    found = explain((str(two_faces_file), {"AU12": 3.0}, str(astronaut_file)))
    assert [(e.source, e.face_id) for e in found] == [(str(two_faces_file), 0), (str(two_faces_file), 1), ("item 2 of 3", 0),
                                                      (str(astronaut_file), 0)]
    assert len(emollm.measure([two_faces_file, astronaut_file])) == 3


def test_a_face_may_be_a_word(explain, two_faces_file):
    assert [e.face_id for e in explain(two_faces_file, face="1")] == [1]
    assert [e.face_id for e in explain(two_faces_file, face=np.int64(1))] == [1]
    for wrong in ("one", 1.0, True, "-1", ""):
        with pytest.raises(InputError, match=r"face=.*give the number of a face"):
            explain({"AU12": 3.0}, face=wrong)


def test_the_main_face_and_at_most_so_many(explain, astronaut):
    """The picture holds one face twice: small at the edge, large in the middle."""
    small = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    wide = np.zeros((512, 1024, 3), np.uint8)
    wide[-256:, :256], wide[:, 256:768] = small, astronaut
    picture = Image.fromarray(wide)
    assert [e.face_id for e in explain(picture, face="main")] == [1]
    (kept,) = explain(picture, max_faces=1)
    assert kept.face_id == 1 and "1 of 2 faces are left out (max_faces=1)" in kept.notices
    assert len(emollm.measure(picture, max_faces=1)) == 1 and len(emollm.measure(picture, max_faces=2)) == 2
    for wrong in (0, 65):
        with pytest.raises(InputError, match="max_faces="):
            emollm.measure(picture, max_faces=wrong)
        with pytest.raises(InputError, match="max_faces="):
            explain({"AU12": 3.0}, max_faces=wrong)


def test_a_prior_is_said_and_an_unknown_one_refused(explain, astronaut_file):
    (plain,), (balanced,) = explain(astronaut_file), explain(astronaut_file, prior="balanced")
    assert plain.distribution != balanced.distribution and "prior: balanced (--prior)" in balanced.notices
    with pytest.raises(InputError, match="prior='even': use crowd or balanced"):
        explain(astronaut_file, prior="even")


def test_edits_may_be_pairs(explain):
    given = {"AU12": 3.0, "AU04": 2.0}
    edited = explain(given, what_if={"AU12": 0.0, "AU04": 1.5})
    assert explain(given, what_if=["AU12=0", "4=1.5"])[0].to_dict() == edited[0].to_dict()
    assert explain(given, what_if="AU12=0")[0].edits == {"AU12": 0.0}


@pytest.mark.parametrize(("edits", "words"), [
    (["AU12"], "what-if AU12: write AU=LEVEL"), (["AU12=6"], "AU12=6"), (["AU99=1"], "AU99"), ({"AU12": "much"}, "a number"),
    ({"AU12": None}, "a number"), ({"AU12": 6}, "between 0 and 5"), (7, "give"), ([("AU12", 0)], "give"), ({"AU12=0"}, "give"),
    (["AU12=0", "12=1"], "twice")])
def test_edits_that_cannot_be(explain, edits, words):
    with pytest.raises(InputError, match=words):
        explain({"AU12": 3.0}, what_if=edits)


# --- tables in memory -----------------------------------------------------------------------------------------------

TABLE = "frame,timestamp,success,AU06_r,AU12_r\n" + "".join(f"{k + 1},{k / 25:.2f},1,{k / 4:.2f},3.00\n" for k in range(8))


def as_parquet() -> bytes:
    from pyarrow import csv, parquet

    file = io.BytesIO()
    parquet.write_table(csv.read_csv(io.BytesIO(TABLE.encode())), file)
    return file.getvalue()


def as_records() -> bytes:
    header, *rows = (line.split(",") for line in TABLE.splitlines())
    return json.dumps([dict(zip(header, map(float, row), strict=True)) for row in rows]).encode()


def opened(path, mode):
    path.with_name("units.csv").write_text(TABLE)
    return open(path.with_name("units.csv"), mode)


HELD = {"csv": lambda p: TABLE.encode(), "buffer": lambda p: io.BytesIO(TABLE.encode()), "text": lambda p: io.StringIO(TABLE),
        "file": lambda p: opened(p, "rb"), "text file": lambda p: opened(p, "r"), "parquet": lambda p: as_parquet(),
        "json": lambda p: as_records(), "utf-16": lambda p: TABLE.encode("utf-16"),
        "semicolons": lambda p: TABLE.replace(".", "!").replace(",", ";").replace("!", ",").encode("utf-8-sig"),
        "bytearray": lambda p: bytearray(TABLE.encode()), "blanks": lambda p: TABLE.replace(",", " ").encode(),
        "data URL": lambda p: "data:text/csv;base64," + base64.b64encode(TABLE.encode()).decode()}


@pytest.mark.parametrize("case", HELD)
def test_a_table_in_memory_is_a_table(case, astronaut_file, tmp_path):
    """As a source of its own and beside a picture."""
    from emollm.evidence import read_faces

    make, place = HELD[case], tmp_path / "photo"
    given = python_inputs.to_source(make(place))
    assert python_inputs.open_media(given, python_inputs.Cut()) is None
    (face,) = read_faces(given.source)
    assert face.series.times.tolist() == pytest.approx([k / 25 for k in range(8)])
    assert face.series.intensity[:, AUS.index(6), 0].tolist() == [k / 4 for k in range(8)]
    assert given.name == ("units.csv" if "file" in case else given.name)
    if case != "data URL":
        (beside,) = read_faces(make(place))
        assert (beside.series.intensity[:, AUS.index(12)] == 3).all()


def test_other_kinds_in_memory():
    from emollm.evidence import read_faces

    assert read_faces(python_inputs.to_source(b"6C+12D\n").source)[0].series.intensity[0, AUS.index(12), 0] == 4
    points = io.BytesIO()
    np.save(points, np.random.default_rng(0).random((2, 478, 3)))
    assert len(read_faces(python_inputs.to_source(points).source)[0].series.times) == 2


@pytest.mark.parametrize(("given", "words"), [
    (b"a,b\n1,2\n", "bytes: not a table of action units"), (b"{}", "bytes"), (b"[1, 2", "bytes: not an AU table"),
    (b"frame,AU12_r\n1,smile\n", "bytes: row 2, column AU12_r"), (b"PAR1" + bytes(40), "bytes: this is no Parquet"),
    (b"\x93NUMPY" + bytes(40), "bytes: not an array of landmarks"),
    (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "save the sheet as CSV"),
    (b"ARROW1" + bytes(40), "Feather"), (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "text file")])
def test_bytes_that_are_no_table_of_units_are_refused(given, words, explain):
    with pytest.raises(InputError, match=words) as refused:
        explain(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [b"\x89PNG\r\n", io.BytesIO(b"hello"), 7, object()])
def test_evidence_that_is_no_table_is_refused(given, astronaut):
    with pytest.raises(InputError, match="no table of action units"):
        emollm.explain(astronaut, evidence=given)


# --- what is refused -----------------------------------------------------------------------------------------------

def closed(path):
    with open(path, "rb") as file:
        pass
    return file


def write_only(path):
    return open(path.parent / "written.bin", "wb")


REFUSED = {
    "none": (None, "cannot read a face from NoneType. Give a path"), "number": (3, "cannot read a face from int"),
    "set": ({"a.jpg"}, "from set"), "generator": ((x for x in ()), "from generator"), "type": (dict, "from type"),
    "empty list": ([], "an empty list"), "empty tuple": ((), "an empty list"),
    "list of lists": ([[0.5]], "item 1 of 1: .*from list"),
    "item": ([{"AU12": 3.0}, None], "item 2 of 2: cannot read a face from NoneType"), "empty text": ("", "an empty path"),
    "address": ("https://example.com/a.jpg", "addresses are not opened"), "other address": ("s3://a/b.mp4", "addresses"),
    "table's address": ("http://example.com/a.csv", "addresses"), "path of one": (pathlib.Path("https://a/b.jpg"), "addresses"),
    "empty bytes": (b"", "the file is empty"), "text bytes": (b"hello", "bytes: this is a text file"),
    "empty buffer": (io.BytesIO(), "file: the file is empty"), "text handle": (io.StringIO("x"), "opened as text"),
    "data of text": ("data:text/plain,hello", "must begin like data:"), "damaged data": ("data:image/png;base64,a!", "damaged"),
    "empty array": (np.zeros((0, 0, 3), np.uint8), "shape"), "two channels": (np.zeros((64, 64, 2), np.uint8), "shape"),
    "channels first": (np.zeros((3, 64, 64), np.uint8), r"transpose\(1, 2, 0\)"), "line": (np.zeros(64), "shape"),
    "many": (np.zeros((4, 64, 64, 3), np.uint8), "of several pictures a list"), "bool": (np.zeros((64, 64), bool), "type bool"),
    "ints": (np.zeros((64, 64, 3), np.int64), "int64"), "objects": (np.full((64, 64, 3), None), "object"),
    "0-255": (np.full((64, 64, 3), 255.0), "floats from 255 to 255, expected 0 to 1"),
    "negative": (np.full((64, 64, 3), -0.5), "floats from -0.5"), "nan": (np.full((64, 64), np.nan), "floats from nan"),
    "small": (np.zeros((8, 8, 3), np.uint8), "8"),
    "no units": ({}, "it is empty"), "unknown unit": ({"AU99": 1.0}, "AU99"), "unknown key": ({"smile": 1.0}, "smile"),
    "too strong": ({"AU12": 7}, "AU12 is 7"), "negative unit": ({"AU12": -1}, "AU12 is -1"),
    "word": ({"AU12": "C"}, "AU12 is 'C'"),
    "true": ({"AU12": True}, "AU12 is True"), "twice": ({"AU12": 1, 12: 1}, "named twice"),
    "columns unlike": ({"AU12_r": [1.0], "AU06_r": [1.0, 2.0]}, "dict"), "unknown columns": ({"x": [1.0], "y": [2.0]}, "dict"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(case, explain):
    given, words = REFUSED[case]
    with pytest.raises(InputError, match=words) as refused:
        explain(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("make", "words"), [(closed, "closed"), (write_only, "cannot be read"),
                                             (lambda p: open(p, encoding="latin-1"), "opened as text")])  # noqa: SIM115
def test_files_that_cannot_be_read(make, words, explain, astronaut_file):
    with pytest.raises(InputError, match=words):
        explain(make(astronaut_file))


def test_tensors_that_are_no_picture(explain):
    torch = pytest.importorskip("torch")
    for given, words in ((torch.zeros(2, 3, 64, 64), "a batch"), (torch.zeros(3, 64, 64) + 9, "expected 0 to 1"),
                         (torch.zeros(5, 64, 64), "shape"), (torch.zeros(3, 64, 64, dtype=torch.int64), "int64"),
                         (torch.zeros(3, 64, 64, device="meta"), "without pixels"), (torch.zeros(0, 0, 3), "shape")):
        with pytest.raises(InputError, match=words):
            explain(given)


def test_empty_frames_are_refused(explain):
    pandas = pytest.importorskip("pandas")
    for given in (pandas.DataFrame(), pandas.DataFrame({"AU12_r": []}), pandas.DataFrame({"x": [1.0]})):
        with pytest.raises(InputError):
            explain(given)


def test_a_table_is_not_measured():
    for given in ({"AU12": 3.0}, "6C+12D", "table.csv", [{"AU12": 3.0}]):
        with pytest.raises(InputError, match="nothing is left to measure"):
            emollm.measure(given)


# --- where it goes -------------------------------------------------------------------------------------------------

def test_a_notebook_shows_the_report_and_no_markup():
    found = Explanations([Explanation(source="<b>.jpg", notices=["a & b"]), Explanation(source="second.jpg")])
    shown = found._repr_html_()
    assert "&lt;b&gt;.jpg, face 0" in shown and "! a &amp; b" in shown and "<b>" not in shown
    assert shown.count("<pre") == 2 and shown.count("Not enough to say") == 2
    assert found[1]._repr_html_() in shown


def test_what_is_sent_to_a_server_is_the_file(astronaut_file, astronaut_clip, astronaut):
    assert python_inputs.content(python_inputs.to_source(astronaut_file)) == astronaut_file.read_bytes()
    assert python_inputs.content(python_inputs.to_source(io.BytesIO(b"as it is"))) == b"as it is"
    assert (np.asarray(Image.open(io.BytesIO(python_inputs.content(python_inputs.to_source(astronaut))))) == astronaut).all()
    opened = python_inputs.open_media(python_inputs.to_source(astronaut_clip), python_inputs.Cut())
    assert python_inputs.content(python_inputs.to_source(opened)) == astronaut_clip.read_bytes()


def test_chat_begins_with_what_explain_takes(tiny_folder, astronaut_file):
    from emollm.chat.begin import begin

    chat = begin(io.BytesIO(astronaut_file.read_bytes()), model=str(tiny_folder), face="0", what_if=["AU12=0"])
    assert chat.edits == {"AU12": 0.0}
    assert chat.subject.series.face_id == 0


class Handed:
    """An array of another library: it hands itself over to numpy."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_arrays_of_other_libraries_and_rows_of_a_frame(explain, astronaut, astronaut_file):
    assert explain(Handed(astronaut))[0].label == explain(astronaut_file)[0].label
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"frame": [0, 1], "AU12_r": [3.0, 3.0], "AU06_r": [2.0, 2.0]})
    rows = frame.to_dict("records")
    assert len(explain(rows)) == len(explain(frame)) == 1 and len(explain(rows)[0].evidence["times"]) == 2
    assert explain(frame.iloc[0])[0].label == explain(rows)[0].label
    assert explain(pandas.Series({"AU12": 3.0}))[0].evidence == explain({"AU12": 3.0})[0].evidence
    assert [len(explain([{"AU12": 3.0}, {"AU04": 3.0}]))] == [2]
    sides = explain({"AU12_left": 3.0, "AU12_right": 1.0})[0].evidence["intensity"][0][au_index(12)]
    assert sides == [3.0, 1.0]


@pytest.mark.parametrize(("given", "words"), [
    ({"AU12": 3.0, "name": "x"}, "unknown action unit 'name'"), (zipfile.ZipFile(io.BytesIO(), "w"), "cannot be read")])
def test_what_is_nearly_a_table_or_a_file_is_refused(given, words, explain):
    with pytest.raises(InputError, match=words):
        explain(given)


def test_a_question_is_a_text(astronaut_file):
    with pytest.raises(InputError, match="question=5: give a text"):
        emollm.explain(astronaut_file, question=5)
