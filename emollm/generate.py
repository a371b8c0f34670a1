"""Let the model answer, with observation lines held to the measurement (grounded decoding).

The grammar: an observation line may only be one that `prompt.observe` would write for this face, with any of the unit's
looks; after "Interpretation:" the model writes freely. The label distribution is the model's own, read off where the
label begins, after all evidence.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import torch
from transformers import LogitsProcessor

from emollm import prompt
from emollm.facs import ACTION_UNITS
from emollm.processor import FaceInput
from emollm.schema import LABELS
from emollm.tokenizer import label_tokens

MAX_NEW_TOKENS = 512


@dataclass
class Generated:
    text: str
    distribution: dict[str, float]  # 8 labels, calibrated by the model's temperature
    complete: bool  # the model reached its conclusion by itself


class Grammar:
    """Which text may follow in the observation part of one answer."""

    def __init__(self, observations: list[prompt.Observation]):
        self.lines = [[prompt.render_observation(dataclasses.replace(o, look=look)) + "\n"
                       for look in ACTION_UNITS[o.au].look] for o in observations]

    def continuations(self, text: str) -> list[str] | None:
        """Strings that may come next after `text`; None once the observations are over."""
        written, _, line = text.rpartition("\n")
        if line.startswith(prompt.INTERPRETATION) or f"\n{prompt.INTERPRETATION}" in text:
            return None
        done = written.split("\n") if written else []
        following = self._position(done[-1]) + 1 if done and done[-1] != prompt.NOTHING else 0
        allowed = [choice for line_choices in self.lines[following:] for choice in line_choices]
        if not self.lines and not done:
            allowed.append(prompt.NOTHING + "\n")
        if done:
            allowed.append(prompt.INTERPRETATION)
        return [choice[len(line):] for choice in allowed if choice.startswith(line)]

    def _position(self, line: str) -> int:
        return next(k for k, choices in enumerate(self.lines) if line + "\n" in choices)


@functools.lru_cache(maxsize=4)
def token_texts(tokenizer) -> dict[str, list[int]]:
    """Ids by the text they write, special tokens left out."""
    texts: dict[str, list[int]] = {}
    special = set(tokenizer.all_special_ids) | {tokenizer.convert_tokens_to_ids(t) for t in prompt.SPECIAL_TOKENS}
    for i in set(range(len(tokenizer))) - special:
        texts.setdefault(tokenizer.decode([i]), []).append(i)
    return texts


class GroundedObservations(LogitsProcessor):
    """Masks every token that would leave the grammar. One grammar per row; `start` is the prompt's padded length."""

    def __init__(self, tokenizer, grammars: list[Grammar], start: int):
        self.tokenizer, self.grammars, self.start = tokenizer, grammars, start
        self.texts = token_texts(tokenizer)
        self.over = [False] * len(grammars)  # rows whose observations are done

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        for row, grammar in enumerate(self.grammars):
            if self.over[row]:
                continue
            choices = grammar.continuations(self.tokenizer.decode(input_ids[row, self.start:]))
            if choices is None:
                self.over[row] = True
                continue
            allowed = {i for c in choices for end in range(1, len(c) + 1) for i in self.texts.get(c[:end], ())}
            mask = torch.full_like(scores[row], float("-inf"))
            mask[list(allowed)] = 0.0
            scores[row] = scores[row] + mask
        return scores


@torch.inference_mode()
def generate(model, processor, faces: list[FaceInput], questions: list[str], observations: list[list] | None = None,
             max_new_tokens: int = MAX_NEW_TOKENS) -> list[Generated]:
    """Greedy answers, one a face. `observations` (one list a face, from prompt.observe) turns grounded decoding on."""
    tokenizer = processor.tokenizer
    batch = processor.encode(faces, questions).to(model.device)
    start = batch["input_ids"].shape[1]
    grounded = [] if observations is None else [
        GroundedObservations(tokenizer, [Grammar(o) for o in observations], start)]
    out = model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False, logits_processor=grounded,
                         return_dict_in_generate=True, output_logits=True, pad_token_id=tokenizer.pad_token_id,
                         eos_token_id=tokenizer.eos_token_id, suppress_tokens=_never_written(tokenizer))
    logits = torch.stack(out.logits, 1)  # [B, new, vocabulary]
    return [_finish(model, processor, face, question, ids[start:].tolist(), row)
            for face, question, ids, row in zip(faces, questions, out.sequences, logits, strict=True)]


def _never_written(tokenizer) -> list[int]:
    """Special tokens that have no place in an answer: a second face or turn would be read as one afterwards."""
    return [tokenizer.convert_tokens_to_ids(t) for t in prompt.SPECIAL_TOKENS if t != tokenizer.eos_token]


def _finish(model, processor, face, question, ids: list[int], logits: torch.Tensor) -> Generated:
    """Cut at the end token and read the label distribution; a runaway answer is brought to its conclusion first."""
    tokenizer = processor.tokenizer
    if tokenizer.eos_token_id in ids:
        ids = ids[:ids.index(tokenizer.eos_token_id)]
    labels = label_tokens(tokenizer)
    at = next((k for k, i in enumerate(ids) if i in labels
               and f"\n{tokenizer.decode(ids[:k])}".endswith(f"\n{prompt.CONCLUSION}")), None)
    text = tokenizer.decode(ids)
    if at is not None:
        return Generated(text, _distribution(logits[at], labels, model.config.label_temperature), True)
    text = text.rsplit(f"\n{prompt.CONCLUSION}", 1)[0].rstrip() + f"\n{prompt.CONCLUSION}"
    distribution = conclude(model, processor, face, question, text)
    return Generated(f"{text} {max(distribution, key=distribution.get)}.", distribution, False)


@torch.inference_mode()
def conclude(model, processor, face: FaceInput, question: str, text: str) -> dict[str, float]:
    """Label distribution after a given answer text that ends with "Conclusion:"."""
    batch = processor.encode([face], [question]).to(model.device)
    tail = torch.tensor([processor.tokenizer(text, add_special_tokens=False)["input_ids"]], device=model.device)
    batch["input_ids"] = torch.cat([batch["input_ids"], tail], 1)
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    logits = model(**batch).logits[0, -1]
    return _distribution(logits, label_tokens(processor.tokenizer), model.config.label_temperature)


def _distribution(logits: torch.Tensor, labels: list[int], temperature: float) -> dict[str, float]:
    share = (logits[labels].float() / temperature).softmax(-1).tolist()
    return dict(zip(LABELS, share, strict=True))
