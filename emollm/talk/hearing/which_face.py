"""Which of several faces a question is about: "the guy on the left", "the second picture", "and the one next to him?"."""

from __future__ import annotations

import re

from emollm.talk.terms.face import Face

_PERSON = (r"(?:one|face|person|man|woman|guy|girl|boy|lady|kid|child|dude|baby|"
           r"parent|mother|father|mum|mom|dad|bride|groom|friend|player|participant|picture|photo|image|he|she|him|her)")
_NTH = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "last": -1}
_AT = {"left": 0, "right": -1, "middle": None, "center": None, "centre": None}
_SIDE = rf"(?:far |very )?({'|'.join(_AT)})(?: ?most)?"
_AND_OTHER = rf"(?: (?:and|or|vs|versus|than) the (?:far )?(?:{'|'.join(_AT)}) {_PERSON}\b)"  # "the left and the right man"
NAMED = re.compile(
    rf"\b{_PERSON} (?:on|to|at|in) the {_SIDE}\b|\bthe {_SIDE}(?: {_PERSON}\b|(?={_AND_OTHER}))|"
    rf"\b({'|'.join(_NTH)}) (?:{_PERSON} )?from (?:the )?(left|right)\b|"
    rf"\bthe ({'|'.join(_NTH)})\b(?= (?:one|picture|photo|image|face)\b|\W*$|,? (?:or|and|than|is|looks?)\b)|"
    r"\b(?:picture|photo|image|face) (?:number |no\.? ?|#)?(\d)\b"
)
_NEXT_TO = re.compile(rf"\b(?:next to|beside) (?:him|her|it|them|that)\b|^\W*(?:and |then )*(?:the )?next(?: {_PERSON})?\W*$")
_TWO = re.compile(r"\b(?:these|those|the|them) two\b|\bboth of (?:them|these|those)\b")


def names_one(question: str) -> bool:
    """Whether a question says which of several faces or pictures it is about."""
    return bool(NAMED.search(question.lower()) or _NEXT_TO.search(question.lower()))


def talks_of_two(questions: list[str]) -> bool:
    """Whether the latest question is about two faces that the two before it named: "and those two?"."""
    return bool(_TWO.search(questions[0].lower())) and len(questions) > 2 and all(map(names_one, questions[1:3]))


def find_face(questions: list[str], everyone: list[Face]) -> Face | None:
    """The face that the latest of the questions that name one is about; None when it names none of these, or several."""
    named = _named_faces(questions, everyone)
    latest = next((faces for question, faces in zip(questions, named, strict=True) if names_one(question)), [])
    return latest[0] if len(latest) == 1 else None


def find_compared(questions: list[str], everyone: list[Face]) -> list[Face]:
    """The faces that the latest question compares: those that it names, the two that were talked of ("those two"), or all."""
    named = _named_faces(questions, everyone)
    if len(named[0]) > 1:
        return named[0]
    if not _TWO.search(questions[0].lower()):
        return everyone
    talked_of = list({face.name: face for faces in named for face in faces}.values())[:2]
    return talked_of if len(talked_of) == 2 else everyone


def _named_faces(questions: list[str], everyone: list[Face]) -> list[list[Face]]:
    """The faces that each of the questions names. questions: the latest first."""
    told: list[list[Face]] = []
    last, row = None, sorted(everyone, key=_place)
    for question in reversed(questions):
        text = question.lower()
        named, from_a_side = NAMED.findall(text), bool(re.search(r"\bfrom (?:the )?left\b", text))
        found = [face for words in named if (face := _face_by_words(words, everyone, row, from_a_side))]
        if not found and last and _NEXT_TO.search(text):
            at = [face.name for face in row].index(last.name)
            found = [row[at + 1] if at + 1 < len(row) else row[at - 1]]
        told.append(list({face.name: face for face in found}.values()))
        last = told[-1][0] if len(told[-1]) == 1 else last
    return told[::-1]


def _place(face: Face) -> int:
    """Where a face is in the row of all, by its name."""
    number = re.search(r"number (\d+) from the left", face.name)
    return int(number[1]) if number else 99 if face.name.endswith("right)") else 2 if face.name.endswith("middle)") else 1


def _face_by_words(words: tuple[str, ...], everyone: list[Face], row: list[Face], from_a_side: bool) -> Face | None:
    """words: the groups of NAMED, of which some were found; row: everyone, from left to right; from_a_side: the question counts
    from there ("the first from the left and the last one")."""
    after, before, nth, side, alone, number = words
    if number:
        return next((face for face in everyone if re.match(rf"(?:face|picture) {number}\b", face.name)), None)
    if alone and from_a_side:
        return row[_NTH[alone]] if _NTH[alone] < len(row) else None
    if alone:
        in_order = sorted(everyone, key=lambda face: face.name)
        return in_order[_NTH[alone]] if _NTH[alone] < len(in_order) and in_order[0].name.startswith("picture") else None
    if not all(face.name.endswith(")") for face in row) or len(row) < 2:
        return None
    if nth:
        at = _NTH[nth] if side == "left" else -1 - _NTH[nth]
        return row[at] if -len(row) <= at < len(row) else None
    at = _AT[after or before]
    return row[at] if at is not None else row[len(row) // 2] if len(row) % 2 else None
