"""Fit the action-unit estimator of emollm/perception/measure.py and write its accuracy on other people.

    python -m data_engine.fit_aus --data DIR --cache runs/aus

--data: the folder of data_engine/README.md with the coded crops as well: ckplus48_facs_fit*.npz (png, offset, au,
au_present, apex_frame, subject, sequence), yale_five/, samples/. --cache: perception of all pictures, made at the first
run (ten minutes), read afterwards (a minute). Writes emollm/data/au_estimator.npz, emollm/data/au_looks.npz and
docs/au_estimator.md, where the method is described.
D = half-face coordinates, F = features of a half (measure.features), K = components.
"""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_engine import au_check, au_page, au_sets
from data_engine.au_fit import Features, Fit, Space
from data_engine.au_sets import FaceSet, PerceivedFaces
from data_engine.mean_face import mean_face
from emollm.perception import appearance, measure
from emollm.perception.mesh import lip_gap
from emollm.schema import AUS, LABELS, au_index

ROOT = Path(__file__).resolve().parents[1]
PATCH_SCALE = 0.7  # of a patch's component, where one of geometry is 1


@dataclass(frozen=True)
class Recipe:
    """Components of the geometry of a part of the face, and what wild faces at rest weigh together."""

    components: int
    at_rest: float


COARSE, FINE = Recipe(60, 55.0), Recipe(80, 90.0)


@dataclass(frozen=True)
class FacePart:
    """A part of the face and the AUs that are read from it alone, so that a mouth never speaks for a brow.

    Height in the mean face, in eye distances below the centre of the stable points.
    """

    numbers: tuple[int, ...]
    top: float
    bottom: float
    places: tuple[str, ...]  # of appearance.PLACES
    lips: bool  # whether the lip gap speaks
    looked: Recipe = FINE  # with a picture; from landmarks alone always COARSE: FINE loses a jaw that is moved by hand


MOUTH = ("nose wing", "cheek", "mouth corner", "philtrum", "lips", "lower lip", "chin", "below the corner")
PARTS = (
    FacePart((1, 2, 4, 5), -np.inf, 0.12,
         ("forehead", "outer forehead", "glabella", "inner brow", "outer brow", "nose root", "eye", "crow's feet"), False),
    FacePart((7,), -np.inf, 0.12, ("eye", "crow's feet"), False),
    FacePart((6, 9), -np.inf, np.inf, ("glabella", "nose root", "eye", "crow's feet", "lid-cheek line", "nose side",
                                   "nose wing", "cheek", "philtrum"), False),
    # FINE misses a faint smile and takes one that is printed on a mask.
    FacePart((12,), 0.2, np.inf, MOUTH, True, COARSE),
    FacePart((14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28), 0.2, np.inf, MOUTH, True),
)


# Features


def principal_components(x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] of rows x [N, D] and `count` components [D, count], scaled to unit variance."""
    mean = x.mean(0)
    variance, axes = np.linalg.eigh(np.cov((x - mean).T))
    return mean, axes[:, ::-1][:, :count] / np.sqrt(variance[::-1][:count])


def fit_patches(path: Path, patches: np.ndarray) -> None:
    """Write the components of the patches [N, 2, P, 72] of wild faces, for appearance.project."""
    both = patches.mean(1, dtype=np.float32)
    parts = [principal_components(both[:, k].astype(float), appearance.COMPONENTS) for k in range(both.shape[1])]
    np.savez_compressed(path, mean=np.float32([m for m, _ in parts]), project=np.float32([p * PATCH_SCALE for _, p in parts]))
    appearance.basis.cache_clear()


def features_of(seen: PerceivedFaces, with_looks: bool) -> np.ndarray:
    """measure.features of faces [N, 2, F]."""
    est = measure.estimator()
    faces, _ = measure.remove_pose(seen.landmarks, est.mean)
    halves = measure.halves(faces, est.mean, est.mirror, est.half)
    return measure.features(halves, lip_gap(seen.landmarks), seen.looks if with_looks else None)


def space_of(part: FacePart, features: Features, train: np.ndarray, neutral: np.ndarray, count: int) -> Space:
    """`count` components of the part's geometry beside the appearance of its places and the steps of the lip gap."""
    height, wide = np.repeat(measure.estimator().mean[measure.estimator().half, 1], 3), features.wild.shape[2]
    inside = np.flatnonzero((height > part.top) & (height < part.bottom))
    steps = np.arange(len(height), len(height) + len(measure.GAP_STEPS))
    looks = np.arange(steps[-1] + 1, wide).reshape(-1, appearance.COMPONENTS) if wide > steps[-1] + 1 else None
    kept = [] if looks is None else looks[[appearance.NAMES.index(p) for p in part.places]].ravel()
    kept = np.concatenate([kept, steps if part.lips else []]).astype(int)
    both = features.wild.mean(1)
    centre, axes = principal_components(both[train][:, inside], count)
    project = np.zeros((wide, count + len(kept)))
    project[inside[:, None], np.arange(count)] = axes
    project[kept, count + np.arange(len(kept))] = 1
    whole = np.zeros(wide)
    whole[inside] = centre
    rest = features.wild[neutral] @ project
    uneven = np.cov((rest[:, 0] - rest[:, 1]).T / 2)
    change = (features.shaken - features.still) @ project
    return Space(whole, project, np.cov(rest.mean(1).T) + uneven + change.T @ change / len(change), uneven,
                 np.arange(project.shape[1]) < count)


# All of them


def fit(coded: FaceSet, wild: FaceSet, shaken: tuple[np.ndarray, PerceivedFaces],
        with_looks: bool) -> tuple[dict, dict[int, Fit]]:
    """Arrays of a measure.Reading, and every AU's fit."""
    features = Features(features_of(coded.seen, with_looks), features_of(wild.seen, with_looks),
                        *pairs(wild, shaken, with_looks))
    train = ~wild.test
    neutral, fits = train & (wild.group == LABELS.index("neutral")), {}
    for part in PARTS:
        recipe = part.looked if with_looks else COARSE
        space = space_of(part, features, train, neutral, recipe.components)
        for number in part.numbers:
            fits[number] = Fit(number, space, features, coded, wild, recipe.at_rest)
    out = {"weights": np.zeros((24, features.wild.shape[2])), "bias": np.zeros(24), "accuracy": np.zeros(24),
           "knots": np.tile(np.arange(5.0), (24, 1)), "uneven": np.zeros(24)}
    for number, fitted in fits.items():
        for name, values in out.items():
            values[au_index(number)] = getattr(fitted, name)
    out["accuracy"][[au_index(43), au_index(45)]] = lid_agreement(wild)
    return out, fits


def lid_agreement(wild: FaceSet) -> float:
    """Share of the variance of an independent model's eye closure that the opening of the lids meets."""
    known = measure.lids(wild.seen.landmarks).mean(1)
    return float(np.corrcoef(known, wild.present[:, au_index(43)])[0, 1] ** 2)


def pairs(wild: FaceSet, shaken: tuple[np.ndarray, PerceivedFaces], with_looks: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean features of the sides of shaken faces: as they are and changed, [S, F] each."""
    rows, changed = shaken
    rows = np.repeat(rows, len(au_sets.CHANGES))
    at = {number: k for k, number in enumerate(wild.number[~wild.test].tolist())}
    use = changed.found & np.array([r in at for r in rows])
    before = wild[~wild.test].seen[[at[r] for r in rows[use]]]
    return features_of(before, with_looks).mean(1), features_of(changed[use], with_looks).mean(1)


def start(data: Path, cache: Path) -> None:
    """Write an estimator that knows the mean face alone: the sets are laid onto it."""
    seen = au_sets.perceive_wild(data, cache)
    mean, mirror = mean_face(seen.landmarks[seen.found][::20])
    own = np.arange(478) == mirror
    half = np.concatenate([np.flatnonzero(own), np.flatnonzero((mean[:, 0] < 0) & ~own)])
    nothing = {f.name: np.zeros(24) for f in dataclasses.fields(measure.Reading)}
    write(measure.FILE, dict.fromkeys(("alone", "looked"), nothing), mean=mean, mirror=mirror, half=half,
          measured=np.zeros(24, bool))


def write(path: Path, readings: dict[str, dict], **face: np.ndarray) -> None:
    """The estimator's file, small: mean, mirror, half and measured of measure.Estimator, and its readings."""
    arrays = face | {f"{kind}_{name}": values for kind, reading in readings.items() for name, values in reading.items()}
    small = {k: v.astype(np.float32) if v.dtype == float else v.astype(np.int16) if v.dtype == int else v
             for k, v in arrays.items()}
    np.savez_compressed(path, version=np.array(measure.ESTIMATOR_VERSION), **small)
    measure.estimator.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/aus"))
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "au_estimator.md")
    args = parser.parse_args()

    start(args.data, args.cache)
    coded, wild = au_sets.load_coded(args.data, args.cache), au_sets.load_wild(args.data, args.cache)
    shaken = au_sets.shake_wild(args.data, args.cache)
    fit_patches(appearance.FILE, wild[~wild.test].seen.patches)
    readings, fits = {}, {}
    for kind, with_looks in (("alone", False), ("looked", True)):
        readings[kind], fits[kind] = fit(coded, wild, shaken, with_looks)
    measured = np.isin(AUS, [*fits["looked"], 43, 45])
    est = measure.estimator()
    write(measure.FILE, readings, mean=est.mean, mirror=est.mirror, half=est.half, measured=measured)
    text = au_page.page(coded, fits, au_check.figures(args.data, args.cache, wild))
    args.page.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
