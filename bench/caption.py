"""Clips a minute of `emollm caption`, beside captioning as one would write it first (bench/naive/caption.py).

    python bench/caption.py [--count 64] [--seconds 10] [--engine both] [--clips FOLDER]

All caption the same clips; wall times are those of whole commands, with every start-up. Before anything is timed, captions are
compared with those of emollm.explain, one clip after another (bench/naive/loop.py), and while it is timed with each other: one
that differs ends the bench with exit code 1. The naive code seeks the face anew in every frame, so its numbers differ a little;
how often it names the same label is printed. Rounds alternate. The stages are then run alone
(bench/stages.py): the wall time of a good pipeline is that of its slowest stage. Clips of 1280x720 px are made from
scikit-image's astronaut unless a folder is given. Figures count on a quiet machine only; --quick is for trying it out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import figures
import material
import memory
from figures import load_average, ratio, spread, verdict
from servers import child_environment

HERE = Path(__file__).parent
ENGINES = ("transformers", "vllm")
RATIO_GOAL, WALL_GOAL = 3.0, 1.4
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
CLOSE = 1e-3  # of a label's share: sums in batches of another size are rounded differently


@dataclass
class CaptionRun:
    """One captioning of all clips."""

    captions: dict[str, list[dict]]  # path -> what the explanations say
    wall: float  # s
    blocks: list[tuple[float, int]]  # seconds, and clips finished in them; they sum to the wall time
    samples: list = field(default_factory=list)  # of memory

    @property
    def per_minute(self) -> float:
        return 60 * len(self.captions) / self.wall


def said(explanation: dict) -> dict:
    return {name: explanation[name] for name in ("face_id", "text", "label", "distribution", "notices")}


def naive(clips: list[str], script: str = "caption.py") -> CaptionRun:
    """A loop in one process: caption.py or loop.py of bench/naive/."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / "naive" / script), *clips], capture_output=True, text=True,
                          check=False, env=child_environment())
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"the naive loop failed with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    begun = (wall - sum(line["seconds"] for line in lines)) / len(lines)  # the start-up, spread over the clips
    captions = {line["path"]: [said(e) for e in line["explanations"]] for line in lines}
    return CaptionRun(captions, wall, [(line["seconds"] + begun, 1) for line in lines])


def pipeline(clips: list[str], engine: str, workers: int) -> CaptionRun:
    """`emollm caption` with an output of its own."""
    with tempfile.TemporaryDirectory() as folder:
        output, log = Path(folder) / "captions.jsonl", Path(folder) / "log.txt"
        command = [sys.executable, "-m", "emollm", "caption", *clips, "-o", str(output), "--engine", engine,
                   "--workers", str(workers), "--progress", "none"]
        start = time.perf_counter()
        with log.open("wb") as told:
            process = subprocess.Popen(command, stdout=told, stderr=told, env=child_environment())
        watch, growth = memory.Watch(process.pid), Growth(output, start)
        failed = process.wait()
        wall, samples = time.perf_counter() - start, watch.stop()
        blocks = growth.stop(wall)
        if failed:
            sys.exit(f"emollm caption failed with exit code {failed}: {log.read_text(errors='replace').strip()[-1000:]}")
        return CaptionRun(captions_of(output), wall, blocks, samples)


def captions_of(output: Path) -> dict[str, list[dict]]:
    """What an output file of `emollm caption` says of each clip; an error line says its error."""
    found = {}
    for line in map(json.loads, output.read_text().splitlines()):
        answered = line["response"] and [said(e) for e in line["response"]["body"]["emollm"]]
        found[line["custom_id"]] = answered or [{"error": line["error"]}]
    return found


class Growth:
    """When the lines of a growing file were finished."""

    def __init__(self, path: Path, start: float):
        self.path, self.start, self.steps, self.ended = path, start, [(0.0, 0)], threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.ended.wait(0.1):
            self._look()

    def _look(self) -> None:
        count = self.path.read_bytes().count(b"\n") if self.path.exists() else 0
        if count > self.steps[-1][1]:
            self.steps.append((time.perf_counter() - self.start, count))

    def stop(self, wall: float) -> list[tuple[float, int]]:
        """Blocks (seconds, lines); what came after the last line belongs to the last block."""
        self.ended.set()
        self.thread.join()
        self._look()
        return blocks_of([*self.steps[:-1], (wall, self.steps[-1][1])] if len(self.steps) > 1 else self.steps)


def blocks_of(steps: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Points (time, count so far) as differences; steps of one answered batch lie within a second and are one block."""
    kept = [steps[0]]
    for at, total in steps[1:]:
        if len(kept) > 1 and at - kept[-1][0] < 1.0:
            kept[-1] = (at, total)
        else:
            kept.append((at, total))
    return [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(kept)]


def per_clip(blocks: list[tuple[float, int]]) -> float:
    """Seconds a clip."""
    return sum(seconds for seconds, _ in blocks) / max(1, sum(clips for _, clips in blocks))


def different(ours: dict[str, list[dict]], loop: dict[str, list[dict]]) -> list[str]:
    """Clips whose captions are not the same."""
    return [f"{path}:\n   ours:  {ours.get(path)}\n   other: {found}" for path, found in loop.items()
            if not same(ours.get(path) or [], found)]


def same(ours: list[dict], loop: list[dict]) -> bool:
    def exact(captions: list[dict]) -> list[dict]:
        return [{k: v for k, v in c.items() if k != "distribution"} for c in captions]

    def shares(captions: list[dict]) -> list[float]:
        return [share for c in captions for _, share in sorted((c.get("distribution") or {}).items())]

    return exact(ours) == exact(loop) and len(shares(ours)) == len(shares(loop)) and all(
        abs(a - b) <= CLOSE for a, b in zip(shares(ours), shares(loop), strict=True))


def alone(clips: list[str], engine: str, workers: int) -> dict[str, float]:
    """Seconds of each stage by itself."""
    done = subprocess.run([sys.executable, str(HERE / "stages.py"), *clips, "--engine", engine, "--workers", str(workers)],
                          capture_output=True, text=True, check=False, env=child_environment())
    if done.returncode:
        sys.exit(f"the stages failed with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def once(clips: list[str], name: str, workers: int) -> CaptionRun:
    return naive(clips) if name == "naive" else pipeline(clips, name, workers)


def check(runs: dict[str, list[CaptionRun]], reference: CaptionRun) -> int:
    """How many captions are equal to the reference's; ends the bench when one is not."""
    wrong, compared = [], 0
    for ours in (found for name, found in runs.items() if name != "naive"):
        for run in ours:
            wrong += different(run.captions, reference.captions)
            compared += len(run.captions)
    if wrong:
        sys.exit("\n".join([f"{len(wrong)} of {compared} captions differ; no figure counts", *wrong[:3]]))
    return compared


def same_labels(ours: CaptionRun, loop: CaptionRun) -> tuple[int, int]:
    """Clips whose first face is given the same label, and clips."""
    def labels(run: CaptionRun) -> dict:
        return {path: found[0].get("label") for path, found in run.captions.items() if found}

    one, other = labels(ours), labels(loop)
    return sum(one.get(path) == label for path, label in other.items()), len(other)


def report(runs: dict[str, list[CaptionRun]], stages: dict[str, dict[str, float]]) -> None:
    loop = [block for run in runs["naive"] for block in run.blocks]
    for name, done in runs.items():
        print(f"{name:<13} wall {spread([run.wall for run in done])} s   {spread([run.per_minute for run in done])} clips/min")
    print(f"naive, one clip: {spread([seconds for seconds, _ in loop], digits=2)} s")
    for name, done in runs.items():
        if name == "naive":
            continue
        found = ratio(loop, [block for run in done for block in run.blocks], of=per_clip)
        print(f"clips/min, {name} / naive: {found}   {verdict(found, RATIO_GOAL)}")
        print(f"   same label as naive: {' of '.join(map(str, same_labels(done[0], runs['naive'][0])))} clips")
        times = stages[name]
        slowest = max(("measure", "generate"), key=times.__getitem__)
        wall = statistics.median(run.wall for run in done) / times[slowest]
        print(f"   stages alone: measuring {times['measure']:.1f} s ({times['frames'] / times['measure']:.0f} frames/s), "
              f"generating {times['generate']:.1f} s, loading {times['load']:.1f} s; "
              f"wall / slowest ({slowest}) {wall:.2f}   {verdict(wall, WALL_GOAL, at_least=False)}")
        print(f"   {memory.told(max(done, key=lambda run: run.wall).samples)}")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("--clips", metavar="FOLDER", help="caption the clips in this folder (default: make some)")
    found.add_argument("--work", metavar="FOLDER", help="keep made clips here (default: the system's temporary folder)")
    found.add_argument("--count", type=int, default=64, help="clips (default 64)")
    found.add_argument("--seconds", type=float, default=10, help="of each made clip (default 10)")
    found.add_argument("--workers", type=int, default=figures.cores(), help="measuring processes (default: one a core)")
    found.add_argument("--engine", choices=(*ENGINES, "both"), default="both", help="default: both")
    found.add_argument("--rounds", type=int, default=3, help="default 3")
    found.add_argument("--quick", action="store_true", help="a few short clips only and no warm-up, to see that it runs")
    return found


def material_of(options: argparse.Namespace) -> list[str]:
    if options.clips:
        found = sorted(str(p) for p in Path(options.clips).iterdir() if p.suffix.lower() in SUFFIXES)[:options.count]
        return found or sys.exit(f"{options.clips}: no clip in this folder")
    folder = Path(options.work or Path(tempfile.gettempdir()) / f"emollm-bench-{os.getuid()}")
    return [os.path.normpath(path) for path in material.clips(folder, options.count, options.seconds)]


def main() -> None:
    options = parser().parse_args()
    if options.quick:
        options.count, options.seconds, options.rounds = min(options.count, 4), min(options.seconds, 2.0), 1
    print(figures.machine(), flush=True)
    clips, names = material_of(options), ["naive", *(ENGINES if options.engine == "both" else [options.engine])]
    print(f"{len(clips)} clips, {options.workers} measuring processes; systems: {', '.join(names)}", flush=True)
    reference, compared = naive(clips if options.quick else clips[:2], "loop.py"), 0
    if not options.quick:  # also the warm-up
        compared = check({name: [once(clips[:2], name, options.workers)] for name in names}, reference)
    runs: dict[str, list[CaptionRun]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names if number % 2 == 0 else names[::-1]:
            runs[name].append(once(clips, name, options.workers))
            print(f"round {number + 1} of {options.rounds}, {name}: {runs[name][-1].wall:.1f} s", file=sys.stderr, flush=True)
    compared += check(runs, reference if options.quick else runs[names[1]][0])
    report(runs, {name: alone(clips, name, options.workers) for name in names[1:]})
    print(f"{compared} captions compared, all equal; load average {load_average()} after")


if __name__ == "__main__":
    main()
