"""Fit the action-unit estimator of emollm/measure.py and write its accuracy on other people.

    python -m data_engine.fit_aus --coded ckplus48_facs_fit.npz --wild faces.npz \\
        --blendshapes fer2013_train_landmarks.npz

--coded: 48 px crops of posed sequences with human FACS codes (png, offset, au, au_present, apex_frame, subject,
sequence). --wild: landmarks [N, 478, 3], fp_votes [N, 8] in schema.LABELS order, found, keep, public_test.
--blendshapes: all_blendshapes [N, 52] of the same faces and blendshape_names. Writes emollm/data/au_estimator.npz and
docs/au_estimator.md, where the method is described. Half a minute on one core.
D = half-face coordinates, K = components.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_engine.au_page import FOLDS, PAGE, SEED, accuracy_table, auc, best_threshold, on_rates, wild_table
from data_engine.half_faces import Faces
from emollm.perception import measure
from emollm.perception.align import STABLE
from emollm.schema import AUS, LABELS, au_index

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = 80
FRONTAL = 30.0  # degrees of yaw up to which wild faces teach shape
# Share of agreed neutral faces on which an AU may be on; brows that look lowered at rest are common, pressed lips rare.
NEUTRAL_RATE = dict.fromkeys(AUS, 0.07) | {4: 0.15} | dict.fromkeys((14, 18, 23, 24, 26, 28, 43), 0.03)
BAND_SHARE = 0.08  # share of wild faces between OFF and ON
# Blendshapes of an independent model that are worth imitating.
REFERENCE = {1: ("browInnerUp",), 2: ("browOuterUp",), 4: ("browDown",), 5: ("eyeWide",), 7: ("eyeSquint",),
             12: ("mouthSmile",), 15: ("mouthFrown",), 17: ("mouthShrugLower",), 18: ("mouthPucker",),
             25: ("mouthLowerDown",), 26: ("jawOpen",), 27: ("jawOpen",), 28: ("mouthRollLower", "mouthRollUpper"),
             43: ("eyeBlink",)}  # not mouthStretch for AU20: on wild faces it follows the smile
STIFF, SOFT = 30.0, 3.0  # penalty of an AU with and without reference
REFERENCE_ONLY = (18, 26, 28, 43)  # too few codes, or (26) codes that mean "26 and not 27"
# An AU is read from the part of the face that it moves, so that a mouth never speaks for a brow. Height in the mean
# face, in eye distances below the centre of the stable points: nose root to brows, or nose base to chin.
PARTS = {"upper": ((1, 2, 4, 5, 7, 43), -np.inf, 0.12), "whole": ((6, 9), -np.inf, np.inf),
         "lower": ((12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28), 0.2, np.inf)}  # 10 11 22: see the page's limits


@dataclass
class Basis:
    """Components of the half-face, scaled to unit variance, and what agreed neutral faces differ in."""

    mean: np.ndarray  # [D]
    project: np.ndarray  # [D, K]
    within: np.ndarray  # [K, K] covariance between agreed neutral faces and between their two halves: identity,
    # leftover pose, noise of the mesh, in short everything that must not look like a movement
    reference: dict[int, np.ndarray]  # AU -> direction [K] that predicts its blendshape
    agreement: dict[int, float]  # AU -> correlation with the blendshape on wild faces that were not fitted


def coded_landmarks(stored) -> np.ndarray:
    """Mesh of the 48 px crops, enlarged to 192 px inside a 48 px grey frame, in crop pixels; NaN = no face found."""
    import mediapipe as mp
    from PIL import Image

    raw, offset = stored["png"].tobytes(), stored["offset"]
    points = np.full((len(offset) - 1, 478, 3), np.nan)
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        for k in range(len(points)):
            crop = Image.open(io.BytesIO(raw[offset[k]:offset[k + 1]])).convert("RGB").resize((192, 192), Image.LANCZOS)
            framed = np.full((288, 288, 3), 128, np.uint8)
            framed[48:240, 48:240] = crop
            if found := mesh.process(framed).multi_face_landmarks:
                relative = np.array([[p.x, p.y, p.z] for p in found[0].landmark])
                points[k] = (relative * 288 - [48, 48, 0]) / 192 * 48
    return points


def mean_face(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric mean face in its own axes (measure.Estimator.mean) and the mirror table [478]."""
    from scipy.optimize import linear_sum_assignment

    mean = landmarks[np.argmin(np.abs(landmarks[:, 33, 2] - landmarks[:, 263, 2]))]
    for _ in range(4):
        mean = np.median(measure.remove_pose(landmarks, mean)[0], axis=0)
        across = mean[263] - mean[33]
        unit = np.linalg.norm(across)
        x = across / unit
        down = mean[152] - mean[10]
        y = down - x * (down @ x)
        y /= np.linalg.norm(y)
        mean = (mean - mean[STABLE].mean(0)) @ np.stack([x, y, np.cross(x, y)], 1) / unit
    mean -= [mean[[10, 152, 1, 168], 0].mean(), 0, 0]
    flipped = mean * [-1, 1, 1]
    mirror = linear_sum_assignment(((mean[:, None] - flipped[None]) ** 2).sum(2))[1]
    if not (mirror[mirror] == np.arange(478)).all() or mirror[33] != 263:
        raise SystemExit("the mirror table of the mesh is not an involution: are the wild landmarks a mediapipe mesh?")
    return (mean + mean[mirror] * [-1, 1, 1]) / 2, mirror


def load_coded(path: Path, halves_of) -> Faces:
    """The three apex frames of every sequence carry the code of its apex."""
    with np.load(path) as stored:
        found = np.isfinite(points := coded_landmarks(stored)).all((1, 2))
        apex, sequence = stored["apex_frame"], stored["sequence"]
        code = dict(zip(sequence[apex], stored["au_present"][apex], strict=True))
        rows = np.array([code[s] for s in sequence], dtype=float)
        present = np.full((len(rows), len(AUS)), np.nan)
        for k, number in enumerate(stored["au"]):
            if number in AUS:
                present[:, AUS.index(number)] = rows[:, k]
        return Faces(halves_of(points[found])[0], present[found], stored["subject"][found], apex[found])


def load_wild(path: Path, blendshapes: Path):
    """Landmarks [N, 478, 3], reference [N, 24], agreed label [N] and validation mask of the usable wild faces."""
    with np.load(path) as faces, np.load(blendshapes) as shapes:
        use = faces["found"] & faces["keep"] & np.isfinite(shapes["all_blendshapes"]).all(1)
        names = [str(n) for n in shapes["blendshape_names"]]
        values = np.sqrt(np.clip(shapes["all_blendshapes"][use].astype(float), 0, None))  # the raw ones pile up at 0
        votes = faces["fp_votes"][use]
        points, test = faces["landmarks"][use].astype(float), faces["public_test"][use]
    reference = np.full((len(values), len(AUS)), np.nan)
    for number, stems in REFERENCE.items():
        columns = [k for k, n in enumerate(names) if n.removesuffix("Left").removesuffix("Right") in stems]
        reference[:, au_index(number)] = values[:, columns].mean(1)
    label = np.where(votes.max(1) >= 7, votes.argmax(1), -1)
    return points, reference, label, test


def fit_basis(wild: Faces, numbers: tuple[int, ...]) -> Basis:
    """Principal components of the symmetrised wild faces, and ridge directions of the references of `numbers`."""
    train, both = ~wild.test, wild.halves.mean(1)
    mean = both[train].mean(0)
    variance, axes = np.linalg.eigh(np.cov((both[train] - mean).T))
    project = axes[:, ::-1][:, :COMPONENTS] / np.sqrt(variance[::-1][:COMPONENTS])
    z = (both - mean) @ project
    neutral = train & (wild.group == LABELS.index("neutral"))
    uneven = np.cov(((wild.halves[neutral, 0] - wild.halves[neutral, 1]) / 2 @ project).T)
    reference, agreement = {}, {}
    for number in set(REFERENCE) & set(numbers):
        target = wild.present[:, au_index(number)]
        target = (target - target[train].mean()) / target[train].std()
        # Without `uneven` the two halves of a slightly turned face get opposite errors (correlation with yaw .84).
        a = z[train].T @ z[train] + train.sum() * uneven + 20 * np.eye(COMPONENTS)
        reference[number] = np.linalg.solve(a, z[train].T @ target[train])
        agreement[number] = float(np.corrcoef(z[wild.test] @ reference[number], target[wild.test])[0, 1])
    return Basis(mean, project, np.cov(z[neutral].T) + uneven, reference, agreement)


def logistic(x: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Penalised logistic regression by Newton steps; penalty [P, P] is the prior precision of the weights."""
    weights = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        # One third each: the three frames of a sequence are nearly the same picture.
        gradient = x.T @ (p - y) / 3 + penalty @ weights
        hessian = (x * (p * (1 - p) / 3)[:, None]).T @ x + penalty
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def fit_au(z: np.ndarray, y: np.ndarray, number: int, basis: Basis) -> np.ndarray:
    """Bias and direction [1 + K] of one AU from coded faces z [N, K], y [N].

    Directions in which neutral people differ anyway are expensive. With a reference, its direction is almost free and
    only what departs from it is penalised.
    """
    if number in REFERENCE_ONLY:
        return np.concatenate([[0], basis.reference[number]])
    prior = basis.reference.get(number)
    columns = [np.ones(len(z))] + ([z @ prior] if prior is not None else [])
    free = len(columns)
    penalty = np.zeros((free + COMPONENTS,) * 2)
    penalty[range(free), range(free)] = (1e-3, 0.05)[:free]
    penalty[free:, free:] = (STIFF if prior is not None else SOFT) * (np.eye(COMPONENTS) + basis.within)
    weights = logistic(np.column_stack([*columns, z]), y, penalty)
    direction = weights[free:] + (weights[1] * prior if prior is not None else 0)
    return np.concatenate([[weights[0]], direction])


def cross_validate(z: np.ndarray, coded: Faces, basis: Basis, number: int) -> np.ndarray:
    """Scores [N] of every coded frame from a fit without its subject."""
    people = np.random.default_rng(SEED).permutation(np.unique(coded.group))
    fold = {s: k % FOLDS for k, s in enumerate(people)}
    folds = np.array([fold[s] for s in coded.group])
    scores, y = np.empty(len(z)), coded.present[:, au_index(number)]
    for f in range(FOLDS):
        w = fit_au(z[folds != f], y[folds != f], number, basis)
        scores[folds == f] = z[folds == f] @ w[1:] + w[0]
    return scores


def knots_of(wild: np.ndarray, neutral: np.ndarray, rate: float, coded: np.ndarray | None, y: np.ndarray) -> np.ndarray:
    """Scores that stand for 0, OFF, ON, 3 and 5 (measure.LEVELS).

    ON: `rate` of agreed neutral faces pass; where posed frames would ask for more (best F1), two thirds of the way,
    because posed movements are stronger than wild ones. OFF: BAND_SHARE of the wild faces below it. 0: the median
    neutral face. 3: the median posed apex. 5: one wild face in 200.
    """
    on, marked = np.quantile(neutral, 1 - rate), -np.inf
    if coded is not None:
        on, marked = max(on, on / 3 + best_threshold(coded, y) * 2 / 3), np.median(coded[y > 0])
    off = np.quantile(wild, max((wild < on).mean() - BAND_SHARE, 0.01))
    rest, extreme = np.median(neutral), np.quantile(wild, 0.995)
    marked = max(marked, np.median(wild[wild > on])) if (wild > on).any() else on
    knots = np.array([min(rest, off), off, on, min(marked, extreme), extreme])
    for k in range(1, 5):  # np.interp needs rising knots
        knots[k] = max(knots[k], knots[k - 1] + 0.02 * wild.std())
    return knots


def fit(coded: Faces, wild: Faces, height: np.ndarray) -> tuple[dict, np.ndarray, dict[int, float]]:
    """Weights, bias, knots, accuracy and mask of every AU, cross-validated coded scores [N, 24], agreement per AU.

    height: [D] where in the mean face each coordinate lies (PARTS).
    """
    out = {"weights": np.zeros((24, len(height))), "bias": np.zeros(24), "knots": np.tile(np.arange(5.0), (24, 1)),
           "accuracy": np.zeros(24), "measured": np.zeros(24, dtype=bool)}
    scores, agreement = np.full(coded.present.shape, np.nan), {}
    for numbers, top, bottom in PARTS.values():
        inside = (height > top) & (height < bottom)
        near, far = replace(coded, halves=coded.halves[..., inside]), replace(wild, halves=wild.halves[..., inside])
        basis = fit_basis(far, numbers)
        agreement |= basis.agreement
        for number in numbers:
            direction, fitted = fit_one(number, near, far, basis)
            k = au_index(number)
            out["weights"][k, inside], scores[:, k] = direction, fitted.pop("scores")
            out["measured"][k] = True
            for name, value in fitted.items():
                out[name][k] = value
    closed, blink = au_index(43), au_index(45)  # the same movement, told apart by its duration
    for values in out.values():
        values[blink] = values[closed]
    return out, scores, agreement


def fit_one(number: int, coded: Faces, wild: Faces, basis: Basis) -> tuple[np.ndarray, dict]:
    """One AU: weights over its part of the half-face, and bias, knots, accuracy and cross-validated scores."""
    z, zw = (coded.halves.mean(1) - basis.mean) @ basis.project, (wild.halves.mean(1) - basis.mean) @ basis.project
    y, apex, train = coded.present[:, au_index(number)], coded.test, ~wild.test
    w = fit_au(z, y, number, basis)
    scores, score = cross_validate(z, coded, basis, number), zw[train] @ w[1:] + w[0]
    own = number not in REFERENCE_ONLY
    neutral = score[wild.group[train] == LABELS.index("neutral")]
    skill = 2 * auc(scores[apex], y[apex]) - 1 if own else basis.agreement[number] ** 2
    direction = basis.project @ w[1:]
    knots = knots_of(score, neutral, NEUTRAL_RATE[number], scores[apex] if own else None, y[apex])
    if number == 27:  # posed frames with and without a 27 are far apart: what lies between them is a 26
        knots[1:3] = np.quantile(scores[apex][y[apex] > 0], (0.05, 0.2))
    return direction, {"bias": w[0] - basis.mean @ direction, "accuracy": np.clip(skill, 0, 1), "scores": scores,
                       "knots": knots}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("coded", "wild", "blendshapes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=measure.FILE)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "au_estimator.md")
    args = parser.parse_args()

    points, reference, label, test = load_wild(args.wild, args.blendshapes)
    mean, mirror = mean_face(points[~test][::10])
    own = np.arange(478) == mirror
    half = np.concatenate([np.flatnonzero(own), np.flatnonzero((mean[:, 0] < 0) & ~own)])

    def halves_of(landmarks):
        faces, angles = measure.remove_pose(landmarks, mean)
        return measure.halves(faces, mean, mirror, half), angles

    halves, angles = halves_of(points)
    frontal = np.abs(angles[:, 0]) < FRONTAL
    wild = Faces(halves[frontal], reference[frontal], label[frontal], test[frontal])
    coded = load_coded(args.coded, halves_of)
    numbers, scores, agreement = fit(coded, wild, np.repeat(mean[half, 1], 3))
    save(args.out, mean=mean, mirror=mirror, half=half, **numbers)
    measure.estimator.cache_clear()
    text = PAGE.format(accuracy=accuracy_table(coded, scores, agreement, numbers["measured"]),
                       wild=wild_table(*on_rates(Faces(halves, reference, label, test), points)),
                       components=COMPONENTS, band=f"{100 * BAND_SHARE:.0f} %")
    args.page.parent.mkdir(exist_ok=True)
    args.page.write_text(text)
    print(text)


def save(path: Path, **arrays: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    small = {k: v.astype(np.float32) if v.dtype == float else v.astype(np.int16) if v.dtype == int else v
             for k, v in arrays.items()}
    np.savez_compressed(path, version=np.array(measure.ESTIMATOR_VERSION), **small)


if __name__ == "__main__":
    main()
