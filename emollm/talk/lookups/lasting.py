"""Look-ups of how a movement is spread over a clip: all the time or not, how often, how long, and what is there beside it.

Given as looked up: a time, a count or a share that is worded anew is lost or told of another movement.
"""

from __future__ import annotations

import numpy as np

from emollm.facs.units import ACTION_UNITS
from emollm.schema import ON, au_index
from emollm.talk.lookups.movement import OPPOSITES, in_a_photo, not_on_sentence, nth_index, nth_words, states_in_words
from emollm.talk.lookups.spans import (
    COUNTED,
    ENDS,
    MANY,
    WHOLE,
    Movement,
    length,
    length_words,
    meant_units,
    span_words,
    timed_movements,
    when_words,
)
from emollm.talk.lookups.timing import movements_at_moment
from emollm.talk.lookups.whole_face import no_movement
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import clauses, join_words, movement_pattern, say

SUDDEN, SLOW = 0.5, 2.0  # s; a movement that takes as long at most, at least, is told as this
BESIDE = 0.5  # s before its onset or after its end at which the face is told beside a movement


def _found(face: Face, call: Call) -> tuple[list[Movement], list[str]]:
    """What is there of the movements asked about, and sentences about those that are not."""
    found = [timed_movements(face, units) for units in call.units]
    rest = [not_on_sentence(face, units) for units, there in zip(call.units, found, strict=True) if not there]
    return [movement for there in found for movement in there], rest


def _tell(face: Face, call: Call, opening: str, told: list[str], rest: list[str]) -> Finding:
    lines = [face.line(au) for units in call.units for au in units]
    sentence = [f"{opening}: {clauses(told)}." if opening else f"{clauses(told)}."] if told else []
    facts = [*([opening] if opening and told else []), *(lines or [say(None, one) for one in told])]
    return Finding(facts, [*sentence, *rest], fixed=True)


def lasts(face: Face, call: Call) -> Finding:
    """Is it there from the start of the clip to its end?"""
    if not face.clip:
        return in_a_photo(face, call)
    found, rest = _found(face, call)
    if found and call.word == "end":
        return _to_the_end(face, call, found, rest)
    whole = not rest and all(_is_whole(face, one) for one in found)
    nearly = not rest and all(one.share >= WHOLE for one in found)
    opening = "Yes, the whole clip" if whole else "Yes, nearly the whole clip" if nearly else "No, not the whole clip"
    if any(units in OPPOSITES for units in call.units):  # "closed all the time?" is asked here as well as "open all the time?"
        opening = opening.partition(", ")[2].capitalize()
    told = [f"{one.words} {one.times}{'' if whole else f', {one.share_words}'}" for one in found]
    states, sentence = states_in_words(face, call)
    if set(states) == {"no"}:
        return _tell(face, call, opening if opening.startswith("Not") else "No, at no time", [sentence], [])
    return _tell(face, call, opening, told, rest)


def _to_the_end(face: Face, call: Call, found: list[Movement], rest: list[str]) -> Finding:
    """Does it hold until the clip ends, or is it over before?"""
    last = float(face.series.times[-1])
    level = {au: float(np.nan_to_num(face.series.intensity[-1, au_index(au)]).max()) for one in found for au in one.units}
    over = any(last - one.stretches[-1][1] > ENDS for one in found)
    faded = not over and any(max(level[au] for au in one.units) < ON for one in found)
    opening = "It is over before the end" if over else "It holds nearly to the end" if faded else "It holds to the end"
    told = [f"{when_words(face, one)}; at the end of the clip, {last:.1f} s, at {max(level[au] for au in one.units):.1f}"
            for one in found]
    return _tell(face, call, opening, told, rest)


def pace(face: Face, call: Call) -> Finding:
    """How fast it comes up and goes down: onset, apex and offset of its strongest time, and of others where they are few."""
    if not face.clip:
        return in_a_photo(face, call)
    found, rest = _found(face, call)
    told = [sentence for one in found for sentence in _pace_sentences(face, face.facts.strongest_unit(one.units))]
    norm = f"Up to {SUDDEN} s is called sudden here, {SLOW:.0f} s or more slow."
    lines = [face.line(au) for units in call.units for au in units]
    return Finding(lines, [*told, *([norm] if told else []), *rest], fixed=True)


def _pace_sentences(face: Face, au: str) -> list[str]:
    times = face.facts.intervals((au,))
    (onset, apex, offset), *others = times
    up = (f"comes up in {length_words(length((onset, apex)))}{_manner(apex - onset)}" if onset > face.series.times[0] else
          "is there when the clip begins")
    down = (f"goes down in {length_words(length((apex, offset)))}{_manner(offset - apex)}" if offset < face.series.times[-1]
            else "is there until the clip ends")
    says = [f"The {ACTION_UNITS[au].title} ({au}) {up} and {down}: onset {onset:.1f} s, apex {apex:.1f} s with "
            f"{face.facts.strength(au):.1f}, offset {offset:.1f} s."]
    if len(others) >= MANY:
        return [*says, f"That is the strongest of its {len(times)} times."]
    return [*says, *(f"Another time: onset {a:.1f} s, apex {b:.1f} s, offset {c:.1f} s." for a, b, c in others)]


def _manner(seconds: float) -> str:
    return " (suddenly)" if seconds <= SUDDEN else " (slowly)" if seconds >= SLOW else ""


def _is_whole(face: Face, movement: Movement) -> bool:
    """Whether one stretch of a movement goes from the first frame to the last."""
    (onset, offset), first, last = movement.stretches[0], face.series.times[0], face.series.times[-1]
    return len(movement.stretches) == 1 and onset - first <= ENDS and last - offset <= ENDS


def pauses(face: Face, call: Call) -> Finding:
    """Does it stop at some point, once it is there?"""
    if not face.clip:
        return in_a_photo(face, call)
    found, rest = _found(face, call)
    stops = any(len(one.stretches) > 1 or face.series.times[-1] - one.stretches[-1][1] > ENDS for one in found)
    told = [f"{one.words} {one.times}, {one.share_words}" for one in found]
    return _tell(face, call, "Yes, it stops" if stops else "No, it does not stop", told, rest)


def often(face: Face, call: Call) -> Finding:
    """How many times, and when each is."""
    if not face.clip:
        return in_a_photo(face, call)
    found, rest = _found(face, call)
    seconds = float(face.series.times[-1] - face.series.times[0])
    return _tell(face, call, "", [f"{one.words} {_count_words(one, seconds)}" for one in found], rest)


def _count_words(movement: Movement, seconds: float) -> str:
    spans = movement.stretches
    rate = f" ({60 * len(spans) / seconds:.0f} a minute)" if len(spans) >= MANY else ""
    counted = f"{'once' if len(spans) == 1 else f'{len(spans)} times'} in {seconds:.1f} s{rate}"
    if len(spans) <= MANY:
        return f"{counted}, {join_words(list(map(span_words, spans)))}"
    if len(spans) <= COUNTED:
        return f"{counted}, beginning at {', '.join(f'{onset:.1f} s' for onset, _ in spans)}"
    return f"{counted}, the first at {spans[0][0]:.1f} s, the last at {spans[-1][0]:.1f} s, {movement.longest_or_last}"


def long(face: Face, call: Call) -> Finding:
    """How long each of its stretches is, the longest first; without a movement, how long the clip is."""
    if not face.clip:
        return in_a_photo(face, call)
    if not call.units:
        seconds = f"{face.series.times[-1] - face.series.times[0]:.1f} s"
        return Finding([f"clip of {seconds}"], [f"The clip is {seconds} long."], fixed=True)
    found, rest = _found(face, call)
    if call.word:
        return _tell(face, call, "", [_nth_length(one, call.word) for one in found], rest)
    return _tell(face, call, "", [f"{one.words} {_length_words(one)}" for one in found], rest)


def _nth_length(movement: Movement, which: str) -> str:
    """How long the first, second, third or last time of a movement is."""
    told, k = nth_words(movement, which), nth_index(movement, which)
    return told if k is None else f"{told}: {length_words(length(movement.stretches[k]))}"


def together(face: Face, call: Call) -> Finding:
    """When several movements are there at the same time."""
    if not face.clip:
        return in_a_photo(face, call)
    found, rest = _found(face, call)
    if rest or len(call.units) < 2:
        return _tell(face, call, "", [when_words(face, one) for one in found], [*rest, *_alone(found, rest)])
    shared = [(0.0, float(face.series.times[-1]))]
    for units in call.units:
        spans = face.facts.stretches(meant_units(face, units))
        shared = [(max(a, c), min(b, d)) for a, b in shared for c, d in spans if max(a, c) <= min(b, d)]
    names = clauses([one.words for one in found])
    if not shared:
        return _tell(face, call, "No, at no moment together", [when_words(face, one) for one in found], [])
    seconds = sum(end - start for start, end in shared)
    both = Movement(names, (), tuple(shared), seconds / float(face.series.times[-1] - face.series.times[0]))
    return _tell(face, call, "Yes, at the same time", [f"{names}: together {both.times}, {both.share_words}"], [])


def _alone(found: list[Movement], rest: list[str]) -> list[str]:
    return ["So they are at no moment there together."] if found and rest else []


def _length_words(movement: Movement) -> str:
    spans = sorted(movement.stretches, key=lambda span: -length(span))
    each = [f"for {length_words(length(span))}, {span_words(span)}" for span in spans]
    if len(spans) == 1:
        return f"{each[0]}, {movement.share_words}"
    if len(spans) <= MANY:  # whoever adds up what is told gets the same
        in_all = f"{sum(map(length, spans)):.1f} s in all, {movement.share_words}"
        return f"{', '.join(each[:-1])}, and {each[-1]}; {in_all}"
    in_all = f"{sum(end - start for start, end in spans):.1f} s in all, {movement.share_words}"
    return f"{len(spans)} times, at the longest {each[0]}; {in_all}"


def longest(face: Face, _: Call) -> Finding:
    """Which movement lasts longest, and which comes next."""
    return _by_length(face, "The longest", -1)


def shortest(face: Face, _: Call) -> Finding:
    return _by_length(face, "The shortest", 1)


def _by_length(face: Face, which: str, sign: int) -> Finding:
    """The movement with the longest or the shortest stretch, and the next; blinks, which are always short, aside."""
    if not face.clip:
        return in_a_photo(face, Call("long"))
    found = [one for au in face.units("on") if au != "AU45" for one in timed_movements(face, (au,))]
    if not found:
        return no_movement(face)
    ranked = sorted((sign * length(span), k, span) for k, one in enumerate(found) for span in one.stretches)
    first = ranked[0]
    told = [first, *[other for other in ranked if other[1] != first[1]][:1]]
    words = [f"{found[k].words} for {length_words(length(span))}, {span_words(span)}" for _, k, span in told]
    aside = ", blinks aside" if face.facts.state("AU45") == "on" else ""
    says = [f"{which}{aside}: {words[0]}.", *[f"Next: {one}." for one in words[1:]]]
    return Finding([say(None, one) for one in says], says, fixed=True)


def before(face: Face, call: Call) -> Finding:
    """What is there shortly before a movement begins."""
    return _beside(face, call, -BESIDE)


def after(face: Face, call: Call) -> Finding:
    """What is there shortly after a movement is over."""
    return _beside(face, call, BESIDE)


def _beside(face: Face, call: Call, step: float) -> Finding:
    """The face beside the main time of the first of the movements asked about that is there; of one that is too weak to
    decide, beside its strongest moment."""
    if not face.clip:
        return in_a_photo(face, call)
    units = [au for movement in call.units for au in movement]
    near = _in_state(face, call, "on") or _in_state(face, call, "unsure")
    if not near:
        return Finding([face.line(au) for au in units], [not_on_sentence(face, one) for one in call.units], fixed=True)
    au = face.facts.strongest_unit(tuple(near))
    begin, last = float(face.series.times[0]), float(face.series.times[-1])
    if face.facts.state(au) == "on":
        edge = face.span(au)[0 if step < 0 else 1]
        strongest = ", at its strongest" if len(face.facts.stretches((au,))) > 1 else ""
        where = f"{movement_pattern(au, face.facts.side(au))} ({au}) {'from' if step < 0 else 'until'} {edge:.1f} s{strongest}"
    else:
        edge = face.strongest_time(au)
        title = f"the {ACTION_UNITS[au].title} ({au})"
        where = f"{title} is too weak to decide, {face.facts.strength(au):.1f} at most, at {edge:.1f} s"
    if not begin < edge < last:
        side, end = ("before", "start") if step < 0 else ("after", "end")
        where += f": that is the {end} of the clip, and nothing is measured {side} it"
        return Finding([say(None, where)], [f"{where}."], fixed=True)
    there = movements_at_moment(face, Call("at", time=min(max(edge + step, begin), last)))
    return Finding([say(None, where), *there.facts], [f"{where}.", *there.says], fixed=True)


def _in_state(face: Face, call: Call, state: str) -> list[str]:
    return [au for movement in call.units for au in movement if face.facts.state(au) == state]

