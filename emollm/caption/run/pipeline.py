"""One captioning run: measure ahead in worker processes, answer in batches of similar length, append to the log.

Files are hashed and measured ahead in threads that wait for the worker processes; the main thread lets the model answer
and writes. What is ahead is bounded, so memory does not grow with the number of items.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from emollm.answer.prompt import DEFAULT_QUESTION
from emollm.caption.incoming.items import Item, Medium
from emollm.caption.run import lines
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Log
from emollm.caption.run.meter import Meter
from emollm.caption.run.settings import digest
from emollm.caption.run.stages import Ask, Measured, Window, answer, measure, name_of, with_edits
from emollm.explainer import Prepared
from emollm.explanation import Explanation
from emollm.schema import InputError
from emollm.workers import Workers

WINDOW_BATCHES = 4  # batches' worth of faces among which similar lengths are looked for
WINDOW_FRAMES = 200_000  # measured frames held at most: an hour-long clip has as many as thousands of photos
GIVE_UP = 8  # failures of the model in a row that are its own, not the items'


@dataclass
class Run:
    """One captioning run into an open log. engine: called when the first readable face was measured."""

    log: Log
    engine: Callable[[], object]
    workers: Workers
    prepare: Callable[..., Prepared]
    meter: Meter
    stop: Stop
    model: str = "pocket"
    grounded: bool = True
    batch: int = 16  # faces the model answers at once
    threads: int = 2
    retry_errors: bool = False
    window: Window = field(default_factory=Window)
    outstanding: dict[Future, Medium] = field(default_factory=dict)
    back: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    failures: int = 0  # of the model, in a row
    loaded: object = None

    def all(self, media: Iterable[Medium]) -> None:
        """Give every item its line, or stop early when asked to. Raises InputError when the output cannot be written."""
        self.settings_sha256, left = digest(self.log.settings), iter(media)
        with ThreadPoolExecutor(self.threads, "emollm-ahead", initializer=_leave_signals_alone) as pool:
            try:
                while True:
                    self._fill(pool, left)
                    if not self.outstanding and not self.window.waiting:
                        return
                    self._collect()
                    if self.window.faces >= self.batch or (self.window.waiting and not self.outstanding):
                        self._answer(self.window.take(self.batch))
                    self.meter.show()
            finally:
                for future in list(self.outstanding):
                    future.cancel()
                self.workers.close()

    def _fill(self, pool: ThreadPoolExecutor, left: Iterator[Medium]) -> None:
        """Send media ahead until enough are on their way."""
        room = WINDOW_BATCHES * self.batch + 2 * self.threads - len(self.window.waiting) - len(self.outstanding)
        if self.stop.asked or self.window.frames > WINDOW_FRAMES:
            return
        for medium in itertools.islice(left, max(0, room)):
            future = pool.submit(measure, medium, self.prepare, self.settings_sha256, self._wanted, self.log.answered)
            self.outstanding[future] = medium
            future.add_done_callback(self.back.put)

    def _wanted(self, item: Item, key: str) -> bool:
        entry = self.log.entries.get(item.custom_id)
        return entry is None or entry.key != key or (self.retry_errors and not entry.ok)

    def _collect(self) -> None:
        """Take in what was measured; wait for it when there is no batch to answer yet."""
        while self.outstanding and (self.window.faces < self.batch or not self.back.empty()):
            future = self.back.get()
            medium = self.outstanding.pop(future)
            if not future.cancelled():
                self._sort_in(medium, future.result())
                self.meter.show()
            if self.stop.asked:
                for waiting in list(self.outstanding):
                    waiting.cancel()  # those not yet begun

    def _sort_in(self, medium: Medium, measured: Measured) -> None:
        new = {item.custom_id for item, _ in measured.todo} | {line.custom_id for line in measured.copies}
        known = [self.log.entries[i.custom_id].ok for i in medium.items if i.custom_id not in new]
        self.meter.found(sum(known), len(known) - sum(known))
        self.meter.measured(len(measured.todo))
        written = measured.copies
        for item, key in measured.todo:
            if measured.prepared is not None:
                self.window.add(Ask(item, key, with_edits(measured.prepared, dict(item.what_if))))
                self._load(measured.prepared)
            elif measured.error:
                written.append(lines.failure(key, item.custom_id, *measured.error))
            else:
                nothing = Explanation(source=name_of(medium), question=item.question or DEFAULT_QUESTION,
                                      edits=dict(item.what_if), notices=[measured.no_face], model=self.model)
                written.append(self._line(item, key, [nothing]))
        self._append(written)

    def _load(self, prepared: Prepared) -> None:
        """The model, while the workers measure on: memory is at its height early, and the first batch waits for nothing."""
        if self.loaded is None and prepared.readable:
            self.loaded = self.engine()
            self.meter.ready()

    def _answer(self, asks: list[Ask]) -> None:
        written = []
        for ask, found in answer(asks, self.loaded, self.grounded, self.model):
            self.failures = self.failures + 1 if isinstance(found, Exception) else 0
            if self.failures >= GIVE_UP:
                self._append(written)
                raise InputError(f"the model failed on {GIVE_UP} items in a row ({reason_of(found)}). Finished lines are kept; "
                                 "run 'emollm doctor', then the same command again.")
            written.append(lines.failure(ask.key, ask.item.custom_id, "generation_failed", reason_of(found))
                           if isinstance(found, Exception) else self._line(ask.item, ask.key, found))
        self._append(written)

    def _line(self, item: Item, key: str, found: list[Explanation]) -> Line:
        return lines.success(key, item.custom_id, found, self.model, int(time.time()), self.settings_sha256)

    def _append(self, written: list[Line]) -> None:
        if written:
            self.log.append(written)
            answers = sum(line.ok for line in written)
            self.meter.finished(answers, len(written) - answers)


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


def _leave_signals_alone() -> None:
    """Ctrl-C reaches every process of a terminal's foreground group. Worker processes inherit the mask of the thread that
    starts them, so what they are measuring is finished and not lost as a worker that died."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})


def reason_of(error: Exception) -> str:
    first = str(error).splitlines()[0] if str(error) else ""
    return first if isinstance(error, InputError) else f"{type(error).__name__}: {first}"
