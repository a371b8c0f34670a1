"""Progress of a captioning run on stderr: a bar, plain lines, JSON lines or nothing.

Rates are those of the last WINDOW seconds, and the time left is told only after enough items: the first ones come late,
because the model is loaded while they are measured. Items found finished from an earlier run count as done, never as speed.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque

from emollm import progress

MODES = ("auto", "bar", "plain", "json", "none")
EVERY = {"bar": 0.1, "plain": 5.0, "json": 1.0}  # s between two messages
WINDOW = 120.0  # s
ENOUGH_ITEMS, ENOUGH_SECONDS = 8, 5.0  # answered items and the time they span before a time left is told


class Rate:
    """Items a second within the last WINDOW seconds."""

    def __init__(self):
        self.marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, count: int) -> None:
        now, total = time.monotonic(), self.marks[-1][1] + count
        self.marks.append((now, total))
        while len(self.marks) > 2 and now - self.marks[1][0] > WINDOW:
            self.marks.popleft()

    @property
    def span(self) -> tuple[float, int]:
        """Seconds and items between the oldest mark and the newest."""
        return self.marks[-1][0] - self.marks[0][0], self.marks[-1][1] - self.marks[0][1]

    @property
    def per_second(self) -> float:
        seconds, items = self.span
        return items / seconds if seconds > 0 else 0.0


class Progress:
    """Counts of one run and how they are shown."""

    def __init__(self, mode: str, total: int):
        self.mode = ("bar" if sys.stderr.isatty() else "plain") if mode == "auto" else mode
        self.total, self.done, self.errors = total, 0, 0
        self.known, self.taken = 0, 0  # items found finished; items measured in this run
        self.measuring, self.generating = Rate(), Rate()
        self.last = time.monotonic()

    def add_known(self, answers: int, errors: int) -> None:
        """Items that an earlier run finished."""
        self.known += answers + errors
        self._count(answers, errors)

    def start_answering(self) -> None:
        """The model is loaded: answering is timed from now on."""
        self.generating = Rate()

    def add_measured(self, items: int) -> None:
        self.taken += items
        self.measuring.add(items)

    def add_written(self, answers: int, errors: int) -> None:
        """Items that this run has written."""
        self._count(answers, errors)
        self.generating.add(answers + errors)

    @property
    def eta(self) -> float | None:
        """Seconds left by the slower of the two stages; None before enough items were measured and answered in this run."""
        seconds, items = self.generating.span
        if items < ENOUGH_ITEMS or seconds < ENOUGH_SECONDS or not self.measuring.per_second:
            return None
        unmeasured = self.total - self.known - self.taken
        return max((self.total - self.done) * seconds / items, unmeasured / self.measuring.per_second)

    @property
    def is_complete(self) -> bool:
        return self.done >= self.total

    def _count(self, answers: int, errors: int) -> None:
        self.done, self.errors = self.done + answers + errors, self.errors + errors

    def show(self, last: bool = False) -> None:
        """A message when its time has come; the last one always, except by the bar, which goes away."""
        now = time.monotonic()
        if self.mode == "none" or (now - self.last < EVERY[self.mode] and not last):
            return
        self.last = now
        getattr(self, f"_{self.mode}")(last)

    def _bar(self, last: bool) -> None:
        text = "" if last else f"captioning [{progress.bar(self.done, self.total)}] {self._words()}"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def _plain(self, _: bool) -> None:
        print(f"captioning: {self._words()}", file=sys.stderr, flush=True)

    def _json(self, _: bool) -> None:
        eta = self.eta
        print(json.dumps({"done": self.done, "total": self.total, "errors": self.errors,
                          "measured_per_s": round(self.measuring.per_second, 3),
                          "generated_per_s": round(self.generating.per_second, 3),
                          "eta_s": None if eta is None else round(eta, 1)}), file=sys.stderr, flush=True)

    def _words(self) -> str:
        eta = self.eta
        left = "" if eta is None else f", {_clock(eta)} left"
        return (f"{self.done}/{self.total}, {self.errors} errors, {self.measuring.per_second:.2f} measured/s, "
                f"{self.generating.per_second:.2f} answered/s{left}")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
