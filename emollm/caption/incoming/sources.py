"""Inputs of `emollm caption` as items. Listing opens no photo or clip, except a file in a folder that has no extension.

A folder is walked without following links to folders; hidden files are left out. A file named by the user is always
taken: when it cannot be read, its output line says so. The custom_id of a file is its path as given, normalised.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator

from emollm.caption.incoming.items import HEADER_BYTES, Item, shown
from emollm.caption.incoming.manifest import read_manifest
from emollm.caption.incoming.requests import read_requests
from emollm.schema import InputError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".mpo")
CLIP_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".ogv", ".mpg", ".mpeg", ".ts",
                 ".mts", ".m2ts", ".3gp")
MANIFEST_SUFFIXES, REQUEST_SUFFIXES = (".csv", ".parquet"), (".jsonl", ".ndjson")


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


def _items(given: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    suffix = os.path.splitext(given)[1].lower()
    if os.path.isdir(given):
        files = list(_walk(given))
        if not files:
            raise InputError(f"{given}: no photo or clip in this folder or below it. Give a folder that holds some.")
    elif os.path.isfile(given) and suffix in MANIFEST_SUFFIXES:
        return read_manifest(given, root, question, what_if)
    elif os.path.isfile(given) and suffix in REQUEST_SUFFIXES:
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
    from emollm.perception.media import PHOTO_MAGIC, demuxer_of

    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError:
        return False
    return header.startswith(PHOTO_MAGIC) or header[8:12] == b"WEBP" or demuxer_of(header) is not None
