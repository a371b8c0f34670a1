"""Look-ups in the measurement of the whole face: what moves, what is at rest, what was not measured."""

from __future__ import annotations

import re

import numpy as np

from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUS, SIDES, au_index
from emollm.talk.terms.call import PARTS_OF_FACE, Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import begin_small, capitalise, clauses, join_words, unit_names, was_or_were

MOST = 6  # movements that one answer names
NAMED = 3  # movements that a short answer names
# Levels that a movement of one face differs by when only the light, size, compression or tilt of its picture changes: 0.54 or
# less in 9 of 10 (241 movements of 20 faces, 99 changed pictures; docs/talker.md).
ERROR = 0.5
SELDOM = 0.5  # share of the frames below which a part of the face counts as measured in few of them


def strongest_movement(face: Face, call: Call) -> Finding:
    on = face.units("on")
    if call.word:
        few = "" if len(on) >= int(call.word) else f" There {'is' if len(on) == 1 else 'are'} no more."
        told = f"Strongest first: {face.movement_words(on[:int(call.word)])}.{few}"
        return Finding([told], [told], fixed=True)
    ties = [au for au in on if f"{face.facts.strength(au):.1f}" == f"{face.facts.strength(on[0]):.1f}"]
    if len(ties) > 1:
        others = f"; {join_words(ties[NAMED:])}" if len(ties) > NAMED else ""
        return Finding(["equally strong", *map(face.line, ties)],
                       [f"Strongest: {face.words(ties[0])}.",
                        f"At the same level: {face.movement_words(ties[1:NAMED])}{others}."], fixed=True)
    facts = [f"strongest: {face.line(on[0])}", *([f"next: {face.line(on[1])}"] if len(on) > 1 else [])]
    says = [f"[The strongest movement|Strongest]: {face.words(on[0])}."]
    if len(on) > 1:
        says.append(
            f"[Next in strength is|The second strongest is] the {ACTION_UNITS[on[1]].title} ({on[1]}) at "
            f"{face.facts.strength(on[1]):.1f}."
        )
    return Finding(facts, says)


def weakest_movement(face: Face, _: Call) -> Finding:
    on = face.units("on")
    only = " [It is the only one that is there.|No other is there.]" if len(on) == 1 else ""
    return Finding(
        [f"weakest of {len(on)} that are there: {face.line(on[-1])}"],
        [f"[The weakest movement that is there|Weakest]: {face.words(on[-1])}.{only}"],
    )


def no_movement(face: Face) -> Finding:
    if not face.series.measured.any():
        return Finding(["nothing was measured"], ["No action unit could be measured here."])
    return Finding(["no movement is there"], ["[No measured movement stands out.|Nothing that was measured moves clearly.]"])


def rest(face: Face, _: Call) -> Finding:
    """Is the whole face at rest?"""
    on = face.units("on")
    more = f", [and {len(on) - NAMED} more|{len(on)} movements in all]" if len(on) > NAMED else ""
    return _movements_finding(face, NAMED, f"not at rest, {len(on)} movements", "The face is not at rest: {told}" + f"{more}.")


def movements(face: Face, call: Call) -> Finding:
    on = face.units("on")
    if call.least is not None:
        return _movements_from(face, call.least)
    if call.word == "muscle":
        listing = clauses([f"{face.words(au)}: {ACTION_UNITS[au].muscle}" for au in on[:MOST]])
        return Finding([*map(face.line, on[:MOST])], [f"What moves, with the muscle of each in FACS: {listing}."], fixed=True)
    others = join_words([f"{au} ({face.facts.strength(au):.1f})" for au in on[MOST:]])
    more = f" [There as well|Also there]: {others}." if others else ""
    pattern = "[|From the strongest to the weakest: ]{told}." + more
    return _movements_finding(face, MOST, f"movements, strongest first: {len(on)}", pattern)


def _movements_from(face: Face, least: float) -> Finding:
    """Movements at a level or more, and which are weaker."""
    on = face.units("on")
    kept = [au for au in on if face.facts.strength(au) >= least]
    letter = f" ({'ABCDE'[int(least) - 1]})" if least in (1, 2, 3, 4, 5) else ""
    weaker = join_words([f"{au} ({face.facts.strength(au):.1f})" for au in on if au not in kept])
    rest = f"Weaker: {weaker}." if weaker else "None that is there is weaker."
    told = f"At {least:g}{letter} or more: {face.movement_words(kept)}." if kept else f"None reaches {least:g}{letter}."
    return Finding([told, *map(face.line, on)], [told, rest], fixed=True)


def _movements_finding(face: Face, most: int, fact: str, pattern: str) -> Finding:
    """The strongest movements, at most so many. pattern: what is said, with {told} for them."""
    on = face.units("on")[:most]
    return Finding([fact, *map(face.line, on)], [pattern.replace("{told}", face.movement_words(on))], fixed=True)


def resting_parts(face: Face, _: Call) -> Finding:
    """Parts of the face at rest, and the units that are absent or unmeasured."""
    off, unseen = face.units("off"), face.units("unmeasured")
    parts = [
        name
        for name, units in PARTS_OF_FACE.items()
        if name not in ("upper", "lower") and all(face.facts.state(au) == "off" for au in units)
    ]
    facts, says = [], []
    if parts:
        facts.append(f"at rest: {', '.join(parts)}")
        says.append(f"At rest: the {join_words(parts)}.")
    if off:
        facts.append(f"absent: {', '.join(off)}")
        says.append(f"There is no {join_words(off, 'or')}.")
    if unseen:
        facts.append(f"not measured: {', '.join(unseen)}")
        says.append(f"{unit_names(unseen)} {was_or_were(unseen)} not measured.")
    if not facts:
        return Finding(["nothing is clearly at rest"], ["Nothing here is clearly at rest."])
    return Finding(facts, says, fixed=True)


def part(face: Face, call: Call) -> Finding:
    units = PARTS_OF_FACE[call.word]
    on = [au for au in face.units("on") if au in units]
    name = {"upper": "upper half", "lower": "lower half"}.get(call.word, call.word)
    be = "are" if name.endswith("s") else "is"
    if on:
        return Finding(
            [f"{name}: {len(on)} movements", *map(face.line, on)],
            [f"[{'In' if call.word in ('upper', 'lower') else 'At'} the {name}|About the {name}]: "
             f"{face.movement_words(on)}."],
        )
    tellable = face.facts.tellable_units(units)
    unseen = [au for au in tellable if face.facts.state(au) == "unmeasured"]
    unsure = [au for au in units if face.facts.state(au) == "unsure"]
    if len(unseen) == len(tellable):
        return Finding([f"{name}: not measured"], [f"The {name} {be} not measured here, so I cannot say what happens there."])
    hidden = [f"not measured: {', '.join(unseen)}"] if unseen else []
    and_hidden = f"; {unit_names(unseen)} {was_or_were(unseen)} not measured" if unseen else ""
    if unsure:
        off = [au for au in tellable if face.facts.state(au) == "off"]
        named = unit_names(off) if len(off) <= NAMED else "the others that were measured"
        absent = f"; {named} {'is' if len(off) == 1 else 'are'} absent" if off else ""
        weak = join_words([f"{unit_names([au])} is only at {face.facts.strength(au):.1f}" for au in unsure])
        return Finding(
            [f"{name}: nothing clearly there", *map(face.line, unsure), *hidden],
            [f"[At the {name} nothing is clear|Nothing is clear at the {name}]: {weak}, [too little|which is too weak] to "
             f"decide{absent}{and_hidden}."],
            fixed=bool(off or unseen),
        )
    if unseen:
        return Finding(
            [f"{name}: no movement", *hidden],
            [f"[Nothing that is measured at the {name} moves|There is no measured movement at the {name}]{and_hidden}."],
            fixed=True,  # worded anew, a part of which one unit is unmeasured became an unmeasured part
        )
    return Finding([f"{name}: no movement"], [f"The {name} {be} at rest[, as far as was measured|]."])


# Parts that share no unit; the cheeks go with the eyes and the chin with the mouth.
_REGIONS = {"brows": PARTS_OF_FACE["brows"], "eyes": PARTS_OF_FACE["eyes"], "nose": PARTS_OF_FACE["nose"],
            "mouth": tuple(dict.fromkeys((*PARTS_OF_FACE["mouth"], *PARTS_OF_FACE["chin"])))}


def regions(face: Face, _: Call) -> Finding:
    """Which part of the face moves most, by its strongest movement; blinks, which are in every clip, aside."""
    on = [au for au in face.worth_telling() if au != "AU45" or face.units("on") == ["AU45"]]
    own = {name: [au for au in on if au in units] for name, units in _REGIONS.items()}
    moving = sorted((name for name in own if own[name]), key=lambda name: -face.facts.strength(own[name][0]))
    if not moving:
        return no_movement(face)
    most = face.facts.strength(own[moving[0]][0])
    first = [name for name in moving if most - face.facts.strength(own[name][0]) <= ERROR]
    told = clauses([f"at the {name}: {face.movement_words(own[name][:1])}{_more_words(len(own[name]) - 1)}" for name in moving])
    one = f"The {first[0]} {'move' if first[0].endswith('s') else 'moves'} most"
    opening = one if len(first) == 1 else f"The {join_words(first)} move about as strongly"
    still = [name for name in own if not own[name]]
    rest = [f"Nothing is clear at the {join_words(still)}."] if still else []
    return Finding([opening, *map(face.line, on[:MOST])], [f"{opening}.", f"{capitalise(told)}.", *rest],
                   fixed=True)


def _more_words(more: int) -> str:
    return f" and {more} more" if more else ""


def count(face: Face, _: Call) -> Finding:
    on = face.units("on")
    noun, be = ("movement", "is") if len(on) == 1 else ("movements", "are")
    return Finding(
        [f"{len(on)} movements", *map(face.line, on[:MOST])],
        [
            f"There {be} {len(on)} {noun}: "
            f"{join_words([f'{ACTION_UNITS[au].title} ({au}, {face.facts.strength(au):.1f})' for au in on])}."
        ],
        fixed=True,
    )


def smile(face: Face, _: Call) -> Finding:
    """Is the smile a Duchenne smile, and what that can say. Given as looked up: its caution must not be left out."""
    lines = [face.line("AU06"), face.line("AU12")]
    cheeks, corners = face.facts.state("AU06"), face.facts.state("AU12")
    caution = (
        "[It does not tell what anybody feels|It is no sign of what is felt]: many people can make both movements at will."
    )
    if face.clip and corners == cheeks == "on" and not face.are_simultaneous("AU06", "AU12"):
        return Finding(
            ["no Duchenne smile: not at the same time", *lines],
            [f"The mouth corners and the cheeks are raised at different times: {face.movement_words(['AU12', 'AU06'])}.",
             "A Duchenne smile has both at once.", caution],
            fixed=True,
        )
    if corners == "on":  # no yes or no: "is it genuine?" and "is it fake?" are both asked here
        fact, how = _smile_kind(face, cheeks)
        return Finding([fact, *lines], [how, caution], fixed=True)
    if corners == "unmeasured":
        return Finding(["not measured", *lines], ["[I cannot say|That cannot be said]: AU12 was not measured here."])
    if corners == "unsure":
        return Finding(
            ["not sure", *lines],
            [
                f"[I cannot tell|That cannot be told]: the lip corner puller (AU12) is only at "
                f"{face.facts.strength('AU12'):.1f}, between absent and there."
            ],
        )
    return Finding(
        ["no smile is there", *lines], [f"[There is no smile to judge|No smile was measured]: {face.denial_words('AU12')}."]
    )


def _smile_kind(face: Face, cheeks: str) -> tuple[str, str]:
    """What a smile is with the cheeks in this state: as a fact and as a sentence."""
    corners = face.words("AU12")
    if cheeks == "on":
        how = f"The smile has both parts of the Duchenne pattern: {corners} and {face.words('AU06')}."
        return "both parts of a Duchenne smile are there", how
    if cheeks == "off":
        how = f"The smile is without the cheeks: {corners}; {face.denial_words('AU06')}."
        return "a smile of the mouth alone, no Duchenne smile", how
    if cheeks == "unmeasured":
        return "a smile, the cheeks were not measured", f"The smile is there: {corners}; AU06 was not measured."
    how = (f"The smile is there: {corners}; the cheek raiser (AU06) is only at "
           f"{face.facts.strength('AU06'):.1f}, between absent and there.")
    return "a smile, the cheeks are not sure", how


def unmeasured_units(face: Face, _: Call) -> Finding:
    hidden, partly = face.units("unmeasured"), _hidden_parts(face)
    if not hidden:
        return Finding(
            [f"all {len(AUS)} units were measured", *partly],
            [
                f"[Nothing is missing: all {len(AUS)} action units were measured|"
                f"All {len(AUS)} action units could be measured] here{', but not throughout' if partly else ''}.",
                *partly,
            ],
            fixed=bool(partly),
        )
    return Finding(
        [f"not measured: {', '.join(f'{au} {ACTION_UNITS[au].title}' for au in hidden)}", *partly],
        [
            f"{unit_names(hidden)} {was_or_were(hidden)} not measured here.",
            *partly,
            *(["A blink takes a clip."] if "AU45" in hidden and not face.clip else []),
            *(["[The others|All others] were measured."] if len(hidden) < len(AUS) else []),
        ],
        fixed=True,
    )


def hidden_here(face: Face) -> str:
    """What could not be measured of this face, as a sentence, beside the units that are measured of none."""
    never = {au for au in face.units("unmeasured") if not face.series.measured[au_index(au)]}
    hidden = [au for au in face.units("unmeasured") if au not in never and (face.clip or au != "AU45")]
    if partly := _hidden_parts(face):
        return f"Here: {' '.join(map(begin_small, partly))}"
    if hidden:
        return f"Here {unit_names(hidden)} {was_or_were(hidden)} not measured."
    return "Here no part of the face is told as hidden: all that is measured of a face was."


def _spans_where(frames: np.ndarray, times: np.ndarray) -> list[str]:
    """From when to when something is so: the first stretches of frames [T]."""
    edges = np.flatnonzero(np.diff(np.r_[False, frames, False].astype(int))).reshape(-1, 2)
    return [f"from {times[a]:.1f} s to {times[b - 1]:.1f} s" for a, b in edges][:NAMED]


def with_seldom_measured(face: Face, call: Call, looked: Finding) -> Finding:
    """What was looked up, and that a part of the face which it is about was measured in few frames only; first of all where
    that part was asked about."""
    asked = [au for movement in call.subjects for au in movement]
    named = asked or re.findall(r"\bAU\d\d\b", looked.answer())
    seen = {au: np.isfinite(face.series.intensity[:, au_index(au)]).any(1)
            for au in named if face.facts.state(au) != "unmeasured"}
    seldom = {au: frames for au, frames in seen.items() if frames.mean() < SELDOM}
    if looked.whole or not seldom or (asked and len(seldom) < len(seen)):
        return looked
    part = next((f"the {name}" for name in ("mouth", *PARTS_OF_FACE) if {*seldom} <= {*PARTS_OF_FACE[name]}),
                join_words(list(seldom)))
    frames = np.any(list(seldom.values()), 0)
    when = join_words(_spans_where(frames, face.series.times))
    note = f"{capitalise(part)} {'were' if part.endswith('s') or ' and ' in part else 'was'} measured in " \
           f"{100 * frames.mean():.0f} % of the frames only, {when}."
    return Finding([note, *looked.facts], [note, *looked.says] if asked else [*looked.says, note], fixed=True)


def _hidden_parts(face: Face) -> list[str]:
    """Sentences about parts of the face that were measured only some of the time, or on one side alone."""
    level, times = face.series.intensity, face.series.times  # [T, 24, 2]
    parts: dict[str, list[str]] = {}  # when or where something was not measured -> the parts of which that is true
    for name, of_part in PARTS_OF_FACE.items():
        units = [au_index(au) for au in of_part if np.isfinite(level[:, au_index(au)]).any()]
        if name in ("upper", "lower") or not units:
            continue
        spans = _spans_where(~np.isfinite(level[:, units]).any((1, 2)), times)
        if spans:
            parts.setdefault(join_words(spans), []).append(f"the {name}")
        for side, other in ((0, 1), (1, 0)):
            if not np.isfinite(level[:, units, side]).any() and np.isfinite(level[:, units, other]).any():
                parts.setdefault(f"on the {SIDES[side]} side", []).append(f"the {name}")
    single = {where for where, names in parts.items() if len(names) == 1 and not names[0].endswith("s")}
    return [f"{capitalise(join_words(names))} {'was' if where in single else 'were'} not measured {where}."
            for where, names in parts.items()]
