"""Look-ups that compare sides, moments and faces, in one movement, in a label or as a whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from emollm.explanation import CLOSE_MARGIN
from emollm.facs.units import ACTION_UNITS
from emollm.schema import OFF, ON, au_index
from emollm.talk.lookups import timing
from emollm.talk.lookups.movement import absence, compare_order, side, strength
from emollm.talk.lookups.readings import label
from emollm.talk.lookups.timing import PHOTO
from emollm.talk.lookups.whole_face import ERROR, NAMED, no_movement
from emollm.talk.lookups.within import compare_stretches
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import capitalise, join_words, movement_pattern, say

BOTH_ENDS = ("0-25%", "75-100%")  # the start and the end of a clip


def sides(face: Face, call: Call) -> Finding:
    """Compare the two sides of the face, in the movements that were asked about or in all."""
    if call.units:
        return side(face, call)
    on = face.units("on")
    if not on:
        nothing = no_movement(face)
        return Finding(nothing.facts, [f"[No side differs from the other|The sides do not differ]: {_uncapitalised(nothing)}"],
                       fixed=True)
    one_sided = [au for au in on if face.facts.side(au) != "both"]
    if not one_sided:
        return Finding(
            ["both sides move alike", *map(face.line, on[:3])],
            [
                "[Both sides move alike|Left and right move alike]: "
                f"{face.movement_words(on[:3])}[|, each on both sides]."
            ],
            fixed=True,
        )
    return Finding(
        ["one-sided:", *map(face.line, one_sided)],
        [f"[The sides differ|They are not alike]: {face.movement_words(one_sided)}[, on that side alone|]."],
        fixed=True,
    )


def _uncapitalised(looked: Finding) -> str:
    text = looked.answer()
    return text[:1].lower() + text[1:]


def stronger_movement(face: Face, call: Call) -> Finding:
    """Which of the movements asked about is the strongest; those that are not there are said not to be."""
    units = dict.fromkeys(au for movement in call.units for au in movement)
    on = [au for au in face.units("on") if au in units]
    if len(on) < 2:
        return strength(face, Call("strength", tuple((au,) for au in on) or call.units))
    first, second = on[:2]
    close = face.facts.strength(first) - face.facts.strength(second) <= ERROR + 1e-9
    says = [f"{face.movement_words(on[:NAMED])}.",
            "The first two differ by no more than measuring does." if close else
            f"So the {ACTION_UNITS[first].title} ({first}) is the strongest of these."]
    return Finding([*map(face.line, on[:NAMED]), *says], says, fixed=True)


def order(face: Face, call: Call) -> Finding:
    """Which of the movements asked about comes first, or the order of all."""
    return compare_order(face, call) if call.units else timing.order(face, call)


def moments(face: Face, call: Call) -> Finding:
    """Compare the start and the end of a clip: in the movements or the label that was asked about, or in all."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo has nothing to compare over time.]"])
    if not call.units:
        compared = compare_stretches(face, replace(call, within=BOTH_ENDS))
        return compared if call.label else replace(compared, says=[*compared.says, timing.liveliest_sentence(face)])
    says = [_course_sentence(face, au) for units in call.units for au in units if face.facts.state(au) == "on"]
    return Finding(says, says, fixed=True) if says else strength(face, call)


def _course_sentence(face: Face, au: str) -> str:
    """One unit at the start, the middle and the end of a clip, and whether the ends differ by more than measuring does."""
    level = face.series.intensity[:, au_index(au)]  # [T, 2]
    level = np.nanmax(level[seen := np.isfinite(level).any(1)], axis=1)
    times = face.series.times[seen]
    ks = [int(np.abs(times - t).argmin()) for t in (times[0], (times[0] + times[-1]) / 2, times[-1])]
    told = join_words([f"{level[k]:.1f} at {times[k]:.1f} s" for k in ks])
    change = float(level[-1] - level[0])
    how = ("about as strong at the end as at the start" if abs(change) <= ERROR else
           f"{'stronger' if change > 0 else 'weaker'} at the end than at the start")
    return f"The {ACTION_UNITS[au].title} ({au}) is {how}: {told}; strongest at {face.apex(au):.1f} s."


def faces(face: Face, call: Call) -> Finding:
    """Compare this face with the others: in the movement or label that was asked about, else by how each is read.

    Given as looked up: the check of a rewording knows one face only."""
    everyone = sorted([face, *face.others], key=lambda one: one.name)
    if not face.others:
        asked = absence(face, call) if call.units else label(face, call) if call.label else Finding([])
        return Finding(
            ["one face only", *asked.facts],
            [
                "[There is only one face here that could be measured|Only one face could be measured here]"
                ", [so there is nothing to compare|so no other can be compared].",
                *asked.says,
            ],
            fixed=True,
        )
    if call.units:
        return _compare_movements(everyone, call.units[0])
    if call.label:
        return _compare_label(everyone, call.label)
    named = [] if face.aloud else [
        f"[There are {len(everyone)} faces here that could be measured|{len(everyone)} faces could be measured here]."]
    return Finding(
        [f"{len(everyone)} faces", *[f"{one.name}: commonly read as {one.gist}" for one in everyone]],
        [*named, f"{join_words([f'{one.name} is commonly read as {one.gist}' for one in everyone])}.",
         *([_most_different(*everyone)] if len(everyone) == 2 else [])],
        fixed=True,
    )


def _most_different(one: Face, other: Face) -> str:
    """What two faces differ in by more than measuring does, as a sentence."""
    gap = {au: abs(one.facts.strength(au) - other.facts.strength(au)) for au in {*one.units("on"), *other.units("on")}}
    apart = sorted((au for au in gap if gap[au] > ERROR), key=lambda au: (-gap[au], au))[:NAMED]
    told = join_words([f"the {ACTION_UNITS[au].title} ({au}, {one.facts.strength(au):.1f} and {other.facts.strength(au):.1f})"
                       for au in apart])
    return f"They differ most in {told}." if apart else "No movement differs by more than measuring does."


def _compare_movements(everyone: list[Face], units: tuple[str, ...]) -> Finding:
    """Each unit of a set by itself; of several, only those that are there in some face."""
    there = [au for au in units if any(face.facts.state(au) == "on" for face in everyone)]
    says = [_compare_unit(everyone, au) for au in there or everyone[0].facts.tellable_units(units)]
    return Finding([say(None, pattern) for pattern in says], says, fixed=True)


def _compare_unit(everyone: list[Face], au: str) -> str:
    """What each face has of one unit, and who has most of it, or that nobody clearly has; as a pattern."""
    level = {face.name: face.facts.strength(au) for face in everyone}
    measured = sorted((name for name in level if not math.isnan(level[name])), key=lambda name: -level[name])
    unseen = [name for name in level if name not in measured]
    rest = f"; not measured in {join_words(unseen)}" if unseen else ""
    if not measured:
        return f"The {ACTION_UNITS[au].title} ({au}) was not measured in any of these faces."
    values = join_words([f"{level[name]:.1f} in {name}" for name in measured]) + rest
    most, first = level[measured[0]], [name for name in measured if level[measured[0]] - level[name] <= ERROR + 1e-9]
    if most <= OFF:
        return f"{capitalise(movement_pattern(au, denied=True))} ({au}) in any of these faces{rest}."
    if len(measured) == 1:
        return f"{au} can be compared with no other face: {values}."
    if most < ON:
        return f"{capitalise(movement_pattern(au, denied=True))} ({au}) clearly in any of these faces: {values}."
    there = sum(face.facts.state(au) == "on" for face in everyone)
    every = "both" if there == 2 else f"all {there}"
    where = f"in {every} faces" if there == len(everyone) else f"in {there} of {len(everyone)} faces"
    if len(first) > 1:
        return (f"{capitalise(movement_pattern(au))} ({au}) {where}, about as much in {join_words(first)}, which differ by no "
                f"more than measuring does{_least_words(level, measured, ERROR)}: {values}.")
    if there == 1:
        return f"{capitalise(movement_pattern(au))} ({au}) in {first[0]} alone: {values}."
    least = _least_words(level, measured, ERROR)
    return f"{capitalise(movement_pattern(au))} ({au}) {where}, most in {first[0]}{least}: {values}."


def _least_words(amount: dict[str, float], ranked: list[str], apart: float) -> str:
    """ " and least in face 1" where one of three faces or more has clearly less than all others."""
    clear = len(ranked) > 2 and amount[ranked[-2]] - amount[ranked[-1]] > apart
    return f" and least in {ranked[-1]}" if clear else ""


def _compare_label(everyone: list[Face], label: str) -> Finding:
    """How much each face is read as a label, and which most, or that none clearly is."""
    share = {face.name: face.distribution[label] for face in everyone}
    ranked = sorted(share, key=lambda name: -share[name])
    values = join_words([f"{share[name]:.2f} for {name}" for name in ranked])
    first = [name for name in ranked if share[ranked[0]] - share[name] < CLOSE_MARGIN]
    least = _least_words({_number(name): share[name] for name in share}, [_number(name) for name in ranked], CLOSE_MARGIN)
    least = least.replace(" and least in", ", and least is")
    if share[ranked[0]] < CLOSE_MARGIN:
        sentence = f"None of these faces is read as {label}: {values}."
    elif len(first) > 1:
        close = join_words([_number(name) for name in first])
        sentence = f"{_label_count(everyone, label)}{capitalise(close)} are too close to say which more{least}: {values}."
    else:
        most = f"{capitalise(_number(first[0]))} is the one most read as {label}"
        sentence = f"{_label_count(everyone, label)}{most}{least}: {values}."
    return Finding([sentence], [sentence], fixed=True)


def _label_count(everyone: list[Face], label: str) -> str:
    """ "All 5 are read as happiness. ", or how many of them are."""
    so = sum(face.label == label for face in everyone)
    how_many = ("Both" if so == 2 else f"All {so}") if so == len(everyone) else f"{so or 'None'} of {len(everyone)}"
    return f"{how_many} {'is' if so == 1 else 'are'} read as {label}. "


def _number(name: str) -> str:
    """A face without its place: "face 3" of "face 3 (on the right)"."""
    return name.partition(" (")[0]
