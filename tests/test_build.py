"""The data engine: deterministic, resumable, counted; records are true to their evidence and do not repeat each other."""

import collections
import dataclasses
import json
import random
import re

import numpy as np
import pytest

from data_engine import build as engine
from data_engine import card, draft
from data_engine.claims import DraftClaim
from data_engine.questions import QUESTIONS, WORDINGS
from emollm.answer import prompt, reading, verify
from emollm.answer.witnesses import Movements, combine_witnesses
from emollm.schema import AU_NAMES, LABELS, InputError
from emollm.training.record import Record


@pytest.fixture(scope="module")
def records(records_file) -> list[Record]:
    return [Record.from_json(line) for line in records_file.read_text().splitlines()]


@pytest.fixture
def config(data_config, tmp_path) -> dict:
    return {**data_config, "records": 40, "out": str(tmp_path / "some" / "records.jsonl")}


def test_the_same_settings_give_the_same_bytes(config, records_file, tmp_path):
    counts = engine.build(config)
    written = (tmp_path / "some" / "records.jsonl").read_bytes()
    assert sum(counts.values()) == 40
    assert counts["kept"] == written.count(b"\n")
    assert records_file.read_bytes().startswith(written)  # record n does not depend on how many there are


def test_a_rerun_does_nothing(config, tmp_path):
    engine.build(config)
    before = (tmp_path / "some" / "records.jsonl").read_bytes()
    assert engine.build(config)["kept"] == 0
    assert (tmp_path / "some" / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_torn_run_continues_to_the_same_bytes(config, tmp_path, cut):
    engine.build(config)
    path = tmp_path / "some" / "records.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    engine.build(config)
    assert path.read_bytes() == whole


def test_another_seed_gives_other_records(config, tmp_path):
    engine.build(config)
    first = (tmp_path / "some" / "records.jsonl").read_bytes()
    engine.build({**config, "seed": 6, "out": str(tmp_path / "other.jsonl")})
    assert (tmp_path / "other.jsonl").read_bytes() != first


# --- records ------------------------------------------------------------------------------------------------------

def test_records_hold_what_training_reads(records):
    assert len(records) > 290  # of 300: drafts are written to pass the verifier
    for r in records:
        assert [m["role"] for m in r.messages] == ["user", "assistant"] * (len(r.messages) // 2)
        asked = r.provenance["asked"]
        assert r.messages[-2]["content"] in (*(WORDINGS[r.provenance["level"]] if asked == "explain" else QUESTIONS[asked]),
                                             *[prompt.DEFAULT_QUESTION] * (r.provenance.get("level") == "plain"))
        assert sum(r.target) == pytest.approx(1, abs=1e-3)
        assert r.label in LABELS
        assert (r.row is None) == (r.provenance["evidence"] == "drawn")
    kinds = collections.Counter((r.provenance["evidence"], r.provenance["asked"]) for r in records)
    assert {k for k, _ in kinds} == {"real", "edited", "drawn"}
    assert {k for _, k in kinds} == {"explain", "movement", "label"}


def test_validation_faces_are_never_used(records, faces_cache):
    stored = np.load(faces_cache)
    allowed = np.flatnonzero(stored["keep"] & ~stored["public_test"] & stored["found"])
    assert {r.row for r in records if r.row is not None} <= set(allowed.tolist())


def test_answers_follow_their_evidence(records):
    """No record claims what its own evidence does not show, and every movement that is there is listed."""
    for r in records:
        series, events, keys = r.series, r.events, r.keys
        assert max(keys) < len(series.times)
        text = r.messages[-1]["content"]
        answer = prompt.parse(text)
        assert answer.problems == []
        verdicts = {c.verdict for c in verify.claims(answer, text, series, events) if c.kind == "observation"}
        assert not verdicts & {"contradicted", "unmeasured"}, text
        if r.provenance["asked"] != "label" and r.provenance.get("level") != "line":
            assert [o.au for o in answer.observations] == [o.au for o in prompt.observe(series, events)]
        if r.provenance["asked"] != "movement":
            assert answer.label == r.label


def test_the_label_comes_after_the_evidence(records):
    """No word for a label before the conclusion: the evidence must not give the answer away."""
    for r in records:
        if r.provenance["asked"] == "explain":
            before = r.messages[-1]["content"].split(prompt.CONCLUSION)[0]
            assert not draft.LEAK.search(before)
            assert not re.search("|".join(LABELS), before)


def test_texts_do_not_repeat(data_config, faces_cache):
    """With numbers masked at most 2 % of the explanations share their text with another; one line has no room to differ."""
    faces = engine.LabelledFaces(str(faces_cache), 0.25)
    asked = {"explain": 1}
    texts = [engine.write_record(k, 9, faces, data_config["mix"], asked, 0.0)[0] for k in range(400)]
    masked = collections.Counter(re.sub(r"\d+(\.\d+)?", "#", r.messages[-1]["content"]) for r in texts
                                 if r and r.provenance["level"] != "line")
    assert sum(n for n in masked.values() if n > 1) <= 0.02 * masked.total()


def test_every_sentence_has_its_claim(records):
    """The claims of a record cover the prose of its last answer, sentence by sentence, with units, value and source."""
    explained = [r for r in records if r.provenance["asked"] == "explain"]
    assert len(explained) > 150
    for r in explained:
        text, told = r.messages[-1]["content"], r.provenance["sentences"]
        answer = prompt.parse(text)
        said = [text[slice(*s["at"])] for s in told]
        assert " ".join(said) == f"{answer.interpretation} {answer.conclusion}".strip()
        assert all(s["kind"] and s["source"] and set(s["units"]) <= set(AU_NAMES) for s in told)
        assert r.provenance["plan"].startswith(f"{r.provenance['level']}: ")
    assert {r.provenance["level"] for r in explained} == set(WORDINGS)


def test_clips_are_told_in_time(records):
    clips = [r for r in records if len(r.series.times) > 1 and r.provenance["asked"] == "explain" and len(r.events) > 1
             and r.provenance["level"] != "line"]
    kinds = collections.Counter(s["kind"] for r in clips for s in r.provenance["sentences"])
    assert len(clips) > 15
    assert kinds["sequence2"] + kinds["sequence3"] + kinds["at once"] + kinds["brief"] + kinds["lasts"] > 0.5 * len(clips)


def test_edited_faces_move_their_target(faces_cache, data_config):
    """Once an edit removes the movements, the picture's votes must not stand unchanged."""
    faces = engine.LabelledFaces(str(faces_cache), 0.25)
    moved = []
    for seed in range(40):
        found = engine.evidence(faces, random.Random(seed), {"edited": 1})
        assert found.kind == "edited"
        assert found.target.sum() == pytest.approx(1, abs=1e-4)
        moved.append(abs(found.target - faces.target[found.row]).max())
    assert np.median(moved) > 0.02
    assert found.series.intensity.shape[1:] == (len(AU_NAMES), 2)


def test_a_text_argues_for_the_label_after_the_movements(faces_cache, data_config):
    """As an explanation has it; what the label is taught stays what people said of the picture."""
    faces, moved = engine.LabelledFaces(str(faces_cache), data_config["label_share"]), 0
    for seed in range(60):
        found = engine.evidence(faces, random.Random(seed), {"real": 1})
        assert np.array_equal(found.target, faces.target[found.row])
        said = Movements.from_reading(reading.read_series(found.series), pixels=True)
        if len(found.series.times) == 1:  # a clip is read at its peaks
            assert np.allclose(found.concluded, combine_witnesses(found.target, said))
        moved += found.concluded.argmax() != found.target.argmax()
    assert moved


# --- drops --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, reason", [
    ("The mouth corners rise, so this is a happy face.", "label in the interpretation"),
    ("{invented} stands out.", "movement contradicted"),
    ("AU03 stands out.", "movement unmeasured"),
    ("Two parts.\nConclusion: joy.", "grammar"),
])
def test_false_texts_are_dropped_and_counted(config, monkeypatch, text, reason):
    true = draft.explain

    def wrong(face, label, level, rng):
        invented = next(au for au in AU_NAMES if au not in face.there and au not in ("AU11", "AU22", "AU45"))
        said = draft.Sentence(text.format(invented=invented), DraftClaim("there1"))
        return dataclasses.replace(true(face, label, level, rng), interpretation=[said])

    monkeypatch.setattr(engine.draft, "explain", wrong)
    monkeypatch.setattr(engine.sample, "hide", lambda measured, rng: measured)
    config["asked"] = {"explain": 1}
    counts = engine.build(config, 1)
    assert counts[reason] > 0.5 * config["records"]
    assert counts.total() == config["records"]
    stored = json.loads((engine.Path(config["out"]).with_suffix(".card.json")).read_text())
    assert stored["dropped"][reason] == counts[reason]


# --- card, processes, stamp ---------------------------------------------------------------------------------------

def test_any_number_of_processes_writes_the_same(config, tmp_path, monkeypatch):
    config["records"], config["asked"] = 1100, {"explain": 1, "label": 9}
    alone, shared = ({**config, "out": str(tmp_path / name / "records.jsonl")} for name in ("alone", "shared"))
    assert engine.build(alone, 1) == engine.build(shared, 3)
    for name in ("records.jsonl", "records.card.json", "records.stamp.json"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "shared" / name).read_bytes()


def test_the_card_counts_what_is_there(records, records_file):
    stored = json.loads(records_file.with_suffix(".card.json").read_text())
    assert stored["records"] == len(records)
    assert stored["records"] + sum(stored["dropped"].values()) == 300
    assert stored["evidence"] == dict(sorted(collections.Counter(r.provenance["evidence"] for r in records).items()))
    assert sum(stored["level"].values()) == stored["with_prose"] == sum(r.provenance["asked"] == "explain" for r in records)
    plans = collections.Counter(r.provenance["plan"] for r in records if "plan" in r.provenance)
    assert stored["largest_plans"][0][1] == pytest.approx(max(plans.values()) / plans.total(), abs=1e-4)
    assert 0.3 < stored["distinct_4"] < 1
    assert "research use" in stored["sources"]["pictures"]


def test_distinct_4_falls_with_repetition():
    one = {"messages": [{}, {"content": "The raised cheeks are marked here."}], "label": "fear", "au": {"times": [0.0]},
           "provenance": {"evidence": "real", "asked": "explain", "level": "plain", "plan": "p",
                          "sentences": [{"at": [0, 34], "kind": "level"}]}}
    assert card.describe([one])["distinct_4"] == 1.0
    assert card.describe([one] * 4)["distinct_4"] == 0.25
    assert card.describe([one] * 4)["largest_plans"] == [["p", 1.0]]


@pytest.mark.parametrize("change", [{"seed": 6}, {"mix": {"real": 1.0}}, {"label_share": 0.5}])
def test_a_run_does_not_go_on_with_other_settings(config, change):
    engine.build(config, 1)
    before = engine.Path(config["out"]).read_bytes()
    with pytest.raises(InputError, match=r"records\.jsonl: written with other settings.*Delete it and run again"):
        engine.build({**config, **change}, 1)
    assert engine.Path(config["out"]).read_bytes() == before


def test_records_of_an_unknown_run_are_not_continued(config):
    out = engine.Path(config["out"])
    out.parent.mkdir()
    out.write_text('{"id": 3}\n')
    with pytest.raises(InputError, match="written with other settings"):
        engine.build(config, 1)


def test_more_records_of_the_same_settings_go_on(config):
    engine.build(config, 1)
    before = engine.Path(config["out"]).read_bytes()
    engine.build({**config, "records": 60}, 1)
    assert engine.Path(config["out"]).read_bytes().startswith(before)


def test_unknown_settings_are_refused(tmp_path, capsys):
    from data_engine.__main__ import main

    (tmp_path / "data.yaml").write_text("recods: 3\n")
    assert main_with(main, ["build", str(tmp_path / "data.yaml")]) == 2
    assert "unknown key 'recods' (did you mean 'records'?)" in capsys.readouterr().err


def main_with(main, arguments) -> int:
    import sys

    before, sys.argv = sys.argv, ["data_engine", *arguments]
    try:
        return main()
    finally:
        sys.argv = before


def test_missing_pictures_are_named(tmp_path):
    from emollm.evaluation import fer2013

    with pytest.raises(InputError, match=r"fer2013_train\.npz: missing; data_engine/README\.md says what it must hold"):
        fer2013.load(str(tmp_path))
