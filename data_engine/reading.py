"""How real faces with given action units were labelled: p(label | AUs), the label teacher for drawn and edited faces.

A multinomial logistic regression from measured intensities to FER+ vote fractions. Where pixels and an edited AU meet,
`after_edit` moves the picture's own vote distribution by the ratio that the edit makes for the AUs alone.
"""

from __future__ import annotations

import numpy as np

from emollm.schema import LABELS, ON


def features(intensity: np.ndarray) -> np.ndarray:
    """intensity [N, 24, 2] (NaN as not there) -> [N, F]: strength, on-state, asymmetry and a constant."""
    x = np.nan_to_num(intensity)
    mean, gap = x.mean(2) / 2.5, np.abs(x[:, :, 0] - x[:, :, 1]) / 2.5
    on = 1 / (1 + np.exp(-4 * (x.max(2) - ON)))
    return np.concatenate([mean, on, gap, np.ones((len(x), 1))], 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def fit(intensity: np.ndarray, target: np.ndarray, ridge: float = 1e-3, steps: int = 80) -> np.ndarray:
    """Weights [F, 8] by full-batch L-BFGS on soft cross-entropy. intensity [N, 24, 2], target [N, 8]."""
    import torch

    x, y = torch.tensor(features(intensity)), torch.tensor(target, dtype=torch.float64)
    weights = torch.zeros(x.shape[1], len(LABELS), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = -(y * (x @ weights).log_softmax(1)).sum(1).mean() + ridge * (weights**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weights.detach().numpy()


def read(weights: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """p(label | AUs) [8] for one face [24, 2]."""
    return softmax(features(intensity[None]) @ weights)[0]


def after_edit(weights: np.ndarray, votes: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Vote distribution [8] once the AUs change from `before` to `after` [24, 2] and the pixels stay.

    Pixels and AUs are taken as independent witnesses given the label, so p'(y) is proportional to
    p(y) p(y | after) / p(y | before). Votes get 2 % of an even spread first: nobody's certainty is infinite.
    """
    prior = 0.98 * votes + 0.02 / len(votes)
    moved = prior * read(weights, after) / read(weights, before)
    return moved / moved.sum()
