"""What a short question takes up from the questions before it: "and 10?", "which is stronger?", "why not?" after a refusal."""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.talk.hearing.movement_names import codes_in, units_in
from emollm.talk.terms.call import Call, parse

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
_BOTH = re.compile(r"\b(?:both|these|those|them|the two|all)\b")
_OF_A_UNIT = ("there", "absent", "strength", "side", "when", "cause", "au")


def correct_follow_up(call: Call, text: str, last: str, older: str = "") -> Call:
    """The call with what it takes up from before. text: the question in small letters, which asks for nothing that is refused;
    last, older: the calls of the one and the two questions before it."""
    before = parse(last)
    for rule in (_which_more, _together, _code_of_part, _further_edit):
        if (meant := rule(call, text, before, parse(older))) is not None:
            return meant
    return call


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
