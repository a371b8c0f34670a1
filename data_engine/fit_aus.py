"""Fit the action-unit estimator of emollm/perception/measure.py and write its accuracy on other people.

    python -m data_engine.fit_aus --data DIR --cache runs/aus

--data: the folder of data_engine/README.md with the coded crops as well: ckplus48_facs_fit*.npz (png, offset, au,
au_present, apex_frame, subject, sequence), yale_five/, samples/. --cache: perception of all pictures, made at the first
run (ten minutes), read afterwards (a minute). Writes emollm/data/au_estimator.npz, emollm/data/au_looks.npz and
docs/au_estimator.md, where the method is described.
D = half-face coordinates, F = features of a half (measure.features), K = components.
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_engine import au_check, au_page, au_sets
from data_engine.au_sets import REFERENCE, Faces, Seen
from data_engine.mean_face import mean_face
from emollm.perception import appearance, measure
from emollm.perception.mesh import lip_gap
from emollm.schema import AUS, LABELS, au_index

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = 60  # of the geometry of one part of the face
PATCH_SCALE = 0.7  # of a patch's component, where one of geometry is 1
FOLDS, SEED = 10, 0
STIFF, SOFT = 30.0, 3.0  # penalty of geometry that a reference knows already, and of everything else
NEUTRALS, NEUTRAL_WEIGHT = 1200, 30.0  # wild faces at rest that count as faces without the AU, and what they weigh together
WEAK, UNSHOWN_WEIGHT = 500, 15.0  # the same of the faces of each of the labels below
SHOWN = {1: {"surprise": 30.0}, 2: {"surprise": 30.0}, 4: {"anger": 40.0}, 12: {"happiness": 15.0}}  # labels that usually
# come with the AU, and what their faces weigh together ...
UNSHOWN = {1: ("happiness",), 2: ("happiness",), 4: ("happiness", "surprise"), 9: ("surprise",), 12: ("surprise", "anger"),
           15: ("happiness", "surprise"), 17: ("happiness", "surprise"), 23: ("happiness",), 24: ("happiness", "surprise")}
# ... and without it
NEUTRAL_RATE = (dict.fromkeys(AUS, 0.04) | {1: 0.065, 4: 0.065, 5: 0.05, 7: 0.055, 14: 0.03, 15: 0.03}
                | dict.fromkeys((6, 9, 12, 18, 20, 26, 27), 0.02) | {28: 0.015})  # of resting faces that may be on
BAND_SHARE = 0.08  # share of wild faces between OFF and ON
REFERENCE_ONLY = (18, 26, 28)  # too few codes, or (26) codes that mean "26 and not 27"


@dataclass(frozen=True)
class Part:
    """A part of the face and the AUs that are read from it alone, so that a mouth never speaks for a brow.

    Height in the mean face, in eye distances below the centre of the stable points.
    """

    numbers: tuple[int, ...]
    top: float
    bottom: float
    places: tuple[str, ...]  # of appearance.PLACES
    lips: bool  # whether the lip gap speaks


PARTS = (
    Part((1, 2, 4, 5, 7), -np.inf, 0.12,
         ("forehead", "outer forehead", "glabella", "inner brow", "outer brow", "nose root", "eye", "crow's feet"), False),
    Part((6, 9), -np.inf, np.inf, ("glabella", "nose root", "eye", "crow's feet", "lid-cheek line", "nose side",
                                   "nose wing", "cheek", "philtrum"), False),
    Part((12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28), 0.2, np.inf,
         ("nose wing", "cheek", "mouth corner", "philtrum", "lips", "lower lip", "chin", "below the corner"), True),
)


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


# Features


def principal(x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] of rows x [N, D] and `count` components [D, count], scaled to unit variance."""
    mean = x.mean(0)
    variance, axes = np.linalg.eigh(np.cov((x - mean).T))
    return mean, axes[:, ::-1][:, :count] / np.sqrt(variance[::-1][:count])


def fit_patches(path: Path, patches: np.ndarray) -> None:
    """Write the components of the patches [N, 2, P, 72] of wild faces, for appearance.project."""
    both = patches.mean(1, dtype=np.float32)
    parts = [principal(both[:, k].astype(float), appearance.COMPONENTS) for k in range(both.shape[1])]
    np.savez_compressed(path, mean=np.float32([m for m, _ in parts]), project=np.float32([p * PATCH_SCALE for _, p in parts]))
    appearance.basis.cache_clear()


def features_of(seen: Seen, with_looks: bool) -> np.ndarray:
    """measure.features of faces [N, 2, F]."""
    est = measure.estimator()
    faces, _ = measure.remove_pose(seen.landmarks, est.mean)
    halves = measure.halves(faces, est.mean, est.mirror, est.half)
    return measure.features(halves, lip_gap(seen.landmarks), seen.looks if with_looks else None)


def space_of(part: Part, features: Features, train: np.ndarray, neutral: np.ndarray) -> Space:
    """Components of the part's geometry beside the appearance of its places and the steps of the lip gap."""
    height, wide = np.repeat(measure.estimator().mean[measure.estimator().half, 1], 3), features.wild.shape[2]
    inside = np.flatnonzero((height > part.top) & (height < part.bottom))
    steps = np.arange(len(height), len(height) + len(measure.GAP_STEPS))
    looks = np.arange(steps[-1] + 1, wide).reshape(-1, appearance.COMPONENTS) if wide > steps[-1] + 1 else None
    kept = [] if looks is None else looks[[appearance.NAMES.index(p) for p in part.places]].ravel()
    kept = np.concatenate([kept, steps if part.lips else []]).astype(int)
    both = features.wild.mean(1)
    centre, axes = principal(both[train][:, inside], COMPONENTS)
    project = np.zeros((wide, COMPONENTS + len(kept)))
    project[inside[:, None], np.arange(COMPONENTS)] = axes
    project[kept, COMPONENTS + np.arange(len(kept))] = 1
    whole = np.zeros(wide)
    whole[inside] = centre
    rest = features.wild[neutral] @ project
    uneven = np.cov((rest[:, 0] - rest[:, 1]).T / 2)
    change = (features.shaken - features.still) @ project
    return Space(whole, project, np.cov(rest.mean(1).T) + uneven + change.T @ change / len(change), uneven,
                 np.arange(project.shape[1]) < COMPONENTS)


# One action unit


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

    def __init__(self, number: int, space: Space, features: Features, coded: Faces, wild: Faces):
        k, self.train = au_index(number), ~wild.test
        self.y, self.coded, self.own, self.rate = coded.present[:, k], coded, number not in REFERENCE_ONLY, NEUTRAL_RATE[number]
        self.zc, self.zw = ((x.mean(1) - space.centre) @ space.project for x in (features.coded, features.wild))
        self.prior, self.agreement = self._reference(wild.present[:, k], space) if number in REFERENCE else (None, np.nan)
        rows = self._weak_rows(wild, number)
        direction, self.scores = self._direction(space, *rows) if self.own else (np.append(0, self.prior), None)
        self.wild = self.zw @ direction[1:] + direction[0]
        self.weights = space.project @ direction[1:]
        self.bias = direction[0] - space.centre @ self.weights
        self.uneven = float(np.sqrt(direction[1:] @ space.uneven @ direction[1:]))
        neutral = np.flatnonzero(self.train & (wild.group == LABELS.index("neutral")))
        self.rest = self.wild[neutral[NEUTRALS:]]  # those that no fit has seen
        self.shown = self.wild[rows[0][rows[1] > 0]]
        self.knots = self._knots(self.wild[self.train])
        skill = 2 * au_page.auc(self.scores[coded.test], self.y[coded.test]) - 1 if self.own else self.agreement**2
        self.accuracy = float(np.clip(skill, 0, 1))

    def _weak_rows(self, wild: Faces, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Wild faces whose agreed label speaks for or against the AU: rows, 0 or 1, and weights."""
        rows, y, share = [], [], []
        groups = [("neutral", 0, NEUTRALS, NEUTRAL_WEIGHT),
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
        good = np.array([au_page.f1(self.scores[used] >= c, self.y[used]) for c in cuts])
        if len(self.shown):
            both = np.concatenate([self.shown, self.rest])
            truth = np.arange(len(both)) < len(self.shown)
            good = (good + [au_page.f1(both >= c, truth) for c in cuts]) / 2
        about = cuts[good >= good.max() - au_page.PLATEAU]
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

    def on_without(self) -> np.ndarray:
        """Whether each coded frame is on, by a fit and a threshold that know nothing of its fold's people."""
        folds, on = fold_of(self.coded.group), np.zeros(len(self.scores), bool)
        for f in range(FOLDS):
            on[folds == f] = self.scores[folds == f] >= self.threshold(folds != f)
        return on


def fold_of(people: np.ndarray) -> np.ndarray:
    order = np.random.default_rng(SEED).permutation(np.unique(people))
    fold = {person: k % FOLDS for k, person in enumerate(order)}
    return np.array([fold[p] for p in people])


# All of them


def fit(coded: Faces, wild: Faces, shaken: tuple[np.ndarray, Seen], with_looks: bool) -> tuple[dict, dict[int, Fit]]:
    """Arrays of a measure.Reading, and every AU's fit."""
    features = Features(features_of(coded.seen, with_looks), features_of(wild.seen, with_looks),
                        *pairs(wild, shaken, with_looks))
    train = ~wild.test
    neutral, fits = train & (wild.group == LABELS.index("neutral")), {}
    for part in PARTS:
        space = space_of(part, features, train, neutral)
        for number in part.numbers:
            fits[number] = Fit(number, space, features, coded, wild)
    out = {"weights": np.zeros((24, features.wild.shape[2])), "bias": np.zeros(24), "accuracy": np.zeros(24),
           "knots": np.tile(np.arange(5.0), (24, 1)), "uneven": np.zeros(24)}
    for number, one in fits.items():
        for name, values in out.items():
            values[au_index(number)] = getattr(one, name)
    out["accuracy"][[au_index(43), au_index(45)]] = lid_agreement(wild)
    return out, fits


def lid_agreement(wild: Faces) -> float:
    """Share of the variance of an independent model's eye closure that the opening of the lids meets."""
    known = measure.lids(wild.seen.landmarks).mean(1)
    return float(np.corrcoef(known, wild.present[:, au_index(43)])[0, 1] ** 2)


def pairs(wild: Faces, shaken: tuple[np.ndarray, Seen], with_looks: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean features of the sides of shaken faces: as they are and changed, [S, F] each."""
    rows, changed = shaken
    rows = np.repeat(rows, len(au_sets.CHANGES))
    at = {number: k for k, number in enumerate(wild.number[~wild.test].tolist())}
    use = changed.found & np.array([r in at for r in rows])
    before = wild[~wild.test].seen[[at[r] for r in rows[use]]]
    return features_of(before, with_looks).mean(1), features_of(changed[use], with_looks).mean(1)


def start(data: Path, cache: Path) -> None:
    """Write an estimator that knows the mean face alone: the sets are laid onto it."""
    seen = au_sets.wild_seen(data, cache)
    mean, mirror = mean_face(seen.landmarks[seen.found][::20])
    own = np.arange(478) == mirror
    half = np.concatenate([np.flatnonzero(own), np.flatnonzero((mean[:, 0] < 0) & ~own)])
    nothing = {f.name: np.zeros(24) for f in dataclasses.fields(measure.Reading)}
    write(measure.FILE, dict.fromkeys(("alone", "looked"), nothing), mean=mean, mirror=mirror, half=half,
          measured=np.zeros(24, bool))


def write(path: Path, readings: dict[str, dict], **face: np.ndarray) -> None:
    """The estimator's file, small: mean, mirror, half and measured of measure.Estimator, and its readings."""
    arrays = face | {f"{kind}_{name}": values for kind, reading in readings.items() for name, values in reading.items()}
    small = {k: v.astype(np.float32) if v.dtype == float else v.astype(np.int16) if v.dtype == int else v
             for k, v in arrays.items()}
    np.savez_compressed(path, version=np.array(measure.ESTIMATOR_VERSION), **small)
    measure.estimator.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/aus"))
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "au_estimator.md")
    args = parser.parse_args()

    start(args.data, args.cache)
    coded, wild = au_sets.coded(args.data, args.cache), au_sets.wild(args.data, args.cache)
    shaken = au_sets.shaken_wild(args.data, args.cache)
    fit_patches(appearance.FILE, wild[~wild.test].seen.patches)
    readings, fits = {}, {}
    for kind, with_looks in (("alone", False), ("looked", True)):
        readings[kind], fits[kind] = fit(coded, wild, shaken, with_looks)
    measured = np.isin(AUS, [*fits["looked"], 43, 45])
    est = measure.estimator()
    write(measure.FILE, readings, mean=est.mean, mirror=est.mirror, half=est.half, measured=measured)
    text = au_page.page(coded, fits, au_check.figures(args.data, args.cache, wild))
    args.page.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
