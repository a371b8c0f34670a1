"""How long a stranger waits: `emollm --help`, `import emollm`, the first explanation, and every further one.

    python bench/cold_start.py [--runs 5] [--warm 20]

Prints one line a figure: median and interquartile range over the runs, in seconds, and the goal. "Cold" is a whole new
process, with the files in the page cache after the first run; that one is printed as "first". The photograph is
scikit-image's astronaut.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

WARM = """
import sys, time
import emollm
photo, runs = sys.argv[1], int(sys.argv[2])
for _ in range(runs + 1):
    start = time.perf_counter()
    emollm.explain(photo)
    print(time.perf_counter() - start)
"""


def seconds_of(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return taken


def warm_seconds(photo: str, runs: int) -> list[float]:
    """Explanations in one process after the first, which loads the model."""
    command = [sys.executable, "-c", WARM, photo, str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"warm runs failed: {done.stderr.strip()[-500:]}")
    return [float(line) for line in done.stdout.splitlines()][1:]


def row(what: str, values: list[float], goal: float | None) -> None:
    quarters = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    median = statistics.median(values)
    verdict = "" if goal is None else f"goal {goal:g} s {'met' if median <= goal else 'MISSED'}"
    print(f"{what:<28} median {median:7.3f} s   IQR {quarters[0]:.3f}-{quarters[2]:.3f}   first {values[0]:7.3f}   "
          f"n {len(values):<3} {verdict}", flush=True)


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()


def load_average() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="processes a figure (default 5)")
    parser.add_argument("--warm", type=int, default=20, help="explanations in one process (default 20)")
    options = parser.parse_args()
    print(f"machine: {processor()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}; "
          f"python {platform.python_version()}, torch {version('torch')}, transformers {version('transformers')}; "
          f"load average {load_average()} before")
    from PIL import Image
    from skimage.data import astronaut

    emollm = [sys.executable, "-m", "emollm"]
    with tempfile.TemporaryDirectory() as folder:
        photo = str(Path(folder) / "photo.jpg")
        Image.fromarray(astronaut()).save(photo, quality=95)
        row("emollm --help", [seconds_of([*emollm, "--help"]) for _ in range(options.runs)], 0.5)
        row("import emollm", [seconds_of([sys.executable, "-c", "import emollm"]) for _ in range(options.runs)], 0.3)
        row("emollm measure photo.jpg", [seconds_of([*emollm, "measure", photo]) for _ in range(options.runs)], None)
        row("emollm explain photo.jpg", [seconds_of([*emollm, "explain", photo]) for _ in range(options.runs)], 12.0)
        row("explain(), warm, per photo", warm_seconds(photo, options.warm), 1.5)
    print(f"load average {load_average()} after")


if __name__ == "__main__":
    main()
