"""Look-ups in the measurement: is a movement there, how strong, where, when, and what else moves."""

from __future__ import annotations

import numpy as np

from emollm.facs.tables import OTHER_READINGS
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import peaks
from emollm.schema import AUS, ON, au_index
from emollm.talk.call import PARTS_OF_FACE, Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked
from emollm.talk.words import clauses, listed, moved

PHOTO = "This is a photo: one moment, so there is no before and after."
MOST = 6  # movements that one answer names
NAMED = 3  # movements that a short answer names


def there(face: Face, call: Call) -> Looked:
    """Is every movement asked about there (one unit of each set), on the side asked about?

    Where a movement and its absence have words of their own (open, closed), the answer is that word: yes or no would be read
    wrongly when the question was put the other way round.
    """
    states, said = _states(face, call)
    verdict = _verdict(states)
    if verdict in STATED and any(_opposite(units, call.side) for units in call.units):
        return Looked([STATED[verdict], *_lines(face, call)], [f"{said}."])
    after = "," if ":" in said else "[:|.|,]"
    begin = f"{verdict.capitalize()}{after} " if verdict in STATED else ""
    return Looked([verdict, *_lines(face, call)], [f"{begin}{said}."])


def absent(face: Face, call: Call) -> Looked:
    """Is none of these there? Said as it is, without yes or no: "she is not smiling, is she?" takes either."""
    states, said = _states(face, call)
    verdict = _verdict(states)
    return Looked([STATED.get(verdict, verdict), *_lines(face, call)], [f"{said}."])


def _states(face: Face, call: Call) -> tuple[list[str], str]:
    """The state of every movement asked about, and all of them in words."""
    states = [_state(face, units, call.side) for units in call.units]
    return states, clauses([_told(face, units, state, call.side) for units, state in zip(call.units, states, strict=True)])


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


def _told(face: Face, units: tuple[str, ...], state: str, side: str) -> str:
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
        if units[0] == "AU43" and face.facts.state("AU43") != "on":
            return f"the eyes are open apart from blinks (AU45, {face.number('AU45')})"
        return f"{opposite[0]}: {words}" if opposite[0] else words
    if units == ("AU25",) and any(face.facts.state(au) != "off" for au in ("AU26", "AU27")):
        return words  # no lips are closed in an open mouth
    off = list(face.facts.told(units))
    return f"{opposite[1]}: {listed(off)} {'is' if len(off) == 1 else 'are'} absent"


def was(items: list[str]) -> str:
    return "was" if len(items) == 1 else "were"


def _lines(face: Face, call: Call) -> list[str]:
    return [face.line(au) for units in call.units for au in units]


def _state(face: Face, units: tuple[str, ...], side: str = "") -> str:
    units = face.facts.told(units)
    states = [face.facts.state(au) for au in units]
    on = [au for au, state in zip(units, states, strict=True) if state == "on"]
    if on:
        if side == "both":
            return "yes" if any(face.facts.side(au) == "both" for au in on) else "no"
        return "yes" if not side or any(face.facts.side(au) in (side, "both") for au in on) else "no"
    return "not sure" if "unsure" in states else "not measured" if "unmeasured" in states else "no"


SIDED = {"both": ", on both sides", "one": ", [only on that side|on that side alone]"}


def _state_words(face: Face, units: tuple[str, ...], state: str, side: str) -> str:
    units = face.facts.told(units)
    on = [au for au in units if face.facts.state(au) == "on"]
    if on:
        only = [
            face.words(au) + (SIDED["both" if face.facts.side(au) == "both" else "one"] if side else "")
            for au in on
        ]
        return clauses(only)
    unsure = [au for au in units if face.facts.state(au) == "unsure"]
    if state == "not sure":
        names = listed([f"the {ACTION_UNITS[au].title} ({au}, {face.facts.strength(au):.1f})" for au in unsure])
        return f"{names} {'is' if len(unsure) == 1 else 'are'} between absent and there, so I cannot [tell|say]"
    if state == "not measured":
        unseen = [au for au in units if face.facts.state(au) == "unmeasured"]
        return f"{listed(unseen)} {was(unseen)} not measured here"
    return listed([face.denied(au) for au in units])


def strength(face: Face, call: Call) -> Looked:
    says = []
    for units in call.units:
        on = [au for au in units if face.facts.state(au) == "on"]
        says += [
            f"{moved(au, face.facts.side(au))} at {face.facts.strength(au):.1f}, [which is|that is] "
            f"{face.number(au).split()[1]} ({au})."
            for au in on
        ]
        if not on:
            says.append(_open(face, units))
    return Looked(_lines(face, call), says)


def _open(face: Face, units: tuple[str, ...]) -> str:
    """A sentence about a movement that is not on: absent, not sure or not measured."""
    state = _state(face, units)
    words = _state_words(face, units, state, "")
    if state == "no" and units == SMILE:
        return f"There is no smile: {words}."
    return f"[In fact |As measured, |]{words}." if state == "no" else f"{words}."


def side(face: Face, call: Call) -> Looked:
    says = []
    left, right, _ = peaks(face.series)
    for units in call.units:
        on = [au for au in units if face.facts.state(au) == "on"]
        for au in on:
            where, k = face.facts.side(au), au_index(au)
            says.append(
                f"[It is on both sides|It shows on both sides]: {face.words(au)}."
                if where == "both"
                else f"[It is on the {where} side|Only the {where} side takes part]: {face.words(au)}[; left "
                f"{left[k]:.1f}, right {right[k]:.1f}|]."
            )
        if not on:
            says.append(_open(face, units))
    return Looked(_lines(face, call), says)


def when(face: Face, call: Call) -> Looked:
    on = [au for units in call.units for au in units if face.facts.state(au) == "on"]
    if not on:
        return Looked(_lines(face, call), [_open(face, call.units[0])])
    if not face.clip:
        return Looked(
            [PHOTO, *_lines(face, call)],
            [
                f"[{PHOTO}|A photo holds one moment only, so no time can be given.]",
                f"{clauses([face.words(au) for au in on])}.",
            ],
        )
    return Looked(_lines(face, call), [_when_sentence(face, au) for au in on])


def _when_sentence(face: Face, au: str) -> str:
    first, last = face.span(au)
    return (
        f"{moved(au, face.facts.side(au))} ({au}) from {first:.1f} s to {last:.1f} s, strongest at {face.apex(au):.1f} s "
        f"[with|at] {face.facts.strength(au):.1f}."
    )


def cause(face: Face, call: Call) -> Looked:
    """Why is it moved so: what else it may come from, or that it is not there at all."""
    units = call.units[0]
    on = [au for au in units if face.facts.state(au) == "on"]
    if not on:
        return Looked(_lines(face, call), [_open(face, units)])
    au = on[0]
    others = OTHER_READINGS[au]
    return Looked(
        [*_lines(face, call), f"may also come from: {', '.join(others)}"],
        [
            f"{face.words(au)}.",
            f"[Why, a measurement cannot tell|What is behind it cannot be measured]; [it|this] may "
            f"also come from {listed(list(others), 'or')}.",
        ],
    )


def strongest(face: Face, _: Call) -> Looked:
    on = face.units("on")
    if not on:
        return nothing(face)
    facts = [f"strongest: {face.line(on[0])}", *([f"next: {face.line(on[1])}"] if len(on) > 1 else [])]
    says = [f"[The strongest movement|Strongest]: {face.words(on[0])}."]
    if len(on) > 1:
        says.append(
            f"[Next in strength is|The second strongest is] the {ACTION_UNITS[on[1]].title} ({on[1]}) at "
            f"{face.facts.strength(on[1]):.1f}."
        )
    return Looked(facts, says)


def weakest(face: Face, _: Call) -> Looked:
    on = face.units("on")
    if not on:
        return nothing(face)
    only = " [It is the only one that is there.|No other is there.]" if len(on) == 1 else ""
    return Looked(
        [f"weakest of {len(on)} that are there: {face.line(on[-1])}"],
        [f"[The weakest movement that is there|Weakest]: {face.words(on[-1])}.{only}"],
    )


def rest(face: Face, _: Call) -> Looked:
    """Is the whole face at rest?"""
    on = face.units("on")
    if not on:
        return nothing(face)
    more = f", [and {len(on) - NAMED} more|{len(on)} movements in all]" if len(on) > NAMED else ""
    return Looked(
        [f"not at rest, {len(on)} movements", *[face.line(au) for au in on[:NAMED]]],
        [f"The face is not at rest: {clauses([face.words(au) for au in on[:NAMED]])}{more}."],
    )


def nothing(face: Face) -> Looked:
    if not face.series.measured.any():
        return Looked(["nothing was measured"], ["No action unit could be measured here."])
    return Looked(["no movement is there"], ["[No measured movement stands out.|Nothing that was measured moves clearly.]"])


def movements(face: Face, _: Call) -> Looked:
    on = face.units("on")
    if not on:
        return nothing(face)
    more = f" [There are {len(on)} in all.|{len(on)} movements are there in all.]" if len(on) > MOST else ""
    return Looked(
        [f"movements, strongest first: {len(on)}", *[face.line(au) for au in on[:MOST]]],
        [f"[|From the strongest to the weakest: ]{clauses([face.words(au) for au in on[:MOST]])}.{more}"],
    )


def still(face: Face, _: Call) -> Looked:
    """Parts of the face at rest, and the units that are absent or unmeasured."""
    off, unseen = face.units("off"), face.units("unmeasured")
    parts = [
        name
        for name, units in PARTS_OF_FACE.items()
        if name not in ("upper", "lower") and all(face.facts.state(f"AU{k:02d}") == "off" for k in units)
    ]
    facts, says = [], []
    if parts:
        facts.append(f"at rest: {', '.join(parts)}")
        says.append(f"At rest: the {listed(parts)}.")
    if off:
        facts.append(f"absent: {', '.join(off)}")
        says.append(f"There is no {listed(off, 'or')}.")
    if unseen:
        facts.append(f"not measured: {', '.join(unseen)}")
        says.append(f"{listed(unseen)} {was(unseen)} not measured.")
    if not facts:
        return Looked(["nothing is clearly at rest"], ["Nothing here is clearly at rest."])
    return Looked(facts, says, fixed=True)


def part(face: Face, call: Call) -> Looked:
    units = [f"AU{k:02d}" for k in PARTS_OF_FACE[call.word]]
    on = [au for au in face.units("on") if au in units]
    name = {"upper": "upper half", "lower": "lower half"}.get(call.word, call.word)
    be = "are" if name.endswith("s") else "is"
    if on:
        return Looked(
            [f"{name}: {len(on)} movements", *[face.line(au) for au in on]],
            [f"[{'In' if call.word in ('upper', 'lower') else 'At'} the {name}|About the {name}]: "
             f"{clauses([face.words(au) for au in on])}."],
        )
    unseen = [au for au in face.facts.told(tuple(units)) if face.facts.state(au) == "unmeasured"]
    unsure = [au for au in units if face.facts.state(au) == "unsure"]
    if len(unseen) == len(units):
        return Looked([f"{name}: not measured"], [f"The {name} {be} not measured here, so I cannot say what happens there."])
    if unsure:
        facts = [f"{name}: nothing clearly there", *[face.line(au) for au in unsure]]
        return Looked(
            facts,
            [
                f"[None of the movements there is clear|No movement of the {name} is clear]; "
                f"{listed([f'{au} is at {face.facts.strength(au):.1f}' for au in unsure])}, [too little to decide|"
                "which is too weak to decide].".replace("is at", "is only at")
            ],
        )
    if unseen:
        return Looked(
            [f"{name}: no movement", f"not measured: {', '.join(unseen)}"],
            [f"The units measured there are [all absent|absent]; {listed(unseen)} {was(unseen)} not measured."],
        )
    return Looked([f"{name}: no movement"], [f"The {name} {be} at rest[, as far as was measured|]."])


def count(face: Face, _: Call) -> Looked:
    on = face.units("on")
    if not on:
        return nothing(face)
    noun, be = ("movement", "is") if len(on) == 1 else ("movements", "are")
    return Looked(
        [f"{len(on)} movements", *[face.line(au) for au in on[:MOST]]],
        [
            f"{len(on)} {noun} {be} [there|active]: "
            f"{listed([f'{ACTION_UNITS[au].title} ({au}, {face.facts.strength(au):.1f})' for au in on])}."
        ],
    )


def _by_onset(face: Face) -> list[str]:
    return sorted(face.units("on"), key=lambda au: (face.facts.intervals((au,))[0][0], au))


def order(face: Face, _: Call) -> Looked:
    if not face.clip:
        return Looked([PHOTO], [f"[{PHOTO}|One photo cannot tell what came first.]"])
    ordered = _by_onset(face)
    if not ordered:
        return nothing(face)
    first = face.facts.intervals((ordered[0],))[0][0]
    starts = [f"{ACTION_UNITS[au].title} ({au}) at {face.facts.intervals((au,))[0][0]:.1f} s" for au in ordered[:MOST]]
    says = (
        [f"[It starts with|The earliest is] the {starts[0]}."]
        if len(starts) == 1 or face.facts.intervals((ordered[1],))[0][0] - first > 0.05
        else []
    )
    if len(starts) > 1:
        says.append(f"[By onset|In order of onset]: {listed(starts)}.")
    return Looked([f"by onset: {', '.join(starts)}"], says)


def course(face: Face, _: Call) -> Looked:
    """How the face goes through the clip."""
    if not face.clip:
        return Looked([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"])
    ordered = _by_onset(face)
    if not ordered:
        return nothing(face)
    length = float(face.series.times[-1] - face.series.times[0])
    strong = face.units("on")[:MOST]
    kept = [au for au in ordered if au in strong]
    return Looked(
        [f"clip of {length:.1f} s", *[face.line(au) for au in kept]],
        [f"The clip is {length:.1f} s long.", *[_when_sentence(face, au) for au in kept]],
        fixed=True,
    )


def sides(face: Face, _: Call) -> Looked:
    """Compare the two sides of the face."""
    on = face.units("on")
    if not on:
        return nothing(face)
    one = [au for au in on if face.facts.side(au) != "both"]
    if not one:
        return Looked(
            ["both sides move alike", *[face.line(au) for au in on[:3]]],
            [
                "[Both sides move alike|Left and right move alike]: "
                f"{clauses([face.words(au) for au in on[:3]])}[, each on both sides|]."
            ],
        )
    return Looked(
        ["one-sided:", *[face.line(au) for au in one]],
        [f"[The sides differ|They are not alike]: {clauses([face.words(au) for au in one])}[, on that side alone|]."],
    )


def moments(face: Face, _: Call) -> Looked:
    """Compare the beginning, the middle and the end of a clip."""
    if not face.clip:
        return Looked([PHOTO], [f"[{PHOTO}|A photo has nothing to compare over time.]"])
    strong = np.nan_to_num(face.series.intensity).max(2)  # [T, 24]
    times, total = face.series.times, strong.clip(ON, None).sum(1) - ON * strong.shape[1]
    liveliest = float(times[int(total.argmax())])
    facts, says = [f"most movement at {liveliest:.1f} s"], [f"[Most happens|The face moves most] at {liveliest:.1f} s."]
    for au in _by_onset(face)[:MOST]:
        facts.append(face.line(au))
        says.append(_when_sentence(face, au))
    return Looked(facts, says, fixed=True)  # long lists of numbers: every rewording of them was replaced


def at(face: Face, call: Call) -> Looked:
    """What is there at one moment of a clip: its start, middle, end, or a time in seconds. Given as looked up: a movement's
    strength then is not its strength at its peak, which is what the check of a rewording would hold it to."""
    if not face.clip:
        return Looked([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"])
    times = face.series.times
    begin, last = float(times[0]), float(times[-1])
    asked = {"start": begin, "middle": (begin + last) / 2, "end": last}.get(call.word, call.time or 0.0)
    if not begin <= asked <= last:
        length = f"from {begin:.1f} s to {last:.1f} s"
        return Looked([f"clip {length}"], [f"The clip goes {length} only."], fixed=True)
    k = int(np.abs(times - asked).argmin())
    level = np.nan_to_num(face.series.intensity[k]).max(1)  # [24], the stronger side
    on = sorted((au for au in face.units("on") if level[au_index(au)] >= ON), key=lambda au: -level[au_index(au)])
    if not np.isfinite(face.series.intensity[k]).any():
        says = f"At {times[k]:.1f} s nothing could be measured."
    elif not on:
        says = f"At {times[k]:.1f} s no measured movement is there."
    else:
        words = [f"{moved(au, face.facts.side(au))} ({au}, {level[au_index(au)]:.1f})" for au in on[:MOST]]
        says = f"At {times[k]:.1f} s {clauses(words)}."
    return Looked([f"at {times[k]:.1f} s: {', '.join(on[:MOST]) or 'nothing'}"], [says], fixed=True)


def faces(face: Face, _: Call) -> Looked:
    if not face.others:
        return Looked(
            ["one face only"],
            [
                "[There is only one face here that could be measured|Only one face could be measured here]"
                ", [so there is nothing to compare|so no other can be compared]."
            ],
        )
    lines = [f"face {number}: commonly read as {gist}" for number, gist in face.others.items()]
    return Looked(
        [f"this is face {face.series.face_id}: commonly read as {face.gist}", *lines],
        [
            f"[This is face {face.series.face_id}, commonly read as {face.gist}|This one (face {face.series.face_id}) is "
            f"commonly read as {face.gist}].",
            f"Beside it: {listed([f'face {number} as {gist}' for number, gist in face.others.items()])}.",
            "[To compare a weaker movement, ask about each face by itself|Weaker movements are told of one face at a time].",
        ],
        fixed=True,
    )


def smile(face: Face, _: Call) -> Looked:
    """Is the smile a Duchenne smile, and what that can say. Given as looked up: its caution must not be left out."""
    lines = [face.line("AU06"), face.line("AU12")]
    cheeks, corners = face.facts.state("AU06"), face.facts.state("AU12")
    caution = (
        "[It does not tell what anybody feels|It is no sign of what is felt]: many people can make both movements at will."
    )
    if corners == "on":  # no yes or no: "is it genuine?" and "is it fake?" are both asked here
        fact, how = {
            "on": (
                "both parts of a Duchenne smile are there",
                f"The smile has both parts of the Duchenne pattern: {face.words('AU12')} and {face.words('AU06')}.",
            ),
            "off": (
                "a smile of the mouth alone, no Duchenne smile",
                f"The smile is without the cheeks: {face.words('AU12')}; {face.denied('AU06')}.",
            ),
            "unmeasured": (
                "a smile, the cheeks were not measured",
                f"The smile is there: {face.words('AU12')}; AU06 was not measured.",
            ),
            "unsure": (
                "a smile, the cheeks are not sure",
                f"The smile is there: {face.words('AU12')}; the cheek raiser (AU06) is only at "
                f"{face.facts.strength('AU06'):.1f}, between absent and there.",
            ),
        }[cheeks]
        return Looked([fact, *lines], [how, caution], fixed=True)
    if corners == "unmeasured":
        return Looked(["not measured", *lines], ["[I cannot say|That cannot be said]: AU12 was not measured here."])
    if corners == "unsure":
        return Looked(
            ["not sure", *lines],
            [
                f"[I cannot tell|That cannot be told]: the lip corner puller (AU12) is only at "
                f"{face.facts.strength('AU12'):.1f}, between absent and there."
            ],
        )
    return Looked(
        ["no smile is there", *lines], [f"[There is no smile to judge|No smile was measured]: {face.denied('AU12')}."]
    )


def unseen(face: Face, _: Call) -> Looked:
    hidden = face.units("unmeasured")
    if not hidden:
        return Looked(
            [f"all {len(AUS)} units were measured"],
            [
                f"[Nothing is missing: all {len(AUS)} action units were measured|"
                f"All {len(AUS)} action units could be measured] here."
            ],
        )
    names = [f"{au} {ACTION_UNITS[au].title}" for au in hidden]
    return Looked(
        [f"not measured: {', '.join(names)}"],
        [f"{listed(names)} {was(names)} not measured here.", "[I say nothing about them|Nothing can be said about them]."],
    )
