"""Look-ups in the reading: which label, why, why not another, and how sure."""

from __future__ import annotations

import numpy as np

from emollm.answer.support import support
from emollm.answer.witnesses import CONFLICT_SAID, conflict, movements
from emollm.explanation import CLOSE_MARGIN, is_close
from emollm.facs.readings import relation
from emollm.facs.tables import VARIANTS, Variant
from emollm.facs.units import ACTION_UNITS
from emollm.schema import LABELS
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked
from emollm.talk.measured import NAMED
from emollm.talk.words import listed, say

NONE = "0.00"  # a share too small to be worth naming


def label(face: Face, _: Call) -> Looked:
    first, second = face.ranked[:2]
    says = [
        f"[This face is commonly read as|It is commonly read as|Most people would read it as] {first} ({face.share(first)})."
    ]
    if is_close(face.distribution):
        says.append(f"{second} [is close behind|comes close] at {face.share(second)}.")
    return Looked([f"reading: {first} {face.share(first)}, then {second} {face.share(second)}"], says)


def is_(face: Face, call: Call) -> Looked:
    first, asked = face.label, call.label
    facts = [
        f"{'yes' if asked == first else 'no'}: read as {first} {face.share(first)}",
        *([] if asked == first else [f"{asked} {face.share(asked)}"]),
    ]
    if asked == first:
        second = face.ranked[1]
        close = is_close(face.distribution)
        unsure = f"[but|though] {second} [is close|follows closely] with {face.share(second)}" if close else ""
        return Looked(
            facts,
            [
                f"Yes[:|,] [this face is commonly read as|it is commonly read as] {first} ({face.share(first)})"
                f"{f', {unsure}' if unsure else ''}."
            ],
        )
    return Looked(
        facts,
        [
            f"[No|Not first of all|Rather not][:|,] [this face is|it is] commonly read as {first} ({face.share(first)}); "
            f"{asked} [gets|has] {face.share(asked)}."
        ],
    )


def why(face: Face, call: Call) -> Looked:
    """Why this reading: what the tables list for it and is there, what speaks against it, and what comes next."""
    if call.label and call.label != face.label:
        return whynot(face, call)
    first, second = face.ranked[:2]
    grounds = support(first, second, face.series, bool(face.look))
    facts = [
        f"reading: {first} {face.share(first)}, then {second} {face.share(second)}",
        *[f"for {first}: {face.line(entry.au)}" for entry in grounds.supporting[:NAMED]],
    ]
    says = [f"[This face is commonly read as|It is commonly read as|The common reading is] {first} ({face.share(first)})."]
    if grounds.supporting:
        says.append(
            f"[Listed for {first} and there|What speaks for {first}]: "
            f"{face.told([entry.au for entry in grounds.supporting[:NAMED]])}."
        )
    else:
        rests = "the overall look" if face.look else "what is missing"
        facts.append(f"no movement listed for {first} is there; the reading rests on {rests}")
        says.append(
            f"None of the movements listed for {first} is [there|here]; the reading rests on {rests}."
            if first != "neutral"
            else f"[No table lists a movement for neutral|For neutral nothing is listed]; the reading rests on {rests}."
        )
    if grounds.opposing:
        entry = grounds.opposing[0]
        for_ = f", listed for {entry.label}" if entry.label else ""
        facts.append(f"against: {face.line(entry.au)}{for_}")
        says.append(
            f"[Against it|What speaks against it]: the {ACTION_UNITS[entry.au].title} ({entry.au}, {entry.strength:.1f}){for_}."
        )
    says += _conflict(face)
    if face.share(second) != NONE:
        says.append(f"[Next comes|The nearest alternative is] {second} ({face.share(second)}).")
    return Looked(facts, says, fixed=bool(grounds.opposing))  # rewordings told what is against a label as for it


def _conflict(face: Face) -> list[str]:
    """A sentence where look and movements disagree."""
    if not face.look:
        return []
    distribution = movements(face.series, None, True).given
    look = [face.look[name] for name in LABELS]
    if conflict(np.array(look), distribution) < CONFLICT_SAID:
        return []
    fits, seems = LABELS[int(distribution.argmax())], max(face.look, key=face.look.get)
    return [
        f"If [only the movements counted|the movements alone counted], it would be read as {fits}; the overall look "
        f"[says|is] {seems}."
    ]


def _nearest(face: Face, name: str) -> Variant | None:
    """The listing of a label that most of the movements here bear out; None for neutral."""
    listings = [v for v in VARIANTS if v.label == name and v.aus]

    def score(v: Variant) -> tuple:
        there = sum(face.facts.state(au) == "on" for au in v.aus)
        missing = sum(face.facts.state(au) == "off" for au in v.aus)
        return there - missing, there, len(v.aus)

    return max(listings, key=score, default=None)


def whynot(face: Face, call: Call) -> Looked:
    asked, first = call.label, face.label
    if asked == first:
        reasons = why(face, Call("why"))
        return Looked(
            [f"it is read as {first}", *reasons.facts],
            [f"[But it is|In fact it is] read as {first} ({face.share(first)}).", *reasons.says[1:]],
            fixed=reasons.fixed,
        )
    rank = face.ranked.index(asked) + 1
    facts = [f"{asked}: {face.share(asked)}, place {rank} of {len(LABELS)}", f"read as {first} {face.share(first)}"]
    says = [f"It is read as {first} ({face.share(first)}); {asked} [has|gets] {face.share(asked)}."]
    variant = _nearest(face, asked)
    if variant:
        missing = [au for au in variant.aus if face.facts.state(au) == "off"][:NAMED]
        there = [au for au in variant.aus if face.facts.state(au) == "on"][:NAMED]
        if missing:
            facts += [f"listed for {asked}, missing: {face.line(au)}" for au in missing]
            says.append(
                f"[For {asked} something is missing|Missing for {asked}]: {listed([titled(au) for au in missing])} "
                f"{'is' if len(missing) == 1 else 'are'} absent."
            )
        if there:
            facts += [f"listed for {asked}, there: {face.line(au)}" for au in there]
            says.append(f"{listed([titled(au, face) for au in there])} would fit {asked}.")
    speaks = [au for au in face.units("on") if relation(first, au) == "for"]
    apart = [au for au in speaks if relation(asked, au) != "for"]  # what both are listed with tells nothing between them
    if apart:
        facts.append(f"for {first}: {face.line(apart[0])}")
        says.append(f"{titled(apart[0], face)} [speaks for|supports] {first}.")
    elif speaks:
        facts.append(f"for {first} as well: {face.line(speaks[0])}")
        says.append(f"{titled(speaks[0], face)} is listed for {first} as well.")
    elif variant is None and (on := face.units("on")):
        facts.append(f"moving: {face.line(on[0])}")
        says.append(f"[It is not at rest|A neutral face would be at rest]: {face.words(on[0])}.")
    return Looked(facts, says, fixed=True)  # units that are there beside units that are not: rewordings mixed them up


def titled(au: str, face: Face | None = None) -> str:
    """ "the brow lowerer (AU04, 2.1)"; without the strength when no face is given."""
    return f"the {ACTION_UNITS[au].title} ({au}{f', {face.facts.strength(au):.1f}' if face else ''})"


def sure(face: Face, _: Call) -> Looked:
    """How sure: the first label, the runner-up and the third."""
    first, second, third = face.ranked[:3]
    gap = face.distribution[first] - face.distribution[second]
    how = "[far ahead|well ahead]" if gap >= 0.5 else "ahead" if gap >= CLOSE_MARGIN else "[only just ahead|a little ahead]"
    facts = [f"confidence: {first} {face.share(first)}, runner-up {second} {face.share(second)}, {say(None, how)}"]
    says = f"{first} [has|gets] {face.share(first)} and is {how}"
    if face.share(second) == NONE:
        return Looked(facts, [f"{says}; the runner-up, {second}, has less than 0.01.", *_conflict(face)])
    says += f"; [the runner-up is|next comes] {second} [with|at] {face.share(second)}"
    if face.share(third) != NONE:
        facts.append(f"third {third} {face.share(third)}")
        says += f", [then comes|third is] {third} [with|at] {face.share(third)}"
    return Looked(facts, [f"{says}.", *_conflict(face)])
