"""Whether a clause says that a movement is there, is not there, or could not be measured.

A denial reaches forward to the end of its list or to the words that end it ("but", "with", a new subject); two of them make an
affirmation ("does not lack"), and "not only" and its like were blanked before (lexicon.py).
"""

from __future__ import annotations

import re

from emollm.answer import lexicon
from emollm.answer.mention import Mention

_DENY = re.compile(rf"\b(?:{lexicon.DENY.replace('|n' + chr(39) + 't', '')})\b|n't\b")
_MISSING = re.compile(rf"\s*(?:\([^)]*\)\s*)?(?:{lexicon.MISSING_AFTER})")
_UNSEEN = re.compile(rf"\s*(?:\([^)]*\)\s*)?(?:{lexicon.UNSEEN_AFTER})")
_RESTART = re.compile(r"(?:\b(?:and|or)|,)\s+(?=(?:no|not|nor|without|never|neither)\b)|(?=\bnor\b)")
_SCOPE_END = re.compile(
    r"\b(?:but|only|except|with(?!out)|and (?:the|a|an|with|instead|yet|so|there|its|only)|instead(?! "
    r"of)|just)\b|[;:]|,(?=\s*(?:the|a|an|this|that|it|there|his|her)\b)|"
    r"\b(?:is|are|was|were|shows?|stands?|does|do|has|have|makes?|go|goes|rises?)\b(?! (?:\w+ )?(?:no|"
    r"not|neither|never|without)\b)[^,]*,|\)|,\s*(?=(?:and )?(?:there|the))"
)
_NOT_DENYING = re.compile(
    r"\bno (?:clear )?(?:stronger|weaker|more|less|other|single|one)\b|\bnot (?:so |as |very )?(?:much|"
    r"strong\w*|weak\w*|alone|stronger|weaker|the (?:strongest|weakest|only|first))\b|"
    r"\bno (?:measured |single )+movement|\bnot (?:on|typical|fit|go|support|speak|point|expected|"
    r"likely|first|before|after|at the same)\b|"
    r"\b(?:do|does) not (?:fit|go|support|speak|point|belong|match|match|argue|suit|agree)\b|\bnot "
    r"(?:a )?(?:typical|listed|read|part)\b|\bno part of (?:the )?(?:listed|anger|fear)"
)
_NO_PART = re.compile(r"\b(?:takes?|plays?|taking|playing) no (?:part|role)\b")
_FINITE = re.compile(
    r"\b(?:is|are|was|were|stands?|shows?|rises?|goes|go|does|do|makes?|looks?|dominates?|leads?|appears?|"
    r"takes?)\b"
)
_WEAK = re.compile(r"\b(?:hardly|barely|scarcely)\b")


def polarity(m: Mention, mentions: list[Mention], text: str) -> None:
    """Set whether a mention is denied, unseen or weak, from the words around it."""
    before = _scope_before(text[: m.start], text[m.end :])
    inside = "" if re.search(r"\bneither\b", before) else _RESTART.split(text[m.start : m.end])[-1]
    count = len(_DENY.findall(_NOT_DENYING.sub(" ", _NO_PART.sub(" ", before)))) + len(
        _DENY.findall(_NOT_DENYING.sub(" ", inside))
    )
    m.weak = bool(_WEAK.search(before) or _WEAK.search(inside))
    tail = text[_last_of_list(m, mentions, text) :]
    if _UNSEEN.match(tail):
        m.unseen = True
        return
    if missing := _MISSING.match(tail):
        count += 1
        m.weak = m.weak or bool(_WEAK.search(missing[0]))
        count += len(re.findall(r"\bnot (?:absent|missing|lacking)\b", missing[0]))
    elif re.match(r"\s*(?:(?:is|are|was|were) )(?:not|never|hardly|by no means) (?:absent|missing|lacking)", tail):
        count += 2
    m.denied = (count + m.flips) % 2 == 1


def _scope_before(before: str, after: str) -> str:
    """What stands before a mention and can deny it: back to the last word that ends a denial's reach."""
    ends = [e.end() for e in _SCOPE_END.finditer(before)]
    near = before[ends[-1] :] if ends else before
    again = [e.end() for e in _RESTART.finditer(near)]
    near = near[again[-1] :] if again else near
    first = _DENY.search(near)
    if first and re.match(r"neither|nor", first[0]):
        return near
    comma = near.rfind(",")
    if (
        first
        and comma > first.start()
        and not re.search(
            r"\b(?:or|nor)\b|,\s*(?:no|not|nor|neither|"
            r"without)\b",
            near[first.start() :] + after,
        )
    ):
        rest = near[comma:]
        if not re.fullmatch(r",\s*(?:[\w-]+\s*){0,3}", rest):
            return rest
    subject = _FINITE.search(near[first.end() :]) if first else None
    if first and subject and first[0] in ("no", "without", "lack", "lacks", "absence", "none", "nothing"):
        later = near[first.end() + subject.end() :]
        return later if "and" in later or "," in later else near
    return near


def _last_of_list(m: Mention, mentions: list[Mention], text: str) -> int:
    """Where the list ends that a mention is part of: "AU04 and AU07 are absent" is about both."""
    end = m.end
    for other in mentions:
        if other.start >= end and re.fullmatch(
            r"\)?\s*(?:,|and|or|nor|, and|, or|as well as|&)\s*(?:the |both |an? )?(?:\w+ "
            r")?",
            text[end : other.start],
        ):
            end = other.end
    return end + bool(text[end : end + 1] == ")")
