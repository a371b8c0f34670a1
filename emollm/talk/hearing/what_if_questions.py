"""What would be, by a question's own words: a part of the face that is left out, a movement that is imagined."""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.talk.terms.call import PARTS_OF_FACE, Call

IMAGINED = 3.0  # level of a movement that somebody only imagines
_LEFT_OUT = re.compile(
    r"\b(?:ignor\w+|disregard\w*|without|leav\w+ (?:out|aside)|not counting|cover(?:ed|ing)? (?:up )?|hid(?:e|ing))\s*"
    r"(?:out |aside )?(?:the |his |her |their )?(?:whole |entire )?"
    r"(brows|eyebrows|eyes|nose|cheeks|chin|mouth|upper|lower)\b(?! raiser| corners?| lips?\b| lids?\b)"
)
_IF_MOVED = re.compile(
    r"\b(?:if|suppose|imagine|had)\b[^,?]*\b(?:smil|grin|frown|scowl|pout|squint|raise|raising|lift|wrinkl|pucker|press|open)(?!r)\w*"
)
_IF_NOT = re.compile(
    r"\b(?:not|no|never|without|stop\w*|less|un\w+|relax\w*|gone|remov\w*|cut|dropp\w*|wip\w*|lost|"
    r"(?:take\w?|took) (?:away|out|off)|zero|0|absent|clos\w+|\w+n'?t)\b")
_TAKEN_AWAY = re.compile(
    r"\b(?:take|took|taken|taking) (?:\w+ ){0,4}?(?:away|out|off)\b|\bremov\w+\b|"
    r"\b(?:were|was|is|are) (?:gone|missing|absent)\b|\bdisappear\w*|\bvanish\w*|\b(?:eras|delet|subtract)\w*")
_MOUTH_SHUT = re.compile(r"\b(?:mouth|lips) (?:\w+ )?(?:closed|shut)\b|\b(?:closed|shut)(?: \w+)? (?:mouth|lips)\b")
_CODE = re.compile(r"\bau ?\d+|\baction unit \d+")
_SPOKEN = {"eyebrows": "brows"}


def correct_what_if(call: Call, text: str, _: bool) -> Call:
    """ "If you ignore the mouth?" leaves all of its units out; "if she smiled?" adds what a small model takes away."""
    if call.name in ("edit", "label", "part", "is", "other", "why", "unclear") and (match := _LEFT_OUT.search(text)):
        return Call("edit", edits=dict.fromkeys(PARTS_OF_FACE[_SPOKEN.get(match[1], match[1])], 0.0))
    if call.name == "edit" and _TAKEN_AWAY.search(text) and not re.search(r"[1-5]\b(?!\d)", _CODE.sub(" ", text)):
        return replace(call, edits=dict.fromkeys(call.edits, 0.0))
    if call.name == "edit" and _MOUTH_SHUT.search(text) and {"AU25", "AU26", "AU27"} & set(call.edits):
        return replace(call, edits=call.edits | dict.fromkeys(("AU25", "AU26", "AU27"), 0.0))
    opens = set(call.edits) <= {"AU43", "AU45"} and re.search(r"\bopen", text)  # eyes that are opened are closed no more
    moved = _IF_MOVED.search(text) and not (_IF_NOT.search(text) or opens)
    if call.name == "edit" and set(call.edits.values()) == {0.0} and moved:
        return replace(call, edits=dict.fromkeys(call.edits, IMAGINED))
    return call
