"""The obvious server: standard-library HTTP around `emollm.explain`'s first steps and transformers' generate, one by one.

    python bench/naive/serve.py [--port 8001]

It speaks just enough of the OpenAI chat protocol for the same client to measure it and the real server: a chat about one
picture, streamed or not. Nothing is kept between requests and nothing is batched: that is what makes it the baseline. It
is given every fair advantage that costs no thought: model and face models are loaded once, tokens are sent as they come.
"""

import argparse
import base64
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from types import SimpleNamespace

import torch

from emollm import explainer as path  # the module: its steps are called one by one here
from emollm.model.checkpoint import Shape, load
from emollm.model.processor import face_input
from emollm.schema import InputError


class Pieces:
    """transformers streamer: hands every token's text over as soon as it is there."""

    def __init__(self, tokenizer, put):
        self.tokenizer, self.put_text, self.ids, self.sent, self.prompt = tokenizer, put, [], "", True

    def put(self, value: torch.Tensor) -> None:
        if self.prompt:  # generate() sends the prompt first
            self.prompt = False
            return
        self.ids += value.reshape(-1).tolist()
        text = self.tokenizer.decode(self.ids, skip_special_tokens=True)
        self.put_text(text[len(self.sent):])
        self.sent = text

    def end(self) -> None:
        """Nothing is held back."""


class NaiveAnswerer:
    """The model, and one thread that answers request after request."""

    def __init__(self, name: str):
        self.model, self.processor = load(name)
        self.shape = Shape(self.model.config.max_key_frames, self.processor.chip_size)
        self.waiting: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, body: dict):
        """Yields the answer's pieces, then its usage; an exception when it cannot be answered."""
        back: queue.SimpleQueue = queue.SimpleQueue()
        self.waiting.put((body, back.put))
        while not isinstance(piece := back.get(), (dict, Exception)):
            yield piece
        if isinstance(piece, Exception):
            raise piece
        yield piece

    def _work(self) -> None:
        while True:
            body, put = self.waiting.get()
            try:
                put(self._answer(body, put))
            except Exception as error:
                put(error)

    @torch.inference_mode()
    def _answer(self, body: dict, put) -> dict:
        turns, url = chat_of(body["messages"])
        prepared = path.prepare(base64.b64decode(url.partition(",")[2]), self.shape)
        if not prepared.readable_subjects:
            raise InputError("no face that can be read")
        face = max(prepared.readable_subjects, key=lambda s: s.track.quality.size.mean())
        given = face_input(face.series, face.events, face.key_frames, face.chips, face.seen)
        batch = self.processor.encode([given], [turns])
        start, tokenizer = batch["input_ids"].shape[1], self.processor.tokenizer
        out = self.model.generate(**batch, do_sample=False, max_new_tokens=body["max_tokens"],
                                  pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
                                  streamer=Pieces(tokenizer, put))
        written = out.shape[1] - start
        return {"prompt_tokens": start, "completion_tokens": written, "total_tokens": start + written}


def chat_of(messages: list[dict]) -> tuple[str | list[str], str]:
    """The texts of a conversation and the URL of its picture."""
    url, turns = "", []
    for message in messages:
        parts = message["content"]
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        turns.append("".join(p["text"] for p in parts if p["type"] == "text"))
        url = next((p["image_url"]["url"] for p in parts if p["type"] == "image_url"), url)
    return (turns[0] if len(turns) == 1 else turns), url


class Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    answerer: NaiveAnswerer

    def do_GET(self) -> None:
        self._head(200, "application/json")
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        pieces = self.answerer.ask(body)
        try:
            first = next(pieces)
        except (InputError, LookupError, ValueError) as error:
            self._head(422, "application/json")
            self.wfile.write(json.dumps({"error": {"message": str(error), "type": "invalid_request_error"}}).encode())
            return
        (self._stream if body.get("stream") else self._whole)(first, pieces)

    def _whole(self, first, pieces) -> None:
        *texts, usage = [first, *pieces]
        self._head(200, "application/json")
        self.wfile.write(json.dumps(chunk("chat.completion", usage, message={"role": "assistant", "content": "".join(texts)},
                                          finish_reason="stop")).encode())

    def _stream(self, first, pieces) -> None:
        self._head(200, "text/event-stream")
        for piece in chain([first], pieces):
            if isinstance(piece, dict):
                self._event(chunk("chat.completion.chunk", None, delta={}, finish_reason="stop"))
                self._event(chunk("chat.completion.chunk", piece) | {"choices": []})
            elif piece:
                self._event(chunk("chat.completion.chunk", None, delta={"content": piece}, finish_reason=None))
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: dict) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def log_message(self, *_) -> None:
        """No line a request."""


def chunk(kind: str, usage: dict | None, **choice) -> dict:
    return {"id": "naive", "object": kind, "created": int(time.time()), "model": "pocket", "usage": usage,
            "choices": [{"index": 0, **choice}]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--model", default="pocket")
    options = parser.parse_args()
    handler = type("Bound", (Handler,), vars(SimpleNamespace(answerer=NaiveAnswerer(options.model))))
    ThreadingHTTPServer(("127.0.0.1", options.port), handler).serve_forever()


if __name__ == "__main__":
    main()
