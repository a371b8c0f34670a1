"""Judges of what a clause says about movements by themselves: presence, strength, side, number and place."""

from __future__ import annotations

import math
import re

from emollm.answer import lexicon
from emollm.answer.facts import RIGHT, STRENGTH_TOLERANCE, WORD_TOLERANCE, Facts, range_verdict
from emollm.answer.mention import Mention
from emollm.answer.statement import Passage, Statement, group_before
from emollm.facs.units import UPPER_FACE
from emollm.schema import AU_NAMES, SIDE_GAP, VERDICTS

SIDE_TOLERANCE = 0.25  # a left-right gap this close to SIDE_GAP may be called either way


def presence(p: Passage, facts: Facts) -> list[Statement]:
    """Judge that a movement is there, or is not."""
    statements = []
    for m in p.mentions:
        polarity = "absent" if m.denied else "present"
        if m.unseen:
            unseen = all(facts.state(au) == "unmeasured" for au in m.units)
            verdict = RIGHT if unseen else ("contradicted", f"{' or '.join(m.units)} was measured")
        elif not set(m.units) & set(AU_NAMES):
            verdict = ("unmeasured", "no such action unit here")
        else:
            verdict = facts.presence(m.units, m.denied, m.weak)
        statements.append(p.make("movement", verdict, (m.start, m.end), units=m.units, polarity=polarity))
    return statements


# ---- strength -------------------------------------------------------------------------------------------------------

_WORDS = "|".join(sorted(map(re.escape, lexicon.STRENGTHS), key=len, reverse=True))
_LEVEL = re.compile(
    rf"\b(?P<word>{_WORDS})(?:ly)?\b|\b(?:level|intensity|grade|letter|at|facs) (?P<letter>[a-e])\b|"
    r"(?<![\w.-])(?P<number>[0-5](?:\.\d)?)(?= ?(?:/ ?5|of 5|out of 5|out of five)|(?![\w:%]| %|-\d|\.\d| ?(?:s|"
    r"sec|seconds?|%|percent|movements?|action|units?|signs?|times?|in|of)\b))"
)
_NUMBER_CUE = re.compile(
    r"(?:\(|at|of|to|with|is|are|reaches|measured|intensity|strength|level|about|around|,|=|:|"
    r"by)\s*(?:about |around |an? )?(?:intensity |strength |level |value )?(?:of )?$"
)


def strength(p: Passage, facts: Facts) -> list[Statement]:
    """Judge how strong a movement is said to be: a letter, a number or a word."""
    statements = []
    for m in p.mentions:  # "AU12C" carries its letter
        if m.level and not m.denied:
            statements += [_judge_strength(p, m, facts, (m.start, m.end), word=m.level)]
    for match in _LEVEL.finditer(p.text):
        if (
            _is_comparison(p.text, match)
            or re.search(
                r"\b(?:confiden\w+|probab\w+|chance|"
                r"likel\w+)\b[^,;]{0,12}$",
                p.text[: match.start()],
            )
            or (
                match["number"]
                and not _NUMBER_CUE.search(p.text[: match.start()])
                and not re.match(r" ?(?:/|of|out)", p.text[match.end() :])
            )
        ):
            continue
        word = lexicon.LETTERS[match["letter"].upper()] if match["letter"] else match["word"] or ""
        for m in _described_mentions(p, match):
            if not (m.denied or m.unseen):
                statements.append(_judge_strength(p, m, facts, match.span(), word, match["number"]))
    return statements


def _is_comparison(text: str, match: re.Match) -> bool:
    """ "equally strong", "as strong as", "stronger", "how strong": not a strength of its own."""
    return (
        bool(
            re.search(
                r"(?:equally|as|how|so|similarly|more|most|less|least|alike|no|not(?: very| so)?) "
                r"$",
                text[: match.start()],
            )
        )
        or bool(re.match(r" (?:enough|as)\b", text[match.end() :]))
        or bool(
            re.match(
                r" (?:margin|smell|case|evidence|light|doubt|"
                r"chance|majority)",
                text[match.end() :],
            )
        )
    )


def _described_mentions(p: Passage, match: re.Match) -> list[Mention]:
    """The movements that a level word or number is about: inside or right after it, else the group before it."""
    inside = [m for m in p.mentions if m.start <= match.start() < m.end]
    if inside:
        return inside
    after = [
        m
        for m in p.mentions
        if m.start - match.end() >= 0
        and re.fullmatch(r"[\s:,]*(?:strength,? |intensity,? |level,? )?(?:[a-z-]+ ){0,3}", p.text[match.end() : m.start])
    ]
    predicate = re.search(
        r"\b(?:is|are|was|were|at|of|with|to|reach\w*|measured|this|that|\()\s*(?:only |very |of |about |"
        r"around |an? |at )*$",
        p.text[: match.start()],
    )
    if (
        match["word"]
        and after
        and not (
            predicate
            and group_before(p, match.start())
            and not re.search(r"\b(?:with|of|at) (?:an? )?$", p.text[: match.start()])
        )
    ):
        return after[:1]
    if match["number"]:
        return sorted((m for m in p.mentions if m.end <= match.start()), key=lambda m: -m.end)[:1]
    return group_before(p, match.start())


def _judge_strength(
    p: Passage, m: Mention, facts: Facts, at: tuple[int, int], word: str = "", number: str | None = None
) -> Statement:
    """The strength of the member of a set that bears the words out best, of those that are there."""
    there = [au for au in m.units if facts.state(au) == "on"] or [facts.strongest_unit(m.units)]
    judged = [_strength_of(p, m, au, facts, at, word, number) for au in there]
    return min(judged, key=lambda f: VERDICTS.index(f.verdict) if f.verdict != "contradicted" else 9)


def _strength_of(p: Passage, m: Mention, au: str, facts: Facts, at: tuple[int, int], word: str,
                 number: str | None) -> Statement:
    value = facts.strength(au)
    at = (min(m.start, at[0]), max(m.end, at[1]))
    details = {"units": m.units, "level": word, "number": float(number) if number else None}
    if math.isnan(value):
        return p.make("strength", ("unmeasured", f"{au} was not measured"), at, **details)
    if number:
        right = abs(float(number) - value) <= STRENGTH_TOLERANCE + 1e-9
        verdict = "supported" if right else "contradicted"
    else:
        low, high = lexicon.STRENGTHS[word]
        verdict = range_verdict(value, low, high - 0.05 if high < 5 else high, WORD_TOLERANCE)
    return p.make("strength", (verdict, "" if verdict == "supported" else f"measured {value:.1f}"), at, **details)


# ---- side -----------------------------------------------------------------------------------------------------------

_PART = (
    r"(?:inner |outer |upper |lower )?(?:eye)?"
    r"(?:brows?|lids?|cheeks?|eyes?|mouth corners?|lip corners?|corners?|lips?|nostrils?)"
)
_SIDE = re.compile(
    r"(?P<more>\b(?:stronger|clearer|higher|further|more(?: \w+)?|mainly|mostly|above all|chiefly|primarily|weaker|less(?: "
    r"\w+)?)[^.;:]{0,25}?(?:on|at) (?:the |his |her |its )?(?:person's )?(?P<where>left|right))|"
    rf"(?P<both>\b(?:on )?(?:the )?(?:left and (?:the )?right|both sides|both halves|right and (?:the )?left)\b|"
    rf"\bsymmetric\w*|\bbilateral\w*|\bboth (?={_PART}))|"
    rf"(?P<one>\bone[- ]sided\w*|\bon (?:only )?one side\b|\bunilateral\w*|\basymmetric\w*|\blopsided\b|\buneven\w*|\bon a "
    rf"single side\b|"
    rf"\b(?:only |just )?(?:one|a single) (?={_PART}|half))|"
    rf"(?:\b(?:on|at|to) (?:the |his |her |its |their )?(?:person's )?|\((?:only )?)(?P<only>left|right)\b|\b(?P<of>left|"
    rf"right)(?:-hand|-sided)? (?={_PART}|side|half|smile|raising|lowering)"
)
_EVEN = re.compile(r"\b(?:even|alike|the same|equal\w*|symmetric\w*)\b")


def side(p: Passage, facts: Facts) -> list[Statement]:
    """Judge on which side a movement is said to be, or to be stronger."""
    statements, seen = [], set()
    for match in _SIDE.finditer(p.text):
        group = _sided_mentions(p, match)
        if not group and (match["both"] or match["one"]):
            statements += _judge_whole_face(p, match, facts)
        for m in group:
            stated = match["where"] or match["only"] or match["of"] or match.lastgroup
            if not (m.denied or m.unseen) and (id(m), stated) not in seen:
                seen.add((id(m), stated))
                statements.append(_judge_side(p, m, match, facts))
    return statements


def _sided_mentions(p: Passage, match: re.Match) -> list[Mention]:
    inside = [m for m in p.mentions if m.start <= match.start() < m.end]
    after = [
        m
        for m in p.mentions
        if 0 <= m.start - match.end() <= 32
        and re.fullmatch(
            r"[\s,-]*(?:(?:only|just|side|half|shows?|carries|of|the|an?|is|has|hand|mouth|face|both|"
            r"have|" + _PART + r")[\s,:]*){0,5}",
            p.text[match.end() : m.start],
        )
    ]
    after = [
        m for m in after if m.start == after[0].start
    ]  # "the left corner is raised and tucked in": both are of that corner
    return (
        inside
        or (after if match["of"] or match["one"] or match["both"] or match["more"] else [])
        or group_before(p, match.start())
        or after
    )


MAINLY = ("mainly", "mostly", "above all", "chiefly", "primarily")  # more than a little stronger there


def _judge_side(p: Passage, m: Mention, match: re.Match, facts: Facts) -> Statement:
    au = facts.strongest_unit(m.units)
    at = (min(m.start, match.start()), max(m.end, match.end()))
    stated = match["where"] or match["only"] or match["of"] or ("both" if match["both"] else "one")
    if math.isnan(facts.strength(au)):
        return p.make("side", ("unmeasured", f"{au} was not measured"), at, units=m.units, side=stated)
    if facts.state(au) == "off":
        return p.make("side", ("contradicted", f"{au} was measured as absent"), at, units=m.units, side=stated)
    gap = facts.gap(au)
    if match["more"] and not match["more"].startswith(MAINLY):
        weaker = match["more"].startswith(("weaker", "less"))
        lead = gap * (1 if stated == "left" else -1) * (-1 if weaker else 1)
        verdict = "supported" if lead >= 0.25 else "contradicted" if lead <= 0.1 else "unsure"
    else:
        now = facts.side(au)
        right = now == stated or (stated == "one" and now != "both")
        close = abs(abs(gap) - SIDE_GAP) <= SIDE_TOLERANCE and (
            stated in ("both", "one") or gap * (1 if stated == "left" else -1) > 0
        )
        verdict = "supported" if right or close else "contradicted"
    reason = "" if verdict == "supported" else f"measured side: {facts.side(au)}"
    return p.make("side", (verdict, reason), at, units=m.units, side=stated)


def _judge_whole_face(p: Passage, match: re.Match, facts: Facts) -> list[Statement]:
    """ "Both sides move alike", "the face is uneven": about every movement that is there."""
    on = facts.present_units()
    if match["both"] and not (_EVEN.search(p.text) or re.search(r"\b(?:move|take part|act|work)\b", p.text)):
        return []
    uneven = [au for au in on if facts.side(au) != "both"]
    stated = "both" if match["both"] else "one"
    right = not uneven if match["both"] else bool(uneven)
    verdict = RIGHT if right else ("contradicted", f"one-sided: {', '.join(uneven) or 'none'}")
    return [p.make("side", verdict, match.span(), side=stated)]


# ---- how many, and where ----------------------------------------------------------------------------------------------

_NUMBERS = {w: n for n, w in enumerate(["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])}
_NUMBERS |= {
    "a single": 1,
    "single": 1,
    "zero": 0,
    "none": 0,
    "nothing": 0,
    "several": 3,
    "many": 4,
    "a few": 3,
    "a couple of": 2,
    "a pair of": 2,
    "both": 2,
    "another": 1,
}
_COUNT = re.compile(
    r"(?<!\bas)(?<!\bas )\b(?P<how>only|just|exactly|at least|more than|fewer than|less than|no more than|at most|over|all|"
    r"some|about|the same)?\s?"
    r"(?P<n>no|zero|a single|single|several|many|a few|a couple of|a pair of|one|two|three|four|five|six|seven|eight|nine|"
    r"ten|1?\d)\s"
    r"(?:(?P<other>other|further|more|additional)\s)?(?:(?:clear|measured|distinct|different|visible|strong|active|facial|of "
    r"the|separate|single|main|real|big)\s)*"
    r"(?P<what>movements?|action units?|units?|signs?(?! of)|changes?|things|aus?)\b(?! of (?:the|his|her|an?|any|some)\b| "
    r"(?:is|are) (?:\w+ ){0,2}stronger)"
)
_NOTHING = re.compile(
    r"\bnothing (?:in the face |else |on the face |here )?(?:moves|is moving|stands out|stirs|shows)\b|"
    r"\bno part of the face moves\b|\bface (?:stays|is|remains|keeps|lies) (?:completely |fully |entirely |"
    r"quite )?(?:at rest|still|motionless|unmoved)\b|\bface without (?:any |clear |measured |strong "
    r")?movements?\b|"
    r"\b(?:lack|absence) of (?:any |clear |measured |strong )?movement\b|\b(?:a|the) (?:still|resting|"
    r"motionless) face\b|\bface at rest\b|\bno one movement\b"
)
_ONLY = re.compile(
    r"\b(?:the only|the sole|the single) (?:clear |measured |strong )?(?:movement|sign|unit|change)\b|"
    r"\b(?:stands|comes|is|moves|appears) (?:all )?alone\b|,? alone$|\bno other (?:clear |measured "
    r")?movements?\b|\bnothing else moves\b"
)
_RESERVED = re.compile(
    r"\bno (?:single |one |clear |other )*(?:measured )?movement (?:behind|as support|supports|carries|"
    r"speaks|points|is (?:much |clearly )?stronger)|\bno (?:single |one )+measured movement|"
    r"\bsingle measured movement|\b(?:rather|more) than (?:a|one|any)\b|\bany (?:single |one "
    r")?(?:measured )?movement|with no (?:single )?(?:measured )?movement behind"
)


def count(p: Passage, facts: Facts) -> list[Statement]:
    """Judge how many movements there are said to be, in the whole face or a half of it."""
    if _RESERVED.search(p.text):
        return []
    if only := _ONLY.search(p.text):
        return _judge_only(p, only, facts)
    nothing = _NOTHING.search(p.text)
    if nothing and not re.search(r"\b(?:can|may|could|might|sometimes|easily|differ|disagree)\b", p.text):
        return [p.make("count", _judge_count(0, "only", facts), nothing.span())]
    match = _COUNT.search(p.text)
    if not match:
        return []
    where = re.match(r"[^,;]{0,18}\b(?:in|of|around) the (upper|lower|mouth|eye|brow|nose)", p.text[match.end() :])
    if re.search(r"\bor $", p.text[: match.start("n")]) or (where and where[1] not in ("upper", "lower")):
        return []
    how = match["how"] or ""
    number = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"]]
    if match["other"]:
        return []
    if (
        not how
        and number
        and re.search(r"\bstands? out\b|\bshow\b|\bgo together\b|\bof\b", p.text[match.end() : match.end() + 25])
        and match["n"] not in ("a single", "single", "one")
    ):
        how = "at least"
    if match["n"] in ("several", "many", "a few"):
        how = "at least"
    return [p.make("count", _judge_count(number, how, facts, where and where[1]), match.span())]


def _judge_only(p: Passage, match: re.Match, facts: Facts) -> list[Statement]:
    named = [m for m in p.mentions if not (m.denied or m.unseen)] or [m for m in p.before if not m.denied]
    if not named:
        return []
    units = {facts.strongest_unit(m.units) for m in named}
    extra = [au for au in facts.present_units() if not any(au in m.units for m in named)]
    verdict = RIGHT if not extra else ("contradicted", f"measured as well: {', '.join(extra)}")
    return [p.make("count", verdict, match.span(), units=tuple(sorted(units)))]


def _judge_count(n: int, how: str, facts: Facts, half: str | None = None) -> tuple[str, str]:
    """Is this the number of movements, of the whole face or of its upper or lower half?"""
    here = [au for au in AU_NAMES if half is None or (au in UPPER_FACE) == (half == "upper")]
    sure = sum(facts.state(au) == "on" for au in here)
    most = sure + sum(facts.state(au) == "unsure" for au in here)
    reason = f"{sure} movements were measured"
    low, high = (
        (n, 24)
        if how == "at least"
        else (n + 1, 24)
        if how in ("more than", "over")
        else (0, n - 1)
        if how in ("fewer than", "less than")
        else (0, n)
        if how in ("no more than", "at most")
        else (n, n)
    )
    if low <= sure <= high:
        return RIGHT
    return ("unsure", reason) if sure <= high and most >= low else ("contradicted", reason)


_PLACE = re.compile(
    r"\b(?:everything|all of it|it all|most(?: of (?:the movement|it))?|the (?:larger|greater) share|the "
    r"weight|the bulk|more than the rest|most of it|mainly|mostly|both take part|move together|share)\b"
)
_HALF = re.compile(
    r"\b(upper|lower)(?: (?:half of the )?face)?\b|\b(whole face)\b|\b(brows and eyes|eyes and brows)\b|"
    r"\b(nose, mouth and chin|mouth and chin|mouth region|around the mouth)\b"
)


def place(p: Passage, facts: Facts) -> list[Statement]:
    """ "Most of the movement is in the lower face"."""
    weight, halves = _PLACE.search(p.text), _halves(p.text)
    if not halves or not (
        weight
        or re.search(
            r"\bmoves? more\b|\bcarries\b|\bdoes most\b|\btakes? in\b|\breaches\b|\bruns? "
            r"over\b|\bcontribute\b|\bcarry\b",
            p.text,
        )
    ):
        return []
    on = facts.present_units()
    upper = sum(facts.strength(au) for au in on if au in UPPER_FACE)
    lower = sum(facts.strength(au) for au in on if au not in UPPER_FACE)
    if halves == {"upper", "lower"}:
        verdict = (
            RIGHT if upper and lower else ("contradicted", f"strengths add up to {upper:.1f} above and {lower:.1f} below")
        )
    else:
        here, there = (upper, lower) if "upper" in halves else (lower, upper)
        every = re.search(r"\beverything\b|\ball of it\b|\bit all\b|\bonly\b", p.text)
        right = here > 0 and there == 0 if every else here > there
        verdict = RIGHT if right else ("contradicted", f"strengths add up to {upper:.1f} above and {lower:.1f} below")
    return [p.make("place", verdict)]


def _halves(text: str) -> set[str]:
    halves = set()
    for match in _HALF.finditer(text):
        halves |= {match[1]} if match[1] else {"upper", "lower"} if match[2] else {"upper"} if match[3] else {"lower"}
    return halves
