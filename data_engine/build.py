"""Build the training records: evidence -> claims -> draft -> verify -> one JSON line each, resumable and counted.

    python -m data_engine build configs/data_pocket.yaml

A record holds `messages` (question and answer), `images` (the FER2013 row whose pixels belong to it, or none), `au`
(the evidence the answer was written from), `target` (label distribution) and `provenance` (where each part came from, and the
claims that every sentence of the last answer says).

Record i depends on the seed and i alone: a rerun continues after the last whole line, and any number of processes writes the
same bytes. Beside the records lie their data card (card.py) and a stamp of the settings, the faces and this code, so that no
run goes on where another one with other inputs stopped.
"""

from __future__ import annotations

import collections
import concurrent.futures
import functools
import hashlib
import json
import multiprocessing
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_engine import card, claims, draft, sample
from data_engine.draft import Draft
from data_engine.phrases import PLAIN
from data_engine.questions import LABEL, LEVEL_SHARES, MOVEMENT, QUESTIONS, WORDINGS
from emollm.answer import prompt, reading, verify
from emollm.answer.witnesses import Movements, combine_witnesses
from emollm.perception.measure import ESTIMATOR
from emollm.schema import AU_NAMES, LABELS, AUEvent, AUSeries, InputError
from emollm.training.faces import ObservedFaces
from emollm.training.record import Record

KEYS = ("records", "faces", "out", "seed", "mix.real?", "mix.edited?", "mix.drawn?", "asked.explain?", "asked.movement?",
        "asked.label?", "label_share", "earlier")
CHUNK = 500  # records that a process writes at a time
FLATTER = 0.7  # exponent on the distribution that the text's label is drawn from: rarer ones must be argued for, too
CROWDED = 0.3  # share of drawn faces that move in two ways at once: a long clip has more movements than a moment


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


@dataclass
class Evidence:
    """What one record is about."""

    series: AUSeries
    events: list[AUEvent]
    keys: list[int]
    target: np.ndarray  # [8]
    concluded: np.ndarray  # [8]: target, as it stands after the movements; what a text argues for is drawn from it
    row: int | None  # of the picture; None: no pixels
    kind: str  # real | edited | drawn


def evidence(faces: LabelledFaces, rng: random.Random, mix: dict) -> Evidence:
    """A real face, an edit of one, or a drawn one, as a photo or as a clip. mix: weights of the kinds."""
    kind = rng.choices(list(mix), list(mix.values()))[0]
    row = int(rng.choice(faces.rows))
    confidence, measured, name = faces.confidence[row], faces.measured, ESTIMATOR
    real = faces.intensity[row]
    if kind == "drawn":
        values = sample.draw_from_variants(rng) if rng.random() < 0.5 else sample.redraw_strengths(faces.pool, rng)
        if rng.random() < CROWDED:
            values = sample.finish_draw(np.maximum(values, sample.redraw_strengths(faces.pool, rng)), rng)
        confidence, measured, name, row = np.full(len(AU_NAMES), 0.9), np.ones(len(AU_NAMES), bool), "drawn", None
    else:
        values = sample.edit(real, rng) if kind == "edited" else real
    measured = sample.hide(measured, rng)
    given = read_movements(values, confidence, measured)
    target = concluded = given
    if kind == "real":
        target, concluded = faces.target[row], combine_witnesses(faces.target[row], Movements.from_reading(given, pixels=True))
    if kind == "edited":  # the pixels still show the face as it was
        seen = read_movements(real, confidence, faces.measured)
        stated = read_movements(values, confidence, measured & (np.nan_to_num(values) != np.nan_to_num(real)).any(1))
        target = concluded = combine_witnesses(faces.target[row], Movements(given, seen, stated, pixels=True))
    if rng.random() < mix_clip(kind):
        series, events, keys = sample.as_clip(values, confidence, measured, name, rng.choice((2, 2, 3, 4)), rng)
    else:
        series, events, keys = sample.photo_series(values, confidence, measured, name), [], [0]
    return Evidence(series, events, keys, target, concluded, row, kind)


def read_movements(intensity: np.ndarray, confidence: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """p(label | action units) [8]; intensity [24, 2], confidence [24], measured [24]."""
    visible = measured & np.isfinite(intensity).any(1)
    return reading.read(np.nan_to_num(intensity).max(1)[None], confidence[None], visible)[0]


def mix_clip(kind: str) -> float:
    """Share of clips among records of one kind of evidence."""
    return {"real": 0.12, "edited": 0.25, "drawn": 0.5}[kind]


# ---- one record -----------------------------------------------------------------------------------------------------------


class DroppedRecord(Exception):
    """A record that is not written, and why."""


@dataclass
class DraftAnswer:
    """One question with its answer; plan and claims of its prose, empty without any."""

    question: str
    text: str
    level: str = ""
    plan: str = ""
    sentences: list[dict] | None = None


def write_record(index: int, seed: int, faces: LabelledFaces, mix: dict, asked: dict,
                 earlier: float) -> tuple[Record | None, str]:
    """One record, or None and the reason why it was dropped. mix and asked: weights of evidence and question kinds;
    earlier: share of records that are the second turn of a chat about the face."""
    rng = random.Random(seed * 1_000_003 + index)
    case = evidence(faces, rng, mix)
    face = claims.observe_face(case.series, case.events, rng)
    label = LABELS[rng.choices(range(len(LABELS)), case.concluded**FLATTER)[0]]
    kinds = rng.choices(list(asked), list(asked.values()), k=2 if rng.random() < earlier else 1)
    try:
        answers = [answer(kind, face, case, label, rng) for kind in kinds]
    except DroppedRecord as why:
        return None, str(why)
    last = answers[-1]
    messages = [m for a in answers for m in ({"role": "user", "content": a.question}, {"role": "assistant", "content": a.text})]
    provenance = {"evidence": case.kind, "text": "rules", "asked": kinds[-1]}
    if last.plan:
        provenance |= {"level": last.level, "plan": last.plan, "sentences": last.sentences}
    return Record(index, messages, label, np.round(case.target, 4).tolist(), case.series, case.events, case.keys, case.row,
                  provenance), "kept"


def answer(kind: str, face: claims.DraftFace, case: Evidence, label: str, rng: random.Random) -> DraftAnswer:
    """A question of that kind (explain, movement or label) and its answer. Raises DroppedRecord."""
    if kind == MOVEMENT:
        lines = "\n".join(prompt.render_observation(o) for o in face.there.values())
        return DraftAnswer(rng.choice(QUESTIONS[MOVEMENT]), lines or prompt.NOTHING)
    if kind == LABEL:
        return DraftAnswer(rng.choice(QUESTIONS[LABEL]), f"{prompt.CONCLUSION} {label}.")
    level = rng.choices(list(LEVEL_SHARES), list(LEVEL_SHARES.values()))[0]
    written = draft.explain(face, label, level, rng)
    text = render_draft(face, written, label)
    check(text, written, case)
    default = level == PLAIN and rng.random() < 0.4
    question = prompt.DEFAULT_QUESTION if default else rng.choice(WORDINGS[level])
    return DraftAnswer(question, text, level, written.plan, place(text, written))


def render_draft(face: claims.DraftFace, written: Draft, label: str) -> str:
    """A draft in the answer format: with its observation lines, or as a conclusion alone where it has no interpretation."""
    after = " ".join(s.text for s in written.conclusion)
    if not written.interpretation:
        return f"{prompt.CONCLUSION} {label}. {after}".rstrip()
    return prompt.render(list(face.there.values()), " ".join(s.text for s in written.interpretation), label, after)


def check(text: str, written: Draft, case: Evidence) -> None:
    """The draft against the grammar and the verifier of prose, which knows nothing of the writer. Raises DroppedRecord."""
    parsed = prompt.parse(text)
    if parsed.problems or parsed.label is None:
        raise DroppedRecord("grammar")
    if draft.LEAK.search(parsed.interpretation):
        raise DroppedRecord("label in the interpretation")
    checked = verify.check(parsed, text, case.series, case.events)
    if wrong := [c for c in checked.claims if c.verdict != "supported"]:
        raise DroppedRecord(f"{wrong[0].kind} {wrong[0].verdict}")
    if checked.faults:
        raise DroppedRecord(checked.faults[0]["kind"])


def place(text: str, written: Draft) -> list[dict]:
    """Every sentence's place in the answer and the claim that it says: [{"at": [start, end], "kind", "units", ...}]."""
    places, at = [], 0
    for s in (*written.interpretation, *written.conclusion):
        at = text.index(s.text, at)
        places.append({"at": [at, at + len(s.text)], **s.claim.to_json()})
        at += len(s.text)
    return places


# ---- all records ----------------------------------------------------------------------------------------------------------


def resume_index(path: Path) -> int:
    """Index after the last whole record of an earlier run; a torn last line is cut off."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole_lines = data[:data.rfind(b"\n") + 1]
    if len(whole_lines) < len(data):
        path.write_bytes(whole_lines)
    lines = whole_lines.splitlines()
    return json.loads(lines[-1])["id"] + 1 if lines else 0


def build(config: dict, processes: int | None = None) -> collections.Counter:
    """Write config["records"] records to config["out"], and their card beside them; returns the count per outcome of this run.

    processes: how many share the work, all cores unless given; the bytes are the same. Raises InputError when the records there
    were written with other settings, faces or code.
    """
    out = Path(config["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    _stamp(config, out)
    first, counts = resume_index(out), collections.Counter()
    starts = range(first, config["records"], CHUNK)
    with out.open("a", encoding="utf-8") as lines:
        for written, outcomes in _chunks(config, starts, processes or len(os.sched_getaffinity(0))):
            counts += outcomes
            lines.write(written)
    drops = _drops(config, out)
    card.write(out, config, drops)
    return counts


def _chunks(config: dict, starts: range, processes: int) -> Iterator[tuple[str, collections.Counter]]:
    """Every chunk's lines and outcomes, in order."""
    work = functools.partial(_chunk, config)
    if min(processes, len(starts)) < 2:
        yield from map(work, starts)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of whatever runs in this process
    with concurrent.futures.ProcessPoolExecutor(min(processes, len(starts)), spawn) as pool:
        yield from pool.map(work, starts)


def _chunk(config: dict, start: int) -> tuple[str, collections.Counter]:
    lines, counts = [], collections.Counter()
    for index in range(start, min(start + CHUNK, config["records"])):
        record, outcome = _try_record(config, index)
        counts[outcome] += 1
        if record:
            lines.append(record.to_json() + "\n")
    return "".join(lines), counts


def _try_record(config: dict, index: int) -> tuple[Record | None, str]:
    faces = _faces(config["faces"], config["label_share"])
    return write_record(index, config["seed"], faces, config["mix"], config["asked"], config["earlier"])


@functools.lru_cache(maxsize=1)
def _faces(path: str, label_share: float) -> LabelledFaces:
    return LabelledFaces(path, label_share)


def _drops(config: dict, out: Path) -> collections.Counter:
    """Why each record that is not in the file was dropped, found out by writing it again: also those of earlier runs."""
    with out.open(encoding="utf-8") as lines:
        kept = {json.loads(line)["id"] for line in lines}
    return collections.Counter(_try_record(config, k)[1] for k in range(config["records"]) if k not in kept)


def _stamp(config: dict, out: Path) -> None:
    """Write what the records depend on beside them, or compare it. Raises InputError."""
    path = out.with_suffix(".stamp.json")
    code = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        if module.stem in ("build", "claims", "draft", "phrases", "questions", "sample"):
            code.update(module.read_bytes())
    faces = hashlib.sha256(Path(config["faces"]).read_bytes()).hexdigest() if Path(config["faces"]).is_file() else ""
    depends = {k: v for k, v in config.items() if k not in ("records", "out", "faces")}
    text = json.dumps({"settings": depends, "faces": faces, "code": code.hexdigest()}, indent=1, sort_keys=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if out.exists() and out.stat().st_size and before != text:
        raise InputError(f"{out}: written with other settings, faces or code than now ({path.name}). Delete it and run again.")
    path.write_text(text, encoding="utf-8")
