"""What the words of a command line stand for: files, quoted patterns, a home folder, or what is piped in.

A shell expands `*.jpg` and `~` unless they are quoted, as programs that call us do; the same is done here then.
"""

from __future__ import annotations

import glob
import os
import shlex
import sys
from typing import TYPE_CHECKING

from emollm.files import MAX_HELD_BYTES
from emollm.schema import InputError

if TYPE_CHECKING:
    from emollm.evidence import HeldTable
    from emollm.perception.media import Media

STDIN = "-"


def expand(words: list[str]) -> list[str]:
    """Every file, address, code or STDIN that is meant, in order, each once. Raises InputError for folders and for patterns
    without a match."""
    return list(dict.fromkeys(path for word in words for path in _files(word)))


def expand_one(words: list[str], command: str) -> str:
    """The only one that is meant. Raises InputError naming the command for several."""
    files = expand(words)
    if len(files) > 1:
        raise InputError(f"emollm {command} takes one file, here are {len(files)}. For many use: emollm caption "
                         f"{shlex.quote(words[0])}{' ...' if len(words) > 1 else ''} -o captions.jsonl --measurements tables/")
    return files[0]


def _files(word: str) -> list[str]:
    if word == STDIN or os.path.isfile(word):
        return [word]
    path = os.path.expanduser(word) if word.startswith("~") else word
    if os.path.isdir(path):
        raise InputError(f"{word}: this is a folder. For all that it holds use: emollm caption {shlex.quote(path)} -o "
                         "captions.jsonl")
    if os.path.lexists(path) or not glob.has_magic(path) or "://" in path:
        return [path]
    matches = sorted(match for match in glob.glob(path, recursive=True) if os.path.isfile(match))
    if not matches:
        raise InputError(f"{word}: no file matches this pattern. Check it.")
    return matches


def read_piped_media(**part: float) -> Media | HeldTable:
    """The photo, clip or table that is piped in. part: of a clip, as `media.read` takes it. Raises InputError."""
    from emollm.evidence import held_table
    from emollm.perception import media

    content = read_piped()
    return held_table(content, "stdin") or media.read(content, name="stdin", **part)


def read_piped() -> bytes:
    """What is piped in. Raises InputError when nothing is, or too much."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("-: nothing is piped in. Use it as in: cat photo.jpg | emollm explain -")
    content = sys.stdin.buffer.read(MAX_HELD_BYTES + 1)
    if not content:
        raise InputError("-: nothing came in. Pipe a photo or a clip in, or give its path.")
    if len(content) > MAX_HELD_BYTES:
        raise InputError(f"-: more than {MAX_HELD_BYTES >> 20} MB are piped in. Give the file's path instead.")
    return content
