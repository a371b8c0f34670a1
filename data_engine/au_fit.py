"""The fit of one action unit: its direction in the features of a half-face, its scores of people left out, its knots.

N = faces, F = features of a half (measure.features), K = components.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_engine.au_scores import PLATEAU, auc, f1
from data_engine.au_sets import REFERENCE, FaceSet
from emollm.schema import AUS, LABELS, au_index

FOLDS, SEED = 10, 0
STIFF, SOFT = 30.0, 3.0  # penalty of geometry that a reference knows already, and of everything else
NEUTRALS = 1200  # wild faces at rest that count as faces without the AU
WEAK, UNSHOWN_WEIGHT = 500, 15.0  # the same of the faces of each of the labels below, and what these weigh together
SHOWN = {1: {"surprise": 40.0}, 2: {"surprise": 40.0}, 4: {"anger": 50.0}, 12: {"happiness": 20.0}}  # labels that usually
# come with the AU, and what their faces weigh together ...
UNSHOWN = {1: ("happiness",), 2: ("happiness",), 4: ("happiness", "surprise"), 9: ("surprise",), 12: ("surprise", "anger"),
           15: ("happiness", "surprise"), 17: ("happiness", "surprise"), 23: ("happiness",), 24: ("happiness", "surprise")}
# ... and without it
NEUTRAL_RATE = (dict.fromkeys(AUS, 0.04) | {1: 0.065, 4: 0.065, 5: 0.05, 7: 0.055, 14: 0.03, 15: 0.03}
                | dict.fromkeys((6, 9, 12, 18, 20, 26, 27), 0.02) | {28: 0.015})  # of resting faces that may be on
BAND_SHARE = 0.08  # share of wild faces between OFF and ON
REFERENCE_ONLY = (18, 26, 28)  # too few codes, or (26) codes that mean "26 and not 27"


@dataclass
class Features:
    """Features of halves of both sets and of the shaken faces, before and after."""

    coded: np.ndarray  # [N, 2, F]
    wild: np.ndarray  # [N, 2, F]
    still: np.ndarray  # [S, F] mean of the sides
    shaken: np.ndarray  # [S, F]


@dataclass
class Space:
    """The features of one part on a common scale, and which of their directions must not look like a movement."""

    centre: np.ndarray  # [F]
    project: np.ndarray  # [F, K]
    within: np.ndarray  # [K, K] covariance between resting faces, between their halves, and under light, blur and size
    uneven: np.ndarray  # [K, K] covariance of half the difference between the halves of resting faces
    geometry: np.ndarray  # [K] bool, the others are appearance and lip gap


def logistic(x: np.ndarray, y: np.ndarray, share: np.ndarray, penalty: np.ndarray, start: np.ndarray | None = None):
    """Penalised logistic regression by Newton steps; share [N] weighs rows, penalty [P, P] is the weights' prior precision."""
    weights = np.zeros(x.shape[1]) if start is None else start.copy()
    for _ in range(15):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ ((p - y) * share) + penalty @ weights
        hessian = (x * (p * (1 - p) * share)[:, None]).T @ x + penalty
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-3:
            break
    return weights


class Fit:
    """One AU: its direction in the features of a half, its scores of coded faces by fits without them, its knots."""

    def __init__(self, number: int, space: Space, features: Features, coded: FaceSet, wild: FaceSet, at_rest: float):
        k, self.train = au_index(number), ~wild.test
        self.y, self.coded, self.own, self.rate = coded.present[:, k], coded, number not in REFERENCE_ONLY, NEUTRAL_RATE[number]
        self.zc, self.zw = ((x.mean(1) - space.centre) @ space.project for x in (features.coded, features.wild))
        self.prior, self.agreement = self._reference(wild.present[:, k], space) if number in REFERENCE else (None, np.nan)
        rows = self._weak_rows(wild, number, at_rest)
        direction, self.scores = self._direction(space, *rows) if self.own else (np.append(0, self.prior), None)
        self.wild = self.zw @ direction[1:] + direction[0]
        self.weights = space.project @ direction[1:]
        self.bias = direction[0] - space.centre @ self.weights
        self.uneven = float(np.sqrt(direction[1:] @ space.uneven @ direction[1:]))
        neutral = np.flatnonzero(self.train & (wild.group == LABELS.index("neutral")))
        self.rest = self.wild[neutral[NEUTRALS:]]  # those that no fit has seen
        self.shown = self.wild[rows[0][rows[1] > 0]]
        self.knots = self._knots(self.wild[self.train])
        skill = 2 * auc(self.scores[coded.test], self.y[coded.test]) - 1 if self.own else self.agreement**2
        self.accuracy = float(np.clip(skill, 0, 1))

    def _weak_rows(self, wild: FaceSet, number: int, at_rest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Wild faces whose agreed label speaks for or against the AU: rows, 0 or 1, and weights.

        at_rest: what the resting faces weigh together.
        """
        rows, y, share = [], [], []
        groups = [("neutral", 0, NEUTRALS, at_rest),
                  *((label, 1, WEAK, weight) for label, weight in SHOWN.get(number, {}).items()),
                  *((label, 0, WEAK, UNSHOWN_WEIGHT) for label in UNSHOWN.get(number, ()))]
        for label, present, count, weight in groups:
            chosen = np.flatnonzero(self.train & (wild.group == LABELS.index(label)))[:count]
            rows.append(chosen)
            y.append(np.full(len(chosen), float(present)))
            share.append(np.full(len(chosen), weight / len(chosen)))
        return np.concatenate(rows), np.concatenate(y), np.concatenate(share)

    def _reference(self, target: np.ndarray, space: Space) -> tuple[np.ndarray, float]:
        """Ridge direction [K] that predicts the blendshape, and its correlation on wild faces that were not fitted."""
        train = self.train
        target = (target - target[train].mean()) / target[train].std()
        z = self.zw[train]
        # Without the noise of the halves, those of a slightly turned face get opposite errors (correlation with yaw .84).
        a = z.T @ z + len(z) * space.uneven + 50 * np.eye(z.shape[1])
        direction = np.linalg.solve(a, z.T @ target[train])
        return direction, float(np.corrcoef(self.zw[~train] @ direction, target[~train])[0, 1])

    def _direction(self, space: Space, rows: np.ndarray, weak: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bias and direction [1 + K], and scores [N] of every coded frame from a fit without its subject."""
        free = [] if self.prior is None else [self.prior / (self.zw @ self.prior).std()]
        project = np.column_stack([*free, np.eye(self.zc.shape[1])])
        first = 1 + len(free)
        penalty = np.zeros((first + self.zc.shape[1],) * 2)
        penalty[range(first), range(first)] = (1e-3, 0.05)[:first]
        price = np.sqrt(np.where(space.geometry, STIFF if free else SOFT, SOFT))
        penalty[first:, first:] = price[:, None] * (np.eye(len(price)) + space.within) * price
        x = np.column_stack([np.ones(len(self.zc) + len(rows)), np.concatenate([self.zc, self.zw[rows]]) @ project])
        y = np.concatenate([self.y, weak])
        # One third each: the three frames of a sequence are nearly the same picture.
        share = np.concatenate([np.full(len(self.zc), 1 / 3), weight])
        weights, scores = logistic(x, y, share, penalty), np.empty(len(self.zc))
        folds = fold_of(self.coded.group)
        for f in range(FOLDS):
            used = np.concatenate([folds != f, np.ones(len(rows), bool)])
            scores[folds == f] = x[:len(self.zc)][folds == f] @ logistic(x[used], y[used], share[used], penalty, weights)
        return np.append(weights[0], project @ weights[1:]), scores

    def threshold(self, people: np.ndarray) -> float:
        """Where the AU is on: the middle of the thresholds that are about the best in F1 on coded frames of `people` (mask);
        where a label speaks for the AU, the lowest of those that are about the best there and on wild faces together. No
        more than the AU's NEUTRAL_RATE of resting faces may be on."""
        allowed = np.quantile(self.rest, 1 - self.rate)
        if not self.own:
            return allowed
        used = self.coded.test & people
        cuts = np.unique(self.scores[used])
        good = np.array([f1(self.scores[used] >= c, self.y[used]) for c in cuts])
        if len(self.shown):
            both = np.concatenate([self.shown, self.rest])
            truth = np.arange(len(both)) < len(self.shown)
            good = (good + [f1(both >= c, truth) for c in cuts]) / 2
        about = cuts[good >= good.max() - PLATEAU]
        return max(allowed, about[0] if len(self.shown) else np.median(about))

    def _knots(self, wild: np.ndarray) -> np.ndarray:
        """Scores that stand for 0, OFF, ON, 3 and 5 (measure.LEVELS).

        OFF: BAND_SHARE of the wild faces between it and ON. 0: the median neutral face. 3: the median posed apex, or wild face
        that is on. 5: one wild face in 200.
        """
        on = self.threshold(np.ones(len(self.coded.test), bool))
        off = np.quantile(wild, max((wild < on).mean() - BAND_SHARE, 0.01))
        rest, extreme = np.median(self.rest), np.quantile(wild, 0.995)
        marked = np.median(wild[wild > on]) if (wild > on).any() else on
        if self.own:
            marked = max(marked, np.median(self.scores[self.coded.test & (self.y > 0)]))
        knots = np.array([min(rest, off), off, on, min(marked, extreme), extreme])
        for k in range(1, 5):  # np.interp needs rising knots
            knots[k] = max(knots[k], knots[k - 1] + 0.02 * wild.std())
        return knots

    def predict_held_out(self) -> np.ndarray:
        """Whether each coded frame is on, by a fit and a threshold that know nothing of its fold's people."""
        folds, on = fold_of(self.coded.group), np.zeros(len(self.scores), bool)
        for f in range(FOLDS):
            on[folds == f] = self.scores[folds == f] >= self.threshold(folds != f)
        return on


def fold_of(people: np.ndarray) -> np.ndarray:
    """Fold [N] of each row, so that all rows of a person are in one. people: [N] any names."""
    order = np.random.default_rng(SEED).permutation(np.unique(people))
    fold = {person: k % FOLDS for k, person in enumerate(order)}
    return np.array([fold[p] for p in people])
