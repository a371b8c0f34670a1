"""Judges of what a clause says about time: when, how long, and what comes first. A photograph has neither."""

from __future__ import annotations

import re

from emollm.answer.facts import RIGHT, Facts
from emollm.answer.mention import Mention
from emollm.answer.statement import Passage, Statement, group_after, group_before, mentions_after, mentions_before
from emollm.schema import MICRO_SECONDS

SIMULTANEOUS = 0.2  # s; onsets this close count as one moment
ORDER_TOLERANCE = 0.05  # s; onsets this close may be put in either order
SHARE_TOLERANCE = 2  # percent of the clip that a share may be off by
PHOTO = ("contradicted", "a photograph has no time")

_S = r" ?(?:s\b|secs?\b|seconds?\b)"
_N = r"(?:\d+(?:\.\d+)?)"
_SPAN = re.compile(rf"\b(?:from |between )?(?P<on>{_N})(?:{_S})? ?(?:-|\u2013|to|and|until|till) ?(?P<off>{_N}){_S}")
_LASTS = re.compile(
    rf"\b(?:lasts?|lasting|lasted|for|over|held|duration of|holds?)(?: for)?(?: about| around| only| just| "
    rf"roughly| nearly| some)? (?P<length>{_N}){_S}|\b(?P<length2>{_N})[- ]?(?:s|seconds?)[- ]long\b"
)
_AT = re.compile(
    rf"\b(?P<how>at|after|around|about|by|until|till|of|from|near)(?: about| around| roughly)? (?:second "
    rf")?(?P<t>{_N}){_S}"
)
_WHAT = re.compile(
    r"\b(?P<what>peaks?|apex|strongest|peaking|highest|starts?|begins?|onset|sets? in|starting|appears?|ends?|"
    r"ending|fades?|offset|over|gone|stops?|"
    r"closes?|part|opens?)\b[^.;,]{0,18}$"
)
_BRIEF = re.compile(
    r"\b(?:brief(?:ly)?|short-lived|fleeting(?:ly)?|over quickly|only a moment|just a moment|for a moment|"
    r"for an instant|momentar\w+|micro-?(?:movement|expression)|flash(?:es|ed)?|quickly gone|(?:is|are) "
    r"short|a short)\b"
)
_LONG = re.compile(
    r"\b(?P<denied>not (?:for |during |over )?)?(?:throughout|the whole (?:clip|time|track|video|sequence)|"
    r"the entire (?:clip|time|video|sequence)|"
    r"from start to (?:end|finish)|all the time|all along|from beginning to end|the whole way through)\b"
)
# How often a movement comes, its share of the clip, and how long its stretches are together.
_COUNT = re.compile(r"\b(?P<count>\d+) times\b(?! (?:as|stronger|weaker|more|less|higher|lower))")
_SHARE = re.compile(r"\b(?P<less>less than )?(?P<share>\d+) ?(?:%|percent) of (?:the|this) clip\b")
_TOTAL = re.compile(rf"\b(?P<total>{_N}){_S} in all\b")
_LONGEST = re.compile(r"\b(?:lasts?|held|holds?|stays?|lasting) (?:the )?longest\b|\blongest[- ]lasting\b")


def time(p: Passage, facts: Facts) -> list[Statement]:
    """Judge when, how long or how briefly a movement is said to be there."""
    statements, taken = [], []
    for pattern, judge in (
        (_SPAN, _span),
        (_TOTAL, _total),
        (_COUNT, _count),
        (_SHARE, _share),
        (_LASTS, _length),
        (_AT, _moment),
        (_BRIEF, _is_brief),
        (_LONG, _lasts_throughout),
        (_LONGEST, _is_longest),
    ):
        for match in pattern.finditer(p.text):
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            group = [
                m for m in (group_before(p, match.end()) or group_after(p, match.start()) or p.before[-1:]) if not m.denied
            ]
            if not group:
                continue
            taken.append(match.span())
            statements += [_judge_time(p, m, match, judge, facts) for m in group]
    return statements


def _judge_time(p: Passage, m: Mention, match: re.Match, judge, facts: Facts) -> Statement:
    at = (min(m.start, match.start()), max(m.end, match.end())) if m in p.mentions else match.span()
    if not facts.clip:
        return p.make("time", PHOTO, at, units=m.units)
    presence = facts.presence(m.units)
    spans = facts.intervals(m.units)
    if presence[0] in ("contradicted", "unmeasured") or not spans:
        return p.make("time", presence if presence != RIGHT else ("unsure", "no event of it"), at, units=m.units)
    right = judge(match, spans, facts, m)
    told = ", ".join(f"{on:.1f}-{off:.1f} s" for on, _, off in spans[:3])
    return p.make("time", RIGHT if right else ("contradicted", f"measured {told}"), at, units=m.units)


def _span(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    stated = float(match["on"]), float(match["off"])
    ends = [*((on, off) for on, _, off in spans), *facts.stretches(m.units)]
    return any(max(abs(on - stated[0]), abs(off - stated[1])) <= facts.time_tolerance + 1e-6 for on, off in ends)


def _count(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    return int(match["count"]) == len(facts.stretches(m.units))


def _share(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    stated, measured = int(match["share"]), 100 * facts.clip_share(m.units)
    return measured < stated if match["less"] else abs(stated - measured) <= SHARE_TOLERANCE


def _total(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    """Each end may be rounded, so that many stretches may differ by more than one."""
    stretches = facts.stretches(m.units)
    return abs(float(match["total"]) - sum(off - on for on, off in stretches)) <= 0.1 * len(stretches) + 1e-6


def _length(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    stated = float(match["length"] or match["length2"])
    ends = [*((on, off) for on, _, off in spans), *facts.stretches(m.units)]
    return any(abs((off - on) - stated) <= facts.time_tolerance + 1e-6 for on, off in ends)


def _moment(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    said = _WHAT.search(match.string[: match.start()])
    what = match["how"] if match["how"] in ("from", "until", "till", "by") else said["what"] if said else ""
    stated = float(match["t"])
    near = facts.time_tolerance + 1e-6
    if re.match(r"peak|apex|strongest|highest", what):
        return any(abs(apex - stated) <= near for _, apex, _ in spans)
    if re.match(r"start|begin|onset|set|appear|from|part|open", what):
        return any(abs(on - stated) <= near for on, _, _ in spans)
    if re.match(r"end|fade|offset|over|gone|stop|close|until|till|by", what):
        return any(abs(off - stated) <= near for _, _, off in spans)
    return any(on - near <= stated <= off + near for on, _, off in spans)


def _is_brief(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    return any(off - on <= MICRO_SECONDS + 0.1 + 1e-6 for on, _, off in spans)


def _lasts_throughout(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    start, end = float(facts.series.times[0]), float(facts.series.times[-1])
    ends = [*((on, off) for on, _, off in spans), *facts.stretches(m.units)]
    lasts = any(on - start <= facts.time_tolerance and end - off <= facts.time_tolerance for on, off in ends)
    return lasts != bool(match["denied"])


def _is_longest(match: re.Match, spans, facts: Facts, m: Mention) -> bool:
    mine = max(off - on for on, _, off in spans)
    return all(mine >= off - on - 0.1 for au in facts.present_units() for on, _, off in facts.intervals((au,)))


# ---- order ------------------------------------------------------------------------------------------------------------

_BEFORE = re.compile(
    r"\b(?:before|earlier than|ahead in time of|precedes?|preceding|leads? into|gives? way to|(?:is |are "
    r")?followed by|and then|, then|and later|and only then|then)\b"
)
_AFTER = re.compile(r"\b(?:later than|after|follows?|following|behind in time)\b(?! \d)")
_FIRST = re.compile(
    r"^\W*first(?= the| a|,)|\b(?:(?:come|comes|came|start|starts|started|begin|begins|appear|appears|set in|"
    r"sets in|move|moves|is|are) first|first (?:to (?:move|appear|start)|comes?|moves?|is|are)|starts? with|"
    r"opens? with|begins? with|at first)\b|\bfirst(?= ?(?:[,.;]|$))"
)
_LAST = re.compile(
    r"\b(?:(?:come|comes|start|starts|begin|begins|appear|appears|sets? in|is|are) last|last (?:to (?:move|"
    r"appear|start)|comes?|is|are)|ends with)\b"
)
_SAME = re.compile(
    r"\b(?:start|starts|begin|begins|set in|sets in)(?: in)? (?:together|at (?:about |roughly )?the same "
    r"(?:moment|time)|simultaneously|at once)\b"
)


def order(p: Passage, facts: Facts) -> list[Statement]:
    """Judge which movement is said to come first, or that several come together."""
    if same := _SAME.search(p.text):
        return _judge_simultaneity(p, same, facts)
    statements = []
    first = _FIRST.search(p.text)
    if first:
        group = [m for m in (group_before(p, first.start()) or group_after(p, first.start())) if not m.denied][:1]
        statements += [_judge_onset_rank(p, m, facts, first.span(), latest=False) for m in group]
    elif last := _LAST.search(p.text):
        group = [m for m in (group_before(p, last.start()) or group_after(p, last.start())) if not m.denied][:1]
        statements += [_judge_onset_rank(p, m, facts, last.span(), latest=True) for m in group]
    before, after = _BEFORE.search(p.text), _AFTER.search(p.text)
    if before and "followed by" not in before[0]:
        match, swap = before, False
    elif after:
        match, swap = after, True
    else:
        match, swap = before, False
    if match and not re.search(
        r"\b(?:strongest|intense|clearest|strength|ahead|leads?|"
        r"dominat\w+)\b",
        p.text[: match.start()] or "",
    ):
        left = [m for m in mentions_before(p.mentions, match.start()) if not m.denied] or (
            [] if match.start() > 6 else [m for m in p.before if not m.denied][-1:]
        )
        right = [m for m in mentions_after(p.mentions, match.start()) if not m.denied]
        if not left and re.match(r"\W*after\b", p.text) and len(right) > 1:
            left, right = [right[0]], [right[-1]]
            swap = False
        if left and right:
            statements.append(_pair(p, left[-1], right[0], facts, swap))
    return statements


def _onset(m: Mention, facts: Facts) -> float | None:
    spans = facts.intervals(m.units)
    return spans[0][0] if spans else None


def _first_onset(m: Mention, facts: Facts) -> float | None:
    return min((on for on, _, _ in facts.intervals(m.units)), default=None)


def _pair(p: Passage, left: Mention, right: Mention, facts: Facts, swap: bool) -> Statement:
    """left starts before right (or, swapped, after it)."""
    units = (*left.units, *right.units)
    if not facts.clip:
        return p.make("order", PHOTO, units=units)
    for m in (left, right):
        presence = facts.presence(m.units)
        if presence[0] != "supported":
            return p.make("order", presence, units=units)
    first, second = (right, left) if swap else (left, right)
    # Either reading of what comes again may be meant: its strongest time, or its first.
    ways = [(_onset(first, facts), _onset(second, facts)), (_first_onset(first, facts), _first_onset(second, facts))]
    a, b = max(ways, key=lambda onsets: onsets[1] - onsets[0])
    verdict = "supported" if b - a > ORDER_TOLERANCE else "unsure" if abs(b - a) <= ORDER_TOLERANCE else "contradicted"
    return p.make("order", (verdict, "" if verdict == "supported" else f"onsets {a:.1f} s and {b:.1f} s"), units=units)


def _judge_onset_rank(p: Passage, m: Mention, facts: Facts, at: tuple[int, int], latest: bool) -> Statement:
    at = (min(at[0], m.start), max(at[1], m.end))
    if not facts.clip:
        return p.make("order", PHOTO, at, units=m.units)
    presence = facts.presence(m.units)
    if presence[0] != "supported":
        return p.make("order", presence, at, units=m.units)
    mine = _onset(m, facts)
    others = [facts.intervals((au,))[0][0] for au in facts.present_units() if au not in m.units and facts.intervals((au,))]
    right = all(mine >= t - ORDER_TOLERANCE for t in others) if latest else all(mine <= t + ORDER_TOLERANCE for t in others)
    return p.make("order", RIGHT if right else ("contradicted", f"it starts at {mine:.1f} s"), at, units=m.units)


def _judge_simultaneity(p: Passage, match: re.Match, facts: Facts) -> list[Statement]:
    group = [m for m in p.mentions if not m.denied]
    units = [facts.strongest_unit(m.units) for m in group] if len(group) > 1 else facts.present_units()
    if len(group) < 2 and not re.search(r"\b(?:everything|all|(?:the )?movements|it all|they|these)\b", p.text):
        return []
    stated = tuple(u for m in group for u in m.units) if len(group) > 1 else ()
    if not facts.clip:
        return [p.make("order", PHOTO, match.span(), units=stated)]
    spans = [facts.intervals((au,)) for au in units if facts.intervals((au,))]
    if len(spans) < 2:
        return []
    firsts = [min(on for on, _, _ in own) for own in spans]
    onsets = [own[0][0] for own in spans]  # or the first of each, as in _pair
    right = any(max(of) - min(of) <= SIMULTANEOUS + ORDER_TOLERANCE for of in (onsets, firsts))
    return [
        p.make(
            "order",
            RIGHT if right else ("contradicted", f"onsets from {min(onsets):.1f} to {max(onsets):.1f} s"),
            match.span(),
            units=stated,
        )
    ]
