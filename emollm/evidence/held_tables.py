"""Tables that a program holds in memory: the bytes of a file, an open file, what is piped in. Told by content alone."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field

from emollm.evidence.facs_codes import looks_like_facs
from emollm.files import MAX_HELD_BYTES
from emollm.schema import InputError

LOOKED_AT = 2**16  # bytes that tell a table from a picture
_MAGIC = {b"PAR1": ".parquet", b"\x93NUMPY": ".npy"}
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class HeldTable:
    """A table's file in memory. ending: as a file of its kind has, for whoever reads it."""

    content: bytes = field(repr=False)
    name: str
    ending: str


def held_table(content: bytes, name: str) -> HeldTable | None:
    """A table, when these bytes are one: Parquet, an array, JSON, text of several columns, a FACS code; else None."""
    ending = next((ending for magic, ending in _MAGIC.items() if content.startswith(magic)), None) or _text_ending(content)
    return None if ending is None else HeldTable(content, name, ending)


def content_of(file: object, name: str) -> bytes:
    """All that an open file holds, from its start where it can be rewound; it is left where it was. A file that was opened as
    text gives its table. Raises InputError for one that is closed, too large, or a picture opened as text."""
    try:
        content = _read(file)
    except (OSError, ValueError, TypeError, LookupError):  # closed, no such text, or the read() of something else
        raise InputError(f"{name}: this file is closed or cannot be read. Open it with open(path, 'rb').") from None
    if isinstance(content, str) and held_table(content.encode("utf-8", "replace"), name):
        return content.encode("utf-8", "replace")
    if not isinstance(content, (bytes, bytearray)):
        raise InputError(f"{name}: this file was opened as text. Open it with open(path, 'rb').")
    if len(content) > MAX_HELD_BYTES:
        raise InputError(f"{name}: more than {MAX_HELD_BYTES >> 20} MB. Give the file's path instead.")
    return bytes(content)


def _read(file) -> object:
    if not (hasattr(file, "seekable") and file.seekable()):
        return file.read(MAX_HELD_BYTES + 1)
    at = file.tell()
    file.seek(0)  # a buffer that was just written stands at its end
    try:
        return file.read(MAX_HELD_BYTES + 1)
    finally:
        file.seek(at)


def _text_ending(content: bytes) -> str | None:
    text = _text(content[:LOOKED_AT])
    if text is None:
        return None
    if re.match(r"\s*[\[{]", text):
        return ".json"
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return None
    several = any(len(next(csv.reader([lines[0].replace("\0", "")], delimiter=sign), [])) > 1 for sign in ",;\t|")
    blanks = len(lines) > 1 and len(lines[0].split()) == len(lines[1].split()) > 1
    return ".txt" if looks_like_facs(text.strip()) else ".csv" if several or blanks else None


def _text(head: bytes) -> str | None:
    """The beginning of a file as text; None when it is none."""
    coding = next((name for mark, name in _WIDE.items() if head.startswith(mark)), None)
    if coding is None and head[:200].count(0) > 0.3 * len(head[:200]):
        coding = "utf-16-le" if head[1:200:2].count(0) > head[:200:2].count(0) else "utf-16-be"
    for name in [coding] if coding else ["utf-8", "cp1252"]:
        text = head.decode(name, "ignore" if len(head) == LOOKED_AT or coding else "replace")
        if text and all(letter.isprintable() or letter in "\r\n\t\f" for letter in text) and "\ufffd" not in text:
            return text
    return None
