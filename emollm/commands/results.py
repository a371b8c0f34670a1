"""Where results go: standard output or a file, checked before the work starts; messages to standard error."""

from __future__ import annotations

import contextlib
import os
import sys

from emollm.explanation import print_text
from emollm.files import check_target, write_file
from emollm.schema import InputError


def check_place(path: str | None, media: str) -> None:
    """Refuse before the work starts to write where nothing can be written, or over the input."""
    if path is None:
        return
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise InputError(f"{path}: there is no such folder. Create it first.")
    check_target(path, [media])


def deliver(text: str, path: str | None) -> None:
    """To a file, whole or not at all, or to stdout in signs that it can show."""
    if path:
        write_file(path, text)
    else:
        print_text(text)


def complain(message: str, code: int) -> int:
    """One line to standard error; returns the exit code."""
    with contextlib.suppress(OSError):
        print(f"emollm: {' '.join(message.split())}", file=sys.stderr)
    return code
