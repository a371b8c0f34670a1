"""Figures with their uncertainty: bootstrap intervals, recall by label, calibration."""

from __future__ import annotations

import numpy as np


def bootstrap(values: np.ndarray, statistic=np.mean, resamples: int = 2000,
              groups: np.ndarray | None = None) -> tuple[float, float, float]:
    """Statistic with its 95 % percentile interval over resampled rows of `values`; NaN without any.

    groups [N]: rows of one person or picture are no independent draws. With groups these are resampled, each with all of its
    rows (the cluster bootstrap: Field and Welsh, JRSS B 69(3), 2007); a single group has no interval.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    rng, members = np.random.default_rng(0), None if groups is None else _members(groups)
    if members is not None and len(members) < 2:
        return float(statistic(values)), np.nan, np.nan
    draws = [statistic(values[_draw(rng, len(values), members)]) for _ in range(resamples)]
    return float(statistic(values)), *(float(q) for q in np.nanquantile(draws, [0.025, 0.975]))


def _members(groups: np.ndarray) -> list[np.ndarray]:
    """Positions of the rows of every group."""
    _, which = np.unique(groups, return_inverse=True)
    order = np.argsort(which, kind="stable")
    return np.split(order, np.cumsum(np.bincount(which))[:-1])


def _draw(rng: np.random.Generator, n: int, members: list[np.ndarray] | None) -> np.ndarray:
    if members is None:
        return rng.integers(0, n, n)
    return np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])


def macro_recall(pairs: np.ndarray) -> float:
    """Unweighted mean of the recalls of the labels that occur (UAR). pairs [N, 2]: truth, prediction."""
    return float(np.mean([(pairs[pairs[:, 0] == k, 1] == k).mean() for k in np.unique(pairs[:, 0])]))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error with equal-width bins (Guo et al., ICML 2017)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[place == k].mean() - right[place == k].mean()) * (place == k).mean()
                     for k in np.unique(place)))
