"""What a question asks about by name, where the call says only of what kind it is: the word that is none of the labels, what
is not measured, what may disturb the measurement, less of a label, the source of what was told.

The model writes the coarse call ("other"), the question's own words make it finer ("other gloomy/heartbroken"). An evaluation
takes either for the other (`coarser`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.schema import AUS
from emollm.talk.call import PARTS_OF_FACE, Call, parse
from emollm.talk.call_rules import labels_in, part_in
from emollm.talk.conditions import CONDITIONS, THINGS, conditions_in
from emollm.talk.feeling_words import NEAREST, feelings_in
from emollm.talk.movement_names import codes_in, movements_in, outside_units_in
from emollm.talk.refusal_words import reason

OF_A_LOOK = ("other", "is", "unclear", "why", "whynot", "label", "offtopic", "sure", "words", "outside", "intent")
_LOOKS = re.compile(r"\b(?:look\w*|seem\w*|appear\w*|faces?|express\w*|words?|fits?|call\w*|smile|vibe)\b")
_FELT = re.compile(r"\b(?:really|truly|actually|inside|deep down|secretly|feels?|feeling|in fact|true|genuine\w*|honest\w*)\b")
OF_THE_FACE = ("outside", "there", "absent", "side", "strength", "cause", "unclear", "offtopic", "part", "label", "movements",
               "au")
_THINGS = {name: re.compile(rf"\b(?:{words})\b") for name, (words, _) in THINGS.items()}
_TELLS = re.compile(r"\b(?:guess|estimat|detect|recogni|determin|tell|say|identif|know)\w*\b")
OF_THE_TOOL = ("unclear", "offtopic", "outside", "able", "refuse")
ACCURACY = Call("topic", word="accuracy")
_TOOL = ("accuracy", "baseline", "method", "files", "labels", "feelings", *CONDITIONS)
_LESS = re.compile(
    r"\b(?:less|not (?:so|as|that)|no longer|no more|not .{0,12}any ?more|stops?|tone\w* (?:\w+ )?down|reduc\w+|lower(?: the)?|"
    r"weaken\w*|get rid of|los(?:e|ing)|away|off|soften\w*|un\w+)\b")
_CHANGE = re.compile(r"\b(?:what|how|which|could|would|need\w*|make|makes|chang\w+|edit|turn|tone|reduce|lower|take|remove)\b")
CHANGED = ("toward", "edit", "unclear", "why", "whynot", "other", "offtopic", "reply", "sure", "cause")
_SOURCE = re.compile(
    r"^\W*(?:and |so |ok |okay |but |hm+ |any |the |your |a |what(?:'?s| is) |give me |whats )*(?:sources?|refs?|references?|"
    r"citations?|papers?|literature|according to (?:who|whom|what)|(?:who )?says (?:who|so|that)|who says (?:so|that|this)|"
    r"whos? says|where(?:'?s| is| was| does| did| do| can)? (?:you |i )?(?:that|this|it|you|i)?\s?(?:is |was )?(?:get |got |"
    r"find |found |read |look )?(?:that |this |it )?(?:from|written|defined|stated|published|documented|come from|taken from|"
    r"stand|say)|(?:can|could) (?:you|i) (?:cite|quote|check) (?:that|this|it)(?: anywhere| somewhere)?|how do you know(?: "
    r"that| this)?)(?: (?:for|of|to) (?:that|this|it))?(?: (?:please|pls|from|then|here|exactly|anywhere|down|up))*\W*$")
_SOURCE_OF = {
    "mood": "by_affect", "intent": "by_displays", "cause": "by_displays", "other": "by_sorting", "words": "by_program",
    "reply": "by_program", "smile": "by_duchenne", "listed": "by_reading", "apart": "by_reading", "refuse": "by_program",
    "able": "by_program", "who": "by_program", "outside": "by_program", "tell": "by_reading",
    **dict.fromkeys(("why", "whynot", "label", "is", "sure", "shares", "toward", "edit", "change", "turns"), "by_reading"),
}
_TOPIC_SOURCE = {"facs": "by_facs", "levels": "by_facs", "duchenne": "by_duchenne", "labels": "by_reading",
                 "sources": "by_reading"}
SAY_THEIRS = ("basic", "feelings")  # topics that name who says so


def finer(call: Call, question: str, last: str = "") -> Call:
    """The call with what the question names. last: the call of the question before."""
    text = question.lower().replace("\u2019", "'")
    if last and call.name != "tell" and _SOURCE.match(text) and (source := _source_of(parse(last))):
        return source
    if call.name == "refuse" and (reason(text) or not _is_harmless(call, text)):
        return call
    if call == Call("faces") and (part := part_in(text)):
        return Call("faces", (PARTS_OF_FACE[part],))
    for rule in (_feeling, _condition, _outside):
        if (named := rule(call, text)) is not None:
            return named
    return call


def _is_harmless(call: Call, text: str) -> bool:
    """Whether a question that was taken for one to refuse asks how a face looks, or how the measurement works."""
    of_a_look = call.word in ("attraction", "character", "health", "feelings") and not _FELT.search(text)
    of_the_tool = bool(conditions_in(text)) and not _TELLS.search(text)
    return of_the_tool or (of_a_look and bool(_LOOKS.search(text) or "love" not in feelings_in(text)))


def coarser(call: Call) -> Call:
    """What `finer` was made from: the kind of question alone."""
    if call.name == "topic" and call.word.split("/")[0] in CONDITIONS:
        return ACCURACY
    if call.name == "au" and any(int(au[2:]) not in AUS for movement in call.units for au in movement):
        return Call("outside")
    return replace(call, word="", label="") if call.name in ("other", "outside") else call


def less_of(call: Call, question: str, read_as: str, last: str = "") -> Call:
    """ "What would make her less happy?": less of the label that is named, was talked of, or is read."""
    text = question.lower()
    if call.name not in CHANGED or not (_LESS.search(text) and _CHANGE.search(text)) or movements_in(text) or codes_in(text):
        return call
    near = [NEAREST[word] for word in feelings_in(text) if word in NEAREST]
    named = [*labels_in(text), *near]
    if not named and (not last or parse(last).name == "edit" or call.name not in ("toward", "unclear", "whynot")):
        return call
    return Call("toward", label=next(iter(named), parse(last).label or read_as), word="less")


def _source_of(last: Call) -> Call | None:
    """Where it stands what the last call told."""
    if last.name == "au":
        return Call("au", last.units, word="source")
    if last.name in ("refuse", "grounds"):
        return Call("grounds", word=last.word)
    if last.name in ("unclear", "hello", "thanks"):
        return None
    if last.name != "topic":
        return Call("topic", word=_SOURCE_OF.get(last.name, "by_measuring"))
    return last if last.word in SAY_THEIRS else Call("topic", word=_TOPIC_SOURCE.get(last.word, "by_program"))


def _feeling(call: Call, text: str) -> Call | None:
    """Words beside the eight labels, and two labels beside each other: "gloomy, or rather heartbroken?", "sad or angry?"."""
    if call.name not in (*OF_A_LOOK, "refuse") or movements_in(text) or codes_in(text):
        return None
    words, labels = feelings_in(text), labels_in(text)
    either = [label for label in labels if not any(NEAREST.get(word) == label for word in words)] if " or " in text else []
    if words:
        return Call("other", label="/".join(either), word="/".join(words))
    return Call("other", label="/".join(either)) if len(either) > 1 and call.name in ("is", "other", "unclear") else None


def _condition(call: Call, text: str) -> Call | None:
    """What may disturb the measurement: "does a beard matter?"."""
    of_the_tool = call.name in OF_THE_TOOL or (call.name == "topic" and call.word in _TOOL)
    named = conditions_in(text) if of_the_tool else []
    return Call("topic", word="/".join(named)) if named else None


def _outside(call: Call, text: str) -> Call | None:
    """What is not measured by its name: a code of FACS for it, or the thing."""
    if call.name not in OF_THE_FACE or codes_in(text):
        return None
    if units := outside_units_in(text):
        return Call("au", units) if call.name != "au" or not call.word else None
    things = [name for name, words in _THINGS.items() if words.search(text)] if call.name == "outside" else []
    return Call("outside", word=things[0]) if things else None
