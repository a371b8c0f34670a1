"""Answer batches of measured items and append the lines to a log: in the command's process, or in one of a cluster."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

from emollm.answer.prompt import DEFAULT_QUESTION
from emollm.caption.incoming.items import Item, Wishes
from emollm.caption.run import lines
from emollm.caption.run.job import Job
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Log
from emollm.caption.run.settings import digest
from emollm.explainer import answer
from emollm.explanation import Explanation
from emollm.schema import InputError
from emollm.subject import PreparedSource, choose, no_such_face, state_units, with_edits, with_prior

SURELY_FITS = 300  # characters of a question
GIVE_UP = 8  # failures of the model in a row that are its own, not the items'


class OwnFault(InputError):
    """The item's own fault, not the model's."""

    code = "invalid_request"


class ItemTooLong(OwnFault):
    code = "context_length_exceeded"


class Ask(NamedTuple):
    """One item ready for the model."""

    item: Item
    key: str
    prepared: PreparedSource  # without its edits


class Answerer:
    """Lets a model answer batches, and puts their lines on the disk."""

    def __init__(self, job: Job, log: Log, engine, host: str = ""):
        """engine: a model.engine.Engine, None as long as no face could be read. host: of another machine, for messages."""
        self.job, self.log, self.engine, self.host = job, log, engine, host
        self.settings_sha256 = digest(log.settings)
        self.failures = 0  # of the model, in a row

    def answer(self, asks: list[Ask]) -> list[bool]:
        """Whether each item, in their order, became an answer (True) or an error line.

        Raises InputError when there is no room, or when the model fails on everything.
        """
        written: list[Line] = []
        for ask, result in answer_in_parts(asks, self.engine, self.job):
            failed = isinstance(result, Exception)
            self.failures = self.failures + 1 if failed and not isinstance(result, OwnFault) else 0
            if self.failures >= GIVE_UP:
                self.log.append(written)
                raise self._give_up_error(result)
            if failed:
                code = getattr(result, "code", "generation_failed")
                written.append(lines.failure(ask.key, ask.item.custom_id, code, reason_of(result)))
            else:
                written.append(self._line(ask, result))
        self.log.append(written)
        return [line.ok for line in written]

    def _line(self, ask: Ask, explanations: list[Explanation]) -> Line:
        main = main_face(ask.prepared, ask.item.wishes.face)
        return lines.success(ask.key, ask.item.custom_id, explanations, self.job.model, int(time.time()), self.settings_sha256,
                             main, early_end(explanations[main].text, ask.item.wishes, self.engine))

    def _give_up_error(self, error: Exception) -> InputError:
        on, there = (f" on {self.host}", " there") if self.host else ("", "")
        return InputError(f"the model failed on {GIVE_UP} items in a row{on} ({reason_of(error)}). Finished lines are kept; "
                          f"run 'emollm doctor'{there}, then the same command again.")


def answer_in_parts(asks: list[Ask], engine, job: Job) -> Iterator[tuple[Ask, list[Explanation] | Exception]]:
    """Explanations of a batch, in its order. One that fails is halved until only the items that fail alone are left."""
    try:
        edited = [with_edits(_apply_wishes(a), dict(a.item.what_if)) for a in asks]
        for ask, prepared in zip(asks, edited, strict=True):
            check_fits(engine, ask.item, prepared)
        explanations = answer(edited, engine, [a.item.request for a in asks], job.grounded, job.model)
        for ask, faces in zip(asks, explanations, strict=True):
            for explanation in faces:
                explanation.question = ask.item.question or DEFAULT_QUESTION  # of a conversation the last one
                explanation.notices += _greedy_notice(ask.item.wishes.temperature)
    except Exception as error:
        if len(asks) == 1:
            yield asks[0], error
            return
        half = len(asks) // 2
        yield from answer_in_parts(asks[:half], engine, job)
        yield from answer_in_parts(asks[half:], engine, job)
    else:
        yield from zip(asks, explanations, strict=True)


def check_fits(engine, item: Item, prepared: PreparedSource) -> None:
    """Raises ItemTooLong when a question, with the conversation before it, leaves the model no room for an answer."""
    if len(item.words) < SURELY_FITS or not prepared.readable_subjects:
        return
    frames = max(0 if s.chips is None else len(s.chips) for s in prepared.readable_subjects)
    text = engine.processor.prompt_text(item.request, frames)
    tokens = len(engine.processor.tokenizer(text, add_special_tokens=False)["input_ids"])
    if tokens >= engine.context:
        raise ItemTooLong(f"messages: they take {tokens} tokens with the face, the model reads {engine.context} with its "
                          "answer. Leave out earlier turns.")


def main_face(prepared: PreparedSource, face: int | None = None) -> int:
    """Place of the face that a chat about this picture or clip would be about, among all that are explained. Raises OwnFault
    where there is no face of that number."""
    numbers = [s.series.face_id for s in prepared.subjects]
    if face is None:
        return numbers.index(choose(prepared, None).series.face_id) if prepared.readable_subjects else 0
    if face not in numbers:
        raise OwnFault(no_such_face("mm_processor_kwargs.face", face, prepared.subjects))
    return numbers.index(face)


def early_end(text: str, wishes: Wishes, engine) -> tuple[str, str] | None:
    """The message as far as it was asked for, and why it ends there; None for all of it."""
    ends = [at for word in wishes.stop if (at := text.find(word)) >= 0]
    text, reason = (text[:min(ends)], "stop") if ends else (text, "")
    if wishes.tokens and engine is not None:
        tokenizer = engine.processor.tokenizer
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        text, reason = (tokenizer.decode(ids[:wishes.tokens]), "length") if len(ids) >= wishes.tokens else (text, reason)
    return (text, reason) if reason else None


def _apply_wishes(ask: Ask) -> PreparedSource:
    """What was measured, under the prior and with the units that the request gives. Raises OwnFault."""
    wishes, prepared = ask.item.wishes, ask.prepared
    main = main_face(prepared, wishes.face)
    if wishes.au:
        subjects = [state_units(s, dict(wishes.au)) if k == main else s for k, s in enumerate(prepared.subjects)]
        prepared = dataclasses.replace(prepared, subjects=subjects)
    return prepared if wishes.prior is None else with_prior(prepared, wishes.prior)


def _greedy_notice(temperature: float) -> list[str]:
    words = f"temperature {temperature:g} was asked for; a batch is answered at 0, the same at every run"
    return [words] if temperature else []


def reason_of(error: Exception) -> str:
    first = str(error).splitlines()[0] if str(error) else ""
    return first if isinstance(error, InputError) else f"{type(error).__name__}: {first}"
