"""What a question asks about by name, where the call says only of what kind it is: the word that is none of the labels, what
is not measured, what may disturb the measurement, less of a label, the source of what was told.

The model writes the coarse call ("other"), the question's own words make it finer ("other gloomy/heartbroken"). An evaluation
takes either for the other (`coarser`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.schema import AUS
from emollm.talk.hearing.call_rules import labels_in, part_in
from emollm.talk.hearing.movement_names import codes_in, movements_in, outside_units_in
from emollm.talk.hearing.refusal_words import reason
from emollm.talk.hearing.which_face import NAMED
from emollm.talk.terms.call import PARTS_OF_FACE, Call, parse
from emollm.talk.terms.conditions import CONDITIONS, THINGS, conditions_in
from emollm.talk.terms.feeling_words import NEAREST, feelings_in

OF_A_LOOK = ("other", "is", "unclear", "why", "whynot", "label", "offtopic", "sure", "words", "outside", "intent")
_LOOKS = re.compile(r"\b(?:look(?!ing at)|seem|describ|appear|express|words?\b|fits?\b|call|smile\b|vibe|clearly|obviously)\w*|"
                    r"\ban? (?:\w+ )?face\b|\b(?:this|that|it)(?:'s| is)\b|\b(?:tired|sleepy)\b")
_FELT = re.compile(r"\b(?:really|truly|actually|inside|deep down|secretly|feels?|feeling|in fact|true|genuine\w*|honest\w*|"
                   r"by nature|secret|life|ill|driv\w+|me|my|i)\b")
_RANKS = re.compile(r"\b(?:rank\w*|closer|nearer|rather|likelier|more)\b")
OF_THE_FACE = ("outside", "there", "absent", "side", "strength", "cause", "unclear", "offtopic", "part", "label", "movements",
               "au")
_THINGS = {name: re.compile(rf"\b(?:{words})\b") for name, (words, _) in THINGS.items()}
_MEASURING = re.compile(
    r"\b(?:measur|accura|reliab|precis|valid|robust|numbers|results|watch out|careful|tool|software|it work|still work)\w*\b")
_TELLS = re.compile(r"\b(?:guess|estimat|detect|recogni|determin|tell|say|identif|know)\w*\b")
_SOMEBODY = re.compile(r"\b(?:he|she|him|her|his|they|them|their|this (?:man|woman|person|guy|girl|boy|kid))\b")
OF_THE_TOOL = ("unclear", "offtopic", "outside", "able", "refuse", "topic")
ACCURACY = Call("topic", word="accuracy")
_LESS = re.compile(
    r"\b(?:less|not (?:so|as|that)|no longer|no more|not .{0,12}any ?more|stops?|tone\w* (?:\w+ )?down|reduc\w+|lower(?: the)?|"
    r"weaken\w*|get rid of|los(?:e|ing)|away|off|tak\w+ .*\bout|soften\w*|un\w+)\b")
_DECISIVE = re.compile(r"\bmost (?:telling|important|decisive|relevant|diagnostic|responsible)\b|\bdecisive\b|"
                       r"\bmatters? (?:the )?most\b|\bkey (?:movement|unit|au)\b|\bhangs? on\b")
_CHANGE = re.compile(r"\b(?:what|how|which|could|would|need\w*|make|makes|chang\w+|edit|turn|tone|reduce|lower|take|remove)\b")
CHANGED = ("toward", "edit", "unclear", "why", "whynot", "other", "offtopic", "reply", "sure", "cause")
_COUNTS = {"two": "2", "three": "3", "four": "4", "five": "5"} | {n: n for n in "2345"}
_COUNT = rf"({'|'.join(_COUNTS)})"
_SO_MANY = re.compile(rf"\b(?:top|first|strongest|main|biggest) {_COUNT}\b|"
                      rf"\b{_COUNT} (?:strongest|main|biggest|clearest|most \w+)\b")
_SOURCE = re.compile(
    r"^\W*(?:and |so |ok |okay |but |hm+ |any |the |your |a |what(?:'?s| is) |give me |whats )*(?:sources?|refs?|references?|"
    r"citations?|papers?|literature|according to (?:who|whom|what)|(?:who )?says (?:who|so|that)|who says (?:so|that|this)|"
    r"whos? says|where(?:'?s| is| was| does| did| do| can)? (?:you |i )?(?:that|this|it|you|i)?\s?(?:is |was )?(?:get |got |"
    r"find |found |read |look )?(?:that |this |it )?(?:from|written|defined|stated|published|documented|come from|taken from|"
    r"stand|say)|where (?:can|could|do|should) i (?:look|read|find|check) (?:that|this|it)(?: up)?|(?:can|could) (?:you|i) "
    r"(?:cite|quote|check) (?:that|this|it)(?: anywhere| somewhere)?|how do you know(?: that| this)?)(?: (?:for|of|to) "
    r"(?:that|this|it))?(?: (?:please|pls|from|then|here|exactly|anywhere|down|up))*\W*$")
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
    if call == Call("topic", word="posed") and "art" in conditions_in(text):
        return Call("topic", word="art")
    if call.is_particular:
        return call
    if call.name == "refuse" and (reason(text) or not _is_harmless(call, text)):
        return call
    if call.name in ("strongest", "movements") and not call.word and (so_many := _SO_MANY.search(text)):
        return Call("strongest", word=_COUNTS[so_many[1] or so_many[2]])
    if call.name == "faces" and call.units and len(NAMED.findall(text)) > 1 and not (
            movements_in(text) or codes_in(text) or part_in(text)):
        return Call("faces")  # "compare the man in the middle with the one on the right"
    if call.name == "faces" and not (movements_in(text) or labels_in(text) or call.units) and (part := part_in(text)):
        return Call("faces", (PARTS_OF_FACE[part],))
    for rule in (_feeling, _condition, _outside):
        if (named := rule(call, text)) is not None:
            return named
    return call


def _is_harmless(call: Call, text: str) -> bool:
    """Whether a question that was taken for one to refuse plainly asks how a face looks, or how the measurement works."""
    if call.word in ("attraction", "character", "health", "feelings") and _LOOKS.search(text) and not _FELT.search(text):
        return True
    told_of = _TELLS.search(text) or _SOMEBODY.search(text) or call.word in ("truth", "identity", "hiring", "policing")
    return bool(conditions_in(text) and _MEASURING.search(text) and not told_of)


def coarser(call: Call) -> Call:
    """What `finer` was made from: the kind of question alone."""
    if call.name == "topic" and call.word.split("/")[0] in CONDITIONS:
        return ACCURACY
    if call.name == "au" and any(int(au[2:]) not in AUS for movement in call.units for au in movement):
        return Call("outside")
    return replace(call, word="", label="") if call.name in ("other", "outside", "strongest") else call


def less_of(call: Call, question: str, read_as: str, last: str = "") -> Call:
    """ "What would make her less happy?": less of the label that is named, was talked of, or is read."""
    text = question.lower()
    if call.name in ("strongest", "why", "unclear", "more", "toward") and _DECISIVE.search(text):
        return Call("toward", label=read_as, word="less")  # what the reading hangs on
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
    words, labels = feelings_in(text), labels_in(text)
    plainly = (*(("thanks",) if len(text.split()) < 3 else ()), *(("mood",) if len(words) > 1 else ()))  # "cheeky!"
    smiles = ("smile",) if set(movements_in(text)) <= {("AU12",)} else ()  # "a smug smile?"
    ranks = len(labels) > 1 and bool(_RANKS.search(text)) and call.word in ("", "labels")  # "rank fear, anger and surprise"
    ranked = ("mood", "topic", "shares") if ranks else ()
    if call.name not in (*OF_A_LOOK, "refuse", *plainly, *smiles, *ranked) or (movements_in(text) and not smiles):
        return None
    if codes_in(text) or (call.name in ("why", "whynot") and labels):
        return None  # why this label: the reasons, behind what the word is near to
    either = [label for label in labels if not any(NEAREST.get(word) == label for word in words)] if " or " in text else []
    if words:
        return Call("other", label="/".join(either), word="/".join(words))
    if ranks and call.name in ("label", *ranked):
        return Call("other", label="/".join(labels))
    return Call("other", label="/".join(either)) if len(either) > 1 and call.name in ("is", "other", "unclear") else None


def _condition(call: Call, text: str) -> Call | None:
    """What may disturb the measurement: "does a beard matter?"."""
    of_the_tool = call.name in OF_THE_TOOL or (call.name == "au" and not codes_in(text) and "you" in text)
    may_be = call.name in ("edit", "strength", "au", "cause", "there", "absent", "side")
    if call.name == "refuse" and not _MEASURING.search(text):
        return None
    named = conditions_in(text, plainly=not of_the_tool) if of_the_tool or may_be else []
    return Call("topic", word="/".join(named)) if named else None


def _outside(call: Call, text: str) -> Call | None:
    """What is not measured by its name: a code of FACS for it, or the thing."""
    if call.name not in OF_THE_FACE or codes_in(text):
        return None
    if call.name not in ("cause", "absent") and (units := outside_units_in(text)):
        return Call("au", units) if call.name != "au" or not call.word else None
    if call.name in ("there", "absent") and re.search(r"\blaugh\w*", text):
        return Call("outside", word="speech")
    things = [name for name, words in _THINGS.items() if words.search(text)] if call.name == "outside" else []
    return Call("outside", word=things[0]) if things else None
