"""Measure in child processes of this machine, answer in this very thread."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emollm.caption.run.answering import Answerer, Ask
from emollm.caption.run.job import Job
from emollm.caption.run.log import Log
from emollm.caption.run.measuring import Task, measure
from emollm.caption.run.scheduler import FinishedWork
from emollm.caption.run.settings import digest
from emollm.caption.run.stop import leave_signals_alone
from emollm.caption.run.window import WaitingItem
from emollm.subject import PreparedSource
from emollm.workers import Workers, cores


class LocalExecutor:
    """Threads hash, and wait for the child processes that measure. prepare: what they wait for (measuring.measure).
    load: gives the engine; called when the first readable face was measured, while measuring goes on."""

    can_measure = True  # threads queue what they are given
    answerers = 1

    def __init__(self, job: Job, log: Log, prepare: Callable[..., PreparedSource], load: Callable[[], Any], threads: int):
        self.job, self.log, self.prepare, self.load, self.measurers = job, log, prepare, load, threads
        self.settings_sha256 = digest(log.settings)
        self.answerer = Answerer(job, log, None)
        self.pool = ThreadPoolExecutor(threads, "emollm-ahead", initializer=leave_signals_alone)
        self.back: queue.SimpleQueue[Any] = queue.SimpleQueue()  # futures, and batches that are done
        self.tasks: dict[Any, Task] = {}  # future -> what it measures
        self.can_answer = True

    def measure(self, task: Task) -> None:
        future = self.pool.submit(measure, task, self.job, self.settings_sha256, self.prepare, self.log.find_answer)
        self.tasks[future] = task
        future.add_done_callback(self.back.put)

    def answer(self, batch: list[WaitingItem]) -> None:
        self.can_answer = False  # until the scheduler has heard of this one
        self.back.put(FinishedWork(batch, self.answerer.answer([Ask(w.item, w.key, w.prepared) for w in batch])))

    def wait(self) -> list[FinishedWork]:
        done = [self._take()]
        while not self.back.empty():
            done.append(self._take())
        return done

    def call_back(self) -> None:
        for future in list(self.tasks):
            future.cancel()

    def close(self) -> None:
        """Wait for what is being measured; the rest is dropped."""
        self.pool.shutdown(cancel_futures=True)

    def _take(self) -> FinishedWork:
        back = self.back.get()
        if isinstance(back, FinishedWork):
            self.can_answer = True
            return back
        task = self.tasks.pop(back)
        if back.cancelled():
            return FinishedWork(task, lost=True)
        measured, prepared = back.result()
        if self.answerer.engine is None and prepared is not None and prepared.readable_subjects:
            self.answerer.engine = self.load()  # early: memory is at its height, and the first batch waits for nothing
        return FinishedWork(task, measured, prepared)


@contextlib.contextmanager
def local_executor(job: Job, log: Log, ready: Callable[[], None]) -> Iterator[LocalExecutor]:
    """This machine's executor for as long as the block runs. ready: called when the model is loaded."""
    from emollm.model.checkpoint import shape_of

    shape, count = shape_of(job.model), job.workers or cores()  # clips wait for measuring far more than for the model
    workers = Workers(count)

    def prepare(source, name) -> PreparedSource:
        return workers.submit(source, shape, name=name, **job.measuring).result()

    def load():
        from emollm.model.engine import engine

        if job.engine == "transformers":
            import torch

            torch.set_num_threads(max(1, cores() - count))  # threads that wait for a busy core make every step slower
        loaded = engine(job.model, job.engine)
        ready()
        return loaded

    executor = LocalExecutor(job, log, prepare, load, threads=count + 1)  # one more: it hashes while the others wait
    with contextlib.closing(executor), workers:  # workers first: threads wait for them
        yield executor
