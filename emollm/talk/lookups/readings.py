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
from emollm.talk.lookups.coding import agreement, unit_certainty
from emollm.talk.lookups.whole_face import NAMED
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import join_words, say, unit_names, was_or_were

NONE = "0.00"  # a share too small to be worth naming


def label(face: Face, _: Call) -> Finding:
    first, second = face.ranked_labels[:2]
    says = [
        f"[This face is commonly read as|It is commonly read as|Most people would read it as] {first} ({face.share(first)})."
    ]
    if is_close(face.distribution):
        says.append(f"{second} [is close behind|comes close] at {face.share(second)}.")
    return Finding([f"reading: {first} {face.share(first)}, then {second} {face.share(second)}"], says)


def label_check(face: Face, call: Call) -> Finding:
    first, asked = face.label, call.label
    facts = [
        f"{'yes' if asked == first else 'no'}: read as {first} {face.share(first)}",
        *([] if asked == first else [f"{asked} {face.share(asked)}"]),
    ]
    if asked == first:
        second = face.ranked_labels[1]
        close = is_close(face.distribution)
        unsure = f"[but|though] {second} [is close|follows closely] with {face.share(second)}" if close else ""
        return Finding(
            facts,
            [
                f"Yes[:|,] [this face is commonly read as|it is commonly read as] {first} ({face.share(first)})"
                f"{f', {unsure}' if unsure else ''}."
            ],
        )
    return Finding(
        facts,
        [
            f"[No|Not first of all|Rather not][:|,] [this face is|it is] commonly read as {first} ({face.share(first)}); "
            f"{asked} [gets|has] {face.share(asked)}."
        ],
    )


def label_reasons(face: Face, call: Call) -> Finding:
    """Why this reading: what the tables list for it and is there, what speaks against it, and what comes next."""
    if call.label and call.label != face.label:
        return label_objections(face, call)
    first, second = face.ranked_labels[:2]
    grounds = support(first, second, face.series, bool(face.look))
    facts = [
        f"reading: {first} {face.share(first)}, then {second} {face.share(second)}",
        *[f"for {first}: {face.line(entry.au)}" for entry in grounds.supporting[:NAMED]],
    ]
    says = [f"[This face is commonly read as|It is commonly read as|The common reading is] {first} ({face.share(first)})."]
    if grounds.supporting:
        says.append(
            f"[Listed for {first} and there|What speaks for {first}]: "
            f"{face.movement_words([entry.au for entry in grounds.supporting[:NAMED]])}."
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
    return Finding(facts, says, fixed=bool(grounds.opposing))  # rewordings told what is against a label as for it


def label_shares(face: Face, _: Call) -> Finding:
    """What every label gets, the likeliest first."""
    named = [label for label in face.ranked_labels if face.share(label) != NONE]
    rest = face.ranked_labels[len(named):]
    little = f"; {join_words(rest)} {'has' if len(rest) == 1 else 'have'} less than 0.01{' each' if len(rest) > 1 else ''}"
    told = f"{'; '.join(f'{label} {face.share(label)}' for label in named)}{little if rest else ''}"
    return Finding([told], [f"[Of all eight labels|All eight labels]: {told}."], fixed=True)


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


def _nearest_listing(face: Face, name: str) -> Variant | None:
    """The listing of a label that most of the movements here bear out; None for neutral."""
    listings = [v for v in VARIANTS if v.label == name and v.aus]

    def score(v: Variant) -> tuple:
        there = sum(face.facts.state(au) == "on" for au in v.aus)
        missing = sum(face.facts.state(au) == "off" for au in v.aus)
        return there - missing, there, len(v.aus)

    return max(listings, key=score, default=None)


def _most_listed(name: str) -> list[str]:
    """The two units that most listings of a label name."""
    listed = [au for v in VARIANTS if v.label == name for au in v.aus]
    return sorted(set(listed), key=lambda au: (-listed.count(au), au))[:2]


def _absent_units(face: Face, name: str) -> list[str]:
    """Absent units of all listings of a label, those that most of them name first."""
    listed = [au for v in VARIANTS if v.label == name for au in v.aus]
    absent = {au for au in listed if face.facts.state(au) == "off"}
    return sorted(absent, key=lambda au: (-listed.count(au), au))[:NAMED]


def label_objections(face: Face, call: Call) -> Finding:
    asked, first = call.label, face.label
    if asked == first:
        reasons = label_reasons(face, Call("why"))
        opposed = support(*face.ranked_labels[:2], face.series, bool(face.look)).opposing
        return Finding(
            [f"it is read as {first}", *reasons.facts],
            [f"[But it is|In fact it is] read as {first} ({face.share(first)}).", *reasons.says[1:],
             *([] if opposed else ["No measured movement speaks against it."])],
            fixed=True,
        )
    rank = face.ranked_labels.index(asked) + 1
    facts = [f"{asked}: {face.share(asked)}, place {rank} of {len(LABELS)}", f"read as {first} {face.share(first)}"]
    says = [f"It is read as {first} ({face.share(first)}); {asked} [has|gets] {face.share(asked)}."]
    variant = _nearest_listing(face, asked)
    if variant:
        missing = [au for au in variant.aus if face.facts.state(au) == "off"][:NAMED]
        there = [au for au in variant.aus if face.facts.state(au) == "on"][:NAMED]
        open_ = [au for au in _most_listed(asked) if au not in missing and face.facts.state(au) in ("unsure", "unmeasured")]
        if missing:
            facts += [f"listed for {asked}, missing: {face.line(au)}" for au in missing]
            says.append(
                f"[For {asked} something is missing|Missing for {asked}]: {join_words([unit_title(au) for au in missing])} "
                f"{'is' if len(missing) == 1 else 'are'} absent."
            )
        if there:
            facts += [f"listed for {asked}, there: {face.line(au)}" for au in there]
            says.append(f"{join_words([unit_title(au, face) for au in there])} would fit {asked}.")
        facts += [face.line(au) for au in open_]
        says += [f"{unit_title(au, face)} is too weak to decide." if face.facts.state(au) == "unsure" else
                 f"{unit_title(au)} was not measured." for au in open_]
        elsewhere = [] if missing else _absent_units(face, asked)
        if elsewhere:
            facts += [f"listed for {asked} elsewhere, missing: {face.line(au)}" for au in elsewhere]
            says.append(f"Often listed for {asked}, but missing: {join_words([unit_title(au) for au in elsewhere])} "
                        f"{'is' if len(elsewhere) == 1 else 'are'} absent.")
    speaks = [au for au in face.units("on") if relation(first, au) == "for"]
    apart = [au for au in speaks if relation(asked, au) != "for"]  # what both are listed with tells nothing between them
    if apart:
        facts.append(f"for {first}: {face.line(apart[0])}")
        says.append(f"{unit_title(apart[0], face)} [speaks for|supports] {first}.")
    elif speaks:
        facts.append(f"for {first} as well: {face.line(speaks[0])}")
        says.append(f"{unit_title(speaks[0], face)} is listed for both.")
    elif variant is None and (on := face.units("on")):
        facts.append(f"moving: {face.line(on[0])}")
        says.append(f"[It is not at rest|A neutral face would be at rest]: {face.words(on[0])}.")
    return Finding(facts, says, fixed=True)  # units that are there beside units that are not: rewordings mixed them up


def own_coding(face: Face, call: Call) -> Finding:
    """What somebody coded beside what was measured: units, or a label beside the reading."""
    if not call.label:
        return agreement(face, call)
    first, asked = face.label, call.label
    opening = f"Agreed: it is read as {first} ({face.share(first)}) here as well." if asked == first else (
        f"Here it is read as {first} ({face.share(first)}); {asked} gets {face.share(asked)}, place "
        f"{face.ranked_labels.index(asked) + 1} of {len(LABELS)}.")
    limit = "A label is how movements are commonly read, so another one is not wrong by itself."
    fit = label_fit(face, call)
    return Finding([opening, *fit.facts], [opening, *fit.says, *([] if asked == first else [limit])], fixed=True)


def label_fit(face: Face, call: Call) -> Finding:
    """What the tables list for a label, as it is on this face: there, missing, undecided and not measured."""
    label = call.label
    if label == "neutral":
        on = face.units("on")
        moving = f"what moves speaks against it: {_levels(face, on)}" if on else "nothing moves"
        told = f"No table lists a movement for neutral; {moving}."
        return Finding([told, *map(face.line, on[:NAMED])], [told], fixed=True)
    listings = [set(v.aus) for v in VARIANTS if v.label == label and v.aus]
    listed = sorted(set().union(*listings), key=lambda au: (-sum(au in one for one in listings), au))
    by = {state: [au for au in listed if face.facts.state(au) == state] for state in ("on", "off", "unsure", "unmeasured")}
    says = [f"Of what is listed for {label}, there: {_levels(face, by['on'])}." if by["on"] else
            f"Nothing that is listed for {label} is there."]
    if by["off"]:
        says.append(f"Missing: there is no {join_words([unit_words(au) for au in by['off']], 'or')}.")
    if by["unsure"]:
        says.append(f"Too weak to decide: {_levels(face, by['unsure'])}.")
    if by["unmeasured"]:
        says.append(f"{unit_names(by['unmeasured'])} {was_or_were(by['unmeasured'])} not measured.")
    variant = _nearest_listing(face, label)
    there = sum(face.facts.state(au) == "on" for au in variant.aus)
    if there:
        says.append(f"The nearest listing is {'+'.join(str(int(au[2:])) for au in sorted(variant.aus))} ({variant.source}): "
                    f"{there} of its {len(variant.aus)}.")
    return Finding([*map(face.line, by["on"]), *says], says, fixed=True)


def unit_words(au: str) -> str:
    """ "AU17 chin raiser"."""
    return f"{au} {ACTION_UNITS[au].title}"


def _levels(face: Face, units: list[str]) -> str:
    return join_words([f"{unit_words(au)} ({face.facts.strength(au):.1f})" for au in units])


def unit_title(au: str, face: Face | None = None) -> str:
    """ "the brow lowerer (AU04, 2.1)"; without the strength when no face is given."""
    return f"the {ACTION_UNITS[au].title} ({au}{f', {face.facts.strength(au):.1f}' if face else ''})"


def certainty(face: Face, call: Call) -> Finding:
    """How sure the reading is, or the movements that are named."""
    return unit_certainty(face, call) if call.units else label_certainty(face, call)


def label_certainty(face: Face, _: Call) -> Finding:
    """How sure: the first label, the runner-up and the third."""
    first, second, third = face.ranked_labels[:3]
    gap = face.distribution[first] - face.distribution[second]
    how = "[far ahead|well ahead]" if gap >= 0.5 else "ahead" if gap >= CLOSE_MARGIN else "[only just ahead|a little ahead]"
    facts = [f"confidence: {first} {face.share(first)}, runner-up {second} {face.share(second)}, {say(None, how)}"]
    says = f"{first} [has|gets] {face.share(first)} and is {how}"
    if face.share(second) == NONE:
        return Finding(facts, [f"{says}; the runner-up, {second}, has less than 0.01.", *_conflict(face)])
    says += f"; [the runner-up is|next comes] {second} [with|at] {face.share(second)}"
    if face.share(third) != NONE:
        facts.append(f"third {third} {face.share(third)}")
        says += f", [then comes|third is] {third} [with|at] {face.share(third)}"
    return Finding(facts, [f"{says}.", *_conflict(face)])
