"""The frozen tower's features of the training pictures, computed once and kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from emollm.model.emollm import EmoLLM
from emollm.model.processor import EmoLLMProcessor
from emollm.training.augment import Strengths, augment
from emollm.training.faces import ObservedFaces

VARIANTS = Strengths(turn=0.22, zoom=0.15, shift=0.12, contrast=0.3, brightness=0.25)  # of the cached pictures


class FeatureCache:
    """Frozen-tower features of the training pictures, several augmented variants each; float16 [rows, variants, V, C]."""

    def __init__(self, rows: np.ndarray, features: np.ndarray):
        self.position = {int(r): k for k, r in enumerate(rows)}
        self.features = features

    def pick(self, row: int, variant: int) -> np.ndarray:  # [V, C]
        return self.features[self.position[row], variant]

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
                with torch.autocast("cpu", torch.bfloat16):
                    x = x.contiguous(memory_format=torch.channels_last)
                    features[start:start + 256, variant] = model.face.visual_features(x).half().numpy()
        np.save(path.with_suffix(".tmp.npy"), features)
        path.with_suffix(".tmp.npy").replace(path)
    return FeatureCache(rows, np.load(path, mmap_mode="r"))
