"""Measure and answer on a Ray cluster: `emollm caption ... --ray [ADDRESS]`.

    measuring processes (CPU) -> measurements -> answering processes (CPU or GPU) -> shards -> OUTPUT

The command's process schedules and counts; what is measured goes from the machine that measured to the one that answers, and
the lines go straight to shards on storage that every machine sees. Of two lines of one item one is left (`run.shards`).

Built on Ray's actors and not on Ray Data, whose pools would run the same stages: batches of similar length are chosen among
everything that is measured, not within one block; a process that dies gives back exactly the items it had, so one that
kills process after process is found and gets an error line; and Ctrl-C can finish what is in flight.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from emollm.caption.cluster.connect import Plan, connection, import_ray, tell
from emollm.caption.cluster.pool import Pool
from emollm.caption.cluster.processes import AnsweringProcess, MeasuringProcess
from emollm.caption.run import shards
from emollm.caption.run.job import Job
from emollm.caption.run.log import Log
from emollm.caption.run.measuring import Task, name_of
from emollm.caption.run.scheduler import FinishedWork
from emollm.caption.run.window import WaitingItem
from emollm.schema import InputError

SLOW_START = 60.0  # s without any process before it is said


class ClusterExecutor:
    """One pool of processes that measure, one of processes that answer. ready: called when the first of these is."""

    def __init__(self, ray, job: Job, log: Log, plan: Plan, ready: Callable[[], None]):
        self.ray, self.ready = ray, ready
        self.measurers, self.answerers = plan.measurers, plan.answerers
        measuring, answering, names = ray.remote(MeasuringProcess), ray.remote(AnsweringProcess), shards.names(log.path)
        options = {"num_cpus": 1, "num_gpus": plan.gpus}
        self.answering = Pool(ray, "answering", plan.answerers, lambda: answering.options(**options).remote(
            job, log.settings, next(names)))  # first: where CPUs are short, one must answer
        self.measuring = Pool(ray, "measuring", plan.measurers, lambda: measuring.options(num_cpus=1).remote(
            job, log.settings))
        self.began = time.monotonic()

    @property
    def can_measure(self) -> bool:
        return self.measuring.room > 0

    @property
    def can_answer(self) -> bool:
        return self.answering.room > 0

    def measure(self, task: Task) -> None:
        self.measuring.give(task, lambda actor: actor.measure.options(num_returns=2).remote(task))

    def answer(self, batch: list[WaitingItem]) -> None:
        asked = [(w.item, w.key) for w in batch]
        self.answering.give(batch, lambda actor: actor.answer.remote(asked, *[w.prepared for w in batch]))

    def wait(self) -> list[FinishedWork]:
        """What came back within a second."""
        refs = self.measuring.refs + self.answering.refs
        first, _ = self.ray.wait(refs, num_returns=1, timeout=1.0, fetch_local=False)
        rest, _ = self.ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False) if first else ([], [])
        if not first:
            self._tell_when_slow()
        return [done for ref in dict.fromkeys([*first, *rest]) if (done := self._take(ref))]

    def call_back(self) -> None:
        """Nothing to do: a process has one call beside the one that it works on."""

    def close(self) -> None:
        self.measuring.stop()
        self.answering.stop()

    def _take(self, ref) -> FinishedWork | None:
        if self.measuring.knows(ref):
            done = self.measuring.take(ref)
            if done and done.value:
                _check_shared(done)
            return done
        done = self.answering.take(ref)
        if done is None and len(self.answering.loads) == 1:
            self.ready()
        return done

    def _tell_when_slow(self) -> None:
        if not (self.measuring.loads and self.answering.loads) and time.monotonic() - self.began > SLOW_START:
            self.began = time.monotonic()
            tell(f"still waiting for the cluster: {len(self.measuring.loads)} of {self.measurers} measuring and "
                 f"{len(self.answering.loads)} of {self.answerers} answering processes have started; has it free CPUs?")


@contextlib.contextmanager
def cluster_executor(job: Job, log: Log, total: int, clips: float, ready: Callable[[], None]) -> Iterator[ClusterExecutor]:
    """A cluster's executor for as long as the block runs. total: items; clips: share of them, 0-1.

    Raises InputError when the cluster cannot be used.
    """
    ray = import_ray(job.ray)
    shards.write_manifest(log, total, complete=False, parts=False)
    with connection(ray, job, clips) as plan, contextlib.closing(ClusterExecutor(ray, job, log, plan, ready)) as executor:
        yield executor


def _check_shared(done: FinishedWork) -> None:
    """A file that only the other machines lack must not become an error line. Raises InputError."""
    source, error = done.work.medium.source, done.value.error
    if error and error[0] == "media_not_found" and os.access(source if isinstance(source, str) else source.file, os.R_OK):
        raise InputError(f"{name_of(done.work.medium)}: this machine can open the file, another one of the cluster cannot. Put "
                         "the inputs on storage that every machine sees under the same path.")
