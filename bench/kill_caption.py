"""Kill `emollm caption` again and again, let it finish, and count what was lost, doubled or done twice.

    python bench/kill_caption.py [--kills 40] [--folder PHOTOS] [--model pocket] [--batch 2] [--seed 0]

Every kill is a SIGKILL of the whole process at a random moment: while it starts, measures, answers or writes. After each
one every line that was finished before must still be there, byte for byte. When an output is complete, the next kills begin
with a new one; in the end everything is compared with an uninterrupted run (numbers to four decimals: the last bits depend on
which faces share a batch). Without --folder, small warps of scikit-image's astronaut are captioned. Exit code 1 when
anything was lost, doubled, done twice or different.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 600  # longest wait for one run


def pictures(folder: Path, count: int = 24) -> Path:
    """Photos of one face, each a slightly turned and enlarged crop of the astronaut."""
    import numpy as np
    from PIL import Image
    from skimage.data import astronaut

    rng, photo = np.random.default_rng(0), Image.fromarray(astronaut()).crop((90, 0, 370, 280))
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        turn, grow = rng.uniform(-8, 8), rng.uniform(0.9, 1.2)
        size = (round(280 * grow), round(280 * grow))
        photo.resize(size).rotate(turn, Image.Resampling.BICUBIC).save(folder / f"face {k:03d}.png")
    return folder


def finished(output: Path) -> dict[str, bytes]:
    """Whole lines of an output by custom_id; the last one counts."""
    if not output.exists():
        return {}
    return {json.loads(line)["custom_id"]: line for line in output.read_bytes().split(b"\n")[:-1]}


def answers(output: Path) -> dict[str, str]:
    """What was answered: everything of a line but the time it was written at."""
    found = {}
    for custom_id, line in finished(output).items():
        stored = json.loads(line, parse_float=lambda number: round(float(number), 4))
        if stored["response"]:
            stored["response"]["body"].pop("created")
        found[custom_id] = json.dumps([stored["response"], stored["error"]])
    return found


class KilledJob:
    """Captioning of one folder into one output, killed and started again."""

    def __init__(self, folder: Path, output: Path, options: list[str]):
        self.output, self.before = output, {}
        self.command = [sys.executable, "-m", "emollm", "caption", str(folder), "-o", str(output), "--progress", "none",
                        *options]
        self.lost = self.changed = self.torn = self.runs = 0

    def start(self) -> subprocess.Popen:
        self.runs += 1
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def killed(self, lines: int, wait: float) -> bool:
        """Start, and kill `wait` s after `lines` more lines were written; False when the run was over before."""
        process, goal, end = self.start(), len(self.before) + lines, time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end and self._count() < goal:
            time.sleep(0.01)
        time.sleep(wait)
        over = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        _, told = process.communicate()
        if over and process.returncode:
            sys.exit(f"caption failed with exit code {process.returncode}: {told.decode()[-500:]}")
        self.check()
        return not over

    def finish(self) -> None:
        process = self.start()
        _, told = process.communicate(timeout=SECONDS)
        if process.returncode:
            sys.exit(f"caption failed with exit code {process.returncode}: {told.decode()[-500:]}")
        self.check()

    def check(self) -> None:
        """Compare with what was finished before: a line that is another one now was done twice."""
        now = finished(self.output)
        self.lost += len(self.before.keys() - now.keys())
        self.changed += sum(now.get(custom_id, line) != line for custom_id, line in self.before.items())
        self.torn += self.output.exists() and not self.output.read_bytes().endswith(b"\n") and self.output.stat().st_size > 0
        self.before = now

    def doubled(self) -> int:
        lines = self.output.read_bytes().count(b"\n")
        return lines - len(finished(self.output))

    def _count(self) -> int:
        return self.output.read_bytes().count(b"\n") if self.output.exists() else 0


def kill(folder: Path, outputs: Path, kills: int, options: list[str], seed: int = 0) -> dict[str, int]:
    """Counts after `kills` kills and an uninterrupted end of every output."""
    rng, told = random.Random(seed), dict.fromkeys(("kills", "runs", "torn", "lost", "doubled", "redone", "different"), 0)
    whole = KilledJob(folder, outputs / "whole.jsonl", options)
    whole.finish()
    reference = answers(whole.output)
    while told["kills"] < kills:
        job = KilledJob(folder, outputs / f"killed{told['runs']}.jsonl", options)
        while told["kills"] < kills and len(job.before) < len(reference):
            left = len(reference) - len(job.before)
            wait = rng.choice((0.0, rng.uniform(0, 0.5), rng.uniform(0, 6)))
            told["kills"] += job.killed(rng.randint(0, max(0, left // 3)), wait)
        job.finish()
        found = answers(job.output)
        told["lost"] += job.lost + len(reference.keys() - found.keys())
        told["different"] += sum(found.get(custom_id, text) != text for custom_id, text in reference.items())
        told["doubled"] += job.doubled()
        told["redone"] += job.changed
        told["torn"] += job.torn
        told["runs"] += job.runs
    return {"items": len(reference), **told}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="photos and clips (default: warps of an astronaut)")
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--batch", default="2", help="faces answered at once (default 2: more moments to be killed at)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as work:
        folder = options.folder or pictures(Path(work) / "photos")
        told = kill(folder, Path(work), options.kills, ["--model", options.model, "--batch", options.batch], options.seed)
    print(", ".join(f"{count} {name}" for name, count in told.items()))
    return int(any(told[name] for name in ("lost", "doubled", "redone", "different")))


if __name__ == "__main__":
    sys.exit(main())
