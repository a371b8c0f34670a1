"""What is measured, answered and written next, whoever does the work.

    items -> hashed and measured -> batches of similar length -> answered -> one line each

Measuring runs ahead of the model by a bounded number of items, so memory does not grow with their number. An `Executor`
does the work: `local` in child processes and this very one, `cluster.executor` on a Ray cluster. Nothing is decided by
what a worker remembers: whichever process or machine dies, its items are given out again; an item that takes process after
process with it is found by being answered alone, and gets an error line.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from emollm.caption.incoming.items import Item, Medium
from emollm.caption.run import lines
from emollm.caption.run.job import Job
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Entry, Log
from emollm.caption.run.measuring import MeasuredMedium, Task, measure, name_of
from emollm.caption.run.progress import Progress
from emollm.caption.run.settings import digest
from emollm.caption.run.stop import Stop
from emollm.caption.run.window import WaitingItem, Window
from emollm.explainer import no_face_explanation
from emollm.workers import WorkerError

WINDOW_BATCHES = 4  # batches' worth of items among which similar lengths are looked for
WINDOW_FRAMES = 200_000  # measured frames held at most: an hour-long clip has as many as thousands of photos
TRIES = 3  # processes that may die of an item before it is given up


@dataclass
class FinishedWork:
    """Work that came back."""

    work: Any  # what was given: a Task, or a batch
    value: Any = None  # Measured, or whether each item of the batch was answered; None when the work was lost
    prepared: Any = None  # of a Task: Prepared, or where it is on a cluster
    died: bool = False  # the process died with it
    lost: bool = False  # not done: what it needs went with a machine, or it was called back


class Executor(Protocol):
    """Who measures and answers. What is given comes back from wait(), in any order."""

    measurers: int  # media measured at the same time
    answerers: int  # batches answered at the same time

    can_measure: bool  # whether one more medium can be given now
    can_answer: bool  # whether one more batch can be given now

    def measure(self, task: Task) -> None: ...

    def answer(self, batch: list[WaitingItem]) -> None: ...

    def wait(self) -> list[FinishedWork]:
        """What came back, after waiting for it; may be nothing."""

    def call_back(self) -> None:
        """Media that nobody has begun come back as lost."""


class Scheduler:
    """One run into an open log. known: what is finished already."""

    def __init__(self, job: Job, log: Log, known: dict[str, Entry], executor: Executor, progress: Progress, stop: Stop):
        self.job, self.log, self.known, self.executor, self.progress, self.stop = job, log, known, executor, progress, stop
        self.settings_sha256 = digest(log.settings)
        self.window = Window()
        self.again: deque[Task] = deque()  # media whose process died
        self.batches: deque[list[WaitingItem]] = deque()  # batches whose process died
        self.measuring = self.answering = 0  # given and not back
        self.written: list[Line] = []  # lines that need no model, not yet in the log

    def run(self, media: Iterator[Medium]) -> None:
        """Give every item its line, or stop early when asked to. Raises InputError when the output cannot be written, or
        the executor cannot go on."""
        self.left: Iterator[Medium] | None = media  # None: all were given out
        while self._give():
            for done in self.executor.wait():
                self.take(done)
            self.write()
            self.progress.show()

    def take(self, done: FinishedWork) -> None:
        """Take in what came back."""
        if isinstance(done.work, Task):
            self.measuring -= 1
            self._take_measured(done)
        else:
            self.answering -= 1
            self._take_answered(done)

    def write(self) -> None:
        """Append the lines that needed no model."""
        if self.written:
            self.log.append(self.written)
            answers = sum(line.ok for line in self.written)
            self.progress.add_written(answers, len(self.written) - answers)
            self.written = []

    def _give(self) -> bool:
        """Give out what can be given out; whether anything is left to wait for."""
        if self.stop.asked:
            self.left = None
            self.again.clear()
            self.executor.call_back()
        self._give_media()
        self._give_batches()
        return bool(self.left or self.again or self.measuring or self.window.waiting or self.batches or self.answering)

    def _give_media(self) -> None:
        """Send media ahead until enough are on their way."""
        executor = self.executor
        enough = WINDOW_BATCHES * self.job.batch * executor.answerers + 2 * executor.measurers
        while ((self.left or self.again) and executor.can_measure and len(self.window.waiting) + self.measuring < enough
               and self.window.frames <= WINDOW_FRAMES * executor.answerers):
            if self.again:
                task = self.again.popleft()
            elif (medium := next(self.left, None)) is not None:
                task = self._task(medium)
            else:
                self.left = None
                return
            self.measuring += 1
            executor.measure(task)

    def _task(self, medium: Medium, deaths: int = 0) -> Task:
        return Task(medium, {i.custom_id: e for i in medium.items if (e := self.known.get(i.custom_id))}, deaths)

    def _give_batches(self) -> None:
        """Let the model answer full batches, and the rest when nothing more will come."""
        while self.executor.can_answer:
            if self.batches:
                batch = self.batches.popleft()
            elif self.window.faces >= self.job.batch or (self.window.waiting and not self.measuring):
                batch = self.window.take(self.job.batch)
            else:
                return
            self.answering += 1
            self.executor.answer(batch)

    def _take_measured(self, done: FinishedWork) -> None:
        task: Task = done.work
        if done.died or done.lost:
            task.deaths += 1
            if task.deaths < TRIES:
                self.again.append(task)
                return
            done.value = self._give_up_on(task)
        measured: MeasuredMedium = done.value
        todo = {item.custom_id for item, _, _ in measured.todo}
        finished = [self.known[i.custom_id].ok for i in task.medium.items if i.custom_id not in todo]
        self.progress.add_known(sum(finished), len(finished) - sum(finished))
        self.progress.add_measured(len(todo))
        for item, key, size in measured.todo:
            if line := self._modelless_line(task.medium, measured, item, key):
                self.written.append(line)
            else:
                self.window.add(WaitingItem(item, key, task.medium.source, done.prepared, *size))

    def _modelless_line(self, medium: Medium, measured: MeasuredMedium, item: Item, key: str) -> Line | None:
        """The line of an item that needs no model."""
        if measured.error:
            return lines.failure(key, item.custom_id, *measured.error)
        if twin := measured.twins.get(key) or self.log.find_answer(key):
            return lines.rename(twin, item.custom_id, name_of(medium))
        if not measured.no_face:
            return None
        nothing = no_face_explanation(name_of(medium), measured.no_face, item.question, dict(item.what_if), self.job.model)
        return lines.success(key, item.custom_id, [nothing], self.job.model, int(time.time()), self.settings_sha256)

    def _give_up_on(self, task: Task) -> MeasuredMedium:
        """What is known of a medium that took one process after another with it: the hash of its bytes, nothing else."""
        def prepare(source, name):
            raise WorkerError(f"{name}: {TRIES} processes died while they measured this file. Re-encode it.")

        return measure(task, self.job, self.settings_sha256, prepare)[0]

    def _take_answered(self, done: FinishedWork) -> None:
        batch: list[WaitingItem] = done.work
        if not (done.died or done.lost):
            self.progress.add_written(sum(done.value), len(batch) - sum(done.value))
            return
        for waiting in batch:
            waiting.deaths += 1
            if waiting.deaths >= TRIES:
                self.written.append(lines.failure(waiting.key, waiting.item.custom_id, "worker_failed", (
                    f"{waiting.deaths} processes died while they answered this item")))
        alive = [waiting for waiting in batch if waiting.deaths < TRIES]
        if done.lost:
            self.again += [self._task(Medium(w.source, [w.item]), w.deaths) for w in alive]
        elif any(w.deaths > 1 for w in alive):
            self.batches += [[waiting] for waiting in alive]  # whoever kills the next process does it alone
        elif alive:
            self.batches.append(alive)
