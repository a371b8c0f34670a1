"""Training records to batches: the same `face_input` and `processor.encode` as at inference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from emollm.model.peaks import Peaks
from emollm.model.processor import EmoLLMProcessor, FaceInput, face_input
from emollm.schema import SIDES
from emollm.training.features import FeatureCache
from emollm.training.record import Record


class Records:
    """Lines of a JSONL file, read on demand: only their offsets are in memory."""

    def __init__(self, path: str):
        self.path = Path(path)
        data = np.memmap(self.path, np.uint8, "r")
        ends = np.flatnonzero(data == ord("\n"))
        self.starts, self.ends = np.concatenate([[0], ends[:-1] + 1]), ends
        self.data = data

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> Record:
        return Record.from_json(self.data[self.starts[index]:self.ends[index]].tobytes())

    def lengths(self) -> np.ndarray:
        return self.ends - self.starts


def record_face(record: Record, cache: FeatureCache | None, rng: np.random.Generator) -> FaceInput:
    """Model input of one record. Pixels come from the cache: one variant per key frame, never a mirrored one when a
    side is named, because the text would have to be mirrored too."""
    face = face_input(record.series, record.events, record.keys)
    if cache is not None and record.row is not None:
        peak = Peaks.unpack(face.peaks)
        one_sided = bool(((peak.side != SIDES.index("both")) & face.measured & (peak.strength > 0)).any())
        step = 2 if one_sided else 1
        variants = rng.choice(np.arange(0, cache.variants, step), len(face.times))
        face.visual_features = (np.stack([cache.pick(record.row, int(v)) for v in variants]) if cache.look is None
                                else cache.pick_blended(record.row, variants, rng))
    return face


def batches(records: Records, processor: EmoLLMProcessor, cache: FeatureCache | None, size: int,
            seed: int, skip: int = 0) -> Iterator[dict]:
    """Endless batches of records of similar length, after the first `skip`. Yields encode()'s tensors plus
    targets [B, 8].

    Batch n depends on the seed and n alone, so a resumed run goes on as if it had never stopped.
    """
    lengths, epoch, number = records.lengths(), 0, 0
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(records))
        for chunk in np.array_split(order, max(1, len(order) // (size * 32))):
            groups = np.array_split(chunk[np.argsort(lengths[chunk])], max(1, len(chunk) // size))
            for k in rng.permutation(len(groups)):
                number += 1
                if number > skip:
                    drawn = np.random.default_rng([seed, epoch, number])
                    yield encode_records([records[int(i)] for i in groups[k]], processor, cache, drawn)
        epoch += 1


def encode_records(records: list[Record], processor: EmoLLMProcessor, cache: FeatureCache | None,
                   rng: np.random.Generator) -> dict:
    """One training batch. The label's target is what raters said of such a face, or, where the tower has a look, that: from
    the raters the language model would learn how sure the tower is of faces that it knows by heart (docs/decisions.md)."""
    faces = [record_face(r, cache, rng) for r in records]
    batch = processor.encode(faces, [r.turns[:-1] for r in records], [r.turns[-1] for r in records])
    looked = [cache is not None and cache.look is not None and f.visual_features is not None for f in faces]
    batch["target"] = torch.tensor([cache.read(f.visual_features) if seen else r.target
                                    for r, f, seen in zip(records, faces, looked, strict=True)])
    return batch
