"""Judge of how sure a clause says the label is: by a number, or by words such as "a close call"."""

from __future__ import annotations

import re

from emollm.answer.facts import RIGHT, Facts
from emollm.answer.labels import labels_in
from emollm.answer.statement import Passage, Statement

_SHARE = {"half": 0.5, "a third": 1 / 3, "a quarter": 0.25}
_WORDS = {w: n for n, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])}
_NUMBER = re.compile(
    r"(?<![\d.a-z])(?P<decimal>0?\.\d{1,3}|1\.00?)(?!\.?\d)(?! ?(?:s\b|sec|/))|"
    r"(?<![\d.])(?P<percent>\d{1,3}(?:\.\d)?) ?(?:%|percent|per cent)|"
    r"\b(?P<a>one|two|three|four|five|six|seven|eight|nine) (?:in|out of|of) (?P<b>two|three|four|five|six|"
    r"seven|eight|nine|ten)\b(?! movements| units)|"
    r"\b(?P<share>half|a third|a quarter)\b(?= (?:of the (?:probability|weight)|probability|the weight|"
    r"chance))"
)
_ABOUT = re.compile(
    r"\b(?:about|around|roughly|nearly|almost|some|close to|approximately|just (?:over|under)|over|under)\s+$"
)
_CUE = re.compile(r"\b(?:confiden\w+|probab\w+|chance|likel\w+|certain\w*|sure|weight|share|odds|p\b|score)")
_LOW = re.compile(
    r"\b(?:close call|call is close|close case|uncertain|not (?:at all |very |quite )?(?:certain|sure|"
    r"clear-cut)|far from (?:certain|clear|sure)|margin (?:\w+ ){0,3}is (?:small|thin|narrow)|(?:small|narrow|"
    r"thin|slim) margin|(?:nearly|almost|just|about) as (?:likely|probable)|"
    r"close behind|not far behind|right behind|with (?:some|little) (?:doubt|certainty)|open to doubt|unclear|"
    r"could go either way|tentative(?:ly)?|toss-up|borderline|case is unclear|hard to (?:tell|say|decide)|low "
    r"confidence|little confidence)\b"
)
_FAR = re.compile(
    r"\b(?:by a (?:clear|wide|large|big) margin|(?:far|well|a long way) behind|at a distance|clear lead|wide "
    r"margin|clear-cut|(?:is|are|reads?|looks?) clearly(?= (?:read|seen|ahead|happ|sad|ang|neutral|surpris|"
    r"fear|disgust|contempt))|clearly (?:read|seen|ahead)|a clear case|high confidence|distant second|poor "
    r"second|far ahead|great confidence|little competition)\b"
)
_CERTAIN = re.compile(
    r"(?<!nothing is )\b(?:no doubt|without (?:a |any )?doubt|beyond doubt|certain(?:ly)?|definitely|"
    r"undoubtedly|unmistakabl[ey]|obvious(?:ly)?|surely|(?:quite |very )?sure|unambiguous(?:ly)?|without "
    r"question|complete confidence)\b"
)
_LIKELY = re.compile(r"\b(?:probably|most likely|most probable|more likely than not|likeliest)\b")


def confidence(p: Passage, facts: Facts) -> list[Statement]:
    """Judge "a confidence of about .6", "fairly sure" against the probability of the label."""
    if not facts.distribution or not facts.label or not p.clause.stated:
        return []
    text, statements = p.clause.raw, []
    for match in _NUMBER.finditer(text):
        if judged := _stated_number(p, match, facts):
            statements.append(judged)
    margin, p_own = facts.margin(), facts.probability(facts.label)
    numbered = bool(statements)
    for pattern, verdict in (
        (_LOW, _threshold_verdict(-margin, -0.2, -0.3)),
        (_FAR, _threshold_verdict(margin, 0.4, 0.25)),
        (_CERTAIN, _threshold_verdict(p_own, 0.9, 0.75)),
        (_LIKELY, _threshold_verdict(p_own, 0.5, 0.4)),
    ):
        if (match := pattern.search(text)) and not (numbered and pattern in (_CERTAIN, _LIKELY)):
            reason = (
                ""
                if verdict == "supported"
                else f"{facts.label} {p_own:.2f}, next {facts.other_labels()[0]} {p_own - margin:.2f}"
            )
            statements.append(p.make("confidence", (verdict, reason), match.span(), label=facts.label))
            break
    return statements


def _threshold_verdict(value: float, sure: float, possible: float) -> str:
    return "supported" if value >= sure else "unsure" if value >= possible else "contradicted"


def _stated_number(p: Passage, match: re.Match, facts: Facts) -> Statement | None:
    text, named = p.clause.raw, labels_in(p)
    if not named and not _CUE.search(text):
        return None
    if match["decimal"] and not named and not _CUE.search(text[: match.start()][-40:] + text[match.end() :][:30]):
        return None
    stated = (
        float(match["decimal"])
        if match["decimal"]
        else float(match["percent"]) / 100
        if match["percent"]
        else _WORDS[match["a"]] / _WORDS[match["b"]]
        if match["a"]
        else _SHARE[match["share"]]
    )
    near = sorted(
        named,
        key=lambda n: abs(n[1].start() - match.start()) if n[1].start() < match.start() else 2 * (n[1].start() - match.end()),
    )
    label = near[0][0] if near else facts.label
    slack = 0.1 if match["a"] or match["share"] or _ABOUT.search(text[: match.start()]) else 0.05
    value = facts.probability(label)
    right = abs(stated - value) <= slack + 1e-9
    return p.make(
        "confidence",
        RIGHT if right else ("contradicted", f"{label} has {value:.2f}"),
        match.span(),
        label=label,
        number=stated,
    )
