"""A conversation as the language model reads it: question, call, what was looked up, answer, and so on.

    system     SYSTEM
    user       are the mouth corners up?
    assistant  there AU12
    user       Measured:
               yes
               AU12 lip corner puller, raised mouth corners: 3.4 pronounced, both sides
    assistant  Yes: the mouth corners are raised (AU12, 3.4 pronounced).

Rendered by the language model's own chat template. The measurement stands in a turn that no user can write: MEASURED is taken
off the start of what users send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TALKER = "talker"  # the shipped one
SYSTEM = "Facial movement chat."
MEASURED = "Measured:\n"
DIALOGUE_VERSION = "1"
CALL_TOKENS, ANSWER_TOKENS = 48, 256


@dataclass
class Exchange:
    """One question on its way: what was asked, the call, what was looked up, what was answered."""

    question: str
    call: str = ""
    facts: str = ""
    answer: str = ""


def plain(question: str) -> str:
    """A question that cannot pose as a measurement."""
    return re.sub(r"^(\s*measured:\s*)+", "", question, flags=re.IGNORECASE).strip()


def messages(exchanges: list[Exchange]) -> list[dict[str, str]]:
    """Everything up to what the model has to write next: a call when the last exchange has none, else its answer."""
    said = [{"role": "system", "content": SYSTEM}]
    for e in exchanges:
        said.append({"role": "user", "content": plain(e.question)})
        if e.call:
            said.append({"role": "assistant", "content": e.call})
        if e.facts:
            said.append({"role": "user", "content": MEASURED + e.facts})
        if e.answer:
            said.append({"role": "assistant", "content": e.answer})
    return said


def prompt(tokenizer, exchanges: list[Exchange]) -> str:
    """Text of the conversation so far in the language model's own template, ready for what comes next."""
    return rendered(tokenizer, messages(exchanges), True)


def rendered(tokenizer, said: list[dict[str, str]], begin: bool) -> str:
    """A template that knows no system turn is given its words before the first question."""
    try:
        return tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=begin)
    except Exception as error:
        if "system" not in str(error).lower():
            raise
        first = {"role": "user", "content": f"{said[0]['content']}\n\n{said[1]['content']}"}
        return tokenizer.apply_chat_template([first, *said[2:]], tokenize=False, add_generation_prompt=begin)


def supervised(tokenizer, exchanges: list[Exchange], unwritten: set[int] = frozenset()) -> tuple[list[int], list[bool]]:
    """Token ids of a whole conversation, and which of them the model is taught: calls and answers with their end of turn.

    unwritten: exchanges whose answer the model does not write itself (tables, JSON).
    """
    said = messages(exchanges)
    writes = [k for k, m in enumerate(said) if m["role"] == "assistant"]
    answers = iter(range(len(exchanges)))
    skipped = set()
    for e, k in zip(exchanges, answers, strict=True):
        if e.answer and k in unwritten:
            skipped.add(next(j for j, m in enumerate(said) if m["content"] == e.answer and m["role"] == "assistant"))
    ids: list[int] = []
    taught: list[bool] = []
    at = ""
    for k in writes:
        before, after = rendered(tokenizer, said[:k], True), rendered(tokenizer, said[:k + 1], False)
        if not before.startswith(at) or not after.startswith(before):
            raise ValueError("this chat template changes earlier turns: a conversation cannot be taught turn by turn")
        for piece, learn in ((before[len(at):], False), (after[len(before):].rstrip("\n"), k not in skipped)):
            piece_ids = tokenizer(piece, add_special_tokens=False)["input_ids"]
            ids += piece_ids
            taught += [learn] * len(piece_ids)
        at = before + after[len(before):].rstrip("\n")
    return ids, taught
