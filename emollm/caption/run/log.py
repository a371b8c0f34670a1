"""The output file is the write-ahead log itself: one fsynced line a finished item, and nothing else.

A log of its own beside the output could fall out of step with it, be moved without it, and would double the writing. So
every output line carries its key and a checksum (`lines`), and on opening the file tells what is finished: a torn tail is
cut off, a damaged line counts as not finished. The one thing a line cannot hold is written beside the output before its
first line, whole or not at all: OUTPUT.settings.json, with the settings that every line shares.

An item done again (its error is retried, its file was edited) gets a second line; the last one counts, and `compact` takes the
others out when the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from pathlib import Path
from typing import NamedTuple

from emollm.caption.run import lines
from emollm.caption.run.lines import Line
from emollm.caption.run.settings import digest
from emollm.files import cannot_write, write_file
from emollm.schema import InputError


class Entry(NamedTuple):
    """Where the line of a finished item stands."""

    key: str
    offset: int
    length: int
    ok: bool


class Scan:
    """What an output file holds."""

    def __init__(self, handle):
        self.entries: dict[str, Entry] = {}
        self.stale = 0  # lines that a later one replaced
        self.damaged = 0  # lines that are not as they were written
        self.end = 0  # up to here all lines are whole
        self.torn = b""  # what stands after that
        for data in handle:
            line = lines.read(data)
            if line is not None:
                self.add(line, self.end)
            elif data.endswith(b"\n"):
                self.damaged += 1
            else:  # only the last line can lack its end
                self.torn = data
                return
            self.end += len(data)

    @property
    def is_ours(self) -> bool:
        """Whether emollm caption wrote this: there is a line of it, or what the first one left when it was cut off."""
        return bool(self.entries) or (not self.damaged and lines.is_line_start(self.torn))

    def add(self, line: Line, offset: int) -> None:
        self.stale += line.custom_id in self.entries
        self.entries[line.custom_id] = Entry(line.key, offset, len(line.data), line.ok)


class Log:
    """An output file, locked for this process. Raises InputError when it cannot be written, another process writes it, or
    it was made with other settings."""

    def __init__(self, path: str, settings: dict):
        self.path, self.beside = path, Path(f"{path}.settings.json")
        self.file = _open_locked(path)
        try:
            self.settings = self._agree_on(settings)
            with open(self.file, "rb", closefd=False) as handle:
                self.scan = Scan(handle)
            self.entries, self.damaged = self.scan.entries, self.scan.damaged
            self._check_ours()
            os.ftruncate(self.file, self.scan.end)  # a torn tail is no finished work
        except BaseException:
            os.close(self.file)
            raise
        self.by_key = {entry.key: custom_id for custom_id, entry in self.entries.items() if entry.ok}

    def note(self, total: int | None, complete: bool) -> None:
        """Write the settings beside the output, with how many items there are (None: not known here) and
        whether all have their line."""
        stored = {"settings": self.settings, "total": total, "complete": complete}
        write_file(self.beside, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")

    def append(self, fresh: list[Line]) -> None:
        """Add lines and wait until the disk has them. Raises InputError when there is no room: whole lines are kept."""
        try:
            for line in fresh:
                _write_all(self.file, line.data, self.scan.end)
                self.scan.add(line, self.scan.end)
                self.scan.end += len(line.data)
                if line.ok:
                    self.by_key[line.key] = line.custom_id
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self.file, self.scan.end)
                os.fsync(self.file)
            raise self._write_error(error) from None
        try:
            os.fsync(self.file)
        except OSError as error:
            raise self._write_error(error) from None

    def read(self, custom_id: str) -> Line:
        entry = self.entries[custom_id]
        return lines.read(os.pread(self.file, entry.length, entry.offset))

    def find_answer(self, key: str) -> Line | None:
        """The answer with this key, under whatever custom_id. Safe to call from other threads."""
        custom_id = self.by_key.get(key)
        entry = self.entries.get(custom_id) if custom_id is not None else None
        return self.read(custom_id) if entry and entry.ok and entry.key == key else None

    def compact(self) -> None:
        """Take out lines that were replaced or damaged: exactly one line a custom_id is left."""
        if not self.scan.stale and not self.damaged:
            return
        temporary = f"{self.path}.compacting"
        try:
            fresh = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
            fcntl.flock(fresh, fcntl.LOCK_EX)  # before it takes the name: a newcomer must find it locked
            moved, end = {}, 0
            for custom_id, entry in sorted(self.entries.items(), key=lambda item: item[1].offset):
                _write_all(fresh, os.pread(self.file, entry.length, entry.offset), end)
                moved[custom_id], end = entry._replace(offset=end), end + entry.length
            os.fsync(fresh)
            os.replace(temporary, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise self._write_error(error) from None
        os.close(self.file)
        self.file = fresh
        _sync_folder(self.path)
        self.entries.update(moved)
        self.scan.end, self.scan.stale, self.damaged = end, 0, 0

    def close(self) -> None:
        os.close(self.file)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _agree_on(self, settings: dict) -> dict:
        """The settings, when the output has none yet or the same."""
        if not self.beside.exists() or not os.fstat(self.file).st_size:
            return settings
        made_with = read_settings(self.beside)["settings"]
        differing = [name for name in sorted({*made_with, *settings}) if made_with.get(name) != settings.get(name)]
        if differing:
            words = ", ".join(f"{n} was {_shorten(made_with.get(n))}, now {_shorten(settings.get(n))}" for n in differing)
            raise InputError(f"{self.path}: made with other settings: {words}. Give another -o, use the settings of then, or "
                             f"delete {self.path} and {self.beside.name} to begin anew.")
        return settings

    def _check_ours(self) -> None:
        """Nothing of somebody else's file may be cut off, and without the settings beside it the output must tell by itself
        that it is of the same settings."""
        if not self.scan.is_ours or (self.scan.torn and not self.entries and not self.beside.exists()):
            raise InputError(f"{self.path}: this file was not written by emollm caption, or every line of it was changed "
                             "since. Give another -o.")
        answered = next((e for e in self.entries.values() if e.ok), None)
        if self.beside.exists() or answered is None:
            return
        stored = json.loads(os.pread(self.file, answered.length, answered.offset))
        if stored["response"]["body"]["system_fingerprint"] != digest(self.settings):
            raise InputError(f"{self.path}: made with other settings, and {self.beside.name}, which names them, is missing. "
                             "Give another -o.")

    def _write_error(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: cannot be written ({error.strerror}). Finished lines are kept: make room and run the "
                          "same command again.")


def _open_locked(path: str) -> int:
    """The open file, created when it is not there, with its lock."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InputError(f"{path}: not an ordinary file. Give the name of a file.")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path) and os.path.samestat(os.fstat(file), os.stat(path)):  # not renamed over meanwhile
                _sync_folder(path)
                return file
        except BlockingIOError:
            os.close(file)
            raise InputError(f"{path}: another emollm caption is writing this file. Wait for it or give another -o.") from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def read_settings(beside: Path) -> dict:
    """What Log.note() wrote. Raises InputError."""
    try:
        stored = json.loads(beside.read_text("utf-8"))
        return {**stored, "settings": dict(stored["settings"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{beside}: damaged. Restore it, or give another -o.") from None


def _write_all(file: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        count = os.pwrite(file, left, offset)
        left, offset = left[count:], offset + count


def _sync_folder(path: str) -> None:
    """A new name is only safe once its folder is on disk."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _shorten(value: object) -> str:
    text = str(value)
    return f"'{text}'" if len(text) <= 40 else f"'{text[:12]}...'"
