"""How a run is stopped from outside."""

from __future__ import annotations

import contextlib
import os
import signal


class Stop:
    """Ctrl-C and SIGTERM: the first asks for an orderly stop, the second stops at once."""

    def __init__(self):
        self.asked = False
        self.before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # only the main thread may; elsewhere signals stay as they are
                self.before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _ask(self, *_) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, b"\nemollm: finishing what is in flight; Ctrl-C again stops at once\n")  # print() is not safe in here


def leave_signals_alone() -> None:
    """For threads that start processes. Ctrl-C reaches every process of a terminal's foreground group; a process inherits
    the mask of the thread that starts it, so what is being measured is finished and not lost as a worker that died."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
