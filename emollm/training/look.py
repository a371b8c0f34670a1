"""What a frozen tower reads by itself: two linear heads on its mean feature, put together as the look of a model.

One head for the FER+ votes (all eight labels), one for the FER2013 label (seven of them: no contempt): the two disagree on a
third of the faces, and one head of their mixture answers neither well (docs/tower.md). Both are linear, so that their
weighted sum of logits is one linear head again: `FaceEncoder.look_head`.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emollm.answer.witnesses import CROWD
from emollm.model.encoder import FaceEncoder
from emollm.schema import LABELS
from emollm.training.faces import ObservedFaces
from emollm.training.features import FeatureCache
from emollm.training.tower import CLASSES

EPOCHS, LEAST_STEPS, BATCH = 8, 200, 512
RATE, DECAY, DROPPED, SMOOTHING = 2e-3, 1e-4, 0.2, 0.1
Head = tuple[torch.Tensor, torch.Tensor]  # weight [L, C], bias [L]


def fit_look(encoder: FaceEncoder, cache: FeatureCache, faces: ObservedFaces, share: float, evened: float,
             seed: int = 0) -> None:
    """Give the encoder the look of its tower: its head is fitted and put together, see `heads` and `mix_heads`."""
    weight, bias = mix_heads(*heads(cache, faces, seed), share, evened)
    with torch.no_grad():
        encoder.look_head.weight.copy_(weight)
        encoder.look_head.bias.copy_(bias)


def heads(cache: FeatureCache, faces: ObservedFaces, seed: int = 0) -> tuple[Head, Head]:
    """The heads for the votes and for the FER2013 label, both of eight labels, on mean features [N, C] as they are."""
    features, votes, label = _examples(cache, faces)
    middle, spread = features.mean(0), features.std(0) + 1e-6
    by_votes, by_label = _fit((features - middle) / spread, votes, label, seed)
    fitted = (by_votes, _add_contempt(by_label, by_votes))
    return tuple((weight / spread, bias - weight / spread @ middle) for weight, bias in fitted)


def mix_heads(by_votes: Head, by_label: Head, share: float, evened: float) -> Head:
    """One head of both.

    share: 0-1, of the head for the FER2013 label beside the head for the votes. evened: 0-1, how far the labels are taken to
    be alike common: 0 as in the pictures, 1 all alike.
    """
    weight, bias = ((1 - share) * v + share * f for v, f in zip(by_votes, by_label, strict=True))
    return weight, bias - evened * torch.tensor(CROWD, dtype=torch.float32).log()


def _examples(cache: FeatureCache, faces: ObservedFaces) -> tuple:
    """Mean features [N, C] of every variant of every face, votes [N, 8] as distributions, label [N]."""
    rows = np.array(list(cache.position))
    features = [torch.from_numpy(cache.features[:, v].astype(np.float32).mean(1)) for v in range(cache.variants)]
    votes, label = torch.from_numpy(faces.soft[rows]), torch.from_numpy(faces.label[rows].astype(np.int64))
    return torch.cat(features), votes.repeat(cache.variants, 1), label.repeat(cache.variants)


def _fit(x: torch.Tensor, votes: torch.Tensor, label: torch.Tensor, seed: int) -> list[Head]:
    """Weight and bias of both heads. x [N, C] of mean 0 and spread 1."""
    torch.manual_seed(seed)
    heads = nn.ModuleList([nn.Linear(x.shape[1], len(LABELS)), nn.Linear(x.shape[1], CLASSES)])
    steps = max(LEAST_STEPS, EPOCHS * len(x) // BATCH)
    optimiser = torch.optim.AdamW(heads.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        drawn = torch.randint(len(x), (BATCH,))
        shown = F.dropout(x[drawn], DROPPED)
        loss = F.cross_entropy(heads[0](shown), votes[drawn])
        loss = loss + F.cross_entropy(heads[1](shown), label[drawn], label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return [(head.weight.detach(), head.bias.detach()) for head in heads]


def _add_contempt(by_label: Head, by_votes: Head) -> Head:
    """The head of seven labels with an eighth: as far from the mean of the others as the votes have it."""
    def add_eighth(own: torch.Tensor, of_votes: torch.Tensor) -> torch.Tensor:
        others = of_votes[:CLASSES].mean(0)
        return torch.cat([own - own.mean(0) + others, of_votes[CLASSES:]])

    return tuple(add_eighth(own, of_votes) for own, of_votes in zip(by_label, by_votes, strict=True))
