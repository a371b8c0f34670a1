"""Inputs of `emollm caption` as items. Listing opens no photo or clip, except a file in a folder whose extension says nothing.

A folder is walked without following links to folders; hidden files are left out. What is left out is counted by reason.
A file named by the user is always taken: when it cannot be read, its output line says so. The custom_id of a file is its
path as given, normalised.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from emollm.caption.incoming.items import Item, escape_name
from emollm.caption.incoming.manifest import read_manifest
from emollm.caption.incoming.requests import read_requests
from emollm.schema import InputError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".mpo",
                  ".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".jpx", ".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".qoi")
CLIP_SUFFIXES = (".mp4", ".m4v", ".mov", ".qt", ".mkv", ".mk3d", ".webm", ".avi", ".wmv", ".asf", ".flv", ".f4v", ".ogv",
                 ".ogg", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".3gp", ".3g2", ".mxf", ".dv",
                 ".mjpeg", ".mjpg", ".ivf", ".y4m", ".nut", ".h264", ".264", ".h265", ".hevc", ".mj2", ".avifs")
# Of files that lie beside photos and clips and are none: they are not opened to find out.
OTHER_SUFFIXES = frozenset((  # noqa: SIM905 - a list of so many strings cannot be read
    ".txt .csv .tsv .json .jsonl .ndjson .parquet .xlsx .xls .ods .md .pdf .doc .docx .html .htm .xml .yaml .yml "
    ".zip .gz .tar .7z .rar .py .r .m .mat .npy .npz .h5 .hdf5 .pkl .db .log .srt .vtt .eaf .wav .mp3 .m4a .aac "
    ".flac .opus .svg .psd .ai .cr2 .cr3 .nef .arw .raf .dng .orf .rw2 .jxl .exr .dcm .ini .part .tmp").split())
NAMED = 5  # files that are left out for one reason, by name
MANIFEST_SUFFIXES, REQUEST_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet"), (".jsonl", ".ndjson")


@dataclass
class LeftOutFiles:
    """What folders and patterns held and no item was made of: reason -> paths."""

    paths: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, path: str) -> None:
        self.paths.setdefault(reason, []).append(path)

    def __len__(self) -> int:
        return sum(map(len, self.paths.values()))

    def __str__(self) -> str:
        """5 left out: 3 no photo or clip (.txt, .csv): a.txt, b.txt, c.csv; 2 hidden: .DS_Store, .x.jpg"""
        return f"{len(self)} left out: " + "; ".join(self._describe_reason(reason) for reason in self.paths)

    def _describe_reason(self, reason: str) -> str:
        names = [escape_name(os.path.basename(path)) for path in self.paths[reason]]
        named = ", ".join("".join(letter if letter.isprintable() else "?" for letter in name) for name in names[:NAMED])
        return f"{len(names)} {reason}: {named}" + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def read_inputs(inputs: list[str], root: str | None = None, question: str | None = None,
                what_if: tuple[tuple[str, float], ...] = (), left_out: LeftOutFiles | None = None) -> list[Item]:
    """Every item of the inputs, in order. root: folder under which batch files may name media (default: their own).
    question, what_if: of items that bring none. left_out: filled with what no item was made of.

    Raises InputError for an input without items, a table or batch file that cannot be read, or a custom_id used twice.
    """
    items: list[Item] = []
    left_out = LeftOutFiles() if left_out is None else left_out
    for source in inputs:
        items += _items(source, root, question, what_if, left_out)
    seen: dict[str, Item] = {}
    for item in items:
        if (other := seen.setdefault(item.custom_id, item)) is not item:
            raise InputError(f"custom_id '{item.custom_id}' is used twice: {other.place} and {item.place}. Give every item a "
                             "custom_id of its own, or list every file once.")
    return items


def _items(source: str, root: str | None, question: str | None, what_if: tuple, left_out: LeftOutFiles) -> list[Item]:
    source = os.path.expanduser(source) if source.startswith("~") and not os.path.lexists(source) else source
    suffix = os.path.splitext(source)[1].lower()
    if os.path.isdir(source):
        here = LeftOutFiles()
        files = list(_walk(source, here))
        if not files:
            told = f" ({here})" if here else ""
            raise InputError(f"{source}: no photo or clip in this folder or below it{told}. Give a folder that holds some.")
        _merge(left_out, here)
    elif os.path.isfile(source) and suffix in MANIFEST_SUFFIXES:
        return read_manifest(source, root, question, what_if)
    elif os.path.isfile(source) and suffix in REQUEST_SUFFIXES:
        return read_requests(source, root, question, what_if)
    elif os.path.lexists(source):
        files = [source]
    else:
        files = _matches(source, left_out)
    return [Item(escape_name(os.path.normpath(path)), path, source, question, what_if) for path in files]


def _merge(into: LeftOutFiles, left_out: LeftOutFiles) -> None:
    for reason, paths in left_out.paths.items():
        into.paths.setdefault(reason, []).extend(paths)


def _matches(pattern: str, left_out: LeftOutFiles) -> list[str]:
    if not glob.has_magic(pattern):
        raise InputError(f"{pattern}: no such file or folder. Check the path.")
    paths: list[str] = []
    for path in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isdir(path):
            paths += _walk(path, left_out) if not pattern.endswith("**") else []
        elif reason := _rejection_reason(path):
            left_out.add(reason, path)
        else:
            paths.append(path)
    if not paths:
        raise InputError(f"{pattern}: no photo or clip matches. Check the pattern.")
    return list(dict.fromkeys(paths))


def _walk(folder: str, left_out: LeftOutFiles) -> Iterator[str]:
    """Photos and clips of a folder and below it, by name; one level's names are held at a time."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda e: e.name)
    except OSError as error:
        raise InputError(f"{folder}: this folder cannot be read ({error.strerror}). Check its permissions.") from None
    for entry in entries:
        if entry.name.startswith("."):
            left_out.add("hidden", entry.path)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, left_out)
        elif entry.is_dir():
            left_out.add("links to folders, which are not followed", entry.path)
        elif reason := _rejection_reason(entry.path) or ("" if entry.is_file() else "no files (broken links, devices)"):
            left_out.add(reason, entry.path)
        else:
            yield entry.path


def _rejection_reason(path: str) -> str:
    """Why a file is no photo or clip, "" when it is one: by its extension; when that says nothing, by its first bytes."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in PHOTO_SUFFIXES + CLIP_SUFFIXES:
        return ""
    if suffix in OTHER_SUFFIXES:
        return f"{suffix} files"
    if not os.path.isfile(path):
        return "no files (broken links, devices)"
    from emollm.perception import sniff

    try:
        with open(path, "rb") as file:
            header = file.read(sniff.HEADER_BYTES)
    except OSError:
        return "files that cannot be opened"
    if sniff.recognise(header) is not None:
        return ""
    return "empty files" if not header else "no photo or clip by name or content"
