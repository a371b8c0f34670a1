"""Progress on stderr: a bar on a terminal, plain lines in a log, or nothing. Never on stdout, which is for data.

Silent until somebody calls `use`, so that the Python API prints nothing; `track` wraps any loop:

    for frame in progress.track(frames, "measuring", total=120): ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

MODES = ("auto", "bar", "plain", "none")
BAR_SECONDS, PLAIN_SECONDS = 0.1, 5.0  # how often each kind is refreshed
BAR_WIDTH = 24

T = TypeVar("T")
_mode = "none"
_stream: TextIO | None = None


def use(mode: str, stream: TextIO | None = None) -> None:
    """Choose how progress is shown from now on; auto is a bar on a terminal and plain lines elsewhere.

    Raises ValueError for another mode.
    """
    global _mode, _stream  # noqa: PLW0603 - one process has one stderr
    if mode not in MODES:
        raise ValueError(f"progress must be one of {MODES}, not {mode!r}")
    _stream = stream
    _mode = ("bar" if _output_stream().isatty() else "plain") if mode == "auto" else mode


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items unchanged while showing how far we are.

    A loop that ends before PLAIN_SECONDS prints no plain line at all.
    """
    if _mode == "none":
        yield from items
        return
    every = BAR_SECONDS if _mode == "bar" else PLAIN_SECONDS
    start = last = time.monotonic()
    done = 0
    try:
        for item in items:
            yield item
            done += 1
            now = time.monotonic()
            if now - last >= every:
                last = now
                _show(what, done, total, now - start)
    finally:
        if _mode == "bar" and last > start:
            _output_stream().write("\r\033[K")
            _output_stream().flush()


def note(message: str) -> None:
    """One line about what happens now; only where progress is shown."""
    if _mode != "none":
        print(message, file=_output_stream(), flush=True)


def bar(done: int, total: int) -> str:
    """BAR_WIDTH characters; full when there is nothing to do."""
    filled = round(BAR_WIDTH * min(1.0, done / total)) if total else BAR_WIDTH
    return "#" * filled + "." * (BAR_WIDTH - filled)


def _show(what: str, done: int, total: int | None, seconds: float) -> None:
    rate = f"{done / seconds:.1f}/s"
    count = f"{done}/{total}" if total else str(done)
    if _mode == "plain":
        print(f"{what}: {count}, {rate}", file=_output_stream(), flush=True)
        return
    drawn = f" [{bar(done, total)}]" if total else ""
    _output_stream().write(f"\r\033[K{what}{drawn} {count} {rate}")
    _output_stream().flush()


def _output_stream() -> TextIO:
    return _stream or sys.stderr
