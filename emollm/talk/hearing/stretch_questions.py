"""Questions about a stretch of a clip: the call that is meant, of the stretch or of two to be compared.

The model hears such a question without its stretches (`stretches.heard`), so what it writes is a call of the whole clip.
"""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.talk.hearing import time_words as say
from emollm.talk.hearing.movement_names import movements_in, without_movements
from emollm.talk.hearing.time_questions import KNOWN, OF_MOVEMENTS, parts_in
from emollm.talk.lookups.within import EACH, OF_THE_READING
from emollm.talk.terms.call import Call, parse
from emollm.talk.terms.finding import words_of
from emollm.talk.terms.stretches import COMPARES, NUMBERS, STRETCH, around, number, split_stretches

# What a question about a stretch may be taken for where it asks what is there.
TAKEN_FOR = ("at", "moments", "course", "order", "unclear", "offtopic", "outside", "change", "turns", "intent", "before",
             "after", "language", "hello", "thanks", "faces", "au")
UNLIKE = (*TAKEN_FOR, *KNOWN, "able", "bye", "reply")  # any other call means the same in a stretch as in the whole clip
FIGURES = ("agree", "average")
_ASKS_ALL = re.compile(r"\b(?:what|wat|whats|show|describe|happen\w*|tell|see|going|anything|something|list)\b")
_AGAIN = re.compile(r"\b(?:there|then|in (?:it|that|those)|meanwhile|(?:during|within) (?:it|that|this))\b|^\W*(?:only|just)\b")
_NEXT = re.compile(rf"\b(?:next|following)\W+(?P<n>\d{{1,3}}|{'|'.join(NUMBERS)})?\b")
_BESIDE = re.compile(
    r"^\W*(?:and |what |so |then |is |about |comes? |happens? |was )*(?P<way>after|before)(?: (?:that|this|it|then))?\W*$")
_OF_BOTH = re.compile(r"\b(?:which|where|compare|when)\b.*\b(?:two|both|them|these|those|one|more|stronger|most)\b")
_BOTH_ENDS = re.compile(r"^(?=.*\b(?:start|beginning|opening)\b)(?=.*\b(?:end|ending|finish|close)\b)(?!.*\b(?:middle|face)\b)")
_IT = re.compile(r"\b(?:that|it|this|those)\b")


def hold_to_stretch(call: Call, text: str, stretches: tuple[str, ...], earlier: list[str]) -> Call:
    """The call in the stretches that a question names, or goes on with. text: the rest of it in small letters; earlier: the
    calls of the conversation, oldest first."""
    last = parse(earlier[-1]) if earlier else Call("unclear")
    if not stretches and last.within:
        older = parse(earlier[-2]).within if len(earlier) > 1 else ()
        both = (*older, *last.within) if len(older) == 1 and _OF_BOTH.search(text) else ()
        stretches = _beside(text, last.within[-1]) or split_stretches(text, unsaid=True)[1] or both
        if not stretches and call.name not in UNLIKE and (_AGAIN.search(text) or _names_one_thing(text)):
            return replace(call, within=last.within)
    if not stretches and call.name in FIGURES and last.name == "at" and last.time is not None and _AGAIN.search(text):
        return replace(call, within=(around(last.time),))  # "I would have coded 1+2 there, agree?"
    sided = call.name in ("sides", "side") and words_of(text) <= say.FILL | _SIDES
    if not stretches and sided and last.name == "at" and last.time is not None:
        return Call("sides", within=(around(last.time),))  # "both sides?" of a moment
    if not stretches and call.name in (*TAKEN_FOR, "strongest", "movements", "count", "rest", "order"):
        ends = _BOTH_ENDS.search(text) and COMPARES.search(text) and not (movements_in(text) or call.units or call.label)
        return Call("moments") if ends else call
    compares = call.name == "topic" and (call.word == "compare" or len(stretches) > 1)
    if not stretches or call.word == "end" or (call.name in UNLIKE and call.name not in TAKEN_FOR and not compares):
        return call
    if len(stretches) == 1 and last.within and COMPARES.search(text) and _IT.search(text):
        stretches = (last.within[0], *stretches)
    return replace(_asked(call, text, last, compared=len(stretches) > 1), within=stretches)


def _asked(call: Call, text: str, last: Call, compared: bool) -> Call:
    """What is asked of a stretch."""
    bare = words_of(text) <= say.FILL | _COMPARING
    if bare and last.name in ("change", "turns"):
        return Call("label")
    if bare and last.name not in UNLIKE and not compared and not _ASKS_ALL.search(text):
        return replace(last, within=())  # "and in the last second?"
    named, parts = tuple(movements_in(text)), parts_in(text)
    other = call.name in (*TAKEN_FOR, "topic")
    if (other or (compared and call.name not in EACH)) and (named or parts):
        return Call("there", named) if named else Call("part", word=parts[0])
    if other or (bare and call.name not in OF_THE_READING) or call == Call("long"):
        return Call("movements")
    if compared and call.name in OF_MOVEMENTS and not named:
        return Call("movements")
    return call


_SIDES = words_of("side sides left right equal equally symmetric symmetrical even evenly only each alike")
_COMPARING = words_of("compare comparing differ differs different difference vs versus than against change changes changed "
                      "changing what's whats wat happens anything going part only see")


def _names_one_thing(text: str) -> bool:
    """ "the mouth?", "and the smile?"."""
    return {word for word in words_of(without_movements(text)) if not parts_in(word)} <= say.AGAIN


def _beside(text: str, told: str) -> tuple[str, ...]:
    """ "and in the next three?", "and after that?": the stretch beside the one that was told."""
    first, last, unit, _ = STRETCH.fullmatch(told).groups()
    if unit != "s":
        return ()
    if match := _NEXT.search(text):
        many = number(match["n"]) if match["n"] else float(last) - float(first)
        return (f"{last}-{float(last) + many:g}s",)
    if match := _BESIDE.match(text):
        return (f"{last}-end",) if match["way"] == "after" else (f"0-{first}s",) * (float(first) > 0)
    return ()
