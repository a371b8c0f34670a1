"""Let the model answer, with observation lines held to the measurement (grounded decoding).

The lines follow answer.grammar; from "Interpretation:" or "Conclusion:" on the model writes freely. The label distribution is
read off where the label begins, after all evidence: the model's own there (the look of the face) together with the reading of
the movements (answer.witnesses). The same distribution decides which label is written, so that the words after it follow it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import LogitsProcessor, TextIteratorStreamer

from emollm.answer import prompt
from emollm.answer.grammar import Grammar
from emollm.answer.witnesses import Movements, combine_witnesses
from emollm.model.processor import FaceInput
from emollm.model.tokenizer import ANSWER_TAIL, is_label_next, label_position, label_tokens, token_texts
from emollm.schema import LABELS


@dataclass
class GeneratedAnswer:
    text: str
    distribution: dict[str, float]  # 8 labels, of look and movements together
    complete: bool  # the model reached its conclusion by itself
    look: dict[str, float] = field(default_factory=dict)  # the model's own, calibrated by its temperature


class GroundedObservations(LogitsProcessor):
    """Masks every token that would leave the grammar. One grammar per row (None: free); `start` is the prompt's padded
    length."""

    def __init__(self, tokenizer, grammars: list[Grammar | None], start: int):
        self.tokenizer, self.grammars, self.start = tokenizer, grammars, start
        self.texts = token_texts(tokenizer)
        self.longest = max(map(len, self.texts))
        self.over = [False] * len(grammars)  # rows whose observations are done

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        for row, grammar in enumerate(self.grammars):
            if self.over[row]:
                continue
            text = self.tokenizer.decode(input_ids[row, self.start:])
            choices = grammar and grammar.continuations(text)
            if choices is None:
                self.over[row] = True
                continue
            begins = {c[:end] for c in choices for end in range(1, min(len(c), self.longest) + 1)}
            allowed = {i for begin in begins for i in self.texts.get(begin, ())}
            mask = torch.full_like(scores[row], float("-inf"))
            mask[[*allowed, *[self.tokenizer.eos_token_id] * grammar.may_end(text)]] = 0.0
            scores[row] = scores[row] + mask
        return scores


class LabelOfBoth(LogitsProcessor):
    """Where an answer names its label, shares the labels' probability out among them as both witnesses say.

    One `Movements` per row (None: the model's own label); `start` is the prompt's padded length.
    """

    def __init__(self, tokenizer, said: list[Movements | None], start: int, temperature: float):
        self.tokenizer, self.said, self.start, self.temperature = tokenizer, said, start, temperature
        self.labels = label_tokens(tokenizer)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        for row, witness in enumerate(self.said):
            if witness is not None and is_label_next(self.tokenizer, input_ids[row, self.start:][-ANSWER_TAIL:].tolist()):
                scores[row] = split_probability(scores[row], self.labels, self.temperature, witness)
        return scores


def split_probability(logits: torch.Tensor, labels: list[int], temperature: float, witness: Movements) -> torch.Tensor:
    """One position's logits [vocabulary] with the labels' probability, as a whole unchanged, divided as both witnesses say."""
    own = logits[labels].float()
    if not torch.isfinite(own).all():  # a form that does not allow every label
        return logits
    share = torch.from_numpy(combine_witnesses(_look(own, temperature), witness)).to(own)
    changed = logits.clone()
    changed[labels] = (own.logsumexp(0) + share.log()).to(logits.dtype)
    return changed


def _look(own: torch.Tensor, temperature: float) -> np.ndarray:
    return (own.double() / temperature).softmax(-1).cpu().numpy()


@torch.inference_mode()
def generate(model, processor, faces: list[FaceInput], questions: list[str | list[str]],
             observations: list[list | None] | None = None,
             max_new_tokens: int = prompt.ANSWER_TOKENS) -> list[GeneratedAnswer]:
    """Greedy answers, one a face. A question may be the turns of a chat (prompt.user_turn). `observations` (one list a
    face, from prompt.observe) turns grounded decoding on; None for a face leaves it off there."""
    batch, settings = _model_input(model, processor, faces, questions, observations, max_new_tokens)
    start = batch["input_ids"].shape[1]
    out = model.generate(**batch, **settings, return_dict_in_generate=True, output_logits=True)
    logits = torch.stack(out.logits, 1)  # [B, new, vocabulary]
    return [_finish(model, processor, face, question, ids[start:].tolist(), row)
            for face, question, ids, row in zip(faces, questions, out.sequences, logits, strict=True)]


def stream(model, processor, face: FaceInput, question: str | list[str], observations: list | None = None,
           max_new_tokens: int = prompt.ANSWER_TOKENS) -> Iterator[str]:
    """One greedy answer, piece by piece as it is written; closing the iterator stops the model after its current token."""
    batch, settings = _model_input(model, processor, [face], [question], [observations], max_new_tokens)
    pieces = TextIteratorStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
    failed, left = [], threading.Event()

    def has_left(ids: torch.Tensor, *_, **__) -> torch.Tensor:
        return torch.full((len(ids),), left.is_set(), device=ids.device)

    def write() -> None:
        try:
            with torch.inference_mode():
                model.generate(**batch, **settings, streamer=pieces, stopping_criteria=[has_left])
        except BaseException as error:  # handed to the reader below, whose next() would wait for ever otherwise
            failed.append(error)
            pieces.end()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield from (piece for piece in pieces if piece)
    finally:  # also when the reader goes away: two answers must not be written at once, nor one while Python ends
        left.set()
        writer.join()
    if failed:
        raise failed[0]


def _model_input(model, processor, faces, questions, observations, max_new_tokens: int) -> tuple:
    """Model input and generation settings of a batch."""
    tokenizer = processor.tokenizer
    batch = processor.encode(faces, questions).to(model.device)
    grammars = [None if o is None else Grammar(o, q) for o, q in zip(observations or [], questions, strict=bool(observations))]
    start = batch["input_ids"].shape[1]
    processors = [GroundedObservations(tokenizer, grammars, start)] if any(grammars) else []
    processors.append(LabelOfBoth(tokenizer, [f.movements for f in faces], start, model.config.label_temperature))
    return batch, {"max_new_tokens": max_new_tokens, "do_sample": False, "logits_processor": processors,
                   "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id,
                   "suppress_tokens": forbidden_tokens(tokenizer)}


def forbidden_tokens(tokenizer) -> list[int]:
    """Special tokens that have no place in an answer: a second face or turn would be read as one afterwards."""
    return [tokenizer.convert_tokens_to_ids(t) for t in prompt.SPECIAL_TOKENS if t != tokenizer.eos_token]


def _finish(model, processor, face, question, ids: list[int], logits: torch.Tensor) -> GeneratedAnswer:
    """Cut at the end token and read the label distribution; an answer without a conclusion is brought to one."""
    tokenizer = processor.tokenizer
    ended = tokenizer.eos_token_id in ids
    ids = ids[:ids.index(tokenizer.eos_token_id)] if ended else ids
    at = label_position(tokenizer, ids)
    text = tokenizer.decode(ids)
    if at is not None:
        look = distribution(logits[at], label_tokens(tokenizer), model.config.label_temperature)
        return GeneratedAnswer(text, label_distribution(look, face), True, look)
    text = end_at_conclusion(text)
    look = conclude(model, processor, face, question, text)
    return add_conclusion(text, look, face, ended)


def label_distribution(look: dict[str, float], face: FaceInput) -> dict[str, float]:
    """The label distribution of one face, from the model's own and the reading of its movements."""
    if face.movements is None:
        return look
    share = combine_witnesses(np.array([look[label] for label in LABELS]), face.movements)
    return dict(zip(LABELS, share.tolist(), strict=True))


def add_conclusion(text: str, look: dict[str, float], face: FaceInput, ended: bool) -> GeneratedAnswer:
    """An answer that ends with "Conclusion:", brought to its label."""
    share = label_distribution(look, face)
    return GeneratedAnswer(f"{text} {max(share, key=share.get)}.", share, ended, look)


def end_at_conclusion(text: str) -> str:
    """An answer without a label, cut or extended so that it ends with "Conclusion:"."""
    return text.rsplit(f"\n{prompt.CONCLUSION}", 1)[0].rstrip() + f"\n{prompt.CONCLUSION}"


@torch.inference_mode()
def conclude(model, processor, face: FaceInput, question: str | list[str], text: str) -> dict[str, float]:
    """The model's own label distribution (the look) after a given answer text that ends with "Conclusion:"."""
    batch = processor.encode([face], [question]).to(model.device)
    tail = torch.tensor([processor.tokenizer(text, add_special_tokens=False)["input_ids"]], device=model.device)
    batch["input_ids"] = torch.cat([batch["input_ids"], tail], 1)
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    logits = model(**batch).logits[0, -1]
    return distribution(logits, label_tokens(processor.tokenizer), model.config.label_temperature)


def distribution(logits: torch.Tensor, labels: list[int], temperature: float) -> dict[str, float]:
    """The eight labels' share of one position's logits (or log-probabilities) [vocabulary]."""
    share = (logits[labels].float() / temperature).softmax(-1).tolist()
    return dict(zip(LABELS, share, strict=True))
