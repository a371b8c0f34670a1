"""The figures of `emollm eval quick`: statistics against known values, and the whole suite on a few made pictures."""

import argparse
import functools
import json

import numpy as np
import pytest
from PIL import Image

from data_engine import observe
from emollm import pack_model
from emollm.answer.facts import unit_peak
from emollm.evaluation import fer2013
from emollm.evaluation import quick as evaluate
from emollm.evaluation.command import main
from emollm.model.checkpoint import Shape
from emollm.model.generate import GeneratedAnswer, generate
from emollm.model.processor import face_input
from emollm.schema import LABELS


def test_bootstrap_covers_the_mean():
    values = np.random.default_rng(1).normal(3, 1, 400)
    mean, low, high = evaluate.bootstrap(values)
    assert mean == pytest.approx(values.mean())
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert evaluate.bootstrap(np.ones(5)) == (1.0, 1.0, 1.0)


def test_nothing_to_count_is_not_a_number():
    """An untrained model cites nothing: the suite must say so instead of failing at its end."""
    assert np.isnan(evaluate.bootstrap(np.array([]))).all()


def test_macro_recall_weighs_labels_alike():
    pairs = np.array([[0, 0]] * 8 + [[0, 1]] * 2 + [[1, 0]])
    assert evaluate.macro_recall(pairs) == pytest.approx((0.8 + 0.0) / 2)


def test_calibration_error():
    confidence, right = np.array([0.95] * 10 + [0.55] * 10), np.array([True] * 9 + [False] + [True] * 5 + [False] * 5)
    assert evaluate.calibration_error(confidence, right) == pytest.approx((0.05 + 0.05) / 2)
    assert evaluate.calibration_error(np.ones(4), np.ones(4, bool)) == 0


def test_label_scores_count_sure_majorities_apart():
    votes = np.zeros((4, 8))
    votes[0, 1], votes[1, 1], votes[2, 2], votes[3, 3] = 9, 5, 8, 7
    source = argparse.Namespace(votes=votes, fer=np.array([1, 1, 2, 0]))
    scores = evaluate.label_scores("x", np.array([1, 0, 2, 0]), source, np.arange(4))
    assert scores["x: FER2013 accuracy"][0] == 0.75
    assert scores["x: FER2013 accuracy"][3] == 4
    assert scores["x: FER+ majority accuracy"][0] == pytest.approx(2 / 3)
    assert scores["x: FER+ majority accuracy"][3] == 3  # five votes are not a majority of ten


def test_what_if_sees_a_claim_go(photo_of, monkeypatch):
    """A model that follows its evidence passes, one that repeats itself fails."""
    series = photo_of({"AU12": 3.0})
    faces = [(series, face_input(series, [], [0]))] * 3
    said = "AU12 lip corner puller | both | 3.0 marked | still | mouth corner pulled up and back\nInterpretation: so."
    quiet = "No measured movement stands out.\nInterpretation: so."
    generated = [GeneratedAnswer(said, {}, True)] * 3
    for text, expected in ((quiet, True), (said, False), (said.replace("3.0 marked", "1.4 trace"), True)):
        asked = []
        monkeypatch.setattr(evaluate, "answers", lambda model, processor, edited, grounded, text=text, asked=asked:
                            asked.extend(edited) or [GeneratedAnswer(text, {}, True)] * len(edited))
        assert evaluate.what_if(None, None, faces, generated, 2).tolist() == [expected] * 2
        assert all(s.intensity[0, 9].tolist() == [0, 0] for s, _ in asked)


# --- on pictures --------------------------------------------------------------------------------------------------

def test_votes_and_labels_are_put_in_our_order(fer):
    source = fer2013.load(str(fer))
    assert len(source) == 8
    assert [LABELS[k] for k in set(source.fer)] == ["happiness"]
    assert LABELS[source.votes[0].argmax()] == "happiness"
    assert source.keep.tolist() == [True, False, False, True, True, True, True, False]
    assert next(source.pictures(range(1))).size == (48, 48)


def test_observing_is_the_inference_path_and_resumable(fer, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(observe, "SHARD", 5)
    observe.observe(str(fer), str(tmp_path / "faces.npz"), lines.append, processes=2)
    assert lines == ["0-5 of 8 pictures", "5-8 of 8 pictures"]
    seen = np.load(tmp_path / "faces.npz")
    assert seen["chips"].shape == (8, 48, 48)
    assert seen["found"].tolist() == [True] * 6 + [False] * 2
    assert np.isnan(seen["intensity"][6:]).all()
    series, face = evaluate.crop_input(next(fer2013.load(str(fer)).pictures([2])), Shape(8, 48))
    np.testing.assert_allclose(seen["intensity"][2], series.intensity[0], rtol=1e-6)
    np.testing.assert_array_equal(seen["chips"][2], face.chips[0, :, :, 0])
    monkeypatch.setattr(observe, "observe_picture", None)  # looking again would fail
    observe.observe(str(fer), str(tmp_path / "faces.npz"), lines.append)
    assert len(lines) == 2


def test_a_crop_without_a_face_is_read_from_its_pixels():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8))
    series, face = evaluate.crop_input(noise, Shape(8, 48))
    assert not series.measured.any()
    assert face.visual_frames == 1
    assert not face.measured.any()
    np.testing.assert_array_equal(face.chips[0, :, :, 0], np.asarray(noise))


def test_answers_come_in_the_order_of_the_faces(tiny, photo_of, monkeypatch):
    """Batches are sorted by length inside; the caller must not notice."""
    monkeypatch.setattr(evaluate, "generate", functools.partial(generate, max_new_tokens=60))
    levels = [{"AU12": 3.0, "AU06": 2.0, "AU25": 2.0}, {}, {"AU04": 3.0}]
    faces = [(s, face_input(s, [], [0])) for s in map(photo_of, levels)]
    generated = evaluate.answers(*tiny, faces, grounded=True)
    claims = evaluate.claims_of(faces, generated, shown=False)
    for (series, _), found in zip(faces, claims, strict=True):
        lines = [c for c in found if c.level]
        assert all(c.verdict == "supported" for c in lines)
        assert {c.au for c in lines} <= {au for au in ("AU04", "AU06", "AU12", "AU25") if unit_peak(au, series)[0] > 1}
    assert generated[1].text.startswith("No measured movement")


def test_the_whole_suite_runs(fer, tiny_folder, tmp_path, capsys, monkeypatch):
    """From pictures to figures with an untrained model, the tower's own look included."""
    monkeypatch.setattr(evaluate, "generate", functools.partial(generate, max_new_tokens=30))
    assert main(["quick", "--fer", str(fer), "--model", str(tiny_folder), "--n", "3",
                 "-o", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["after the evidence: FER2013 accuracy"]["n"] == 3
    assert {"the tower's look alone: FER+ majority accuracy", "unsupported claims, free decoding", "faces found in the crop",
            "what-if on a cited unit changes or removes its claim"} <= figures.keys()
    printed = capsys.readouterr().out
    assert all(name in printed for name in figures)
    assert "n=3" in printed


def test_temperature_makes_confidence_honest():
    """Predictions that are twice too sharp are fitted back to what they were drawn from."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1.5, (4000, 8))
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([draw.choice(8, p=p) for p in share])
    sharp = share**2 / (share**2).sum(1, keepdims=True)
    assert pack_model.fit_temperature(sharp, truth) == pytest.approx(2, abs=0.15)
    assert pack_model.fit_temperature(share, truth) == pytest.approx(1, abs=0.1)
