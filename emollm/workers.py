"""Measure media in child processes: a file that crashes, hangs or floods its decoder costs one item, not the server.

Each worker is `python -m emollm.workers FD`, fed over a socket pair, with a memory limit of its own; the parent watches
the time, kills a worker that takes too long and starts another. No torch is loaded in a worker.

What comes back is unpickled with a list of allowed classes only, so that a decoder taken over by a hostile file cannot
run code in the parent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import pickle
import queue
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from emollm.schema import InputError, NoFaceError

MEMORY_GB = 3.0  # address space a worker may take beyond what its libraries need
SECONDS = 300.0  # wall time for one file
ERRORS = {"InputError": InputError, "NoFaceError": NoFaceError}


class WorkerError(InputError):
    """The worker died or ran out of time on this input; the message says which."""


class Workers:
    """A pool of measuring processes. submit() returns at once; at most `count` files are measured at a time."""

    def __init__(self, count: int = 1, seconds: float = SECONDS, memory_gb: float = MEMORY_GB):
        self.seconds, self.memory_gb = seconds, memory_gb
        self.threads = ThreadPoolExecutor(count, thread_name_prefix="emollm-measure")
        self.idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()  # None: a place not yet filled
        self.lock, self.alive, self.closed = threading.Lock(), set(), False
        for _ in range(count):
            self.idle.put(None)

    def submit(self, source: Any, shape, name: str | None = None, **asked) -> Future:
        """Future of explain.prepare(source, shape, **asked). source: path or bytes; name: for messages instead of it.

        The future raises InputError and NoFaceError as prepare() does, and WorkerError when the worker died.
        """
        return self.threads.submit(self._run, source, shape, name, asked)

    def _run(self, source, shape, name, asked):
        worker = self.idle.get()
        try:
            if worker is None or worker.process.poll() is not None:
                worker = self._start()
            return worker.ask((source, shape, name, asked), self.seconds, name or _source_name(source))
        finally:
            if worker is not None and worker.process.poll() is not None:
                self._drop(worker)
                worker = None
            self.idle.put(worker)

    def _start(self) -> _Worker:
        with self.lock:
            if self.closed:
                raise WorkerError("measuring was stopped")
            worker = _Worker(self.memory_gb)
            self.alive.add(worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        with self.lock:
            self.alive.discard(worker)
        worker.stop()

    def close(self) -> None:
        """Kill the workers; files not yet begun are cancelled."""
        with self.lock:
            self.closed = True
            alive, self.alive = self.alive, set()
        self.threads.shutdown(wait=False, cancel_futures=True)
        for worker in alive:
            worker.stop()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class _Worker:
    """One child process and the connection to it."""

    def __init__(self, memory_gb: float):
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "emollm.workers", str(theirs.fileno()), str(memory_gb)]
            quiet = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "3"}
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            env={**os.environ, **quiet})
        self.connection = Connection(ours.detach())
        self.stopping = threading.Lock()  # a stopped run and the thread that asks may both stop it; close() twice is EBADF

    def ask(self, job: tuple, seconds: float, shown: str) -> Any:
        try:
            self.connection.send(job)
            if not self.connection.poll(seconds):
                self.stop()
                raise WorkerError(f"{shown}: not measured after {seconds:.0f} s. Give a shorter clip or a smaller picture.")
            kind, value = _Unpickler(io.BytesIO(self.connection.recv_bytes())).load()
        except (EOFError, OSError):
            self.stop()
            raise WorkerError(f"{shown}: the process that decoded this file died ({self._end()}). The file is damaged or "
                              "too large to decode; re-encode it.") from None
        except pickle.UnpicklingError:
            self.stop()
            raise WorkerError(f"{shown}: the process that decoded this file sent something unexpected and was stopped. The "
                              "file may be hostile; leave it out.") from None
        if kind == "ok":
            return value
        raise ERRORS.get(kind, WorkerError)(value)

    def _end(self) -> str:
        code = self.process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def stop(self) -> None:
        with self.stopping:
            self.process.kill()
            self.process.wait()
            self.connection.close()


class _Unpickler(pickle.Unpickler):
    """Unpickles what prepare() returns and nothing else."""

    ALLOWED = {
        ("emollm.subject", "PreparedSource"), ("emollm.subject", "Subject"), ("emollm.schema", "AUSeries"),
        ("emollm.schema", "AUEvent"), ("emollm.schema", "FaceTrack"), ("emollm.schema", "Quality"),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"a worker sent {module}.{name}")
        return super().find_class(module, name)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _source_name(source) -> str:
    return f"{len(source)} bytes" if isinstance(source, bytes) else str(source)


def _serve(fd: int, memory_gb: float) -> None:
    """The worker's loop: one job after another until the parent closes the connection."""
    _use_all_cores()
    import numpy as np

    from emollm.explainer import prepare
    from emollm.perception import media, mesh
    from emollm.perception.limits import WHOLE

    mesh.measure_photo(np.full((64, 64, 3), 128, np.uint8), 1)  # loads the face models: the limit counts what comes after
    _limit_memory(memory_gb)
    with Connection(fd) as connection:
        while True:
            try:
                source, shape, name, asked = connection.recv()
            except EOFError:
                return
            try:
                # The cores have other workers to run, and the time of this one is limited.
                asked["cut"] = dataclasses.replace(asked.get("cut", WHOLE), attended=False)
                if isinstance(source, bytes) and name:
                    source = media.read(source, name=name, still=asked.pop("still", False), **vars(asked.pop("cut")))
                answer = ("ok", prepare(source, shape, **asked))
            except InputError as error:
                answer = ("NoFaceError" if isinstance(error, NoFaceError) else "InputError", str(error))
            except MemoryError:
                answer = ("InputError", f"{name or _source_name(source)}: decoding needs more than {memory_gb:g} GB of memory. "
                                        "Give a shorter clip or a smaller picture.")
            except Exception as error:  # a bug of ours must not look like a broken file
                answer = ("WorkerError", f"{name or _source_name(source)}: internal error while measuring "
                                         f"({type(error).__name__}). Please report it.")
            connection.send_bytes(pickle.dumps(answer))


def _limit_memory(extra_gb: float) -> None:
    import resource

    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    limit = now + int(extra_gb * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would keep pictures of people


def _use_all_cores() -> None:
    """vLLM in the parent binds it to some cores, which its children would inherit."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]))
