"""The whole reading in a wanted style: for a child, in one sentence, as bullets, FACS code, JSON."""

from __future__ import annotations

import json

from emollm.answer.prompt import NOTHING
from emollm.facs.readings import level_letter
from emollm.talk.lookups.readings import NONE
from emollm.talk.lookups.whole_face import MOST, NAMED
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import PARTS, capitalise, clauses, join_words, movement_pattern, noun, say


def tell(face: Face, call: Call) -> Finding:
    """The whole reading in a style: child, short, bullets, coder, json, plain, formal, caption."""
    return {
        "child": _child_style,
        "short": _short_style,
        "bullets": _bullet_style,
        "coder": lambda face: _coder_style(face, [au for movement in call.units for au in movement]),
        "json": _json_style,
        "plain": _plain_style,
        "formal": _formal_style,
        "caption": _caption_style,
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
    return movement_pattern(au, face.facts.side(au))


def _child_style(face: Face) -> Finding:
    on = face.worth_telling()[:2]
    facts = [f"read as {face.label}", *map(face.line, on)]
    says = [
        f"[Look|See]: {clauses([_plain_movement(face, au) for au in on])}."
        if on
        else "[Nothing in this face moves much.|The face is quiet.]",
        f"[Many people would say this face looks|People often say such a face looks] {CHILD[face.label]}.",
        "[But only the person knows how it feels inside.|How it feels inside, only that person knows.]",
    ]
    return Finding(facts, says)


def _short_style(face: Face) -> Finding:
    on = face.worth_telling()[:2]
    moving = f"{face.movement_words(on)}; " if on else ""
    return Finding(
        [f"read as {face.label} {face.share(face.label)}", *map(face.line, on)],
        [f"{moving}commonly read as {face.label} ({face.share(face.label)})."],
    )


def _plain_style(face: Face) -> Finding:
    on = face.worth_telling()[:NAMED]
    moving = f"{clauses([_plain_movement(face, au) for au in on])}." if on else "[Nothing moves much.|The face is at rest.]"
    return Finding(
        [f"read as {face.label}", *map(face.line, on)], [moving, f"The face is commonly read as {face.label}."], fixed=True
    )  # worded anew it got codes


def _formal_style(face: Face) -> Finding:
    units = face.units("on")[:MOST]
    return Finding(
        [f"read as {face.label} {face.share(face.label)}", *map(face.line, units)],
        [
            f"As measured, {face.movement_words(units)}." if units else NOTHING,
            f"The reading is {face.label}, with a confidence of {face.share(face.label)}.",
        ],
    )


def _caption_style(face: Face) -> Finding:
    """One sentence without codes, as an alternative text of a picture."""
    on = face.worth_telling()[:NAMED]
    moving = join_words([noun(au, face.facts.side(au), PARTS[au].adjective)[0] for au in on])
    told = f"A face with {moving}" if moving else "A face at rest"
    return Finding([f"read as {face.label}", *map(face.line, on)],
                   [f"{told}; it is commonly read as {face.label}."], fixed=True)


def code(face: Face, units: list[str] | None = None) -> str:
    """A FACS code: numbers with letters A-E, L or R before a one-sided unit; "0" when nothing moves. units: only of these."""
    sides = {"left": "L", "right": "R", "both": ""}
    units = sorted(au for au in face.units("on") if units is None or au in units)
    letters = [level_letter(face.facts.strength(au)) for au in units]
    return (
        "+".join(f"{sides[face.facts.side(au)]}{int(au[2:])}{letter}" for au, letter in zip(units, letters, strict=True)) or "0"
    )


def _coder_style(face: Face, units: list[str]) -> Finding:
    if units:
        told = code(face, units)
        why = " (nothing of it is there)" if told == "0" else ""
        return Finding([f"code: {told}"], [f"FACS, of this alone: {told}{why}. The whole face: {code(face)}."], whole=True)
    return Finding(
        [f"code: {code(face)}"], [f"FACS: {code(face)}. Commonly read as {face.label} ({face.share(face.label)})."], whole=True
    )


def _bullet_style(face: Face) -> Finding:
    on = face.units("on")[:MOST]
    lines = [f"- {capitalise(say(None, face.words(au)))}" for au in on] or ["- No measured movement stands out"]
    second = face.ranked_labels[1]
    then = f", then {second} ({face.share(second)})" if face.share(second) != NONE else ""
    lines.append(f"- Commonly read as {face.label} ({face.share(face.label)}){then}")
    return Finding(lines, ["\n".join(lines)], whole=True)


def _json_style(face: Face) -> Finding:
    record = {
        "action_units": {au: {"intensity": face.facts.strength(au), "side": face.facts.side(au)} for au in face.units("on")},
        "reading": face.label,
        "confidence": round(face.distribution[face.label], 2),
        "runner_up": face.ranked_labels[1],
        "runner_up_confidence": round(face.distribution[face.ranked_labels[1]], 2),
        "not_measured": face.units("unmeasured"),
    }
    return Finding(["json"], [json.dumps(record)], whole=True)
