"""The rule writer: which claims an explanation is made of, in which order, and their sentences.

Claims first (claims.py), sentences from claims (phrases.py). What is drawn is a *plan*: the kinds of claims, one after the
other. Kinds keep one order (what moves, what leads or where, when, on which side or what is still, what else it may come from),
so that "what comes next" never means "the same again", which is what a small model makes of kinds in any order. The
interpretation comes before the label and never names one.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from data_engine import claims
from data_engine.claims import DraftClaim, DraftFace
from data_engine.phrases import CHILD, LINE, pattern_of, word

# Words that would give the label away before the evidence is through.
LEAK = re.compile(r"\b(neutral\w*|happ[iy]\w*|joy\w*|sad(?!dle)\w*|surpris\w*|fear\w*|afraid|scared|frighten\w*|"
                  r"disgust\w*|ang(er|ry|ri)\w*|contempt\w*|scorn\w*)\b", re.IGNORECASE)

PATTERN_SHARE = 0.7  # of openings by a known combination, where one holds
MOST = {CHILD: 3}  # sentences of an interpretation; 4 elsewhere, one more in a clip
_REST = ("rest missed", "rest like", "rest read", "rest little")
_UNMEASURED = ("unmeasured look", "unmeasured why", "unmeasured little")


@dataclass(frozen=True)
class Sentence:
    """One sentence and the claim that it says."""

    text: str
    claim: DraftClaim


@dataclass
class Draft:
    """An explanation before it is verified."""

    interpretation: list[Sentence] = field(default_factory=list)
    conclusion: list[Sentence] = field(default_factory=list)
    plan: str = ""


def explain(face: DraftFace, label: str, level: str, rng: random.Random) -> Draft:
    """Interpretation and conclusion of one face at a language level of phrases.WORDS.

    The level "line" has a conclusion alone. The same face, label, level and rng state give the same draft.
    """
    before = [] if level == LINE else interpretation(face, level, rng)
    after = conclusion(face, label, level, rng)
    draft = Draft([Sentence(word(c, face, level, rng), c) for c in before],
                  [Sentence(word(c, face, level, rng), c) for c in after])
    draft.plan = f"{level}: {', '.join(map(_name, before))} > {', '.join(map(_name, after))}"
    return draft


def _name(claim: DraftClaim) -> str:
    """A claim's name in a plan: its kind and, of a pattern, how many movements it is made of."""
    return f"{pattern_of(claim)}{len(claim.units) or ''}"


def interpretation(face: DraftFace, level: str, rng: random.Random) -> list[DraftClaim]:
    """The claims of an interpretation, in order."""
    pool = claims.movements(face)
    if pool[0].kind == "unmeasured":
        return [pool[0], *_draw_some(rng, [DraftClaim(k, source="emollm") for k in _UNMEASURED], rng.choice((1, 2)))]
    if pool[0].kind == "rest":
        still = [rng.choice(pool[1:])] if pool[1:] else []
        rest = [*still, *(DraftClaim(k, source="emollm") for k in _REST)]
        return [pool[0], *_draw_some(rng, rest, rng.choice((1, 2, 2, 3)))]
    chosen = _opening(pool, rng)
    chosen += _draw_one(rng, [c for c in pool if c.kind in ("strongest", "place")], 0.7)
    chosen += _time_claims(face, rng)
    chosen += _draw_one(rng, [c for c in pool if c.kind in ("side", "still")], 0.6)
    most = MOST.get(level, 4) + face.clip
    if len(chosen) < 2 or (len(chosen) < most and rng.random() < 0.75):
        pool = claims.causes(face)
        causes = claims.causes(face)
        kind = rng.choice(sorted({c.kind for c in causes}))  # two at once as often as one, though fewer can be drawn
        chosen.append(rng.choice([c for c in causes if c.kind == kind]))
    return chosen[:most]


def _opening(pool: list[DraftClaim], rng: random.Random) -> list[DraftClaim]:
    """What moves: a known combination, now and then with a second one apart from it, or the movements themselves."""
    patterns = [c for c in pool if c.kind == "pattern"]
    named = [c for c in pool if c.kind in ("only", "there2", "there3")]
    if not patterns or rng.random() >= PATTERN_SHARE:
        return [rng.choice(named)]
    first = rng.choice(patterns[:2])
    apart = [c for c in patterns if not {*c.units} & {*first.units}]
    if apart and rng.random() < 0.4:
        return [first, DraftClaim("second pattern", apart[0].units, apart[0].value, apart[0].source)]
    return [first]


def _time_claims(face: DraftFace, rng: random.Random) -> list[DraftClaim]:
    """What a clip is told by: its order, then a length."""
    pool = claims.moments(face)
    order = [c for c in pool if c.kind.startswith("sequence") or c.kind == "at once"]
    return [*_draw_one(rng, order, 0.9), *_draw_one(rng, [c for c in pool if c not in order], 0.8 if not order else 0.5)]


def _draw_one(rng: random.Random, options: list[DraftClaim], share: float) -> list[DraftClaim]:
    return [rng.choice(options)] if options and rng.random() < share else []


def _draw_some(rng: random.Random, options: list[DraftClaim], n: int) -> list[DraftClaim]:
    """n of them, in their own order."""
    places = sorted(rng.sample(range(len(options)), min(n, len(options))))
    return [options[k] for k in places]


def conclusion(face: DraftFace, label: str, level: str, rng: random.Random) -> list[DraftClaim]:
    """What the label rests on and, where it is clear, the strongest movement against it.

    The next label is not written: it is read off the distribution where the explanation is put together (answer.bind.argue),
    since a writer that does not see the distribution guesses it.
    """
    against = claims.objection(label, face)
    told = [claims.support(label, face)]
    return [*told, against] if against and rng.random() < (0.5 if level == LINE else 0.8) else told
