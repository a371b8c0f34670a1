"""The forms in which OpenAI's clients expect an answer of the talker: a chat completion or a response, whole or in pieces.

The answer has been checked by then, so a stream brings it word by word at once; its last piece holds what it rests on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

from emollm.explanation import DISCLOSURE
from emollm.talk.talker import Reply


def basis(reply: Reply) -> dict:
    """What an answer rests on: its calls, what was looked up, and why it was replaced, where it was."""
    every = [*reply.before, reply]
    return {"call": "; ".join(map(str, reply.calls)),
            "looked_up": [line for one in every for line in one.exchange.facts.split("\n")],
            "mended": [reason for one in every for reason in one.mended],
            "disclosure": DISCLOSURE}


def _words(text: str) -> list[str]:
    """The text in words, each with the blank behind it."""
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


@dataclass
class Form:
    """An answer on its way to a client: `full_body()` as one JSON object, `pieces()` as the events of a stream. tokens: of the
    question and of the answer."""

    model: str
    said: Reply
    tokens: tuple[int, int]
    id: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

class Completion(Form):
    """https://platform.openai.com/docs/api-reference/chat"""

    @property
    def head(self) -> dict:
        return {"id": f"chatcmpl-{self.id}", "created": self.created, "model": self.model}

    def full_body(self) -> dict:
        message = {"role": "assistant", "content": self.said.text}
        asked, written = self.tokens
        return self.head | {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written},
            "emollm": basis(self.said),
        }

    def pieces(self) -> Iterator[str]:
        yield self._piece({"role": "assistant", "content": ""})
        for word in _words(self.said.text):
            yield self._piece({"content": word})
        yield self._piece({}, "stop", emollm=basis(self.said))
        yield "data: [DONE]\n\n"

    def _piece(self, delta: dict, reason: str | None = None, **more) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps(self.head | {'object': 'chat.completion.chunk', 'choices': [choice]} | more)}\n\n"


@dataclass
class Response(Form):
    """https://platform.openai.com/docs/api-reference/responses"""

    sent: int = 0  # events so far

    @property
    def head(self) -> dict:
        return {"id": f"resp_{self.id}", "object": "response", "created_at": self.created, "model": self.model,
                "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 0.0,
                "top_p": 1.0, "parallel_tool_calls": False, "tool_choice": "none", "tools": []}

    @property
    def item(self) -> str:
        return f"msg_{self.id}"

    def full_body(self) -> dict:
        asked, written = self.tokens
        usage = {"input_tokens": asked, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": written,
                 "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": asked + written}
        return self.head | {"status": "completed", "output": [self._message([self._text()])], "usage": usage,
                            "emollm": basis(self.said)}

    def pieces(self) -> Iterator[str]:
        place = {"output_index": 0, "item_id": self.item, "content_index": 0}
        yield self._event("response.created", response=self.head | {"status": "in_progress", "output": []})
        yield self._event("response.output_item.added", output_index=0, item=self._message([], "in_progress"))
        yield self._event("response.content_part.added", **place, part=self._text(""))
        for word in _words(self.said.text):
            yield self._event("response.output_text.delta", **place, delta=word, logprobs=[])
        yield self._event("response.output_text.done", **place, text=self.said.text, logprobs=[])
        yield self._event("response.content_part.done", **place, part=self._text())
        yield self._event("response.output_item.done", output_index=0, item=self._message([self._text()]))
        yield self._event("response.completed", response=self.full_body())

    def _text(self, text: str | None = None) -> dict:
        return {"type": "output_text", "text": self.said.text if text is None else text, "annotations": []}

    def _message(self, content: list[dict], status: str = "completed") -> dict:
        return {"type": "message", "id": self.item, "role": "assistant", "status": status, "content": content}

    def _event(self, kind: str, **more) -> str:
        event = {"type": kind, "sequence_number": self.sent} | more
        self.sent += 1
        return f"event: {kind}\ndata: {json.dumps(event)}\n\n"


FORMS = {"chat": Completion, "response": Response}
