"""Several questions in one message: "is she smiling, and how sure are you?" are two, and each gets a call of its own."""

from __future__ import annotations

import re

from emollm.talk.hearing.call_rules import parts_of_face
from emollm.talk.hearing.movement_names import units_in

_PREMISE = re.compile(r"^\W*(?:since|because|given that|considering that|seeing that|now that|as) "
                      r"((?:he|she|they|it|his|her|their|the \w+|this \w+)(?:'s|'re)? [^,]*),", re.IGNORECASE)
_HELD = re.compile(r"\b(?:but|when|while|although|though|whereas) (.*)|^(.*?)\b(?:and|yet|but|,) (?:still )?(?:you|u) "
                   r"(?:\w+ )?(?:say|tell|call|read|claim)")
_DENIED = re.compile(r"\b(?:not?|never|without|hardly|barely)\b|n't\b", re.IGNORECASE)
MOST = 3  # questions of one message that are told apart
_SUBJECT = (r"(?:he|she|it|they|we|i|you|there|this|that|these|those|the|his|her|their|its|any|both|one|an?|someone|somebody|"
            r"people|au ?\d+)")
_BE = (r"(?:is|are|was|were|isn'?t|aren'?t|wasn'?t|do|does|did|doesn'?t|don'?t|didn'?t|has|have|had|can|can'?t|could|would|"
       r"will|should)")
_OPENS = rf"(?:(?:what(?:'?s)?|which|whos?e?|who'?s|why|how(?:'?s)?|when|where)\b|{_BE} {_SUBJECT}\b)"
_LINK = r"(?:and|also|plus|then|but|so|&)"
# Behind a question mark whatever follows; within a sentence a link and what opens a question.
_CUT = re.compile(rf"(?<=\?)\s+|,?\s+(?:and|plus|&)(?: also| then)?,? (?={_OPENS})|;\s*(?:and )?(?={_OPENS})",
                  re.IGNORECASE)
_OPENING = re.compile(rf"\b{_OPENS}", re.IGNORECASE)
_ALONE = re.compile(rf"(?:{_LINK},? )*(?:why|how come|since when|when|(?:how|on which|which)\b.*)\W*", re.IGNORECASE)
# Asks nothing more of what stands before it.
_REST = re.compile(rf"(?:{_LINK},? )*(?:or|yes|no|right|ok|okay|thanks?|please|really|correct|true|huh)\b", re.IGNORECASE)
# "Who smiles and who does not?" is one question.
_COMPARES = re.compile(r"(?:who|which (?:one|face|person|man|woman|picture))\b", re.IGNORECASE)


def questions_in(message: str) -> list[str]:
    """The questions of a message, in order: one, unless it plainly asks up to MOST, or for several parts of the
    face and nothing else."""
    if parts := parts_of_face(message):
        return parts
    first, *others = [part.strip() for part in _CUT.split(message) if part.strip()] or [message]
    if not others or len(others) >= MOST or not _asks(first) or not all(map(_asks_more, others)):
        return [message]
    if sum(bool(_COMPARES.match(part)) for part in (first, *others)) > 1:
        return [message]
    return [first, *others]


def premise_of(question: str) -> tuple[str, ...]:
    """The units of a movement that a question takes for given ("since he's frowning, ..."); () where it takes none."""
    given = _PREMISE.match(question)
    return () if not given or _DENIED.search(given[1]) else units_in(given[1].lower())


def held_against(question: str) -> tuple[str, ...]:
    """The units of a movement that a question holds against a reading ("..., but she is smiling", "the lips are puckered and
    you say neutral"); () where there is none."""
    held = _HELD.search(question.lower())
    return units_in(held[1] or held[2]) if held else ()


def _asks(part: str) -> bool:
    return len(part.split()) >= (2 if part.endswith("?") else 3) and bool(_OPENING.search(part) or part.endswith("?"))


def _asks_more(part: str) -> bool:
    """Whether a piece of a message behind a question is another one."""
    return not _REST.match(part) and bool(_ALONE.fullmatch(part) or _asks(part))
