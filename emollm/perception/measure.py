"""Action units of a face: its geometry without pose, its appearance, one score per AU and half, mapped to 0-5.

Contract: landmarks are mediapipe FaceMesh points with irises, [.., 478, 3] in pixels, y down, z on the scale of x; the
appearance is appearance.look() of the same face, and may be missing. Left and right are the person's own: point 33 is
the outer corner of the right eye, 263 of the left. All numbers (mean face, mirror table, weights, score-to-intensity
knots, accuracy) are in data/au_estimator.npz, which data_engine/fit_aus.py writes; the method and its limits are in
docs/au_estimator.md. Runs on numpy alone.
N = faces, T = frames, 24 = len(schema.AUS), D = half-face coordinates, F = features of a half, 2 = left, right.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from emollm.facs.units import ACTION_UNITS, LOWER, UPPER
from emollm.files import DATA, open_fitted_table
from emollm.perception import covers
from emollm.perception.align import STABLE
from emollm.perception.events import events, key_frames, runs
from emollm.perception.mesh import lip_gap
from emollm.perception.store import blocks
from emollm.schema import AU_NAMES, NEARLY_ON, OFF, ON, SIDE_GAP, AUSeries, FaceTrack, InputError, Quality, au_index

__all__ = ["ESTIMATOR_VERSION", "estimator", "events", "intensities", "key_frames", "series"]

ESTIMATOR = "emollm-face"
ESTIMATOR_VERSION = "2.3"
FILE = DATA / "au_estimator.npz"
LEVELS = np.array([0.0, OFF, ON, 3.0, 5.0])  # the intensities that the knots of a score stand for

FAR_SIDE = 35.0  # degrees of yaw from which the averted half is guessed by the mesh, not seen
FULL_POSE, NO_POSE = 20.0, 60.0  # degrees of yaw or pitch between which confidence falls to nothing
TURN_NOISE = 20.0  # degrees of yaw that add as much noise again to the difference of the sides as a frontal face has
FULL_SIZE = 48.0  # px face width on which accuracy was measured
COVER_FRAMES = 9  # of a clip that decide together whether a part is covered
# What blur invents: a unit that is on counts only if some frame shows it clearer than this above ON, by the frame's sharpness.
# Pictures and clips in focus have .93 and more; what the blur of a few pixels added to twenty of them lies below the line.
BLURS, DOUBTS = (0.8, 0.9, 0.95, 0.98), (3.75, 1.8, 0.4, 0.0)
SMALL_PX, SMALL_IS_SOFT = 64.0, 0.2  # a face smaller than its chip is soft without being out of focus
UNPAIRED = [au_index(unit.name) for unit in ACTION_UNITS.values() if unit.laterality == "midline"]  # no side moves alone
BLINK_SECONDS = 0.5  # a closure this short is a blink (AU45), a longer one closed eyes (AU43)
COVERED_BY = tuple(au_index(number) for number in (5, 12))  # units that are hidden when an eye is, or half the mouth
REST_FRAMES, REST_SECONDS = 15, 1.0  # a clip shorter than this cannot show its own rest
REST_QUANTILE, REST_LIMIT = 0.1, 1.5  # rest of a clip; a movement held above the limit is not a resting face

JAW, MOUTH_STRETCH, CLOSED, BLINK = (au_index(number) for number in (26, 27, 43, 45))
# What must lie inside the picture for an AU to be seen: brows and eyes, nose and cheek, or mouth and chin (right half).
REGIONS = {"upper": (70, 63, 105, 66, 107, 33, 133, 159, 145), "middle": (98, 49, 205, 50, 133, 61),
           "lower": (61, 0, 17, 40, 91, 152, 175)}
MIDDLE = (6, 9, 10, 11)

# What the inner lips say by themselves, by their gap over the height of the face: lips apart are AU25 however the rest
# of the mouth looks, and lips apart are not pressed, tight, puckered or pushed up by the chin.
GAP_STEPS = np.array([[0.0, 0.02], [0.02, 0.06], [0.06, 0.16]])  # each fades in between its ends
PARTED = au_index(25)
PARTED_GAPS, PARTED_LEVELS = (0.03, 0.055, 0.12, 0.25), (0.0, ON, 3.0, 5.0)
SHUT_ONLY = {au_index(au): gaps for au, gaps in {24: (0.03, 0.06), 28: (0.03, 0.06), 18: (0.05, 0.1), 17: (0.06, 0.12),
                                                 14: (0.1, 0.18), 15: (0.1, 0.18)}.items()}
# Lids say closure (AU43) by themselves: their distance over the width of the eye. At rest 97 % of eyes lie above .18.
UPPER_LID, LOWER_LID, EYE = ((387, 386, 385), (160, 159, 158)), ((373, 374, 380), (144, 145, 153)), ((263, 362), (33, 133))
LID_OPENINGS, LID_LEVELS = (0.05, 0.1, 0.165, 0.23), (5.0, 3.0, ON, 0.0)
LID_NOISE = 0.01  # half the difference of the openings that counts for nothing; a mirrored picture changes it by .015 (SD)
BOTH_SHUT = (ON, 2 * ON)  # level of the opener eye over which the difference fades out: a mesh cannot tell how shut an eye is


@dataclass(frozen=True)
class Reading:
    """How features become intensities."""

    weights: np.ndarray  # [24, F]
    bias: np.ndarray  # [24]
    knots: np.ndarray  # [24, 5] scores that stand for LEVELS
    accuracy: np.ndarray  # [24] 0-1, 2 AUC - 1 on other people
    uneven: np.ndarray  # [24] half the difference of the sides' scores that a resting face shows by noise


@dataclass(frozen=True)
class Estimator:
    """The fitted numbers."""

    mean: np.ndarray  # [478, 3] mean face, upright, frontal, unit = distance of the outer eye corners
    mirror: np.ndarray  # [478] the point on the other side
    half: np.ndarray  # midline points, then those of the person's right half
    measured: np.ndarray  # [24] bool; AU45 is there, but only a clip can show it
    alone: Reading  # of landmarks alone
    looked: Reading  # of landmarks and appearance


@functools.cache
def estimator() -> Estimator:
    """The shipped estimator. Raises InputError when its file is missing or of another version."""
    with open_fitted_table(FILE, "fit_aus.py") as arrays:
        if str(arrays["version"]) != ESTIMATOR_VERSION:
            raise InputError(f"{FILE}: version {arrays['version']}, expected {ESTIMATOR_VERSION}; reinstall emollm")
        readings = {kind: Reading(**{f.name: arrays[f"{kind}_{f.name}"] for f in dataclasses.fields(Reading)})
                    for kind in ("alone", "looked")}
        return Estimator(**{k: arrays[k] for k in ("mean", "mirror", "half", "measured")}, **readings)


def remove_pose(landmarks: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay faces onto the mean face by the best similarity transform of the points that expressions hardly move.

    Kabsch, Acta Cryst. A32 (1976); scale after Umeyama, IEEE TPAMI 13(4), 1991. landmarks [N, 478, 3] finite.
    Returns the faces [N, 478, 3] in the frame of `mean`, and yaw and pitch [N, 2] in degrees (yaw > 0: the face
    turned to its own left, so that its left half is averted; pitch > 0: head down).
    """
    stable = landmarks[:, STABLE]
    centre = stable.mean(1, keepdims=True)
    source, target = stable - centre, mean[STABLE] - mean[STABLE].mean(0)
    u, singular, vt = np.linalg.svd(np.einsum("nki,kj->nij", source, target))
    sign = np.ones_like(singular)
    sign[:, 2] = np.linalg.det(u @ vt)  # a turn, never a reflection
    turn = np.einsum("nij,nj,njk->nik", u, sign, vt)
    scale = (singular * sign).sum(1) / np.maximum((source**2).sum((1, 2)), 1e-12)
    faces = (landmarks - centre) @ turn * scale[:, None, None] + mean[STABLE].mean(0)
    yaw = np.degrees(np.arctan2(turn[:, 2, 0], turn[:, 2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(turn[:, 2, 1], -1, 1)))
    return faces, np.stack([yaw, pitch], 1)


def halves(faces: np.ndarray, mean: np.ndarray, mirror: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Both halves of pose-free faces as displacements from the mean face, the left one mirrored onto the right.

    One set of weights then measures either side, and a mirrored face gives exactly the swapped values. Midline points
    count for both; their sideways shift belongs to neither and is dropped. faces [N, 478, 3] -> [N, 2, D].
    """
    right = faces[:, half] - mean[half]
    left = faces[:, mirror[half]] * [-1, 1, 1] - mean[half]
    both = np.stack([left, right], 1)
    both[:, :, mirror[half] == half, 0] = 0
    return both.reshape(len(faces), 2, -1)


def features(half_faces: np.ndarray, gap: np.ndarray, looks: np.ndarray | None) -> np.ndarray:
    """Features [N, 2, F] of halves [N, 2, D], lip gaps [N] and, where there is any, appearance [N, 2, W]."""
    low, high = GAP_STEPS.T
    steps = np.clip((gap[:, None] - low) / (high - low), 0, 1)
    steps = np.broadcast_to(steps[:, None], (len(gap), 2, len(low)))
    return np.concatenate([half_faces, steps] + ([] if looks is None else [np.asarray(looks, dtype=float)]), 2)


def half_levels(vectors: np.ndarray, reading: Reading, unseen: np.ndarray, yaw: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Intensities [N, 24, 2] of features [N, 2, F], yaw [N] in degrees and lip gap [N].

    The sides differ only by what exceeds the noise of a resting face as much turned, and not at all where one muscle in the
    middle makes the movement. unseen [N, 24, 2] bool: of a side that is so nothing enters the other's score.
    """
    scores = _fill_unseen((vectors @ reading.weights.T + reading.bias).transpose(0, 2, 1), unseen)
    noise = reading.uneven * noise_factor(yaw)[:, None]
    noise[:, UNPAIRED] = np.inf
    plain, steady = (to_levels(_shrink_difference(scores, much), reading.knots, gap) for much in (reading.uneven, noise))
    return _steady_sides(plain, steady)


def noise_factor(yaw: np.ndarray) -> np.ndarray:
    """How many times the noise of a frontal face the sides of a turned one differ by, of yaw in degrees."""
    return 1 + np.abs(yaw) / TURN_NOISE


def _steady_sides(plain: np.ndarray, steady: np.ndarray) -> np.ndarray:
    """Levels [..., 2] with the mean of the plain ones and, as far as 0 to 5 has room, the difference of the steady ones."""
    middle = plain.mean(-1, keepdims=True)
    most = np.minimum(middle, 5 - middle)
    return middle + np.clip(steady - steady.mean(-1, keepdims=True), -most, most)


def _fill_unseen(sides: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Values [..., 2], with the other side's for one that is unseen [..., 2]."""
    return np.where(unseen & ~unseen[..., ::-1], sides[..., ::-1], sides)


def _shrink_difference(sides: np.ndarray, noise: float | np.ndarray) -> np.ndarray:
    """Values of both sides [..., 2], half their difference smaller by the noise of it [...]."""
    left, right = sides[..., 0], sides[..., 1]
    difference = (left - right) / 2
    difference = np.sign(difference) * np.maximum(np.abs(difference) - noise, 0)
    centre = (left + right) / 2
    return np.stack([centre + difference, centre - difference], -1)


def lids(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the lids over the width of the eye, left and right, [N, 2], of landmarks [N, 478, 3]."""
    def distance(a: tuple[int, ...], b: tuple[int, ...]) -> np.ndarray:
        return np.linalg.norm(landmarks[:, list(a)] - landmarks[:, list(b)], axis=2).mean(1)

    sides = zip(UPPER_LID, LOWER_LID, EYE, strict=True)
    return np.stack([distance(up, low) / np.maximum(distance(eye[:1], eye[1:]), 1e-9) for up, low, eye in sides], 1)


def closure(openings: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Levels of AU43 [N, 2] of lid openings [N, 2] and yaw [N]. Eyes differ by more than noise, and while one is open."""
    steady = _shrink_difference(openings, LID_NOISE * noise_factor(np.maximum(np.abs(yaw) - FULL_POSE, 0)))
    plain, steady = (np.interp(o, LID_OPENINGS, LID_LEVELS) for o in (openings, steady))
    return _steady_sides(plain, steady * np.interp(plain.min(1, keepdims=True), BOTH_SHUT, (1, 0)))


def to_levels(scores: np.ndarray, knots: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Scores [N, 24, 2] to intensities 0-5, piecewise linear through each AU's knots [24, 5], held to the lip gap [N]."""
    levels = np.stack([np.interp(scores[:, k], knots[k], LEVELS) for k in range(len(knots))], 1)
    levels[:, PARTED] = np.maximum(levels[:, PARTED], np.interp(gap, PARTED_GAPS, PARTED_LEVELS)[:, None])
    for k, ends in SHUT_ONLY.items():
        levels[:, k] *= np.interp(gap, ends, (1, 0))[:, None]
    # FACS codes one jaw AU only: a dropped jaw (26) that is stretched open is a 27. Not before that is on: it would be neither.
    levels[:, JAW] *= np.interp(levels[:, MOUTH_STRETCH], (NEARLY_ON, ON), (1, 0))
    return levels


def _measure(landmarks: np.ndarray, looks: np.ndarray | None,
             hidden: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Intensities [N, 24, 2] (NaN: not measured) and yaw, pitch [N, 2]. hidden [N, 24, 2] bool: sides that are covered."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (478, 3):
        raise InputError(f"landmarks have shape {points.shape}, expected [N, 478, 3]: use a mesh with irises")
    est = estimator()
    present = np.isfinite(points).all((1, 2)) & (np.ptp(points[:, STABLE, 0], axis=1) > 0)
    levels, angles = np.full((len(points), len(est.measured), 2), np.nan), np.full((len(points), 2), np.nan)
    hidden = np.zeros(levels.shape, bool) if hidden is None else hidden
    averted = np.zeros((len(points), 2), bool)
    if present.any():
        faces, angles[present] = remove_pose(points[present], est.mean)
        gap, reading = lip_gap(points[present]), _reading(looks)
        vectors = features(halves(faces, est.mean, est.mirror, est.half), gap, None if looks is None else looks[present])
        yaw = angles[present, 0]
        averted[present] = np.stack([yaw > FAR_SIDE, yaw < -FAR_SIDE], 1)  # turned to its own left: the left half is averted
        unseen = (hidden | averted[:, None])[present]
        levels[present] = half_levels(vectors, reading, unseen, yaw, gap)
        levels[present, CLOSED] = closure(_fill_unseen(lids(points[present]), unseen[:, CLOSED]), yaw)
    levels[:, ~est.measured] = np.nan
    levels[:, BLINK] = np.nan
    levels[np.broadcast_to(averted[:, None], levels.shape) | hidden] = np.nan
    return levels, angles


def _reading(looks: np.ndarray | None) -> Reading:
    return estimator().alone if looks is None else estimator().looked


def intensities(landmarks: np.ndarray, looks: np.ndarray | None = None) -> np.ndarray:
    """Intensity of every action unit of many single faces, without any baseline.

    landmarks: [N, 478, 3] in any unit, z on the scale of x. looks: their appearance [N, 2, appearance.WIDTH]. Returns
    [N, 24, 2] left and right, 0-5. NaN: the AU cannot be told (AU11) or not without time (AU45), the side is averted,
    or the landmarks are not finite. Raises InputError for another shape.
    """
    return _measure(landmarks, looks)[0]


def series(track: FaceTrack, baseline: str | AUSeries = "none") -> AUSeries:
    """Action units of one face over time.

    baseline: "none" measures against the mean face, "clip" against the face's own rest (a low quantile per AU over a
    clip of at least 15 frames and 1 s), a series against the rest that it was measured on, a picture of the same face.
    What is subtracted is at most 1.5, and 5 stays 5. `AUSeries.baseline` says what was really used: none, clip, image.
    Raises InputError for an unknown baseline.
    """
    times = np.asarray(track.times, dtype=float)
    hidden, notices = _hidden_units(track)
    levels, angles = _measure_track(track, hidden)
    rest, used = _rest(levels, times, baseline)
    levels = np.clip((levels - rest) * 5 / (5 - rest), 0, 5)
    levels[_doubtful_sides(levels, hidden)] = np.nan
    notices += _doubt(levels, track.quality)
    measured = estimator().measured.copy()
    measured[BLINK] &= _can_see_blinks(times)
    if measured[BLINK]:
        _split_blinks(levels, times)
    return AUSeries(times=times, intensity=levels, confidence=_confidence(track, levels, angles), measured=measured,
                    estimator=ESTIMATOR, baseline=used, version=ESTIMATOR_VERSION, face_id=track.face_id, notices=notices)


def _measure_track(track: FaceTrack, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As _measure(), block by block; a unit of a side that lies outside of the picture is not measured."""
    levels, angles = [], []
    for part in blocks(track.landmarks):
        points = np.asarray(track.landmarks[part], dtype=float)
        measured, turned = _measure(points, None if track.looks is None else track.looks[part], hidden[part])
        measured[~_units_in_picture(points, track.picture_size)] = np.nan
        levels.append(measured)
        angles.append(turned)
    return np.concatenate(levels), np.concatenate(angles)


def _hidden_units(track: FaceTrack) -> tuple[np.ndarray, list[str]]:
    """Which unit and side lies under a cover, [T, 24, 2]; what was hidden, in words."""
    units = np.zeros((len(track.landmarks), len(AU_NAMES), 2), bool)
    if track.covers is None:
        return units, []
    hidden = track.covers > 0
    if len(hidden) > COVER_FRAMES:  # a cover does not come and go from frame to frame
        padded = np.pad(hidden, ((COVER_FRAMES // 2,) * 2, (0, 0)), mode="edge")
        hidden = np.lib.stride_tricks.sliding_window_view(padded, COVER_FRAMES, 0).mean(-1) > 0.5
    for k, (numbers, sides) in enumerate(covers.HIDDEN.values()):
        units[np.ix_(np.flatnonzero(hidden[:, k]), [au_index(au) for au in numbers], sides)] = True
    return units, covers.notices(hidden)


def _doubtful_sides(levels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """What is not told though it is seen, [T, 24, 2] bool, of levels and hidden [T, 24, 2]: of a side with an eye or half the
    mouth covered, and of that side alone, what differs from the other. Cover or mesh would be taken for one-sided movement."""
    partly = hidden[:, list(COVERED_BY)].any(1)  # [T, 2]
    alone = partly & ~partly[:, ::-1]
    more = levels - levels[..., ::-1]
    apart = np.abs(more) >= SIDE_GAP
    apart[:, CLOSED] = more[:, CLOSED] >= SIDE_GAP  # an eye that is seen open is open
    return alone[:, None] & apart


def _doubt(levels: np.ndarray, quality: Quality) -> list[str]:
    """Set what blur may have invented to NaN, in place, [T, 24, 2]; what was too blurred, in words.

    That is a whole frame below the lowest of BLURS, and a unit of a side, where it is on, that is nowhere clearly on.
    """
    sharp = np.asarray(quality.blur, float) + SMALL_IS_SOFT * (np.asarray(quality.size, float) < SMALL_PX)
    lost, seen = sharp < BLURS[0], np.isfinite(levels).any((1, 2))
    levels[lost] = np.nan
    on = np.nan_to_num(levels) >= ON
    clear = (np.nan_to_num(levels) >= (ON + np.interp(sharp, BLURS, DOUBTS))[:, None, None]) & on
    doubtful = on & ~clear.any(0)
    levels[doubtful] = np.nan
    notices = []
    if (share := float((lost & seen).sum() / max(seen.sum(), 1))) > 0:
        notices.append(f"the face is too blurred{covers.share_words(share)}: nothing is measured there")
    if doubtful.any():
        units = ", ".join(AU_NAMES[k] for k in np.flatnonzero(doubtful.any((0, 2))))
        notices.append(f"the face is a little blurred: what blur may have added is not measured ({units})")
    return notices


def _rest(levels: np.ndarray, times: np.ndarray, baseline: str | AUSeries) -> tuple[np.ndarray, str]:
    """What counts as rest, [24, 2], and the name of the baseline that was used."""
    none = np.zeros(levels.shape[1:])
    if isinstance(baseline, AUSeries):
        return _as_rest(_quantile(baseline.intensity, 0.5)), "image"
    if baseline == "none":
        return none, "none"
    if baseline == "clip":
        if len(times) < REST_FRAMES or np.ptp(times) < REST_SECONDS:
            return none, "none"
        return _as_rest(_quantile(levels, REST_QUANTILE)), "clip"
    raise InputError(f"unknown baseline '{baseline}': use none, clip or the series of a picture of the face at rest")


def _as_rest(levels: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(levels), 0, REST_LIMIT)


def _quantile(levels: np.ndarray, share: float) -> np.ndarray:
    """Quantile over time of [T, 24, 2], ignoring NaN; NaN where nothing was seen."""
    seen = np.isfinite(levels)
    order = np.sort(np.where(seen, levels, np.inf), axis=0)
    position = np.floor(share * np.maximum(seen.sum(0) - 1, 0)).astype(int)
    picked = np.take_along_axis(order, position[None], axis=0)[0]
    return np.where(seen.any(0), picked, np.nan)


def _can_see_blinks(times: np.ndarray) -> bool:
    """Two frames at least must fit into a blink."""
    return len(times) > 2 and float(np.median(np.diff(times))) <= BLINK_SECONDS / 2


def _split_blinks(levels: np.ndarray, times: np.ndarray) -> None:
    """Move short closures of either eye from AU43 to AU45, in place; not one beside a long closure of the other eye."""
    levels[:, BLINK] = np.where(np.isfinite(levels[:, CLOSED]), 0, np.nan)
    most = BLINK_SECONDS - float(np.median(np.diff(times))) + 1e-9
    closures = [[(first, last) for first, _, last in runs(levels[:, CLOSED, side], ON, OFF)] for side in (0, 1)]
    long = [[span for span in spans if times[span[1]] - times[span[0]] > most] for spans in closures]
    for side in (0, 1):
        for first, last in closures[side]:
            if (first, last) in long[side] or any(a <= last and first <= b for a, b in long[1 - side]):
                continue
            span = slice(first, last + 1)
            levels[span, BLINK, side] = levels[span, CLOSED, side]
            levels[span, CLOSED, side] = 0


def _units_in_picture(landmarks: np.ndarray, picture_size: tuple[int, int]) -> np.ndarray:
    """Which AU and side has half of its region or more inside the picture, [T, 24, 2], by landmarks [T, 478, 3]; all when the
    size of the picture is unknown."""
    width, height = picture_size
    shape = (len(landmarks), len(estimator().measured), 2)
    if not width or not height:
        return np.ones(shape, dtype=bool)
    xy = landmarks[..., :2]
    inside = ((xy >= 0) & (xy <= (width - 1, height - 1))).all(-1)  # [T, 478]
    mirror, seen = estimator().mirror, np.ones(shape, dtype=bool)
    groups = {"upper": set(UPPER) - set(MIDDLE), "middle": MIDDLE, "lower": set(LOWER) - set(MIDDLE)}
    for name, numbers in groups.items():
        columns = [au_index(number) for number in numbers]
        right = np.array(REGIONS[name])
        for side, points in ((0, mirror[right]), (1, right)):
            seen[:, columns, side] = (inside[:, points].mean(1) >= 0.5)[:, None]
    return seen


def _confidence(track: FaceTrack, levels: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Accuracy on other people x pose x size x visible share, [T, 24] 0-1; 0 where neither side is seen."""
    turned = np.abs(np.nan_to_num(angles, nan=90.0)).max(1)
    pose = np.clip((NO_POSE - turned) / (NO_POSE - FULL_POSE), 0, 1)
    size = np.clip(np.asarray(track.quality.size, dtype=float) / FULL_SIZE, 0, 1)
    frame = pose * size * np.clip(np.asarray(track.quality.visible, dtype=float), 0, 1)
    sides = np.isfinite(levels).mean(2)  # one side seen: half as sure about the AU as a whole
    return np.nan_to_num(frame[:, None] * _reading(track.looks).accuracy * (0.5 + 0.5 * sides) * (sides > 0))
