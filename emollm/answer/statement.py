"""What the judges hand on: one statement of a text with its verdict, and the stretch of text that a judge works on."""

from __future__ import annotations

from dataclasses import dataclass, field

from emollm.answer.clauses import Clause
from emollm.answer.mention import Mention


@dataclass
class Statement:
    """One statement. `verdict` is one of schema.VERDICTS; what nothing could judge is not found at all."""

    kind: str  # of schema.CLAIM_KINDS
    start: int  # in the whole text
    end: int
    verdict: str
    reason: str = ""
    units: tuple[str, ...] = ()
    label: str = ""
    polarity: str = "present"
    side: str = ""
    level: str = ""
    number: float | None = None
    interval: tuple[float, float] | None = None
    fault: str = ""  # a fault of its own that this statement is, e.g. "wrong rank"


@dataclass
class Passage:
    """A clause with its movements and what was last spoken of before it."""

    clause: Clause
    mentions: list[Mention]
    before: list[Mention] = field(default_factory=list)  # for "this", "they", "which", "together"

    @property
    def text(self) -> str:
        return self.clause.text

    def span(self, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """Places in the clause as places in the whole text."""
        return self.clause.start + start, self.clause.start + (len(self.text) if end is None else end)

    def make(self, kind: str, verdict: tuple[str, str], at: tuple[int, int] | None = None, **details) -> Statement:
        start, end = self.span(*at) if at else self.span()
        return Statement(kind, start, end, *verdict, **details)


def mentions_before(mentions: list[Mention], place: int) -> list[Mention]:
    return [m for m in mentions if m.start < place]


def mentions_after(mentions: list[Mention], place: int) -> list[Mention]:
    return [m for m in mentions if m.start >= place]


def group_before(p: Passage, place: int) -> list[Mention]:
    """The mention nearest before a place, with those joined to it by "and": "AU04 and AU07 are strong"."""
    return _join(list(reversed(mentions_before(p.mentions, place))), p.text)


def group_after(p: Passage, place: int) -> list[Mention]:
    return _join(mentions_after(p.mentions, place), p.text)


def _join(ordered: list[Mention], text: str) -> list[Mention]:
    if not ordered:
        return []
    group = ordered[:1]
    for m in ordered[1:]:
        low, high = sorted((group[-1], m), key=lambda k: k.start)
        between = text[low.end : high.start].strip(" ()")
        joined = between in (
            "",
            "and",
            ",",
            ", and",
            "together with",
            "with",
            "as well as",
            "&",
            "+",
            "or",
            "nor",
            "along with",
        ) or (
            between.removeprefix("and ")
            .removeprefix(", and ")
            .removeprefix(", ")
            .removeprefix("or ")
            .removeprefix("together with ")
            .removeprefix("with ")
            .removeprefix("nor ")
            in ("the", "a", "an", "both", "his", "her", "some")
        )
        if not joined:
            break
        group.append(m)
    return group
