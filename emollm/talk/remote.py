"""Bring your own language model: any OpenAI-compatible endpoint words the answers; what they may say is looked up and checked
here.

Questions are still understood by the talker, so nothing of the picture leaves this machine, only the conversation and what was
looked up, as text.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from emollm.schema import InputError
from emollm.talk.dialogue import Exchange, messages
from emollm.talk.talker import Writer

INSTRUCTIONS = (
    "You put into words what was measured of a face. Say only what stands under 'Measured:', with its action units and "
    "numbers as "
    "they are, in one to four plain sentences. Never say who somebody is, how old, or what they feel."
)
KEY = "EMOLLM_LLM_KEY"  # environment; never sent anywhere but to the endpoint
SECONDS, RETRIES = 60.0, 2


def check(url: str, model: str | None) -> None:
    """Whether an endpoint can be asked at all. Raises InputError."""
    if importlib.util.find_spec("openai") is None:
        raise InputError("--llm needs the package openai: pip install openai")
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--llm {url}: give an address such as http://localhost:11434/v1")
    if not model:
        raise InputError("--llm needs --llm-model NAME, as the endpoint calls its model")


class RemoteWriter:
    """tokens: read and written at the endpoint so far, as it counts them."""

    own_words = True

    def __init__(self, understands: Writer, url: str, model: str):
        """understands: writes the calls. Raises InputError."""
        check(url, model)
        from openai import OpenAI

        self.understands, self.url, self.model, self.tokens = understands, url, model, 0
        # Without a key of our own, the client would send the one in OPENAI_API_KEY to whatever endpoint this is.
        self.client = OpenAI(base_url=url, api_key=os.environ.get(KEY) or "none", max_retries=RETRIES, timeout=SECONDS)

    def write(self, exchanges: list[Exchange], most: int) -> Iterator[str]:
        """As talker.Writer. Raises InputError when the endpoint does not answer."""
        if not exchanges[-1].facts:
            yield from self.understands.write(exchanges, most)
            return
        from openai import OpenAIError

        shown = [Exchange(e.question, "", e.facts, e.answer) for e in exchanges]
        turns = [{"role": "system", "content": INSTRUCTIONS}, *_join_turns(messages(shown)[1:])]
        try:
            completion = self.client.chat.completions.create(model=self.model, messages=turns, max_tokens=most, temperature=0.0)
            self.tokens += completion.usage.total_tokens if completion.usage else 0
            yield completion.choices[0].message.content or ""
        except (OpenAIError, AttributeError, IndexError, TypeError, ValueError) as error:
            reason = " ".join(str(getattr(error, "message", error) or type(error).__name__).split())[:200]
            raise InputError(
                f"--llm {self.url}: no usable answer from '{self.model}' ({reason}). Check the address, the model's name and "
                f"{KEY}."
            ) from None


def _join_turns(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Neighbouring turns of one side as one: many endpoints want sides to alternate."""
    joined: list[dict[str, str]] = []
    for m in turns:
        if joined and joined[-1]["role"] == m["role"]:
            joined[-1] = m | {"content": f"{joined[-1]['content']}\n\n{m['content']}"}
        else:
            joined.append(m)
    return joined
