"""Look-ups for whoever codes faces: own codes beside the measurement, levels over a clip in figures, how sure one unit is.

Given as looked up: a mean, an index or a confidence is no level of the face, which is what a rewording would be held to.
"""

from __future__ import annotations

import numpy as np

from emollm.facs.readings import level_letter
from emollm.schema import OFF, ON, au_index
from emollm.talk.lookups.movement import not_on_sentence
from emollm.talk.lookups.spans import timed_movements
from emollm.talk.lookups.whole_face import ERROR
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import begin_small, capitalise, clauses, join_words, movement_pattern, unit_names, was_or_were


def agreement(face: Face, call: Call) -> Finding:
    """Units that somebody coded, each as it was measured, what was measured beside them, and the index of agreement of FACS:
    twice the units that both have, by all that one and the other have (Wexler 1972, as in the FACS Investigator's Guide 2002).
    Units that were not measured count for neither. Levels, a side and absences that were coded are compared as well."""
    coded = list(dict.fromkeys([*(au for units in call.units for au in units), *(au for au in call.edits if call.edits[au])]))
    absent = [au for au in call.edits if not call.edits[au]]
    others = [au for au in face.units("on") if au not in (*coded, *absent)]
    on = [au for au in coded if face.facts.state(au) == "on"]
    says = [*(_coded_sentences(face, coded, on) if coded else []), *[_level_sentence(face, call, au) for au in on],
            *[_absence_sentence(face, au) for au in absent]]
    says.append(f"Measured here and not among yours: {_levels(face, others)}." if others else
                "Nothing else is measured as there.")
    seen = sum(face.facts.state(au) != "unmeasured" for au in coded)
    denied = sum(face.facts.state(au) == "on" for au in absent)
    total = seen + len(on) + len(others) + denied
    if total and len(coded) > 1:
        says.append(f"Index of agreement (Wexler 1972; twice the shared units by all of both): {2 * len(on)} of {total}.")
    return Finding([*map(face.line, [*coded, *absent]), *says[-2:]], [one for one in says if one], fixed=True)


def _coded_sentences(face: Face, coded: list[str], on: list[str]) -> list[str]:
    """Which of the units that were coded as there are measured so."""
    by = {state: [au for au in coded if face.facts.state(au) == state] for state in ("unsure", "off", "unmeasured")}
    shared = {len(coded): f"All {len(coded)}", 0: f"None of the {len(coded)}"}.get(len(on), f"{len(on)} of the {len(coded)}")
    says = [f"{shared} that you coded {'is' if len(on) == 1 else 'are'} measured here{': ' if on else ''}{_levels(face, on)}."]
    if len(coded) == 1:
        says = [f"[Yes, agreed|Agreed]: {_levels(face, coded)} is measured here."] if on else ["Not agreed:"]
    if by["off"]:
        says.append(f"There is no {join_words(by['off'], 'or')}.")
    if by["unsure"]:
        says.append(f"{_levels(face, by['unsure'])} {'is' if len(by['unsure']) == 1 else 'are'} too weak to decide.")
    if by["unmeasured"]:
        says.append(f"{unit_names(by['unmeasured'])} {was_or_were(by['unmeasured'])} not measured.")
    return _joined(says)


def _level_sentence(face: Face, call: Call, au: str) -> str:
    """How a unit that both have compares in level and side; empty where neither was coded."""
    told, side = [], face.facts.side(au)
    if yours := call.edits.get(au):
        level = face.facts.strength(au)
        far = f"{abs(level - yours):.1f} {'above' if level > yours else 'below'} yours"
        told.append(f"you have it at {yours:g} ({level_letter(yours)}), here it is {level:.1f} ({level_letter(level)}), "
                    f"{'alike' if abs(level - yours) <= ERROR else far}")
    if call.side:
        where = "on both sides" if side == "both" else f"on the {side} side only"
        told.append(f"it is {where}, {'as you have it' if side == call.side else 'other than you have it'}")
    return f"{au}: {'; '.join(told)}." if told else ""


def _absence_sentence(face: Face, au: str) -> str:
    """A unit that was coded as absent."""
    state = face.facts.state(au)
    return {
        "off": f"You have no {au}, and there is none.",
        "on": f"You have no {au}, but it is measured here: {face.words(au)}.",
        "unsure": f"You have no {au}; here it is too weak to decide ({face.facts.strength(au):.1f}).",
        "unmeasured": f"You have no {au}; here it was not measured.",
    }[state]


def _joined(says: list[str]) -> list[str]:
    """A bare opening goes on with the sentence after it."""
    return [f"{says[0]} {begin_small(says[1])}", *says[2:]] if says[0].endswith(":") else says


def _levels(face: Face, units: list[str]) -> str:
    return join_words([f"{au} ({face.facts.strength(au):.1f})" for au in units])


def average(face: Face, call: Call) -> Finding:
    """Mean, median and spread of a movement's level over the frames in which it was measured, the stronger side of each."""
    if not face.clip:
        told = [f"{au} is at {face.facts.strength(au):.1f}" for units in call.units for au in face.facts.tellable_units(units)
                if face.facts.state(au) != "unmeasured"]
        told = told or [not_on_sentence(face, units).rstrip(".") for units in call.units]
        return Finding(["a photo: one value"], [f"A photo has one value, no mean: {clauses(told)}."], fixed=True)
    says = [_figures(face, au) for units in call.units for au in _measured(face, units)]
    says += [not_on_sentence(face, units) for units in call.units if not _measured(face, units)]
    return Finding(says, says, fixed=True)


def _measured(face: Face, units: tuple[str, ...]) -> list[str]:
    """The units of a movement that have figures: those that are there, or all that were measured."""
    seen = [au for au in units if face.facts.state(au) != "unmeasured"]
    return [au for au in seen if face.facts.state(au) == "on"] or seen


def _figures(face: Face, au: str) -> str:
    level = face.series.intensity[:, au_index(au)]  # [T, 2]
    level = level[np.isfinite(level).any(1)]
    level = np.nanmax(level, axis=1)
    frames = f"{len(level)} of {len(face.series.times)} frames"
    there = timed_movements(face, (au,))
    share = f"; it is there for {there[0].share_words}" if there else "; it never counts as there"
    return (f"{au} over {frames}: mean {level.mean():.2f}, median {np.median(level):.2f}, "
            f"standard deviation {level.std():.2f}, highest {level.max():.1f}{share}.")


def unit_certainty(face: Face, call: Call) -> Finding:
    """How far a unit is from where it would count as something else, and how well it was measured here."""
    told = [au for units in call.units for au in _nearest_on(face, face.facts.tellable_units(units))]
    says = [_certainty(face, au) for au in told]
    says.append(f"Between pictures of one face that differ only in light, size or tilt a level moves by up to {ERROR:.1f}; the "
                "second figure falls with pose, size and blur.")
    return Finding([face.line(au) for au in told], says, fixed=True)


def _nearest_on(face: Face, units: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a movement's units that are there, or all."""
    return tuple(au for au in units if face.facts.state(au) == "on") or units


def _certainty(face: Face, au: str) -> str:
    state, value, k = face.facts.state(au), face.facts.strength(au), au_index(au)
    if state == "unmeasured":
        return f"{capitalise(unit_names([au]))} was not measured here."
    seen = face.series.confidence[:, k][np.isfinite(face.series.intensity[:, k]).any(1)]  # [T]
    frame = " (median frame)" if face.clip else ""
    confidence = f"how well it could be measured, {100 * float(np.median(seen)):.0f} of 100{frame}"
    words = movement_pattern(au, face.facts.side(au), denied=state == "off")
    if state == "unsure":
        return f"Undecided: whether {movement_pattern(au)} ({au}, {value:.1f}), between {OFF} and {ON}; {confidence}."
    far = value - ON
    how = "Absent" if state == "off" else "Clear" if far >= ERROR else "Only just"
    limit = f"it counts as there from {ON}" if state == "on" else f"it counts as absent up to {OFF}"
    return f"{how}: {words} ({au}, {value:.1f}); {limit}; {confidence}."
