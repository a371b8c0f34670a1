"""Our own routes in vLLM's server: /v1/measure (no language model) and /v1/explain (the full Explanation).

Both answer for every face of a picture or clip; no measurable face is an answer (an empty one), not an error. They are
part of the server's OpenAPI description and share its key, its error bodies and its metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import numpy as np
import torch
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from vllm.exceptions import VLLMNotFoundError

from emollm import explainer as path  # the module: its steps are called one by one here
from emollm.answer import prompt
from emollm.chat.conversation import answer_room
from emollm.evidence import parse_facs
from emollm.evidence.stated_levels import state_levels
from emollm.explanation import Explanation
from emollm.model.checkpoint import Shape
from emollm.model.precision import weights_for
from emollm.model.processor import face_input
from emollm.schema import AU_NAMES, BASELINES, DEFAULT_PRIOR, PRIORS, AUSeries, InputError, NoFaceError
from emollm.subject import MAX_FACES, PreparedSource, Subject
from emollm.talk import TALKER
from emollm_vllm import environment, talker_routes
from emollm_vllm.door.errors import error_body
from emollm_vllm.plugin.engine import add_label, conclusion_of, end_at_conclusion, face_prompt, sampling, sampling_label
from emollm_vllm.plugin.faces import MAX_FACE_ID, edits, state_series
from emollm_vllm.plugin.media import access, configure, connector
from emollm_vllm.plugin.processing import BadRequest, client_error

GONE = 499  # nobody reads it; as nginx calls it
CONCLUSION_TOKENS = 16  # "Conclusion:" and a label, where the model must be brought to one
TALKER_CONTEXT = 4096  # tokens; six exchanges take about 1,500
BASELINE = ("what counts as this face at rest: none, the average face (default for pictures); clip, the clip's own quiet "
            "moments (default for clips); or a picture of the same face at rest, sent as `media` is")
log = logging.getLogger("emollm.api")
router = APIRouter(tags=["emollm"])
Intensity = Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=4000)]
MaxFaces = Annotated[int, Field(ge=1, le=MAX_FACES)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class MeasureRequest(Body):
    media: str = Field(description="Picture or clip: a data URL (data:image/jpeg;base64,...), or an address that this server "
                                   "allows")
    baseline: str | None = Field(None, description=BASELINE)
    max_faces: MaxFaces | None = Field(None, description="at most so many, the main ones")


class ExplainRequest(Body):
    media: str | None = Field(None, description="as in /v1/measure; may be left out when evidence is given")
    evidence: dict[str, Any] | Annotated[str, Field(max_length=500)] | None = Field(
        None, description="action units instead of ours: an AUSeries, {\"AU12\": 3.0}, or a FACS code such as 6C+12D")
    question: Text | None = None
    what_if: dict[str, Intensity] = Field({}, description="{\"AU04\": 0.0}: edits of the evidence before the model sees it")
    face: Annotated[int, Field(ge=0, le=MAX_FACE_ID)] | None = Field(None, description="only this face_id")
    max_faces: MaxFaces | None = Field(
        None, description="at most so many: those longest there, largest and most central; 1 is the main face")
    baseline: str | None = Field(None, description=BASELINE)
    prior: Literal[PRIORS] | None = Field(None, description="how common the labels are taken to be: as in pictures from web "
                                                            "search (crowd), or all alike (balanced); default: the server's")
    grounded: bool = Field(True, description="hold the observation lines to the measurement")
    model: Annotated[str, Field(max_length=200)] | None = Field(None, description="served model or LoRA adapter")
    stream: bool = False


class FaceMeasurement(BaseModel):
    face_id: int
    box: list[float] = Field(description="x0 y0 x1 y1 px at the first moment")
    readable: bool = Field(description="good enough to be explained; otherwise `shortcomings` says why not")
    shortcomings: list[str]
    series: dict[str, Any] = Field(description="AUSeries: intensity [T, 24, 2] 0-5, null = not visible")
    events: list[dict[str, Any]]
    key_frames: list[float] = Field(description="s")


class Measurement(BaseModel):
    object: Literal["emollm.measurement"] = "emollm.measurement"
    kind: Literal["photo", "clip", "none"]
    faces: list[FaceMeasurement]
    notices: list[str]


class Explained(BaseModel):
    object: Literal["emollm.explanation"] = "emollm.explanation"
    id: str
    model: str
    explanations: list[dict[str, Any]] = Field(description="Explanation objects (emollm schema), one a face")


class Problem(BaseModel):
    message: str = Field(description="which input, which limit, what to do")
    type: str
    param: str | None = Field(description="the field it is about")
    code: str | int | None


class Failed(BaseModel):
    error: Problem


ERRORS = {status: {"model": Failed} for status in (400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504)}
STREAM = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


async def run_while_wanted(request: Request, work: Coroutine):
    """The work's result. When the client goes away the work is cancelled at once: its measuring, its turn in the engine.

    A stream that is the result looks after that itself. The request's body must have been read.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=GONE)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@router.post("/v1/measure", response_model=Measurement, responses=ERRORS,
             summary="Action units and events of every face; no language model")
async def measure(body: MeasureRequest, request: Request):
    return await run_while_wanted(request, _measure(body))


async def _measure(body: MeasureRequest) -> Measurement:
    try:
        rest = await _rest(body.baseline)
        prepared = await connector().measure(body.media, "media", baseline=rest, max_faces=body.max_faces)
    except NoFaceError as error:
        return Measurement(kind="none", faces=[], notices=[str(error)])
    except InputError as error:
        raise client_error(error, "media") from None
    faces = [_face(s) for s in prepared.subjects]
    return Measurement(kind=prepared.kind, faces=faces, notices=sorted({n for s in prepared.subjects for n in s.notices}))


def _face(s: Subject) -> FaceMeasurement:
    times = s.series.times
    return FaceMeasurement(
        face_id=s.series.face_id, box=[round(float(v), 1) for v in s.track.boxes[0]], readable=not s.refusal,
        shortcomings=s.refusal, series=s.series.to_dict(), events=[dataclasses.asdict(e) for e in s.events],
        key_frames=[float(times[k]) for k in s.key_frames])


@router.post("/v1/explain", response_model=Explained, responses=ERRORS | STREAM,
             summary="Why each face is commonly read the way it is")
async def explain(body: ExplainRequest, request: Request):
    return await run_while_wanted(request, _explain(body, request.app.state.emollm))


async def _explain(body: ExplainRequest, asked: Answering) -> Explained | StreamingResponse:
    model, lora = asked.model_named(body.model)
    try:
        prepared = await _prepare(body)
    except NoFaceError as error:
        stored = [path.no_face_explanation("media", str(error), body.question, edits(body.what_if), model).to_dict()]
        return _stream_of(stored) if body.stream else Explained(id=_id(), model=model, explanations=stored)
    asked.check_fits(prepared, body.question or prompt.DEFAULT_QUESTION)
    pieces = asked.explanations(prepared, body, model, lora)
    if body.stream:
        return StreamingResponse(_events(pieces), media_type="text/event-stream")
    explanations = [piece["explanation"] async for piece in pieces if "explanation" in piece]
    return Explained(id=_id(), model=model, explanations=explanations)


async def _prepare(body: ExplainRequest) -> PreparedSource:
    """What is known about the faces: measured in the media, given by the client, or both. Raises NoFaceError, and client
    errors that name the field they are about."""
    with _blame_field("what_if"):
        what_if = edits(body.what_if)
    with _blame_field("evidence"):
        series = None if body.evidence is None else evidence(body.evidence)
    rest = await _rest(body.baseline)
    with _blame_field("evidence" if body.media is None and series is not None else "media"):
        if body.media is not None:
            return await connector().measure(body.media, "media", baseline=rest, face=body.face, evidence=series,
                                              what_if=what_if, max_faces=body.max_faces, prior=body.prior)
        if series is None:
            raise InputError("media: give a picture or clip, or evidence")
        return await asyncio.to_thread(path.prepare, series, access.shape, face=body.face, what_if=what_if,
                                       prior=body.prior or access.prior)


async def _rest(baseline: str | None) -> str | AUSeries | None:
    """What counts as the face at rest; a picture of it is measured first. Raises client errors."""
    if baseline is None or baseline in BASELINES:
        return baseline
    with _blame_field("baseline"):
        if not baseline[:5].lower().startswith(("data:", "file:", "http")):
            raise InputError(f"baseline: give {', '.join(BASELINES)}, or a picture of the same face at rest as a data URL "
                             "(data:image/jpeg;base64,...)")
        try:
            prepared = await connector().measure(baseline, "baseline", baseline="none")
        except NoFaceError as error:
            raise InputError(str(error)) from None
        return path.resting_face("the picture", [s.series for s in prepared.subjects])


@contextlib.contextmanager
def _blame_field(field: str):
    try:
        yield
    except NoFaceError:
        raise
    except InputError as error:
        raise client_error(error, field) from None


def evidence(stated: dict | str) -> AUSeries:
    """An AUSeries from what the client sent. Raises InputError."""
    if isinstance(stated, str):
        return parse_facs(stated)
    if "intensity" in stated:
        return state_series(stated)
    units = len(AU_NAMES)
    blank = AUSeries(np.zeros(1), np.zeros((1, units, 2)), np.zeros((1, units)), np.zeros(units, bool), "client")
    return state_levels(blank, stated, "evidence")


class Answering:
    """The running engine, and how one face's explanation comes out of it."""

    def __init__(self, engine_client, models):
        self.engine, self.models = engine_client, models
        self.tokenizer = engine_client.get_tokenizer()
        self.temperature = engine_client.model_config.hf_config.label_temperature

    def model_named(self, name: str | None) -> tuple:
        """(name, LoRA request or None). Raises VLLMNotFoundError."""
        if name is None or self.models.is_base_model(name):
            return name or self.models.model_name(), None
        if name in self.models.lora_requests:
            return name, self.models.lora_requests[name]
        raise VLLMNotFoundError(f"The model `{name}` does not exist. See /v1/models.")

    def check_fits(self, prepared: PreparedSource, question: str) -> None:
        """Raises BadRequest when the model cannot read the question and still answer it."""
        config, context = self.engine.model_config.hf_config, self.engine.model_config.max_model_len
        frames = [0 if s.chips is None else len(s.chips) for s in prepared.readable_subjects]
        words = len(self.tokenizer(prompt.user_turn(question), add_special_tokens=False)["input_ids"])
        tokens, most = words + config.face_tokens(max(frames, default=0)), context - answer_room(context) - CONCLUSION_TOKENS
        if tokens > most:
            raise BadRequest(f"question: it takes {tokens} tokens with the face, at most {most} can be read. Ask in fewer "
                             "words.", parameter="question")

    async def explanations(self, prepared: PreparedSource, body: ExplainRequest, model: str, lora) -> AsyncIterator[dict]:
        """{"face_id", "delta"} while a face's answer is written, then {"explanation"}; face after face."""
        question = body.question or prompt.DEFAULT_QUESTION
        for s in prepared.subjects:
            result = path.refusal(s) if s.refusal else None
            if result is None:
                async for piece in self._write(s, question, body.grounded, lora):
                    if isinstance(piece, Explanation):
                        result = piece
                    elif piece:
                        yield {"face_id": s.series.face_id, "delta": piece}
            yield {"explanation": path.sign(s, result, prepared, question, model).to_dict()}

    async def look(self, s: Subject) -> dict[str, float]:
        """The label distribution of a face by its pixels, as its explanation has it."""
        async for piece in self._write(s, prompt.DEFAULT_QUESTION, True, None):
            if isinstance(piece, Explanation):
                return piece.witnesses["look"]
        return {}

    async def _write(self, s: Subject, question: str, grounded: bool, lora) -> AsyncIterator[str | Explanation]:
        """The answer piece by piece, and at last its Explanation."""
        face = face_input(s.series, s.events, s.key_frames, s.chips, s.seen, s.prior)
        how = sampling(self.tokenizer, prompt.observe(s.series, s.events) if grounded else None, question, face.movements)
        sent, shown, last = "", 0, None
        async for output in self.engine.generate(face_prompt(self.tokenizer, face, question), how, _id(), lora_request=lora):
            last = output.outputs[0]
            sent = last.text
            lines = len(prompt.observations_of(sent))  # its prose is shown when it has been checked
            yield sent[shown:lines]
            shown = max(shown, lines)
        generated = conclusion_of(self.tokenizer, list(last.token_ids), last.logprobs, self.temperature, face)
        if generated is None:
            text = end_at_conclusion(sent)
            begun = face_prompt(self.tokenizer, face, question, text)
            async for output in self.engine.generate(begun, sampling_label(self.tokenizer), _id(), lora_request=lora):
                label = output.outputs[0]
            generated = add_label(text, self.tokenizer, label.logprobs, self.temperature, face, last.finish_reason == "stop")
        result = path.explanation_of(s, generated)
        yield result.text[shown:]
        yield result


async def _events(pieces: AsyncIterator[dict]) -> AsyncIterator[str]:
    try:
        async for piece in pieces:
            yield f"data: {json.dumps(piece)}\n\n"
    except Exception:  # the answer has begun, so its status can no longer tell
        log.exception("explaining broke off")
        yield f"data: {error_body(500, 'the explanation broke off; ask again').decode()}\n\n"
    yield "data: [DONE]\n\n"


def _stream_of(stored: list[dict]) -> StreamingResponse:
    async def pieces():
        for explanation in stored:
            yield {"explanation": explanation}

    return StreamingResponse(_events(pieces()), media_type="text/event-stream")


def _id() -> str:
    return f"explain-{uuid4().hex}"


class Plugin:
    """What vLLM asks of an endpoint plugin."""

    name = "emollm_api"
    required_tasks = ("generate",)

    def attach_router(self, app: FastAPI) -> None:
        app.include_router(router)
        app.include_router(talker_routes.router)

    async def init_state(self, engine_client, state, args: Namespace) -> None:
        config = engine_client.model_config.hf_config
        domains = tuple(d.lower() for d in getattr(args, "allowed_media_domains", None) or ())
        local = getattr(args, "allowed_local_media_path", "")
        configure(Shape(config.max_key_frames, config.chip_size), domains, Path(local).resolve() if local else None,
                  os.environ.get(environment.PRIOR, DEFAULT_PRIOR))
        state.emollm = Answering(engine_client, state.openai_serving_models)
        if os.environ.get(environment.TALKER):
            state.emollm_talking = await start_talker(os.environ[environment.TALKER], state.emollm, state.openai_serving_models)


async def start_talker(folder: str, seeing: Answering, models) -> talker_routes.TalkerService:
    """The talker with its own engine beside the one that sees, and listed first among the models."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    engine = AsyncLLM.from_engine_args(AsyncEngineArgs(
        model=folder, dtype=weights_for(), max_model_len=TALKER_CONTEXT, enforce_eager=not torch.cuda.is_available(), seed=0,
        max_num_seqs=16, gpu_memory_utilization=0.08, disable_log_stats=True))
    listed = models.show_available_models

    async def list_with_talker():
        models = await listed()
        card = models.data[0].model_copy(update={"id": TALKER, "root": TALKER, "parent": None, "max_model_len": TALKER_CONTEXT})
        models.data.insert(0, card)
        return models

    models.show_available_models = list_with_talker
    return talker_routes.TalkerService(engine, engine.get_tokenizer(), seeing.look)


def plugin() -> Plugin:
    return Plugin()
