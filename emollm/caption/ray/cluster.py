"""The captioning stages on a Ray cluster: `emollm caption ... --ray [ADDRESS]`.

    items -> measuring actors (CPU) -> batches of similar length -> answering actors (CPU or GPU) -> shards -> OUTPUT

The command's process lists the items, gives out work a little ahead, chooses the batches and counts; what is measured goes
from the machine that measured to the one that answers, and the lines go straight to shards on storage that every machine
sees. Nothing is decided by what a worker remembers: whichever process or machine dies, its items are given out again, and
of two lines of one item one is left (`shards`).

Built on Ray's actors and not on Ray Data, whose pools would run the same stages: batches of similar length are chosen among
everything that is measured, not within one block; a process that dies gives back exactly the items it had, so one that
kills process after process is found and gets an error line; and Ctrl-C can finish what is in flight.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from emollm.answer.prompt import DEFAULT_QUESTION
from emollm.caption.incoming.items import Item, Medium, by_medium
from emollm.caption.incoming.sources import CLIP_SUFFIXES
from emollm.caption.ray import shards
from emollm.caption.ray.actors import Answerer, Found, Job, Measurer
from emollm.caption.run import lines
from emollm.caption.run.crew import Crew, Done
from emollm.caption.run.lines import Line
from emollm.caption.run.log import Entry, Log
from emollm.caption.run.meter import Meter
from emollm.caption.run.pipeline import WINDOW_BATCHES, WINDOW_FRAMES, Stop
from emollm.caption.run.settings import digest
from emollm.caption.run.stages import Measured, Window, measure, name_of
from emollm.explanation import Explanation
from emollm.schema import InputError
from emollm.workers import WorkerError

HERE = "here"  # --ray without an address: a cluster of this machine alone
TRIES = 3  # processes that may die of an item before it is given up
STORE_BYTES = 512 * 2**20  # measured media on their way, on this machine
COST = {"clip": 2.3, "photo": 0.02, "answer": 0.18}  # s of one core, clips of 10 s, shipped model (docs/scale.md)
SESSION = "emollm-ray-"
SLOW_START = 60.0  # s without any process before it is said


class Plan(NamedTuple):
    """How many processes of each kind, and what each answering one takes."""

    measurers: int
    answerers: int
    gpus: float


@dataclass
class Waiting:
    """One measured item; Window chooses batches of these."""

    item: Item
    key: str
    source: Any  # of its medium
    prepared: Any  # reference to what was measured
    faces: int
    frames: int
    length: int
    deaths: int = 0
    arrival: int = 0


@dataclass
class Task:
    """One medium to be measured."""

    medium: Medium
    deaths: int = 0


def needed(address: str):
    """The module ray, for a cluster at this address. Raises InputError when it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == HERE:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # listen on 127.0.0.1 alone
        os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 would leave the work to whatever else runs here
        if "RAY_AUTH_MODE" not in os.environ:  # other users of this machine must not be able to give it work
            os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError("--ray needs Ray: pip install 'emollm[ray]'") from None
    return ray


def check(options) -> None:
    """Refuse before any work what cannot go together, and what is not installed."""
    if not options.ray:
        if options.keep_shards or options.engines or options.engine_gpus is not None:
            raise InputError("--keep-shards, --engines and --engine-gpus are for runs with --ray. Add it, or leave them out.")
        return
    if options.engine_gpus is not None and not options.engine_gpus >= 0:
        raise InputError(f"--engine-gpus {options.engine_gpus}: give a number from 0 on")
    if options.ray != HERE and os.path.exists(options.ray):
        raise InputError(f"--ray {options.ray}: this is a file or folder, not the address of a cluster. Put --ray at the end, "
                         "or write --ray=ADDRESS.")
    derived = [f"--{n}" for n in ("csv", "measurements", "srt", "vtt", "report") if getattr(options, n)]
    if options.keep_shards and derived:
        raise InputError(f"{', '.join(derived)}: made from the merged output, so not together with --keep-shards. Leave one "
                         "of them out.")
    needed(options.ray)


def caption(options, log: Log, items: list[Item]) -> Meter:
    """Give every item its line in the open output (or, with options.keep_shards, in its shards), or stop early when asked.

    options: arguments of the command. Raises InputError when the cluster or the output cannot be used.
    """
    ray, meter = needed(options.ray), Meter(options.progress, len(items))
    known = shards.settle(log) if options.keep_shards else log.entries
    total = len(items) + len(known.keys() - {item.custom_id for item in items})
    shards.write_manifest(log, total, complete=False, parts=False)
    clips = sum(str(item.source).lower().endswith(CLIP_SUFFIXES) for item in items) / len(items)
    with _connected(ray, options, clips) as plan, Stop() as stop:
        job = Job(os.getcwd(), log.path, log.settings, total, options.model, options.engine, not options.ungrounded,
                  options.baseline, options.retry_errors, threads=1)
        try:
            Run(ray, job, log, known, meter, stop, plan, options.batch).all(by_medium(items))
        finally:
            meter.show(last=True)
    if options.keep_shards:
        shards.settle(log)
        shards.write_manifest(log, total, complete=meter.done == meter.total)
        _tell(f"every file with lines is listed in {shards.manifest_of(log.path)}")
    else:
        shards.merge(log)
    return meter


@contextlib.contextmanager
def _connected(ray, options, clips: float) -> Iterator[Plan]:
    """A cluster for as long as the block runs; one of this machine is started for it. clips: share of the items, 0-1.

    Raises InputError.
    """
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    with contextlib.ExitStack() as stack:
        if options.ray == HERE:  # what Ray logs and spills goes away with it; socket names must be short
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            wanted = (options.workers or 1) + (options.engines or 1)
            _clear()
            folder = tempfile.TemporaryDirectory(prefix=f"{SESSION}{os.getpid()}-", dir="/tmp", ignore_cleanup_errors=True)
            quiet |= {"num_cpus": max(cores, wanted), "include_dashboard": False, "object_store_memory": STORE_BYTES,
                      "_temp_dir": stack.enter_context(folder)}
        else:
            quiet |= {"address": options.ray}
        stack.callback(ray.shutdown)
        try:
            _knock(options.ray)
            ray.init(**quiet)
        except Exception as error:  # Ray raises whatever it meets
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"--ray {options.ray}: no cluster can be used there ({reason[:200]}). Start one with 'ray start "
                             "--head', or give --ray without an address for one of this machine.") from None
        plan = _plan(ray.cluster_resources(), options, clips)
        _tell(f"cluster: {plan.measurers} measuring and {plan.answerers} answering processes"
              + (f" with {plan.gpus:g} GPUs each" if plan.gpus else ""))
        yield plan


def _knock(address: str) -> None:
    """Raises OSError when nobody listens at HOST:PORT; Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _clear() -> None:
    """Take away what clusters of this machine left whose command was killed."""
    for folder in Path("/tmp").glob(f"{SESSION}*-*"):
        pid = folder.name.removeprefix(SESSION).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _plan(resources: dict[str, float], options, clips: float) -> Plan:
    """What the options ask for; else an answering process for each GPU where the engine uses them, or the share of the
    cores that answering takes of the work; the other cores measure."""
    cpus, there = int(resources.get("CPU", 1)), resources.get("GPU", 0)
    gpus = options.engine_gpus if options.engine_gpus is not None else float(options.engine == "vllm" and there >= 1)
    measuring = clips * COST["clip"] + (1 - clips) * COST["photo"]
    share = min(cpus - 1, round(cpus * COST["answer"] / (COST["answer"] + measuring)))
    answerers = options.engines or max(1, int(there / gpus) if gpus else share)
    return Plan(options.workers or max(1, cpus - answerers), answerers, gpus)


class Run:
    """The command's side of one run."""

    def __init__(self, ray, job: Job, log: Log, known: dict[str, Entry], meter: Meter, stop: Stop, plan: Plan, batch: int):
        self.ray, self.job, self.log, self.known, self.meter, self.stop = ray, job, log, known, meter, stop
        self.plan, self.batch = plan, batch
        self.window = Window()
        self.again: deque[Task] = deque()  # media whose process died
        self.batches: deque[list[Waiting]] = deque()  # the same of batches
        self.written: list[Line] = []  # lines that need no model, not yet in the log
        self.settings_sha256 = digest(job.settings)
        self.began = time.monotonic()

    def all(self, media: Iterator[Medium]) -> None:
        """Give every item its line, or stop early when asked."""
        self.left: Iterator[Medium] | None = media  # None: all were given out
        measurer, answerer = self.ray.remote(Measurer), self.ray.remote(Answerer)
        names = shards.names(self.log.path)
        self.answerers = Crew(self.ray, "answering", self.plan.answerers, lambda: answerer.options(
            num_cpus=1, num_gpus=self.plan.gpus).remote(self.job, next(names)))  # first: where CPUs are short, one must answer
        self.measurers = Crew(self.ray, "measuring", self.plan.measurers, lambda: measurer.options(num_cpus=1).remote(self.job))
        try:
            while self._busy():
                for ref in self._ready():
                    self._collect(ref)
                self._append()
                self.meter.show()
        finally:
            self.measurers.stop()
            self.answerers.stop()

    def _busy(self) -> bool:
        """Give out what can be given out; whether anything is left to wait for."""
        if self.stop.asked:
            self.left = None
            self.again.clear()
        self._measure()
        self._ask()
        return bool(self.left or self.again or self.measurers.given or self.window.waiting or self.batches
                    or self.answerers.given)

    def _measure(self) -> None:
        """Send media ahead until enough are on their way."""
        enough = WINDOW_BATCHES * self.batch * self.plan.answerers
        while (self.left or self.again) and self.measurers.room and self.window.frames <= WINDOW_FRAMES * self.plan.answerers:
            if len(self.window.waiting) + len(self.measurers.given) >= enough + 2 * self.plan.measurers:
                return
            if self.again:
                task = self.again.popleft()
            elif (medium := next(self.left, None)) is not None:
                task = Task(medium)
            else:
                self.left = None
                return
            known = {i.custom_id: (e.key, e.ok) for i in task.medium.items if (e := self.known.get(i.custom_id))}
            self.measurers.give(task, lambda actor, task=task, known=known: actor.measure.options(num_returns=2).remote(
                task.medium, known))

    def _ask(self) -> None:
        """Let the model answer full batches, and the rest when nothing more will come."""
        while self.answerers.room:
            if self.batches:
                batch = self.batches.popleft()
            elif self.window.faces >= self.batch or (self.window.waiting and not self.measurers.given):
                batch = self.window.take(self.batch)
            else:
                return
            self.answerers.give(batch, lambda actor, batch=batch: actor.answer.remote(
                [(w.item, w.key) for w in batch], *[w.prepared for w in batch]))

    def _ready(self) -> list:
        """References of the calls that have come back, waiting up to a second for the first."""
        refs = self.measurers.refs + self.answerers.refs
        done, _ = self.ray.wait(refs, num_returns=1, timeout=1.0, fetch_local=False)
        more, _ = self.ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False) if done else ([], [])
        if not (done or (self.measurers.loads and self.answerers.loads)) and time.monotonic() - self.began > SLOW_START:
            self.began = time.monotonic()
            _tell(f"still waiting for the cluster: {len(self.measurers.loads)} of {self.plan.measurers} measuring and "
                  f"{len(self.answerers.loads)} of {self.plan.answerers} answering processes have started; has it free CPUs?")
        return [*dict.fromkeys([*done, *more])]

    def _collect(self, ref) -> None:
        measuring = ref in self.measurers.given or ref in self.measurers.coming
        done = (self.measurers if measuring else self.answerers).take(ref)
        if done is None:
            if not measuring and len(self.answerers.loads) == 1:
                self.meter.ready()
        elif measuring:
            self._measured(done)
        else:
            self._answered(done)

    def _measured(self, done: Done) -> None:
        task: Task = done.work
        if done.died or done.lost:
            task.deaths += 1
            if task.deaths < TRIES:
                self.again.append(task)
                return
            done.value = self._given_up(task.medium)
        found: Found = done.value
        medium, measured = task.medium, found.measured
        todo = {item.custom_id for item, _ in measured.todo}
        known = [self.known[i.custom_id].ok for i in medium.items if i.custom_id not in todo]
        self.meter.found(sum(known), len(known) - sum(known))
        self.meter.measured(len(todo))
        self._check_shared(medium, measured)
        for k, (item, key) in enumerate(measured.todo):
            if line := self._at_once(medium, measured, item, key):
                self.written.append(line)
            else:
                self.window.add(Waiting(item, key, medium.source, done.rest[0], *found.sizes[k]))

    def _at_once(self, medium: Medium, measured: Measured, item: Item, key: str) -> Line | None:
        """The line of an item that needs no model."""
        if measured.error:
            return lines.failure(key, item.custom_id, *measured.error)
        if measured.no_face:
            nothing = Explanation(source=name_of(medium), question=item.question or DEFAULT_QUESTION,
                                  edits=dict(item.what_if), notices=[measured.no_face], model=self.job.model)
            return lines.success(key, item.custom_id, [nothing], self.job.model, int(time.time()), self.settings_sha256)
        answered = self.log.answered(key)
        return answered and lines.renamed(answered, item.custom_id, name_of(medium))

    def _answered(self, done: Done) -> None:
        batch: list[Waiting] = done.work
        if not (done.died or done.lost):
            self.meter.finished(sum(done.value), len(batch) - sum(done.value))
            return
        for waiting in batch:
            waiting.deaths += 1
            if waiting.deaths >= TRIES:
                self.written.append(lines.failure(waiting.key, waiting.item.custom_id, "worker_failed", (
                    f"{waiting.deaths} processes died while they answered this item")))
        alive = [waiting for waiting in batch if waiting.deaths < TRIES]
        if done.lost:
            self.again += [Task(Medium(w.source, [w.item]), w.deaths) for w in alive]
        elif any(w.deaths > 1 for w in alive):
            self.batches += [[waiting] for waiting in alive]  # whoever kills the next process does it alone
        elif alive:
            self.batches.append(alive)

    def _given_up(self, medium: Medium) -> Found:
        """What is known of a medium that killed one process after another: the hash of its bytes, nothing else."""
        def prepare(source, name):
            raise WorkerError(f"{name}: {TRIES} processes died while they measured this file. Re-encode it.")

        return Found(measure(medium, prepare, self.settings_sha256, lambda item, key: True), [])

    def _check_shared(self, medium: Medium, measured: Measured) -> None:
        """A file that only the other machines lack must not become an error line. Raises InputError."""
        if measured.error and measured.error[0] == "media_not_found" and os.path.isfile(
                medium.source if isinstance(medium.source, str) else medium.source.file):
            raise InputError(f"{name_of(medium)}: this machine can open the file, another one of the cluster cannot. Put "
                             "the inputs on storage that every machine sees under the same path.")

    def _append(self) -> None:
        """Write the lines that needed no model."""
        if self.written:
            self.log.append(self.written)
            answers = sum(line.ok for line in self.written)
            self.meter.finished(answers, len(self.written) - answers)
            self.written = []


def _tell(message: str) -> None:
    print(f"emollm: {message}", file=sys.stderr, flush=True)
