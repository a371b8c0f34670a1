"""Conversations about measured and drawn faces, as training records of the talker.

    python -m data_engine talk configs/data_talk.yaml

A record is one JSON line: `turns` (question, call, facts, answer), `kind` of its last question, and `provenance`. Most of them
are questions with their calls alone, some in a row: understanding needs many wordings and no face, and a row shares what stands
around them. In the others every answer is drawn from the look-up of its own face (emollm.talk), and an answer that the verifier
of prose contradicts is dropped and counted.
"""

from __future__ import annotations

import collections
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_engine import sample
from data_engine.talk.follow_up_questions import draw_follow_up
from data_engine.talk.natural import draw_natural, natural_rows, row_length
from data_engine.talk.question_grammar import draw, templates
from emollm.answer.prose import judge
from emollm.schema import AUS, LABELS
from emollm.talk.lookups.lookup import HYPOTHETICAL, look_up
from emollm.talk.terms.call import UNCLEAR, Call, parse
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.training import settings
from emollm.training.faces import ObservedFaces

KEYS = ("faces", "out", "seed", "calls", "natural", "in_a_row", "conversations", "most_turns")
OFTEN = {
    "there M": 12,
    "absent M": 7,
    "strength M": 6,
    "side M": 5,
    "when M": 5,
    "cause M": 5,
    "part P": 4,
    "why": 4,
    "why L": 2,
    "whynot L": 4,
    "label": 3,
    "is L": 4,
    "sure": 3,
    "toward L": 3,
    "movements": 3,
    "smile": 2,
    "strongest": 2,
    "offtopic": 3,
    "unclear": 1,
    "edit AU=0": 4,
    "edit AU=3": 4,
    "edit AU=V": 2,
    # what was taken for another call
    "there AU12": 3,
    "strength AU12": 2,
    "absent AU43/AU45": 2,
    "absent AU25/AU26/AU27": 1.5,
    "rest": 2,
    "at T": 2,
    "other": 2.5,
    "outside": 2.5,
}


FOLLOWING = 0.4  # share of the questions in a row that follow on the one before


def weight(kind: str) -> float:
    return OFTEN.get(
        kind, 2.0 if kind.startswith("refuse") else 1.2 if kind.startswith("tell") else 0.7 if kind.startswith("topic") else 1.0
    )


def draw_kind(rng: random.Random) -> str:
    kinds = list(templates())
    return rng.choices(kinds, [weight(k) for k in kinds])[0]


def question(rng: random.Random) -> tuple[str, Call]:
    """A question of any kind, and its call."""
    while True:
        drawn = draw(rng, draw_kind(rng))
        if drawn:
            return drawn[0], parse(drawn[1])


def questions(rng: random.Random, number: int) -> list[tuple[str, Call]]:
    """So many in a row: two in five follow on the one before, where anything can."""
    row = [question(rng)]
    while len(row) < number:
        row.append((draw_follow_up(rng, row[-1][1]) if rng.random() < FOLLOWING else None) or question(rng))
    return row


def follow_on(rng: random.Random, call: Call, looked: Finding, held: bool = False) -> tuple[str, Call] | None:
    """A question that only makes sense after another one and its look-up, and its call; None when nothing follows."""
    first = looked.facts[0] if looked.facts else ""
    strongest = first.split()[1] if call.name in ("strongest", "intent") and first.startswith("strongest: AU") else ""
    second = first.split("runner-up ")[1].split()[0] if "runner-up " in first else ""
    return draw_follow_up(rng, call, strongest, second, held)


class TalkFaces:
    """Real measured faces with their votes for a look, and drawn ones; photos and clips."""

    def __init__(self, path: str):
        seen = ObservedFaces.read(path)
        keep = seen.found & ~seen.stored["public_test"]
        self.intensity, self.confidence = seen.stored["intensity"][keep], seen.stored["confidence"][keep]
        self.measured, self.soft = seen.stored["measured"], seen.soft[keep]

    def draw(self, rng: random.Random) -> Face:
        k = rng.randrange(len(self.intensity))
        values = self.intensity[k] if rng.random() < 0.6 else sample.draw_from_variants(rng)
        measured = sample.hide(np.ones(len(AUS), bool), rng) if rng.random() < 0.3 else np.ones(len(AUS), bool)
        measured &= np.isfinite(values).any(1)
        if rng.random() < 0.6:
            series, events = sample.photo_series(values, self.confidence[k], measured, "emollm-face"), []
        else:
            series, events, _ = sample.as_clip(np.nan_to_num(values), self.confidence[k], measured, "emollm-face", 3, rng)
        look = 0.9 * self.soft[k] + 0.1 * np.array([rng.random() for _ in LABELS]) / 4
        look = dict(zip(LABELS, (look / look.sum()).tolist(), strict=True)) if rng.random() < 0.85 else {}
        return Face(series, events, look)

    def draw_among(self, rng: random.Random) -> Face:
        """A face, now and then with others beside it."""
        face = self.draw(rng)
        if rng.random() < 0.15:
            face.others = [self.draw(rng) for _ in range(rng.choice((1, 2, 3)))]
            for number, other in enumerate(face.others, 1):
                other.name = f"face {number}"
        return face


def sound(face: Face | None, call: Call, answer: str) -> bool:
    """Whether the verifier finds nothing wrong in an answer about what was measured."""
    if face is None or call.name in HYPOTHETICAL:
        return True
    judged = judge(answer, face.series, face.events, face.distribution, face.label)
    return not judged.faults and all(f.verdict not in ("contradicted", "unmeasured") for f in judged.found)


def conversation(rng: random.Random, faces: TalkFaces, most: int, dropped: collections.Counter) -> dict | None:
    """One conversation of at most `most` questions; None where the verifier of prose contradicts an answer of
    it, counted in `dropped` by call."""
    face = None if rng.random() < 0.06 else faces.draw_among(rng)
    turns, call, looked = [], UNCLEAR, Finding([])
    for k in range(rng.randint(1, most)):
        asked = follow_on(rng, call, looked) if k and rng.random() < 0.6 else None
        text, call = asked or question(rng)
        looked = look_up(call, face)
        answer = looked.answer(rng)
        if not looked.is_verbatim and not sound(face, call, answer):
            dropped[call.name] += 1
            return None
        turns.append({"question": text, "call": str(call), "facts": looked.text(), "answer": answer,
                      "whole": looked.is_verbatim})
    return {"turns": turns, "kind": call.name, "provenance": {"face": "none" if face is None else face.series.estimator}}


def _rows(config: dict) -> Iterator[list[tuple[str, Call]]]:
    """Questions with their calls, without answers."""
    for k in range(0, config["calls"], config["in_a_row"]):
        rng = random.Random(f"{config['seed']} call {k}")
        yield questions(rng, row_length(rng, config["in_a_row"]))
    yield from natural_rows(random.Random(f"{config['seed']} natural"), config["natural"], config["in_a_row"])


def build(path: str, progress=print) -> None:
    """Write the conversations that a config asks for. Raises InputError."""
    config = settings.load(path, *KEYS)
    faces, dropped, written = TalkFaces(config["faces"]), collections.Counter(), collections.Counter()
    out = Path(config["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".tmp").open("w", encoding="utf-8") as lines:
        for asked in _rows(config):
            turns = [{"question": text, "call": str(call)} for text, call in asked]
            lines.write(json.dumps({"turns": turns, "kind": asked[-1][1].name, "provenance": {"face": "none"}}) + "\n")
            written[asked[-1][1].name] += 1
        made = k = 0
        while made < config["conversations"]:
            record = conversation(random.Random(f"{config['seed']} talk {k}"), faces, config["most_turns"], dropped)
            k += 1
            if record:
                made += 1
                written[record["kind"]] += 1
                lines.write(json.dumps(record) + "\n")
    out.with_suffix(".tmp").replace(out)
    progress(
        f"{sum(written.values())} records; dropped conversations: {sum(dropped.values())} of {k} "
        f"({', '.join(f'{name} {n}' for name, n in dropped.most_common(8))})"
    )


def held_out_questions(singles: int, conversations: int, turns: int, seed: int, injections: int = 0,
                       natural: int = 0) -> list[str]:
    """Lines for `emollm eval chat`: questions in wordings that no record was drawn from, alone and in conversations whose later
    turns may follow on the one before. natural: of these, as people type them, so many draws."""
    rng, lines = random.Random(f"{seed} held out"), []

    def draw_held_out() -> tuple[str, Call]:
        while True:
            drawn = draw(rng, draw_kind(rng), held=True)
            if drawn:
                return drawn[0], parse(drawn[1])

    for _ in range(singles):
        text, call = draw_held_out()
        lines.append(f"{call}\t{text}")
    for _ in range(conversations):
        face = drawn_face(rng)
        text, call = draw_held_out()
        lines.append(f"{call}\t{text}")
        for _ in range(turns - 1):
            looked = look_up(call, face)
            text, call = (follow_on(rng, call, looked, held=True) if rng.random() < 0.5 else None) or draw_held_out()
            lines.append(f"> {call}\t{text}")
    for _ in range(natural):
        (text, call), *later = draw_natural(rng, held=True)
        lines += [f"{call}\t{text}", *(f"> {call}\t{text}" for text, call in later)]
    for _ in range(injections):  # what is to be said instead of the measurement, before a question about it
        dictated = None
        while dictated is None:
            dictated = draw(rng, "refuse instructions", held=True)
        text, call = draw_held_out()
        lines.append(f"refuse instructions || {call}\t{dictated[0].rstrip('.?! ')}. {text}")
    return lines


def drawn_face(rng: random.Random) -> Face:
    series, events = (
        sample.photo_series(sample.draw_from_variants(rng), np.full(len(AUS), 0.8), np.ones(len(AUS), bool), "drawn"),
        [],
    )
    return Face(series, events)
