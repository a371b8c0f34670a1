"""Action-unit evidence for training records: real measured faces, edits of them, and draws from FACS variants.

Every source returns an AUSeries with its events, so that the same code turns it into model input and text as at
inference. Random draws take a `random.Random`; one record, one seed.
"""

from __future__ import annotations

import random

import numpy as np

from emollm.facs.tables import VARIANTS
from emollm.schema import AU_NAMES, AUS, LABELS, OFF, ON, SIDE_GAP, AUEvent, AUSeries

INDEX = {au: k for k, au in enumerate(AU_NAMES)}
MOUTH_OPENING = [AUS.index(n) for n in (26, 27)]


def photo_series(intensity: np.ndarray, confidence: np.ndarray, measured: np.ndarray, estimator: str) -> AUSeries:
    """One frame. intensity [24, 2], confidence [24], measured [24]."""
    return AUSeries(np.zeros(1), intensity[None], confidence[None], measured, estimator)


def draw_from_variants(rng: random.Random) -> np.ndarray:
    """Intensities [24, 2] of one posed-like face: a published variant of a random label, plus a few stray movements."""
    values = np.array([[max(0.0, rng.gauss(0.0, 0.15))] * 2 for _ in AU_NAMES])
    label = rng.choice(LABELS)
    variant = rng.choice([v for v in VARIANTS if v.label == label] or list(VARIANTS))
    for au, share in variant.aus.items():
        if au in INDEX and rng.random() < (0.85 if share is None else share):
            # Half of them evenly spread: strengths around 4 are rare on real faces, and were read as 3.5 (docs/decisions.md).
            values[INDEX[au]] = rng.gauss(2.9, 1.0) if rng.random() < 0.5 else rng.uniform(ON, 5.0)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        values[rng.randrange(len(AUS))] = rng.uniform(OFF, 4.8)
    return finish_draw(values, rng)


def finish_draw(values: np.ndarray, rng: random.Random) -> np.ndarray:
    """Small left-right differences, now and then a one-sided movement, one jaw unit only, FACS range."""
    for k in range(len(AUS)):
        if rng.random() < 0.08 and values[k].max() > ON:
            values[k, rng.randrange(2)] *= rng.uniform(0.0, 0.55)
        else:
            values[k] += np.array([rng.gauss(0, 0.12), rng.gauss(0, 0.12)]) * (values[k].max() > OFF)
    weaker = min(MOUTH_OPENING, key=lambda k: values[k].max())
    values[weaker] *= 0.0 if values[MOUTH_OPENING].max() > ON else 1.0
    return values.clip(0, 5)


def edit(values: np.ndarray, rng: random.Random) -> np.ndarray:
    """A counterfactual face: one or two movements removed or added. values [24, 2]; NaN stays."""
    edited = values.copy()
    for _ in range(rng.choice((1, 1, 2))):
        on = np.flatnonzero(np.nan_to_num(edited).max(1) >= ON)
        k = int(rng.choice(list(on))) if len(on) and rng.random() < 0.6 else rng.randrange(len(AUS))
        edited[k] = 0.0 if np.nan_to_num(edited[k]).max() >= ON else rng.uniform(1.3, 5.0)
    return np.where(np.isnan(values), values, edited.clip(0, 5))


def hide(measured: np.ndarray, rng: random.Random) -> np.ndarray:
    """AU-dropout: some records have unmeasured units, as sources other than our own do, or none measured at all.

    measured [24] bool.
    """
    if rng.random() < 0.7:
        return measured
    share = rng.choice((0.05, 0.05, 0.2, 0.2, 0.4, 0.4, 1.0))
    return measured & np.array([rng.random() >= share for _ in AUS])


def as_clip(peak: np.ndarray, confidence: np.ndarray, measured: np.ndarray, estimator: str, frames: int,
            rng: random.Random) -> tuple[AUSeries, list[AUEvent], list[int]]:
    """A clip whose movements rise to the peaks [24, 2] and fall again; returns series, events, key frames.

    Each movement that is on has one event; between onset, apex and offset intensity is linear. The series holds the
    key frames and every apex, so that its strongest moments are the peaks.
    """
    duration = rng.choice((rng.uniform(0.5, 5), rng.uniform(2, 10), rng.uniform(5, 60)))
    on = np.flatnonzero(np.nan_to_num(peak).max(1) >= ON)
    spans = dict(zip(on, _spans(len(on), duration, rng), strict=True))
    moments = {0.0, *(round(rng.uniform(0, duration), 2) for _ in range(frames - 1))}
    times = np.array(sorted(moments | {t for span in spans.values() for t in span} | {round(duration, 2)}))
    intensity = np.broadcast_to(np.where(peak >= ON, 0.0, peak), (len(times), *peak.shape)).copy()
    events = []
    for k, (onset, apex, offset) in spans.items():
        rise = np.interp(times, [onset - 1e-3, apex, offset + 1e-3], [0, 1, 0], left=0, right=0)
        intensity[:, k] = np.where(np.isnan(peak[k]), np.nan, rise[:, None] * peak[k])
        side = "both" if abs(np.diff(np.nan_to_num(peak[k])))[0] < SIDE_GAP else ("left", "right")[int(np.nanargmax(peak[k]))]
        events.append(AUEvent(AU_NAMES[k], side, onset, apex, offset, float(np.nanmax(peak[k]))))
    keys = sorted({int(np.argmin(abs(times - m))) for m in sorted(moments)})
    series = AUSeries(times, intensity, np.broadcast_to(confidence, (len(times), len(AUS))).copy(), measured, estimator)
    return series, events, keys


def _spans(n: int, duration: float, rng: random.Random) -> list[tuple[float, float, float]]:
    """Onset, apex and offset (s) of n movements: they set in together or one after the other, a few are brief, a few last
    from start to end."""
    begins = sorted(rng.uniform(0, 0.8 * duration) for _ in range(rng.choice((1, 1, 2, 3))))
    spans = []
    for _ in range(n):
        onset = min(rng.choice(begins) + rng.choice((0.0, rng.uniform(0, 0.3))), duration)
        length = rng.uniform(0.1, 1) * (duration - onset) if rng.random() < 0.7 else rng.uniform(0.2, 0.45)
        if rng.random() < 0.1:
            onset, length = 0.0, duration
        onset, offset = round(onset, 2), round(min(onset + max(length, 0.1), max(duration, onset + 0.1)), 2)
        spans.append((onset, round(rng.uniform(onset, offset), 2), offset))
    return spans


def redraw_strengths(pool: np.ndarray, rng: random.Random) -> np.ndarray:
    """Intensities of a real face's movements, re-drawn in strength: keeps real co-occurrence. pool [N, 24, 2].

    Half of the faces get strengths spread evenly, so that no number is a better guess than another.
    """
    values = np.nan_to_num(pool[rng.randrange(len(pool))]).copy()
    if rng.random() < 0.5:
        return finish_draw(values * rng.uniform(0.6, 1.3), rng)
    for k in np.flatnonzero(values.max(1) >= ON):
        values[k] *= rng.uniform(ON, 5.0) / values[k].max()
    return finish_draw(values, rng)
