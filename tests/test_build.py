"""The data engine: deterministic, resumable, counted; records are true to their evidence and do not repeat each other."""

import collections
import random
import re

import numpy as np
import pytest

from data_engine import build as engine
from data_engine import draft
from data_engine.questions import QUESTIONS
from emollm.answer import prompt, verify
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
    assert len(records) > 200  # of 300: the verifier of prose drops a quarter of the drafts
    for r in records:
        assert [m["role"] for m in r.messages] == ["user", "assistant"] * (len(r.messages) // 2)
        assert r.messages[-2]["content"] in (*QUESTIONS[r.provenance["asked"]], prompt.DEFAULT_QUESTION)
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
        if r.provenance["asked"] != "label":
            assert [o.au for o in answer.observations] == [o.au for o in prompt.observe(series, events)]
        if r.provenance["asked"] != "movement":
            assert answer.label == r.label


def test_the_label_comes_after_the_evidence(records):
    """No word for a label before the conclusion: the evidence must not give the answer away."""
    for r in records:
        if r.provenance["asked"] == "explain":
            before = r.messages[-1]["content"].split(f"\n{prompt.CONCLUSION}")[0]
            assert not draft.LEAK.search(before)
            assert not re.search("|".join(LABELS), before)


def test_texts_do_not_repeat(data_config, faces_cache):
    """With numbers masked at most 2 % of the explanations share their text with another."""
    faces = engine.LabelledFaces(str(faces_cache), 0.25)
    asked = {"explain": 1}
    texts = [engine.write_record(k, 9, faces, data_config["mix"], asked, 0.0)[0] for k in range(400)]
    masked = collections.Counter(re.sub(r"\d+(\.\d+)?", "#", r.messages[-1]["content"]) for r in texts if r)
    assert sum(n for n in masked.values() if n > 1) <= 0.02 * masked.total()


def test_edited_faces_move_their_target(faces_cache, data_config):
    """Once an edit removes the movements, the picture's votes must not stand unchanged."""
    faces = engine.LabelledFaces(str(faces_cache), 0.25)
    moved = []
    for seed in range(40):
        series, _, _, target, row, kind = engine.evidence(faces, random.Random(seed), {"edited": 1})
        assert kind == "edited"
        assert target.sum() == pytest.approx(1, abs=1e-4)
        moved.append(abs(target - faces.target[row]).max())
    assert np.median(moved) > 0.02
    assert series.intensity.shape[1:] == (len(AU_NAMES), 2)


# --- drops --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, reason", [
    ("The mouth corners rise, so this is a happy face.", "label in the interpretation"),
    ("{invented} stands out.", "claim contradicted"),
    ("AU03 stands out.", "claim unmeasured"),
    ("Two parts.\nConclusion: joy.", "grammar"),
])
def test_false_texts_are_dropped_and_counted(config, monkeypatch, text, reason):
    def wrong(observations, rng):
        there = {o.au for o in observations}
        return text.format(invented=next(au for au in AU_NAMES if au not in there and au not in ("AU11", "AU22", "AU45")))

    monkeypatch.setattr(engine.draft, "interpretation", wrong)
    monkeypatch.setattr(engine.sample, "hide", lambda measured, rng: measured)
    counts = engine.build(config)
    assert counts[reason] > 0.5 * config["records"]
    assert counts.total() == config["records"]


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
