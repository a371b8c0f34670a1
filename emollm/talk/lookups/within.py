"""Look-ups in stretches of a clip: any look-up within one, and two beside each other.

A stretch is a clip of its own, read by its movements alone. Given as looked up: the check of a rewording knows the whole clip.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from emollm.facs.readings import relation
from emollm.schema import AU_NAMES
from emollm.talk.lookups.movement import not_on_sentence
from emollm.talk.lookups.spans import meant_units
from emollm.talk.lookups.timing import PHOTO, movements_at_moment
from emollm.talk.lookups.whole_face import ERROR, NAMED
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.stretches import seconds_of
from emollm.talk.terms.words import begin_small, capitalise, clauses, join_words, movement_pattern, say

LookUp = Callable[[Call, Face], Finding]
OF_THE_READING = ("label", "is", "why", "whynot", "sure", "shares", "mood", "words", "other")
EACH = ("often", "long", "pauses", "lasts", "pace", "longest", "shortest", "smile", "tell")  # told one after the other
ALONE = "by its strongest movements alone"
ALIKE = "alike in both"


def look_up_within(call: Call, face: Face, look_up: LookUp) -> Finding:
    """What is known for a call in the stretches that it names."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"], fixed=True)
    begin, last = (float(t) for t in face.series.times[[0, -1]])
    spans = [seconds_of(one, begin, last) for one in call.within]
    if not all(begin <= first < last for first, _ in spans):
        return movements_at_moment(face, Call("at", time=last + 1))  # beyond the clip
    call = replace(call, units=tuple(meant_units(face, units) for units in call.units))
    if len(spans) > 1 and call.name not in EACH:
        return compare_stretches(face, call)
    if len(spans) > 1:
        each = [look_up_within(replace(call, within=(one,)), face, look_up) for one in call.within]
        return Finding([fact for one in each for fact in one.facts], [one.answer() for one in each], fixed=True)
    part = face.during(*spans[0])
    if not part.clip:  # between two frames
        return movements_at_moment(face, Call("at", call.units, time=sum(spans[0]) / 2))
    return _in_one(replace(call, within=()), part, _words_of(spans[0], last), look_up)


def _words_of(span: tuple[float, float], last: float) -> str:
    return f"from {span[0]:.1f} s to {min(span[1], last):.1f} s"


def _in_one(call: Call, part: Face, where: str, look_up: LookUp) -> Finding:
    looked = look_up(call, part)
    where = capitalise(where) + (f", {ALONE}" if call.name in OF_THE_READING else "")
    if looked.whole:
        return looked if call.word == "json" else replace(looked, says=[f"{where}:\n{looked.answer()}"])
    text = re.sub(r"\bclip\b", "stretch", looked.answer())
    return Finding([where, *looked.facts], [f"{where}: {begin_small(text)}"], fixed=True)


def compare_stretches(face: Face, call: Call) -> Finding:
    """What is there in one stretch and not in the other, what is stronger in one, and how each is read."""
    begin, last = (float(t) for t in face.series.times[[0, -1]])
    spans = [seconds_of(one, begin, last) for one in call.within]
    faces, names = [face.during(*span) for span in spans], [_words_of(span, last) for span in spans]
    parts = list(zip(faces, names, strict=True))
    listed = [au for au in AU_NAMES if call.label and relation(call.label, au) == "for"]
    asked = [au for movement in call.subjects for au in movement] or listed
    there = [au for au in dict.fromkeys([*faces[0].units("on"), *faces[1].units("on")]) if not asked or au in asked]
    told: dict[str, list[str]] = {}  # how it is other -> the movements of which that is true
    for au in sorted(there, key=lambda au: -max(np.nan_to_num([one.facts.strength(au) for one in faces]))):
        told.setdefault(_difference(au, parts), []).append(au)
    says = [f"{capitalise(how)}: {clauses([_beside(au, faces) for au in units[:NAMED]])}{_further(units[NAMED:])}."
            for how, units in sorted(told.items(), key=lambda one: one[0] == ALIKE)]
    if asked and not there:
        none = [say(None, not_on_sentence(faces[0], units)) for units in call.units] or ["no movement of that is clear."]
        says = [f"In neither: {' '.join(map(begin_small, none))}"]
    if not call.subjects:
        counts = [len(one.units("on")) for one in faces]
        many = [] if listed else [f"{counts[0]} and {counts[1]} movements are there."]
        differ = faces[0].label != faces[1].label or any(how != ALIKE for how in told)
        verdict = [] if call.label else ["They differ." if differ else "They are alike."]
        says = [*verdict, _reading_sentence(faces, names, call.label), *many, *says]
    return Finding([*names, *(say(None, one) for one in says)], says, fixed=True)


def _difference(au: str, parts: list[tuple[Face, str]]) -> str:
    """In which of two stretches a movement is there or stronger."""
    (most, where), (least, _) = sorted(parts, key=lambda part: np.nan_to_num(part[0].facts.strength(au)), reverse=True)
    state = least.facts.state(au)
    if state != "on":
        return f"measured only {where}" if state == "unmeasured" else f"clear only {where}"
    return f"stronger {where}" if most.facts.strength(au) - least.facts.strength(au) > ERROR else ALIKE


def _beside(au: str, faces: list[Face]) -> str:
    """A movement in words with how strong it is in both."""
    high, *low = sorted((one.facts.strength(au) for one in faces if one.facts.state(au) != "unmeasured"), reverse=True)
    most = next(one for one in faces if one.facts.strength(au) == high)
    levels = f"{high:.1f} against {low[0]:.1f}" if low else f"{high:.1f}"
    if low and high - low[0] <= ERROR:  # alike: in the order of the stretches
        levels = join_words([f"{one.facts.strength(au):.1f}" for one in faces])
    return f"{movement_pattern(au, most.facts.side(au))} ({au}, {levels})"


def _further(units: list[str]) -> str:
    return f"; also {join_words(units)}" if units else ""


def _reading_sentence(faces: list[Face], names: list[str], asked: str) -> str:
    """How both are read, or how much as the label that was asked about."""
    if asked:
        shares = [one.share(asked) for one in faces]
        return f"{capitalise(ALONE)} the share of {asked} is {shares[0]} {names[0]} and {shares[1]} {names[1]}."
    one, other = (f"{face.label} ({face.share(face.label)})" for face in faces)
    if faces[0].label == faces[1].label:
        return f"{capitalise(ALONE)} the face is read as {one} {names[0]}, and {names[1]} as {other} too."
    return f"{capitalise(ALONE)} the face is read as {one} {names[0]}, as {other} {names[1]}."
