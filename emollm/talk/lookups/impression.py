"""Look-ups in what people commonly say of such a face: its mood, other words, what it is made for, a kind reply."""

from __future__ import annotations

from emollm.facs.affect import affect
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS
from emollm.schema import LABELS
from emollm.talk.lookups.readings import unit_title
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.feeling_words import NEAREST
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import join_words, say


def mood(face: Face, _: Call) -> Finding:
    """Sentiment of the reading: valence and arousal by published coordinates of the label words."""
    point = affect(face.distribution)
    side = "positive" if point.valence > 0.25 else "negative" if point.valence < -0.25 else "neither positive nor negative"
    calm = "lively" if point.arousal > 0.25 else "calm" if point.arousal < -0.1 else "neither lively nor calm"
    low, high = point.valence_interval
    return Finding(
        [
            f"valence {point.valence:+.2f} ({low:+.2f} to {high:+.2f}), arousal {point.arousal:+.2f}: {side}, {calm}",
            f"read as {face.label} {face.share(face.label)}",
        ],
        [
            f"[The reading is|As it is read, it looks] {side}: valence {point.valence:+.2f}, arousal {point.arousal:+.2f}, "
            f"on scales "
            f"from -1 to 1.",
            f"[It is|The face is] commonly read as {face.label} ({face.share(face.label)}).",
        ],
        fixed=True,
    )


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


def other_word(face: Face, call: Call) -> Finding:
    """Is it bored, gloomy, in love, ...: words that are none of the labels, by the label that each is nearest to, and labels
    beside them."""
    first, facts = face.label, [f"none of the {len(LABELS)} labels", f"read as {face.label} {face.share(face.label)}"]
    if not (call.word or call.label):
        return Finding(facts, [
            f"[That word is none of the {len(LABELS)} labels I read|I have no label for that among my {len(LABELS)}], so I "
            f"cannot say; this face is commonly read as {first} ({face.share(first)}), which people also call "
            f"{join_words(list(WORDS[first]), 'or')}."], fixed=True)
    by_label: dict[str, list[str]] = {}
    for word in filter(None, call.word.split("/")):
        by_label.setdefault(NEAREST.get(word, ""), []).append(word)
    says = [_nearest_sentence(face, label, named) for label, named in by_label.items()]
    if first not in by_label:
        says.append(f"This face is commonly read as {first} ({face.share(first)}).")
    says += [f"{label} has {face.share(label)}." for label in call.label.split("/") if label not in ("", first, *by_label)]
    if set(by_label) - {""}:
        says.append("A face cannot tell the finer word.")
    return Finding(facts, says, fixed=True)


def _nearest_sentence(face: Face, label: str, named: list[str]) -> str:
    """Words of a look, and how the label is read that they are nearest to; "": none is."""
    one = len(named) == 1
    quoted = join_words(list(map('"{}"'.format, named)))
    words = f"The word{'' if one else 's'} {quoted} {'is' if one else 'are'}"
    if not label:
        return f"{words} near none of the {len(LABELS)} labels I read, so I cannot say."
    if label == face.label:
        return f"{words} nearest to {label}, as which this face is commonly read ({face.share(label)})."
    return f"{words} nearest to {label}, which has {face.share(label)} here."


def words(face: Face, _: Call) -> Finding:
    """Open-vocabulary words for the reading: synonyms of the label, and what listed combinations are read as."""
    chosen = list(WORDS[face.label])
    there, absent = {au: face.facts.side(au) for au in face.units("on")}, face.units("off")
    combinations = sorted((c for c in COMBINATIONS if c.holds(there, absent)), key=lambda c: -len(c.aus))
    others = [w for c in combinations for w in c.commonly_read_as if w not in LABELS]
    others = list(dict.fromkeys(others))[:3]
    says = [f"[Words people may use|It may be called|Other words for it]: {join_words(chosen, 'or')}."]
    if others:
        says.append(f"[Its movements together|These movements together] are also read as {join_words(others, 'or')}.")
    facts = [f"words for {face.label}: {', '.join(chosen)}", *([f"also read as: {', '.join(others)}"] if others else [])]
    return Finding(facts, says, fixed=True)


# What a display is commonly made for (Crivelli & Fridlund, Facial displays are tools for social influence, 2018, table 1).
INTENTS = {
    "neutral": "to ask nothing in particular of the other",
    "happiness": "to invite the other to play along or be friends",
    "sadness": "to ask for help or comfort",
    "fear": "to give way and not be attacked",
    "disgust": "to reject how things are going",
    "anger": "to make the other give way",
}


def intent(face: Face, _: Call) -> Finding:
    """What such a face or movement is commonly made for; a reading, never somebody's plan."""
    on = face.units("on")
    facts = [f"read as {face.label} {face.share(face.label)}"]
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
        says.append(f"Its strongest movement, {unit_title(on[0])}, may also come from {join_words(uses, 'or')}.")
    return Finding(facts, says, fixed=True)


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


def reply(face: Face, _: Call) -> Finding:
    """A kind thing to say to somebody whose face is read so."""
    return Finding(
        [f"read as {face.label} {face.share(face.label)}", f"a kind reply: {say(None, REPLIES[face.label])}"],
        [
            f"This face is commonly read as {face.label} ({face.share(face.label)}).",
            f'[A kind reply could be|You could say]: "{REPLIES[face.label]}"',
            "[The reading may be wrong, so ask rather than tell.|Better ask than assume: the reading can be wrong.]",
        ],
        fixed=True,
    )
