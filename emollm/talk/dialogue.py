"""A conversation as the language model reads it: question, call, what was looked up, answer, and so on.

    system     SYSTEM
    user       are the mouth corners up?
    assistant  there AU12
    user       Measured:
               yes
               AU12 lip corner puller, raised mouth corners: 3.4 pronounced, both sides
    assistant  Yes: the mouth corners are raised (AU12, 3.4 pronounced).

Rendered by the language model's own chat template. The measurement stands in a turn that no user can write: MEASURED is taken
off the start of what users send, and so are the tokens that begin and end turns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emollm.answer.prompt import strip_special_tokens as without_turns
from emollm.talk.terms.stretches import heard

SYSTEM = "Facial movement chat."
MEASURED = "Measured:\n"
DIALOGUE_VERSION = "1"
CALL_TOKENS, REPLY_TOKENS = 48, 256


@dataclass
class Exchange:
    """One question on its way: what was asked, the call, what was looked up, what was answered."""

    question: str
    call: str = ""
    facts: str = ""
    answer: str = ""


def clean_question(question: str) -> str:
    """A question that cannot pose as a measurement."""
    return re.sub(r"^(\s*measured:\s*)+", "", without_turns(question), flags=re.IGNORECASE).strip()


def messages(exchanges: list[Exchange]) -> list[dict[str, str]]:
    """Everything up to what the model has to write next: a call when the last exchange has none, else its answer."""
    turns = [{"role": "system", "content": SYSTEM}]
    for e in exchanges:
        turns.append({"role": "user", "content": heard(clean_question(e.question))})
        if e.call:
            turns.append({"role": "assistant", "content": e.call})
        if e.facts:
            turns.append({"role": "user", "content": MEASURED + e.facts})
        if e.answer:
            turns.append({"role": "assistant", "content": e.answer})
    return turns


def prompt(tokenizer, exchanges: list[Exchange]) -> str:
    """Text of the conversation so far in the language model's own template, ready for what comes next."""
    return render_turns(tokenizer, messages(exchanges), True)


def render_turns(tokenizer, turns: list[dict[str, str]], begin: bool) -> str:
    """A template that knows no system turn is given its words before the first question."""
    try:
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=begin)
    except Exception as error:
        if "system" not in str(error).lower():
            raise
        first = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
        return tokenizer.apply_chat_template([first, *turns[2:]], tokenize=False, add_generation_prompt=begin)


def supervised_tokens(
    tokenizer, exchanges: list[Exchange], unwritten: set[int] = frozenset(), call_weight: float = 1.0
) -> tuple[list[int], list[float]]:
    """Token ids of a whole conversation, and how much each counts in training: 0 what is given, 1 an answer with its end of
    turn, `call_weight` a call with its own.

    unwritten: exchanges whose answer the model does not write itself (tables, JSON).
    """
    turns = messages(exchanges)
    writes = [k for k, m in enumerate(turns) if m["role"] == "assistant"]
    counts = [
        weight
        for k, e in enumerate(exchanges)
        for text, weight in ((e.call, call_weight), (e.answer, float(k not in unwritten)))
        if text
    ]
    ids: list[int] = []
    taught: list[float] = []
    at = ""
    for k, weight in zip(writes, counts, strict=True):
        before, after = render_turns(tokenizer, turns[:k], True), render_turns(tokenizer, turns[: k + 1], False)
        if not before.startswith(at) or not after.startswith(before):
            raise ValueError("this chat template changes earlier turns: a conversation cannot be taught turn by turn")
        for piece, counted in ((before[len(at) :], 0.0), (after[len(before) :].rstrip("\n"), weight)):
            piece_ids = tokenizer(piece, add_special_tokens=False)["input_ids"]
            ids += piece_ids
            taught += [counted] * len(piece_ids)
        at = before + after[len(before) :].rstrip("\n")
    return ids, taught
