"""Movements in time: when each action unit starts, peaks and ends, and which frames are worth looking at.

Works on any AUSeries, whoever measured it. A photograph (one frame) has no movements and one key frame.
T = frames, 24 = len(schema.AUS).
"""

from __future__ import annotations

import warnings

import numpy as np

from emollm.schema import AU_NAMES, OFF, ON, SIDE_GAP, SIDES, AUEvent, AUSeries, au_index

SMOOTH_SECONDS = 0.07  # half width of the smoothing window: a blink (about 0.2 s) must survive it
FRACTION = 0.25  # a movement is over when it has fallen to this share of its peak, or to OFF
GAP_SECONDS, GAP_FRAMES = 0.5, 2.5  # frames further apart than both are not one movement: the face was lost


def runs(values: np.ndarray, on: float, off: float) -> list[tuple[int, int, int]]:
    """Hysteresis: stretches that reach `on`, as (first, apex, last) positions, in order and without overlap.

    values: [T], NaN = not seen (always ends a stretch). A stretch reaches to both sides of where it passed `on` as
    long as the value stays above `off` and above FRACTION of its own peak.
    """
    seen, stretches, start = np.nan_to_num(np.asarray(values, dtype=float), nan=-np.inf), [], 0
    while len(above := np.flatnonzero(seen[start:] >= on)):
        apex = last = start + int(above[0])
        while last + 1 < len(seen) and seen[last + 1] > max(off, FRACTION * seen[apex]):
            last += 1
            apex = last if seen[last] > seen[apex] else apex
        first = apex
        while first > start and seen[first - 1] > max(off, FRACTION * seen[apex]):
            first -= 1
        stretches.append((first, apex, last))
        start = last + 1
    return stretches


def smooth(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Triangle-weighted mean over +- SMOOTH_SECONDS. times [T] s, values [T, ...]; NaN stays and does not spread."""
    shape = (len(times),) + (1,) * (values.ndim - 1)
    seen = np.isfinite(values)
    total, weight = np.where(seen, values, 0.0), seen.astype(float)
    plain = total.copy()
    for shift in range(1, len(times)):
        near = np.clip(1 - (times[shift:] - times[:-shift]) / SMOOTH_SECONDS, 0, None)
        if not near.any():
            break
        near = near.reshape(len(near), *shape[1:])
        total[shift:] += near * plain[:-shift]
        weight[shift:] += near * seen[:-shift]
        total[:-shift] += near * plain[shift:]
        weight[:-shift] += near * seen[shift:]
    return np.where(seen, total / np.maximum(weight, 1e-9), np.nan)


def mean_of_sides(intensity: np.ndarray) -> np.ndarray:
    """[T, 24, 2] -> [T, 24]: mean of the sides that were seen, NaN when neither was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # mean of nothing is NaN, as wanted
        return np.nanmean(intensity, axis=2)


def side_and_strength(left: np.ndarray, right: np.ndarray):
    """Which side moves and how much is stated: both sides' mean, or the stronger side when they differ by SIDE_GAP.

    left, right: intensities 0-5, any shape (numpy arrays or torch tensors). Returns side index into SIDES
    (0 left, 1 right, 2 both) and strength, same shape. A side that is not visible must be given the other's value.
    """
    one_sided = abs(left - right) >= SIDE_GAP
    left_stronger = left > right
    side = 2 - one_sided * (1 + left_stronger)  # 2 both; one-sided: 0 left, 1 right
    strength = one_sided * (left * left_stronger + right * ~left_stronger) + ~one_sided * (left + right) / 2
    return side, strength


def stated_movements(series: AUSeries) -> list[tuple[int, str, float]]:
    """The movements that count as there, as they are stated everywhere: position of the unit, side, and strength of its
    strongest moment to a tenth (>= ON), in FACS order."""
    left, right, visible = peaks(series)
    side, strength = side_and_strength(left, right)
    stated = [round(float(s), 1) for s in strength]
    return [(k, SIDES[side[k]], stated[k]) for k in range(len(AU_NAMES)) if visible[k] and stated[k] >= ON]


def peaks(series: AUSeries) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strongest moment of every AU: left [24], right [24] at that moment (NaN side takes the other), visible [24] bool."""
    both = np.where(np.isnan(series.intensity), series.intensity[:, :, ::-1], series.intensity)  # [T, 24, 2]
    visible = series.measured & ~np.isnan(both[:, :, 0]).all(0)
    values = np.nan_to_num(both)
    apex = values.max(2).argmax(0)  # [24]
    left, right = values[apex, np.arange(len(AU_NAMES))].T
    return left, right, visible


def events(series: AUSeries) -> list[AUEvent]:
    """Onset, apex and offset (s) of every movement, strongest first.

    Follows the stronger side of each measured AU, lightly smoothed, by hysteresis between schema.ON and schema.OFF. A
    movement that is under way at the first or last frame starts or ends there. `peak` and `side` are those of its strongest
    frame, as peaks() and every claim state them. A photograph has none.
    """
    times, movements = np.asarray(series.times, dtype=float), []
    for part in _tracks(times):
        smoothed = smooth(times[part], series.intensity[part])
        for k in np.flatnonzero(series.measured):
            movements += _events_of(AU_NAMES[k], times[part], smoothed[:, k], series.intensity[part, k])
    return sorted(movements, key=lambda e: (-e.peak, e.onset, e.au))


def unsmoothed_events(au: str, series: AUSeries) -> list[AUEvent]:
    """As events() of one unit, without smoothing: the times of a movement that is there for so few frames that smoothing levels
    it out."""
    times, k = np.asarray(series.times, dtype=float), au_index(au)
    own = [event for part in _tracks(times)
           for event in _events_of(au, times[part], series.intensity[part, k], series.intensity[part, k])]
    return sorted(own, key=lambda e: (-e.peak, e.onset))


def _tracks(times: np.ndarray) -> list[np.ndarray]:
    """Positions of the frames between which the face was not lost, stretch by stretch; none in a photograph."""
    if len(times) < 2:
        return []
    steps = np.diff(times)
    gap = max(GAP_SECONDS, GAP_FRAMES * float(np.median(steps)))
    return np.split(np.arange(len(times)), np.flatnonzero(steps > gap) + 1)


def _events_of(au: str, times: np.ndarray, smoothed: np.ndarray, sides: np.ndarray) -> list[AUEvent]:
    """Events of one AU; smoothed and plain sides [T, 2]."""
    stronger = np.where(np.isfinite(smoothed), smoothed, -np.inf).max(1)
    out = []
    for first, apex, last in runs(np.where(np.isfinite(stronger), stronger, np.nan), ON, OFF):
        side, peak = _strongest(sides[first:last + 1])
        out.append(AUEvent(au=au, side=side, onset=float(times[first]), apex=float(times[apex]), offset=float(times[last]),
                           peak=peak))
    return out


def _strongest(sides: np.ndarray) -> tuple[str, float]:
    """Side and strength of the strongest frame of [T, 2]; a side that was not seen is taken to be like the other."""
    both = np.nan_to_num(np.where(np.isnan(sides), sides[:, ::-1], sides))
    side, strength = side_and_strength(*both[both.max(1).argmax()])
    return SIDES[int(side)], float(strength)


def key_frames(series: AUSeries, events: list[AUEvent], limit: int = 8) -> list[int]:
    """Positions in the track of at most `limit` frames worth looking at, in time order.

    The apexes of the strongest events but blinks; [0] for a photograph. Apexes closer than SMOOTH_SECONDS share a frame. The
    face at rest is not among them, so that it does not speak for a clip in which something moves; a clip without such events
    gives its frame nearest to rest.
    """
    times = np.asarray(series.times, dtype=float)
    if len(times) < 2:
        return [0][:len(times)]
    chosen: list[int] = []
    for event in sorted((e for e in events if e.au != "AU45"), key=lambda e: -e.peak):
        position = int(np.argmin(np.abs(times - event.apex)))
        if all(abs(times[c] - times[position]) > SMOOTH_SECONDS for c in chosen):
            chosen.append(position)
    return sorted(chosen[:limit]) or [_rest_frame(series)]


def _rest_frame(series: AUSeries) -> int:
    """The frame with the least movement in all, among those where most was seen."""
    levels = mean_of_sides(series.intensity)[:, series.measured]
    seen = np.isfinite(levels).sum(1)
    total = np.where(seen >= max(seen.max() / 2, 1), np.nansum(levels, 1) / np.maximum(seen, 1), np.inf)
    return int(np.argmin(total))
