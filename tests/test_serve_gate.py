"""The gate: keys, routes, limits, admission of JSON, and what errors look like. In front of a small application; no vLLM."""

import asyncio
import json
import logging
import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("starlette")
import httpx
from emollm_vllm.door import errors
from emollm_vllm.door.admission import RequestLimits
from emollm_vllm.door.gate import Gate, Settings
from gate_fixtures import CHAT, PICTURE, app_fixture, ask_fixture, chat_fixture, error_of, measuring_fixture  # noqa: F401 (fixtures)

from emollm.schema import InputError, NoFaceError

# --- keys and routes -------------------------------------------------------------------------------------------------

LOCKED = Settings(keys=["first-key", "second-key"])


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/tokenize", "/docs", "/openapi.json", "/version", "/pause",
                                  "/invocations", "/health/", "//health", "/HEALTH", "/nowhere"])
def test_without_a_key_nothing_but_health_is_answered(ask, path):
    response = ask("GET", path, LOCKED)
    assert "Authorization" in error_of(response, 401, "invalid_api_key")["message"]
    assert response.headers["www-authenticate"] == "Bearer"
    assert ask("GET", "/health", LOCKED).text == "fine"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer first-ke", "Bearer first-key2", "Basic first-key", "first-key",
                                    "Bearer", "Bearer ", "Bearer first-key second-key"])
def test_a_wrong_key_is_refused(ask, header):
    error_of(ask("GET", "/v1/models", LOCKED, headers={"Authorization": header}), 401, "invalid_api_key")


@pytest.mark.parametrize("header", ["Bearer first-key", "bearer second-key"])
def test_each_key_opens(ask, header):
    assert ask("GET", "/v1/models", LOCKED, headers={"Authorization": header}).text == "fine"


def test_a_browser_may_ask_first_without_its_key(ask):
    asked = {"Origin": "http://page", "Access-Control-Request-Method": "POST"}
    assert ask("OPTIONS", CHAT, LOCKED, headers=asked).status_code == 405  # the application's own answer
    error_of(ask("OPTIONS", CHAT, LOCKED), 401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/pause", "/invocations", "/v1/messages", "/v1/load_lora_adapter", "/v1/models/", "/",
                                  "/v1/chat/completions/batch", "/collective_rpc", "/v1/responsesX"])
def test_only_listed_routes_exist(ask, path):
    error_of(ask("GET", path), 404, "not_found")


def test_adapter_routes_exist_when_the_operator_allows_them(ask):
    refused = ask("POST", "/v1/load_lora_adapter", json={})
    assert "/v1/load_lora_adapter" in error_of(refused, 404, "not_found")["message"]  # in the gate's words
    passed_on = ask("POST", "/v1/load_lora_adapter", Settings(adapter_routes=True), json={})
    assert "/v1" not in error_of(passed_on, 404, "not_found")["message"]  # the application has no such route


def test_a_root_path_is_not_part_of_the_route(app):
    async def run(path):
        transport = httpx.ASGITransport(app=Gate(app, LOCKED), root_path="/emollm")
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    assert asyncio.run(run("/emollm/health")).text == "fine"
    error_of(asyncio.run(run("/emollm/v1/models")), 401, "invalid_api_key")


def test_web_sockets_are_closed(app):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Gate(app, Settings())({"type": "websocket", "path": "/v1/realtime"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_errors_of_the_framework_have_our_shape(ask):
    response = ask("GET", CHAT)
    error_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


# --- the body --------------------------------------------------------------------------------------------------------

SMALL = Settings(body_bytes=1000, body_seconds=0.3, held_bytes=1500)


def test_a_large_body_is_refused_however_it_comes(ask):
    for size in (1100, 100_000):
        error = error_of(ask("POST", "/v1/measure", SMALL, content=b" " * size), 413, "media_too_large")
        assert "larger" in error["message"]

    async def chunks():
        for _ in range(60):
            yield b" " * 100

    error_of(ask("POST", "/v1/measure", SMALL, content=chunks()), 413, "media_too_large")


def test_a_body_just_within_the_limit_passes_whole(ask):
    body = json.dumps({"media": "x" * 950}).encode()
    answer = ask("POST", "/v1/measure", SMALL, content=body, headers={"Content-Type": "application/json"}).json()
    assert answer == {"body": json.loads(body), "length": len(body)}


def test_a_slow_body_is_not_waited_for(ask):
    async def dripping():
        for _ in range(50):
            await asyncio.sleep(0.1)
            yield b" "

    error_of(ask("POST", CHAT, SMALL, content=dripping(), headers={"Content-Type": "application/json"}), 408, "body_timeout")


def test_bodies_of_all_requests_share_a_limit(app):
    async def run():
        gate = Gate(app, SMALL)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gate), base_url="http://test") as client:
            async def slow():
                yield b" "
                await asyncio.sleep(0.2)
                yield b" "

            first = asyncio.create_task(client.post("/v1/measure", content=slow()))
            await asyncio.sleep(0.05)
            refused = await client.post("/v1/measure", content=b" " * 900)
            small = await client.post("/tokenize", json={"prompt": "x"})
            return refused, small, await first, gate.held

    refused, small, first, held = asyncio.run(run())
    error_of(refused, 429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert small.status_code == 200
    error_of(first, 500, "internal_error")  # let in; the application cannot read blanks as JSON
    assert held == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_json_routes_take_json(ask, kind):
    error_of(ask("POST", CHAT, content=b"{}", headers={"Content-Type": kind}), 415, "unsupported_media")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": Infinity}',
                                  b"\xff\xfe{", b'{"a": "\xff"}', b"[" * 100_000, b'{"a":' * 100 + b"1" + b"}" * 100,
                                  b'{"a":' * 9000 + b"1" + b"}" * 9000,
                                  b'{"n": ' + b"9" * 5000 + b"}"])
def test_what_is_not_a_json_object_is_refused(ask, body):
    response = ask("POST", CHAT, content=body, headers={"Content-Type": "application/json"})
    assert error_of(response, 400, response.json()["error"]["code"])["message"]


def test_a_body_of_very_many_parts_is_refused_before_it_is_parsed(ask):
    body = b"[" + b"{}," * 300_000 + b"{}]"
    for path in (CHAT, "/v1/measure"):
        limits = RequestLimits(evidence_elements=400_000)
        response = ask("POST", path, limits=limits, content=body, headers={"Content-Type": "application/json"})
        assert "JSON elements" in error_of(response, 400, "invalid_json")["message"]


# --- grounded chat ---------------------------------------------------------------------------------------------------

def test_grounded_chat_is_given_its_grammar(chat, measuring):
    given = chat(["look <face>", PICTURE], emollm={"grounded": True}).json()["body"]
    assert given["structured_outputs"] == {"grammar": "root ::= 'x'"}
    assert "emollm" not in given
    assert measuring.bodies[0]["messages"][0]["content"][0] == "look "
    assert "structured_outputs" not in chat(emollm={"grounded": False}).json()["body"]
    assert len(measuring.bodies) == 1


@pytest.mark.parametrize(("error", "status", "code"), [(NoFaceError("no face in image_url"), 422, "no_face_measured"),
                                                       (InputError("image_url: is a clip"), 400, None)])
def test_what_cannot_be_grounded_says_why(chat, measuring, error, status, code):
    measuring.error = error
    assert error_of(chat(emollm={"grounded": True}), status, code)["message"] == str(error)


@pytest.mark.parametrize("fields", [{"emollm": True}, {"emollm": {"grounded": "yes"}}, {"emollm": {"grounds": True}},
                                    {"emollm": {"grounded": True}, "response_format": {"type": "json_object"}},
                                    {"emollm": {"grounded": True}, "structured_outputs": {"regex": "x"}}])
def test_grounding_is_asked_for_in_one_way(chat, measuring, fields):
    error_of(chat(**fields), 400)
    assert not measuring.bodies


# --- the label of an answer about one face --------------------------------------------------------------------------

def test_the_movements_go_with_the_request(chat, ask, measuring):
    """Chat and responses alike; a text alone is about no face, and the client itself may not state them."""
    measuring.movements = {"vllm_xargs": {"emollm_movements": [0.125]}}
    assert chat(["why?", PICTURE]).json()["body"]["vllm_xargs"] == {"emollm_movements": [0.125]}
    said = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    asked = {"input": [{"role": "user", "content": [said]}]}
    assert "vllm_xargs" in ask("POST", "/v1/responses", json=asked).json()["body"]
    assert len(measuring.asked) == 2
    for text in ("hello", ["hello", {"type": "text", "text": "you"}]):
        assert "vllm_xargs" not in chat(text).json()["body"]
    assert "vllm_xargs" not in ask("POST", "/v1/responses", json={"input": "hello"}).json()["body"]
    error_of(chat(["why?", PICTURE], vllm_xargs={"emollm_movements": [0.125]}), 400)
    assert len(measuring.asked) == 2


@pytest.mark.parametrize("error", [NoFaceError("no face"), InputError("damaged")])
def test_a_picture_without_movements_is_the_routes_own_business(chat, measuring, error):
    """What is wrong with a picture is said once, by vLLM's route, in the words that it has for it."""
    measuring.error = error
    given = chat([PICTURE])
    assert given.status_code == 200
    assert "vllm_xargs" not in given.json()["body"]


# --- answers ---------------------------------------------------------------------------------------------------------

def test_a_request_that_takes_too_long_is_stopped(app, chat):
    response = chat(settings=Settings(request_seconds=0.2), metadata={"wait": True})
    error_of(response, 504, "request_timeout")
    assert response.headers["x-should-retry"] == "false"
    assert app.state.abandoned  # the application was told that nobody waits any more


def test_a_stream_that_has_begun_may_go_on(chat):
    asked = {"stream": ["data: 1\n\n", "data: 2\n\n", "data: [DONE]\n\n"], "delay": 0.15}
    response = chat(settings=Settings(request_seconds=0.2), metadata=asked)
    assert response.text == "".join(asked["stream"])


def test_an_exception_of_the_application_is_a_short_500(chat, caplog):
    with caplog.at_level(logging.DEBUG):
        response = chat("my private words", metadata={"raise": True})
    assert "secret" not in response.text and "array" not in response.text
    error_of(response, 500, "internal_error")
    told = [r.getMessage() for r in caplog.records if r.name == "emollm.gate"]
    assert told == [f"{CHAT} failed with RuntimeError"]
    assert "private" not in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize(("given", "status", "message", "param", "code"), [
    ({"error": {"message": "bad", "type": "BadRequestError", "param": "body.n", "code": 400}}, 400, "bad", "n", None),
    ({"error": "Unauthorized"}, 401, "Unauthorized", None, "invalid_api_key"),
    ({"detail": "Not Found"}, 404, "Not Found", None, "not_found"),
    ({"error": {"message": "The model `x` does not exist.", "code": 404}}, 404, "The model `x` does not exist.", None,
     "model_not_found"),
    ({"object": "error", "message": "flat", "code": 400}, 400, "flat", None, None),
    ({"error": {"message": "own", "code": "invalid_image"}}, 400, "own", None, "invalid_image"),
    ([], 400, "the request was answered with status 400", None, None)])
def test_errors_of_the_application_get_our_shape(chat, given, status, message, param, code):
    error = error_of(chat(metadata={"error": given or [0], "status": status}), status, code)
    assert (error["message"], error["param"]) == (message, param)


VALIDATION = ("2 validation errors:\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': "
              "'<dict of 1 items>'}\n  {'type': 'x', 'loc': 'body.model', 'msg': \"it's wrong\", 'input': 'my secret'}")
PYDANTIC = ("1 validation error for ChatCompletionContentPartImageParam\nimage_url\n  Input should be a valid dictionary "
            "[type=dict_type, input_value='secret', input_type=str]\n    For further information visit https://x.dev/y")


@pytest.mark.parametrize(("message", "expected"), [
    (VALIDATION, "messages: Field required; model: it's wrong"), (PYDANTIC, "image_url Input should be a valid dictionary"),
    ("Failed to apply X on data={'image': [array([1, 2])]} with kwargs={}", "Failed to apply X..."),
    ("bad array([[1, 2],\n [3, 4]])", "bad ..."), ("not base64: " + "QUJD" * 40, "not base64: ..."),
    ("a \n b", "a b"), ("long " * 200, ("long " * 200)[:500] + "...")])
def test_messages_are_short_and_without_data(message, expected):
    assert errors.clean(message) == expected


def test_a_dead_engine_is_a_503_everywhere(app, ask, chat):
    app.state.engine_client = SimpleNamespace(errored=True)
    for response in (ask("GET", "/health"), ask("GET", "/v1/models"), chat()):
        error_of(response, 503, "engine_unavailable")
        assert int(response.headers["retry-after"]) > 0


def test_an_engine_that_dies_at_a_request_is_a_503(app, chat):
    class Dying:
        """Dead from the second look on: the first is when the request comes in."""

        looks = 0

        @property
        def errored(self):
            self.looks += 1
            return self.looks > 1

    for asked in ({"error": {"error": {"message": "EngineCore", "code": 500}}, "status": 500}, {"raise": True}):
        app.state.engine_client = Dying()
        response = chat(metadata=asked)
        error_of(response, 503, "engine_unavailable")
        assert int(response.headers["retry-after"]) > 0


def test_an_error_inside_a_stream_has_our_shape(chat):
    event = {"error": {"message": "array([1])", "type": "BadRequestError", "param": None, "code": 400}}
    asked = {"stream": ["data: 1\n\n", f"data: {json.dumps(event)}\n\n", "data: [DONE]\n\n"]}
    lines = chat(metadata=asked).text.split("\n\n")
    expected = {"message": "...", "type": "invalid_request_error", "param": None, "code": None}
    assert json.loads(lines[1].removeprefix("data: ")) == {"error": expected}
    assert (lines[0], lines[2]) == ("data: 1", "data: [DONE]")


BROKEN_OFF = {"error": {"message": "Internal server error", "type": "InternalServerError", "param": None, "code": 500}}


@pytest.mark.parametrize(("form", "field"), [
    ({"structured_outputs": {"json": {}}}, "structured_outputs"),
    ({"response_format": {"type": "json_object"}}, "response_format")])
def test_an_answer_that_its_form_does_not_admit_is_the_request_s_mistake(chat, form, field):
    asked = {"metadata": {"error": BROKEN_OFF, "status": 500}}
    error = error_of(chat(**asked, **form), 400)
    assert (error["param"], error["message"].startswith(f"{field}: ")) == (field, True)
    event = f"data: {json.dumps(BROKEN_OFF)}\n\n"
    first, _, _ = chat(metadata={"stream": [event]}, **form).text.partition("\n\n")
    assert json.loads(first.removeprefix("data: "))["error"]["param"] == field


@pytest.mark.parametrize(("form", "said"), [
    ({}, "Internal server error"), ({"response_format": {"type": "text"}}, "Internal server error"),
    ({"structured_outputs": {"json": {}}}, "something else")])
def test_other_failures_stay_the_server_s(chat, form, said):
    broken = {"error": BROKEN_OFF["error"] | {"message": said}}
    error_of(chat(metadata={"error": broken, "status": 500}, **form), 500, "internal_error")


def test_settings_travel_through_the_environment(monkeypatch):
    settings = Settings(keys=["k1", "ü"], request_seconds=7, adapter_routes=True)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment() == settings
    monkeypatch.delenv("EMOLLM_GATE")
    assert Settings.from_environment() == Settings()


# --- over a real socket ----------------------------------------------------------------------------------------------

@pytest.fixture
def served(app):
    """Address of the application behind its gate, served by uvicorn."""
    uvicorn = pytest.importorskip("uvicorn")
    app.add_middleware(Gate, settings=Settings(body_bytes=2**20, body_seconds=1))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    server.config.load()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()


def test_a_sender_of_too_much_gets_its_answer(served, measuring):
    url = f"http://127.0.0.1:{served[1]}"
    with httpx.Client() as client:
        error_of(client.post(url + CHAT, content=b" " * (3 * 2**20)), 413, "media_too_large")
        body = {"messages": [{"role": "user", "content": [PICTURE, {"type": "text", "text": "Why?"}]}]}
        assert client.post(url + CHAT, json=body).json()["body"] == body


def test_a_client_that_stops_sending_is_let_go(served):
    import socket

    with socket.create_connection(served, timeout=10) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
