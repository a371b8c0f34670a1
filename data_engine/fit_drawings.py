"""Fit what tells a drawn, painted or sculpted face from a photographed one, and store it (emollm/data/drawings.npz).

    python -m data_engine.fit_drawings --fer DIR --faces runs/faces.npz

FER2013 holds some pictures of cartoons, paintings, engravings, masks, dolls and statues. Those in DRAWN were found by eye:
among the pictures that a rater of FER+ called no face, and among those that earlier fits took for one. The others count as
photographs, though more of the kind are surely left among them. Logistic regression of drawing.statistics; the threshold comes
from photographs that a fit has not seen, the check from PublicTest.
"""

from __future__ import annotations

import argparse

import numpy as np

from emollm.evaluation import fer2013
from emollm.perception import align, appearance
from emollm.perception.drawing import FILE, statistics
from emollm.training.faces import ObservedFaces

# Rows of the table of data_engine/README.md.
DRAWN = (
    709, 1105, 1197, 1236, 1776, 2178, 2490, 2620, 3252, 3356, 3462, 3501, 3619, 3648, 4249, 4717, 5014, 5416, 5418,
    5499, 5600, 6227, 6256, 6501, 6513, 7449, 7955, 8745, 8755, 8933, 9073, 9166, 9576, 9719, 9822, 10270, 10565,
    10789, 10812, 10866, 10975, 11281, 11462, 11687, 12119, 12140, 12193, 12253, 12388, 12398, 12511, 12515, 12878,
    12918, 12930, 13283, 13803, 14110, 14264, 14309, 14346, 14488, 14591, 15023, 15111, 15134, 15391, 15671, 15686,
    15741, 16197, 16253, 16337, 16473, 16809, 16869, 17163, 17279, 17519, 17572, 17773, 17963, 18050, 18277, 18330,
    18541, 18546, 18779, 18794, 18795, 18841, 18875, 18922, 19064, 19124, 19496, 19915, 20194, 20214, 20336, 20545,
    20958, 21029, 21171, 21428, 21646, 21888, 22091, 22144, 22151, 22160, 22541, 22998, 23047, 23064, 23527, 24194,
    25026, 25297, 25596, 25820, 26068, 26368, 27008, 27250, 27338, 28003, 28131, 28171, 28527, 28558, 28585, 28827,
    28828, 28830, 28889, 29166, 29249, 29732, 29748, 29879, 30085, 30335, 30483, 30572, 31072, 31512, 31619, 31624,
    31690, 31770, 31811,
)  # fmt: skip
FALSE_ALARMS = 0.002  # share of photographs called drawn, exposed as they are or differently
WEIGHT, PENALTY, FOLDS = 8.0, 30.0, 8  # of a drawn face, of standardised weights, of the photographs that set the threshold


def chip(source, row: int, points: np.ndarray) -> np.ndarray:
    """The aligned grey chip [S, S] of a picture of FER2013, landmarks [478, 3] px."""
    picture = np.asarray(next(source.pictures(range(row, row + 1))).convert("RGB"))
    return appearance.to_grey(align.cut_chip(picture, points.astype(float), appearance.SIZE)[0])


def misexpose(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A chip as a camera makes it that is set wrong: too bright, too dark, too hard."""
    about, gain = rng.choice((0.0, 128.0)), np.exp(rng.uniform(np.log(0.4), np.log(2.0)))
    return ((grey.astype(np.float32) - about) * gain + about).clip(0, 255).astype(np.uint8)


def statistics_both_ways(source, rows: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Statistics [2, N, 29] of faces as they are, and exposed differently."""
    rng = np.random.default_rng(0)
    chips = [chip(source, row, landmarks[row]) for row in rows]
    return np.stack([[statistics(one) for one in chips], [statistics(misexpose(one, rng)) for one in chips]])


def logistic(x: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Bias and weights [1 + K] of penalised logistic regression on statistics x [N, K]."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    weight, penalty, b = np.where(drawn, WEIGHT, 1.0), np.eye(z.shape[1]) * PENALTY, np.zeros(z.shape[1])
    penalty[0, 0] = 1e-3
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ b))
        curvature = (z * (weight * p * (1 - p) + 1e-9)[:, None]).T @ z + penalty
        b -= np.linalg.solve(curvature, z.T @ (weight * (p - drawn)) + penalty @ b)
    return np.append(b[0] - (b[1:] * mean / spread).sum(), b[1:] / spread)


def held_out_scores(x: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Scores [2, N] of statistics [2, N, K] by fits that have not seen the face."""
    fold, out = np.random.default_rng(0).integers(0, FOLDS, len(drawn)), np.empty(x.shape[:2])
    for k in range(FOLDS):
        weights = logistic(np.concatenate(x[:, fold != k]), np.tile(drawn[fold != k], 2))
        out[:, fold == k] = weights[0] + x[:, fold == k] @ weights[1:]
    return out


def tell(name: str, called: np.ndarray, drawn: np.ndarray, rows: np.ndarray) -> None:
    """Print what was called drawn, [2, N] bool."""
    for exposure, flags in zip(("as they are", "exposed differently"), called, strict=True):
        print(f"{name}, {exposure}: {flags[drawn].sum()} of {drawn.sum()} drawn faces, {flags[~drawn].sum()} of "
              f"{(~drawn).sum()} others: {rows[flags & ~drawn].tolist()}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_drawings", description=__doc__)
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    parser.add_argument("--faces", default="runs/faces.npz", help="cache of python -m data_engine observe")
    parser.add_argument("--count", type=int, default=12000, help="photographs to learn from")
    arguments = parser.parse_args(argv)
    source, observed = fer2013.load(arguments.fer), ObservedFaces.read(arguments.faces)
    landmarks, public = observed.landmarks, observed.public_test
    drawn = np.isin(np.arange(len(public)), DRAWN) & observed.found
    photos = np.flatnonzero(observed.found & source.keep & ~drawn & ~public)
    photos = np.random.default_rng(0).permutation(photos)[: arguments.count]
    learn, check = (np.concatenate([np.flatnonzero(drawn & where), others]) for where, others in (
        (~public, photos), (public, np.flatnonzero(observed.found & source.keep & ~drawn & public))))
    x, held = (statistics_both_ways(source, rows, landmarks) for rows in (learn, check))
    scores = held_out_scores(x, drawn[learn])
    threshold = np.quantile(scores[:, ~drawn[learn]], 1 - FALSE_ALARMS, axis=1).max()
    weights = logistic(np.concatenate(x), np.tile(drawn[learn], 2))
    weights[0] -= threshold
    tell("left out of the fit", scores > threshold, drawn[learn], learn)
    tell("PublicTest", weights[0] + held @ weights[1:] > 0, drawn[check], check)
    np.savez_compressed(FILE, weights=weights)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
