"""How well scores tell faces with an action unit from faces without it."""

import numpy as np

PLATEAU = 0.02  # of F1: thresholds that are this near to the best are as good


def auc(scores: np.ndarray, y: np.ndarray) -> float:
    """Area under the ROC curve (Mann-Whitney)."""
    difference = scores[y > 0][:, None] - scores[y == 0][None]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean()) if difference.size else np.nan


def f1(on: np.ndarray, y: np.ndarray) -> float:
    """F1 of decisions against codes, [N] bool both."""
    return float(2 * (on & (y > 0)).sum() / max(on.sum() + (y > 0).sum(), 1))
