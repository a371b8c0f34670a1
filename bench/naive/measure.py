"""Measuring a clip as one would write it first: every frame a photograph of its own.

    python bench/naive/measure.py CLIP --seconds 10

The face is sought in every frame and nothing is known of the frame before. One JSON line on stdout: faces found,
and of every frame its seconds and seconds of the processor.
"""

import argparse
import contextlib
import json
import time

import av

from emollm.explainer import measure
from emollm.schema import NoFaceError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip")
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    spent, found = [], 0
    with av.open(args.clip) as container:
        last = time.perf_counter(), time.process_time()
        for frame in container.decode(video=0):
            if frame.time >= args.seconds:
                break
            with contextlib.suppress(NoFaceError):
                found += bool(measure(frame.to_ndarray(format="rgb24")))
            now = time.perf_counter(), time.process_time()
            spent.append([b - a for a, b in zip(last, now, strict=True)])
            last = now
    print(json.dumps({"faces": found, "spent": spent}))


if __name__ == "__main__":
    main()
