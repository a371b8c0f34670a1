"""Run perception over the training pictures once, and cache what it sees.

    python -m data_engine observe --fer DIR -o runs/faces.npz

Every picture takes the same way as at inference, as a face crop. One that no mesh fits keeps its whole area as its chip
and no action unit. A rerun redoes unfinished shards only; processes share the shards.
"""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emollm.evaluation import fer2013
from emollm.explainer import prepare
from emollm.model.checkpoint import Shape
from emollm.training.faces import ObservedFaces

SHAPE = Shape(max_key_frames=1, chip_size=48)
SHARD = 2000


def observe_picture(picture) -> dict:
    """Chip [48, 48] uint8, landmarks [478, 3], intensity [24, 2], confidence [24], measured [24]; NaN without a face."""
    (face,) = prepare(picture, SHAPE, crops=True, gate=None).subjects
    landmarks = np.full((478, 3), np.nan) if face.track is None else face.track.landmarks[0]
    return {"found": face.track is not None, "chip": face.chips[0, :, :, 0], "landmarks": landmarks.astype(np.float16),
            "intensity": face.series.intensity[0].astype(np.float32),
            "confidence": face.series.confidence[0].astype(np.float32), "measured": face.series.measured}


def observe(folder: str, out: str, progress=print, processes: int | None = None) -> None:
    """Write the cache of all pictures in `folder` to `out`. processes: how many share the work, all cores unless given."""
    source, shards = fer2013.load(folder), Path(out).with_suffix(".shards")
    shards.mkdir(parents=True, exist_ok=True)
    paths = {start: shards / f"{start:06d}.npz" for start in range(0, len(source), SHARD)}
    missing = {path: range(start, min(start + SHARD, len(source))) for start, path in paths.items() if not path.exists()}
    for rows in _observe_shards(folder, missing, processes or len(os.sched_getaffinity(0))):
        progress(f"{rows.start}-{rows.stop} of {len(source)} pictures")
    parts = [np.load(path) for path in paths.values()]
    observed = {k: np.concatenate([p[k] for p in parts]) for k in parts[0].files}
    observed |= {"chips": observed.pop("chip"), "measured": observed["measured"].any(0)}
    ObservedFaces.write(out, source, observed)


def _observe_shards(folder: str, missing: dict[Path, range], processes: int) -> Iterator[range]:
    """The rows of each shard when its file is there."""
    work = functools.partial(_shard, folder)
    if min(processes, len(missing)) < 2:
        yield from map(work, missing, missing.values())
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of whatever runs in this process
    with concurrent.futures.ProcessPoolExecutor(min(processes, len(missing)), spawn) as pool:
        yield from pool.map(work, missing, missing.values())


def _shard(folder: str, path: Path, rows: range) -> range:
    """The file of one shard, there whole or not at all; its rows."""
    seen = [observe_picture(p) for p in fer2013.load(folder).pictures(rows)]
    np.savez(path.with_suffix(".tmp.npz"), **{k: np.stack([s[k] for s in seen]) for k in seen[0]})
    path.with_suffix(".tmp.npz").replace(path)
    return rows
