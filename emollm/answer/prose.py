"""The verifier of prose: what every clause states, held against the measurement and the label distribution.

It reads text that anybody wrote, by words of its own (lexicon.py), and knows nothing of how explanations are written here.

    clauses.py    text -> clauses; idioms, quotes, questions and conditions are put away
    mentions.py   clause -> movements named by code, FACS name or plain words, denied or not
    movements.py  presence, strength, side, number, place          ranks.py  rank, combination
    times.py      time, order                                      labels.py    support, alternative, label
    confidence.py confidence                                       causes.py    what else it may come from
    facts.py      what was measured                                denial.py    denied or not

A statement that nothing could judge gets no verdict; `coverage` is the share of content clauses with a verdict. Repetition, one
movement named twice, a broken sentence, the label as its own alternative, wrong ranks and alternatives, and support that no
table lists or that is not there are faults of their own.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from emollm.answer import causes, confidence, labels, movements, ranks, times
from emollm.answer.clauses import Clause, clauses, sentences
from emollm.answer.facts import Facts
from emollm.answer.mention import Mention
from emollm.answer.mentions import mentions
from emollm.answer.statement import Passage, Statement
from emollm.explanation import BROKEN, MISNAMED, REPEATED, TWICE
from emollm.schema import AUEvent, AUSeries

NEARLY = 0.9  # sentences whose words agree to this share say the same, when movements, labels and numbers do


@dataclass
class Fault:
    """Something that is wrong with the text itself or with what it claims."""

    kind: str
    start: int
    end: int
    detail: str = ""


@dataclass
class Verdicts:
    """Everything judged in one text."""

    found: list[Statement] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    content: int = 0  # clauses that say something
    judged: int = 0  # of these, clauses with at least one verdict
    unjudged: list[tuple[int, int]] = field(default_factory=list)  # spans of the others

    @property
    def coverage(self) -> float:
        """Share of content clauses that could be judged; 1 for a text without any."""
        return self.judged / self.content if self.content else 1.0


def judge(
    text: str,
    series: AUSeries,
    events: list[AUEvent],
    distribution: dict[str, float] | None = None,
    label: str | None = None,
    start: int = 0,
) -> Verdicts:
    """Judge the prose of `text` from `start` on. Spans refer to `text`.

    Without a distribution nothing is said about labels beside support; `label` is what the text concluded, None when nothing.
    """
    facts, statements, parts = Facts(series, events, distribution or {}, label), [], clauses(text, start)
    passages: list[Passage] = []
    for clause in parts:
        passages.append(Passage(clause, mentions(clause), _earlier_mentions(passages, clause)))
    for k, passage in enumerate(passages):
        if passage.clause.stated:
            statements += _judge_clause(passage, facts, _earlier_label(passages[:k], passage, facts))
    result = Verdicts(_drop_duplicates(statements))
    result.faults = _faults(text, passages, result.found, start)
    _cover(result, parts)
    return result


def _judge_clause(p: Passage, facts: Facts, recent_label: str | None) -> list[Statement]:
    supported = labels.support(p, facts, recent_label)
    return [
        *movements.presence(p, facts),
        *movements.strength(p, facts),
        *ranks.rank(p, facts),
        *movements.side(p, facts),
        *movements.count(p, facts),
        *movements.place(p, facts),
        *times.time(p, facts),
        *times.order(p, facts),
        *ranks.combination(p, facts),
        *supported,
        *labels.label_and_alternatives(p, facts, bool(supported)),
        *confidence.confidence(p, facts),
        *causes.cause(p, facts),
    ]


def _earlier_mentions(passages: list[Passage], clause: Clause) -> list[Mention]:
    """The movements last spoken of in this sentence or the one before."""
    for p in reversed(passages):
        if p.clause.sentence < clause.sentence - 1:
            return []
        if p.mentions:
            return p.mentions
    return []


def _earlier_label(passages: list[Passage], p: Passage, facts: Facts) -> str | None:
    """A label named earlier in the same sentence: what "it" stands for in "next comes fear, and AU05 would fit it"."""
    for earlier in reversed(passages):
        if earlier.clause.sentence != p.clause.sentence:
            return None
        if named := labels.labels_in(earlier):
            return named[-1][0]
    return None


def _drop_duplicates(statements: list[Statement]) -> list[Statement]:
    """Each statement of a place once, in the order of the text."""
    kept: dict[tuple, Statement] = {}
    for f in sorted(statements, key=lambda f: (f.start, f.end)):
        kept.setdefault((f.kind, f.units, f.label, f.polarity, f.side, f.level, f.number, f.start, f.end), f)
    return list(kept.values())


def _cover(result: Verdicts, parts: list[Clause]) -> None:
    for clause in parts:
        if not clause.content:
            continue
        result.content += 1
        if any(f.start < clause.end and clause.start < f.end for f in result.found):
            result.judged += 1
        else:
            result.unjudged.append((clause.start, clause.end))


# ---- faults -------------------------------------------------------------------------------------------------------------


def _faults(text: str, passages: list[Passage], statements: list[Statement], start: int) -> list[Fault]:
    faults = [Fault(f.fault, f.start, f.end, f.reason) for f in statements if f.fault]
    faults += _repetition_faults(text, statements, start) + _doubling_faults(text, passages, statements)
    faults += _grammar_faults(text, passages, start)
    faults += _misnaming_faults(passages)
    return sorted(faults, key=lambda f: (f.start, f.kind))


def _repetition_faults(text: str, statements: list[Statement], start: int) -> list[Fault]:
    spans, faults = sentences(text, start), []
    for k, (a, b) in enumerate(spans):
        for c, d in spans[:k]:
            if _is_repetition(text[c:d], text[a:b], _statement_keys(statements, c, d), _statement_keys(statements, a, b)):
                faults.append(Fault(REPEATED, a, b, text[c:d]))
                break
    return faults


def _statement_keys(statements: list[Statement], a: int, b: int) -> set[tuple]:
    return {(f.kind, f.units, f.label, f.polarity, f.side, f.level) for f in statements if a <= f.start < b}


def _is_repetition(one: str, two: str, said_one: set, said_two: set) -> bool:
    w1, w2 = (re.findall(r"[a-z0-9.]+", s.lower().rstrip(".!? ")) for s in (one, two))
    if w1 == w2:
        return True
    if said_one != said_two:
        return False
    if difflib.SequenceMatcher(None, w1, w2, autojunk=False).ratio() >= NEARLY and not _numbers_differ(w1, w2):
        return True
    more = {kind for kind, *_ in said_one} - {"movement", "cause"}
    overlap = len(set(w1) & set(w2)) / max(1, min(len(set(w1)), len(set(w2))))
    return bool(more) and overlap >= 0.6 and not _numbers_differ(w1, w2)


def _numbers_differ(w1: list[str], w2: list[str]) -> bool:
    """Whether one of two sentences has a number that the other has not."""
    numbers = lambda words: {w for w in words if w[0].isdigit()}  # noqa: E731
    return numbers(w1) != numbers(w2)


# "The lips are parted both take part": a second verb in one clause with nothing that joins it to the first.
_TWO_VERBS = re.compile(
    r"\b(?:is|are|was|were)\b(?P<between>[^,;:.]*?)\b(?:is|are|was|were|can|could|may|might|takes? part|contributes?|"
    r"points? (?:to|this|in)|rests? on|comes? from|leads? in|speaks? (?:for|against)|lies?|shows?|stays?|remains?)\b"
)
_JOINED = re.compile(r"\b(?:and|or|but|nor|then|while|yet|though)\b|[()—–-]")
_BELOW = re.compile(
    r"\b(?:what|that|which|who|whose|where|how|why|there|if|when|as|than|because|so|whether|like|it|this|one|all|anything|"
    r"everything)\b"
)


# "Lasting about raiser", "lasts the long, for about s", "speech or breathing through.": something is missing.
_CUT = re.compile(
    r"\b(?:lasting|for) (?:about|only|nearly) (?!\d|an? |one |two |three |four |five |half |the )\w+|"
    r"\blasts? the (?:long|short)\b|\b(?:breathing through|lasting|than|the|and|or|an?)(?=\s*[.;!])|\blike this way\b|"
    r"(?:^|(?<=[.!?:] ))the (?:(?:\w+ed|tight|inner|outer|upper|mouth|lip) )+(?:cheeks|corners|lids|brows|eyes|lips)"
    r"(?: \(au\d+\))? (?:is|was|lasts|has)\b",  # "the raised cheeks (AU06) is brief"
    re.IGNORECASE,
)


def _grammar_faults(text: str, passages: list[Passage], start: int) -> list[Fault]:
    faults = [Fault(BROKEN, *cut.span(), cut[0]) for cut in _CUT.finditer(text, start)]
    for p in passages:
        two = _TWO_VERBS.search(p.text)
        if two and not _BELOW.search(p.text[: two.end()]) and not _JOINED.search(two["between"]):
            faults.append(Fault(BROKEN, *p.span(two.start(), two.end()), two[0]))
    return faults


_IN_BRACKETS = re.compile(r"\((au\d+(?:(?:,| and|, and) au\d+)*)\)")
NEAR = 12  # letters between a movement and the brackets that name it again


def _misnaming_faults(passages: list[Passage]) -> list[Fault]:
    """A movement in words with the code of another behind it: "the tightened lips (AU25)"."""
    faults = []
    for p in passages:
        for match in _IN_BRACKETS.finditer(p.text):
            codes = {f"AU{int(number):02d}" for number in re.findall(r"\d+", match[1])}
            words = [m for m in p.mentions if m.start < match.start() and not p.text[m.start:].startswith("au")]
            # Any of them may be meant: "the mouth corners rise without help from the cheeks (AU12)".
            named = {unit for m in words for unit in m.units}
            if words and words[-1].end + NEAR >= match.start() and not codes & named:
                faults.append(Fault(MISNAMED, *p.span(words[-1].start, match.end()), p.text[words[-1].start:match.end()]))
    return faults


_LISTED = re.compile(r"\)?,?\s*(?:and|or|with|together with|along with|nor|,)\s+(?:the |a |no |both )*")
_LINK = re.compile(r"\b(?:and|or|nor|with|than|while|then|also)\b|[,;]")
_SAME_NEXT = re.compile(r"\b(the \w+(?: \w+){1,3}?)(?: \(au\d+\))?(?:,| and|, and) \1\b")  # in a list
_BRACKETED = re.compile(r"\([^)]*$")  # "the cheeks rise with it (AU06, AU12)": the codes of what was said
_SIDES = re.compile(r"\b(?:left|right)\b")


def _doubling_faults(text: str, passages: list[Passage], statements: list[Statement]) -> list[Fault]:
    """One movement named twice in a sentence as if it were two: "AU01 and AU01", "the chin is raised and bunched"."""
    faults, before = [], []
    for p in passages:
        if (again := _SAME_NEXT.search(p.text)) and any(m.start < again.end() and again.start() < m.end for m in p.mentions):
            faults.append(Fault(TWICE, *p.span(again.start(), again.end()), again[0]))
        before = [b for b in before if b[0].clause.sentence == p.clause.sentence]
        for m in p.mentions:
            at = p.span(m.start, m.end)
            for q, n in before:
                style = {text[a].lower() == "a" and text[a + 1 : a + 2].lower() == "u" for a in (at[0], q.span(n.start)[0])}
                if (
                    set(m.units) == set(n.units)
                    and m.denied == n.denied
                    and (len(style) == 1 or _LISTED.fullmatch(text[q.span(n.end)[0] : at[0]]))
                    and _is_told_as_two(text, q.span(n.start, n.end), at, p, statements)
                ):
                    faults.append(Fault(TWICE, *at, text[slice(*at)]))
                    break
            before.append((p, m))
    return faults


def _is_told_as_two(
    text: str, first: tuple[int, int], second: tuple[int, int], p: Passage, statements: list[Statement]
) -> bool:
    between = text[first[1] : second[0]].lower()
    if not _LINK.search(between) or len(between.split()) > 8 or _BRACKETED.search(between):
        return False
    sides = [set(_SIDES.findall(text[max(0, a - 12) : b].lower())) for a, b in (first, second)]
    if sides[0] and sides[1] and sides[0] != sides[1]:
        return False
    more = any(
        f.kind in ("strength", "side", "time", "order", "support", "rank", "cause")
        and f.fault != ranks.SELF
        and f.start < second[1]
        and second[0] < f.end
        and f.start > first[1]
        for f in statements
    )
    return (
        not more
        or bool(re.search(r"\b(?:as well|too|also)\b", p.text))
        or bool(_LISTED.fullmatch(between))
        or " than " in between
    )
