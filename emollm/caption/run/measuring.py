"""Measure one medium: hash it, see what is asked about it and not answered yet, and measure it when something is.

Plain functions that know nothing of processes, so that they run in threads of the command and on other machines alike.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from emollm.caption.incoming import requests
from emollm.caption.incoming.items import Inline, Item, Medium, escape_name
from emollm.caption.run.job import Job
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Entry
from emollm.caption.run.settings import key_of
from emollm.caption.run.window import Size, size_of
from emollm.schema import InputError, NoFaceError
from emollm.subject import PreparedSource
from emollm.workers import WorkerError

MediaError = tuple[str, str]  # code and message of an error line


@dataclass
class Task:
    """One medium to be measured."""

    medium: Medium
    known: dict[str, Entry]  # what an earlier run wrote about its items
    deaths: int = 0  # of processes that had it


class Todo(NamedTuple):
    """One item without a line."""

    item: Item
    key: str
    size: Size | None = None  # when there is something to ask the model about


@dataclass
class MeasuredMedium:
    """What came of one medium, but for the measurement itself, which is large and travels apart."""

    todo: list[Todo] = field(default_factory=list)
    twins: dict[str, Line] = field(default_factory=dict)  # key -> answer that a file of the same content has already
    no_face: str = ""
    error: MediaError | None = None


def measure(task: Task, job: Job, settings_sha256: str, prepare: Callable[..., PreparedSource],
            find_answer: Callable[[str], Line | None] = lambda key: None) -> tuple[MeasuredMedium, PreparedSource | None]:
    """Hash one photo or clip and, when an item of it is wanted, measure it. Never raises: the result says what is wrong.

    prepare: function (path or bytes, name=) -> Prepared without edits. find_answer: the line of an answered item with this
    key, if there is one.
    """
    source, sha256, error = _open(task.medium)
    measured = _todo(task, job, settings_sha256, sha256, find_answer)
    if error or all(todo.key in measured.twins for todo in measured.todo):
        measured.error = error
        return measured, None
    name = name_of(task.medium)
    try:
        prepared = prepare(source, name=name)
    except NoFaceError as none:
        measured.no_face = str(none)
    except WorkerError as dead:
        measured.error = "worker_failed", str(dead)
    except InputError as bad:
        measured.error = "media_undecodable", str(bad)
    except Exception as bug:  # one strange file must not end the run
        measured.error = "internal_error", f"{name}: internal error while measuring ({type(bug).__name__})"
    else:
        if prepared.sha256 not in ("", sha256):  # changed since it was hashed: the key is that of the bytes that were measured
            measured = _todo(task, job, settings_sha256, prepared.sha256, find_answer)
        measured.todo = [Todo(item, key, size_of(item, prepared)) for item, key, _ in measured.todo]
        return measured, prepared
    return measured, None


def name_of(medium: Medium) -> str:
    """What messages and results call it."""
    return medium.items[0].custom_id if isinstance(medium.source, Inline) else escape_name(medium.source)


def _todo(task: Task, job: Job, settings_sha256: str, sha256: str, find_answer: Callable) -> MeasuredMedium:
    """What is left to do about a medium of this content."""
    keyed = [Todo(i, key_of(sha256, i.words, i.what_if, settings_sha256)) for i in task.medium.items]
    todo = [t for t in keyed if job.wants(task.known.get(t.item.custom_id), t.key)]
    return MeasuredMedium(todo, {t.key: line for t in todo if (line := find_answer(t.key))})


def _open(medium: Medium) -> tuple[str | bytes | None, str, MediaError | None]:
    """What to measure, the sha256 of its bytes, and the error when there is nothing to measure."""
    source = medium.source
    if medium.items[0].error:
        return None, "", medium.items[0].error
    try:
        if isinstance(source, Inline):
            content = requests.fetch(source)
            return content, hashlib.sha256(content).hexdigest(), None
        if os.path.exists(source) and not os.path.isfile(source):  # a pipe would never end
            return None, "", ("unsupported_media", f"{escape_name(source)}: not an ordinary file. Give a photo or a clip.")
        with open(source, "rb") as file:
            return source, hashlib.file_digest(file, "sha256").hexdigest(), None
    except requests.RequestError as refused:
        return None, "", (refused.code, refused.message)
    except (OSError, ValueError) as failed:
        reason = getattr(failed, "strerror", None) or "not a file name"
        return None, "", ("media_not_found", f"{name_of(medium)}: the file cannot be opened ({reason}). Check its path and "
                                             "permissions.")
