"""Answer a call from the measurement: every call of call.py has its function here."""

from __future__ import annotations

from dataclasses import replace

from emollm.talk.lookups import (
    changes,
    coding,
    comparisons,
    impression,
    knowledge,
    lasting,
    movement,
    policy,
    reading_course,
    readings,
    styles,
    timing,
    whole_face,
    within,
)
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding

OF_THE_FACE = {
    "there": movement.presence,
    "absent": movement.absence,
    "strength": movement.strength,
    "side": movement.side,
    "when": movement.movement_times,
    "agree": readings.own_coding,
    "average": coding.average,
    "cause": movement.cause,
    "strongest": whole_face.strongest_movement,
    "weakest": whole_face.weakest_movement,
    "rest": whole_face.rest,
    "movements": whole_face.movements,
    "still": whole_face.resting_parts,
    "part": whole_face.part,
    "count": whole_face.count,
    "order": comparisons.order,
    "course": timing.course,
    "sides": comparisons.sides,
    "more": comparisons.stronger_movement,
    "moments": comparisons.moments,
    "at": timing.movements_at_moment,
    "lasts": lasting.lasts,
    "pace": lasting.pace,
    "pauses": lasting.pauses,
    "often": lasting.often,
    "long": lasting.long,
    "together": lasting.together,
    "longest": lasting.longest,
    "shortest": lasting.shortest,
    "before": lasting.before,
    "after": lasting.after,
    "change": reading_course.change,
    "turns": reading_course.turns,
    "mostly": reading_course.mostly,
    "recording": timing.recording,
    "regions": whole_face.regions,
    "faces": comparisons.faces,
    "smile": whole_face.smile,
    "unseen": whole_face.unmeasured_units,
    "why": readings.label_reasons,
    "whynot": readings.label_objections,
    "fits": readings.label_fit,
    "label": readings.label,
    "is": readings.label_check,
    "other": impression.other_word,
    "sure": readings.certainty,
    "shares": readings.label_shares,
    "toward": changes.edits_toward_label,
    "edit": changes.edit_effect,
    "mood": impression.mood,
    "words": impression.words,
    "intent": impression.intent,
    "reply": impression.reply,
    "tell": styles.tell,
}
# What these say is about movements that are there: without one, that is all there is to say.
OF_MOVEMENTS = {"strongest", "weakest", "rest", "movements", "count"}
# What these say is not about this face as it was measured: held to the facts that were looked up, not to the measurement.
HYPOTHETICAL = {"edit", "average", "toward", "at", "moments", "before", "after", "change", "turns", "mostly", "recording",
                "together", "agree", "au", "listed", "apart", "topic", "faces", "reply", "intent"}
MICRO = Call("topic", word="micro")  # what a brief movement is; with a clip, which there are
OF_A_PICTURE = ("light", "size", "angle", "glasses", "covers", "beard", "make-up")  # conditions; what they do shows in this one
OF_FACS = {
    "au": knowledge.au,
    "listed": knowledge.label_listings,
    "apart": knowledge.label_differences,
    "topic": knowledge.topic,
}


def look_up(call: Call, face: Face | None) -> Finding:
    """What is known for a call. face: None without a picture; then only what needs none is answered."""
    if call.name in OF_FACS:
        looked = OF_FACS[call.name](call)
        if call == MICRO and face and face.clip:
            return replace(looked, says=[*looked.says, timing.brief_sentence(face)])
        if face and call.name == "topic" and {*call.word.split("/")} & {*OF_A_PICTURE}:
            return replace(looked, says=[*looked.says, whole_face.hidden_here(face)])
        return looked
    if call.name == "refuse":
        return policy.refuse(face, call.word)
    if call.name == "grounds":
        return policy.refusal_grounds(call.word)
    if call.name in policy.TALK:
        return policy.talk(call.name, face, call.word)
    if face is None:
        return knowledge.au(call) if call.units and call.word == "muscle" else policy.NO_FACE
    if call.name in OF_MOVEMENTS and not face.units("on"):
        return whole_face.no_movement(face)
    if call.within:
        return within.look_up_within(call, face, look_up)
    looked = OF_THE_FACE[call.name](face, call)
    if face.clip and call.name not in HYPOTHETICAL:
        looked = whole_face.with_seldom_measured(face, call, looked)
    return timing.of_its_time(face, looked)
