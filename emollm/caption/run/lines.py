"""One line of the output: an OpenAI batch result whose `id` carries the item's key and a checksum of the line.

    {"id": "batch_req_<key, 64 hex>_<crc32, 8 hex>", "custom_id": ..., "response": {...} | null, "error": null | {...}}

The checksum is taken with its own eight digits as zeros. Because this file alone writes such lines, their head and tail
can be recognised without parsing the JSON between: an index of 100,000 lines takes seconds.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass

from emollm.explanation import NOT_ENOUGH, Explanation

_HEAD = re.compile(rb'\{"id": "batch_req_([0-9a-f]{64})_([0-9a-f]{8})", "custom_id": ("(?:[^"\\]|\\.)*"), "response": ')
_CRC = slice(len('{"id": "batch_req_') + 65, len('{"id": "batch_req_') + 73)
_TAIL = b'"error": null}\n'


@dataclass(frozen=True, slots=True)
class Line:
    """A finished item, as it stands in the output."""

    custom_id: str
    key: str
    ok: bool  # answered; False: an error line
    data: bytes  # whole line with its newline


def success(key: str, custom_id: str, explanations: list[Explanation], model: str, created: int, fingerprint: str,
            main: int = 0, ended: tuple[str, str] | None = None) -> Line:
    """Line of an answered item. explanations: one a face, left to right. created: Unix time, s. main: which of them is the
    message, as it is of a server, where a chat is about one face. ended: a shorter message, and its finish_reason."""
    body = {"id": f"chatcmpl-{key[:32]}", "object": "chat.completion", "created": created, "model": model,
            "system_fingerprint": fingerprint, "choices": [_choice(explanations[main], ended)],
            "emollm": [explanation.to_dict() for explanation in explanations]}
    response = {"status_code": 200, "request_id": f"req_{key[:32]}", "body": body}
    return make_line(key, custom_id, response, None)


def failure(key: str, custom_id: str, code: str, message: str) -> Line:
    """Line of an item that could not be answered."""
    return make_line(key, custom_id, None, {"code": code, "message": " ".join(message.split())})


def read(data: bytes) -> Line | None:
    """The line that these bytes are; None when they are torn, damaged or something else."""
    head = _HEAD.match(data)
    if not head or not data.endswith(b"\n") or zlib.crc32(_zero_crc(data)) != int(head[2], 16):
        return None
    return Line(json.loads(head[3]), head[1].decode(), data.endswith(_TAIL), data)


def is_line_start(data: bytes) -> bool:
    """Whether this may be the start of a line that was cut off; a power cut can leave zeros."""
    head = b'{"id": "batch_req_'
    return data[:len(head)] == head[:len(data)] or not data.strip(b"\0")


def rename(line: Line, custom_id: str, source: str) -> Line:
    """The same answer for another file of the same content."""
    stored = json.loads(line.data)
    for explanation in stored["response"]["body"]["emollm"]:
        before = explanation["source"]
        explanation["source"] = source
        explanation["notices"] = [n.replace(before, source) if before else n for n in explanation["notices"]]
    return make_line(line.key, custom_id, stored["response"], None)


def explanations_of(line: Line) -> list[Explanation]:
    """Explanations of an answered item."""
    return [Explanation.from_dict(e) for e in json.loads(line.data)["response"]["body"]["emollm"]]


def error_of(line: Line) -> tuple[str, str]:
    """Code and message of an error line."""
    error = json.loads(line.data)["error"]
    return error["code"], error["message"]


def _choice(told: Explanation, ended: tuple[str, str] | None) -> dict:
    text, reason = ended if ended and told.text else (told.text, "stop")
    if not text:  # refused or no face: the reason stands in for an answer
        refusals = [n for n in told.notices if n.startswith(NOT_ENOUGH)]
        text = "; ".join(refusals or [f"{NOT_ENOUGH}: {n}" for n in told.notices]) or NOT_ENOUGH
    return {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": reason}


def make_line(key: str, custom_id: str, response: dict | None, error: dict | None) -> Line:
    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    written = (f'{{"id": "batch_req_{key}_{"0" * 8}", "custom_id": {text(custom_id)}, "response": {text(response)}, '
               f'"error": {text(error)}}}\n').encode("utf-8", "backslashreplace")
    crc = f"{zlib.crc32(written):08x}".encode()
    return Line(custom_id, key, error is None, written[:_CRC.start] + crc + written[_CRC.stop:])


def _zero_crc(data: bytes) -> bytes:
    return data[:_CRC.start] + b"0" * 8 + data[_CRC.stop:]
