"""Figures with their uncertainty: bootstrap intervals, recall by label, calibration."""

from __future__ import annotations

import numpy as np


def bootstrap(values: np.ndarray, statistic=np.mean, resamples: int = 2000) -> tuple[float, float, float]:
    """Statistic with its 95 % percentile interval over resampled rows of `values`; NaN without any."""
    if not len(values):
        return np.nan, np.nan, np.nan
    rng = np.random.default_rng(0)
    draws = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    return float(statistic(values)), *(float(q) for q in np.nanquantile(draws, [0.025, 0.975]))


def macro_recall(pairs: np.ndarray) -> float:
    """Unweighted mean of the recalls of the labels that occur (UAR). pairs [N, 2]: truth, prediction."""
    return float(np.mean([(pairs[pairs[:, 0] == k, 1] == k).mean() for k in np.unique(pairs[:, 0])]))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error with equal-width bins (Guo et al., ICML 2017)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[place == k].mean() - right[place == k].mean()) * (place == k).mean()
                     for k in np.unique(place)))
