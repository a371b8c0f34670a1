"""What the movements of a face alone are read as: p(label | action units), from the published tables and coded faces.

Every listing of `facs.tables.VARIANTS` is one way in which a label shows. It says for each action unit how likely it is there
(`data/reading.npz`, fitted by `data_engine/fit_reading.py`: the tables' own shares, moved by human-coded faces). A face is
compared with every listing, unit by unit: a listed unit that is there speaks for it, a listed one that is missing and an
unlisted one that is there speak against it, and a label is as likely as its listings together (a mixture of naive Bayes
models; the same arithmetic is Pearl's virtual evidence, Probabilistic Reasoning in Intelligent Systems, 1988, section 2.2.2).

Properties that hold by construction (tests/test_reading.py):
- A stronger movement never makes the listings that name it less likely together.
- What is not measured says nothing: with nothing measured every label has 1/8.
- Left and right count alike. A unit measured with confidence 0.5 counts half as much.
- A trace convinces nobody: while nothing is stronger than FACS level A, no label gets more than TRACE_MOST.
- Nobody is certain: every label keeps DOUBT / 8.

Letters: U = 24 action units, V = listings, N = faces.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from emollm.facs.tables import VARIANTS
from emollm.perception.events import peaks, stated_movements
from emollm.schema import AU_NAMES, LABELS, OFF, ON, AUSeries, InputError

WEIGHTS = Path(__file__).parents[1] / "data" / "reading.npz"
SLOPE = 3.0  # of how surely a unit is there around ON: A (1) 0.32, B (2) 0.90, C (3) 0.99
EXTREME = 0.3  # what a unit at level E counts for more than one that is just there
TRACE_MOST = 0.58  # confidence in any label while the strongest movement is a trace
SURE_FROM = 2.0  # level B: from here on the reading may be as sure as it likes
DOUBT = 0.02  # share of an even spread in every reading


def presence_certainty(strength: np.ndarray) -> np.ndarray:
    """How surely a unit of this strength (0-5) is there, 0-1; one half at ON."""
    return 1 / (1 + np.exp(-SLOPE * (strength - ON)))


def name_of(variant) -> str:
    """A listing's name in the weights: "anger: AU04+AU07+AU24; its source"."""
    return f"{variant.label}: {'+'.join(variant.aus)}; {variant.source}"


@functools.cache
def stored_shares() -> np.ndarray:
    """Probability of each unit [V, U] under every listing, in the order of VARIANTS.

    Raises InputError when the weights belong to other tables.
    """
    with np.load(WEIGHTS) as stored:
        names, shares = stored["names"].tolist(), stored["shares"].astype(np.float64)
    if names != [name_of(v) for v in VARIANTS]:
        raise InputError(f"{WEIGHTS.name} was fitted to other tables than these: run python -m data_engine.fit_reading")
    return shares


def log_likelihood(shares: np.ndarray, strength: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How well each listing explains each face. shares [V, U], strength and weight [N, U] -> [N, V]."""
    there = presence_certainty(strength)[:, None]
    strong = 1 + EXTREME * np.clip((strength - ON) / (5 - ON), 0, 1)
    return (np.log(there * shares + (1 - there) * (1 - shares)) * (strong * weight)[:, None]).sum(2)


def read(strength: np.ndarray, confidence: np.ndarray, measured: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
    """p(label | action units) [N, 8], in the order of LABELS.

    strength [N, U] 0-5, the stronger side; confidence [N, U] 0-1; measured [N, U] or [U] bool, False where the unit was
    not measured or not seen. shares [V, U]: other weights than the stored ones, to fit them.
    """
    shares = stored_shares() if shares is None else shares
    labels = np.array([LABELS.index(v.label) for v in VARIANTS])
    seen = np.broadcast_to(measured, np.shape(strength))
    strength = np.where(seen, strength, 0.0)
    fit = log_likelihood(shares, strength, seen * confidence)
    fit = np.stack([np.logaddexp.reduce(fit[:, labels == k], 1) - np.log((labels == k).sum()) for k in range(len(LABELS))], 1)
    p = np.exp(fit - np.logaddexp.reduce(fit, 1)[:, None])
    return _widen(p, strength.max(1))


def read_series(series: AUSeries) -> np.ndarray:
    """p(label | action units) [8] of one face at its strongest moments (perception.events.peaks)."""
    left, right, visible = peaks(series)
    return read(np.maximum(left, right)[None], series.confidence.max(0)[None], visible)[0]


def _widen(p: np.ndarray, strongest: np.ndarray) -> np.ndarray:
    """Readings [N, 8] made wider, their order kept: a little always, much where the strongest movement [N] is a trace."""
    most = np.interp(strongest, [OFF, 1.0, ON, SURE_FROM], [1.0, TRACE_MOST, TRACE_MOST, 1.0])
    top, even = p.max(1), 1 / len(LABELS)
    mixed = np.clip((top - most) / (top - even + 1e-12), DOUBT, 1)[:, None]
    return (1 - mixed) * p + mixed * even


def units_by_strength(series: AUSeries) -> dict[str, float]:
    """Movements that are there, with the strength that is stated of them (0-5), the strongest first."""
    return {AU_NAMES[k]: strength for k, _, strength in sorted(stated_movements(series), key=lambda m: -m[2])}
