"""`emollm eval labels` and the prose of `emollm eval reasoning`: statistics by hand, tables, from end to end."""

import functools
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from emollm import cli
from emollm.answer import prompt
from emollm.caption.incoming.items import Item
from emollm.evaluation import command, labels, prose, reasoning
from emollm.evaluation.batches import answer_all, batches
from emollm.evaluation.report import Report
from emollm.evaluation.statistics import bootstrap
from emollm.explainer import prepare
from emollm.explanation import Explanation
from emollm.facs.spellings import label_of
from emollm.model import generate as generating
from emollm.model.checkpoint import Shape
from emollm.model.generate import GeneratedAnswer
from emollm.schema import LABELS, Claim, InputError

CODES = {"6C+12D": "happiness", "1C+2C+5D+26C": "surprise", "9D+15C+16C": "disgust", "4D+5D+7D+23D": "anger"}


class ToldEngine:
    """An engine that concludes what it is told for every face, in turn, and notes how many it is asked at once."""

    shape = Shape(8, 48)

    def __init__(self, *concluded: str, refuses: int | None = None):
        self.concluded, self.asked, self.refuses, self.given = list(concluded), [], refuses, 0

    def answer(self, faces, questions, observations):
        self.asked.append(len(faces))
        if self.refuses is not None and len(faces) > self.refuses:
            raise InputError("too many tokens")
        told = [self.concluded[(self.given + k) % len(self.concluded)] for k in range(len(faces))]
        self.given += len(faces)
        return [GeneratedAnswer(f"Interpretation: so.\n{prompt.CONCLUSION} {label}.", share(label), True) for label in told]


def share(label: str) -> dict[str, float]:
    return {name: 0.79 if name == label else 0.03 for name in LABELS}


def table(folder, text: str, name: str = "faces.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


# --- statistics --------------------------------------------------------------------------------------------------------

def test_subjects_are_drawn_with_all_of_their_rows():
    """Two subjects, one always right and one never: a draw has 0, 1 or 2 of each, so the interval is all of 0 to 1."""
    right, who = np.array([1, 1, 1, 1, 0, 0, 0, 0]), np.array([*"aaaabbbb"])
    assert bootstrap(right, groups=who) == (0.5, 0.0, 1.0)
    low, high = bootstrap(right)[1:]
    assert 0 < low < 0.5 < high < 1


def test_subjects_of_one_row_are_rows():
    values = np.random.default_rng(1).normal(size=60)
    alone = bootstrap(values, groups=np.arange(60))
    assert alone == pytest.approx(bootstrap(values))


def test_one_subject_has_no_interval():
    value, low, high = bootstrap(np.array([1, 0]), groups=np.array(["a", "a"]))
    assert value == 0.5
    assert np.isnan([low, high]).all()


def outcome_of(pairs, confidence=None, subjects=None, unread=0):
    outcome = labels.Outcome()
    for k, (truth, said) in enumerate(pairs):
        row = labels.Row(f"t line {k}", truth, subject=subjects[k] if subjects else "")
        outcome.add(row, said, confidence[k] if confidence else 0.9)
    for _ in range(unread):
        outcome.leave_out(labels.Row("t line 99", "fear", subject="z" if subjects else ""), InputError("no\nface"))
    return outcome


def test_figures_by_hand():
    """Happiness 2 of 3, anger 1 of 1, fear 0 of 1 (no label): accuracy 3/5, macro recall (2/3 + 1 + 0) / 3."""
    pairs = [("happiness", "happiness")] * 2 + [("happiness", "fear"), ("anger", "anger"), ("fear", None)]
    report = labels.report(outcome_of(pairs, [1.0, 1.0, 1.0, 1.0, 0.0], unread=3))
    stored = json.loads(report.as_json())
    assert (stored["n"], stored["rows"], stored["subjects"]) == (5, 8, None)
    assert stored["accuracy"]["value"] == pytest.approx(0.6)
    assert stored["macro_recall"]["value"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert stored["ece"]["value"] == pytest.approx(4 / 5 * (1 - 3 / 4))
    assert {label: (round(f["value"], 3), f["n"]) for label, f in stored["recall"].items()} == {
        "happiness": (0.667, 3), "anger": (1.0, 1), "fear": (0.0, 1)}
    assert stored["confusion"]["happiness"] == dict.fromkeys([*LABELS, "no label"], 0) | {"happiness": 2, "fear": 1}
    assert stored["confusion"]["fear"]["no label"] == 1
    assert stored["read"]["value"] == 5 / 8
    assert stored["accuracy_unread_wrong"] | {"low": 0, "high": 0} == {"value": 3 / 8, "low": 0, "high": 0, "n": 8}
    assert len(stored["unread"]) == 3
    assert stored["unread"][0]["reason"] == "no face"
    assert "3 of 8 rows could not be read:" in report.as_text()
    assert all(f["low"] <= f["value"] <= f["high"] for f in (stored["accuracy"], stored["macro_recall"], stored["ece"]))


def test_intervals_are_over_subjects_where_they_are_named():
    pairs = [("anger", "anger")] * 4 + [("anger", "fear")] * 4
    report = labels.report(outcome_of(pairs, subjects=[*"aaaabbbb"]))
    accuracy = report.stored["accuracy"]
    assert (accuracy["low"], accuracy["high"], report.stored["subjects"]) == (0.0, 1.0, 2)
    assert "intervals are over 2 subjects" in report.as_text()


def test_what_has_no_number_is_null():
    stored = json.loads(Report({"x": (0.5, np.nan, None, 2)}).as_json())
    assert stored == {"x": {"value": 0.5, "low": None, "high": None, "n": 2}}


# --- tables ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("word", "label"), [
    ("Angry", "anger"), (" happy ", "happiness"), ("SAD", "sadness"), ("surprised", "surprise"), ("fearful", "fear"),
    ("Disgusted", "disgust"), ("contemptuous", "contempt"), ("no_emotion", "neutral"), ("happiness", "happiness"),
    ("afraid", "fear"), ("joy", "happiness"), ("confusion", None), ("", None), ("3", None)])
def test_spellings(word, label):
    assert label_of(word) == label


def test_paths_are_relative_to_the_table_and_other_columns_are_left_alone(tmp_path):
    given = table(tmp_path, "Label;subject;note;path\nhappy;a;x;one.png\nANGRY;b;;sub/two.png\n")
    assert labels.read_table(given) == [
        labels.Row(f"{given} line 2", "happiness", str(tmp_path / "one.png"), "", "a"),
        labels.Row(f"{given} line 3", "anger", str(tmp_path / "sub/two.png"), "", "b")]


@pytest.mark.parametrize(("text", "said"), [
    ("path,label\na.png,happy\nb.png,hapy\n", r"line 3: unknown label 'hapy' \(did you mean 'happy'\?\)\. Use one of neutral"),
    ("path,label\na.png,3\n", r"line 2: unknown label '3'.* Numbers mean another label"),
    ("path,label\na.png,\n", "line 2: the column 'label' is empty"),
    ("path,label\n,happy\n", "line 2: nothing in the column 'path'"),
    ("path,codes,label\n,,happy\n", "line 2: nothing in the column 'path' and 'codes'"),
    ("path,label,subject\na.png,happy,\n", "line 2: the column 'subject' is empty"),
    ("picture,label\na.png,happy\n", "needs the column 'path' or 'codes'; its columns are: picture, label"),
    ("path,emotion\na.png,happy\n", "needs the column 'label'; its columns are: path, emotion"),
    ("path,label\n", "the table has no rows"),
    ("", "needs the column 'path' or 'codes'; its columns are: none"),
])
def test_bad_tables_are_refused_by_row(text, said, tmp_path):
    with pytest.raises(InputError, match=said):
        labels.read_table(table(tmp_path, text))


def test_a_bad_table_is_refused_on_the_command_line(tmp_path, capsys):
    assert cli.main(["eval", "labels", table(tmp_path, "codes,label\n12,jolly\n")]) == 2
    assert "line 2: unknown label 'jolly'" in capsys.readouterr().err
    assert cli.main(["eval", "labels", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err
    assert cli.main(["eval", "label", "x.csv"]) == 2
    assert "(did you mean 'labels'?)" in capsys.readouterr().err


# --- reading -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def pictures(astronaut, tmp_path):
    """A face, the same as a crop of 48 px, a picture without a face and one that is no picture."""
    whole = Image.fromarray(astronaut)
    whole.save(tmp_path / "face.png")
    whole.crop((170, 55, 280, 165)).resize((48, 48)).save(tmp_path / "crop.png")
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "empty.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path


def test_rows_that_cannot_be_read_are_named_and_the_others_keep_their_labels(pictures):
    lines = ["path,codes,label", "face.png,,happy", "empty.png,,neutral", "broken.png,,sad", ",6C+12D,happy",
             "missing.png,,fear", ",nonsense,anger", "face.png,4D,anger"]
    rows = labels.read_table(table(pictures, "\n".join(lines)))
    outcome = labels.measure_rows(rows, ToldEngine("happiness", "surprise", "anger"), crops=False)
    assert [LABELS[k] for k in outcome.truth] == ["happiness", "happiness", "anger"]
    assert [LABELS[k] for k in outcome.said] == ["happiness", "surprise", "anger"]
    assert [one["place"][-6:] for one in outcome.unread] == ["line 3", "line 4", "line 6", "line 7"]
    assert "'nonsense' is not a FACS code" in outcome.unread[-1]["reason"]
    assert all(0 < c < 1 for c in outcome.confidence)


def test_crops_are_taken_whole(pictures):
    rows = labels.read_table(table(pictures, "path,label\ncrop.png,happy\nempty.png,neutral\n"))
    assert labels.measure_rows(rows, ToldEngine("happiness"), crops=False).truth == []
    assert len(labels.measure_rows(rows, ToldEngine("happiness"), crops=True).truth) == 2


def test_rows_are_answered_in_batches_and_one_that_is_refused_is_left_out(monkeypatch):
    monkeypatch.setattr("emollm.evaluation.batches.BATCH", 3)
    engine, codes = ToldEngine("happiness"), ["6C+12D"] * 4 + ["nonsense"]
    found = [one for batch in batches(codes, lambda c: prepare(c, engine.shape), "codes") for one in answer_all(batch, engine)]
    assert engine.asked == [3, 1]
    assert [isinstance(told, InputError) for _, told in found] == [False] * 4 + [True]
    picky = ToldEngine("happiness", refuses=1)
    found = [one for batch in batches(codes, lambda c: prepare(c, engine.shape), "codes") for one in answer_all(batch, picky)]
    assert picky.asked == [3, 1, 1, 1, 1]
    assert [isinstance(told, InputError) for _, told in found] == [False] * 4 + [True]


def test_labels_from_end_to_end(pictures, tiny_folder, capsys, monkeypatch):
    """An untrained model, pictures and FACS codes, as the command prints and stores them."""
    monkeypatch.setattr(generating, "generate", functools.partial(generating.generate, max_new_tokens=8))
    lines = [f",{code},{label},{k % 2}" for k, (code, label) in enumerate(CODES.items())]
    given = table(pictures, "\n".join(["path,codes,label,subject", "face.png,,happy,a", "empty.png,,neutral,b", *lines]))
    out = str(pictures / "figures.json")
    assert command.main(["labels", given, "--model", str(tiny_folder), "--json", out, "--progress", "none"]) == 0
    stored, text = json.loads((pictures / "figures.json").read_text()), capsys.readouterr().out
    assert {"n", "rows", "accuracy", "macro_recall", "recall", "confusion", "ece", "unread"} <= stored.keys()
    assert (stored["n"], stored["rows"], stored["subjects"]) == (5, 6, 4)
    assert {label: figure["n"] for label, figure in stored["recall"].items()} == {
        "happiness": 2, "surprise": 1, "disgust": 1, "anger": 1}
    assert sum(sum(row.values()) for row in stored["confusion"].values()) == 5
    assert stored["unread"][0]["place"].endswith("line 3")
    assert "1 of 6 rows could not be read:" in text
    assert "macro recall" in text


def test_a_table_of_which_nothing_can_be_read_is_an_error(tmp_path, tiny_folder):
    given = table(tmp_path, "path,label\nmissing.png,happy\n")
    with pytest.raises(InputError, match=r"none of its 1 rows could be read\. .*line 2: .*missing\.png"):
        command.main(["labels", given, "--model", str(tiny_folder)])


# --- prose -------------------------------------------------------------------------------------------------------------

def told(text: str, claims=(), faults=(), coverage: float | None = 1.0) -> Explanation:
    """claims: (words, verdict); faults: (words, kind)."""
    where = lambda words: (text.index(words), text.index(words) + len(words))  # noqa: E731
    return Explanation(text=text, coverage=coverage,
                       claims=[Claim(w, where(w), "AU12", "both", "present", verdict=v, reason=f"not {w}", kind="movement")
                               for w, v in claims],
                       faults=[{"kind": kind, "span": list(where(w)), "detail": ""} for w, kind in faults])


def test_prose_by_hand():
    counts = prose.Counts()
    counts.add("a.png", told("The brows rise. The lips part.", [("brows rise", "contradicted"), ("lips part", "supported")]))
    counts.add("b.mp4", told("It is so. It is so.", [], [("It is so. It", "sentence repeated")], coverage=0.5))
    counts.add("b.mp4", told("The chin is up.", [("chin is up", "supported")], [("chin", "compared with itself")], None))
    figures = prose.figures_of(counts)
    assert {name: (round(f[0], 3), f[3]) for name, f in figures.items() if f[3]} == {
        "contradicted statements": (0.333, 3), "explanations with a sentence repeated": (0.333, 3),
        "explanations with a wrong alternative": (0.0, 3), "explanations with a wrong rank": (0.0, 3),
        "explanations with unlisted support": (0.0, 3), "explanations with another fault": (0.333, 3),
        "clauses that could be judged": (0.75, 2)}
    assert np.isnan(figures["contradicted observation lines"][0])
    assert counts.worst[0] == {"source": "a.png", "sentence": "The brows rise.",
                               "reasons": ["contradicted movement: not brows rise"]}


def test_the_worst_sentences_have_most_that_is_wrong():
    counts = prose.Counts()
    for k in range(8):
        counts.add(f"{k}.png", told("One two three four.", [(w, "contradicted") for w in ["One", "two", "three"][:1 + k % 3]]))
    assert [len(wrong["reasons"]) for wrong in counts.worst] == [3, 3, 2, 2, 2]


def test_prose_of_nothing_is_an_error(pictures, capsys):
    assert cli.main(["eval", "reasoning", "--media", str(pictures / "missing.mp4")]) == 2
    assert "missing.mp4: no such file or folder" in capsys.readouterr().err
    with pytest.raises(InputError, match="none of 2 photos and clips can be judged"):
        prose.prose([Item(n, str(pictures / n), n) for n in ("empty.png", "broken.png")], ToldEngine("fear"), crops=False)


def test_prose_from_end_to_end(pictures, astronaut_clip, tiny_folder, capsys, monkeypatch):
    """A photo, a clip and what cannot be read, grounded and free, beside the other figures of the suite."""
    monkeypatch.setattr(generating, "generate", functools.partial(generating.generate, max_new_tokens=40))
    monkeypatch.setattr(reasoning, "DRAWS", 1)
    shutil.copy(astronaut_clip, pictures / "clip.mp4")
    (pictures / "crop.png").unlink()
    out = pictures / "figures.json"
    assert command.main(["reasoning", "--media", str(pictures), "--model", str(tiny_folder), "--json", str(out)]) == 0
    stored, text = json.loads(out.read_text()), capsys.readouterr().out
    for mode in ("grounded", "free"):
        assert stored[f"{mode} prose: explanations with a wrong rank"]["n"] == 2
        assert f"{mode} prose: contradicted statements" in stored
        assert len(stored["worst sentences"][mode]) <= 5
    assert stored["grounded prose: contradicted observation lines"]["value"] in (0.0, None)
    assert stored["prototypes without pixels: anger"]["n"] > 0
    assert {one["place"].rpartition("/")[2] for one in stored["unread"]} == {"empty.png", "broken.png"}
    assert "2 faces or files of 4 photos and clips could not be read:" in text
