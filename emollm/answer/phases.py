"""A clip in time: the stretches in which its movements are read alike, and valence and arousal from moment to moment.

The look of the pixels belongs to the clip as a whole (it is taken at the key frames), so a phase is read by its movements
alone, as `reading.read` reads them at every frame, averaged over half a second. Phases shorter than that belong to a neighbour.
T = frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emollm.answer import reading
from emollm.facs.affect import affect
from emollm.schema import AU_NAMES, LABELS, ON, AUSeries

SHORTEST = 0.5  # s of a phase, and of the mean that a frame is read with
TRACK_STEP = 0.2  # s between the values of a track
NAMED = 4  # movements of a phase, the strongest
FRAMES = 4096  # read at a time


def phases_and_affect(series: AUSeries) -> tuple[list[dict[str, Any]], dict[str, list]]:
    """Phases and affect track of a clip; both empty in a photo.

    Phases: stretches that differ in how their movements are read, in order, each with start, end (s), label, confidence 0-1 (of
    the mean distribution), valence, arousal (-1 to 1), movements: [{au, intensity}] on in it, the strongest first. Track: times
    (s, TRACK_STEP apart), valence, arousal and the intervals [low, high] that the labels span (facs.affect).
    """
    times = series.times
    if len(times) < 2:
        return [], {}
    p, strength = readings(series)
    told = [_phase(times, p, strength, first, last) for first, last in _stretches(times, p.argmax(1))]
    return told, _track(times, p)


def _track(times: np.ndarray, p: np.ndarray) -> dict[str, list]:
    wanted = np.arange(times[0], times[-1] + 1e-9, TRACK_STEP)
    rows = np.unique(np.searchsorted(times, wanted).clip(max=len(times) - 1))
    points = [affect(dict(zip(LABELS, p[k].tolist(), strict=True))) for k in rows]
    return {"times": [round(float(times[k]), 2) for k in rows],
            **{name: [_round(getattr(one, name)) for one in points]
               for name in ("valence", "arousal", "valence_interval", "arousal_interval")}}


def readings(series: AUSeries) -> tuple[np.ndarray, np.ndarray]:
    """What every moment is read as [T, 8], and how strong each unit is in it [T, 24] (NaN: not seen)."""
    sides = np.where(np.isfinite(series.intensity), series.intensity, -np.inf).max(2)  # [T, 24]
    strength = _mean(series.times, np.where(np.isfinite(sides) & series.measured, sides, np.nan))
    seen, confidence = np.isfinite(strength), np.nan_to_num(series.confidence)
    parts = [reading.read(np.nan_to_num(strength[k:k + FRAMES]), confidence[k:k + FRAMES], seen[k:k + FRAMES])
             for k in range(0, len(strength), FRAMES)]
    return np.concatenate(parts), strength


def _mean(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of what was seen within half of SHORTEST to either side; NaN where a frame itself was not seen. [T, 24]."""
    seen = np.isfinite(values)
    total = np.cumsum(np.pad(np.nan_to_num(values), ((1, 0), (0, 0))), 0)
    count = np.cumsum(np.pad(seen.astype(float), ((1, 0), (0, 0))), 0)
    first = np.searchsorted(times, times - SHORTEST / 2, "left")
    last = np.searchsorted(times, times + SHORTEST / 2, "right")
    return np.where(seen, (total[last] - total[first]) / np.maximum(count[last] - count[first], 1), np.nan)


def _stretches(times: np.ndarray, label: np.ndarray) -> list[tuple[int, int]]:
    """(first, last) positions of stretches with one label; one shorter than SHORTEST goes to the longer neighbour, the shortest
    first."""
    starts = np.flatnonzero(np.diff(label, prepend=-1))
    labels, end = label[starts], times[-1] + np.median(np.diff(times))
    while True:
        length = np.diff(times[starts], append=end)
        k = int(length.argmin())
        if len(starts) == 1 or length[k] >= SHORTEST:
            return list(zip(starts.tolist(), [*(starts[1:] - 1).tolist(), len(label) - 1], strict=True))
        before = k > 0 and (k + 1 == len(starts) or length[k - 1] >= length[k + 1])
        labels[k] = labels[k - 1 if before else k + 1]
        kept = np.diff(labels, prepend=-1) != 0
        starts, labels = starts[kept], labels[kept]


def _phase(times: np.ndarray, p: np.ndarray, strength: np.ndarray, first: int, last: int) -> dict[str, Any]:
    mean = p[first:last + 1].mean(0)
    highest = np.nan_to_num(strength[first:last + 1]).max(0)
    order = np.argsort(-highest, kind="stable")
    on = [int(k) for k in order if highest[k] >= ON][:NAMED]
    point = affect(dict(zip(LABELS, mean.tolist(), strict=True)))
    end = times[last + 1] if last + 1 < len(times) else times[last]
    return {"start": round(float(times[first]), 2), "end": round(float(end), 2), "label": LABELS[int(mean.argmax())],
            "confidence": round(float(mean.max()), 2), "valence": _round(point.valence), "arousal": _round(point.arousal),
            "movements": [{"au": AU_NAMES[k], "intensity": round(float(highest[k]), 1)} for k in on]}


def _round(value: float | tuple[float, float]) -> float | list[float]:
    return [round(v, 2) for v in value] if isinstance(value, tuple) else round(value, 2)
