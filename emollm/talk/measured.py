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


def there(face: Face, call: Call) -> Looked:
    """Is every movement asked about there (one unit of each set), on the side asked about?"""
    return _yes_or_no(face, call, yes="yes", no="no")


def absent(face: Face, call: Call) -> Looked:
    """Is none of these there?"""
    return _yes_or_no(face, call, yes="no", no="yes")


def _yes_or_no(face: Face, call: Call, yes: str, no: str) -> Looked:
    """yes: the state of every movement for which the answer is yes; no: the state of any for which it is no."""
    states = [_state(face, units, call.side) for units in call.units]
    verdict = (
        "no" if no in states else "yes" if set(states) == {yes} else "not measured" if "not measured" in states else "not sure"
    )
    said = clauses([_state_words(face, units, state, call.side) for units, state in zip(call.units, states, strict=True)])
    begin = {"yes": "Yes[:|.|,]", "no": "No[:|.|,]"}.get(verdict, "[I cannot tell|That cannot be told|I cannot say]:")
    return Looked([verdict, *_lines(face, call)], [f"{begin} {said}."])


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


def _state_words(face: Face, units: tuple[str, ...], state: str, side: str) -> str:
    units = face.facts.told(units)
    on = [au for au in units if face.facts.state(au) == "on"]
    if on:
        only = [
            f"{face.words(au)}{', [only on that side|on that side alone]' * (bool(side) and face.facts.side(au) != 'both')}"
            for au in on
        ]
        return clauses(only)
    unsure = [au for au in units if face.facts.state(au) == "unsure"]
    if state == "not sure":
        return listed(
            [
                f"the {ACTION_UNITS[au].title} ({au}) is at {face.facts.strength(au):.1f}, between absent and there"
                for au in unsure
            ]
        )
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
    says = [f"[The strongest movement is|Strongest is] the {ACTION_UNITS[on[0]].title}: {face.words(on[0])}."]
    if len(on) > 1:
        says.append(
            f"[Next in strength is|The second strongest is] the {ACTION_UNITS[on[1]].title} ({on[1]}) at "
            f"{face.facts.strength(on[1]):.1f}."
        )
    return Looked(facts, says)


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
        says.append(f"[At rest: the|At rest are the] {listed(parts)}.")
    if off:
        facts.append(f"absent: {', '.join(off)}")
        says.append(f"There is no {listed(off, 'or')}.")
    if unseen:
        facts.append(f"not measured: {', '.join(unseen)}")
        says.append(f"{listed(unseen)} {was(unseen)} not measured.")
    return Looked(facts, says) if facts else Looked(["nothing is clearly at rest"], ["Nothing here is clearly at rest."])


def part(face: Face, call: Call) -> Looked:
    units = [f"AU{k:02d}" for k in PARTS_OF_FACE[call.word]]
    on = [au for au in face.units("on") if au in units]
    name = {"upper": "upper half", "lower": "lower half"}.get(call.word, call.word)
    be = "are" if name.endswith("s") else "is"
    if on:
        return Looked(
            [f"{name}: {len(on)} movements", *[face.line(au) for au in on]],
            [f"[In the {name}|At the {name}|About the {name}]: {clauses([face.words(au) for au in on])}."],
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
            [f"What was measured of the {name} is at rest; {listed(unseen)} {was(unseen)} not measured."],
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
        [f"[The clip is {length:.1f} s long.|Over {length:.1f} s:]", *[_when_sentence(face, au) for au in kept]],
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
    return Looked(facts, says)


def faces(face: Face, _: Call) -> Looked:
    if not face.others:
        return Looked(
            ["one face only"],
            [
                "[There is only one face here that could be measured|Only one face could be measured here]"
                ", [so there is nothing to compare|so no other can be compared]."
            ],
        )
    lines = [f"face {number}: commonly read as {label}" for number, label in face.others.items()]
    return Looked(
        [f"this is face {face.series.face_id}: commonly read as {face.label}", *lines],
        [
            f"[This is face {face.series.face_id}, commonly read as {face.label}|This one (face {face.series.face_id}) is "
            f"commonly read as {face.label}].",
            f"Beside it: {listed([f'face {number} as {label}' for number, label in face.others.items()])}.",
        ],
    )


def smile(face: Face, _: Call) -> Looked:
    """Is the smile a Duchenne smile, and what that can say."""
    lines = [face.line("AU06"), face.line("AU12")]
    cheeks, corners = face.facts.state("AU06"), face.facts.state("AU12")
    caution = (
        "[It does not tell what anybody feels|It is no sign of what is felt]: many people can make both movements at will."
    )
    if corners == "on":  # no yes or no: "is she smiling?" and "is it genuine?" are both asked here
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
        return Looked([fact, *lines], [how, caution])
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
