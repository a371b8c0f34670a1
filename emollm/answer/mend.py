"""An answer without the sentences that are wrong: what the measurement contradicts is left out before anybody reads it.

A sentence of the prose goes when the verifier finds a statement in it that is contradicted or about something that was not
measured, or a fault of its own: a repetition, a movement compared with itself, a wrong rank or alternative, support that no
table lists. An interpretation that loses all its sentences becomes a plain statement of the strongest movement.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emollm.answer import prompt, verify
from emollm.answer.clauses import sentences
from emollm.explanation import NOTHING_MOVED
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUEvent, AUSeries

WRONG = ("contradicted", "unmeasured")


@dataclass
class MendedAnswer:
    text: str
    left_out: list[str] = field(default_factory=list)  # the sentences that were wrong, in order


def mend(text: str, series: AUSeries, events: list[AUEvent], distribution: dict[str, float]) -> MendedAnswer:
    """The answer with its wrong sentences left out; unchanged when there are none, or when it is no whole explanation."""
    answer = prompt.parse(text)
    if answer.label is None or not (answer.interpretation or answer.conclusion):
        return MendedAnswer(text)
    parts = [_split(answer.interpretation), _split(answer.conclusion)]
    left_out: list[str] = []
    while wrong := _wrong_places(_assemble(answer, *parts), series, events, distribution):
        left_out += [parts[which][k] for which, k in sorted(wrong)]
        parts = [[s for k, s in enumerate(part) if (which, k) not in wrong] for which, part in enumerate(parts)]
    if not left_out:
        return MendedAnswer(text)
    if answer.interpretation and not parts[0]:
        parts[0] = [_strongest_sentence(series, events)]
    return MendedAnswer(_text(_assemble(answer, *parts)), left_out)


def _split(prose: str) -> list[str]:
    return [prose[start:end] for start, end in sentences(prose)]


def _assemble(answer: prompt.Answer, interpretation: list[str], conclusion: list[str]) -> list[tuple[str, tuple | None]]:
    """The answer as pieces of text, each with its place (0 interpretation or 1 conclusion, number) when it is a sentence."""
    pieces: list[tuple[str, tuple | None]] = [(f"{answer.observations_text}\n" if answer.observations_text else "", None)]
    if answer.interpretation:
        pieces += [(prompt.INTERPRETATION, None), *((f" {s}", (0, k)) for k, s in enumerate(interpretation)), ("\n", None)]
    pieces.append((f"{prompt.CONCLUSION} {answer.label}.", None))
    return pieces + [(f" {s}", (1, k)) for k, s in enumerate(conclusion)]


def _text(pieces: list[tuple[str, tuple | None]]) -> str:
    return "".join(piece for piece, _ in pieces)


def _wrong_places(pieces: list[tuple[str, tuple | None]], series: AUSeries, events: list[AUEvent],
                  distribution: dict[str, float]) -> set[tuple]:
    """Places of the sentences in which the verifier finds something wrong."""
    text, at, wrong = _text(pieces), 0, set()
    checked = verify.check(prompt.parse(text), text, series, events, distribution)
    spans = [c.span for c in checked.claims if c.kind != "observation" and c.verdict in WRONG]
    spans += [f["span"] for f in checked.faults]
    for piece, place in pieces:
        if place and any(start < at + len(piece) and end > at for start, end in spans):
            wrong.add(place)
        at += len(piece)
    return wrong


def _strongest_sentence(series: AUSeries, events: list[AUEvent]) -> str:
    """What can always be said: the strongest movement, with its number."""
    there = prompt.observe(series, events)
    if not there:
        return NOTHING_MOVED
    strongest = max(there, key=lambda o: o.intensity)
    return f"The strongest movement is the {ACTION_UNITS[strongest.au].title} ({strongest.au}) at {strongest.intensity:.1f}."
