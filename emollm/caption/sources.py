"""Inputs of `emollm caption` as items. Listing opens no photo or clip, except a file in a folder that has no extension.

A folder is walked without following links to folders; hidden files are left out. A file named by the user is always
taken: when it cannot be read, its output line says so. The custom_id of a file is its path as given, normalised.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from emollm.schema import InputError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".mpo")
CLIP_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".ogv", ".mpg", ".mpeg", ".ts",
                 ".mts", ".m2ts", ".3gp")
MANIFEST_SUFFIXES, REQUEST_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet"), (".jsonl", ".ndjson")
HEADER_BYTES = 512


@dataclass(frozen=True, slots=True)
class Inline:
    """Media within a line of a batch file, fetched only when its turn comes."""

    file: str
    offset: int  # of the line, bytes
    length: int  # of the line, bytes
    custom_id: str  # what that line must still hold then


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be: a question about one photo or clip."""

    custom_id: str
    source: str | Inline  # path, or where the bytes are
    place: str  # where the user listed it, for messages
    question: str | None = None
    what_if: tuple[tuple[str, float], ...] = ()
    error: tuple[str, str] | None = None  # code, message: a request that cannot be answered


@dataclass(slots=True)
class Medium:
    """One photo or clip with every item that asks about it: measured once."""

    source: str | Inline
    items: list[Item] = field(default_factory=list)


def read_inputs(inputs: list[str], root: str | None = None, question: str | None = None,
                what_if: tuple[tuple[str, float], ...] = ()) -> list[Item]:
    """Every item of the inputs, in order. root: folder under which batch files may name media (default: their own).
    question, what_if: of items that bring none.

    Raises InputError for an input without items, a table or batch file that cannot be read, or a custom_id used twice.
    """
    items: list[Item] = []
    for given in inputs:
        items += _items(given, root, question, what_if)
    seen: dict[str, Item] = {}
    for item in items:
        if (other := seen.setdefault(item.custom_id, item)) is not item:
            raise InputError(f"custom_id '{item.custom_id}' is used twice: {other.place} and {item.place}. Give every item a "
                             "custom_id of its own, or list every file once.")
    return items


def by_medium(items: list[Item]) -> Iterator[Medium]:
    """Items grouped by what they ask about, in order of first mention."""
    media: dict[str | Inline, Medium] = {}
    for item in items:
        media.setdefault(item.source, Medium(item.source)).items.append(item)
    return iter(media.values())


def parse_edits(pairs: list[str]) -> tuple[tuple[str, float], ...]:
    """["AU04=0"] -> (("AU04", 0.0),), sorted. Raises InputError naming the pair."""
    from emollm.explain import checked

    edits: dict[str, float] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            edit = checked({name: float(value)})
        except ValueError:
            edit = {}
        if not equals or not edit:
            raise InputError(f"what-if '{pair}': write AU=LEVEL with a level from 0 (absent) to 5, such as AU04=0")
        if set(edit) & set(edits):
            raise InputError(f"what-if '{pair}': {name} is edited twice")
        edits |= edit
    return tuple(sorted(edits.items()))


def shown(text: str) -> str:
    """A name that JSON can hold: bytes of a file name that are no UTF-8 are written as \\udcXX."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _items(given: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    suffix = os.path.splitext(given)[1].lower()
    if os.path.isdir(given):
        files = list(_walk(given))
        if not files:
            raise InputError(f"{given}: no photo or clip in this folder or below it. Give a folder that holds some.")
    elif os.path.isfile(given) and suffix in MANIFEST_SUFFIXES:
        from emollm.caption.manifest import read_manifest

        return read_manifest(given, root, question, what_if)
    elif os.path.isfile(given) and suffix in REQUEST_SUFFIXES:
        from emollm.caption.requests import read_requests

        return read_requests(given, root, question, what_if)
    elif os.path.lexists(given):
        files = [given]
    else:
        files = _matches(given)
    return [Item(shown(os.path.normpath(path)), path, given, question, what_if) for path in files]


def _matches(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        raise InputError(f"{pattern}: no such file or folder. Check the path.")
    found: list[str] = []
    for path in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isdir(path):
            found += _walk(path) if not pattern.endswith("**") else []
        elif _is_media(path):
            found.append(path)
    if not found:
        raise InputError(f"{pattern}: no photo or clip matches. Check the pattern.")
    return list(dict.fromkeys(found))


def _walk(folder: str) -> Iterator[str]:
    """Photos and clips of a folder and below it, by name; one level's names are held at a time."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise InputError(f"{folder}: this folder cannot be read ({error.strerror}). Check its permissions.") from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif _is_media(entry.path) and entry.is_file():
            yield entry.path


def _is_media(path: str) -> bool:
    """By extension; a file that has none by its first bytes."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix or not os.path.isfile(path):
        return suffix in PHOTO_SUFFIXES + CLIP_SUFFIXES
    from emollm.media import _PHOTO_MAGIC, _demuxer

    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError:
        return False
    return header.startswith(_PHOTO_MAGIC) or header[8:12] == b"WEBP" or _demuxer(header) is not None
