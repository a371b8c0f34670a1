"""Items from an OpenAI batch file: one JSON request a line, with the media in its messages.

Media are data URLs or files under --root (default: the folder of the batch file), as file:// or relative paths. Nothing
is fetched from a network. A line that is no request at all is refused at the door; a request that cannot be answered
becomes an error line of the output.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from emollm.caption.incoming.items import Inline, Item, shown
from emollm.data_url import HEAD_CHARACTERS, is_data_url, read_data_url
from emollm.schema import InputError

URL = "/v1/chat/completions"
MAX_LINE = 256 * 2**20  # bytes
MEDIA_PARTS = ("image_url", "video_url")


class RequestError(Exception):
    """A request that cannot be answered: code and message of its error line."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


def read_requests(file: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    """Items of a batch file, in its order. Raises InputError for a line that is no JSON request with a custom_id."""
    root = root or os.path.dirname(file) or "."
    items = []
    try:
        with open(file, "rb") as handle:
            number, offset = 0, 0
            while line := handle.readline(MAX_LINE + 1):
                number += 1
                if line.strip():
                    items.append(_item(line, f"{file} line {number}", (file, offset), root, question, what_if))
                offset += len(line)
    except OSError as error:
        raise InputError(f"{file}: this batch file cannot be read ({error.strerror}).") from None
    if not items:
        raise InputError(f"{file}: the batch file holds no request. Give one JSON object a line.")
    return items


def fetch(inline: Inline) -> bytes:
    """The media bytes of a request line. Raises RequestError."""
    with open(inline.file, "rb") as handle:
        handle.seek(inline.offset)
        line = handle.read(inline.length)
    try:
        request = json.loads(line)
        if shown(request["custom_id"]) != inline.custom_id:
            raise ValueError
        url = _media_url(request["body"])
    except (ValueError, KeyError, TypeError, RequestError):
        raise RequestError("invalid_request", f"{inline.file} was changed while it was read. Run the same command "
                           "again.") from None
    try:
        return read_data_url(url, "url", MAX_LINE)
    except InputError as error:
        raise RequestError("media_undecodable", str(error)) from None


def _item(line: bytes, place: str, at: tuple[str, int], root: str, question: str | None, what_if: tuple) -> Item:
    if len(line) > MAX_LINE:
        raise InputError(f"{place}: longer than {MAX_LINE // 2**20} MB. Name the file instead of sending its bytes.")
    try:
        request = json.loads(line)
        custom_id = request["custom_id"]
        if not isinstance(custom_id, str) or not custom_id:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{place}: not a JSON request with a custom_id. A line looks like "
                         f'{{"custom_id": "1", "method": "POST", "url": "{URL}", "body": {{...}}}}') from None
    custom_id = shown(custom_id)
    inline = Inline(*at, len(line), custom_id)
    try:
        url, text = _asked(request)
        source = inline if is_data_url(url) else _file(url, root)
        return Item(custom_id, source, place, shown(text) if text else question, what_if)
    except RequestError as refused:
        return Item(custom_id, inline, place, question, what_if, (refused.code, refused.message))


def _asked(request: dict) -> tuple[str, str]:
    """Address of the media and the last text of the user. Raises RequestError."""
    if request.get("url") != URL or request.get("method", "POST") != "POST":
        raise RequestError("unsupported_url", f"only POST {URL} is answered")
    body = request.get("body")
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise RequestError("invalid_request", "the body has no list of messages")
    return _media_url(body), _last_text(body["messages"])


def _media_url(body: dict) -> str:
    parts = [p for message in body["messages"] for p in _parts(message) if p.get("type") in MEDIA_PARTS]
    if len(parts) != 1:
        raise RequestError("invalid_request", f"{len(parts)} photos or clips in one request; exactly one is needed")
    given: Any = parts[0].get(parts[0]["type"])
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str) or not url:
        raise RequestError("invalid_request", f"the part '{parts[0]['type']}' has no url")
    if is_data_url(url) and ";base64," not in url[:HEAD_CHARACTERS].lower():
        raise RequestError("invalid_request", "the data URL is not base64: write data:image/jpeg;base64,...")
    return url


def _last_text(messages: list) -> str:
    text = ""
    for message in messages:
        if isinstance(message, dict) and message.get("role", "user") == "user":
            if isinstance(message.get("content"), str):
                text = message["content"]
            said = [p["text"] for p in _parts(message) if p.get("type") == "text" and isinstance(p.get("text"), str)]
            text = said[-1] if said else text
    return text.strip()


def _parts(message: Any) -> list[dict]:
    content = message.get("content") if isinstance(message, dict) else None
    return [p for p in content if isinstance(p, dict)] if isinstance(content, list) else []


def _file(url: str, root: str) -> str:
    """Path of a file:// or relative address within `root`, links resolved. Raises RequestError."""
    if url.lower().startswith("file:"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise RequestError("remote_media_disabled", "a file address of another machine. Copy the file under --root.")
        url = unquote(parts.path)
    elif "://" in url or url.startswith("//"):
        raise RequestError("remote_media_disabled", "remote media are not fetched. Download the file and name it under --root.")
    if "\0" in url:
        raise RequestError("invalid_request", "a file name cannot hold a zero byte")
    path = os.path.join(root, url)
    inside = os.path.realpath(root)
    if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
        raise RequestError("outside_root", f"{shown(url)} is not under --root {root}. Move the file or give another --root.")
    return path
