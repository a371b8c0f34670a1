"""Errors as OpenAI's clients know them, {"error": {"message", "type", "param", "code"}}, with nothing of the server in them."""

from __future__ import annotations

import json
import re

MAX_MESSAGE = 500  # characters
NOT_JSON = "the body must be a JSON object with finite numbers, in UTF-8"
# Status -> code where the answer brings none of its own.
CODES = {401: "invalid_api_key", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 408: "body_timeout",
         413: "media_too_large", 415: "unsupported_media", 422: "no_face_measured", 429: "rate_limited",
         500: "internal_error", 503: "engine_unavailable", 504: "request_timeout"}
# vLLM's list of validation errors: one Python dict a line.
_FIELD = re.compile(r"""'loc': '(?P<where>[^']*)', 'msg': (?P<quote>['"])(?P<what>.*?)(?P=quote)[,}]""")
# What libraries put into their messages and nobody outside needs.
_NOISE = re.compile(r" \[type=.*?input_type=\w+\]| For further information visit \S+|\[\d\d:\d\d:\d\d\] \S+:\d+: |"
                    r"^\d+ validation errors? for \w+\s", re.DOTALL)
_DUMP = re.compile(r"(\b(array|tensor|Traceback) ?\(| on data=).*", re.DOTALL)
_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{65,}")


class Refusal(Exception):
    """A request that is answered with an error here."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None,
                 headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.param, self.code, self.headers = status, param, code, headers or {}

    @property
    def body(self) -> bytes:
        return error_body(self.status, str(self), self.param, self.code)


def unavailable_error(message: str, retry_after: int) -> Refusal:
    """503: the engine is not there now and will be."""
    return Refusal(503, message, headers={"Retry-After": str(retry_after)})


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> bytes:
    """The JSON of an error."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    error = {"message": clean(message), "type": kind, "param": param, "code": code or CODES.get(status)}
    return json.dumps({"error": error}).encode()


def reshape(status: int, body: bytes) -> bytes:
    """Any error body in our shape: vLLM's, the framework's or plain text. The words of a 500 are not passed on."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    content = content if isinstance(content, dict) else {}
    error = content["error"] if isinstance(content.get("error"), dict) else content
    message = error.get("message") or error.get("detail") or content.get("error") or _phrase(status)
    code = error["code"] if isinstance(error.get("code"), str) else None
    if status == 404 and "model" in str(message):
        code = code or "model_not_found"
    if status >= 500:
        message = _phrase(status)
    if "JSON decode error" in str(message):
        return error_body(400, NOT_JSON, code="invalid_json")
    param = error.get("param")
    return error_body(status, str(message), param.removeprefix("body.") if isinstance(param, str) else None, code)


def is_broken_off(body: bytes) -> bool:
    """Whether an error of vLLM says that the engine gave up one answer: its GenerationError, which has these words alone."""
    try:
        return json.loads(body)["error"]["message"] == "Internal server error"
    except (ValueError, KeyError, TypeError):
        return False


def _phrase(status: int) -> str:
    return {404: "there is nothing at this address", 405: "this address does not take this HTTP method",
            500: "the server failed at this request; nothing is wrong with the next one",
            501: "the server cannot do this"}.get(status, f"the request was answered with status {status}")


def clean(message: str) -> str:
    """One short line: no arrays, no data, no Python."""
    fields = [f"{m['where'].removeprefix('body.')}: {m['what']}" for m in _FIELD.finditer(message)]
    if fields:
        message = "; ".join(dict.fromkeys(fields[:3]))
    message = " ".join(_BLOB.sub("...", _DUMP.sub("...", _NOISE.sub("", message))).split())
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}..."
