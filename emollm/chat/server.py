"""The conversation answered by a server that speaks OpenAI's protocol, such as `emollm serve`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from emollm.answer import prompt
from emollm.chat.conversation import Chat, TooLong, answer_room
from emollm.schema import InputError
from emollm.subject import PreparedSource

_FULL = re.compile(r"maximum (context|model) length|context_length_exceeded")  # how vLLM and OpenAI say it


class ServerChat(Chat):
    """The same conversation, answered by a server: media and turns are sent whole each time, and the server keeps what it
    measured by content. The face is measured here as well, to show the evidence and to check the answers against it."""

    def __init__(self, prepared: PreparedSource, url: str, media: bytes, api_key: str | None = None, *,
                 prior: str | None = None, **choices):
        """url: of the server, with or without /v1; media: the file's bytes; prior: asked for, None leaves it to the server;
        choices: as Chat. Raises InputError."""
        try:
            from openai import OpenAI
        except ImportError:
            raise InputError("--server needs the package openai: pip install openai") from None
        if not url.startswith(("http://", "https://")):
            raise InputError(f"--server {url}: give an address such as http://localhost:8000")
        self.url, self.media, self.prior = url.rstrip("/").removesuffix("/v1"), _media_part(prepared, media), prior
        # Without a key of our own, the client would send the one in OPENAI_API_KEY to whatever server this is.
        self.client = OpenAI(base_url=f"{self.url}/v1", api_key=api_key or "none", max_retries=0)
        with self._one_line():
            models = self.client.models.list().data
        if not models:
            raise InputError(f"{self.url}: this server lists no model in /v1/models")
        self.answer_tokens = answer_room(getattr(models[0], "max_model_len", None) or 2 * prompt.ANSWER_TOKENS)
        super().__init__(prepared, None, model=models[0].id, **choices)

    def _stream(self, turns: list[str]) -> Iterator[str]:
        """The server's answer to these turns. Raises TooLong before the first piece, InputError."""
        messages = [{"role": ("user", "assistant")[k % 2], "content": text} for k, text in enumerate(turns)]
        messages[0]["content"] = [self.media, {"type": "text", "text": turns[0]}]
        extra: dict = {"emollm": {"grounded": True}} if self.grounded else {}
        chosen = {"face": [self.subject.series.face_id]} if len(self.prepared.subjects) > 1 else {}
        chosen |= {"what_if": [self.edits]} if self.edits else {}
        chosen |= {"prior": [self.prior]} if self.prior else {}
        with self._one_line(), self.client.chat.completions.create(
                model=self.model, messages=messages, stream=True, temperature=0.0, max_completion_tokens=self.answer_tokens,
                extra_body=extra | ({"mm_processor_kwargs": chosen} if chosen else {})) as chunks:
            for chunk in chunks:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    @contextlib.contextmanager
    def _one_line(self) -> Iterator[None]:
        """Whatever goes wrong between here and the server, as one InputError."""
        from openai import APIConnectionError, APIError, APIStatusError

        try:
            yield
        except APIConnectionError as error:
            reason = str(error.__cause__ or error)
            raise InputError(f"{self.url}: no answer from a server there ({_shorten(reason)}). Check the address, or start one "
                             "with `emollm serve`.") from None
        except APIStatusError as error:
            message = error.body.get("message", error.body) if isinstance(error.body, dict) else error.body or error.message
            kind = TooLong if error.status_code == 400 and _FULL.search(str(message)) else InputError
            raise kind(f"{self.url}: the server answered with status {error.status_code}: {_shorten(str(message))}") from None
        except APIError as error:
            raise InputError(f"{self.url}: the server stopped with an error: {_shorten(error.message)}") from None
        except (AttributeError, ValueError):
            raise InputError(f"{self.url}: what answers there does not speak OpenAI's protocol. Check the address.") from None


def _media_part(prepared: PreparedSource, media: bytes) -> dict:
    """Content part of a photo or clip. Raises InputError for tables, which have no picture."""
    import base64
    import mimetypes

    if prepared.kind == "table":
        raise InputError(f"{prepared.name}: --server takes a photo or clip, not a table of action units")
    kind, fallback = ("image", "image/jpeg") if prepared.kind == "photo" else ("video", "video/mp4")
    guessed = mimetypes.guess_type(prepared.name)[0] or ""
    sort = guessed if guessed.startswith(f"{kind}/") else fallback
    return {"type": f"{kind}_url", f"{kind}_url": {"url": f"data:{sort};base64,{base64.b64encode(media).decode()}"}}


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:300]}..."
