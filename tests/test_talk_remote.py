"""Bring your own language model: an endpoint words the answers, and what it may not say is not shown. The endpoint is a small
HTTP server of the test's own; the client is the real one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from emollm.chat.begin import begin
from emollm.evidence import parse_facs
from emollm.schema import InputError
from emollm.talk import remote
from emollm.talk.dialogue import MEASURED
from emollm.talk.talker import reply
from emollm.talk.terms.face import Face


class Understands:
    own_words = False

    def write(self, exchanges, most):
        yield "there AU12"


@pytest.fixture
def endpoint():
    class AnsweringHandler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.asked.append(
                (json.loads(self.rfile.read(int(self.headers["content-length"]))), self.headers.get("authorization"))
            )
            status, body = self.server.answer
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), AnsweringHandler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield server
    server.shutdown()
    server.server_close()


def says(words: str) -> tuple[int, bytes]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}
    return 200, json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [choice],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }
    ).encode()


def ask(endpoint, code="6C+12D"):
    writer = remote.RemoteWriter(Understands(), endpoint.url, "m")
    return writer, reply(writer, [], "is she smiling?", lambda _: Face(parse_facs(code), []))


def test_it_words_what_was_looked_up(endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.delenv(remote.KEY, raising=False)
    endpoint.answer = says("Yes, the mouth corners are raised (AU12, 4.0 pronounced).")
    writer, said = ask(endpoint)
    ((body, key),) = endpoint.asked
    assert said.text == said.written and said.text.startswith("Yes, the mouth") and writer.tokens == 12
    assert MEASURED in body["messages"][-1]["content"] and "AU12 lip corner puller" in body["messages"][-1]["content"]
    assert [m["role"] for m in body["messages"]] == ["system", "user"] and "secret" not in key


@pytest.mark.parametrize("lie", ["No, she is not smiling.", "Yes, and the brows are lowered (AU04).", "Yes (AU12, 1.0).", ""])
def test_what_it_makes_up_is_not_shown(endpoint, lie):
    endpoint.answer = says(lie)
    _, said = ask(endpoint)
    assert said.mended
    assert said.text == "Yes, there is a smile: the mouth corners are raised (AU12, 4.0 pronounced), on both sides."


@pytest.mark.parametrize(
    "answer",
    [
        (200, b'{"choices": ['),
        (200, b'{"choices": []}'),
        (401, b'{"error": {"message": "wrong key"}}'),
        (200, b"null"),
        (404, b"not here"),
        (500, b""),
    ],
)
def test_an_endpoint_that_fails_is_one_line(endpoint, answer, monkeypatch):
    monkeypatch.setattr(remote, "RETRIES", 0)
    endpoint.answer = answer
    with pytest.raises(InputError, match=rf"--llm {endpoint.url}: no usable answer from 'm'"):
        ask(endpoint)


def test_an_endpoint_that_is_not_there(monkeypatch):
    monkeypatch.setattr(remote, "RETRIES", 0)
    writer = remote.RemoteWriter(Understands(), "http://127.0.0.1:9/v1", "m")
    with pytest.raises(InputError, match="no usable answer"):
        reply(writer, [], "is she smiling?", lambda _: Face(parse_facs("12D"), []))


def test_an_endpoint_that_hangs_is_given_up(endpoint, monkeypatch):
    monkeypatch.setattr(remote, "RETRIES", 0)
    monkeypatch.setattr(remote, "SECONDS", 0.3)
    held = threading.Event()
    kept = endpoint.RequestHandlerClass.do_POST
    endpoint.RequestHandlerClass.do_POST = lambda self: held.wait(5)
    try:
        with pytest.raises(InputError, match="no usable answer"):
            ask(endpoint)
    finally:
        held.set()
        endpoint.RequestHandlerClass.do_POST = kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"llm": "localhost:11434", "llm_model": "m"}, "give an address"),
        ({"llm": "http://x"}, "--llm-model NAME"),
        ({"llm_model": "m"}, "--llm-model is for --llm"),
        ({"llm": "http://x", "model": "pocket"}, "leave --server and --model out"),
    ],
)
def test_options_that_do_not_go_together(given, words, astronaut_file):
    with pytest.raises(InputError, match=words):
        begin(str(astronaut_file), **given)
