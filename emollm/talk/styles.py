"""The whole reading in a wanted style: for a child, in one sentence, as bullets, FACS code, JSON."""

from __future__ import annotations

import json

from emollm.answer.prompt import NOTHING
from emollm.facs.readings import level_letter
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked
from emollm.talk.measured import MOST, NAMED
from emollm.talk.readings import NONE
from emollm.talk.words import capitalised, clauses, moved, say


def tell(face: Face, call: Call) -> Looked:
    """The whole reading in a style: child, short, bullets, coder, json, plain, formal."""
    return {
        "child": _child,
        "short": _short,
        "bullets": _bullets,
        "coder": _coder,
        "json": _json,
        "plain": _plainly,
        "formal": _formally,
    }[call.word](face)


CHILD = {
    "neutral": "calm",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "scared",
    "disgust": "disgusted",
    "anger": "angry",
    "contempt": "as if it did not think much of something",
}


def _plain_movement(face: Face, au: str) -> str:
    return moved(au, face.facts.side(au))


def _child(face: Face) -> Looked:
    on = face.units("on")[:2]
    facts = [f"read as {face.label}", *map(face.line, on)]
    says = [
        f"[Look|See]: {clauses([_plain_movement(face, au) for au in on])}."
        if on
        else "[Nothing in this face moves much.|The face is quiet.]",
        f"[Many people would say this face looks|People often say such a face looks] {CHILD[face.label]}.",
        "[But only the person knows how it feels inside.|How it feels inside, only that person knows.]",
    ]
    return Looked(facts, says)


def _short(face: Face) -> Looked:
    on = face.units("on")[:2]
    moving = f"{face.told(on)}; " if on else ""
    return Looked(
        [f"read as {face.label} {face.share(face.label)}", *map(face.line, on)],
        [f"{moving}commonly read as {face.label} ({face.share(face.label)})."],
    )


def _plainly(face: Face) -> Looked:
    on = face.units("on")[:NAMED]
    moving = f"{clauses([_plain_movement(face, au) for au in on])}." if on else "[Nothing moves much.|The face is at rest.]"
    return Looked(
        [f"read as {face.label}", *map(face.line, on)], [moving, f"The face is commonly read as {face.label}."]
    )


def _formally(face: Face) -> Looked:
    units = face.units("on")[:MOST]
    return Looked(
        [f"read as {face.label} {face.share(face.label)}", *map(face.line, units)],
        [
            f"As measured, {face.told(units)}." if units else NOTHING,
            f"The reading is {face.label}, with a confidence of {face.share(face.label)}.",
        ],
    )


def code(face: Face) -> str:
    """A FACS code: numbers with letters A-E, L or R before a one-sided unit; "0" when nothing moves."""
    sides = {"left": "L", "right": "R", "both": ""}
    units = sorted(face.units("on"))
    letters = [level_letter(face.facts.strength(au)) for au in units]
    return (
        "+".join(f"{sides[face.facts.side(au)]}{int(au[2:])}{letter}" for au, letter in zip(units, letters, strict=True)) or "0"
    )


def _coder(face: Face) -> Looked:
    return Looked(
        [f"code: {code(face)}"], [f"FACS: {code(face)}. Commonly read as {face.label} ({face.share(face.label)})."], whole=True
    )


def _bullets(face: Face) -> Looked:
    on = face.units("on")[:MOST]
    lines = [f"- {capitalised(say(None, face.words(au)))}" for au in on] or ["- No measured movement stands out"]
    second = face.ranked[1]
    then = f", then {second} ({face.share(second)})" if face.share(second) != NONE else ""
    lines.append(f"- Commonly read as {face.label} ({face.share(face.label)}){then}")
    return Looked(lines, ["\n".join(lines)], whole=True)


def _json(face: Face) -> Looked:
    record = {
        "action_units": {au: {"intensity": face.facts.strength(au), "side": face.facts.side(au)} for au in face.units("on")},
        "reading": face.label,
        "confidence": round(face.distribution[face.label], 2),
        "runner_up": face.ranked[1],
        "runner_up_confidence": round(face.distribution[face.ranked[1]], 2),
        "not_measured": face.units("unmeasured"),
    }
    return Looked(["json"], [json.dumps(record)], whole=True)
