"""What a short question takes up from the questions before it: "and 10?", "which is stronger?", "why not?" after a refusal."""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.facs.tables import VARIANTS
from emollm.talk.hearing.movement_names import codes_in, units_in
from emollm.talk.terms.call import Call, parse

_WHY_NOT_TOLD = re.compile(
    r"^\W*(?:but |ok |okay |and |hm+ |oh |huh |well )*(?:why(?: not| is that| so| (?:can|won)'?t (?:you|u)(?: \w+){0,3}|"
    r" (?:do|does|would|are) (?:you|it|u) (?:refus\w+|not|decline)\b.*| that)?|how come(?: not)?|what'?s the reason|"
    r"for what reason|what stops you|what is wrong with (?:that|asking))\W*$")
_BACK_TO_THE_FACE = re.compile(
    r"\bwhat (?:(?:do|can|did) )?(?:you|u) (?:actually |really |even )?(?:see|tell|measure)\b|"
    r"\bforget (?:that|it|about|what)\b|\bnever ?mind\b|\bback to (?:the|that|this|my)\b|\bdescribe\b|"
    r"\bjust (?:the )?(?:face|movements?|facts)\b|\bskip (?:that|it)\b|"
    r"\bwhat(?:'s| is) (?:moving|going on|there|visible|happening)\b")
_HOW_SURE = re.compile(r"\bhow (?:sure|certain|confident)\b|\bhow much (?:trust|confidence)\b")
_WHICH_MORE = re.compile(
    r"^\W*(?:and |so |ok |then )*(?:which|what)(?: one| of (?:them|these|those|the two|both)| movement)*(?:'s| is| are| was)? "
    r"(?:the )?(?:stronger|strongest|weaker|weakest|bigger|biggest|more intense|more pronounced|clearer)\b")
_TOGETHER = re.compile(r"\b(?:together|combin\w+|both of (?:them|these|those)|these two|those two|the two)\b.*"
                       r"\b(?:mean|read|indicat\w+|suggest\w*|show|stand for|usually|typical\w*|sign)\b")
_AS_CODE = re.compile(r"\b(?:facs|codes?|coder|coding)\b")
_WHOLE = re.compile(r"\b(?:face|whole|everything|entire|all|full)\b")
_AS_WELL = re.compile(r"\b(?:too|also|as well|on top|additionally|in addition|plus|both|besides)\b")
_THOSE_TWO = re.compile(r"\b(?:th[eo]se two|the two|th[eo]se|them|one from the other|both)\b")
_APART = re.compile(
    r"\b(?:differ\w*|vs\.?|versus|(?:tell|told) (?:\w+ ){0,2}apart|distinguish\w*|mix(?:ed)? up|separat\w+|confus\w+)")
_OTHER_SIDE = re.compile(
    r"^\W*(?:and |what about |how about )*(?:the |her |his )?other (?:one|side|eye|brow|corner|half|cheek|lid)\W*$|"
    r"^\W*(?:and )?which(?: one| side| eye| half)?\W*$")
_ACROSS = {"left": "right", "right": "left"}
_SECOND = re.compile(r"\b(?:second|third|next|2nd|3rd|runner[- ]?up)\b")
_SPEAKS_FOR_IT = re.compile(
    r"\b(?:speaks?|evidence|proof|supports?|argues?) (?:for |of )?(?:that|it|this|them)\b|\bhow do you know\b")
_WHY_NOT = re.compile(r"^\W*(?:and |but |so |ok )*why not(?: that| it)?\W*$")
_ADDED = re.compile(
    r"\bwhat (?:else )?(?:would|must|needs?|has|should|could)\b.*\b(?:add|added|change\w*|happen|differ\w*|missing|there)\b")
_WHICH_HERE = re.compile(
    r"\b(?:which|what|how many|any|are) (?:of )?(?:those|these|them|they)\b.*"
    r"\b(?:here|there|present|active|on|see|visible|this face)\b")
_LETTER = re.compile(r"\bletters?\b|\ba ?(?:-|–|to) ?e\b|\bfacs (?:level|intensity|grade)\b")
_BOTH = re.compile(r"\b(?:both|these|those|them|the two|all)\b")
_OF_A_UNIT = ("there", "absent", "strength", "side", "when", "cause", "au")


def correct_follow_up(call: Call, text: str, last: str, older: str = "") -> Call:
    """The call with what it takes up from before. text: the question in small letters, which asks for nothing that is refused;
    last, older: the calls of the one and the two questions before it."""
    before = parse(last)
    for rule in (_after_refusal, _other_side, _next_strongest, _evidence_for_it, _letter_of_it, _listed_here, _of_that_label,
                 _which_more, _together, _code_of_part, _further_edit):
        if (meant := rule(call, text, before, parse(older))) is not None:
            return meant
    return call


def _after_refusal(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """Why it is not told, and a question that leaves the matter."""
    if before.name in ("refuse", "grounds") and _WHY_NOT_TOLD.match(text):
        return Call("grounds", word=before.word)
    if call.name == "refuse" and _HOW_SURE.search(text):
        return Call("sure")
    return Call("why") if call.name == "refuse" and _BACK_TO_THE_FACE.search(text) else None


def _other_side(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "and the other one?" after a question about one side."""
    if not _OTHER_SIDE.match(text) or not before.units or before.name not in _OF_A_UNIT:
        return None
    return replace(before, side=_ACROSS[before.side]) if before.side in _ACROSS else Call("side", before.units)


def _next_strongest(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "and the second strongest?": all movements, the strongest first."""
    return Call("movements") if before.name == call.name == "strongest" and _SECOND.search(text) else None


def _evidence_for_it(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "What speaks for that?" after a question about a movement: what was measured of it."""
    asked = before.name in ("there", "absent") and _SPEAKS_FOR_IT.search(text) and call.name in ("why", "strength", "unclear")
    return Call("strength", before.units) if asked else None


def _letter_of_it(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "as a letter A to E?" after a question about a movement."""
    asked = before.name in _OF_A_UNIT and before.name != "au" and _LETTER.search(text)
    return Call("tell", before.units, word="coder") if asked and call.name in ("strength", "unclear", "tell", "topic") else None


def _of_that_label(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "Why not?" and "what would need to be added?" after a question about a label."""
    if before.name not in ("is", "whynot", "why") or not before.label or codes_in(text) or units_in(text):
        return None
    if before.name == "is" and _WHY_NOT.match(text):
        return Call("whynot", label=before.label)
    return Call("toward", label=before.label) if call.name in ("edit", "unclear", "toward") and _ADDED.search(text) else None


def _listed_here(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "Which of them are here?" after what is listed for a label or two: each, as it was measured."""
    if before.name not in ("listed", "apart") or not _WHICH_HERE.search(text):
        return None
    listed = {au for variant in VARIANTS if variant.label in before.label.split("/") for au in variant.aus}
    return Call("absent", tuple((au,) for au in sorted(listed))) if listed else None


def _which_more(call: Call, text: str, before: Call, older: Call) -> Call | None:
    """Of the movements that were asked about last, together or one after the other."""
    if not _WHICH_MORE.match(text) or units_in(text) or codes_in(text):
        return None
    units = before.subjects
    if len(before.units) < 2:
        units = tuple(dict.fromkeys((*older.subjects, *units)))
    return Call("more", units) if len(units) > 1 else None


def _together(call: Call, text: str, before: Call, older: Call) -> Call | None:
    """What movements are listed for that were asked about one after the other."""
    asked = [movement[0] for one in (older, before) if one.name in _OF_A_UNIT for movement in one.units]
    units = tuple((au,) for au in dict.fromkeys(asked))
    open_to = call.name in ("au", "why", "unclear", "label", "listed", "words", "intent")
    return Call("au", units, word="readings") if open_to and len(units) > 1 and _TOGETHER.search(text) else None


def _code_of_part(call: Call, text: str, before: Call, _: Call) -> Call | None:
    """ "in FACS terms" of the part of the face that was asked about."""
    if call == Call("tell", word="coder") and _AS_CODE.search(text) and not _WHOLE.search(text):
        units = tuple((au,) for movement in before.subjects for au in movement)
        return Call("tell", units, word="coder") if units and before.name != "au" else None
    return None


def _further_edit(call: Call, text: str, before: Call, older: Call) -> Call | None:
    """ "and with the mouth closed too?" adds to what was imagined before."""
    if call.name == before.name == "edit" and _AS_WELL.search(text):
        return replace(call, edits=before.edits | call.edits)
    asked = dict.fromkeys(au for one in (older, before) for movement in one.units for au in movement[:1])
    if call.name == "edit" and len(call.edits) == 1 and len(asked) == 2 and _BOTH.search(text):
        return replace(call, edits=dict.fromkeys(asked, next(iter(call.edits.values()))))
    return None


def labels_told_apart(call: Call, question: str, ranked: list[str], last: str) -> Call | None:
    """ "How would I tell those two apart?": the label that is read beside the one asked about last, or the next one."""
    text, before = question.lower(), parse(last)
    if not (_APART.search(text) and _THOSE_TWO.search(text)) or codes_in(text) or units_in(text):
        return None
    if before.name not in ("sure", "label", "why", "whynot", "is", "toward") or call.name in ("refuse", "faces"):
        return None
    other = before.label if before.label not in ("", ranked[0]) else ranked[1]
    return Call("apart", label=f"{ranked[0]}/{other}")
