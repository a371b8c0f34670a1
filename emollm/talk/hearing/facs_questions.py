"""Questions for what is known of FACS, by their own words: muscles, units beside each other, letters, what is listed."""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.facs.muscles import units_of_muscles
from emollm.schema import AUS
from emollm.talk.hearing.movement_names import codes_in, units_in
from emollm.talk.terms.call import Call

# "which muscle makes it?", "what does the corrugator do?", "which muscles are at work?"
_WHICH_MUSCLE = re.compile(
    r"\b(?:which|what|list(?: all)?(?: the)?|names? (?:the|of the|of a|a))\b[^.?!]*\bmuscles?\b(?! movement)|\bmuscles? name\b")
_FUNCTION = re.compile(r"\bwhere\b|\bwhat (?:does|do) (?!.* show)|\b(?:which|what) (?:aus?|action units?|units?|movement)\b|"
                       r"\bwhat(?:'?s| is| are) (?:the |a )?[\w, ]+\W*$(?<!doing)(?<!doing\?)|\bfunctions?\b")
_AT_WORK = re.compile(r"\b(?:activ\w*|contract\w*|work\w*|fir\w+|tens\w+|us(?:e[ds]?|ing)|mov\w+|engag\w+|involved|on)\b")
_THAT_MUSCLE = re.compile(r"\b(?:that|this|those) muscles?\b")
_OF_MOVEMENTS = ("absent", "strength", "side", "when", "cause", "faces", "sides", "moments", "often", "long", "lasts", "pauses",
                 "pace", "order", "more", "average", "agree", "sure", "at", "before", "after")
_KEPT = ("refuse", "edit", "toward", "smile")


def correct_muscle(call: Call, text: str, _: bool) -> Call:
    """A muscle by its name: what it makes, or whether that is there ("corrugator?"); "which muscle" asks for such a name."""
    if call.name in _KEPT or (call.name == "au" and codes_in(text) and units_of_muscles(text)):
        return call
    if units := units_of_muscles(text):
        every = tuple((au,) for movement in units for au in movement)
        if call.name in _OF_MOVEMENTS:
            return replace(call, units=units)
        if call.name == "au" and call.word == "muscle" and not _AT_WORK.search(text):
            return call
        if call.word in ("alike", "readings", "side", "opposite") or _FUNCTION.search(text):
            return Call("au", every, word=call.word if call.name == "au" and call.word != "muscle" else "")
        return Call("there", units, side=_side(text), word="muscle")
    if call.name == "au" and _THAT_MUSCLE.search(text) and _AT_WORK.search(text):
        return Call("there", call.units, word="muscle")
    if not _WHICH_MUSCLE.search(text) or call.name in ("listed", "topic", "still", "part"):
        return call
    if units := tuple((au,) for au in codes_in(text) or units_in(text)):
        return Call("au", units, word="muscle")
    at_work = call.name == "movements" or (call.name != "au" and _AT_WORK.search(text))
    return Call("movements", word="muscle") if at_work else call


def _side(text: str) -> str:
    sides = set(re.findall(r"\b(left|right)\b(?! *\?| *$)", text))
    return sides.pop() if len(sides) == 1 else ""


_ASKS_SOURCE = re.compile(
    r"\b(?:sources?|references?|refs?|cit(?:e|ed|ation)s?|documented|bibliograph\w*|literature|papers?|published|origin\w*)\b|"
    r"\bwhere (?:does|do|did|is|was|can) .*\b(?:from|written|defined|described|read|find|look)\b|\bsays who\b|\baccording to\b")
_ASKS_MEANING = re.compile(r"\bwhat (?:does|do|is|are|'s)\b|\bwhat's\b|\bwhich muscle|\bmeaning\b")
_APART = re.compile(r"\b(?:differ\w*|separat\w+|vs\.?|versus|(?:tell|told) (?:\w+ )?apart|distinguish\w*|mix(?:ed)? up|"
                    r"confus\w+)")
_OF_LABELS = ("listed", "apart", "topic", "unclear", "offtopic", "au")
_HERE = re.compile(r"\b(?:left|right|here|this face)\b")
_WHICH_UNIT = re.compile(r"\b(?:which|what) (?:au|action unit|unit) (?:is|does|makes|moves|raises|lowers|has|belongs)\b")
_READ_AS = re.compile(r"\b(?:which|what) (?:\w+ )?(?:emotions?|labels?|expressions?|feelings?|readings?)\b.*"
                      r"\b(?:includ|contain|us|involv|hav|ha|need|goe?s? with|belong|list|fit)")
_SAME = re.compile(r"\b(?:equals?|means?|always|same as|stands? for|proofs?|proves?|code for|enough for)\b|=")
_LETTER = re.compile(r"\b(?:letters?|suffix)\b.*\b(?:mean|stand)|\b(?:mean|stand)\w* .*\bletters?\b|"
                     r"\bthe (?:letter )?'?[a-e]'? (?:in|after|of|behind) (?:au)? ?\d?")
_AS_LETTER = re.compile(r"\b(?:which|what|as a|in|by|one|single|a) (?:\w+ )?letters?\b|\bfacs (?:level|intensity|grade)\b")


_IN_A_PICTURE = re.compile(  # "is AU12 there in the first picture?"
    r"^\W*(?:is|are|was|were|does|do) .*\b(?:there|present|active|visible|scored)\b(?! (?:an?|any)\b)|"
    r"\bin (?:the|this|that) (?:\w+ )?(?:picture|photo|image|clip|face|frame)\b")


def correct_facs(call: Call, text: str, labels: list[str]) -> Call:
    """Units told apart, what a unit or a code is listed for, what a letter means."""
    codes = codes_in(text)
    units = tuple((au,) for au in codes)
    if call.name in _KEPT:
        return call
    if call.name == "au" and not call.word and codes and _IN_A_PICTURE.search(text) and not _ASKS_MEANING.search(text):
        return Call("there", units) if all(int(au[2:]) in AUS for au in codes) else call
    if call.name == "au" and call.word != "muscle" and _ASKS_SOURCE.search(text) and not _ASKS_MEANING.search(text):
        return Call("au", call.units, word="source")
    told_apart = call.word != "alike" and call.name not in ("order", "more") and _APART.search(text)
    if len(codes) > 1 and told_apart and not _HERE.search(text):
        return Call("au", units)
    if call.name in ("side", "there", "absent", "cause") and not codes and _WHICH_UNIT.search(text):
        return Call("au", tuple((au,) for movement in call.units for au in movement))
    if len(labels) == 2 and not codes and call.name in _OF_LABELS and _APART.search(text) and not _HERE.search(text):
        return Call("apart", label="/".join(labels))
    if codes and not labels and (_READ_AS.search(text) or (len(codes) > 1 and "together" in text and call.name == "au")):
        return Call("au", units, word="readings")
    if codes and len(labels) == 1 and _SAME.search(text) and not text.startswith("why"):
        return Call("listed", label=labels[0]) if len(codes) > 1 else Call("au", units, word="readings")
    if call.name == "strength" and call.units and _AS_LETTER.search(text):
        return Call("tell", call.units, word="coder")
    if _LETTER.search(text) and call.name in ("au", "topic", "unclear", "strength", "there"):
        return Call("topic", word="levels")
    return call
