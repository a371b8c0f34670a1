"""Ask about one face, turn by turn: measured once, remembered through the conversation, answered as it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from emollm.answer import prompt, verify
from emollm.answer.mend import mend
from emollm.explanation import DISCLOSURE, edits_sentence
from emollm.perception.events import peaks
from emollm.schema import AU_NAMES, SCHEMA_VERSION, Claim, InputError
from emollm.subject import PreparedSource, choose, edit_subject, face_numbers, prior_notice
from emollm.what_if import check_edits


class TooLong(InputError):
    """The conversation does not fit the model's context."""


@dataclass
class Turn:
    question: str
    answer: str = ""
    edits: dict[str, float] = field(default_factory=dict)  # of the evidence when it was asked
    claims: list[Claim] = field(default_factory=list)
    complete: bool = False  # False: the answer was stopped


class Chat:
    """A conversation about one face. `turns` holds all of it, `notices` what the reader must know beside the answers."""

    def __init__(self, prepared: PreparedSource, engine, *, face: int | None = None, what_if: dict[str, float] | None = None,
                 grounded: bool = True, model: str = ""):
        """engine: an model.engine.Engine; face: a face_id, default the main one that can be read. Raises InputError,
        NoFaceError."""
        self.prepared, self.engine, self.grounded, self.model = prepared, engine, grounded, model
        self.notices: list[str] = []
        self.look_at(face)
        self.edit(what_if or {})

    def look_at(self, face: int | None) -> None:
        """Begin anew about a face, as it was measured. Raises InputError, NoFaceError."""
        self.measured = choose(self.prepared, face)
        if face is None and len(self.prepared.subjects) > 1:
            how = "the first" if self.measured.track is None else "the main one"
            numbers, own = face_numbers(self.prepared.subjects), self.measured.series.face_id
            self.notices.append(f"faces here: {numbers}. This is face {own}, {how}; --face N or /face N takes another")
        self.reset()

    def reset(self) -> None:
        """Forget the conversation and the edits."""
        self.subject, self.edits = self.measured, {}
        self.turns: list[Turn] = []
        self.left_out = 0  # questions after the first that the model is no longer given

    def edit(self, changes: dict[str, float]) -> None:
        """Set action units to other intensities than measured; the conversation stays. Raises InputError."""
        self.edits = self.edits | check_edits(changes)
        self.subject = edit_subject(self.measured, self.edits)

    def observations(self) -> list[prompt.Observation]:
        return prompt.observe(self.subject.series, self.subject.events)

    def evidence(self) -> str:
        """What answers are held to, as text: one observation a line."""
        series = self.subject.series
        lines = [f"{os.path.basename(self.prepared.name)}, face {series.face_id}",
                 *(f"! {n}" for n in self.subject.notices + prior_notice(self.subject))]
        if self.edits:
            lines.append(edits_sentence(self.edits))
        lines += [prompt.render_observation(o) for o in self.observations()] or [prompt.NOTHING]
        visible = peaks(series)[2]
        unseen = [au for au, seen in zip(AU_NAMES, visible, strict=True) if not seen]
        return "\n".join([*lines, *([f"Not measured: {' '.join(unseen)}"] if unseen else [])])

    def ask(self, question: str) -> Iterator[str]:
        """Pieces of the answer as they are written. What was written becomes a turn, also when the reader stops early.

        Raises InputError when the question alone does not fit the model.
        """
        turn, left_out = Turn(question, edits=dict(self.edits)), self.left_out
        pieces = self._check(self._pieces([*(text for t in self.turns for text in (t.question, t.answer)), question]))
        try:
            for piece in pieces:
                turn.answer += piece
                yield piece
            turn.complete = True
        finally:
            pieces.close()
            if self.left_out > left_out:
                self.notices.append(f"the conversation is longer than the model can read: {self.left_out} of "
                                    f"{len(self.turns)} earlier questions are left out from now on")
            if turn.answer:
                turn.claims = verify.claims(prompt.parse(turn.answer), turn.answer, self.subject.series, self.subject.events)
                self.turns.append(turn)

    def _check(self, pieces: Iterator[str]) -> Iterator[str]:
        """The answer with its observation lines as they are written, and its prose once the verifier has read it; empty
        pieces meanwhile, so that the reader can stop."""
        written, shown = "", 0
        try:
            for piece in pieces:
                written += piece
                lines = max(shown, len(prompt.observations_of(written)))
                yield written[shown:lines]
                shown = lines
        finally:
            pieces.close()
        text = mend(written, self.subject.series, self.subject.events, {}).text
        if text[shown:]:
            yield text[shown:]

    def _pieces(self, turns: list[str]) -> Iterator[str]:
        """The answer to as much of the conversation as fits the model."""
        before, most = self.left_out, len(turns) // 2
        while True:
            try:
                yield from self._stream(drop_oldest_turns(turns, self.left_out))
                return
            except TooLong:
                if self.left_out == most:
                    self.left_out = before
                    raise
            self.left_out += 1

    def _stream(self, turns: list[str]) -> Iterator[str]:
        """The engine's answer to these turns. Raises TooLong before the first piece."""
        from emollm.model.processor import face_input

        s, processor, context = self.subject, self.engine.processor, self.engine.context
        face = face_input(s.series, s.events, s.key_frames, s.chips, s.seen, s.prior)
        text = processor.prompt_text(turns, face.visual_frames)
        tokens = len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])
        if tokens > (most := context - answer_room(context)):
            raise TooLong(f"the question takes {tokens} tokens with the face, {most} can be read. Ask in fewer words.")
        yield from self.engine.stream(face, turns, self.observations() if self.grounded else None)

    def to_dict(self) -> dict:
        """The conversation with its evidence, in plain JSON types."""
        series = self.subject.series
        return {"schema_version": SCHEMA_VERSION, "source": self.prepared.name, "sha256": self.prepared.sha256,
                "face_id": series.face_id, "model": self.model, "grounded": self.grounded, "edits": self.edits,
                "observations": [prompt.render_observation(o) for o in self.observations()], "evidence": series.to_dict(),
                "turns": [{"question": t.question, "answer": t.answer, "complete": t.complete, "edits": t.edits,
                           "claims": [{"text": c.text, "span": list(c.span), "kind": c.kind, "au": c.au, "verdict": c.verdict,
                                       "reason": c.reason} for c in t.claims]} for t in self.turns],
                "notices": self.subject.notices + prior_notice(self.subject) + self.notices, "disclosure": DISCLOSURE,
                "ai_generated": True}


def drop_oldest_turns(turns: list[str], left_out: int) -> list[str]:
    """The turns without the `left_out` oldest exchanges after the first, which goes last of all.

    The face stands in whichever turn is the first of the result, so it is never left out.
    """
    after = 2 * left_out + 2
    return turns[:2] + turns[after:] if after < len(turns) else turns[after - 2:]


def answer_room(context: int) -> int:
    """Tokens that are kept free for the answer in a context of this many."""
    return min(prompt.ANSWER_TOKENS, context // 2)


def doubts(turn: Turn) -> str:
    """The claims of an answer that the measurement does not bear out, on one line; empty when there are none."""
    subject = lambda c: c.au if c.kind in ("observation", "movement") else f"'{c.text.strip(' .,;')}'"  # noqa: E731
    wrong = [f"{subject(c)} {c.verdict}{f' ({c.reason})' if c.reason else ''}" for c in turn.claims
             if c.verdict in ("contradicted", "unmeasured")]
    return f"not borne out by the measurement: {'; '.join(dict.fromkeys(wrong))}" if wrong else ""
