"""The talker: a language model that reads a question, has it looked up, and words the answer; every answer is checked.

    1 call      the model writes what to look up            "there AU12"
    2 look_up   the measurement answers                     "yes; AU12 lip corner puller ...: 3.4 pronounced, both sides"
    3 write     the model words it                          "Yes: the mouth corners are raised (AU12, 3.4 pronounced)."
                (knowledge, refusals and small talk are given as they were looked up)
    4 check     an answer that the measurement, or what was looked up, does not bear out is replaced by the plain one

`steps` is these four as a generator that asks whoever runs it for the model's words, so that a model in this process and a
server's engine, which must not be waited for, go the same way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from emollm.talk.call import Call, parse
from emollm.talk.check import wrong
from emollm.talk.dialogue import ANSWER_TOKENS, CALL_TOKENS, Exchange
from emollm.talk.face import Face
from emollm.talk.lookup import look_up

KEPT = 6  # exchanges of a conversation that the model is given
STYLED = ("why", "label", "movements")  # calls whose answer a wanted style can take the place of


class Writer(Protocol):
    """What writes: a language model in this process, or a server. own_words: see check.wrong."""

    own_words: bool

    def write(self, exchanges: list[Exchange], most: int) -> Iterator[str]:
        """Pieces of what comes next in a conversation, the call or the answer of its last exchange, at most so many tokens."""


@dataclass
class Reply:
    """One answer. text: what is shown; written: what the model wrote; mended: why it is not the same, empty when it is."""

    exchange: Exchange
    call: Call
    text: str = ""
    written: str = ""
    mended: list[str] = field(default_factory=list)


Asking = Generator[tuple[list[Exchange], int], str, Reply]  # asks for what comes next in a conversation, as Writer.write
FaceOf = Callable[[Call], "Face | None"]


def steps(before: list[Exchange], question: str, face: FaceOf, style: str = "", checked: bool = True,
          own_words: bool = False) -> Asking:
    """Steps 1 to 4 for one question. before: the conversation so far; face: what a call is looked up in, None without a
    picture; style: of call.STYLES, how explanations are wanted; checked: False shows what the model writes; own_words: of the
    check."""
    before = before[-KEPT:]
    exchange = Exchange(question)
    call = parse((yield [*before, exchange], CALL_TOKENS))
    if style and call.name in STYLED:
        call = Call("tell", word=style)
    exchange.call = str(call)
    seen = face(call)
    looked = look_up(call, seen)
    exchange.facts = looked.text()
    if looked.given:
        exchange.answer = looked.answer(random.Random(question))  # a wording of its own for each question, always the same
        return Reply(exchange, call, exchange.answer, exchange.answer)
    written = _tidy((yield [*before, exchange], ANSWER_TOKENS))
    found = wrong(written, looked, call, seen, own_words) if checked else []
    exchange.answer = looked.answer() if found else written
    return Reply(exchange, call, exchange.answer, written, found)


def _tidy(text: str) -> str:
    """Sentences that begin with a capital."""
    return re.sub(r"(?<=[.!?] )[a-z]", lambda m: m[0].upper(), text.strip())


def advance(asking: Asking, written: str | None = None) -> tuple[list[Exchange], int] | Reply:
    """What the steps ask for next, or the reply they end with. written: what they asked for before, None at their start."""
    try:
        return asking.send(written)
    except StopIteration as done:
        return done.value


def reply(writer: Writer, before: list[Exchange], question: str, face: FaceOf, style: str = "", checked: bool = True) -> Reply:
    """The steps with a model in this process."""
    asking = steps(before, question, face, style, checked, writer.own_words)
    step = advance(asking)
    while not isinstance(step, Reply):
        step = advance(asking, "".join(writer.write(*step)))
    return step
