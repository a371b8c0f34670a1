"""A load of OpenAI chat requests, sent by OpenAI's own client and timed: the same for whatever server answers."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass

MODEL = "pocket"
QUESTION = "Why is this face read the way it is?"
FOLLOW_UP = "What would speak against that reading?"


@dataclass
class Answered:
    """One streamed answer. Times in s from sending the request."""

    text: str
    tokens: int
    first: float  # until the first piece of text
    last: float  # until the last one

    @property
    def per_token(self) -> float | None:
        """Seconds between two tokens; None for a single one."""
        return (self.last - self.first) / (self.tokens - 1) if self.tokens > 1 else None


@dataclass
class Load:
    """What one round of requests at one concurrency came to."""

    answers: list[Answered]
    wall: float  # s

    @property
    def tokens_per_second(self) -> float:
        return sum(a.tokens for a in self.answers) / self.wall

    @property
    def per_minute(self) -> float:
        return 60 * len(self.answers) / self.wall


def about(jpeg: bytes, question: str = QUESTION) -> list[dict]:
    """The messages of a first question about a picture."""
    url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]}]


def followed_up(messages: list[dict], answer: str, question: str = FOLLOW_UP) -> list[dict]:
    """The conversation with its answer and the next question."""
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": question}]


async def ask(client, messages: list[dict], tokens: int) -> Answered:
    """One greedy answer of at most `tokens` tokens, streamed. Raises openai's errors, ValueError for an empty answer."""
    start, times, pieces, usage = time.perf_counter(), [], [], None
    stream = await client.chat.completions.create(model=MODEL, messages=messages, temperature=0, max_tokens=tokens,
                                                  stream=True, stream_options={"include_usage": True})
    async for event in stream:
        usage = event.usage or usage
        if event.choices and event.choices[0].delta.content:
            times.append(time.perf_counter() - start)
            pieces.append(event.choices[0].delta.content)
    if not pieces or usage is None:
        raise ValueError("the server sent an answer without text or without its number of tokens")
    return Answered("".join(pieces), usage.completion_tokens, times[0], times[-1])


async def _all(url: str, conversations: Sequence[list[dict]], concurrency: int, tokens: int) -> Load:
    import openai

    answers: list[Answered | None] = [None] * len(conversations)
    left = iter(range(len(conversations)))

    async def one_after_another(client) -> None:
        for number in left:
            answers[number] = await ask(client, conversations[number], tokens)

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", timeout=600, max_retries=2) as client:
        await client.models.list()  # connected, and the client's own first-call work done, before the clock starts
        start = time.perf_counter()
        await asyncio.gather(*(one_after_another(client) for _ in range(concurrency)))
        return Load(answers, time.perf_counter() - start)


def load(url: str, conversations: Sequence[list[dict]], concurrency: int, tokens: int) -> Load:
    """Send all conversations, `concurrency` at a time; the answers come back in their order."""
    return asyncio.run(_all(url, conversations, concurrency, tokens))


async def _posts(url: str, route: str, bodies: Sequence[dict], concurrency: int) -> list[float]:
    import httpx

    seconds: list[float] = []
    left = iter(bodies)

    async def one_after_another(client) -> None:
        for body in left:
            start = time.perf_counter()
            (await client.post(f"{url}{route}", json=body)).raise_for_status()
            seconds.append(time.perf_counter() - start)

    async with httpx.AsyncClient(timeout=600) as client:
        await asyncio.gather(*(one_after_another(client) for _ in range(concurrency)))
    return seconds


def posts(url: str, route: str, bodies: Sequence[dict], concurrency: int) -> list[float]:
    """Seconds of each plain JSON request."""
    return asyncio.run(_posts(url, route, bodies, concurrency))
