"""Look-ups of the movements that are asked about: is it there, how strong, on which side, when, and where from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emollm.facs.tables import OTHER_READINGS
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import peaks
from emollm.schema import ON, SIDES, au_index
from emollm.talk.lookups.spans import MANY, Movement, span_words, timed_movements, when_words
from emollm.talk.lookups.timing import PHOTO
from emollm.talk.terms.call import NTH, Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import capitalise, clauses, join_words, movement_pattern, unit_names, was_or_were


def presence(face: Face, call: Call) -> Finding:
    """Is every movement asked about there (one unit of each set), on the side asked about?

    Where a movement and its absence have words of their own (open, closed), the answer is that word: yes or no would be read
    wrongly when the question was put the other way round.
    """
    if call.units == (BLINK,) and not face.clip:
        closed = presence(face, replace(call, units=(("AU43",),)))
        told = ["A photo cannot tell a blink (AU45) from eyes that stay closed."]
        return Finding([*told, *closed.facts], [*told, *closed.says], fixed=True)
    states, sentence = states_in_words(face, call)
    verdict, more = _verdict(states), [*_times(face, call), *_muscles(face, call)]
    if verdict in STATED and any(_opposite(units, call.side) for units in call.units):
        return Finding([STATED[verdict], *_lines(face, call)], [f"{sentence}.", *more], fixed=bool(more))
    after = "," if ":" in sentence else "[:|.|,]"
    begin = f"{verdict.capitalize()}{after} " if verdict in STATED else ""
    fixed = bool(more) or verdict == "not measured"  # by its name
    return Finding([verdict, *_lines(face, call)], [f"{begin}{sentence}.", *more], fixed=fixed)


def _times(face: Face, call: Call) -> list[str]:
    """From when to when in a clip the movements asked about are there, as a sentence."""
    if not face.clip:
        return []
    found = [movement for units in call.units for movement in timed_movements(face, units)]
    named = [au for units in call.units for au in units if face.facts.state(au) == "on"]
    if len(named) == 1:
        return [f"In the clip [that is|it is there] {found[0].times}."]
    return [f"[In|Over] the clip: {clauses([f'{one.words} {one.times}' for one in found])}."] if found else []


def _muscles(face: Face, call: Call) -> list[str]:
    """The muscles of movements that were asked about by a muscle's name, as a sentence: of those that are there, or of all."""
    if call.word != "muscle":
        return []
    units = [au for movement in call.units for au in movement]
    on = [au for au in units if face.facts.state(au) == "on"]
    named = clauses([f"{au} is made by {ACTION_UNITS[au].muscle}" for au in on or units])
    return [f"{named}. [What is measured is the movement, not the muscle.|The movement is measured, not the muscle.]"]


def absence(face: Face, call: Call) -> Finding:
    """Is none of these there? Said as it is, without yes or no: "she is not smiling, is she?" takes either."""
    states, sentence = states_in_words(face, call)
    verdict, times = _verdict(states), _times(face, call)
    return Finding([STATED.get(verdict, verdict), *_lines(face, call)], [f"{sentence}.", *times], fixed=bool(times))


def states_in_words(face: Face, call: Call) -> tuple[list[str], str]:
    """The state of every movement asked about, and all of them in words."""
    states = [_state(face, units, call.side) for units in call.units]
    told = [_movement_words(face, units, state, call.side) for units, state in zip(call.units, states, strict=True)]
    return states, clauses(told)


STATED = {"yes": "there", "no": "not there"}  # a verdict that is said without yes or no


def _verdict(states: list[str]) -> str:
    if "no" in states or set(states) == {"yes"}:
        return "no" if "no" in states else "yes"
    return "not measured" if "not measured" in states else "not sure"


# Movements with a word for their absence: (words when it is there, when it is not).
OPPOSITES = {
    ("AU25", "AU26", "AU27"): ("the mouth is open", "the mouth is closed"),
    ("AU25",): ("", "the lips are closed"),
    ("AU26", "AU27"): ("the jaw is open", "the jaw is closed"),
    ("AU43", "AU45"): ("", "the eyes are open"),
    ("AU43",): ("", "the eyes are open"),
}
SMILE = ("AU12",)
BLINK = ("AU45",)


def _opposite(units: tuple[str, ...], side: str) -> tuple[str, str] | None:
    return None if side else OPPOSITES.get(units)


def _movement_words(face: Face, units: tuple[str, ...], state: str, side: str) -> str:
    """A movement in words, with what people call it: a smile, an open mouth, closed lips."""
    words = _state_words(face, units, state, side)
    if units == SMILE and not side and state in ("yes", "no"):
        if state == "no":
            return f"there is no smile: {words}"
        where = face.facts.side("AU12")
        return f"there is a smile: {words}, {'on both sides' if where == 'both' else f'on the {where} side only'}"
    if not (opposite := _opposite(units, side)) or state not in ("yes", "no"):
        return words
    if state == "yes":
        if units[0] == "AU43" and face.facts.state("AU43") == "off":
            return f"the eyes are open apart from blinks (AU45, {face.number('AU45')})"
        if units[0] == "AU43" and face.facts.state("AU43") != "on":
            return words
        return f"{opposite[0]}: {words}" if opposite[0] else words
    if units == ("AU25",) and any(face.facts.state(au) != "off" for au in ("AU26", "AU27")):
        return words  # no lips are closed in an open mouth
    off = list(face.facts.tellable_units(units))
    return f"{opposite[1]}: {join_words(off)} {'is' if len(off) == 1 else 'are'} absent"


def _lines(face: Face, call: Call) -> list[str]:
    return [face.line(au) for units in call.units for au in units]


def _state(face: Face, units: tuple[str, ...], side: str = "") -> str:
    units = face.facts.tellable_units(units)
    states = [face.facts.state(au) for au in units]
    on = [au for au, state in zip(units, states, strict=True) if state == "on"]
    if on:
        if side == "both":
            return "yes" if any(face.facts.side(au) == "both" for au in on) else "no"
        return "yes" if not side or any(face.facts.side(au) in (side, "both") for au in on) else "no"
    return "not sure" if "unsure" in states else "not measured" if "unmeasured" in states else "no"


FURTHER = {"AU26": "AU27"}  # scored in its place where the same movement goes further (FACS Manual: a jaw pulled down wide)


SIDED = {"both": ", on both sides", "one": ", [only on that side|on that side alone]"}


def _state_words(face: Face, units: tuple[str, ...], state: str, side: str) -> str:
    units = face.facts.tellable_units(units)
    on = [au for au in units if face.facts.state(au) == "on"]
    if on:
        only = [
            face.words(au) + (SIDED["both" if face.facts.side(au) == "both" else "one"] if side else "")
            for au in on
        ]
        return clauses(only)
    unsure = [au for au in units if face.facts.state(au) == "unsure"]
    if state == "not sure":
        weak = join_words([_weak_words(face, au, side) for au in unsure], "or")
        return f"[I cannot tell|It cannot be told] whether {weak}: that is too weak to decide"
    if state == "not measured":
        unseen = [au for au in units if face.facts.state(au) == "unmeasured"]
        off = [au for au in units if au not in unseen]
        rest = f"; {join_words(off)} {'is' if len(off) == 1 else 'are'} absent" if off else ""
        return f"{unit_names(unseen)} {was_or_were(unseen)} not measured here{rest}"
    further = [FURTHER[au] for au in units if au in FURTHER and face.facts.state(FURTHER[au]) == "on"]
    more = f" but further open: {face.movement_words(further)}" if further else ""
    return join_words([face.denial_words(au, side or "both") for au in units]) + more


def _weak_words(face: Face, au: str, side: str) -> str:
    """A movement that is too weak to decide, with its value; where one side was asked about, with that of each side."""
    if side not in ("left", "right", "either"):
        return f"{movement_pattern(au)} ({au}, {face.facts.strength(au):.1f})"
    left, right, _ = peaks(face.series)
    k = au_index(au)
    return f"{movement_pattern(au, side.replace('either', 'both'))} ({au}, left {left[k]:.1f}, right {right[k]:.1f})"


def strength(face: Face, call: Call) -> Finding:
    if call.side:
        return side(face, call)
    says = []
    for units in call.units:
        on = [au for au in units if face.facts.state(au) == "on"]
        says += [
            f"{movement_pattern(au, face.facts.side(au))} at {face.facts.strength(au):.1f}, [which is|that is] "
            f"{face.number(au).split()[1]} ({au})."
            for au in on
        ]
        if not on:
            says.append(not_on_sentence(face, units))
    return Finding(_lines(face, call), says)


def not_on_sentence(face: Face, units: tuple[str, ...], sides: bool = False) -> str:
    """A sentence about a movement that is not on: absent, not sure or not measured. sides: its sides were asked about."""
    state = _state(face, units)
    words = _state_words(face, units, state, "")
    if state == "no" and _opposite(units, ""):
        words = _movement_words(face, units, state, "")
    if state == "not sure" and sides:
        weak = join_words([_weak_words(face, au, "either") for au in units if face.facts.state(au) == "unsure"], "or")
        return f"[I cannot tell|It cannot be told] whether {weak}: that is too weak to decide."
    if state == "no" and sides:
        words += ", on either side"
    if state == "no" and units == SMILE:
        return f"There is no smile: {words}."
    return f"[In fact |As measured, |]{words}." if state == "no" else f"{words}."


def side(face: Face, call: Call) -> Finding:
    if call.word == "first":
        return first_side(face, call)
    says = []
    left, right, _ = peaks(face.series)
    for units in call.units:
        on = [au for au in units if face.facts.state(au) == "on"]
        for au in on:
            where, k = face.facts.side(au), au_index(au)
            said = (
                "[It is on both sides|It shows on both sides]"
                if where == "both"
                else f"[It is on the {where} side|Only the {where} side takes part]"
            )
            says.append(f"{said}: {face.words(au)}[; left {left[k]:.1f}, right {right[k]:.1f}|].")
            says += _one_sided_times(face, au) if where == "both" else []
        if not on:
            says.append(not_on_sentence(face, units, sides=True))
    return Finding(_lines(face, call), says, fixed=face.clip)


def _one_sided_times(face: Face, au: str) -> list[str]:
    """When a movement that is on both sides at its strongest is on one alone."""
    single = sorted((e for e in face.events if e.au == au and e.side != "both"), key=lambda e: e.onset)[:MANY]
    told = [f"on the {e.side} side only {span_words((e.onset, e.offset))}" for e in single]
    return [f"{capitalise(join_words(told))}."] if told else []


def first_side(face: Face, call: Call) -> Finding:
    """Which side of a movement comes up first, around the time at which it is strongest."""
    if not face.clip:
        return in_a_photo(face, call)
    says = []
    for units in call.units:
        on = [au for au in units if face.facts.state(au) == "on"]
        says += [_first_side_sentence(face, au) for au in on] or [not_on_sentence(face, units, sides=True)]
    return Finding([*_lines(face, call), *says], says, fixed=True)


def _first_side_sentence(face: Face, au: str) -> str:
    onset, apex, _ = face.facts.intervals((au,))[0]
    times = face.series.times
    level = np.nan_to_num(face.series.intensity[:, au_index(au)])  # [T, 2]
    began = {}  # side -> when it is first there around that time (s)
    for k, name in enumerate(SIDES[:2]):
        there = (level[:, k] >= ON) & (times >= onset - 0.5)
        if (up := np.flatnonzero(there & (times <= apex + 0.5))).size:
            began[name] = float(times[up[0]])
    if len(began) < 2:
        return f"Only one side is there: {face.words(au)}." if began else f"{face.words(au)}; neither side alone is clear."
    (first, one), (second, other) = sorted(began.items(), key=lambda item: item[1])
    told = f"{first} from {one:.1f} s, {second} from {other:.1f} s"
    if other - one < TOGETHER:
        return f"Both sides come up together ({told}): {face.words(au)}."
    return f"The {first} side comes first ({told}): {face.words(au)}."


def in_a_photo(face: Face, call: Call) -> Finding:
    """What a photo has to say to a question of time: that it has none, and whether the movement is there."""
    there = f"; in it {states_in_words(face, call)[1]}" if call.units else ""
    says = f"[This is a photo: one moment, without before, after or duration|A photo is one moment, without times]{there}."
    return Finding([PHOTO, *_lines(face, call)], [says], fixed=True)


def movement_times(face: Face, call: Call) -> Finding:
    """From when to when the movements are there, and when each is strongest; of two, which is first."""
    if not face.clip:
        return in_a_photo(face, call)
    if len(call.units) > 1:
        return compare_order(face, call)
    found = timed_movements(face, call.units[0])
    if not found:
        return Finding(_lines(face, call), [_nearest_sentence(face, call.units[0])], fixed=True)
    if call.word:
        return Finding(_lines(face, call), [f"{nth_words(one, call.word)}." for one in found], fixed=True)
    return Finding(_lines(face, call), [f"{clauses([when_words(face, one) for one in found])}."], fixed=True)


def nth_index(movement: Movement, which: str) -> int | None:
    """Which of its times the first, second, third or last one is; None where there is no such time."""
    many = len(movement.stretches)
    k = many - 1 if which == "last" else NTH.index(which)
    return k if k < many else None


def nth_words(movement: Movement, which: str) -> str:
    """The first, second, third or last time of a movement."""
    times, k = movement.stretches, nth_index(movement, which)
    many = f"{len(times)} times" if len(times) > 1 else "once"
    if k is None:
        return f"there is no {which} time: {movement.words} {many} only, {join_words(list(map(span_words, times)))}"
    if len(times) == 1:
        return f"{movement.words} once only, {span_words(times[0])}"
    last = ", which is the last" if k and k == len(times) - 1 and which != "last" else ""
    return f"the {which} of {many}{last}: {movement.words} {span_words(times[k])}"


def _nearest_sentence(face: Face, units: tuple[str, ...]) -> str:
    """About a movement that is not on: of one that is too weak to decide, when it comes nearest as well."""
    sentence, unsure = not_on_sentence(face, units), [au for au in units if face.facts.state(au) == "unsure"]
    nearest = join_words([f"{au} at {face.strongest_time(au):.1f} s" for au in unsure])
    return f"{sentence[:-1]}; it comes nearest in {nearest}." if unsure else sentence


TOGETHER = 0.1  # s; onsets that are nearer than this are not told one after the other


def compare_order(face: Face, call: Call) -> Finding:
    """Two movements or more beside each other in time: when each is there, and which is the first to begin."""
    if not face.clip:
        return in_a_photo(face, call)
    found = [timed_movements(face, units) for units in call.units]
    told = [f"{when_words(face, one)}." for there in found for one in there]
    rest = [_nearest_sentence(face, units) for units, there in zip(call.units, found, strict=True) if not there]
    began = sorted(min(_onsets(face, one) for one in there) for there in found if there)
    last = _order_sentences(face, began) if len(began) > 1 else _no_order(face, call) if began else []
    return Finding([*_lines(face, call), *last], [*rest, *told, *last], fixed=True)


def _no_order(face: Face, call: Call) -> list[str]:
    """Why one movement alone has no order; the others are not there, or not known to be."""
    unknown = {_state(face, units) for units in call.units} - {"yes", "no"}
    return ["So nothing can be said of their order." if unknown else "So only one of them is there, and there is no order."]


def _onsets(face: Face, movement: Movement) -> tuple[float, str]:
    """First onset of a movement (s), and the unit that it is of."""
    return min((onset, au) for au in movement.units for onset, _, _ in face.facts.intervals((au,)))


def _order_sentences(face: Face, began: list[tuple[float, str]]) -> list[str]:
    """began: first onset (s) and unit of each movement, in order."""
    (first, one), (second, other), *_ = began
    titles = [f"the {ACTION_UNITS[au].title} ({au})" for au in (one, other)]
    if second - first < TOGETHER:
        return [f"So {titles[0]} and {titles[1]} [begin|start] together."]
    turned = face.apex(one) > face.apex(other)
    return [f"So {titles[0]} comes {second - first:.1f} s before {titles[1]}.",
            *(["Where each is strongest, the order is the other way round."] if turned else [])]


def cause(face: Face, call: Call) -> Finding:
    """Why is it moved so: what else it may come from, or that it is not there at all."""
    units = call.units[0]
    on = [au for au in units if face.facts.state(au) == "on"]
    if not on:
        return Finding(_lines(face, call), [not_on_sentence(face, units)])
    au = on[0]
    others = OTHER_READINGS[au]
    return Finding(
        [*_lines(face, call), f"may also come from: {', '.join(others)}"],
        [
            f"{face.words(au)}.",
            f"[Why, a measurement cannot tell|What is behind it cannot be measured]; [it|this] may "
            f"also come from {join_words(list(others), 'or')}.",
        ],
    )
