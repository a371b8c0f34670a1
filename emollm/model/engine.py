"""Who answers: one small interface, so that explain, chat and captioning run on transformers or on vLLM alike.

Both engines are given the same `FaceInput` and write the same prompt; greedy answers are equal token by token
(tests/test_serve_parity.py). The vLLM engine lives in serve/emollm_vllm/plugin/engine.py, found by its entry point.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from emollm.model.checkpoint import Shape
from emollm.schema import DEFAULT_MODEL, InputError

if TYPE_CHECKING:
    from emollm.answer.prompt import Observation
    from emollm.model.generate import GeneratedAnswer
    from emollm.model.processor import FaceInput

BACKENDS = ("transformers", "vllm")
Question = str | list[str]  # or the turns of a chat so far: question, answer, ..., question


class Engine(Protocol):
    shape: Shape
    context: int  # tokens of prompt and answer together

    def answer(self, faces: list[FaceInput], questions: list[Question],
               observations: list[list[Observation] | None] | None = None) -> list[GeneratedAnswer]:
        """Greedy answers, one a face. A face with observations (prompt.observe) is answered with grounded decoding."""

    def stream(self, face: FaceInput, question: Question, observations: list[Observation] | None = None) -> Iterator[str]:
        """Pieces of one greedy answer, as they are written."""


class TransformersEngine:
    """The Hugging Face model in this process."""

    def __init__(self, model: str = DEFAULT_MODEL):
        from emollm.model.checkpoint import load

        self.model, self.processor = load(model)
        self.shape = Shape(self.model.config.max_key_frames, self.processor.chip_size)
        self.context: int = self.model.config.text_config.max_position_embeddings  # tokens of prompt and answer together

    def answer(self, faces, questions, observations=None) -> list[GeneratedAnswer]:
        from emollm.model.generate import generate

        return generate(self.model, self.processor, faces, questions, observations)

    def stream(self, face, question, observations=None) -> Iterator[str]:
        from emollm.model.generate import stream

        return stream(self.model, self.processor, face, question, observations)


@functools.lru_cache(maxsize=2)
def engine(model: str = DEFAULT_MODEL, backend: str = BACKENDS[0]) -> Engine:
    """Engine of a model, kept in memory. Raises InputError for an unknown backend or when vLLM is not installed."""
    if backend == "transformers":
        return TransformersEngine(model)
    if backend != "vllm":
        raise InputError(f"unknown engine '{backend}': use one of {', '.join(BACKENDS)}")
    (entry,) = entry_points(group="emollm.engines", name=backend) or (None,)
    try:
        kind = entry and entry.load()
    except ModuleNotFoundError as error:
        raise InputError(f"engine 'vllm' needs {error.name}: pip install 'emollm[serve-cpu]' (or [serve] with CUDA)") from None
    if kind is None:
        raise InputError(f"engine '{backend}' is not installed with this emollm: pip install 'emollm[serve-cpu]'")
    return kind(model)
