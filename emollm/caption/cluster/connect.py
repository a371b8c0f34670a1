"""The Ray cluster of a run: what is refused before any work, the connection, and how many processes of each kind."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from emollm.caption.run.job import Job
from emollm.schema import InputError
from emollm.workers import cores

HERE = "here"  # --ray without an address: a cluster of this machine alone
STORE_BYTES = 512 * 2**20  # measured media on their way, on this machine
COST = {"clip": 2.3, "photo": 0.02, "answer": 0.18}  # s of one core, clips of 10 s, shipped model (docs/scale.md)
SESSION = "emollm-ray-"


class Plan(NamedTuple):
    """How many processes of each kind, and what each answering one takes."""

    measurers: int
    answerers: int
    gpus: float


def import_ray(address: str):
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


def check(job: Job, derived: list[str]) -> None:
    """Refuse before any work what cannot go together, and what is not installed. derived: options that ask for derived files.

    Raises InputError.
    """
    if not job.ray:
        if job.keep_shards or job.engines or job.engine_gpus is not None:
            raise InputError("--keep-shards, --engines and --engine-gpus are for runs with --ray. Add it, or leave them out.")
        return
    if job.engine_gpus is not None and not job.engine_gpus >= 0:
        raise InputError(f"--engine-gpus {job.engine_gpus}: give a number from 0 on")
    if job.ray != HERE and os.path.exists(job.ray):
        raise InputError(f"--ray {job.ray}: this is a file or folder, not the address of a cluster. Put --ray at the end, "
                         "or write --ray=ADDRESS.")
    if job.keep_shards and derived:
        raise InputError(f"{', '.join(derived)}: made from the merged output, so not together with --keep-shards. Leave one "
                         "of them out.")
    import_ray(job.ray)


@contextlib.contextmanager
def connection(ray, job: Job, clips: float) -> Iterator[Plan]:
    """A cluster for as long as the block runs; one of this machine is started for it. clips: share of the items, 0-1.

    Raises InputError.
    """
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    with contextlib.ExitStack() as stack:
        if job.ray == HERE:  # what Ray logs and spills goes away with it; socket names must be short
            wanted = (job.workers or 1) + (job.engines or 1)
            _clear()
            folder = tempfile.TemporaryDirectory(prefix=f"{SESSION}{os.getpid()}-", dir="/tmp", ignore_cleanup_errors=True)
            quiet |= {"num_cpus": max(cores(), wanted), "include_dashboard": False, "object_store_memory": STORE_BYTES,
                      "_temp_dir": stack.enter_context(folder)}
        else:
            quiet |= {"address": job.ray}
        stack.callback(ray.shutdown)
        try:
            _knock(job.ray)
            ray.init(**quiet)
        except Exception as error:  # Ray raises whatever it meets
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"--ray {job.ray}: no cluster can be used there ({reason[:200]}). Start one with 'ray start "
                             "--head', or give --ray without an address for one of this machine.") from None
        plan = plan_for(ray.cluster_resources(), job, clips)
        tell(f"cluster: {plan.measurers} measuring and {plan.answerers} answering processes"
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


def plan_for(resources: dict[str, float], job: Job, clips: float) -> Plan:
    """What the options ask for; else an answering process for each GPU where the engine uses them, or the share of the
    cores that answering takes of the work; the other cores measure."""
    cpus, there = int(resources.get("CPU", 1)), resources.get("GPU", 0)
    gpus = job.engine_gpus if job.engine_gpus is not None else float(job.engine == "vllm" and there >= 1)
    measuring = clips * COST["clip"] + (1 - clips) * COST["photo"]
    share = min(cpus - 1, round(cpus * COST["answer"] / (COST["answer"] + measuring)))
    answerers = job.engines or max(1, int(there / gpus) if gpus else share)
    return Plan(job.workers or max(1, cpus - answerers), answerers, gpus)


def tell(message: str) -> None:
    print(f"emollm: {message}", file=sys.stderr, flush=True)
