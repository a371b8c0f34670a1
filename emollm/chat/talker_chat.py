"""A chat that is answered by the talker: measured once, read once, then asked anything."""

from __future__ import annotations

from collections.abc import Iterator

from emollm.answer import prompt, verify
from emollm.chat.conversation import Chat, Turn
from emollm.explainer import answers
from emollm.subject import PreparedSource, Subject, places
from emollm.talk.dialogue import Exchange
from emollm.talk.lookups.lookup import HYPOTHETICAL
from emollm.talk.talker import KEPT, Writer, reply
from emollm.talk.terms.face import Face


def face_of(engine, subject: Subject, name: str = "") -> Face:
    """A measured face with its look, as the model that sees pixels reads it. engine: a model.engine.Engine; name: of Face."""
    look = {}
    if subject.chips is not None:
        (answer,) = answers(engine, [(subject, prompt.DEFAULT_QUESTION)], True)
        look = answer.look
    return Face(subject.series, subject.events, look, subject.seen, prior=subject.prior, name=name)


def name_of(prepared: PreparedSource, face_id: int) -> str:
    """What a face of a source is called beside the others; empty when it is the only one."""
    where = places(prepared).get(face_id)
    return f"face {face_id} ({where})" if where else ""


def clip_span(prepared: PreparedSource) -> tuple[float, float]:
    """From when to when there is any readable face (s)."""
    tracks = [s.series.times for s in prepared.readable_subjects]
    return float(min(times[0] for times in tracks)), float(max(times[-1] for times in tracks))


def other_subjects(prepared: PreparedSource, face_id: int) -> list[Subject]:
    """The readable faces of a source beside one of them."""
    return [s for s in prepared.readable_subjects if s.series.face_id != face_id]


class TalkerChat(Chat):
    """As Chat; what is written is looked up first and checked before it is shown (emollm.talk.talker)."""

    def __init__(self, prepared: PreparedSource, engine, writer: Writer, *, checked: bool = True, **choices):
        """engine: sees the face; writer: talks. checked: replace what the measurement does not bear out."""
        self.writer, self.checked, self.looks = writer, checked, {}
        super().__init__(prepared, engine, **choices)

    def reset(self) -> None:
        super().reset()
        self.exchanges: list[Exchange] = []

    def ask(self, question: str) -> Iterator[str]:
        """The answer in one piece, when it has been checked; an empty piece before it, so that the reader can stop."""
        yield ""
        turn = Turn(question, edits=dict(self.edits))
        response = reply(self.writer, self.exchanges, question, self.face, checked=self.checked)
        turn.answer, turn.complete = response.text, True
        if response.face and not any(call.name in HYPOTHETICAL for call in response.calls):
            turn.claims = verify.claims(prompt.parse(response.text), response.text, response.face.series, response.face.events)
        self.exchanges = [*self.exchanges, *response.exchanges][-KEPT:]
        self.turns.append(turn)
        yield response.text

    def face(self, with_others: bool = False) -> Face:
        """The face that is talked about, with the conversation's edits."""
        others = [self._face(s) for s in other_subjects(self.prepared, self.measured.series.face_id)] if with_others else []
        own, s = self._face(self.measured), self.subject
        return Face(s.series, s.events, own.look, s.seen, others, s.prior, own.name, clip_span=clip_span(self.prepared))

    def _face(self, subject: Subject) -> Face:
        number = subject.series.face_id
        if number not in self.looks:
            self.looks[number] = face_of(self.engine, subject, name_of(self.prepared, number))
        return self.looks[number]
