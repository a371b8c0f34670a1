"""Judges of what a clause says about movements beside each other: rank, and what goes together or without what."""

from __future__ import annotations

import math
import re

from emollm.answer.facts import RANK_TOLERANCE, RIGHT, Facts, Verdict, worst_verdict
from emollm.answer.lexicon import LABEL
from emollm.answer.mention import Mention
from emollm.answer.statement import Passage, Statement, group_after, group_before, mentions_after, mentions_before
from emollm.facs.units import UPPER_FACE

WRONG_RANK, SELF = "wrong rank", "compared with itself"

_ADJECTIVE = (
    r"(?:strong|intense|clear|marked|pronounced|prominent|striking|weak|faint|mild|slight|forceful|noticeable|visible)"
)
_DOWN = re.compile(r"weak|faint|mild|slight|less|least|light|small")
_SECOND = re.compile(
    r"\b(?:second|next)[- ](?:strongest|most \w+|clearest|in strength)\b|\bsecond in (?:strength|line|"
    r"rank)\b|\bruns? second\b|\bcomes? second\b"
)
_THEN = re.compile(r",? (?:and )?(?:then|followed by|next comes|after it|after that)\b|\bahead of\b|\bbefore\b")
_TOP = re.compile(
    r"\b(?:the )?(?:strongest|clearest|heaviest|greatest|largest|biggest|(?:most|least) (?:intense|pronounced|marked|"
    r"prominent|striking|noticeable|visible|forceful)|weakest|faintest|mildest|slightest)\b|"
    r"\bleads? in strength\b|\bleads?(?= ?[,.;])|\bleads? the (?:movement|way|field)\b|\bdominat\w+\b|\bstands? out most\b|"
    r"\b(?:is|are|comes?|stays?) ahead of the (?:rest|others)\b|"
    r"\bthe lead is shared by\b|\bled by\b|\b(?:is|are) (?:stronger|clearer|more \w+) than (?:the rest|(?:all |any )?(?:the "
    r")?others?|anything else|everything else|any other \w+)\b|\boutweighs? (?:the rest|everything else|all others)\b"
)
_THAN = re.compile(
    rf"\b(?P<how>stronger|weaker|clearer|fainter|milder|slighter|(?:more|less) {_ADJECTIVE})(?: \w+)? than\b|"
    r"\b(?P<over>outweighs?|exceeds?|is ahead of|are ahead of|surpass(?:es)?|outranks?|ahead of|overshadows?)\b|"
    r"\b(?P<as>as strong as|equals? in strength|as intense as|as marked as|matches? in strength|on a par "
    r"with)\b"
)
_ALL_EQUAL = re.compile(
    r"\b(?:about |roughly |nearly )?equally (?:strong|intense|marked)\b|\bof (?:about )?(?:similar|equal|"
    r"the same) strength\b|\bequal in strength\b|\bno (?:one |single )?movement is (?:much |clearly "
    r")?stronger than\b"
)


def rank(p: Passage, facts: Facts) -> list[Statement]:
    """Judge which movement is said to be the strongest, the next, or stronger than another."""
    if equal := _ALL_EQUAL.search(p.text):
        return [_judge_equality(p, equal, facts)]
    second = _SECOND.search(p.text)
    if second and (p.mentions or not LABEL.search(p.text)):  # "fear comes second" ranks labels
        return [_judge_place(p, m, facts, 2) for m in _subject(p, second)[:1]]
    statements = []
    for than in _THAN.finditer(p.text):
        statements += _judge_comparison(p, than, facts)
    top, than = _TOP.search(p.text), _THAN.search(p.text)
    if (
        top
        and not re.match(r" at (?:about )?\d", p.text[top.end() :])
        and not (than and than.start() <= top.start() < than.end() and statements)
    ):
        statements += _judge_superlative(p, top, facts)
    return statements


def _subject(p: Passage, match: re.Match) -> list[Mention]:
    """Whom a rank is said of: the group before it, else the group after, else what was last spoken of ("it", "these")."""
    inverted = re.match(
        r"(?: of all)?(?: movements?)?(?:,? (?:is|are)|:| being| by)?\b", p.text[match.end() :]
    ) and re.search(
        r"\b(?:is|are|by|:)\s*(?:the |both )?$",
        p.text[match.end() : (mentions_after(p.mentions, match.end()) or [Mention(0, 0, ())])[0].start] or "",
    )
    before, after = group_before(p, match.start()), group_after(p, match.start())
    if inverted and after:
        return after
    return before or after or [m for m in p.before if not m.denied][-1:]


def _judge_superlative(p: Passage, match: re.Match, facts: Facts) -> list[Statement]:
    then = _THEN.search(p.text, match.end())
    inside = Passage(p.clause, [m for m in p.mentions if not then or m.start < then.start()], p.before)
    lowest = bool(_DOWN.search(match[0]))
    group = [m for m in _subject(inside, match) if not m.denied]
    pool = _pool(p.text, facts)
    statements = [_judge_extreme(p, group, facts, pool, lowest)] if group else []
    rest = [m for m in p.mentions if then and m.start > then.start()]
    ahead_of = then and then[0].strip(", ") == "ahead of"
    if group and rest and then[0].strip() != "before":
        statements.append(
            _pair(p, group[:1], rest[:1], facts, above=True)
            if ahead_of or lowest
            else _judge_place(p, rest[0], facts, len(group) + 1)
        )
    return statements


def _pool(text: str, facts: Facts) -> list[str]:
    """The movements that are ranked: all that are there, or those of the half of the face that is named."""
    half = re.search(r"\b(?:in|of) the (upper|lower) (?:half of the )?face", text)
    return [au for au in facts.present_units() if half is None or (au in UPPER_FACE) == (half[1] == "upper")]


def _judge_extreme(p: Passage, group: list[Mention], facts: Facts, pool: list[str], lowest: bool) -> Statement:
    units = [facts.strongest_unit(m.units) for m in group]
    details = {"units": tuple(u for m in group for u in m.units)}
    if (missing := _absence_verdict(units, facts)) is not None:
        return _rank_statement(p, missing, **details)
    others = [facts.strength(au) for au in pool if au not in units]
    mine = [facts.strength(au) for au in units]
    lead = (min(others, default=9) - max(mine)) if lowest else (min(mine) - max(others, default=0))
    first = max(facts.present_units(), key=facts.strength, default="")
    return _judge_lead(
        p, lead, f"the strongest is {first} {facts.strength(first):.1f}" if not lowest else "others are weaker", details
    )


def _judge_place(p: Passage, m: Mention, facts: Facts, place: int) -> Statement:
    """Is this movement the `place`-th strongest, up to the tolerance?"""
    au = facts.strongest_unit(m.units)
    details = {"units": m.units}
    if (missing := _absence_verdict([au], facts)) is not None:
        return _rank_statement(p, missing, **details)
    strengths = sorted((facts.strength(u) for u in facts.present_units()), reverse=True)
    there = strengths[place - 1] if len(strengths) >= place else -9.0
    return _judge_lead(
        p, -abs(facts.strength(au) - there), f"{au} measured {facts.strength(au):.1f}, at that rank {there:.1f}", details
    )


def _judge_lead(p: Passage, lead: float, reason: str, details: dict) -> Statement:
    verdict = "supported" if lead >= -0.05 - 1e-9 else "unsure" if lead >= -RANK_TOLERANCE - 1e-9 else "contradicted"
    return _rank_statement(p, (verdict, "" if verdict == "supported" else reason), **details)


def _rank_statement(p: Passage, verdict: Verdict, at: tuple[int, int] | None = None, **details) -> Statement:
    return p.make("rank", verdict, at, **details, fault=WRONG_RANK if verdict[0] == "contradicted" else "")


def _absence_verdict(units: list[str], facts: Facts) -> tuple[str, str] | None:
    states = [facts.state(au) for au in units]
    if "unmeasured" in states:
        return "unmeasured", f"{units[states.index('unmeasured')]} was not measured"
    if "off" in states:
        return "contradicted", f"{units[states.index('off')]} was measured as absent"
    return None


def _judge_comparison(p: Passage, match: re.Match, facts: Facts) -> list[Statement]:
    left, right = group_before(p, match.start()), group_after(p, match.end())
    if (
        re.search(r"\b(?:but|and|yet|though|,) $", p.text[: match.start()])
        and (earlier := _THAN.search(p.text))
        and earlier.start() < match.start()
    ):
        left = group_before(p, earlier.start())  # "weaker than A but stronger than B"
    told = [m for m in p.before if not m.denied]
    left = left or (told[:1] if re.match(r"\W*(?:but|and|yet|though)\b", p.text) else told[-1:])
    if not left or not right:
        return []
    if match["as"]:
        return [_pair(p, left, right, facts, above=None)]
    negated = bool(re.search(r"\b(?:not|n't|no) (?:much |clearly |any )?$", p.text[: match.start()]))
    above = bool(match["over"]) or not _DOWN.search(match["how"])
    return [_pair(p, left, right, facts, above=above, negated=negated)]


def _pair(
    p: Passage, left: list[Mention], right: list[Mention], facts: Facts, above: bool | None, negated: bool = False
) -> Statement:
    """left stronger than right (above), weaker (not above), or as strong (None)."""
    a, b = [facts.strongest_unit(m.units) for m in left], [facts.strongest_unit(m.units) for m in right]
    units = tuple(u for m in (*left, *right) for u in m.units)
    if set(a) & set(b):
        return p.make("rank", ("contradicted", f"{a[0]} is compared with itself"), units=units, fault=SELF)
    if any(math.isnan(facts.strength(au)) for au in (*a, *b)):
        return p.make("rank", ("unmeasured", "one of the two was not measured"), units=units)
    high, low = (a, b) if above is not False else (b, a)
    gap = min(map(facts.strength, high)) - max(map(facts.strength, low))
    reason = ", ".join(f"{au} {facts.strength(au):.1f}" for au in (*a, *b))
    if above is None:
        verdict = "supported" if abs(gap) <= 0.5 else "contradicted"
    elif negated:
        verdict = "supported" if gap <= 0.1 else "unsure" if gap <= RANK_TOLERANCE + 1e-9 else "contradicted"
    else:
        verdict = "supported" if gap >= 0.1 - 1e-9 else "unsure" if gap >= -0.1 - 1e-9 else "contradicted"
    return _rank_statement(p, (verdict, "" if verdict == "supported" else reason), units=units)


def _judge_equality(p: Passage, match: re.Match, facts: Facts) -> Statement:
    group = [m for m in mentions_before(p.mentions, match.start()) if not m.denied]
    units = tuple(facts.strongest_unit(m.units) for m in group) or tuple(facts.present_units())
    strengths = [facts.strength(au) for au in units if not math.isnan(facts.strength(au))]
    spread = max(strengths, default=0) - min(strengths, default=0)
    verdict = "supported" if spread <= 0.5 else "unsure" if spread <= 0.75 else "contradicted"
    reason = "" if verdict == "supported" else f"strengths differ by {spread:.1f}"
    return _rank_statement(p, (verdict, reason), match.span(), units=units if group else ())


# ---- together, without ------------------------------------------------------------------------------------------------

_TOGETHER = re.compile(
    r"\b(?:together with|along with|combined with|combines? with|coupled with|paired with|accompanied by|"
    r"joined by|in combination with|go(?:es)? with|"
    r"(?:come|comes|came|appears?|occurs?) with|meets?|at the same time as|and at the same time|alongside|"
    r"hand in hand with|with the help of|is backed by|"
    r"(?P<without>without(?: (?:any|the|help from|support from|support of|a))?|unaccompanied by|in the "
    r"absence of))\b|"
    r"(?P<both>\b(?:come|comes|appear|appears|occur|occurs|act|work|belong|rise|go|show) together\b|"
    r"\bbelong together\b|\bas one(?: movement)?\b|\bform one pattern\b|\bat the same time\b|\bmake up "
    r"one (?:movement|pattern)\b|\bin combination\b|\bcombine\b|\btogether\b)|"
    r"(?P<reach>\breach(?:es|ed)? (?:up to )?(?:the |his |her )?(?:eyes|cheeks))"
)


def combination(p: Passage, facts: Facts) -> list[Statement]:
    """ "The smile without the cheeks", "AU06 together with AU12": what holds of each, and in a clip at one time."""
    statements = []
    for match in _TOGETHER.finditer(p.text):
        if match["both"]:
            if any(m.start <= match.start() < m.end for m in p.mentions if "together" in match[0]) or _SAME_START.search(
                p.text
            ):
                continue
            group = [m for m in p.mentions if not m.denied]
            if len(group) < 2:
                group = [m for m in p.before if not m.denied]
        else:
            left = group_before(p, match.start() + 1)
            right = [m for m in p.mentions if m.start >= match.start() and m not in left]
            group = [*left, *(_cut_at_comma(group_after(p, right[0].start), p.text) if right else [])]
            if not left or not right:
                continue
        if len(group) < 2 or any(m.unseen for m in group):
            continue
        statements.append(_judge_together(p, match, group, facts))
        break
    return statements


_SAME_START = re.compile(r"\b(?:start|starts|begin|begins|set in|sets in)(?: in)? (?:together|at )")


def _cut_at_comma(group: list[Mention], text: str) -> list[Mention]:
    """The group up to a comma that no "and" follows: "joined by the raised cheeks, opens the lips"."""
    for k in range(1, len(group)):
        if (
            text[group[k - 1].end : group[k].start].strip(" )").startswith(",")
            and " and " not in text[group[k - 1].end : group[-1].start]
        ):
            return group[:k]
    return group


def _judge_together(p: Passage, match: re.Match, group: list[Mention], facts: Facts) -> Statement:
    parts = [facts.presence(m.units, m.denied, m.weak) for m in group]
    verdict = worst_verdict(parts)
    list_only = match[0] in ("together with", "along with", "with the help of") and not re.search(
        r"\b(?:comes?|goes?|appears?|occurs?|shows?|starts?|rises?) $", p.text[: match.start()]
    )
    if verdict == RIGHT and facts.clip and not list_only and not any(m.denied for m in group) and not _overlap(group, facts):
        verdict = ("contradicted", "they are not there at the same time")
    polarity = "absent" if any(m.denied for m in group) else "present"
    return p.make("combination", verdict, units=tuple(u for m in group for u in m.units), polarity=polarity)


def _overlap(group: list[Mention], facts: Facts) -> bool:
    """Is there a moment at which all of them are under way?"""
    spans = [facts.intervals(m.units) for m in group]
    moments = {onset for s in spans for onset, _, _ in s}
    return any(all(any(on - 0.05 <= t <= off + 0.05 for on, _, off in s) for s in spans) for t in moments)
