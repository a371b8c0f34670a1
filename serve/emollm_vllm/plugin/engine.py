"""vLLM in this process as an engine (emollm.model.engine): continuous batching, the same answers as transformers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch

from emollm.answer import prompt
from emollm.answer.grammar import Grammar
from emollm.answer.witnesses import Movements
from emollm.model.checkpoint import Shape, find, load_processor
from emollm.model.generate import (
    GeneratedAnswer,
    add_conclusion,
    distribution,
    end_at_conclusion,
    forbidden_tokens,
    label_distribution,
)
from emollm.model.processor import FaceInput
from emollm.model.tokenizer import label_position, label_tokens
from emollm.request_fields import MOST_MEDIA
from emollm.schema import DEFAULT_MODEL
from emollm_vllm.environment import NEEDED, PREFERRED

ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this very process: no start of a second one, no copies
    "VLLM_PLUGINS": "emollm",
    **PREFERRED,
    **NEEDED,
}


class VLLMEngine:
    """vllm.LLM around one model. float32 by default, so that answers are those of the transformers engine."""

    def __init__(self, model: str = DEFAULT_MODEL, **options):
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from vllm import LLM

        from emollm_vllm.plugin.witness import PROCESSOR

        folder = str(find(model))
        self.processor = load_processor(model)
        self.tokenizer = self.processor.tokenizer
        self.llm = LLM(folder, **{"dtype": "float32", "seed": 0, "enforce_eager": not torch.cuda.is_available(),
                                  "limit_mm_per_prompt": MOST_MEDIA, "disable_log_stats": True,
                                  "logits_processors": [PROCESSOR]} | options)
        config = self.llm.llm_engine.model_config.hf_config
        self.shape = Shape(config.max_key_frames, config.chip_size)
        self.context: int = self.llm.llm_engine.model_config.max_model_len  # tokens of prompt and answer together
        self.labels, self.temperature = label_tokens(self.tokenizer), config.label_temperature
        self.requests = 0

    def answer(self, faces, questions, observations=None, lora=None) -> list[GeneratedAnswer]:
        """As Engine.answer; lora: a vLLM LoRARequest."""
        observed = observations or [None] * len(faces)
        prompts = [self._prompt(f, q) for f, q in zip(faces, questions, strict=True)]
        settings = [sampling(self.tokenizer, o, q, f.movements) for f, o, q in zip(faces, observed, questions, strict=True)]
        for how in settings:
            how.detokenize = False  # vLLM would write out eight labels a token that nobody reads
        outputs = [o.outputs[0] for o in self.llm.generate(prompts, settings, use_tqdm=False, lora_request=lora)]
        answers = [conclusion_of(self.tokenizer, list(o.token_ids), o.logprobs, self.temperature, f)
                   for f, o in zip(faces, outputs, strict=True)]
        for k, answer in enumerate(answers):
            if answer is None:  # brought to a conclusion, as the transformers engine does
                text = end_at_conclusion(self.tokenizer.decode(outputs[k].token_ids, skip_special_tokens=True))
                asked = self._prompt(faces[k], questions[k], text)
                last = self.llm.generate([asked], sampling_label(self.tokenizer), use_tqdm=False, lora_request=lora)[0]
                answers[k] = add_label(text, self.tokenizer, last.outputs[0].logprobs, self.temperature, faces[k],
                                       outputs[k].finish_reason == "stop")
        return answers

    def stream(self, face, question, observations=None) -> Iterator[str]:
        """As Engine.stream."""
        from vllm.sampling_params import RequestOutputKind

        settings = sampling(self.tokenizer, observations, question, face.movements)
        settings.output_kind = RequestOutputKind.DELTA
        engine, self.requests = self.llm.llm_engine, self.requests + 1
        name = f"stream-{self.requests}"
        engine.add_request(name, self._prompt(face, question), settings)
        try:
            while engine.has_unfinished_requests():
                for output in engine.step():
                    if output.outputs[0].text:
                        yield output.outputs[0].text
        finally:  # a reader who goes away must not leave the rest of this answer to the next one
            engine.abort_request([name])

    def _prompt(self, face: FaceInput, question, begun: str = "") -> dict:
        return face_prompt(self.tokenizer, face, question, begun)


def face_prompt(tokenizer, face: FaceInput, question: str | list[str], begun: str = "") -> dict:
    """A prompt for vLLM about one face; begun: the answer so far."""
    ids = [i for text in (prompt.user_turn(question), begun) for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    return {"prompt_token_ids": ids, "multi_modal_data": {"image": [face]}}


def sampling(tokenizer, observations: list | None, question: str | list[str], witness: Movements | None = None,
             max_tokens: int = prompt.ANSWER_TOKENS):
    """Greedy, held to the observations and to what the movements say when they are given, with the labels' log-probabilities
    at every token, as the model alone has them."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    from emollm_vllm.plugin.witness import as_extra_args

    grammar = None if observations is None else StructuredOutputsParams(grammar=Grammar(observations, question).as_ebnf())
    return SamplingParams(temperature=0.0, max_tokens=max_tokens, structured_outputs=grammar,
                          logit_bias=dict.fromkeys(forbidden_tokens(tokenizer), -100.0),
                          logprob_token_ids=label_tokens(tokenizer), extra_args=as_extra_args(witness))


def sampling_label(tokenizer):
    """One token: the label after "Conclusion:"."""
    from vllm import SamplingParams

    labels = label_tokens(tokenizer)
    return SamplingParams(temperature=0.0, max_tokens=1, allowed_token_ids=labels, logprob_token_ids=labels)


def conclusion_of(tokenizer, ids: list[int], logprobs: list[dict], temperature: float,
                  face: FaceInput) -> GeneratedAnswer | None:
    """The answer with the label distribution read at its conclusion; None when it has none."""
    ids = ids[:ids.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in ids else ids
    at = label_position(tokenizer, ids)
    if at is None:
        return None
    look = _shares(tokenizer, logprobs[at], temperature)
    return GeneratedAnswer(tokenizer.decode(ids), label_distribution(look, face), True, look)


def add_label(text: str, tokenizer, logprobs: list[dict], temperature: float, face: FaceInput, ended: bool) -> GeneratedAnswer:
    """The answer whose label was asked for after `text`."""
    return add_conclusion(text, _shares(tokenizer, logprobs[0], temperature), face, ended)


def _shares(tokenizer, logprobs: dict, temperature: float) -> dict[str, float]:
    labels = label_tokens(tokenizer)
    return distribution(torch.tensor([logprobs[i].logprob for i in labels]), list(range(len(labels))), temperature)
