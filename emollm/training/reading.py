"""Fit what every published listing of a label says about every action unit, for `emollm.answer.reading`.

The tables come first: a listed unit is there with its published share (LISTED where the source gives none), an unlisted one
with a base rate that depends on how the tables relate it to the label. Human-coded frames then move these shares: each
frame is divided among the listings of its label by how well they explain it, and every listing's share becomes the mean of
the table, counted TABLE_WEIGHT times, and the frames that fell to it (expectation maximisation with a beta prior).
`cross_validate` gives the figure to trust: subjects left out. `python -m data_engine.fit_reading` runs it.

FILE: npz with au [A] numbers, au_present [N, A], apex_frame [N], emotion [N], subject [N] (data_engine/README.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emollm.answer import reading
from emollm.facs.readings import relation
from emollm.facs.spellings import label_of
from emollm.facs.tables import OVER_70, VARIANTS, Variant
from emollm.schema import AU_NAMES, AUS, LABELS

LISTED = 0.85  # of a listed unit whose source gives no share: coders leave one out now and then
OVER_70_SHARE = 0.8
TABLE_WEIGHT = 10.0  # coded frames that the tables are worth
STEPS = 5
CODED = 3.0  # level that a code of presence alone is taken for
# How often units are there without being listed: mouths open, lids narrow and blink for many reasons.
BASE = {"AU25": 0.25, "AU26": 0.12, "AU27": 0.06, "AU06": 0.12, "AU07": 0.15, "AU17": 0.12, "AU45": 0.3, "AU43": 0.1,
        "AU04": 0.12, "AU12": 0.08, "AU11": 0.02}
RARE, ELSEWHERE, OPPOSED, AT_REST = 0.05, 0.15, 0.03, 0.08


def from_tables() -> np.ndarray:
    """Shares [V, U] by the tables alone."""
    return np.array([[_share(v, au) for au in AU_NAMES] for v in VARIANTS])


def _share(variant: Variant, au: str) -> float:
    if au in variant.aus:
        share = variant.aus[au]
        return LISTED if share is None else OVER_70_SHARE if share == OVER_70 else share
    base = BASE.get(au, RARE)
    if variant.label == "neutral":
        return min(base, AT_REST)
    return {"for": max(base, ELSEWHERE), "neutral": base, "against": min(base, OPPOSED)}[relation(variant.label, au)]


def fit(present: np.ndarray, measured: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Shares [V, U]. present [N, U] 0/1, measured [U] bool, label [N] indices."""
    owner = np.array([LABELS.index(v.label) for v in VARIANTS])
    table = shares = from_tables()
    strength = CODED * present
    for _ in range(STEPS):
        likely = reading.log_likelihood(shares, strength, np.broadcast_to(measured, present.shape))
        likely = np.where(label[:, None] == owner, likely, -np.inf)
        part = np.exp(likely - np.logaddexp.reduce(likely, 1)[:, None])  # [N, V]
        moved = (TABLE_WEIGHT * table + part.T @ present) / (TABLE_WEIGHT + part.sum(0)[:, None])
        shares = np.where(measured, moved, table)
    return shares


def coded_frames(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """present [N, U], measured [U], label [N] and subject [N] of the human-coded frames that carry an emotion."""
    with np.load(path) as stored:
        apex = stored["apex_frame"].astype(bool)
        numbers, levels = stored["au"].tolist(), stored["au_present"][apex].astype(float)
        emotion, subject = stored["emotion"][apex], stored["subject"][apex]
    present = np.zeros((len(levels), len(AUS)))
    for column, number in enumerate(numbers):
        if number in AUS:
            present[:, AUS.index(number)] = levels[:, column]
    emotion = np.array([label_of(e) or "" for e in emotion])
    kept = np.isin(emotion, LABELS)
    label = np.array([LABELS.index(e) for e in emotion[kept]])
    return present[kept], np.array([n in numbers for n in AUS]), label, subject[kept]


def cross_validate(present: np.ndarray, measured: np.ndarray, label: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Readings [N, 8] of frames by shares that were fitted without their subject."""
    read = np.zeros((len(label), len(LABELS)))
    for who in np.unique(subject):
        out = subject == who
        shares = fit(present[~out], measured, label[~out])
        read[out] = reading.read(CODED * present[out], np.ones(present[out].shape), measured, shares)
    return read
