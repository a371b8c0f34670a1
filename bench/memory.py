"""Resident memory of a process and of those it started, sampled while it runs."""

from __future__ import annotations

import os
import statistics
import threading
import time
from pathlib import Path

EVERY = 0.5  # s
MB = 2**20


class Watch:
    """Samples of a process tree until stop(): (s since the start, MB of the parent, MB of each child)."""

    def __init__(self, pid: int, every: float = EVERY):
        self.pid, self.every, self.samples = pid, every, []
        self.ended, self.start = threading.Event(), time.perf_counter()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.ended.wait(self.every):
            if (own := resident(self.pid)) is not None:
                others = [mb for child in descendants(self.pid) if (mb := resident(child)) is not None]
                self.samples.append((time.perf_counter() - self.start, own, others))

    def stop(self) -> list[tuple[float, float, list[float]]]:
        self.ended.set()
        self.thread.join()
        return self.samples


def resident(pid: int) -> float | None:
    """MB; None when there is no such process any more."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB
    except (OSError, IndexError):
        return None


def descendants(pid: int) -> list[int]:
    """Processes below this one."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    found, left = [], [pid]
    while left:
        below = parents.get(left.pop(), [])
        found, left = found + below, left + below
    return found


def slope(samples: list[tuple[float, float]]) -> float:
    """MB a minute by which a series (s, MB) grows over its second half; 0 for fewer than four samples."""
    late = samples[len(samples) // 2:]
    if len(late) < 4:
        return 0.0
    times, sizes = zip(*late, strict=True)
    return 60 * statistics.linear_regression(times, sizes).slope


def told(samples: list[tuple[float, float, list[float]]]) -> str:
    """Peaks of the parent and of the largest child, and whether the whole still grows in the second half of the time in
    which all children were there: start and end are no growth."""
    if not samples:
        return "memory: not sampled"
    usual = statistics.median(len(others) for _, _, others in samples)
    whole = [(at, own + sum(others)) for at, own, others in samples if len(others) >= usual]
    quarter = max(1, len(whole) // 4)
    second, last = (statistics.fmean(mb for _, mb in part) for part in (whole[quarter:2 * quarter] or whole, whole[-quarter:]))
    return (f"memory: parent at most {max(own for _, own, _ in samples):.0f} MB, largest worker "
            f"{max(max(others, default=0.0) for _, _, others in samples):.0f} MB, all together "
            f"{max(mb for _, mb in whole):.0f} MB; last quarter / second quarter {last / second:.2f}; "
            f"{slope(whole):+.1f} MB a minute over the second half")
