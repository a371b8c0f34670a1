"""What a Python program hands over, as what `media.read` and `evidence` take: one place for explain, measure and chat.

Paths and FACS codes, data URLs, bytes and open files of pictures, clips and tables, PIL images, arrays, tensors; data frames
and dicts of action units; lists of any of these. Nothing is fetched from an address.
"""

from __future__ import annotations

import operator
import os
import re
from typing import NamedTuple

import numpy as np

from emollm import data_url
from emollm.evidence import HeldTable, are_rows, content_of, held_table, is_table
from emollm.files import MAX_HELD_BYTES
from emollm.perception import arrays, media, sniff
from emollm.perception.limits import Cut
from emollm.schema import MAIN, InputError

TAKEN = ("a path, data URL, bytes, open binary file, PIL image, array, tensor, or table of action units (path, data frame, "
         'dict such as {"AU12": 3.0})')
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.ASCII | re.IGNORECASE)  # Path() makes one slash of two; C:/ is a drive


class GivenSource(NamedTuple):
    """One source, ready to be read."""

    source: object  # Media, table, or what media.read takes
    name: str | None = None  # how messages call it; None: as its reader does


def list_sources(source: object) -> list[GivenSource]:
    """Every source of a list or tuple, in order; of anything else that alone. What has no name of its own is called by its
    place. Raises InputError."""
    if not isinstance(source, (list, tuple)) or isinstance(source, GivenSource):
        return [to_source(source)]
    if not source:
        raise InputError(f"an empty list was given. Give {TAKEN}.")
    if are_rows(source):
        return [to_source({key: [row.get(key) for row in source] for key in dict.fromkeys(k for row in source for k in row)})]
    return [to_source(item, f"item {k} of {len(source)}") for k, item in enumerate(source, 1)]


def to_source(source: object, place: str = "") -> GivenSource:
    """A single source. place: of it in a list. Raises InputError naming what is taken."""
    if isinstance(source, GivenSource):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _text(os.fsdecode(source), place)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _bytes(bytes(source), place or None)
    if arrays.is_tensor(source):
        return GivenSource(arrays.from_tensor(source, place or "tensor"), place or "tensor")
    if isinstance(source, HeldTable):
        return GivenSource(source, place or source.name)
    if isinstance(source, media.Media) or is_table(source) or media.is_pixels(source):
        return GivenSource(source, place or None)
    if callable(getattr(source, "read", None)):
        return _file(source, place)
    if hasattr(source, "__array__"):  # of JAX, TensorFlow and others that hand themselves over to numpy
        return to_source(np.asarray(source), place)
    kind = f"{type(source).__module__}.{type(source).__qualname__}".removeprefix("builtins.")
    raise InputError(f"{f'{place}: ' if place else ''}cannot read a face from {kind}. Give {TAKEN}"
                     f"{'' if place else '; for several, a list of these'}.")


def open_media(given: GivenSource, cut: Cut, still: bool = False) -> media.Media | None:
    """The photo or clip of a source; None for a table. Raises InputError."""
    if isinstance(given.source, media.Media):
        return given.source
    return None if is_table(given.source) else media.read(given.source, name=given.name, still=still, **vars(cut))


def content(given: GivenSource) -> bytes:
    """A photo or clip as the bytes of a file, to be sent on; pixels are written as PNG. Raises InputError."""
    source = given.source
    if isinstance(source, str):
        with open(source, "rb") as file:
            return file.read()
    if isinstance(source, bytes):
        return source
    seen = open_media(given, Cut())
    if seen.kind == "clip":
        source = seen.clip.source
        return content(GivenSource(os.fspath(source) if isinstance(source, os.PathLike) else source))
    return _png(seen.picture)


def face_number(face: object) -> int | str | None:
    """0 for 0 and "0"; None and "main" stay. Raises InputError."""
    if isinstance(face, str) and face == MAIN:
        return face
    if face is None or (isinstance(face, str) and face.strip().isdecimal()):
        return face if face is None else int(face)
    try:
        return operator.index("" if isinstance(face, bool) else face)
    except TypeError:
        raise InputError(f"face={face!r:.40}: give the number of a face, such as 0 or 1, or main") from None


def _text(text: str, place: str) -> GivenSource:
    """A path, a FACS code or a data URL."""
    if data_url.is_data_url(text):
        name = place or "data URL"
        return _bytes(data_url.read_data_url(text, name, MAX_HELD_BYTES), name)
    if not text:
        raise InputError(f"{place or 'source'}: an empty path was given. Give {TAKEN}.")
    if _ADDRESS.match(text) and not os.path.exists(text):
        raise InputError(f"{text:.200}: {media.NOT_OPENED}")
    return GivenSource(text)


def _file(file, place: str) -> GivenSource:
    path = getattr(file, "name", None)
    name = place or (os.path.basename(path) if isinstance(path, str) and path else "file")
    return _bytes(content_of(file, name), name)


def _bytes(content: bytes, name: str | None) -> GivenSource:
    """A table's file, or a picture's or clip's."""
    seen = sniff.recognise(content[:sniff.HEADER_BYTES])  # first: pictures can be written as text, too (PGM)
    table = None if seen else held_table(content, name or "bytes")
    return GivenSource(content, name) if table is None else GivenSource(table, table.name)


def _png(picture) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
