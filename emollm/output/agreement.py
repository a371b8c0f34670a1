"""`emollm agree`: how far two codings of the same faces agree, action unit by action unit.

A coding is a table of units over time (any that `evidence` reads, a coder's codes included) or a file of movements (BORIS,
ELAN, Praat, BIDS). B is the reference. A unit is on from schema.ON; the stronger side counts. Where a table measures AU26 and
no AU27, or one of AU43 and AU45, the whole movement is compared (evidence.whole_movements). What is compared:

f1     2 TP / (2 TP + FP + FN) of on and off (Dice, Ecology 26(3), 1945; van Rijsbergen, Information Retrieval, 1979)
auc    chance that A is higher where B is on than where it is off, ties half (Hanley & McNeil, Radiology 143(1), 1982); A in
       steps of LEVEL_STEP
kappa  (p_o - p_e) / (1 - p_e) of on and off (Cohen, Educational and Psychological Measurement 20(1), 1960)
icc    ICC(3,1), consistency of single ratings (Shrout & Fleiss, Psychological Bulletin 86(2), 1979): (BMS - EMS) / (BMS + EMS)
       for two coders, which is 2 cov(a, b) / (var(a) + var(b))
r      Pearson's correlation of the intensities

Intervals are 95 % percentiles of a bootstrap over blocks of BLOCK_SECONDS, because neighbouring frames are not independent
(Carlstein, Annals of Statistics 14(3), 1986; Efron & Tibshirani, 1993). Every measure is a function of sums over blocks, so a
resample is a weighting of the blocks. T = moments, B = blocks, R = resamples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emollm import evidence
from emollm.evidence import whole_movements
from emollm.evidence.files import check_file, text_of
from emollm.output import bids, boris, eaf, textgrid
from emollm.schema import AU_NAMES, ON, AUEvent, AUSeries, InputError, au_index

MEASURES = ("f1", "auc", "kappa", "icc", "r")
BLOCK_SECONDS = 1.0
RESAMPLES, SEED = 1000, 0
LEVEL_STEP = 0.01  # resolution of intensities in auc
GRID_SECONDS = 0.04  # between two files of movements, which have no frames of their own
FLAT = 1e-9  # sum of squares that is rounding and no variation
NEAR = 0.75  # frames that moments of two tables may lie apart

Coding = dict[int, AUSeries | list[AUEvent]]  # by face_id
Moments = tuple[np.ndarray, np.ndarray, np.ndarray]  # times [T], levels of A [T, 24], levels of B [T, 24]; NaN = not coded


@dataclass(frozen=True)
class Estimate:
    value: float  # NaN: cannot be had, such as the auc of a unit that is never on
    low: float
    high: float


@dataclass(frozen=True)
class UnitAgreement:
    """How far two codings agree on one action unit."""

    au: str
    n: int  # moments that both have coded
    on_a: int
    on_b: int
    measures: dict[str, Estimate]
    joined: str = ""  # the unit that counts with it, because a coding does not tell the two apart

    @property
    def name(self) -> str:
        return f"{self.au}+{self.joined[2:]}" if self.joined else self.au


@dataclass(frozen=True)
class Pairing:
    """Both codings at the same moments, face by face."""

    faces: list[Moments]
    joined: dict[str, str] = field(default_factory=dict)  # unit -> the unit that counts with it


# --- reading -----------------------------------------------------------------------------------------------------

def read(path: str) -> Coding:
    """A coding by face. Raises InputError when the file is none."""
    suffix = Path(path).suffix.lower()
    if suffix == ".eaf":
        check_file(Path(path), evidence.MAX_BYTES)
        return dict(eaf.read(path).faces)
    if suffix == ".textgrid":
        return dict(textgrid.read(path).faces)
    if suffix in (".csv", ".tsv", ".boris") and (reader := _movements_reader(Path(path))):
        recordings = reader(path)
        clips = recordings if isinstance(recordings, list) else [recordings]
        if len(clips) != 1:
            raise InputError(f"{path}: it holds {len(clips)} observations. Export the one to compare.")
        return dict(clips[0].faces)
    return {series.face_id: series for series in evidence.read_all(path)}


def _movements_reader(path: Path):
    """Who reads this file of movements; None when it is a table of units over time."""
    check_file(path, evidence.MAX_BYTES)
    header = text_of(path).split("\n", 1)[0]
    if path.suffix.lower() == ".boris" or "Start (s)" in header:
        return boris.read
    return bids.read if "trial_type" in header else None


# --- pairing -----------------------------------------------------------------------------------------------------

def pair(a: Coding, b: Coding, names: tuple[str, str]) -> Pairing:
    """Each face that both have coded.

    Faces are paired by number; when each coding holds one face only, those two. Raises InputError when no face or no
    moment is in both.
    """
    faces = [(next(iter(a)), next(iter(b)))] if len(a) == len(b) == 1 else [(face, face) for face in a if face in b]
    if not faces:
        raise InputError(f"{names[0]} and {names[1]} share no face: {_name_faces(a)} against {_name_faces(b)}.")
    paired = [align_codings(a[one], b[other]) for one, other in faces]
    if not any(len(times) for times, _, _ in paired):
        raise InputError(f"{names[0]} and {names[1]} share no moment. Do both count from the start of the same clip, in s?")
    joined = _find_joined(a, b)
    return Pairing([(times, _join(one, joined), _join(other, joined)) for times, one, other in paired],
                   {AU_NAMES[kept]: AU_NAMES[also] for kept, also in joined.items()})


def _find_joined(a: Coding, b: Coding) -> dict[int, int]:
    """Units that stand for a whole movement in both codings, and the unit that counts with each: where a table measures one
    of the two alone, as OpenFace does. A table of AU27 without AU26 does not tell how far a jaw drops, and a file of movements
    that never names a unit says nothing about it."""
    joined = {}
    for pair_of in whole_movements.PAIRS:
        coded = [_coded(coding).intersection(pair_of) for coding in (b, a)]
        alone = [units for units, coding in zip(coded, (b, a), strict=True) if len(units) == 1 and _holds_tables(coding)]
        if alone and all(coded) and coded[0] | coded[1] == {*pair_of} and {whole_movements.STRETCHED} not in alone:
            (kept,) = alone[0]
            joined[kept] = sum(pair_of) - kept
    return joined


def _coded(coding: Coding) -> set[int]:
    """Units that a coding knows of any face."""
    return {k for face in coding.values()
            for k in (np.flatnonzero(face.measured).tolist() if isinstance(face, AUSeries) else (au_index(e.au) for e in face))}


def _holds_tables(coding: Coding) -> bool:
    return all(isinstance(face, AUSeries) for face in coding.values())


def _join(levels: np.ndarray, joined: dict[int, int]) -> np.ndarray:
    """Levels [T, 24] with the whole movement in the units that stand for one, and nothing in the others."""
    whole = whole_movements.join(levels)
    levels = levels.copy()
    for kept, also in joined.items():
        levels[:, kept] = np.fmax(whole[:, kept], 0 * levels[:, also])  # a coder who names AU27 alone saw no other drop
        levels[:, also] = np.nan
    return levels


def _name_faces(coding: Coding) -> str:
    return f"face {', '.join(map(str, sorted(coding)))}"


def align_codings(a: AUSeries | list[AUEvent], b: AUSeries | list[AUEvent]) -> Moments:
    """Both codings of one face at the same moments: those of the table with fewer, the frames of the other nearest to it."""
    if isinstance(a, AUSeries) and isinstance(b, AUSeries):
        times = min(a.times, b.times, key=len)
        steps = [float(np.median(np.diff(s.times))) for s in (a, b) if len(s.times) > 1]
        (near_a, far_a), (near_b, far_b) = _find_nearest(a.times, times), _find_nearest(b.times, times)
        shared = np.maximum(far_a, far_b) <= NEAR * min(steps, default=math.inf)
        return times[shared], whole_movements.stronger_side(a)[near_a[shared]], whole_movements.stronger_side(b)[near_b[shared]]
    if isinstance(a, AUSeries):
        return a.times, whole_movements.stronger_side(a), _event_levels(b, a.times)
    if isinstance(b, AUSeries):
        return b.times, _event_levels(a, b.times), whole_movements.stronger_side(b)
    times = np.arange(0, max(e.offset for e in (*a, *b)) + GRID_SECONDS, GRID_SECONDS)
    return times, _event_levels(a, times), _event_levels(b, times)


def _find_nearest(times: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each wanted time the position of the nearest of `times` (in order), and how far it is, s."""
    right = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
    left = np.maximum(right - 1, 0)
    at = np.where(abs(times[left] - wanted) <= abs(times[right] - wanted), left, right)
    return at, abs(times[at] - wanted)


def _event_levels(events: list[AUEvent], times: np.ndarray) -> np.ndarray:
    """Strength of the movement under way at each time, 0 between, [T, 24]; a unit that never occurs was not coded."""
    levels = np.full((len(times), len(AU_NAMES)), np.nan)
    for event in events:
        column = levels[:, au_index(event.au)]
        column[np.isnan(column)] = 0.0
        during = (times >= event.onset - 1e-6) & (times <= event.offset + 1e-6)
        column[during] = np.maximum(column[during], evidence.PRESENT if math.isnan(event.peak) else event.peak)
    return levels


# --- measures ----------------------------------------------------------------------------------------------------

def agree(paired: Pairing, resamples: int = RESAMPLES, seed: int = SEED) -> list[UnitAgreement]:
    """Agreement on every unit that both codings hold, in FACS order, over all faces together."""
    blocks, first = [], 0
    for times, _, _ in paired.faces:
        own = np.floor((times - (times[0] if len(times) else 0)) / BLOCK_SECONDS).astype(int)
        blocks.append(own + first)
        first += int(own.max(initial=-1)) + 1
    block, a, b = np.concatenate(blocks), *(np.concatenate([p[side] for p in paired.faces]) for side in (1, 2))
    agreements = []
    for k, au in enumerate(AU_NAMES):
        both = np.isfinite(a[:, k]) & np.isfinite(b[:, k])
        if both.any():
            measures = _estimates(block[both], a[both, k], b[both, k], np.random.default_rng(seed), resamples)
            agreements.append(UnitAgreement(au, int(both.sum()), int((a[both, k] >= ON).sum()), int((b[both, k] >= ON).sum()),
                                            measures, paired.joined.get(au, "")))
    return agreements


def _estimates(block: np.ndarray, a: np.ndarray, b: np.ndarray, rng: np.random.Generator,
               resamples: int) -> dict[str, Estimate]:
    own = np.unique(block, return_inverse=True)[1]  # blocks that this unit has, counted from 0
    count = int(own.max()) + 1
    sums, above = _sums(own, a, b, count)
    draws = rng.multinomial(count, np.full(count, 1 / count), resamples).astype(float)  # [R, B]
    weights = np.vstack([np.ones(count), draws])
    values = _measures(weights @ sums) | {"auc": _auc(weights, *above)}
    if not (_has_grades(a) and _has_grades(b)):  # presence alone has no intensity to compare
        values["icc"] = values["r"] = np.full(len(weights), np.nan)
    return {name: _estimate(values[name], count) for name in MEASURES}


def _has_grades(levels: np.ndarray) -> bool:
    return not np.isin(levels, (0.0, evidence.PRESENT)).all()


def _sums(own: np.ndarray, a: np.ndarray, b: np.ndarray, count: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Sums of each block [B, 10] (true and false positives and negatives, n, a, b, a^2, b^2, ab), and how often A has each
    level where B is on and where it is off, [B, levels] each."""
    on_a, on_b = a >= ON, b >= ON
    terms = (on_a & on_b, on_a & ~on_b, ~on_a & on_b, ~on_a & ~on_b, np.ones(len(a)), a, b, a * a, b * b, a * b)
    sums = np.stack([np.bincount(own, weights=term.astype(float), minlength=count) for term in terms], axis=1)
    levels = round(5 / LEVEL_STEP) + 1
    cell = own * levels + np.round(a / LEVEL_STEP).astype(int)
    above = tuple(np.bincount(cell[part], minlength=count * levels).reshape(count, levels).astype(float)
                  for part in (on_b, ~on_b))
    return sums, above


def _measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """f1, kappa, icc and r of sums [R, 10], each [R]; formulas in the docstring of the module."""
    tp, fp, fn, tn, n, a, b, aa, bb, ab = sums.T
    var_a, var_b, cov = aa - a * a / n, bb - b * b / n, ab - a * b / n
    flat_a, flat_b = var_a < FLAT, var_b < FLAT
    with np.errstate(invalid="ignore", divide="ignore"):
        observed, chance = (tp + tn) / n, ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
        return {"f1": 2 * tp / (2 * tp + fp + fn), "kappa": np.where(chance < 1, (observed - chance) / (1 - chance), np.nan),
                "icc": np.where(flat_a & flat_b, np.nan, 2 * cov / (var_a + var_b)),
                "r": np.where(flat_a | flat_b, np.nan, cov / np.sqrt(var_a * var_b))}


def _auc(weights: np.ndarray, on: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Area under the ROC curve for each weighting of the blocks, [R]."""
    on, off = weights @ on, weights @ off  # [R, levels]
    below = np.cumsum(off, axis=1) - off / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (on * below).sum(1) / (on.sum(1) * off.sum(1))


def _estimate(values: np.ndarray, blocks: int) -> Estimate:
    """The first value with the interval of the others; NaN bounds when half of the resamples or more cannot be had."""
    drawn = values[1:][np.isfinite(values[1:])]
    if blocks < 2 or 2 * len(drawn) <= len(values) - 1 or not np.isfinite(values[0]):
        return Estimate(float(values[0]), math.nan, math.nan)
    return Estimate(float(values[0]), *(float(v) for v in np.percentile(drawn, (2.5, 97.5))))
