"""Items from an OpenAI batch file: one JSON request a line, with the media in its messages.

Media are data URLs or files under --root (default: the folder of the batch file), as file:// or relative paths. Nothing
is fetched from a network. A line that is no request at all is refused at the door; a request that cannot be answered
becomes an error line of the output.
"""

from __future__ import annotations

import json
import os
from urllib.parse import unquote, urlsplit

from emollm.caption.incoming.bodies import RequestError, media_url, read_body
from emollm.caption.incoming.items import Inline, Item, escape_name
from emollm.data_url import is_data_url, read_data_url
from emollm.schema import InputError

URL = "/v1/chat/completions"
MAX_LINE = 256 * 2**20  # bytes


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
        if escape_name(request["custom_id"]) != inline.custom_id:
            raise ValueError
        url = media_url(request["body"])
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
    custom_id = escape_name(custom_id)
    inline = Inline(*at, len(line), custom_id)
    try:
        if request.get("url") != URL or request.get("method", "POST") != "POST":
            raise RequestError("unsupported_url", f"only POST {URL} is answered")
        asked = read_body(request.get("body"))
        source = inline if is_data_url(asked.url) else _file(asked.url, root)
        conversation = tuple(m._replace(text=escape_name(m.text)) for m in asked.conversation)
        return Item(custom_id, source, place, escape_name(asked.question) if asked.question else question,
                    what_if if asked.what_if is None else asked.what_if, conversation, asked.wishes)
    except RequestError as refused:
        return Item(custom_id, inline, place, question, what_if, error=(refused.code, refused.message))


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
        raise RequestError("outside_root", f"{escape_name(url)} is not under --root {root}. Move the file or give another "
                                           "--root.")
    return path
