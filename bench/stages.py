"""The stages of captioning, each alone: measuring with worker processes, then answering what was measured.

    python bench/stages.py --workers 1 --engine transformers CLIP [CLIP ...]

One JSON object on stdout, in seconds; bench/caption.py holds its wall time against the slower one.
"""

import argparse
import json
import time

from emollm.explainer import PreparedSource, answer
from emollm.model.checkpoint import shape_of
from emollm.workers import Workers


def measured(clips: list[str], workers: int) -> tuple[list[PreparedSource], float]:
    """All clips, and the seconds from the first worker's start to the last clip."""
    shape, start = shape_of("pocket"), time.perf_counter()
    with Workers(workers) as pool:
        found = [future.result() for future in [pool.submit(clip, shape) for clip in clips]]
    return found, time.perf_counter() - start


def answered(prepared: list[PreparedSource], engine, batch: int) -> float:
    """Seconds to answer for all faces, in batches, grounded."""
    answer(prepared[:2], engine, [None] * len(prepared[:2]))  # what the first call alone pays
    start = time.perf_counter()
    for k in range(0, len(prepared), batch):
        part = prepared[k:k + batch]
        answer(part, engine, [None] * len(part))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--engine", default="transformers")
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    prepared, measuring = measured(options.clips, options.workers)
    from emollm.model.engine import engine

    start = time.perf_counter()
    loaded = engine("pocket", options.engine)
    loading = time.perf_counter() - start
    print(json.dumps({"measure": measuring, "load": loading, "generate": answered(prepared, loaded, options.batch),
                      "frames": sum(len(p.subjects[0].series.times) for p in prepared if p.subjects)}))


if __name__ == "__main__":
    main()
