"""A text cut into sentences and clauses, with what is no statement about the face blanked out.

Blanked (same length, so that spans stay true): idioms, quoted words, and what only could be: questions, "if" clauses and
what follows from them. A clause is *content* when it says something that could be right or wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from emollm.answer.lexicon import IDIOMS, words

BLANK = "\u00b7"  # no letter, so that words beside it keep their edges

_SENTENCE = re.compile(r"[^.!?\n]+(?:\.(?=\d)[^.!?\n]*)*[.!?]*")
_BREAK = re.compile(
    r"[;]|:(?!\s*\.?\d)|\s[-\u2013\u2014]+\s|,?\s(?:but(?! also| the)|while|whereas|although|though|because(?! of)|since|yet|"
    r"so that)\b|"
    r",\s(?:and|so|as|which|who|where)\b|,\s(?=(?:the|this|that|it|they|no|both|its|their) [\w-]+ (?:\w+ )?(?:is|are|does|do|"
    r"has|have|could|may|might|can)\b)"
)
# "In the lower face, the ... is": belongs to what follows
_INTRODUCES = re.compile(r"^\W*(?:in|on|at|of|within|among|around|from|for|to)\b(?: [\w.%-]+){1,6}$")
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|(?<!\w)'[^']*'(?!\w)|\u2018[^\u2019]*\u2019(?!\w)")
_WOULD = re.compile(
    r"\b(?:(?:could|might|may) have been|would (?:have|be|not be|become|turn|look|call|count|need|rise|fall|"
    r"change|make|tip|argue|mean|lower|raise))\b",
    re.IGNORECASE,
)
_READ_AS = re.compile(
    r"\b(?:could|might|may|would) (?:also |just as well |as well |equally |well )*(?:be|have been) "
    r"(?:also |equally |just as well |as well )*(?:read|seen|taken|understood|called|interpreted|classed|"
    r"a \w+ of|due|caused|explained|brought|from|missed|too)",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"^\W*(?:if|unless|were (?:the|it|there|these|they)|had (?:the|there|it)|suppose|supposing|imagine|"
    r"assuming|provided|"
    r"whether)\b(?! not\b)",
    re.IGNORECASE,
)
_GENERAL = re.compile(
    r"^\W*(?:when|whenever|where)\b.*\b(?:people|often|usually|always|generally|typically|"
    r"many)\b",
    re.IGNORECASE,
)
_IF_LATER = re.compile(
    r"\b(?:if|unless|as if|as though|even if|whether)\b(?! not (?:this|that)\b| not,)[^,;:]*", re.IGNORECASE
)
_IF_NOT = re.compile(r"\bif not (?:this|that|it)\b", re.IGNORECASE)
_ADDRESS = re.compile(
    r"^\W*(?:please|note that you|see|look at|compare|consider|remember|(?:lower|raise|lift|open|close|"
    r"press|pull) (?:the|your|both)|for (?:more|example))\b",
    re.IGNORECASE,
)
_FILLER = words("""
a an the and or of to in on at it its this that these those is are was were be as so then thus still yet even also too
very here there now however therefore indeed overall again perhaps maybe face picture photo image clip frame
""")


@dataclass
class Clause:
    """A stretch of one sentence. `text` is lower case and blanked; `start` is its place in the whole text."""

    start: int
    text: str
    sentence: int
    stated: bool = True  # False: a question, a condition or what follows from one
    content: bool = True
    raw: str = ""  # lower case with its idioms, for "no doubt" and its like

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def blank_quotes(text: str) -> str:
    """Lower case, quotes blanked, same length."""
    low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return _QUOTED.sub(_hide, low)


def _hide(match: re.Match) -> str:
    return BLANK * len(match[0])


def sentences(text: str, start: int = 0) -> list[tuple[int, int]]:
    """Spans of the sentences from `start` on, without surrounding blanks."""
    spans = []
    for match in _SENTENCE.finditer(text, start):
        words = match[0].strip()
        if words.strip(".!? "):
            at = match.start() + len(match[0]) - len(match[0].lstrip())
            spans.append((at, at + len(words)))
    return spans


def clauses(text: str, start: int = 0) -> list[Clause]:
    """Every clause from `start` on, in order."""
    low, parts = blank_quotes(text), []
    hidden = IDIOMS.sub(_hide, low)
    for number, (begin, end) in enumerate(sentences(text, start)):
        parts += _split_sentence(hidden[begin:end], begin, number)
    for clause in parts:
        clause.raw = low[clause.start : clause.end]
    return parts


def _split_sentence(sentence: str, begin: int, number: int) -> list[Clause]:
    if sentence.endswith("?") or _ADDRESS.search(sentence):
        return [Clause(begin, sentence, number, stated=False, content=False)]
    conditional = bool(_CONDITION.search(sentence) or _GENERAL.search(sentence))
    would = bool(_IF_LATER.search(_IF_NOT.sub("", sentence))) and bool(re.search(r"\b(?:would|could|might)\b", sentence))
    if conditional or would:
        return [Clause(begin, sentence, number, stated=False, content=False)]
    sentence = _IF_LATER.sub(_hide, sentence)
    cuts = [
        0,
        *(m.start() + (m[0][0] in ",;:") for m in _BREAK.finditer(sentence) if not _INTRODUCES.match(sentence[: m.start()])),
        len(sentence),
    ]
    return [_clause(sentence[a:b], begin + a, number) for a, b in pairwise(cuts) if sentence[a:b].strip(" ,.;:-")]


def _clause(text: str, start: int, number: int) -> Clause:
    unreal = bool(_WOULD.search(text)) and not _READ_AS.search(text)
    told = [w for w in re.findall(r"[a-z0-9'.%]+", text) if w not in _FILLER]
    return Clause(start, text, number, stated=not unreal, content=bool(told) and not unreal)
