"""The frozen tower's features of the training pictures, computed once and kept."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import torch

from emollm.model.emollm import EmoLLM
from emollm.model.encoder import FaceEncoder
from emollm.model.precision import bf16_pays
from emollm.model.processor import EmoLLMProcessor
from emollm.training.augment import Strengths, augment
from emollm.training.faces import ObservedFaces

VARIANTS = Strengths(turn=0.22, zoom=0.15, shift=0.12, contrast=0.3, brightness=0.25)  # of the cached pictures


BLENDED = 0.5  # share of the faces shown to a stage that are blended with another face
MOST = 0.5  # share of the other face, at most


class FeatureCache:
    """Frozen-tower features of the training pictures, several augmented variants each; float16 [rows, variants, V, C].

    look: the head that reads them (FaceEncoder.look_head), None where none was fitted.
    """

    def __init__(self, rows: np.ndarray, features: np.ndarray):
        self.position = {int(r): k for k, r in enumerate(rows)}
        self.features, self.look = features, None

    def look_as(self, encoder: FaceEncoder) -> None:
        """Read the features as this encoder does, from here on; a copy, since the encoder may move to a GPU."""
        if encoder.look_head.weight.any():
            self.look = copy.deepcopy(encoder.look_head)

    def pick(self, row: int, variant: int) -> np.ndarray:  # [V, C]
        return self.features[self.position[row], variant]

    def pick_blended(self, row: int, variants: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One face's features [K, V, C], half the time drawn toward those of another.

        The tower is sure of the faces that it was trained on. Blends are what its look of other faces is like: less sure,
        between two labels; what the look says of them is known exactly. Key frames of a clip differ, as they do in clips: each
        is drawn toward a face of its own, any way far, so that what is learnt is to put together what all of them look like.
        """
        own = np.stack([self.pick(row, int(v)) for v in variants]).astype(np.float32)
        if rng.random() >= BLENDED:
            return own
        count = len(own)
        others = self.features[rng.integers(len(self.features), size=count), 0].astype(np.float32)
        share = rng.uniform(0, MOST if count == 1 else 1, (count, 1, 1))
        return ((1 - share) * own + share * others).astype(np.float32)

    @torch.no_grad()
    def read(self, features: np.ndarray) -> list[float]:
        """The label distribution [8] of one face's look, the mean of its key frames' logarithms. features [K, V, C]."""
        logits = self.look(torch.from_numpy(features).float().mean(1))
        return logits.log_softmax(-1).mean(0).softmax(0).tolist()

    @property
    def variants(self) -> int:
        return self.features.shape[1]


@torch.no_grad()
def cache_features(model: EmoLLM, processor: EmoLLMProcessor, faces_path: str, folder: Path,
                   variants: int = 4) -> FeatureCache:
    """Tower features of every training picture: plain, mirrored, and two more with small warps and light changes.

    Kept in `folder` under a hash of the pictures and of the tower as a checkpoint rounds it, so that the next stage finds
    them.
    """
    from emollm.training.tower import to_input, to_pixels

    faces = ObservedFaces.read(faces_path)
    rows, chips = faces.train, faces.chips
    content = hashlib.sha256(chips[rows].tobytes())
    for tensor in model.face.tower.state_dict().values():
        content.update(tensor.bfloat16().float().numpy().tobytes())
    path = folder / f"features-{content.hexdigest()[:12]}.npy"
    if not path.exists():
        shape = (len(rows), variants, model.config.visual_tokens, model.config.tower_channels)
        features, generator = np.zeros(shape, np.float16), torch.Generator().manual_seed(0)
        model.eval()
        for start in range(0, len(rows), 256):
            plain = to_input(torch.from_numpy(chips[rows[start:start + 256]]))
            for variant in range(variants):
                x = plain if variant < 2 else augment(plain, plain.shape[-1], VARIANTS, generator)
                x = processor.normalise(to_pixels(x.flip(-1) if variant % 2 else x))
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays("cpu")):
                    x = x.contiguous(memory_format=torch.channels_last)
                    features[start:start + 256, variant] = model.face.visual_features(x).half().numpy()
        np.save(path.with_suffix(".tmp.npy"), features)
        path.with_suffix(".tmp.npy").replace(path)
    return FeatureCache(rows, np.load(path, mmap_mode="r"))
