"""A small application behind the gate, and how it is asked; no vLLM."""

import asyncio
import sys
from types import SimpleNamespace

import httpx
import pytest
from emollm_vllm.door import admission
from emollm_vllm.door.gate import Gate, Settings
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

CHAT = "/v1/chat/completions"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CLIP = {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}


async def echo(request):
    """What the application was given; its answer's status and delay are asked for in the body's `metadata`."""
    body = await request.json()
    asked = body.get("metadata") or {}
    if asked.get("raise"):
        raise RuntimeError("secret of the server: array([1, 2, 3])")
    if asked.get("error"):
        return JSONResponse(asked["error"], asked["status"])
    if asked.get("wait"):
        await until_gone(request)
    if asked.get("stream"):
        async def pieces():
            for piece in asked["stream"]:
                await asyncio.sleep(asked.get("delay", 0))
                yield piece
        return StreamingResponse(pieces(), media_type="text/event-stream")
    return JSONResponse({"body": body, "length": int(request.headers["content-length"])})


async def until_gone(request):
    """Stay until the client has gone, as vLLM's handlers do, and say so."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    request.app.state.abandoned = True


async def fine(request):
    return PlainTextResponse("fine")


@pytest.fixture(name="app")
def app_fixture():
    routes = [Route(path, echo, methods=["POST"]) for path in (*admission.ROUTES, "/v1/measure")]
    return Starlette(routes=[*routes, *(Route(p, fine) for p in ("/health", "/v1/models", "/metrics", "/pause"))])


@pytest.fixture(name="measuring")
def measuring_fixture(monkeypatch):
    """Stands for emollm_vllm.plugin.media, which needs vLLM: what it was given, and what it is to give or raise."""
    seen = SimpleNamespace(bodies=[], error=None, asked=[], movements={})

    async def ground(body):
        seen.bodies.append(body)
        if seen.error:
            raise seen.error
        return {"grammar": "root ::= 'x'"}

    async def movements_of(body):
        seen.asked.append(body)
        if seen.error:
            raise seen.error
        return seen.movements

    monkeypatch.setitem(sys.modules, "emollm_vllm.plugin.media", SimpleNamespace(grounding=ground, movements_of=movements_of))
    return seen


@pytest.fixture(name="ask")
def ask_fixture(app, measuring):
    """Function (method, path, settings=, limits=, **of httpx) -> response, through a gate in front of `app`."""

    def send(method, path, settings=None, limits=None, **options):
        async def run():
            # As vLLM does: inside of the application, so that the scope knows it.
            app.user_middleware.clear()
            app.middleware_stack = None
            asked = limits or admission.RequestLimits(media_needed=False)
            app.add_middleware(Gate, settings=settings or Settings(), limits=asked)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **options)

        return asyncio.run(run())

    return send


@pytest.fixture(name="chat")
def chat_fixture(ask):
    """Function (content, settings=, limits=, **fields) -> response to a chat completion."""

    def send(content="hello", settings=None, limits=None, **fields):
        body = {"messages": [{"role": "user", "content": content}], **fields}
        return ask("POST", CHAT, settings, limits, json=body)

    return send


def error_of(response, status, code=None):
    """The error of a response; checks that it is one, in OpenAI's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["message"] and "\n" not in error["message"]
    assert error["type"] == ("server_error" if status >= 500 else "rate_limit_error" if status == 429 else
                             "invalid_request_error")
    return error
