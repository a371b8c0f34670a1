"""Memory and time a frame of measuring a long clip, beside measuring every frame for itself (bench/naive/measure.py).

    python bench/measure.py [--minutes 60] [--figure FILE.svg]

The clip is 1280x720 at 25 frames a second with one face: ten seconds made from scikit-image's astronaut (material.py), repeated
by copying the coded stream. A process of its own does what `emollm measure CLIP -o TABLE.csv` does; its memory is sampled from
outside. Seconds count on a quiet machine only; seconds of the processor, of all threads together, are printed beside them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import figures
import material
import memory
from figures import load_average, ratio, spread, verdict
from servers import child_environment

HERE = Path(__file__).parent
LOOP = 10.0  # s of made clip that are repeated
BLOCK = 250  # frames timed together
MEMORY_GOAL, RATE_GOAL, RATIO_GOAL, DRIFT_GOAL = 1000.0, 100.0, 2.0, 1.1  # MB, frames/s, times, last quarter / first quarter


def repeated(path: Path, loop: Path, minutes: float) -> Path:
    """The coded frames of `loop` again and again until the clip is so long."""
    import av

    with av.open(str(loop)) as source, av.open(str(path), "w", format="mp4") as target:
        theirs = source.streams.video[0]
        stream = target.add_stream_from_template(theirs)
        packets = [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in source.demux(theirs) if p.dts is not None]
        turn = round(LOOP / theirs.time_base)
        for k in range(max(1, round(60 * minutes / LOOP))):
            for pts, dts, key, data in packets:
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.is_keyframe = pts + k * turn, dts + k * turn, key
                packet.time_base, packet.stream = Fraction(theirs.time_base), stream
                target.mux(packet)
    return path


def child(clip: str, table: str) -> None:
    """Measure a clip and write its table; the time of every block of frames on stdout."""
    from emollm.evidence import csv_text
    from emollm.explainer import tracks_of
    from emollm.files import write_file
    from emollm.perception import media
    from emollm.perception.measure import events, series

    start = time.perf_counter()

    def tell(what: str, done: int) -> None:
        print(json.dumps([what, done, time.perf_counter() - start, time.process_time()]), flush=True)

    tracks = tracks_of(media.read(clip), each=lambda done: None if done % BLOCK else tell("followed", done))
    tell("all followed", len(tracks))
    measured = [series(track, "clip") for track in tracks]
    tell("measured", sum(len(events(one)) for one in measured))
    write_file(table, csv_text(measured, frames=[track.frames for track in tracks]))
    tell("written", Path(table).stat().st_size)


def ours(clip: Path, table: Path) -> tuple[list, list]:
    """What the child told, and the samples of its memory."""
    process = subprocess.Popen([sys.executable, __file__, "--child", str(clip), str(table)], stdout=subprocess.PIPE, text=True,
                               env={**child_environment(), "OPENBLAS_NUM_THREADS": "1"})  # as emollm/cli.py sets it
    watch = memory.Watch(process.pid)
    told = [json.loads(line) for line in process.stdout]
    samples = watch.stop()
    if process.wait():
        sys.exit(f"measuring failed with exit code {process.returncode}")
    return told, samples


def naive(clip: Path, seconds: float) -> list[list[float]]:
    """Seconds and seconds of the processor of every frame."""
    done = subprocess.run([sys.executable, str(HERE / "naive" / "measure.py"), str(clip), "--seconds", str(seconds)],
                          capture_output=True, text=True, check=True, env=child_environment())
    return json.loads(done.stdout)["spent"]


def steps_of(told: list) -> list[tuple[float, float]]:
    """Seconds and seconds of the processor a frame, of every block; the first, with the start-up, is left out."""
    at = [(seconds, cpu) for what, _, seconds, cpu in told if what == "followed"]
    return [((b - a) / BLOCK, (d - c) / BLOCK) for (a, c), (b, d) in pairwise(at)]


def report(told: list, samples: list, theirs: list[list[float]]) -> None:
    (steps, cpu), (slow, slow_cpu) = zip(*steps_of(told), strict=True), zip(*theirs[BLOCK // 10:], strict=True)
    quarter = max(1, len(steps) // 4)
    most, marks = max(mb for _, mb, _ in samples), {what: seconds for what, _, seconds, _ in told}
    for name, each, busy in (("ours", steps, cpu), ("naive", slow, slow_cpu)):
        print(f"{name:<6} {spread([1 / s for s in each])} frames/s; {spread(busy, 1000)} ms of the processor a frame")
    rate = len(steps) / sum(steps)
    print(f"ours, whole run: {rate:.1f} frames/s   {verdict(rate, RATE_GOAL)}")
    for name, times in (("time", ratio(slow, steps)), ("processor time", ratio(slow_cpu, cpu))):
        print(f"{name} a frame, naive / ours: {times}   {verdict(times, RATIO_GOAL)}")
    for name, values in (("time", steps), ("processor time", cpu)):
        drift = ratio(values[-quarter:], values[:quarter])
        print(f"{name} a frame, last quarter / first quarter: {drift}   {verdict(drift, DRIFT_GOAL, at_least=False)}")
    print(f"memory: at most {most:.0f} MB   {verdict(most, MEMORY_GOAL, at_least=False)}; "
          f"{memory.slope([(s, mb) for s, mb, _ in samples if s < marks['all followed']]):+.1f} MB a minute while following")
    print(f"after {marks['all followed']:.0f} s of following: {marks['measured'] - marks['all followed']:.1f} s to measure, "
          f"{marks['written'] - marks['measured']:.1f} s to write the table")


def figure(told: list, samples: list) -> str:
    """Memory and time a frame over the run, as SVG."""
    from emollm.output import svg

    ends = [seconds for what, _, seconds, _ in told if what == "followed"][1:]
    lines = {"memory, MB": [(s, mb) for s, mb, _ in samples],
             "time a frame, ms": [(s, 1000 * step) for s, (step, _) in zip(ends, steps_of(told), strict=True)],
             "processor time a frame, ms": [(s, 1000 * cpu) for s, (_, cpu) in zip(ends, steps_of(told), strict=True)]}
    body, y = [], 30.0
    for name, points in lines.items():
        end, top = max(s for s, _ in points), 1.15 * max(v for _, v in points)
        body.append(svg.text(70, y - 8, f"{name}, over {end / 60:.1f} minutes of measuring"))
        for share in (0, 0.5, 1):
            body += [svg.line(70, y + 150 * (1 - share), 770, y + 150 * (1 - share)),
                     svg.text(64, y + 154 - 150 * share, f"{top * share:.0f}", svg.FAINT, 10, "end")]
        body.append(svg.path([(70 + 700 * s / end, y + 150 * (1 - v / top)) for s, v in points], svg.BLUE))
        y += 200
    return svg.page(790, y, "Measuring a long clip", body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--naive-seconds", type=float, default=20.0)
    parser.add_argument("--figure", type=Path, help="draw memory and time a frame here (.svg)")
    parser.add_argument("--child", nargs=2, metavar=("CLIP", "TABLE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    print(figures.machine())
    with tempfile.TemporaryDirectory() as folder:
        loop = material.write_clip(Path(folder) / "loop.mp4", 0, LOOP)
        clip = repeated(Path(folder) / "long.mp4", loop, args.minutes)
        print(f"one clip of {args.minutes:g} minutes, 1280x720, 25 frames/s, one face, {clip.stat().st_size / 1e6:.0f} MB; "
              f"naive: its first {args.naive_seconds:g} s")
        theirs = naive(clip, args.naive_seconds)
        told, samples = ours(clip, Path(folder) / "table.csv")
    report(told, samples, theirs)
    print(f"load average {load_average()} after")
    if args.figure:
        args.figure.write_text(figure(told, samples))


if __name__ == "__main__":
    main()
