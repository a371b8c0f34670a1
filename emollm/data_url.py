"""data: URLs, in every form that encoders write them (RFC 2397; base64 of RFC 4648, sections 4 and 5).

Base64 may be wrapped in lines, percent-encoded, url-safe, or without its padding. `video/jpeg` is vLLM's form of a clip:
JPEG frames, each in base64, separated by commas; they are handed on as one motion-JPEG stream.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from emollm.schema import InputError

_HEAD = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII | re.IGNORECASE)
HEAD_CHARACTERS = 256
FRAMES = "video/jpeg"
_BLANKS = b" \t\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")


def is_data_url(text: object) -> bool:
    return isinstance(text, str) and text[:5].lower() == "data:"


def read_data_url(url: str, name: str, max_bytes: int) -> bytes:
    """Bytes of a data URL. name: how messages call it. Raises InputError."""
    head = _HEAD.match(url[:HEAD_CHARACTERS])
    if not head:
        raise InputError(f"{name}: a data URL must begin like data:image/jpeg;base64,")
    if len(url) > 6 * max_bytes:  # percent-encoding and line ends make base64 longer, but not six times
        raise InputError(too_large_message(name, max_bytes))
    encoded = url[head.end():]
    parts = encoded.split(",") if (head["type"] or "").lower() == FRAMES else [encoded]
    data = b"".join(_decode(part, name) for part in parts)
    if len(data) > max_bytes:
        raise InputError(too_large_message(name, max_bytes))
    return data


def too_large_message(name: str, max_bytes: int) -> str:
    return f"{name}: more than {max_bytes >> 20} MB; send a smaller picture or a shorter clip"


def _decode(text: str, name: str) -> bytes:
    """One piece of base64. Raises InputError."""
    try:
        letters = text.encode("ascii")
        letters = (unquote_to_bytes(letters) if b"%" in letters else letters).translate(_STANDARD, _BLANKS).rstrip(b"=")
        return base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise InputError(f"{name}: the base64 data is damaged; encode the whole file again") from None
