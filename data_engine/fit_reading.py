"""Fit the reading of the movements to the tables and to human-coded frames, and store it (emollm/training/reading.py).

    python -m data_engine.fit_reading --codes FILE
"""

from __future__ import annotations

import argparse

import numpy as np

from emollm.answer import reading
from emollm.facs.tables import VARIANTS
from emollm.training.reading import coded_frames, cross_validate, fit


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_reading", description=__doc__)
    parser.add_argument("--codes", required=True, metavar="FILE", help="npz of human-coded frames (data_engine/README.md)")
    frames = coded_frames(parser.parse_args(argv).codes)
    right = cross_validate(*frames).argmax(1) == frames[2]
    np.savez_compressed(reading.WEIGHTS, names=np.array([reading.name_of(v) for v in VARIANTS]),
                        shares=fit(*frames[:3]).astype(np.float32).round(4))
    print(f"{reading.WEIGHTS.name}: {len(VARIANTS)} listings; subjects left out: {right.mean():.3f} of {len(right)} frames")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
