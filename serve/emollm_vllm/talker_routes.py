"""The talker behind /v1/chat/completions and /v1/responses: an engine of its own beside the one that sees faces.

A picture or clip of the conversation is measured and read once; then every question goes the way of emollm.talk.talker: call,
look-up, answer, check. A conversation without a picture gets knowledge and talk, never an invented face. What a client's system
message asks for can change the style of an explanation and nothing else: it is read as a question about style.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import replace
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from emollm.answer.prompt import DEFAULT_QUESTION
from emollm.chat.talker_chat import clip_span, name_of, other_subjects
from emollm.schema import AUSeries, InputError
from emollm.subject import PreparedSource, Subject, apply_prior
from emollm.talk import TALKER
from emollm.talk.dialogue import CALL_TOKENS, Exchange, clean_question, prompt
from emollm.talk.hearing.call_rules import names_one
from emollm.talk.hearing.message_questions import questions_in
from emollm.talk.lookups.lookup import look_up
from emollm.talk.talker import KEPT, OF_SEVERAL, Reply, advance, hold_to_face, hold_to_words, steps, style_of
from emollm.talk.terms.face import Face
from emollm_vllm.answers import FORMS
from emollm_vllm.door import admission
from emollm_vllm.plugin.media import connector, media_of, subject_of, text_of
from emollm_vllm.plugin.processing import client_error

KEPT_LOOKS, KEPT_CHATS = 256, 1024
LONGEST_QUESTION = 4000  # characters of a message that are read
router = APIRouter(include_in_schema=False)


class TalkerService:
    """The talker's engine, how faces are read, and the conversations that were answered lately."""

    def __init__(self, engine, tokenizer, look_of):
        """engine: vLLM's AsyncLLM around the merged talker; look_of: Subject -> its label distribution by pixels, awaited."""
        self.engine, self.tokenizer, self.look_of = engine, tokenizer, look_of
        self.looks: OrderedDict[int, tuple[AUSeries, dict]] = OrderedDict()  # by the id of what was measured
        self.chats: OrderedDict[str, list[Exchange]] = OrderedDict()

    async def write(self, exchanges: list[Exchange], most: int) -> str:
        from vllm import SamplingParams

        ids, written = self.tokenizer(prompt(self.tokenizer, exchanges), add_special_tokens=False)["input_ids"], ""
        how = SamplingParams(temperature=0.0, max_tokens=most)
        async for output in self.engine.generate({"prompt_token_ids": ids}, how, f"talk-{uuid4().hex}"):
            written = output.outputs[0].text
        return written

    async def face(self, subject: Subject) -> Face:
        """The face with its look, which is read once for all priors."""
        kept = self.looks.get(id(subject.series))
        if kept is None or kept[0] is not subject.series:
            look = {} if subject.chips is None else await self.look_of(subject)
            self.looks[id(subject.series)] = kept = subject.series, look
            while len(self.looks) > KEPT_LOOKS:
                self.looks.popitem(last=False)
        return Face(subject.series, subject.events, kept[1], subject.seen, prior=subject.prior)

    async def style(self, system: str) -> str:
        """The style that a system message asks for, empty when it asks for none."""
        return style_of(await self.write([Exchange(system[:LONGEST_QUESTION])], CALL_TOKENS)) if system.strip() else ""

    async def with_others(self, prepared: PreparedSource, face: Face) -> Face:
        """The face with the others of its picture, which are read only when they are asked about."""
        number = face.series.face_id
        others = [await self.face(apply_prior(s, face.prior)) for s in other_subjects(prepared, number)]
        named = [replace(other, name=name_of(prepared, other.series.face_id)) for other in others]
        return replace(face, name=name_of(prepared, number), others=named, clip_span=clip_span(prepared))

    async def reply(self, before: list[Exchange], question: str, face: Face | None, style: str) -> Reply:
        asking = steps(before, question, lambda _: face, style)
        step = advance(asking)
        while not isinstance(step, Reply):
            step = advance(asking, await self.write(*step))
        return step

    async def exchanges(self, turns: list[tuple[str, str]], face: Face | None) -> list[Exchange]:
        """Earlier turns (question, answer) with their calls and look-ups, as they were or found again."""
        earlier: list[Exchange] = []
        for k, (question, answer) in enumerate(turns):
            key = _key(turns[: k + 1], face)
            if key not in self.chats:
                self.remember(key, await self._find_again(earlier, question, answer[:LONGEST_QUESTION], face))
            earlier += self.chats[key]
        return earlier

    async def _find_again(self, earlier: list[Exchange], message: str, answer: str, face: Face | None) -> list[Exchange]:
        """The questions of a message that was answered before; the last one has the whole answer."""
        again: list[Exchange] = []
        for question in questions_in(message):
            exchange, before = Exchange(question), [*earlier, *again]
            call = hold_to_words(await self.write([*before[-KEPT:], exchange], CALL_TOKENS), question, before[-KEPT:])
            if face:
                call = hold_to_face(call, question, before[-1].call if before else "", face)
            looked = look_up(call, face)
            exchange.call, exchange.facts, exchange.answer = str(call), looked.text(), looked.answer()
            again.append(exchange)
        again[-1].answer = answer
        return again

    def usage(self, question: str, answer: str) -> tuple[int, int]:
        """Tokens of the question and of the answer; what stands between them is not counted."""
        asked, written = (len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (question, answer))
        return asked, written

    def remember(self, key: str, exchanges: list[Exchange]) -> None:
        """The questions of one message, as they were answered."""
        self.chats[key] = exchanges
        while len(self.chats) > KEPT_CHATS:
            self.chats.popitem(last=False)


def _key(turns: list[tuple[str, str]], face: Face | None) -> str:
    """The conversation and what was measured of its face: equal keys mean equal look-ups."""
    measured = b"" if face is None else face.series.intensity.tobytes()
    return hashlib.sha256(json.dumps(turns).encode() + measured).hexdigest()


@router.post(admission.TALK)
async def completions(request: Request):
    """A chat completion or a response in OpenAI's form, answered by the talker. Field `emollm` of the answer holds what it
    rests on."""
    body, talking = await request.json(), request.app.state.emollm_talking
    messages = [m for m in body.get("messages") or [] if isinstance(m, dict)]
    turns, question, system = _turns(messages)
    media = {one: place for place, one in reversed([*enumerate(media_of(messages))])}  # a history may send one again
    try:
        face = await _face(talking, body, media)
    except InputError as error:
        raise client_error(error, admission.ASKED_IN[body["form"]]) from None
    before = await talking.exchanges(turns[-KEPT:], face)
    style = await talking.style(system)
    if face and face.clip and len(media) == 1:  # what is said of one face's time depends on the others'
        face = await talking.with_others(await connector().measure(*next(iter(media))), face)
    reply = await talking.reply(before, question, face, style)
    compares = any(call.name in OF_SEVERAL for call in reply.calls)
    named = any(map(names_one, [question, *[e.question for e in before]]))
    if face and not face.clip and len(media) == 1 and (compares or named):
        face = await talking.with_others(await connector().measure(*next(iter(media))), face)
        reply = await talking.reply(before, question, face, style)
    talking.remember(_key([*turns, (question, reply.text)], face), reply.exchanges)
    form = FORMS[body["form"]](body.get("model", TALKER), reply, talking.usage(question, reply.text))
    if body.get("stream"):
        return StreamingResponse(form.pieces(), media_type="text/event-stream")
    return JSONResponse(form.full_body())


async def _face(talking: TalkerService, body: dict, media: dict[tuple[str, str], int]) -> Face | None:
    """The face that a conversation is about: of its last picture, with the main faces of the others beside it. media: address
    and kind -> place in the request. Raises InputError, NoFaceError."""
    faces = []
    for number, one in enumerate(sorted(media, key=media.get), 1):
        try:
            faces.append(await talking.face(await subject_of(body, *one, media[one])))
        except InputError as error:
            raise type(error)(f"picture {number} of {len(media)}: {error}" if len(media) > 1 else str(error)) from None
        if len(media) > 1:
            faces[-1].name, faces[-1].aloud = f"picture {number}", True
    if not faces:
        return None
    faces[-1].others = faces[:-1]
    return faces[-1]


def _turns(messages: list[dict]) -> tuple[list[tuple[str, str]], str, str]:
    """Earlier (question, answer) pairs, the last question, and the system messages, as text."""
    system = "\n".join(text_of(m.get("content")) for m in messages if m.get("role") in ("system", "developer"))
    turns, asked = [], []
    for m in messages:
        if m.get("role") == "user":
            asked.append(clean_question(text_of(m.get("content")))[:LONGEST_QUESTION])
        elif m.get("role") == "assistant" and asked:
            turns.append(("\n".join(filter(None, asked)), text_of(m.get("content"))))
            asked = []
    return turns, "\n".join(filter(None, asked)) or DEFAULT_QUESTION, system
