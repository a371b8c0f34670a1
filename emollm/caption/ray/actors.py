"""What runs on the machines of a cluster: processes that measure and processes that answer.

Plain classes that know nothing of Ray; `cluster` makes actors of them. Both work in the folder that the command was started
in, so files are found, and named in the answers, exactly as without a cluster; inputs, output and model lie on storage
that every machine sees under the same path, which each process checks before it takes work.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from typing import NamedTuple

from emollm.caption.incoming.items import Item, Medium
from emollm.caption.ray.shards import manifest_of
from emollm.caption.run import lines
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Log
from emollm.caption.run.pipeline import GIVE_UP, reason_of
from emollm.caption.run.settings import digest, settings_of
from emollm.caption.run.stages import Ask, Measured, answer, measure, with_edits
from emollm.explainer import Prepared
from emollm.explanation import Explanation
from emollm.schema import InputError

WEIGHED = ("emollm", "weights", "prompt", "evidence")  # settings that a machine brings with it


@dataclass(frozen=True)
class Job:
    """What every process of a run must know."""

    folder: str  # that the command was started in
    output: str
    settings: dict
    total: int
    model: str
    engine: str
    grounded: bool
    baseline: str | None
    retry_errors: bool
    threads: int  # of one answering process


class Size(NamedTuple):
    """What batches are chosen by (stages.Ask)."""

    faces: int
    frames: int
    length: int


class Found(NamedTuple):
    """What the command's process is told of one medium."""

    measured: Measured  # without `prepared`
    sizes: list[Size]  # of every item to do; empty when there is nothing to ask about


class Measurer:
    """Hashes and measures media, in a child process that a hostile file may take down."""

    def __init__(self, job: Job):
        self.job = job

    def ready(self) -> str:
        """Check this machine; its name. Raises InputError."""
        from emollm.model.checkpoint import shape_of
        from emollm.perception.measure import ESTIMATOR, ESTIMATOR_VERSION
        from emollm.workers import Workers

        _enter(self.job)
        _same(self.job, {"evidence": f"{ESTIMATOR} {ESTIMATOR_VERSION}"})
        self.shape, self.workers = shape_of(self.job.model), Workers(1)
        self.settings_sha256 = digest(self.job.settings)
        return platform.node()

    def measure(self, medium: Medium, known: dict[str, tuple[str, bool]]) -> tuple[Found, Prepared | None]:
        """stages.measure(), with what was measured apart: it goes to the process that answers and not through the command's.

        known: key and success of the lines that items of this medium have already.
        """
        def wanted(item: Item, key: str) -> bool:
            found = known.get(item.custom_id)
            return found is None or found[0] != key or (self.job.retry_errors and not found[1])

        measured = measure(medium, self._prepare, self.settings_sha256, wanted)
        prepared, measured.prepared = measured.prepared, None
        asks = [_ask(item, key, prepared) for item, key in measured.todo] if prepared else []
        return Found(measured, [Size(ask.faces, ask.frames, ask.length) for ask in asks]), prepared

    def _prepare(self, source, name: str) -> Prepared:
        return self.workers.submit(source, self.shape, name=name, baseline=self.job.baseline).result()


class Answerer:
    """Holds one model, answers batches and appends the lines to a shard of its own."""

    def __init__(self, job: Job, shard: str):
        self.job, self.shard = job, shard
        self.failures = 0  # of the model, in a row
        os.environ["OMP_NUM_THREADS"] = str(job.threads)  # read when torch is loaded

    def ready(self) -> str:
        """Check this machine and load the model; its name. Raises InputError."""
        _enter(self.job)
        here = settings_of(self.job.model, True, None, (), None)
        _same(self.job, {name: here[name] for name in WEIGHED})
        from emollm.model.engine import engine

        self.engine = engine(self.job.model, self.job.engine)
        self.log = Log(self.shard, self.job.settings)
        self.log.note(self.job.total, complete=False)
        self.settings_sha256 = digest(self.job.settings)
        return platform.node()

    def answer(self, asked: list[tuple[Item, str]], *prepared: Prepared) -> list[bool]:
        """Answer a batch and put its lines on the disk; whether each became an answer (True) or an error line.

        Raises InputError when there is no room, or when the model fails on everything.
        """
        asks = [_ask(item, key, p) for (item, key), p in zip(asked, prepared, strict=True)]
        written: list[Line] = []
        for ask, found in answer(asks, self.engine, self.job.grounded, self.job.model):  # in the order of asks
            self.failures = self.failures + 1 if isinstance(found, Exception) else 0
            if self.failures >= GIVE_UP:
                self.log.append(written)
                raise InputError(f"the model failed on {GIVE_UP} items in a row on {platform.node()} ({reason_of(found)}). "
                                 "Finished lines are kept; run 'emollm doctor' there, then the same command again.")
            written.append(self._line(ask, found))
        self.log.append(written)
        return [line.ok for line in written]

    def _line(self, ask: Ask, found: list[Explanation] | Exception) -> Line:
        if isinstance(found, Exception):
            return lines.failure(ask.key, ask.item.custom_id, "generation_failed", reason_of(found))
        return lines.success(ask.key, ask.item.custom_id, found, self.job.model, int(time.time()), self.settings_sha256)


def _ask(item: Item, key: str, prepared: Prepared) -> Ask:
    return Ask(item, key, with_edits(prepared, dict(item.what_if)))


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


def _same(job: Job, here: dict) -> None:
    """Raises InputError when this machine would give other answers than the one that the command was started on."""
    differing = [name for name in here if here[name] != job.settings[name]]
    if differing:
        raise InputError(f"{platform.node()}: this machine of the cluster has other {' and '.join(differing)} than the one "
                         "that the command was started on. Install the same version of emollm and the same model on both.")
