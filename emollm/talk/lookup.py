"""Answer a call from the measurement: every call of call.py has its function here."""

from __future__ import annotations

from emollm.talk import knowledge, measured, policy, readings
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked

OF_THE_FACE = {
    "there": measured.there,
    "absent": measured.absent,
    "strength": measured.strength,
    "side": measured.side,
    "when": measured.when,
    "cause": measured.cause,
    "strongest": measured.strongest,
    "weakest": measured.weakest,
    "rest": measured.rest,
    "movements": measured.movements,
    "still": measured.still,
    "part": measured.part,
    "count": measured.count,
    "order": measured.order,
    "course": measured.course,
    "sides": measured.sides,
    "moments": measured.moments,
    "at": measured.at,
    "faces": measured.faces,
    "smile": measured.smile,
    "unseen": measured.unseen,
    "why": readings.why,
    "whynot": readings.whynot,
    "label": readings.label,
    "is": readings.is_,
    "other": readings.other,
    "sure": readings.sure,
    "toward": readings.toward,
    "edit": readings.edit,
    "mood": readings.mood,
    "words": readings.words,
    "intent": readings.intent,
    "reply": readings.reply,
    "tell": readings.tell,
}
# What these say is not about this face as it was measured: held to the facts that were looked up, not to the measurement.
HYPOTHETICAL = {"edit", "toward", "at", "au", "listed", "topic", "faces", "reply", "intent"}
OF_FACS = {"au": knowledge.au, "listed": knowledge.listed_for, "topic": knowledge.topic}


def look_up(call: Call, face: Face | None) -> Looked:
    """What is known for a call. face: None without a picture; then only what needs none is answered."""
    if call.name in OF_FACS:
        return OF_FACS[call.name](call)
    if call.name == "refuse":
        return policy.refuse(face, call.word)
    if call.name in policy.TALK:
        return policy.talk(call.name, face)
    return policy.NO_FACE if face is None else OF_THE_FACE[call.name](face, call)
