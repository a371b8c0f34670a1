"""Start a server for a bench, wait until it answers, read its counters, and stop it with everything it started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

READY_SECONDS = 600
OURS = [sys.executable, "-m", "emollm", "serve"]
NAIVE = [sys.executable, str(Path(__file__).parent / "naive" / "serve.py")]
COUNTERS = {"prefix cache": "vllm:prefix_cache", "picture cache": "vllm:mm_cache"}  # name -> prefix of _queries and _hits
MEASURED = "emollm_measuring_seconds_count"


class TimedServer:
    """A server on a free port of this machine, or (given a url) one that runs already."""

    def __init__(self, name: str, command: list[str], log: Path, url: str | None = None):
        self.name, self.log, self.process = name, log, None
        if url:
            self.url = url.rstrip("/").removesuffix("/v1")
            return
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with log.open("wb") as output:
            self.process = subprocess.Popen([*command, "--port", str(port)], stdout=output, stderr=subprocess.STDOUT,
                                            env=child_environment(), start_new_session=True)

    def wait(self) -> float:
        """Seconds until it answers; ends the bench with the log's last lines when it never does."""
        start = time.perf_counter()
        while time.perf_counter() - start < READY_SECONDS:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return time.perf_counter() - start
            except (urllib.error.URLError, OSError):
                if self.process is not None and self.process.poll() is not None:
                    break
                time.sleep(0.2)
        tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
        self.stop()
        sys.exit(f"the {self.name} server does not answer at {self.url}\n{tail}")

    def counters(self) -> dict[str, float]:
        """Counters by name, summed over their labels; empty when the server has none."""
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as page:
                return counters_of(page.read().decode())
        except (urllib.error.URLError, OSError):
            return {}

    def stop(self) -> None:
        """End it and every process it started."""
        if self.process is None:
            return
        for sent, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, sent)
                self.process.wait(seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.process = None

    def __enter__(self) -> TimedServer:
        return self

    def __exit__(self, *_) -> None:
        self.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def child_environment() -> dict[str, str]:
    """This environment; byte code may be kept, without which every start compiles all libraries anew."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def counters_of(page: str) -> dict[str, float]:
    """A Prometheus page as {name: value}, labels summed."""
    found: dict[str, float] = {}
    for name, value in re.findall(r"^([A-Za-z_:][\w:]*)(?:\{[^\n]*\})? ([-+.\deE]+)$", page, re.MULTILINE):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def hit_rates(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """What the caches did between two readings, in words; nothing for a server without counters."""
    def grown(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    told = [f"{words} {grown(f'{name}_hits_total'):.0f} of {queries:.0f} ({grown(f'{name}_hits_total') / queries:.0%})"
            for words, name in COUNTERS.items() if (queries := grown(f"{name}_queries_total"))]
    return told + ([f"{grown(MEASURED):.0f} pictures measured"] if MEASURED in after else [])
