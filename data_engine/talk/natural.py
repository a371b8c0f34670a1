"""Questions as people type them: `natural/*.tsv`, 18,993 of them, none made from a pattern.

A line holds the call of the question before (`-` for a first one), the question, and its call. Written for this
project one by one, by language models in fifteen roles (researchers and coders, anybody, professions, turns, paraphrases);
none was collected from users. One in ten is held out of training, like the patterns (question_grammar.is_held_out).
"""

from __future__ import annotations

import collections
import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_engine.talk.question_grammar import is_held_out
from emollm.talk.terms.call import Call, parse

FOLDER = Path(__file__).parent / "natural"


class NaturalQuestion(NamedTuple):
    before: str  # call of the question before; empty for a first one
    text: str
    call: Call


@functools.cache
def natural_questions(held: bool = False) -> tuple[NaturalQuestion, ...]:
    """All that are learnt, or all that are held out."""
    lines = [line for path in sorted(FOLDER.glob("*.tsv")) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [line.split("\t") for line in lines]
    return tuple(NaturalQuestion(before.lstrip("-"), text, parse(call)) for before, text, call in rows
                 if is_held_out(text) == held)


@functools.cache
def _first_questions(held: bool) -> dict[str, list[str]]:
    """First questions by their call."""
    found = collections.defaultdict(list)
    for one in natural_questions(held):
        if not one.before:
            found[str(one.call)].append(one.text)
    return found


def draw_natural(rng: random.Random, held: bool = False) -> list[tuple[str, Call]]:
    """A first question, or a later one behind one that it can follow on; with their calls."""
    firsts = _first_questions(held)
    while True:
        one = rng.choice(natural_questions(held))
        if not one.before:
            return [(one.text, one.call)]
        if one.before in firsts:
            return [(rng.choice(firsts[one.before]), parse(one.before)), (one.text, one.call)]


def natural_rows(rng: random.Random, passes: int, most: int) -> Iterator[list[tuple[str, Call]]]:
    """Every question that is learnt, `passes` times, in rows of `most` or one; a later one behind one that it follows on."""
    for _ in range(passes):
        row: list[tuple[str, Call]] = []
        length = row_length(rng, most)
        for one in rng.sample(natural_questions(), len(natural_questions())):
            if one.before and (not row or str(row[-1][1]) != one.before):
                if one.before not in _first_questions(held=False):
                    continue  # nothing that it could follow on has a question
                row.append((rng.choice(_first_questions(held=False)[one.before]), parse(one.before)))
            row.append((one.text, one.call))
            if len(row) >= length:
                yield row
                row, length = [], row_length(rng, most)
        if row:
            yield row


def row_length(rng: random.Random, most: int) -> int:
    """Questions of one record: `most` in four of five, one in the others."""
    return most if rng.random() < 0.8 else 1
