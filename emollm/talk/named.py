"""Movements that a question names: by codes, by what people call them, by their muscles."""

from __future__ import annotations

import re

from emollm.facs.muscles import made_by
from emollm.talk.call import Call

# What people call a movement where they compare faces or moments.
MOVEMENTS = (
    (r"smil|grin|beam", ("AU12",)),
    (r"frown", ("AU04", "AU15")),
    (r"scowl", ("AU04",)),
    (r"(?:rais|lift)\w* (?:\w+ )?(?:eye)?brow|(?:eye)?brows? (?:\w+ )?(?:rais|lift|up|high)", ("AU01", "AU02")),
    (r"squint|narrow", ("AU06", "AU07")),
    (r"pout", ("AU17", "AU18", "AU22")),
    (r"pucker|kiss", ("AU18",)),
    (r"(?:open|wide)\w* (?:the |his |her |their )?mouth|mouth \w*\s?open", ("AU25", "AU26", "AU27")),
    (r"(?:clos|shut)\w* (?:the |his |her |their )?eyes?|eyes? \w*\s?(?:clos|shut)", ("AU43",)),
    (r"blink", ("AU45",)),
    (r"sneer|snarl", ("AU09", "AU10")),
    (r"wrinkl\w* (?:the |his |her |their )?nose|nose \w*\s?wrinkl", ("AU09",)),
)
_MOVEMENTS = tuple((re.compile(rf"\b(?:{words})"), units) for words, units in MOVEMENTS)
_CODES = re.compile(r"\b(?:au|action unit|unit)s?[ -]?#?(\d{1,2}(?:\s*(?:,|and|or|&|\+|/)\s*(?:au ?)?\d{1,2})*)\b")


def units_in(text: str) -> tuple[str, ...]:
    """Units of the first movement that a text of small letters names by what people call it; () when there is none."""
    return next((units for words, units in _MOVEMENTS if words.search(text)), ())


def codes_in(text: str) -> list[str]:
    """Units named by their codes: "au6 and 12" -> AU06, AU12."""
    numbers = [n for found in _CODES.findall(text) for n in re.findall(r"\d+", found)]
    return list(dict.fromkeys(f"AU{int(n):02d}" for n in numbers))


# "which muscle makes it?", "what does the corrugator do?", "which muscles are at work?"
_WHICH_MUSCLE = re.compile(r"\b(?:which|what|names? (?:the|of the|of a|a))\b[^.?!]*\bmuscles?\b(?! movement)|\bmuscles? name\b")
_FUNCTION = re.compile(r"\bwhere\b|\bwhat (?:does|do) (?!.* show)|\b(?:which|what) (?:aus?|action units?|units?|movement)\b|"
                       r"\bwhat(?:'?s| is| are) (?:the |a )?[\w, ]+\W*$(?<!doing)(?<!doing\?)|\bfunctions?\b")
_AT_WORK = re.compile(r"\b(?:activ\w*|contract\w*|work\w*|fir\w+|tens\w+|us(?:e[ds]?|ing)|mov\w+|engag\w+|involved|on)\b")
_OF_MOVEMENTS = ("absent", "strength", "side", "when", "cause", "faces", "sides", "moments")
_KEPT = ("refuse", "edit", "toward")


def muscled(call: Call, text: str, _: bool) -> Call:
    """A muscle by its name: what it makes, or whether that is there ("corrugator?"); "which muscle" asks for such a name."""
    if call.name in _KEPT:
        return call
    if units := made_by(text):
        every = tuple((au,) for one in units for au in one)
        if call.name in _OF_MOVEMENTS:
            return Call(call.name, units, side=call.side)
        if (call.name == "au" and call.word) or _FUNCTION.search(text):
            return Call("au", every, word=call.word if call.name == "au" and call.word != "muscle" else "")
        return Call("there", units, side=_side(text), word="muscle")
    if not _WHICH_MUSCLE.search(text) or call.name in ("listed", "topic"):
        return call
    if units := tuple((au,) for au in codes_in(text) or units_in(text)):
        return Call("au", units, word="muscle")
    return Call("movements", word="muscle") if call.name != "au" and _AT_WORK.search(text) else call


def _side(text: str) -> str:
    said = set(re.findall(r"\b(left|right)\b(?! *\?| *$)", text))
    return said.pop() if len(said) == 1 else ""
