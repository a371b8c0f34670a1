"""Words of a question that leave one call, and what a small model takes them for."""

from __future__ import annotations

import re

from emollm.talk.hearing.refusal_words import reason
from emollm.talk.terms.call import Call, parse

_SOMEBODY = r"(?:he|she|they|somebody|someone|(?:this|the|that) (?:\w+ )?(?:person|man|woman|guy|girl|boy|lady|kid|child))"
_HONEST = r"(?:forced|fak(?:e|ed|ing)|posed|genuine|sincere|insincere|honest|felt|polite|social|natural|real)"
_FELT = (r"happiness|joy|sadness|sorrow|grief|anger|rage|fear|surprise|disgust|contempt|emotions?|feelings?|"
         r"happy|sad|angry|afraid|scared|surprised|disgusted")
# Words, the calls that they are taken for, and the call that they ask for.
_ROWS = (
    (rf"\b{_HONEST} (?:\w+ )?(?:smil\w*|grin)|\b(?:smil\w*|grin) (?:\w+ )?{_HONEST}\b|\beyes? (?:\w+ )?smil|\bsmiling eyes|"
     r"smil\w* (?:along )?with (?:the|his|her|their) eyes", "there absent strength is other refuse", "smile"),
    (rf"\b(?:{_HONEST}|authentic|sincerely|genuinely) (?:\w+ )?(?:{_FELT})\b|\b(?:{_FELT}) (?:\w+ )?(?:{_HONEST}|authentic)\b",
     "is label sure whynot unclear other words mood why", "refuse feelings"),
    (r"\b(?:all|each|every|full|complete|whole|entire)\b(?!.*\b(?:movements?|units?|aus?)\b)[^?.]*"
     r"\b(?:probabilit\w+|percent\w*|shares?|scores?|distribution|confidences?|likelihoods?|odds|chances)\b|"
     r"\b(?:probabilit\w+|percent\w*|scores?|label) (?:distribution|breakdown|of each|for each|of all|for all)\b|"
     r"\b(?:distribution|breakdown) (?:over|of|across) (?:the |all )?(?:labels?|emotions?|expressions?|classes|readings?)\b|"
     r"\b(?:table|list|chart) of (?:the |all )*(?:probabilit\w+|scores|shares|labels|emotions)\b|"
     r"\ball (?:the )?(?:eight|8)\b(?!.*\b(?:movements?|units?|aus?|faces?|people)\b)",
     "sure label other is tell words mood unclear movements why offtopic able", "shares"),
    (r"\b(?:to|for) (?:a|an|my|the) (?:\w+ ){0,2}(?:child|kid|toddler|nephew|niece|grand(?:child|son|daughter)|"
     r"(?:\w+[- ]){1,2}year[- ]olds?)\b", "why label movements", "tell child"),
    (r"\bbullet", "movements label strongest count sure", "tell bullets"),
    (rf"\b{_SOMEBODY} (?:\w+ )?needs? (?!psych|medic|mental|profession)(?:\w+ )?"
     r"(?:help|comfort\w*|support|hug|friend|company|somebody|someone|a break)\b|"
     rf"\b(?:is|are|was) {_SOMEBODY} (?:ok|okay|all ?right|alright|fine)\b|"
     r"\bshould (?:i|we) (?:help|comfort|console|worry|check on|leave|hug)\b",
     "refuse label is mood other unclear outside offtopic intent able why there words sure", "reply"),
    (r"\bhow (?:accurate|reliable|precise)\b|\btrust (?:the|this|your|these) (?:results?|measure\w*|answers?|outputs?|tool)\b|"
     r"\berror (?:rate|margin)\b", "sure is label", "topic accuracy"),
    (r"^(?!.*\b(?:smil\w*|grin\w*)\b).*\b(?:be|is|are|was|were|he|she|they) (?:\w+ )?(?:acting|pretending|posing|faking it|"
     r"putting (?:it|this) on)\b", "cause there is label other unclear outside whynot sure", "topic posed"),
    (r"\bwink(?:s|ed|ing)?\b", "there absent strength side other is", "side AU43/AU45"),
    (r"^(?!.*[a-z]{2}).*[^\W\d_a-z].*[^\W\d_a-z]", "outside offtopic unclear who label", "language"),  # no Latin letters
)
_PART_UNITS = re.compile(
    r"\b(?:which|what) (brow|eyebrow|eye|mouth|lip|cheek|nose|chin)s? (?:units?|aus?|action units?|movements?)\b")
_OF_A_PART = re.compile(  # what can be told of a part that may be hidden
    r"\b(?:still (?:say|see|tell|measure|read|judge)|trust|rely on)\b.*"
    r"\b(eyebrow|brow|eye|mouth|lip|cheek|nose|chin|upper|lower)")
_PLAIN = tuple((re.compile(words), instead_of.split(), parse(call)) for words, instead_of, call in _ROWS)


def correct_by_words(call: Call, text: str) -> Call:
    """The call that the words of a text in small letters leave no choice about; a refusal that they bear out stays one."""
    if call.name == "refuse" and reason(text):
        return call
    part = _PART_UNITS.search(text) if call.name in ("there", "absent", "strength", "au") else None
    part = part or (_OF_A_PART.search(text) if call.name in ("outside", "unclear", "topic", "offtopic") else None)
    if part:
        return Call("part", word={"eyebrow": "brows", "lip": "mouth", "brow": "brows", "eye": "eyes", "cheek": "cheeks"}.get(
            part[1], part[1]))
    return next((meant for words, instead_of, meant in _PLAIN if call.name in instead_of and words.search(text)), call)
