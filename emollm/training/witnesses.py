"""Fit how the measured movements move the look, for `emollm.answer.witnesses`.

Two kinds of faces, because neither has all: faces from web search with ten votes and a label each, on which the look is good
and the units of a small picture are noisy, and posed faces, whose movements are plain and whose look is not what a tower sees
in such pictures. The weights begin where the look counts once and the reading BEGUN times, and are drawn to that beginning
(PULL), so that few posed faces cannot turn the rule over. `cross_validate` gives the figure to trust: faces, and subjects of
the posed ones, left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emollm.answer.witnesses import CROWD, LEAST, MovementRule, Movements, combine_witnesses, decidedness, inputs
from emollm.schema import LABELS

BEGUN = 0.4  # weight of the reading before anything is fitted
PULL = 0.01  # toward the beginning, of the squared weights
LABEL_SHARE = 0.2  # of the FER2013 label in the target, the rest FER+ votes
EVENED = 0.15  # how far the labels are taken to be alike common
POSED_WEIGHT = 3.0  # what a posed face counts
SURE_VOTES = 5  # a majority of more votes is the target, fewer leave their shares
FOLDS = 5
SURE = np.arange(0.8, 3.01, 0.05)


@dataclass
class Witnesses:
    """Faces by both witnesses: look and read [N, 8] distributions, target [N, 8], weight [N], group [N] (left out together)."""

    look: np.ndarray
    read: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    group: np.ndarray

    def rows(self, kept: np.ndarray) -> Witnesses:
        return Witnesses(*(getattr(self, name)[kept] for name in ("look", "read", "target", "weight", "group")))

    def label(self, rule: MovementRule) -> np.ndarray:
        """Distributions [N, 8] of both."""
        return np.array([combine_witnesses(look, Movements.from_reading(read, True), rule)
                         for look, read in zip(self.look, self.read, strict=True)])


def target_of(votes: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Targets [N, 8] of faces with votes [N, 8] and a FER2013 label [N]: what both say, shared out by LABEL_SHARE."""
    shares = votes / votes.sum(1, keepdims=True)
    shares = np.where(votes.max(1, keepdims=True) > SURE_VOTES, np.eye(len(LABELS))[votes.argmax(1)], shares)
    return (1 - LABEL_SHARE) * shares + LABEL_SHARE * np.eye(len(LABELS))[label]


def fit(seen: Witnesses) -> MovementRule:
    """The weights that fit the targets best, and how sure they may be."""
    import torch

    look, how = np.log(np.maximum(seen.look, LEAST)), decidedness(seen.read)[:, None]
    x = torch.from_numpy(how * inputs(look, np.log(seen.read)))
    look, target, weight = (torch.from_numpy(a) for a in (look, seen.target, seen.weight))
    begun = torch.zeros(len(LABELS), x.shape[1], dtype=x.dtype)
    begun[:, len(LABELS):2 * len(LABELS)] = BEGUN * torch.eye(len(LABELS))
    moved = torch.zeros_like(begun, requires_grad=True)
    optimiser = torch.optim.LBFGS([moved], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        each = torch.nn.functional.cross_entropy(look + x @ (begun + moved).T, target, reduction="none")
        total = (each * weight).sum() / weight.sum() + PULL * moved.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    weights = (begun + moved).detach().numpy()
    weights[:, -1] -= EVENED * np.log(CROWD)
    return MovementRule(weights, _fit_sureness(weights, seen))


def _fit_sureness(weights: np.ndarray, seen: Witnesses) -> float:
    """What to multiply the scores by: the lowest negative log-likelihood of the first label of the targets."""
    truth = seen.target.argmax(1)

    def loss(sure: float) -> float:
        p = seen.label(MovementRule(weights, sure))[np.arange(len(truth)), truth]
        return float(-(np.log(p) * seen.weight).sum())

    return float(min(SURE, key=loss))


def cross_validate(seen: Witnesses, seed: int = 0) -> np.ndarray:
    """Distributions [N, 8] by weights that were fitted without the face, or without its subject."""
    groups = np.unique(seen.group)
    fold = dict(zip(groups, np.random.default_rng(seed).permutation(len(groups)) % FOLDS, strict=True))
    fold, distributions = np.array([fold[g] for g in seen.group]), np.zeros(seen.look.shape)
    for k in range(FOLDS):
        distributions[fold == k] = seen.rows(fold == k).label(fit(seen.rows(fold != k)))
    return distributions
