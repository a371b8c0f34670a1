"""In front of every route of the server: who may ask, what, how much of it, and what an error looks like.

A pure ASGI middleware (vLLM's --middleware emollm_vllm.door.gate.Gate), set by the environment variable EMOLLM_GATE, which the
launcher writes. Bodies are never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import json
import logging
import os
from dataclasses import dataclass, field

from emollm.schema import InputError, NoFaceError
from emollm_vllm.door import admission
from emollm_vllm.door.admission import RequestLimits
from emollm_vllm.door.errors import Refusal, error_body, is_broken_off, reshape, unavailable_error
from emollm_vllm.environment import GATE
from emollm_vllm.plugin import request_places

SERVED = frozenset({
    *admission.ROUTES, "/v1/models", "/v1/measure", "/v1/explain", "/detokenize", "/health", "/ping", "/version", "/load",
    "/metrics", "/docs", "/openapi.json"})
ADAPTER_ROUTES = frozenset({"/v1/load_lora_adapter", "/v1/unload_lora_adapter"})
OPEN = "/health"  # the one route without a key
GRACE = 5.0  # s that a stopped request has to end by itself
KEPT_ERROR = 65_536  # bytes of an error body that are read
DRAINED = 4  # times the body limit: read and dropped, so that the sender gets to see the answer
STREAM_ERROR = b'data: {"error"'
STOPPED = Refusal(503, "the engine has stopped and is being started again; ask again then")
log = logging.getLogger("emollm.gate")


@dataclass(frozen=True)
class Settings:
    keys: list[str] = field(default_factory=list)
    adapter_routes: bool = False
    body_bytes: int = 32 * 2**20
    held_bytes: int = 512 * 2**20  # bodies of all requests at one time
    body_seconds: float = 30
    request_seconds: float = 120
    retry_after: int = 30  # s, about what a new engine needs
    talker: bool = False  # whether chats with the model "talker" are answered by talker_routes.py

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(**json.loads(os.environ.get(GATE, "{}")))

    def as_environment(self) -> dict[str, str]:
        return {GATE: json.dumps(dataclasses.asdict(self))}


class Gate:
    def __init__(self, app, settings: Settings | None = None, limits: RequestLimits | None = None):
        self.app, self.settings, self.limits = app, settings or Settings.from_environment(), limits or RequestLimits()
        self.keys = [hashlib.sha256(k.encode()).digest() for k in self.settings.keys]
        self.served = SERVED | (ADAPTER_ROUTES if self.settings.adapter_routes else frozenset())
        self.held = 0  # bytes of bodies

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._http(scope, receive, send)
            except Refusal as refusal:
                await _reply(send, refusal.status, refusal.body, refusal.headers)
            except ConnectionError:
                pass  # the client has gone
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope, receive, send) -> None:
        route, headers = _route(scope), dict(scope["headers"])
        if _engine_is_dead(scope):
            raise unavailable_error(str(STOPPED), self.settings.retry_after)
        self._check_key(route, scope["method"], headers)
        if route not in self.served and not route.startswith(f"{admission.RESPONSES}/"):
            raise Refusal(404, f"there is nothing at {route[:80]}; see /docs")
        reserved = self._reserve(headers)
        try:
            body, held_to = await self._body(receive), None
            if scope["method"] == "POST":
                route, body, held_to = await self._admit(route, headers, body)
            await self._answer(_set_length(_scope_of(scope, route), len(body)), body, receive, _Answer(send, scope, held_to))
        finally:
            self.held -= reserved

    def _check_key(self, route: str, method: str, headers: dict[bytes, bytes]) -> None:
        preflight = method == "OPTIONS" and b"access-control-request-method" in headers  # browsers send it without a key
        if not self.keys or route == OPEN or preflight:
            return
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        digest = hashlib.sha256(key.strip()).digest()
        matches = [hmac.compare_digest(digest, known) for known in self.keys]
        if scheme.lower() != b"bearer" or not any(matches):
            raise Refusal(401, "this server needs an API key: send the header 'Authorization: Bearer KEY'",
                          headers={"WWW-Authenticate": "Bearer"})

    # --- the body ----------------------------------------------------------------------------------------------------

    def _reserve(self, headers: dict[bytes, bytes]) -> int:
        """Bytes of memory that this request may take for its body. Raises Refusal: 413 or 429."""
        most, declared = self.settings.body_bytes, headers.get(b"content-length", b"")
        size = int(declared) if declared.isdigit() else most if b"transfer-encoding" in headers else 0
        if size > DRAINED * most:
            raise self._too_large_error()
        size = min(size, most)
        if self.held + size > self.settings.held_bytes:
            raise Refusal(429, "too many large requests at this time; ask again in a second", headers={"Retry-After": "1"})
        self.held += size
        return size

    def _too_large_error(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self.settings.body_bytes / 2**20:g} MB; send a smaller picture or a "
                            "shorter clip")

    async def _body(self, receive) -> bytes:
        """The whole body. Raises Refusal: 413 or 408."""
        most, body, size, more = self.settings.body_bytes, bytearray(), 0, True
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                while more and size <= DRAINED * most:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionError("the client has gone")
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    size += len(chunk)
                    if size <= most:
                        body += chunk
                    else:
                        body = bytearray()
        except TimeoutError:
            raise Refusal(408, f"the body did not arrive within {self.settings.body_seconds:g} s; send it faster") from None
        if size > most:
            raise self._too_large_error()
        return bytes(body)

    async def _admit(self, route: str, headers: dict[bytes, bytes], body: bytes) -> tuple[str, bytes, str | None]:
        """Where the request goes, the body that the application is given, and the field that holds the answer to a form. Raises
        Refused: 400, 415 or 422."""
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if route not in admission.ROUTES:
            if kind == b"application/json":
                admission.check_elements(body, self.limits.evidence_elements)
            return route, body, None
        if kind != b"application/json":
            raise Refusal(415, "send the body as JSON, with the header 'Content-Type: application/json'")
        fields = admission.parse(body, self.limits)
        if route in (admission.CHAT, admission.RESPONSES) and self.settings.talker and admission.is_for_talker(fields):
            return admission.TALK, admission.as_json(admission.admit_talk(route, fields, self.limits)), None
        admitted = admission.admit(route, fields, self.limits)
        request_places.remember(admitted)
        held_to = admission.form_of(admitted)
        if "emollm" in admitted:
            admitted = await self._apply_emollm_field(route, admitted)
        if route in (admission.CHAT, admission.RESPONSES) and admission.has_media(admitted):
            admitted = await self._add_movements(admitted)
        return route, admission.as_json(admitted), held_to

    async def _add_movements(self, body: dict) -> dict:
        """The body with the reading of its face's movements, so that a label in the answer follows them too. What is wrong
        with the picture is said by the route that reads it."""
        from emollm_vllm.plugin.media import movements_of

        with contextlib.suppress(InputError, TimeoutError):
            async with asyncio.timeout(self.settings.request_seconds):
                return body | await movements_of(body)
        return body

    async def _apply_emollm_field(self, route: str, body: dict) -> dict:
        """The body with what its field `emollm` asks for in vLLM's own fields."""
        asked = body.pop("emollm")
        if route != admission.CHAT or not isinstance(asked, dict) or not set(asked) <= {"grounded"} \
                or not isinstance(asked.get("grounded", False), bool):
            raise Refusal(400, 'emollm must be {"grounded": true} or {"grounded": false}, in a chat completion', "emollm")
        if not asked.get("grounded"):
            return body
        for name in ("structured_outputs", "response_format"):
            if body.get(name) is not None:
                raise Refusal(400, f"a grounded answer has its own form; leave out {name} or emollm.grounded", name)
        from emollm_vllm.plugin.media import grounding

        try:
            async with asyncio.timeout(self.settings.request_seconds):
                return body | {"structured_outputs": await grounding(body)}
        except NoFaceError as error:
            raise Refusal(422, str(error), "messages") from None
        except InputError as error:
            raise Refusal(400, str(error), "messages") from None
        except TimeoutError:
            raise self._timeout_error() from None

    # --- the answer --------------------------------------------------------------------------------------------------

    def _timeout_error(self) -> Refusal:
        return Refusal(504, f"no answer within {self.settings.request_seconds:g} s, so the request was stopped; ask for less "
                            "or stream the answer", headers={"x-should-retry": "false"})  # OpenAI's clients would ask again

    async def _answer(self, scope, body: bytes, receive, answer: _Answer) -> None:
        """Run the application on the body, within the time limit; a stream that has begun may go on."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.app(scope, _replay(body, receive, stop), answer))
        try:
            await asyncio.wait({task}, timeout=self.settings.request_seconds)
            if answer.streaming:
                await asyncio.wait({task})
            elif not task.done():
                answer.muted = True
                stop.set()  # to the application the client has gone: vLLM then drops the request from its engine
                await asyncio.wait({task}, timeout=GRACE)
                if not answer.begun:
                    raise self._timeout_error()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=GRACE)
        await self._finish(scope, task, answer)

    async def _finish(self, scope, task: asyncio.Task, answer: _Answer) -> None:
        """Send what was held back: errors, in our shape. An exception becomes one, without its words."""
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            log.error("%s failed with %s", _route(scope), type(error).__name__)
        if answer.begun or (answer.status == 0 and error is None):
            return
        status = answer.status or 500
        if status >= 500 and _engine_is_dead(scope):
            raise unavailable_error(str(STOPPED), self.settings.retry_after)
        kept = {k: v for k, v in answer.headers if k.lower() not in ("content-length", "content-type")}
        status, body = answer.error(status, bytes(answer.body))
        await _reply(answer.send, status, body, kept)


class _Answer:
    """The application's `send`: good answers pass at once, errors are kept to be reshaped."""

    def __init__(self, send, scope, held_to: str | None):
        self.send, self.scope, self.held_to = send, scope, held_to
        self.status, self.headers, self.body = 0, [], bytearray()
        self.begun = self.streaming = self.muted = False

    async def __call__(self, message) -> None:
        if self.muted:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]]
            self.begun = self.status < 400
            self.streaming = self.begun and dict(message["headers"]).get(b"content-type", b"").startswith(b"text/event-stream")
        if self.streaming and message.get("body", b"").startswith(STREAM_ERROR):
            message = {**message, "body": self._error_event(message["body"])}
        if self.begun:
            await self.send(message)
        elif len(self.body) < KEPT_ERROR:
            self.body += message.get("body", b"")

    def error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """Status and body of an error in our shape.

        An engine that finds no token which its grammar allows breaks that one answer off, and vLLM calls it a failure of the
        server. Where a client asked for the form of the answer it is that form which admits none.
        """
        if status == 500 and self.held_to and is_broken_off(body):
            text = (f"{self.held_to}: no answer could be written in this form, which at some point admits nothing at all; look "
                    "for a reference that only leads back to itself, or for an empty set")
            return 400, error_body(400, text, self.held_to)
        return status, reshape(status, body)

    def _error_event(self, event: bytes) -> bytes:
        """An error in the middle of a stream, in our shape."""
        first, _, rest = event.partition(b"\n\n")
        error = first.removeprefix(b"data: ")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            status = 503 if _engine_is_dead(self.scope) else int(json.loads(error)["error"]["code"])
            error = STOPPED.body if status == 503 else self.error(status, error)[1]
        return b"data: " + error + b"\n\n" + rest


def _replay(body: bytes, receive, stop: asyncio.Event):
    """The application's `receive`: the body that was read, then the client's leave, or the gate's."""
    sent = False

    async def replay():
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        waiting = [asyncio.ensure_future(receive()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return waiting[0].result() if waiting[0].done() else {"type": "http.disconnect"}
        finally:
            for w in waiting:
                w.cancel()

    return replay


def _route(scope) -> str:
    """The path as the router sees it: without the root path of a proxy."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _engine_is_dead(scope) -> bool:
    state = getattr(scope.get("app"), "state", None)
    engines = (getattr(state, "engine_client", None), getattr(getattr(state, "emollm_talking", None), "engine", None))
    return any(getattr(engine, "errored", False) for engine in engines)


def _scope_of(scope, route: str) -> dict:
    """The scope of a request that another route answers."""
    return scope if _route(scope) == route else {**scope, "path": route, "raw_path": route.encode(), "root_path": ""}


def _set_length(scope, length: int) -> dict:
    """The scope of a request whose body has this length."""
    headers = [(k, v) for k, v in scope["headers"] if k not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


async def _reply(send, status: int, body: bytes, headers: dict[str, str]) -> None:
    listed = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    with contextlib.suppress(ConnectionError):
        await send({"type": "http.response.start", "status": status,
                    "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in listed.items()]})
        await send({"type": "http.response.body", "body": body})
