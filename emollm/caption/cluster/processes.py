"""What runs on the machines of a cluster: processes that measure and processes that answer.

Plain classes that know nothing of Ray; `executor` makes actors of them. Both work in the folder that the command was started
in, so files are found, and named in the answers, exactly as without a cluster; inputs, output and model lie on storage
that every machine sees under the same path, which each process checks before it takes work.
"""

from __future__ import annotations

import os
import platform

from emollm.caption.incoming.items import Item
from emollm.caption.run.answering import Answerer, Ask
from emollm.caption.run.job import Job
from emollm.caption.run.log import Log
from emollm.caption.run.measuring import MeasuredMedium, Task, measure
from emollm.caption.run.settings import digest
from emollm.caption.run.shards import manifest_of
from emollm.schema import InputError
from emollm.subject import PreparedSource


class MeasuringProcess:
    """Hashes and measures media, in a child process that a hostile file may take down."""

    def __init__(self, job: Job, settings: dict):
        self.job, self.settings, self.settings_sha256 = job, settings, digest(settings)

    def ready(self) -> None:
        """Check this machine. Raises InputError."""
        from emollm.model.checkpoint import shape_of
        from emollm.perception.measure import ESTIMATOR, ESTIMATOR_VERSION
        from emollm.workers import Workers

        _enter(self.job)
        _check_same(self.settings, {"evidence": f"{ESTIMATOR} {ESTIMATOR_VERSION}"})
        self.shape, self.workers = shape_of(self.job.model), Workers(1)

    def measure(self, task: Task) -> tuple[MeasuredMedium, PreparedSource | None]:
        """measuring.measure(). Two values, because the measurement goes to a process that answers and not to the command."""
        return measure(task, self.job, self.settings_sha256, self._prepare)

    def _prepare(self, source, name: str) -> PreparedSource:
        return self.workers.submit(source, self.shape, name=name, **self.job.measuring).result()


class AnsweringProcess:
    """Holds one model, answers batches and appends the lines to a shard of its own."""

    def __init__(self, job: Job, settings: dict, shard: str):
        self.job, self.settings, self.shard = job, settings, shard
        os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded; the other cores have processes of their own

    def ready(self) -> None:
        """Check this machine and load the model. Raises InputError."""
        _enter(self.job)
        _check_same(self.settings, self.job.settings())
        from emollm.model.engine import engine

        loaded, log = engine(self.job.model, self.job.engine), Log(self.shard, self.settings)
        log.note(None, complete=False)
        self.answerer = Answerer(self.job, log, loaded, platform.node())

    def answer(self, asked: list[tuple[Item, str]], *prepared: PreparedSource) -> list[bool]:
        """Answerer.answer(). asked: items with their keys; apart from their measurements, which Ray brings here."""
        return self.answerer.answer([Ask(item, key, p) for (item, key), p in zip(asked, prepared, strict=True)])


def _enter(job: Job) -> None:
    """Go to the command's folder. Raises InputError when this machine does not see the same storage."""
    try:
        os.chdir(job.folder)
        seen = manifest_of(job.output).is_file()
    except OSError:
        seen = False
    if not seen:
        raise InputError(f"{platform.node()}: {manifest_of(job.output)} cannot be seen from this machine of the cluster. Put "
                         "inputs, output and model on storage that every machine sees under the same path.")


def _check_same(settings: dict, here: dict) -> None:
    """Raises InputError when this machine would give other answers than the one that the command was started on."""
    differing = [name for name in here if here[name] != settings[name]]
    if differing:
        raise InputError(f"{platform.node()}: this machine of the cluster has other {' and '.join(differing)} than the one "
                         "that the command was started on. Install the same version of emollm and the same model on both.")
