"""The figures of `emollm eval reasoning`: an engine that follows the evidence passes, one that does not fails."""

import json

import numpy as np
import pytest

from emollm.answer import prompt, reading
from emollm.evaluation import reasoning
from emollm.evaluation.command import main
from emollm.facs.tables import VARIANTS
from emollm.model.generate import GeneratedAnswer
from emollm.schema import AU_NAMES, LABELS
from emollm.subject import Subject


class ReadingEngine:
    """An engine whose label is the reading of the units that it is given, or always the same one."""

    def __init__(self, always: str | None = None):
        self.always = always

    def answer(self, faces, questions, observations):
        assert len(faces) == len(questions) == len(observations)
        return [self.one(f) for f in faces]

    def one(self, face) -> GeneratedAnswer:
        share = face.movements.given
        if self.always:
            share = np.where(np.array(LABELS) == self.always, 0.93, 0.01)
        return GeneratedAnswer(f"{prompt.CONCLUSION} {LABELS[share.argmax()]}.", dict(zip(LABELS, share, strict=True)), True)


@pytest.fixture
def faces(photo_of):
    return [Subject(photo_of({"AU12": 2.0 + k % 3, "AU06": float(k % 2)})) for k in range(28)]


def test_an_engine_that_follows_the_evidence_passes(faces):
    engine = ReadingEngine()
    before = reasoning.answer_faces(engine, faces, "")
    for found in (reasoning.unchanged_figures(engine, faces, before), reasoning.single_units(engine, faces, before)):
        ((value, low, high, n),) = found.values()
        assert low <= value <= high
        assert (value > 0.9, n) == (True, 28)
    found = reasoning.what_if(engine, faces)
    assert len(found) == len(LABELS)
    assert found["what-if prototypes on real faces"][3] == 28
    assert found["what-if prototypes on real faces: anger"][3] == 4


def test_an_engine_that_repeats_itself_fails(faces):
    engine = ReadingEngine("happiness")
    before = reasoning.answer_faces(engine, faces, "")
    found = reasoning.what_if(engine, faces)
    assert found["what-if prototypes on real faces: anger"][0] == 0
    assert found["what-if prototypes on real faces: happiness"][0] == 1
    assert reasoning.single_units(engine, faces, before)["single decisive units move their label as listed"][0] == 0


def test_a_change_without_an_edit_is_seen(faces):
    before = reasoning.answer_faces(ReadingEngine("fear"), faces, "")
    assert reasoning.unchanged_figures(ReadingEngine("anger"), faces, before)["without an edit nothing changes"][0] == 0


def test_decisive_units_are_in_most_listings():
    found = reasoning.decisive_units()
    assert {("happiness", "AU12"), ("anger", "AU04"), ("sadness", "AU01"), ("contempt", "AU14")} <= set(found)
    assert ("anger", "AU12") not in found and not [label for label, _ in found if label == "neutral"]


def test_listings_of_one_source_that_agree_are_one_reading():
    assert all(v.label in reasoning.same_reading(v) for v in VARIANTS)


def test_the_suite_without_faces(tmp_path, capsys, monkeypatch):
    """Tables and codes alone: seconds, no model; figures as text and as JSON."""
    np.savez(tmp_path / "codes.npz", au=[6, 12, 14], au_present=[[1, 1, 0], [0, 0, 1]] * 4, apex_frame=[1] * 8,
             emotion=["happy", "contempt"] * 4, subject=[*"aabbccdd"])
    monkeypatch.setattr(reasoning, "DRAWS", 2)
    assert main(["reasoning", "--ckplus", str(tmp_path / "codes.npz"), "--json", str(tmp_path / "figures.json")]) == 0
    figures, text = json.loads((tmp_path / "figures.json").read_text()), capsys.readouterr().out
    coded = figures["human-coded frames, subject left out"]
    assert coded == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 8}
    assert figures["highest confidence in a trace"]["value"] <= 0.6
    assert figures["highest confidence in a trace"]["n"] == len(AU_NAMES) + len(VARIANTS) - 1
    for label in LABELS:
        figure = figures[f"prototypes without pixels: {label}"]
        assert figure["n"] == 2 * sum(v.label == label for v in VARIANTS)
        assert figure["value"] >= 0.9
        assert f"prototypes without pixels: {label}" in text
    assert reading.stored_shares().shape == (len(VARIANTS), len(AU_NAMES))
