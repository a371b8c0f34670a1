"""The label of an answer in vLLM: its look and the movements together, as `emollm.model.generate.LabelOfBoth` has it.

vLLM runs logits processors where the model runs, maybe in another process, and gives them a request's sampling parameters
alone. So the reading of the movements travels there as `extra_args[MOVEMENTS]`, 25 plain numbers that our engine, our routes
and the gate compute from the face; clients cannot send it (admission.py). A request without it gets the model's own label.
"""

from __future__ import annotations

import functools

import torch
from vllm.exceptions import VLLMValidationError
from vllm.tokenizers import cached_tokenizer_from_config
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

from emollm.answer.witnesses import Movements
from emollm.model.generate import split_probability
from emollm.model.tokenizer import ANSWER_TAIL, is_label_next, label_tokens

MOVEMENTS = "emollm_movements"
PROCESSOR = "emollm_vllm.plugin.witness:LabelWitness"  # for vLLM's option logits_processors


def as_extra_args(witness: Movements | None) -> dict[str, list[float]] | None:
    """extra_args (or vllm_xargs) of a request about one face."""
    return None if witness is None else {MOVEMENTS: witness.as_numbers()}


class LabelWitness(AdapterLogitsProcessor):
    """Added by the engine and by `emollm serve`; see as_extra_args()."""

    @classmethod
    def validate_params(cls, params) -> None:
        """Raises VLLMValidationError for movements that are none."""
        try:
            _movements_of(params)
        except (TypeError, ValueError) as error:
            raise VLLMValidationError(f"{MOVEMENTS}: {error}") from None

    def __init__(self, vllm_config, device: torch.device, is_pin_memory: bool):
        super().__init__(vllm_config, device, is_pin_memory)
        self.model_config = vllm_config.model_config

    @functools.cached_property
    def tokenizer(self):
        return cached_tokenizer_from_config(self.model_config)

    def is_argmax_invariant(self) -> bool:
        return False

    def new_req_logits_processor(self, params):
        witness = _movements_of(params)
        return None if witness is None else functools.partial(self._share_out, witness)

    def _share_out(self, witness: Movements, written: list[int], logits: torch.Tensor) -> torch.Tensor:
        """One row's logits [vocabulary]. written: the answer's tokens so far."""
        if not is_label_next(self.tokenizer, written[-ANSWER_TAIL:]):
            return logits
        return split_probability(logits, label_tokens(self.tokenizer), self.model_config.hf_config.label_temperature, witness)


def _movements_of(params) -> Movements | None:
    numbers = (params.extra_args or {}).get(MOVEMENTS)
    return None if numbers is None else Movements.from_numbers(numbers)
