"""Build the training records: evidence -> draft -> verify -> one JSON line each, resumable and counted.

    python -m data_engine build configs/data_pocket.yaml

A record holds `messages` (question and answer), `images` (the FER2013 row whose pixels belong to it, or none), `au`
(the evidence the answer was written from), `target` (label distribution) and `provenance` (where each part came from).
Record i depends on the seed and i alone, so a rerun continues after the last whole line.
"""

from __future__ import annotations

import collections
import json
import random
from pathlib import Path

import numpy as np

from data_engine import draft, sample
from data_engine.questions import QUESTIONS
from emollm.answer import prompt, reading, verify
from emollm.answer.witnesses import Movements, together
from emollm.perception.measure import ESTIMATOR
from emollm.schema import AU_NAMES, LABELS
from emollm.training.faces import ObservedFaces
from emollm.training.record import Record

KEYS = ("records", "faces", "out", "seed", "mix.real?", "mix.edited?", "mix.drawn?", "asked.explain?", "asked.movement?",
        "asked.label?", "label_share", "earlier")


class LabelledFaces:
    """Measured faces of the training split; the target distribution holds `label_share` of the FER2013 label beside the
    FER+ votes."""

    def __init__(self, path: str, label_share: float):
        faces = ObservedFaces.read(path)
        self.intensity = faces.intensity.astype(np.float64)  # [N, 24, 2]
        self.confidence, self.measured = faces.confidence.astype(np.float64), faces.measured
        onehot = np.eye(len(LABELS))[faces.label]
        self.target = (1 - label_share) * faces.soft + label_share * onehot  # [N, 8]
        self.rows = faces.train[faces.found[faces.train]]
        self.pool = self.intensity[self.rows]


def evidence(faces: LabelledFaces, rng: random.Random, mix: dict) -> tuple:
    """Series, events, key frames, target distribution, picture row (or None) and the kind of evidence."""
    kind = rng.choices(list(mix), list(mix.values()))[0]
    row = int(rng.choice(faces.rows))
    confidence, measured, name = faces.confidence[row], faces.measured, ESTIMATOR
    real = faces.intensity[row]
    if kind == "drawn":
        values = sample.draw_from_variants(rng) if rng.random() < 0.5 else sample.cooccurring(faces.pool, rng)
        confidence, measured, name, row = np.full(len(AU_NAMES), 0.9), np.ones(len(AU_NAMES), bool), "drawn", None
    else:
        values = sample.edit(real, rng) if kind == "edited" else real
    measured = sample.hide(measured, rng)
    target = faces.target[row] if kind == "real" else movements_read(values, confidence, measured)
    if kind == "edited":  # the pixels still show the face as it was
        seen = movements_read(real, confidence, faces.measured)
        stated = movements_read(values, confidence, measured & (np.nan_to_num(values) != np.nan_to_num(real)).any(1))
        target = together(faces.target[row], Movements(target, seen, stated, pixels=True))
    if rng.random() < mix_clip(kind):
        series, events, keys = sample.as_clip(values, confidence, measured, name, rng.choice((2, 2, 3, 4)), rng)
    else:
        series, events, keys = sample.photo_series(values, confidence, measured, name), [], [0]
    return series, events, keys, target, row, kind


def movements_read(intensity: np.ndarray, confidence: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """p(label | action units) [8]; intensity [24, 2], confidence [24], measured [24]."""
    visible = measured & np.isfinite(intensity).any(1)
    return reading.read(np.nan_to_num(intensity).max(1)[None], confidence[None], visible)[0]


def mix_clip(kind: str) -> float:
    """Share of clips among records of one kind of evidence."""
    return 0.12 if kind == "real" else 0.25


def write_record(index: int, seed: int, faces: LabelledFaces, mix: dict, asked: dict,
                 earlier: float) -> tuple[Record | None, str]:
    """One record, or None and the reason why it was dropped. mix and asked: weights of evidence and question kinds;
    earlier: share of records that are the second turn of a chat about the face."""
    rng = random.Random(seed * 1_000_003 + index)
    series, events, keys, target, row, kind = evidence(faces, rng, mix)
    observations = prompt.observe(series, events, rng)
    label = LABELS[rng.choices(range(len(LABELS)), target)[0]]
    interpretation = draft.interpretation(observations, rng)
    whole = prompt.render(observations, interpretation, label, draft.conclusion(label, observations, rng))
    parsed = prompt.parse(whole)
    if parsed.problems:
        return None, "grammar"
    if draft.LEAK.search(parsed.interpretation):
        return None, "label in the interpretation"
    checked = verify.check(parsed, whole, series, events)
    wrong = [c for c in checked.claims if c.verdict in ("contradicted", "unmeasured")]
    if wrong:
        return None, f"claim {wrong[0].verdict}"
    if checked.faults:
        return None, checked.faults[0]["kind"]
    answers = {"explain": whole, "movement": parsed.observations_text, "label": f"{prompt.CONCLUSION} {label}."}
    kinds = rng.choices(list(asked), list(asked.values()), k=2 if rng.random() < earlier else 1)
    messages = [m for kind_asked in kinds for m in (
        {"role": "user", "content": ask(kind_asked, rng)}, {"role": "assistant", "content": answers[kind_asked]})]
    return Record(index, messages, label, np.round(target, 4).tolist(), series, events, keys, row,
                  {"evidence": kind, "text": "rules", "asked": kinds[-1]}), "kept"


def ask(kind: str, rng: random.Random) -> str:
    """A question of that kind: explain, movement or label."""
    return prompt.DEFAULT_QUESTION if kind == "explain" and rng.random() < 0.3 else rng.choice(QUESTIONS[kind])


def finished(path: Path) -> int:
    """Index after the last whole record of an earlier run; a torn last line is cut off."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data[:data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
    lines = whole.splitlines()
    return json.loads(lines[-1])["id"] + 1 if lines else 0


def build(config: dict) -> collections.Counter:
    """Write config["records"] records to config["out"]; returns the count per outcome of this run."""
    faces, out = LabelledFaces(config["faces"], config["label_share"]), Path(config["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    counts = collections.Counter()
    with out.open("a") as lines:
        for index in range(finished(out), config["records"]):
            record, outcome = write_record(index, config["seed"], faces, config["mix"], config["asked"], config["earlier"])
            counts[outcome] += 1
            if record:
                lines.write(record.to_json() + "\n")
    return counts
