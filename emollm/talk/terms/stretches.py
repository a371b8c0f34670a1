"""Stretches of a clip: how a question names one ("in the last two seconds"), how a call holds it, and which seconds are meant.

    0-3s      from 0 to 3 s
    5-end     from 5 s on
    end-2s    the last two seconds
    50-100%   the second half
"""

from __future__ import annotations

import re
from collections.abc import Callable

STRETCH = re.compile(r"(\d+(?:\.\d+)?)-(?:(\d+(?:\.\d+)?)([s%])|end)|end-(\d+(?:\.\d+)?)s")
AROUND = 0.25  # s to either side of a moment that is told as a stretch
NUMBERS = {"half an": .5, "half a": .5, "half": .5, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
            "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "a couple of": 2, "couple of": 2, "few": 3, "a few": 3}
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_PARTS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "middle": 1, "third": 2, "3rd": 2, "fourth": 3, "last": -1, "final": -1,
          "latter": -1, "other": -1, "opening": 0}
_SIZES = {"half": 2, "third": 3, "quarter": 4}
_ABOUT = r"(?:t ?= ?|the |about |around |roughly |approx |circa |ca )?"
_T = rf"(?<![\w.]){_ABOUT}\d{{1,3}}(?:[.,]\d+)?(?:st|nd|rd|th)?"
_N = rf"(?:{_T}|{'|'.join(NUMBERS)})"
_S = r"(?:s|secs?|secon?ds?|sec\.)(?!\w)"
_IN = r"(?:\b(?:in|during|within|over|for|of|throughout|at|only)\s+)?(?:\b(?:the|its|his|her|this)\s+)?(?:very\s+)?"
_FIRST = r"(?P<first>first|opening|initial|beginning|starting)"
_LAST = r"(?:last|final|closing|ending)"
_TO = r"(?:to|til+|until|through|thru|-|\u2013|\u2026)"
COMPARES = re.compile(
    r"\b(?:compar\w*|differ\w*|vs\.?|versus|than|against|chang\w*|contrast\w*|or|same|alike)\b", re.IGNORECASE)
_CHANGES = re.compile(r"\b(?:chang\w*|differ\w*)\b", re.IGNORECASE)


def number(text: str) -> float:
    text = " ".join(text.lower().split())
    return NUMBERS[text] if text in NUMBERS else float(re.sub(r"[^\d.]", "", text.replace(",", ".")))


def _seconds(first: float, last: float) -> list[str]:
    return [f"{max(0.0, first):g}-{last:g}s"] if last > first else []


def _from_to(match: re.Match, text: str) -> list[str]:
    first, last = number(match["from"]), number(match["to"])
    if _CHANGES.search(text) and match["between"] and match["between"].lower() == "between":  # what is other then
        return [*_around(first), *_around(last)]
    return _seconds(first, last)


def _around(moment: float) -> list[str]:
    return _seconds(moment - 2 * AROUND, moment + 2 * AROUND)


def _end(match: re.Match, _: str) -> list[str]:
    many = number(match["n"] or "one")
    return [f"0-{many:g}s" if match["first"] else f"end-{many:g}s"]


def _share(match: re.Match, _: str) -> list[str]:
    size = _SIZES[match["size"].lower()]
    which = _PARTS[match["which"].lower()] % size
    return [f"{round(100 * which / size)}-{round(100 * (which + 1) / size)}%"]


def _ordinal(match: re.Match) -> int:
    which = match["nth"].lower()
    return _NTH.index(which) + 1 if which in _NTH else int(re.sub(r"\D", "", which))


def _nth(match: re.Match, _: str) -> list[str]:
    return _seconds(_ordinal(match) - 1, _ordinal(match))


# Ways to name a stretch, the most particular first.
_WAYS: tuple[tuple[str, Callable[[re.Match, str], list[str]]], ...] = (
    (rf"\b(?:after|past) the first (?P<n>{_N})\s?{_S}", lambda m, _: [f"{number(m['n']):g}-end"]),
    (rf"{_IN}(?:(?P<between>\bbetween|\bfrom)\s+)?(?:\bsec(?:ond)?s?\s+)(?P<from>{_T})\s?(?:{_S})?\s*"
     rf"(?:{_TO}|(?(between)and|{_TO}))\s*(?:sec(?:ond)?s?\s+)?(?P<to>\d{{1,3}}(?:[.,]\d+)?)(?:\s?{_S})?(?![\w%])", _from_to),
    (rf"{_IN}(?:(?P<between>\bbetween|\bfrom)\s+)?(?P<from>{_T})\s?(?:{_S})?\s*(?:{_TO}|(?(between)and|{_TO}))\s*"
     rf"(?P<to>{_ABOUT}\d{{1,3}}(?:[.,]\d+)?(?:st|nd|rd|th)?)\s?{_S}", _from_to),
    # without a unit: beyond the five levels of a movement, that is of seconds
    (rf"{_IN}(?P<between>\bbetween|\bfrom)\s+(?P<from>{_T}) (?:and|to) (?P<to>[6-9]|\d\d)(?:\.\d+)?\b"
     r"(?!\.\d|\s?%|\s(?:percent|years|points|units|people|faces))", _from_to),
    (r"^\W*(?:and |what about |how about |what happens |then )*(?P<between>between|from) "
     rf"(?P<from>{_T}) (?:and|to) (?P<to>{_T})\W*$", _from_to),
    (rf"{_IN}(?:{_FIRST}|{_LAST})\s+(?:or|and|vs\.?|versus|than|with|to)\s+{_IN}(?:first|last)\s+(?P<n>{_N})\s?{_S}",
     lambda m, _: sorted((f"0-{number(m['n']):g}s", f"end-{number(m['n']):g}s"), reverse=not m["first"])),
    (rf"{_IN}(?:{_FIRST}|{_LAST})\s+(?:(?P<n>{_N})\s?)?{_S}", _end),
    (rf"{_IN}\b(?P<which>{'|'.join(_PARTS)}) (?P<size>{'|'.join(_SIZES)})\b(?! (?:of (?:his|her|my|an?)\b|(?:of )?(?:the )?"
     r"(?:face|mouth|second|brow|smile))|\W+the (?:right|left) one|\W*$(?<=other half))(?: of (?:the|this) \w+)?", _share),
    (r"(?<!\bor )\b(?:from|after|since|past|beyond|starting (?:at|from|with))\s+(?:the\s+)?"
     rf"(?:second\s+(?P<n>{_T})|(?P<k>{_T})\s?{_S})(?: mark)?(?:\s+on(?:wards?)?|,? and later)?\b",
     lambda m, _: [f"{number(m['n'] or m['k']):g}-end"]),
    (rf"\b(?:until|til+|up to|before)\s+(?:the\s+)?(?:second\s+(?P<n>{_T})|(?P<k>{_T})\s?{_S})(?: mark)?",
     lambda m, _: _seconds(0, number(m["n"] or m["k"]))),
    (rf"\b(?P<way>until|up to|before|till?|after|since|from) the (?P<nth>{'|'.join(_NTH)}|\d{{1,3}}(?:st|nd|rd|th)) second\b",
     lambda m, _: _seconds(0, _ordinal(m)) if m["way"].lower() not in ("after", "since", "from") else [f"{_ordinal(m)}-end"]),
    (rf"{_IN}\b(?P<nth>{'|'.join(_NTH)}|\d{{1,3}}(?:st|nd|rd|th)) second\b", _nth),
    (r"(?<!\bat )(?<!\bor after )(?<!\bor before )"
     r"(?<!\baround )(?<!\babout the )\bsecond (?:number |no\.? ?|#)?(?P<n>\d{1,3})\b(?!\.\d)",
     lambda m, _: _seconds(int(m["n"]), int(m["n"]) + 1)),
)
_PATTERNS = tuple((re.compile(words, re.IGNORECASE), read) for words, read in _WAYS)
_UNSAID = re.compile(rf"{_IN}\b(?:{_FIRST}|{_LAST})\s+(?P<n>(?!an? |one\b){_N})"
                     r"(?=\W*$|\W+(?:and|with|than|to|vs|against)\b|[?!,;])", re.IGNORECASE)
_ALL_OF_IT = re.compile(
    r"\bfirst (?:second |frame )?(?:to|till?|until|through) (?:the )?last (?:second|frame)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(\d{1,2}):([0-5]\d)\b(?!:)")  # 1:05
_MOMENT = re.compile(rf"(?:\b(?:at|around)\s+)?(?P<n>{_T})\s?{_S}", re.IGNORECASE)


def split_stretches(question: str, unsaid: bool = False) -> tuple[str, tuple[str, ...]]:
    """A question without the stretches of a clip that it names, and these (two at most), in order: what is asked of them is
    understood like a question of the whole clip. unsaid: "the last 3" are seconds."""
    found: list[tuple[int, str]] = []
    question = _ALL_OF_IT.sub("start to end", question)
    rest = question = _CLOCK.sub(lambda m: f"{60 * int(m[1]) + int(m[2])} s", question)
    compares = COMPARES.search(question)
    for pattern, read in (*_PATTERNS, *(((_UNSAID, _end),) if compares or unsaid else ())):
        for match in pattern.finditer(rest):
            if stretches := read(match, question):
                found += [(match.start(), one) for one in stretches]
                rest = rest[:match.start()] + " " * len(match[0]) + rest[match.end():]  # the others stay where they are
    if not found and compares and len(moments := list(_MOMENT.finditer(question))) == 2:
        found = [(m.start(), _around(number(m["n"]))[0]) for m in moments]
        rest = _MOMENT.sub(" ", question)
    stretches = tuple(dict.fromkeys(one for _, one in sorted(found, key=lambda one: one[0])))
    rest = re.sub(r"\s+(?=[?.,!])", "", re.sub(r"\s+", " ", rest)).lstrip(" ,.").rstrip()
    return (rest, stretches) if 0 < len(stretches) < 3 else (question, ())


def heard(question: str) -> str:
    """What the language model is given of a question: without stretches, where anything is left."""
    rest = split_stretches(question)[0]
    return rest if len(re.findall(r"\w+", rest)) > 1 else question


def around(moment: float) -> str:
    """A moment (s) as a stretch."""
    return f"{max(0.0, moment - AROUND):g}-{moment + AROUND:g}s"


def seconds_of(stretch: str, begin: float, last: float) -> tuple[float, float]:
    """From when to when a stretch goes in a clip from `begin` to `last` (s); what lies outside of it is not cut off."""
    one, other, unit, from_end = STRETCH.fullmatch(stretch).groups()
    if from_end:
        return max(begin, last - float(from_end)), last
    if unit == "%":
        return tuple(begin + (last - begin) * float(share) / 100 for share in (one, other))
    return float(one), float(other) if other else last
