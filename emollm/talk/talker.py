"""The talker: a language model that reads a question, has it looked up, and words the answer; every sentence is checked.

    1 call      the model writes what to look up            "there AU12"
    2 look_up   the measurement answers                     "yes; AU12 lip corner puller ...: 3.4 pronounced, both sides"
    3 write     the model words it                          "Yes: the mouth corners are raised (AU12, 3.4 pronounced)."
    4 check     sentences that the measurement, or what was looked up, does not bear out are replaced by the plain answer
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from emollm.talk.call import Call, parse
from emollm.talk.check import wrong
from emollm.talk.dialogue import ANSWER_TOKENS, CALL_TOKENS, Exchange, prompt
from emollm.talk.face import Face
from emollm.talk.lookup import look_up

KEPT = 6  # exchanges of a conversation that the model is given


class Writer(Protocol):
    """What writes: a language model in this process, or a server."""

    tokenizer: object

    def write(self, text: str, most: int) -> Iterator[str]:
        """Pieces of the greedy continuation of a prompt, up to its end of turn or `most` tokens."""


@dataclass
class Reply:
    """One answer. text: what is shown; written: what the model wrote; mended: why it is not the same, empty when it is."""

    exchange: Exchange
    call: Call
    text: str = ""
    written: str = ""
    mended: list[str] = field(default_factory=list)


def understood(writer: Writer, before: list[Exchange], question: str) -> tuple[Exchange, Call]:
    """Step 1: the question with its call."""
    exchange = Exchange(question)
    line = "".join(writer.write(prompt(writer.tokenizer, [*before[-KEPT:], exchange]), CALL_TOKENS)).strip()
    call = parse(line)
    exchange.call = str(call)
    return exchange, call


def reply(writer: Writer, before: list[Exchange], question: str, face: Face | None, checked: bool = True) -> Reply:
    """Steps 1 to 4 for one question. before: the conversation so far; face: None without a picture."""
    exchange, call = understood(writer, before, question)
    return answered(writer, before, exchange, call, face, checked)


def answered(writer: Writer, before: list[Exchange], exchange: Exchange, call: Call, face: Face | None,
             checked: bool = True) -> Reply:
    """Steps 2 to 4."""
    looked = look_up(call, face)
    exchange.facts = looked.text()
    if looked.whole:
        exchange.answer = looked.answer()
        return Reply(exchange, call, exchange.answer, exchange.answer)
    asked = Exchange(exchange.question, exchange.call, exchange.facts)
    written = "".join(writer.write(prompt(writer.tokenizer, [*before[-KEPT:], asked]), ANSWER_TOKENS)).strip()
    found = wrong(written, looked, call, face) if checked else []
    exchange.answer = looked.answer() if found else written
    return Reply(exchange, call, exchange.answer, written, found)
