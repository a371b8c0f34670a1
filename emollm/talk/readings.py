"""Look-ups in the reading: which label, why, why not another, how sure, and what would change it."""

from __future__ import annotations

import json

import numpy as np

from emollm.answer.support import support
from emollm.answer.witnesses import CONFLICT_SAID, conflict, movements
from emollm.explanation import CLOSE_MARGIN
from emollm.facs.affect import affect
from emollm.facs.readings import LEVELS, level_word, relation
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS, VARIANTS, Combination, Variant
from emollm.facs.units import ACTION_UNITS
from emollm.schema import LABELS
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked
from emollm.talk.measured import MOST
from emollm.talk.words import capitalised, clauses, listed, moved, say

SET_TO = 3.0  # level of a movement that is added to see what would change the reading
NAMED = 3
NONE = "0.00"  # a share too small to be worth naming


def label(face: Face, _: Call) -> Looked:
    first, second = face.ranked[:2]
    says = [f"[This face is commonly read as|It is commonly read as|Most people would read it as] {first} ({_p(face, first)})."]
    if _close(face):
        says.append(f"{second} [is close behind|comes close] at {_p(face, second)}.")
    return Looked([f"reading: {first} {_p(face, first)}, then {second} {_p(face, second)}"], says)


def _p(face: Face, name: str) -> str:
    return f"{face.distribution[name]:.2f}"


def _close(face: Face) -> bool:
    return face.distribution[face.ranked[0]] - face.distribution[face.ranked[1]] < CLOSE_MARGIN


def is_(face: Face, call: Call) -> Looked:
    first, asked = face.label, call.label
    facts = [
        f"{'yes' if asked == first else 'no'}: read as {first} {_p(face, first)}",
        *([] if asked == first else [f"{asked} {_p(face, asked)}"]),
    ]
    if asked == first:
        unsure = (
            f"[but|though] {face.ranked[1]} [is close|follows closely] with {_p(face, face.ranked[1])}" if _close(face) else ""
        )
        return Looked(
            facts,
            [
                f"Yes[:|,] [this face is commonly read as|it is commonly read as] {first} ({_p(face, first)})"
                f"{f', {unsure}' if unsure else ''}."
            ],
        )
    return Looked(
        facts,
        [
            f"[No|Not first of all|Rather not][:|,] [this face is|it is] commonly read as {first} ({_p(face, first)}); "
            f"{asked} [gets|has] {_p(face, asked)}."
        ],
    )


def other(face: Face, _: Call) -> Looked:
    """Is it bored, proud, confused, ...: a word that is none of the labels."""
    return Looked(
        [f"none of the {len(LABELS)} labels", f"read as {face.label} {_p(face, face.label)}"],
        [
            f"[That word is none of the {len(LABELS)} labels I read|I have no label for that among my {len(LABELS)}], so I "
            f"cannot say; this face is commonly read as {face.label} ({_p(face, face.label)})."
        ],
        fixed=True,
    )


def why(face: Face, call: Call) -> Looked:
    """Why this reading: what the tables list for it and is there, what speaks against it, and what comes next."""
    if call.label and call.label != face.label:
        return whynot(face, call)
    first, second = face.ranked[:2]
    found = support(first, second, face.series, bool(face.look))
    facts = [
        f"reading: {first} {_p(face, first)}, then {second} {_p(face, second)}",
        *[f"for {first}: {face.line(one.au)}" for one in found.supporting[:NAMED]],
    ]
    says = [f"[This face is commonly read as|It is commonly read as|The common reading is] {first} ({_p(face, first)})."]
    if found.supporting:
        says.append(
            f"[Listed for {first} and there|What speaks for {first}]: "
            f"{clauses([face.words(one.au) for one in found.supporting[:NAMED]])}."
        )
    else:
        rests = "the overall look" if face.look else "what is missing"
        facts.append(f"no movement listed for {first} is there; the reading rests on {rests}")
        says.append(
            f"None of the movements listed for {first} is [there|here]; the reading rests on {rests}."
            if first != "neutral"
            else f"[No table lists a movement for neutral|For neutral nothing is listed]; the reading rests on {rests}."
        )
    if found.opposing:
        one = found.opposing[0]
        for_ = f", listed for {one.label}" if one.label else ""
        facts.append(f"against: {face.line(one.au)}{for_}")
        says.append(
            f"[Against it|What speaks against it]: the {ACTION_UNITS[one.au].title} ({one.au}, {one.strength:.1f}){for_}."
        )
    says += _conflict(face)
    if _p(face, second) != NONE:
        says.append(f"[Next comes|The nearest alternative is] {second} ({_p(face, second)}).")
    return Looked(facts, says)


def _conflict(face: Face) -> list[str]:
    """A sentence where look and movements disagree."""
    if not face.look:
        return []
    said = movements(face.series, None, True).given
    look = [face.look[name] for name in LABELS]
    if conflict(np.array(look), said) < CONFLICT_SAID:
        return []
    fits, seems = LABELS[int(said.argmax())], max(face.look, key=face.look.get)
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
        found = why(face, Call("why"))
        return Looked(
            [f"it is read as {first}", *found.facts],
            [f"[But it is|In fact it is] read as {first} ({_p(face, first)}).", *found.says[1:]],
        )
    rank = face.ranked.index(asked) + 1
    facts = [f"{asked}: {_p(face, asked)}, place {rank} of {len(LABELS)}", f"read as {first} {_p(face, first)}"]
    says = [f"It is read as {first} ({_p(face, first)}); {asked} [has|gets] {_p(face, asked)}."]
    variant = _nearest(face, asked)
    if variant:
        missing = [au for au in variant.aus if face.facts.state(au) == "off"][:NAMED]
        there = [au for au in variant.aus if face.facts.state(au) == "on"][:NAMED]
        if missing:
            facts += [f"listed for {asked}, missing: {face.line(au)}" for au in missing]
            says.append(
                f"[For {asked} something is missing|Missing for {asked}]: {listed([_titled(au) for au in missing])} "
                f"{'is' if len(missing) == 1 else 'are'} absent."
            )
        if there:
            facts += [f"listed for {asked}, there: {face.line(au)}" for au in there]
            says.append(f"{listed([_titled(au, face) for au in there])} would fit {asked}.")
    speaks = [au for au in face.units("on") if relation(first, au) == "for"]
    if speaks:
        facts.append(f"for {first}: {face.line(speaks[0])}")
        says.append(f"{_titled(speaks[0], face)} [speaks for|supports] {first}.")
    elif variant is None and (on := face.units("on")):
        facts.append(f"moving: {face.line(on[0])}")
        says.append(f"[It is not at rest|A neutral face would be at rest]: {face.words(on[0])}.")
    return Looked(facts, says, fixed=True)  # units that are there beside units that are not: rewordings mixed them up


def _titled(au: str, face: Face | None = None) -> str:
    """ "the brow lowerer (AU04, 2.1)"; without the strength when no face is given."""
    return f"the {ACTION_UNITS[au].title} ({au}{f', {face.facts.strength(au):.1f}' if face else ''})"


def sure(face: Face, _: Call) -> Looked:
    """How sure: the first label, the runner-up and the third."""
    first, second, third = face.ranked[:3]
    gap = face.distribution[first] - face.distribution[second]
    how = "[far ahead|well ahead]" if gap >= 0.5 else "ahead" if gap >= CLOSE_MARGIN else "[only just ahead|a little ahead]"
    facts = [f"confidence: {first} {_p(face, first)}, runner-up {second} {_p(face, second)}, {say(None, how)}"]
    says = f"{first} [has|gets] {_p(face, first)} and is {how}"
    if _p(face, second) == NONE:
        return Looked(facts, [f"{says}; the runner-up, {second}, has less than 0.01.", *_conflict(face)])
    says += f"; [the runner-up is|next comes] {second} [with|at] {_p(face, second)}"
    if _p(face, third) != NONE:
        facts.append(f"third {third} {_p(face, third)}")
        says += f", [then comes|third is] {third} [with|at] {_p(face, third)}"
    return Looked(facts, [f"{says}.", *_conflict(face)])


def toward(face: Face, call: Call) -> Looked:
    """The smallest edit that was found to make this face be read as a label, checked by reading it again.

    Given as looked up, as `edit` is: nothing measured could tell a slip in what would be."""
    asked = call.label
    if asked == face.label:
        return Looked(
            [f"it is read as {asked} already, {_p(face, asked)}"],
            [f"It is [already|] read as {asked} ({_p(face, asked)}), so nothing has to change."],
            fixed=True,
        )
    found = _smallest(face, asked)
    if found is None:
        return Looked(
            [f"no edit of listed movements makes it {asked}"],
            [
                "[No change of listed movements was found that|I found no change of listed movements that] makes it be read as "
                f"{asked}; it stays {face.label}."
            ],
            fixed=True,
        )
    edits, share = found
    words = _edited_words(edits)
    return Looked(
        [f"checked: with {', '.join(f'{au}={level:g}' for au, level in edits.items())} it is read as {asked} {share:.2f}"],
        [f"If {words}, it would be read as {asked} ({share:.2f}) instead of {face.label}."],
        fixed=True,
    )


def _edited_words(edits: dict[str, float]) -> str:
    """ "the brow lowerer (AU04) were at 3 and the lips part (AU25) and jaw drop (AU26) were gone"."""
    levels: dict[float, list[str]] = {}
    for au, level in edits.items():
        levels.setdefault(level, []).append(f"{ACTION_UNITS[au].title} ({au})")
    return " and ".join(
        f"the {listed(names)} were {'gone' if level == 0 else f'at {level:g}'}" for level, names in levels.items()
    )


def _smallest(face: Face, asked: str) -> tuple[dict[str, float], float] | None:
    """Edits that make the label come first, of measured units if possible and as few as possible, and its share then."""
    against = [au for au in face.units("on") if relation(asked, au) == "against" or relation(face.label, au) == "for"]
    found = []
    for variant in [v for v in VARIANTS if v.label == asked]:
        added = {au: SET_TO for au in variant.aus if face.facts.state(au) != "on"}
        gone = {au: 0.0 for au in against if au not in variant.aus}
        for edits in (added, added | gone):
            share = face.read(face.edited(edits).series) if edits else face.distribution
            if edits and max(share, key=share.get) == asked:
                unseen = sum(face.facts.state(au) == "unmeasured" for au in edits)
                found.append(((unseen, len(edits)), edits, share[asked]))
    if not found:
        return None
    _, edits, share = min(found, key=lambda one: one[0])
    return edits, share


def edit(face: Face, call: Call) -> Looked:
    share = face.read(face.edited(call.edits).series)
    first = max(share, key=share.get)
    now, then = f"{face.label} {_p(face, face.label)}", f"{first} ({share[first]:.2f})"
    would = (
        f"it would [still |]be read as {then}; as measured it is {now}"
        if first == face.label
        else f"it would be read as {then} instead of {now}"
    )
    edits = ", ".join(f"{au}={level:g}" for au, level in call.edits.items())
    return Looked(
        [f"with {edits}: {first} {share[first]:.2f}", f"as measured: {now}"],
        [f"If {_edited_words(call.edits)}, {would}."],
        fixed=True,
    )


def mood(face: Face, _: Call) -> Looked:
    """Sentiment of the reading: valence and arousal by published coordinates of the label words."""
    found = affect(face.distribution)
    side = "positive" if found.valence > 0.25 else "negative" if found.valence < -0.25 else "neither positive nor negative"
    calm = "lively" if found.arousal > 0.25 else "calm" if found.arousal < -0.1 else "neither lively nor calm"
    low, high = found.valence_interval
    return Looked(
        [
            f"valence {found.valence:+.2f} ({low:+.2f} to {high:+.2f}), arousal {found.arousal:+.2f}: {side}, {calm}",
            f"read as {face.label} {_p(face, face.label)}",
        ],
        [
            f"[The reading is|As it is read, it looks] {side}: valence {found.valence:+.2f}, arousal {found.arousal:+.2f}, "
            f"on scales "
            f"from -1 to 1.",
            f"[It is|The face is] commonly read as {face.label} ({_p(face, face.label)}).",
        ],
    )


def _combinations(face: Face) -> list[Combination]:
    on = set(face.units("on"))
    return [
        c
        for c in COMBINATIONS
        if c.aus <= on
        and not c.without & on
        and not any(face.facts.state(au) in ("unsure", "unmeasured") for au in c.without)
        and (not c.one_sided or all(face.facts.side(au) != "both" for au in c.aus))
    ]


WORDS = {
    "neutral": ("calm", "at rest", "even"),
    "happiness": ("cheerful", "pleased", "friendly"),
    "sadness": ("down", "sorrowful", "subdued"),
    "surprise": ("astonished", "startled", "amazed"),
    "fear": ("alarmed", "anxious", "frightened"),
    "disgust": ("repelled", "put off"),
    "anger": ("annoyed", "cross", "irritated"),
    "contempt": ("scornful", "dismissive"),
}


def words(face: Face, _: Call) -> Looked:
    """Open-vocabulary words for the reading: synonyms of the label, and what listed combinations are read as."""
    chosen = list(WORDS[face.label])
    other = [w for c in sorted(_combinations(face), key=lambda c: -len(c.aus)) for w in c.commonly_read_as if w not in LABELS]
    other = list(dict.fromkeys(other))[:3]
    says = [f"[Words people may use|It may be called|Other words for it]: {listed(chosen, 'or')}."]
    if other:
        says.append(f"[Its movements together|These movements together] are also read as {listed(other, 'or')}.")
    facts = [f"words for {face.label}: {', '.join(chosen)}", *([f"also read as: {', '.join(other)}"] if other else [])]
    return Looked(facts, says, fixed=True)


# What a display is commonly made for (Crivelli & Fridlund, Facial displays are tools for social influence, 2018, table 1).
INTENTS = {
    "neutral": "to lead the other nowhere in particular",
    "happiness": "to invite the other to play along or be friends",
    "sadness": "to ask for help or comfort",
    "fear": "to give way and not be attacked",
    "disgust": "to reject how things are going",
    "anger": "to make the other give way",
}


def intent(face: Face, _: Call) -> Looked:
    """What such a face or movement is commonly made for; a reading, never somebody's plan."""
    on = face.units("on")
    facts = [f"read as {face.label} {_p(face, face.label)}"]
    says = ["[What somebody means to do cannot be seen|A plan cannot be seen in a face]."]
    if face.label in INTENTS:
        facts.append(f"commonly made {INTENTS[face.label]}")
        says.append(
            f"[According to Crivelli and Fridlund|As Crivelli and Fridlund list it], a face read as {face.label} is commonly "
            f"made {INTENTS[face.label]}."
        )
    if on:
        uses = list(OTHER_READINGS[on[0]])
        facts = [f"strongest: {face.line(on[0])}", *facts, f"such a movement may also come from: {', '.join(uses)}"]
        says.append(f"Its strongest movement, {_titled(on[0])}, may also come from {listed(uses, 'or')}.")
    return Looked(facts, says, fixed=True)


REPLIES = {
    "neutral": "[How are you doing?|How is it going?]",
    "happiness": "[That looks like a good moment. What happened?|You look cheerful!]",
    "sadness": "[You look a little down to me. Do you want to talk?|Would you like some company?]",
    "surprise": "[That seems unexpected! What happened?|You look surprised. What is it?]",
    "fear": "[You look a bit alarmed. Is everything all right?|Can I help?]",
    "disgust": "[That does not seem to please you. Shall we change something?|Something seems off. What is it?]",
    "anger": "[You look a bit annoyed. Do you want to tell me about it?|Did something go wrong?]",
    "contempt": "[You do not seem convinced. What do you think?|What do you make of it?]",
}


def reply(face: Face, _: Call) -> Looked:
    """A kind thing to say to somebody whose face is read so."""
    return Looked(
        [f"read as {face.label} {_p(face, face.label)}", f"a kind reply: {say(None, REPLIES[face.label])}"],
        [
            f'[A kind reply could be|You could say]: "{REPLIES[face.label]}"',
            "[The reading may be wrong, so ask rather than tell.|Better ask than assume: the reading can be wrong.]",
        ],
        fixed=True,
    )


def tell(face: Face, call: Call) -> Looked:
    """The whole reading in a style: child, short, bullets, coder, json, plain, formal."""
    return {
        "child": _child,
        "short": _short,
        "bullets": _bullets,
        "coder": _coder,
        "json": _json,
        "plain": _plainly,
        "formal": _formally,
    }[call.word](face)


CHILD = {
    "neutral": "calm",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "scared",
    "disgust": "disgusted",
    "anger": "angry",
    "contempt": "as if it did not think much of something",
}


def _plain_movement(face: Face, au: str) -> str:
    return moved(au, face.facts.side(au))


def _child(face: Face) -> Looked:
    on = face.units("on")[:2]
    facts = [f"read as {face.label}", *[face.line(au) for au in on]]
    says = [
        f"[Look|See]: {clauses([_plain_movement(face, au) for au in on])}."
        if on
        else "[Nothing in this face moves much.|The face is quiet.]",
        f"[Many people would say this face looks|People often say such a face looks] {CHILD[face.label]}.",
        "[But only the person knows how it feels inside.|How it feels inside, only that person knows.]",
    ]
    return Looked(facts, says)


def _short(face: Face) -> Looked:
    on = face.units("on")[:2]
    moving = f"{clauses([face.words(au) for au in on])}; " if on else ""
    return Looked(
        [f"read as {face.label} {_p(face, face.label)}", *[face.line(au) for au in on]],
        [f"{moving}commonly read as {face.label} ({_p(face, face.label)})."],
    )


def _plainly(face: Face) -> Looked:
    on = face.units("on")[:NAMED]
    moving = f"{clauses([_plain_movement(face, au) for au in on])}." if on else "[Nothing moves much.|The face is at rest.]"
    return Looked(
        [f"read as {face.label}", *[face.line(au) for au in on]], [moving, f"The face is commonly read as {face.label}."]
    )


def _formally(face: Face) -> Looked:
    found = movements_of(face)
    return Looked(
        [f"read as {face.label} {_p(face, face.label)}", *[face.line(au) for au in found]],
        [
            f"As measured, {clauses([face.words(au) for au in found])}." if found else "No measured movement stands out.",
            f"The reading is {face.label}, with a confidence of {_p(face, face.label)}.",
        ],
    )


def movements_of(face: Face) -> list[str]:
    return face.units("on")[:MOST]


def code(face: Face) -> str:
    """A FACS code: numbers with letters A-E, L or R before a one-sided unit; "0" when nothing moves."""
    sides = {"left": "L", "right": "R", "both": ""}
    units = sorted(face.units("on"))
    letters = ["ABCDE"[LEVELS.index(level_word(face.facts.strength(au)))] for au in units]
    return (
        "+".join(f"{sides[face.facts.side(au)]}{int(au[2:])}{letter}" for au, letter in zip(units, letters, strict=True)) or "0"
    )


def _coder(face: Face) -> Looked:
    return Looked(
        [f"code: {code(face)}"], [f"FACS: {code(face)}. Commonly read as {face.label} ({_p(face, face.label)})."], whole=True
    )


def _bullets(face: Face) -> Looked:
    on = movements_of(face)
    lines = [f"- {capitalised(say(None, face.words(au)))}" for au in on] or ["- No measured movement stands out"]
    second = face.ranked[1]
    then = f", then {second} ({_p(face, second)})" if _p(face, second) != NONE else ""
    lines.append(f"- Commonly read as {face.label} ({_p(face, face.label)}){then}")
    return Looked(lines, ["\n".join(lines)], whole=True)


def _json(face: Face) -> Looked:
    found = {
        "action_units": {au: {"intensity": face.facts.strength(au), "side": face.facts.side(au)} for au in face.units("on")},
        "reading": face.label,
        "confidence": round(face.distribution[face.label], 2),
        "runner_up": face.ranked[1],
        "runner_up_confidence": round(face.distribution[face.ranked[1]], 2),
        "not_measured": face.units("unmeasured"),
    }
    return Looked(["json"], [json.dumps(found)], whole=True)
