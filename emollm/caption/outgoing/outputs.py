"""What is derived from the finished lines when a run is complete: table, measurements, subtitles, report.

Everything is written anew from the output, whole or not at all, so it never disagrees with it and an interrupted run
loses nothing. Items come in the order of the input; lines that an earlier run wrote for other inputs come after them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from emollm.caption.incoming import requests
from emollm.caption.incoming.items import Inline, Item
from emollm.caption.incoming.sources import CLIP_SUFFIXES, PHOTO_SUFFIXES
from emollm.caption.outgoing import page, subtitles, summary
from emollm.caption.outgoing.thumbs import Thumbnails
from emollm.caption.run import lines
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Log
from emollm.caption.run.settings import digest, key_of
from emollm.explanation import Explanation
from emollm.files import umask, write_file
from emollm.schema import InputError

UNSAFE = r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\ud800-\udfff]'  # in a file name, on some system
MOST_BYTES = 120  # of a name, before a hash; file systems take 255 in all


@dataclass
class WantedFiles:
    """Derived files that the user asked for; None: not this one."""

    csv: str | None = None
    measurements: str | None = None  # folder
    srt: str | None = None  # folder
    vtt: str | None = None  # folder
    report: str | None = None

    @property
    def options(self) -> list[str]:
        """As the user gave them, for messages."""
        return [f"--{field.name}" for field in dataclasses.fields(self) if getattr(self, field.name)]

    def check(self, inputs: list[str], output: str) -> None:
        """Refuse before the work starts what could not be written after it."""
        for file in filter(None, (self.csv, self.report)):
            folder = os.path.dirname(file) or "."
            if not os.path.isdir(folder) or not os.access(folder, os.W_OK) or os.path.isdir(file):
                raise InputError(f"{file}: cannot write this file. Choose a name in a folder that exists and is writable.")
            for other in (*inputs, output):
                if os.path.realpath(file) == os.path.realpath(other):
                    raise InputError(f"{file}: this would overwrite {other}. Give another name.")
        for folder in filter(None, (self.measurements, self.srt, self.vtt)):
            try:
                os.makedirs(folder, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise InputError(f"{folder}: cannot write into this folder ({error.strerror}). Choose another.") from None


def derive(wanted: WantedFiles, log: Log, items: list[Item]) -> None:
    """Write the files that are wanted. Raises InputError when a place cannot be written."""
    writers = [w for w in (wanted.csv and _table(wanted.csv), wanted.report and _page(wanted.report, log, items),
                           wanted.measurements and _write_each(wanted.measurements, ".csv", summary.measurement_csv),
                           wanted.srt and _write_each(wanted.srt, ".srt", subtitles.srt),
                           wanted.vtt and _write_each(wanted.vtt, ".vtt", subtitles.vtt)) if w]
    for writer in writers:
        next(writer)
    for line in _lines_in_order(log, items) if writers else ():
        explanations = lines.explanations_of(line) if line.ok else None
        for writer in writers:
            writer.send((line, explanations))
    for writer in writers:
        with contextlib.suppress(StopIteration):
            writer.send(None)


class FileNames:
    """A name for every item that gets a file, that of its photo or clip where it is free: players look for clip.srt beside
    clip.mp4. Whoever comes later under a name that is taken gets a hash of its custom_id behind it."""

    def __init__(self):
        self.taken: set[str] = set()  # in small letters: not every file system tells A from a

    def take(self, custom_id: str) -> str:
        """Name without suffix, at most 190 bytes."""
        stem, suffix = os.path.splitext(os.path.basename(custom_id))
        stem = stem if suffix.lower() in PHOTO_SUFFIXES + CLIP_SUFFIXES else stem + suffix
        safe = re.sub(UNSAFE, "_", stem).encode()[:MOST_BYTES].decode(errors="ignore").strip(" .") or "item"
        sha256 = hashlib.sha256(custom_id.encode()).hexdigest()
        name = next(n for n in (safe, f"{safe}-{sha256[:8]}", f"{safe}-{sha256}") if n.lower() not in self.taken)
        self.taken.add(name.lower())
        return name


def _lines_in_order(log: Log, items: list[Item]) -> Iterator[Line]:
    ids = dict.fromkeys(item.custom_id for item in items)
    for custom_id in [*ids, *(i for i in log.entries if i not in ids)]:
        if custom_id in log.entries:
            yield log.read(custom_id)


def _table(path: str) -> Iterator[None]:
    """The summary CSV, written row by row into a file beside it that takes its name at the end."""
    folder, name = os.path.split(path)
    try:
        with tempfile.NamedTemporaryFile("w", dir=folder or ".", prefix=f".{name}.", encoding="utf-8", newline="",
                                         delete=False) as out:
            out.write(summary.header())
            while (pair := (yield)) is not None:
                line, explanations = pair
                out.write(summary.rows(line.custom_id, explanations) if line.ok
                          else summary.error_row(line.custom_id, lines.error_of(line)[0]))
            out.flush()
            os.fsync(out.fileno())
        os.chmod(out.name, 0o666 & ~umask())
        os.replace(out.name, path)
    except OSError as error:
        with contextlib.suppress(OSError, UnboundLocalError):
            os.unlink(out.name)
        raise InputError(f"{path}: cannot write this file ({error.strerror}). Make room or choose another folder, and run the "
                         "same command again.") from None


def _write_each(folder: str, suffix: str, text_of) -> Iterator[None]:
    """One file an item, where there is something to write."""
    names = FileNames()
    while (pair := (yield)) is not None:
        line, explanations = pair
        if line.ok and (text := text_of(explanations)):
            write_file(os.path.join(folder, names.take(line.custom_id) + suffix), text)


def _page(path: str, log: Log, items: list[Item]) -> Iterator[None]:
    """The report, with a thumbnail of every face whose file is still the one that was explained."""
    by_id, sections, seen = {item.custom_id: item for item in items}, [], 0
    settings_sha256 = digest(log.settings)
    with Thumbnails() as thumbnails:
        while (pair := (yield)) is not None:
            line, explanations = pair
            seen += 1
            if seen > page.MAX_ITEMS:
                continue
            if line.ok:
                pictures = _pictures(thumbnails, by_id.get(line.custom_id), line, explanations, settings_sha256)
                sections.append(page.section(line.custom_id, explanations, pictures))
            else:
                sections.append(page.error_section(line.custom_id, *lines.error_of(line)))
    extent = f"{seen} items" if seen <= page.MAX_ITEMS else f"the first {page.MAX_ITEMS} of {seen} items"
    failed = sum(not entry.ok for entry in log.entries.values())
    counts = f"{extent} of {os.path.basename(log.path)}, {failed} of them could not be read"
    write_file(path, page.document(sections, "Captions", counts))


def _pictures(thumbnails: Thumbnails, item: Item | None, line: Line, explanations: list[Explanation],
              settings_sha256: str) -> list[str]:
    from emollm.output.moments import key_box, key_time

    if item is None or not any(e.measured for e in explanations):
        return []
    try:
        source = requests.fetch(item.source) if isinstance(item.source, Inline) else item.source
    except (OSError, requests.RequestError):
        return []
    sha256, made = thumbnails.make_all(source, [(key_time(e), key_box(e)) for e in explanations])
    same = line.key == key_of(sha256, item.words, item.what_if, settings_sha256)
    return made if same else []
