"""Look-ups of the movements that are asked about: is it there, how strong, on which side, when, and where from."""

from __future__ import annotations

from emollm.facs.tables import OTHER_READINGS
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import peaks
from emollm.schema import au_index
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.finding import Finding
from emollm.talk.timing import PHOTO, when_sentence
from emollm.talk.words import clauses, join_words, movement_pattern, was_or_were


def presence(face: Face, call: Call) -> Finding:
    """Is every movement asked about there (one unit of each set), on the side asked about?

    Where a movement and its absence have words of their own (open, closed), the answer is that word: yes or no would be read
    wrongly when the question was put the other way round.
    """
    states, sentence = _states(face, call)
    verdict, muscles = _verdict(states), _muscles(face, call)
    if verdict in STATED and any(_opposite(units, call.side) for units in call.units):
        return Finding([STATED[verdict], *_lines(face, call)], [f"{sentence}.", *muscles], fixed=bool(muscles))
    after = "," if ":" in sentence else "[:|.|,]"
    begin = f"{verdict.capitalize()}{after} " if verdict in STATED else ""
    return Finding([verdict, *_lines(face, call)], [f"{begin}{sentence}.", *muscles], fixed=bool(muscles))


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
    states, sentence = _states(face, call)
    verdict = _verdict(states)
    return Finding([STATED.get(verdict, verdict), *_lines(face, call)], [f"{sentence}."])


def _states(face: Face, call: Call) -> tuple[list[str], str]:
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
        return f"{join_words(unseen)} {was_or_were(unseen)} not measured here{rest}"
    further = [FURTHER[au] for au in units if au in FURTHER and face.facts.state(FURTHER[au]) == "on"]
    more = f" but further open: {face.movement_words(further)}" if further else ""
    return join_words([face.denial_words(au, side or "both") for au in units]) + more


def _weak_words(face: Face, au: str, side: str) -> str:
    """A movement that is too weak to decide, with its value; where one side was asked about, with that of each side."""
    if side not in ("left", "right"):
        return f"{movement_pattern(au)} ({au}, {face.facts.strength(au):.1f})"
    left, right, _ = peaks(face.series)
    k = au_index(au)
    return f"{movement_pattern(au, side)} ({au}, left {left[k]:.1f}, right {right[k]:.1f})"


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
            says.append(_not_on_sentence(face, units))
    return Finding(_lines(face, call), says)


def _not_on_sentence(face: Face, units: tuple[str, ...], sides: bool = False) -> str:
    """A sentence about a movement that is not on: absent, not sure or not measured. sides: its sides were asked about."""
    state = _state(face, units)
    words = _state_words(face, units, state, "")
    if state == "no" and _opposite(units, ""):
        words = _movement_words(face, units, state, "")
    if state == "no" and sides:
        words += ", on either side"
    if state == "no" and units == SMILE:
        return f"There is no smile: {words}."
    return f"[In fact |As measured, |]{words}." if state == "no" else f"{words}."


def side(face: Face, call: Call) -> Finding:
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
        if not on:
            says.append(_not_on_sentence(face, units, sides=True))
    return Finding(_lines(face, call), says)


def movement_times(face: Face, call: Call) -> Finding:
    on = [au for units in call.units for au in units if face.facts.state(au) == "on"]
    rest = [_not_on_sentence(face, units) for units in call.units if not set(units) & set(on)]
    if not on:
        return Finding(_lines(face, call), rest)
    if not face.clip:
        return Finding(
            [PHOTO, *_lines(face, call)],
            [
                f"[{PHOTO}|A photo holds one moment only, so no time can be given.]",
                f"{face.movement_words(on)}.",
                *rest,
            ],
        )
    if began := _onsets(face, call):
        return _compare_onsets(face, call, *began)
    told = [sentence for au in on for sentence in (when_sentence(face, au), *_repetition_sentence(face, au))]
    facts = [*_lines(face, call), *[f"{au}: {sentence}" for au in on for sentence in _repetition_sentence(face, au)]]
    return Finding(facts, [*told, *rest])


TOGETHER = 0.1  # s; onsets that are nearer than this are not told one after the other


def _onsets(face: Face, call: Call) -> list[tuple[float, str]]:
    """Onset at its main time (s) and unit of each of two movements that are there, in order; none unless both are."""
    on = {au for units in call.units for au in units if face.facts.state(au) == "on"}
    began = [min(((face.span(au)[0], au) for au in units if au in on), default=None) for units in call.units]
    return sorted(began) if len(began) == 2 and all(began) else []


def _compare_onsets(face: Face, call: Call, one: tuple[float, str], other: tuple[float, str]) -> Finding:
    """Two movements beside each other in time."""
    (first, au), (second, _) = one, other
    order = ("They [begin|start] together." if second - first < TOGETHER else
             f"So the {ACTION_UNITS[au].title} ({au}) [comes|is] first, {second - first:.1f} s before the other.")
    again = any(_repetition_sentence(face, k) for _, k in (one, other))
    more = ["[That is where each is strongest|Each is told where it is strongest]; there may be other times."]
    says = [when_sentence(face, k) for _, k in (one, other)]
    return Finding([*_lines(face, call), order], [*says, order, *more * again], fixed=True)


def _repetition_sentence(face: Face, au: str) -> list[str]:
    """A sentence about the other times that a unit moved in a clip; none when it moved once."""
    own = sorted(e.onset for e in face.events if e.au == au)
    first = "" if len(own) < 2 or own[0] == face.span(au)[0] else f", the first at {own[0]:.1f} s"
    return [f"It comes {len(own)} times in all{first}."] if len(own) > 1 else []


def cause(face: Face, call: Call) -> Finding:
    """Why is it moved so: what else it may come from, or that it is not there at all."""
    units = call.units[0]
    on = [au for au in units if face.facts.state(au) == "on"]
    if not on:
        return Finding(_lines(face, call), [_not_on_sentence(face, units)])
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
