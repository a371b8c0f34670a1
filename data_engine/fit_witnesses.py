"""Fit how measured movements move the look (emollm/training/witnesses.py), and store it.

    python -m data_engine.fit_witnesses --fer DIR --posed TABLE.csv [--model pocket]

The look is the model's own, after its observations, so this comes after `emollm ship`. DIR: every second PublicTest face of its
fer2013_train.npz, as for the label temperature, so that figures on the others stay clean. TABLE.csv: posed face crops, columns
`path`, `label` and `subject`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from emollm import progress
from emollm.answer.witnesses import WEIGHTS
from emollm.evaluation import fer2013
from emollm.evaluation.labels import read_table
from emollm.evaluation.quick import answers, crop_input
from emollm.evaluation.statistics import bootstrap, calibration_error, macro_recall
from emollm.model.checkpoint import load, shape_of
from emollm.schema import LABELS, InputError
from emollm.training import witnesses
from emollm.training.witnesses import Witnesses


def looks_and_readings(model, processor, shape, pictures, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Looks and readings [N, 8] of face crops."""
    faces = [crop_input(p, shape) for p in progress.track(pictures, "measuring", count)]
    replies = answers(model, processor, faces, grounded=True)
    return (np.array([[a.look[label] for label in LABELS] for a in replies]), np.array([f.movements.seen for _, f in faces]))


def faces_of(options: argparse.Namespace) -> tuple[Witnesses, np.ndarray, np.ndarray]:
    """What the witnesses say of all faces; FER+ votes [F, 8] and FER2013 label [F] of the first F of them.

    Raises InputError.
    """
    source, posed = fer2013.load(options.fer), read_table(options.posed)
    for row in posed:
        if not (row.path and row.subject):
            raise InputError(f"{row.place}: a posed face needs its 'path' and its 'subject', so that people can be left out.")
    (model, processor), shape = load(options.model), shape_of(options.model)
    rows = np.flatnonzero(source.public_test & source.keep)[::2]
    web = looks_and_readings(model, processor, shape, source.pictures(rows), len(rows))
    own = looks_and_readings(model, processor, shape, (row.path for row in posed), len(posed))
    label = np.array([LABELS.index(row.label) for row in posed])
    group = [*map(str, rows), *(f"subject {row.subject}" for row in posed)]
    target = np.concatenate([witnesses.target_of(source.votes[rows], source.fer[rows]), np.eye(len(LABELS))[label]])
    weight = np.repeat([1.0, witnesses.POSED_WEIGHT], [len(rows), len(posed)])
    seen = Witnesses(*(np.concatenate(pair) for pair in zip(web, own, strict=True)), target, weight, np.array(group))
    return seen, source.votes[rows], source.fer[rows]


def show(distributions: np.ndarray, posed: np.ndarray, votes: np.ndarray, label: np.ndarray) -> None:
    """Accuracy and macro recall of distributions [N, 8] of the web faces, then the posed ones (their labels)."""
    first, sure, majority = distributions.argmax(1), votes.max(1) > witnesses.SURE_VOTES, votes.argmax(1)
    web = first[:len(label)]
    of_each = (("FER2013", label, web), ("FER+ majority", majority[sure], web[sure]), ("posed", posed, first[len(label):]))
    for name, truth, own in of_each:
        pairs = np.stack([truth, own], 1)
        print(f"{name}: accuracy {spread(pairs, lambda p: float((p[:, 0] == p[:, 1]).mean()))}, "
              f"macro recall {spread(pairs, macro_recall)}, n {len(pairs):,}")
    error = calibration_error(distributions[:len(label)].max(1)[sure], (web == majority)[sure])
    print(f"calibration error (FER+ majority): {error:.3f}")


def spread(pairs: np.ndarray, statistic) -> str:
    value, low, high = bootstrap(pairs, statistic)
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_witnesses", description=__doc__.splitlines()[0])
    parser.add_argument("--fer", required=True, metavar="DIR")
    parser.add_argument("--posed", required=True, metavar="TABLE.csv")
    parser.add_argument("--model", default="pocket")
    try:
        seen, votes, label = faces_of(parser.parse_args(argv))
    except InputError as error:
        print(f"data_engine: {error}", file=sys.stderr)
        return 2
    posed = seen.target[len(label):].argmax(1)
    print("as stored before:")
    show(seen.label(None), posed, votes, label)
    print("faces, and subjects of the posed ones, left out:")
    show(witnesses.cross_validate(seen), posed, votes, label)
    rule = witnesses.fit(seen)
    np.savez_compressed(WEIGHTS, weights=rule.weights.astype(np.float32).round(4), sure=np.float32(rule.sure))
    print(f"{Path(WEIGHTS).name}: {rule.weights.size} weights, sure {rule.sure:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
