"""Run perception over the training pictures once, and cache what it sees.

    python -m data_engine observe --fer DIR -o runs/faces.npz

Every picture takes the same way as at inference: media.read -> face.follow -> measure.series -> face.chips. A picture
in which no face is found keeps its whole area as its chip and no action unit. A rerun redoes unfinished shards only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_engine.sources import fer2013
from emollm import face, measure, media
from emollm.schema import AU_NAMES

CHIP = 48
SHARD = 2000


def observe_picture(picture) -> dict:
    """Chip [48, 48] uint8, landmarks [478, 3], intensity [24, 2], confidence [24], measured [24]; NaN without a face."""
    frames = media.read(picture)
    tracks = face.follow(frames)
    if not tracks:
        none = np.full((len(AU_NAMES), 2), np.nan, np.float32)
        return {"found": False, "chip": np.asarray(picture.convert("L").resize((CHIP, CHIP))),
                "landmarks": np.full((478, 3), np.nan, np.float16), "intensity": none,
                "confidence": np.zeros(len(AU_NAMES), np.float32), "measured": np.zeros(len(AU_NAMES), bool)}
    track = max(tracks, key=lambda t: t.quality.size[0])
    series = measure.series(track)
    chip = face.chips(frames, track, [0], CHIP)[0][0, :, :, 0]
    return {"found": True, "chip": chip, "landmarks": track.landmarks[0].astype(np.float16),
            "intensity": series.intensity[0].astype(np.float32), "confidence": series.confidence[0].astype(np.float32),
            "measured": series.measured}


def observe(folder: str, out: str, progress=print) -> None:
    """Write the cache of all pictures in `folder` to `out`."""
    source, shards = fer2013.load(folder), Path(out).with_suffix(".shards")
    shards.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(source), SHARD)
    for start in starts:
        path = shards / f"{start:06d}.npz"
        if path.exists():
            continue
        rows = range(start, min(start + SHARD, len(source)))
        seen = [observe_picture(p) for p in source.pictures(rows)]
        np.savez(path.with_suffix(".tmp.npz"), **{k: np.stack([s[k] for s in seen]) for k in seen[0]})
        path.with_suffix(".tmp.npz").replace(path)
        progress(f"{rows.stop}/{len(source)} pictures")
    parts = [np.load(shards / f"{start:06d}.npz") for start in starts]
    arrays = {k: np.concatenate([p[k] for p in parts]) for k in parts[0].files if k not in ("chip", "measured")}
    np.savez(out, chips=np.concatenate([p["chip"] for p in parts]), soft=source.votes / source.votes.sum(1, keepdims=True)
             .clip(1), fer=source.fer, fp_votes=source.votes, keep=source.keep, public_test=source.public_test,
             measured=np.concatenate([p["measured"] for p in parts]).any(0), **arrays)
