"""A chat that is answered by the talker: measured once, read once, then asked anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emollm.answer import prompt, verify
from emollm.answer.witnesses import STATED, movements
from emollm.chat.conversation import Chat, Turn
from emollm.explainer import answers
from emollm.schema import LABELS
from emollm.subject import Prepared, Subject
from emollm.talk.dialogue import Exchange
from emollm.talk.face import Face
from emollm.talk.lookup import HYPOTHETICAL
from emollm.talk.talker import KEPT, Writer, reply


def face_of(engine, subject: Subject, others: dict[int, str] | None = None) -> Face:
    """A measured face with its look, as the model that sees pixels reads it. engine: a model.engine.Engine."""
    look = {}
    if subject.chips is not None:
        (given,) = answers(engine, [(subject, prompt.DEFAULT_QUESTION)], True)
        look = look_under(given.look, subject)
    return Face(subject.series, subject.events, look, subject.seen, others or {})


def look_under(look: dict[str, float], s: Subject) -> dict[str, float]:
    """A look (label -> share) of a face as it is read under the face's prior: what the prior does to a label's share is told by
    answer.witnesses, which lays it on the statement; here it is laid on the look, for a talker that is given both."""
    if s.prior == "crowd" or not look:
        return look
    plain, asked = (movements(s.series, s.seen, True, prior) for prior in ("crowd", s.prior))
    shares = np.array([look[label] for label in LABELS]) * (asked.stated / plain.stated) ** STATED
    return dict(zip(LABELS, (shares / shares.sum()).tolist(), strict=True))


class TalkingChat(Chat):
    """As Chat; what is written is looked up first and checked before it is shown (emollm.talk.talker)."""

    def __init__(self, prepared: Prepared, engine, writer: Writer, *, checked: bool = True, **choices):
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
        said = reply(self.writer, self.exchanges, question, lambda call: self.face(call.name == "faces"), checked=self.checked)
        turn.answer, turn.complete = said.text, True
        if said.call.name not in HYPOTHETICAL:
            turn.claims = verify.claims(prompt.parse(said.text), said.text, self.subject.series, self.subject.events)
        self.exchanges = [*self.exchanges, said.exchange][-KEPT:]
        self.turns.append(turn)
        yield said.text

    def face(self, with_others: bool = False) -> Face:
        """The face that is talked about, with the conversation's edits."""
        others = (
            {
                s.series.face_id: self._face(s).label
                for s in self.prepared.readable
                if s.series.face_id != self.measured.series.face_id
            }
            if with_others
            else {}
        )
        measured = self._face(self.measured)
        return Face(self.subject.series, self.subject.events, measured.look, self.subject.seen, others)

    def _face(self, subject: Subject) -> Face:
        number = subject.series.face_id
        if number not in self.looks:
            self.looks[number] = face_of(self.engine, subject)
        return self.looks[number]
