"""Thousands of damaged files through the processes that decode and measure: what becomes of each, and at which cost.

    python bench/fuzz_media.py                      5,000 files
    python bench/fuzz_media.py --first 5000 --count 1000 --each   with the outcomes of every format

Every file is measured, or refused in one line, or the process that decoded it died (of a memory limit or a crash) and was
replaced. An internal error, a message that shows an address, or a file that takes longer than the limit is a failure, and
its number is printed: `damaged.damaged(NUMBER)` makes it again.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, deque
from concurrent.futures import Future

from damaged import damaged, whole

from emollm.model.checkpoint import shape_of
from emollm.schema import InputError, NoFaceError
from emollm.workers import MEMORY_GB, WorkerError, Workers

SECONDS = 30.0  # for one file
UNSAFE = re.compile(r"0x[0-9a-f]{6}|Traceback|\n")


def outcome(future: Future) -> tuple[str, str]:
    """measured, no face, refused, died, late or failed, and the message."""
    try:
        future.result()
    except NoFaceError as error:
        return "no face", str(error)
    except WorkerError as error:
        kind = {"died": "died", "not measured after": "late"}
        return next((kind[words] for words in kind if words in str(error)), "failed"), str(error)
    except InputError as error:
        return "refused", str(error)
    return "measured", ""


def peak_bytes(workers: Workers) -> int:
    """Most memory that a living worker has had resident so far."""
    found = [0]
    for worker in list(workers.alive):
        try:
            with open(f"/proc/{worker.process.pid}/status") as status:
                found += [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")]
        except OSError:
            continue
    return max(found)


def run(first: int, count: int, workers: int, seconds: float = SECONDS) -> dict:
    """Outcomes of `count` damaged files: counts, and those of each format, failures in words, slowest s, peak resident bytes
    of a worker."""
    shape, counts, each, failures, slowest, peak = shape_of("pocket"), Counter(), {}, [], 0.0, 0
    with Workers(workers, seconds=seconds) as pool:
        waiting: deque[tuple[str, float, Future]] = deque()
        numbers = iter(range(first, first + count))
        while True:
            while len(waiting) < 2 * workers and (number := next(numbers, None)) is not None:
                what, content = damaged(number)
                waiting.append((what, time.monotonic(), pool.submit(content, shape, name=f"file {number}")))
            if not waiting:
                break
            what, since, future = waiting.popleft()
            kind, message = outcome(future)
            counts[kind] += 1
            each.setdefault(what.split()[1].rstrip(":"), Counter())[kind] += 1
            slowest, peak = max(slowest, time.monotonic() - since), max(peak, peak_bytes(pool))
            if kind in ("failed", "late") or UNSAFE.search(message):
                failures.append(f"{kind} | {what} | {message}")
            if kind == "died":
                print(f"died | {what} | {message}", file=sys.stderr, flush=True)
    return {"counts": dict(counts), "each": each, "failures": failures, "slowest": slowest, "peak": peak}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--each", action="store_true", help="print the outcomes of every format, too")
    options = parser.parse_args()
    began = time.monotonic()
    found = run(options.first, options.count, options.workers)
    print("\n".join(found["failures"]))
    for name, outcomes in sorted(found["each"].items() if options.each else ()):
        print(f"{name}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(outcomes.items())))
    print(f"{sum(found['counts'].values())} of {options.count} damaged files made from {len(whole())} formats accounted for in "
          f"{time.monotonic() - began:.0f} s: " + ", ".join(f"{n} {kind}" for kind, n in sorted(found["counts"].items())))
    print(f"failures {len(found['failures'])}; slowest file {found['slowest']:.1f} s from its submission; most memory resident "
          f"in a worker {found['peak'] / 2**30:.2f} GB (limit {MEMORY_GB:g} GB of address space beyond the libraries)")
    return 1 if found["failures"] or sum(found["counts"].values()) != options.count else 0


if __name__ == "__main__":
    sys.exit(main())
