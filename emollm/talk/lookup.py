"""Answer a call from the measurement: every call of call.py has its function here."""

from __future__ import annotations

from dataclasses import replace

from emollm.talk import changes, comparing, impression, knowledge, measured, movement, policy, readings, styles, timing
from emollm.talk.call import Call
from emollm.talk.face import Face
from emollm.talk.looked import Looked

OF_THE_FACE = {
    "there": movement.there,
    "absent": movement.absent,
    "strength": movement.strength,
    "side": movement.side,
    "when": movement.when,
    "cause": movement.cause,
    "strongest": measured.strongest,
    "weakest": measured.weakest,
    "rest": measured.rest,
    "movements": measured.movements,
    "still": measured.still,
    "part": measured.part,
    "count": measured.count,
    "order": timing.order,
    "course": timing.course,
    "sides": comparing.sides,
    "moments": comparing.moments,
    "at": timing.at,
    "faces": comparing.faces,
    "smile": measured.smile,
    "unseen": measured.unseen,
    "why": readings.why,
    "whynot": readings.whynot,
    "label": readings.label,
    "is": readings.is_,
    "other": impression.other,
    "sure": readings.sure,
    "toward": changes.toward,
    "edit": changes.edit,
    "mood": impression.mood,
    "words": impression.words,
    "intent": impression.intent,
    "reply": impression.reply,
    "tell": styles.tell,
}
# What these say is about movements that are there: without one, that is all there is to say.
OF_MOVEMENTS = {"strongest", "weakest", "rest", "movements", "count"}
# What these say is not about this face as it was measured: held to the facts that were looked up, not to the measurement.
HYPOTHETICAL = {"edit", "toward", "at", "moments", "au", "listed", "apart", "topic", "faces", "reply", "intent"}
MICRO = Call("topic", word="micro")  # what a brief movement is; with a clip, which there are
OF_FACS = {"au": knowledge.au, "listed": knowledge.listed_for, "apart": knowledge.apart, "topic": knowledge.topic}


def look_up(call: Call, face: Face | None) -> Looked:
    """What is known for a call. face: None without a picture; then only what needs none is answered."""
    if call.name in OF_FACS:
        looked = OF_FACS[call.name](call)
        return replace(looked, says=[*looked.says, timing.brief(face)]) if call == MICRO and face and face.clip else looked
    if call.name == "refuse":
        return policy.refuse(face, call.word)
    if call.name in policy.TALK:
        return policy.talk(call.name, face)
    if face is None:
        return knowledge.au(call) if call.units and call.word == "muscle" else policy.NO_FACE
    if call.name in OF_MOVEMENTS and not face.units("on"):
        return measured.nothing(face)
    return OF_THE_FACE[call.name](face, call)
