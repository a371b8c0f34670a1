"""What the shipped action-unit estimator makes of faces whose movement is known: figures with their counts.

    python -m data_engine.au_check --data DIR --cache runs/aus

Resting, surprised, angry and happy faces that raters agree on; five people in full-size pictures whose file name says
what they do; four clips with another machine's table (never fitted); the same faces in another light, sharpness, size
and mirrored; open mouths stretched downwards. Folders and cache as data_engine/fit_aus.py.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data_engine import au_sets
from data_engine.au_sets import FaceSet, PerceivedFaces
from emollm.evidence.whole_movements import join
from emollm.perception import mesh
from emollm.schema import AU_NAMES, AUS, LABELS, ON, au_index

OPENING = (25, 26, 27)
FIVE, SAMPLES = "yale_five", "samples"
CLIPS = (2, 3, 7, 12)
FOLLOWED = (1, 2, 4, 5, 6, 9, 12, 15, 17, 25, 26, 45)  # AUs of the OpenFace tables that are asked for
GAPING = ("shouting.jpg", "surprised_stock.jpg", "surprise_frontal.jpg", "tongue_out.jpg")
STRETCHES = (1.2, 1.4, 1.6)

Levels = Callable[[PerceivedFaces], np.ndarray]  # faces -> intensities [N, 24, 2]


def mean_sides(levels: np.ndarray) -> np.ndarray:
    """Mean of the seen sides [N, 24]; NaN where neither is."""
    seen = np.isfinite(levels)
    return np.where(seen.any(2), np.nan_to_num(levels).sum(2) / np.maximum(seen.sum(2), 1), np.nan)


def share_on(levels: np.ndarray, numbers: tuple[int, ...]) -> float:
    """Share of faces [N, 24] on which any of the AUs is on."""
    return float((levels[:, [au_index(a) for a in numbers]] >= ON).any(1).mean())


def wild_figures(wild: FaceSet, levels: np.ndarray) -> dict:
    """How often each AU is on by agreed label; neutral faces took part in the fit, so only validation ones count."""
    chosen = {label: (wild.group == k) & (wild.test | (label != "neutral")) for k, label in enumerate(LABELS)}
    return {label: {"n": int(rows.sum()), "on": dict(zip(AU_NAMES, (levels[rows] >= ON).mean(0).tolist(), strict=True)),
                    "opening": share_on(levels[rows], OPENING), "brows": share_on(levels[rows], (1, 2))}
            for label, rows in chosen.items() if rows.sum() >= 20}


# Five people


def five_people(folder: Path, cache: Path) -> tuple[list[str], PerceivedFaces]:
    paths = sorted((folder / FIVE).glob("*.png"))
    return [p.stem for p in paths], au_sets.perceive_pictures(cache, "yale", lambda: map(_picture, paths))


def _picture(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"))


def five_figures(names: list[str], sides: np.ndarray) -> dict:
    """Which AUs are on in each picture, and how many pictures show what their name says."""
    levels = mean_sides(sides)
    on = {n: [AU_NAMES[k] for k in np.flatnonzero(row >= ON)] for n, row in zip(names, levels, strict=True)}
    closed = sides[:, au_index(43)] >= ON
    asked = {"happy": lambda k, au: "AU12" in au, "sleepy": lambda k, au: "AU43" in au and "AU09" not in au,
             "surprised": lambda k, au: bool({"AU01", "AU02"} & {*au}) and bool({"AU25", "AU26", "AU27"} & {*au}),
             "wink": lambda k, au: closed[k].sum() == 1, "normal": lambda k, au: levels[k][np.isfinite(levels[k])].max() < 3,
             "noglasses": lambda k, au: levels[k][np.isfinite(levels[k])].max() < 3}
    met = {word: [bool(asked[word](k, on[n])) for k, n in enumerate(names) if n.endswith("_" + word)] for word in asked}
    return {"met": {word: f"{sum(hits)}/{len(hits)}" for word, hits in met.items()}, "on": on}


# Steadiness


def steady_figures(folder: Path, cache: Path, levels_of: Levels) -> dict:
    """Mean change of a level and share of changed on/off states under each change of the five people's pictures."""
    names, before = five_people(folder, cache)
    changed = au_sets.perceive_pictures(cache, "yale_shaken", lambda: (c for p in sorted((folder / FIVE).glob("*.png"))
                                                                       for c in au_sets.shake(_picture(p)).values()))
    old, new = levels_of(before), levels_of(changed).reshape(len(names), len(au_sets.CHANGES), len(AUS), 2)
    new[:, au_sets.CHANGES.index("mirror")] = new[:, au_sets.CHANGES.index("mirror"), :, ::-1]
    out = {}
    for k, change in enumerate(au_sets.CHANGES):
        a, b = mean_sides(old), mean_sides(new[:, k])
        both = np.isfinite(a) & np.isfinite(b)
        out[change] = {"change": float(np.abs(a - b)[both].mean()), "flips": float(((a >= ON) != (b >= ON))[both].mean()),
                       "n": int(both.any(1).sum())}
    return out


# Clips


def clip_faces(folder: Path, cache: Path, number: int) -> tuple[np.ndarray, PerceivedFaces]:
    """Frame numbers [N] and faces of a clip as it is followed."""
    from emollm.perception import align, appearance, face, media

    path = cache / f"clip{number}.npz"
    if not path.exists():
        clip = media.read(folder / SAMPLES / f"openface_clip{number}.mp4")
        rows = [(int(f), p) for t in face.follow(clip) for f, p in zip(t.frames, t.landmarks, strict=True)]
        at: dict[int, list[np.ndarray]] = {}
        for frame, points in rows:
            at.setdefault(frame, []).append(points)
        seen = [(frame, points, appearance.describe(align.cut_chip(picture, points, appearance.SIZE)[0], points))
                for frame, _, picture in clip.frames(sorted(at)) for points in at[frame]]
        frames, landmarks, patches = zip(*seen, strict=True)
        np.savez(path, frame=np.array(frames), landmarks=np.float32(landmarks), patches=np.float16(patches))
    with np.load(path) as stored:
        return stored["frame"], PerceivedFaces(stored["landmarks"].astype(float), stored["patches"])


def pair_frames(frames: np.ndarray, rows: list[dict]) -> list[tuple[int, dict]]:
    """Our faces, by position in `frames` [N], and the rows of an OpenFace table of the same frames, where both see one face.
    The table does not say where a face is: of two in a frame nobody knows which is which."""
    ours, theirs = Counter(frames.tolist()), Counter(int(row["frame"]) - 1 for row in rows)
    tracked = {int(row["frame"]) - 1: row for row in rows if float(row["success"]) == 1}
    return [(k, tracked[f]) for k, f in enumerate(frames.tolist()) if f in tracked and ours[f] == theirs[f] == 1]


def clip_figures(folder: Path, cache: Path, levels_of: Levels) -> dict:
    """Correlation over time with OpenFace for each AU, its mean over the clips in which the AU varies there."""
    correlations: dict[int, list[float]] = {au: [] for au in (*FOLLOWED, 7, 14, 20, 23)}
    for number in CLIPS:
        frames, faces = clip_faces(folder, cache, number)
        levels = join(mean_sides(levels_of(faces)))  # OpenFace's AU26 is a jaw drop of any size, its AU45 any closure
        with (folder / SAMPLES / f"openface_clip{number}.csv").open() as lines:
            used = [(k, row) for k, row in pair_frames(frames, list(csv.DictReader(lines))) if np.isfinite(levels[k, 0])]
        for au, r in correlations.items():
            pair = np.array([[float(row[f"AU{au:02d}_r"]), levels[k, au_index(au)]] for k, row in used])
            if pair[:, 0].std() > 0.1:
                r.append(float(np.nan_to_num(np.corrcoef(pair.T)[0, 1])) if pair[:, 1].std() > 0 else 0.0)
    return {f"AU{au:02d}": {"r": float(np.mean(r)), "clips": len(r)} for au, r in correlations.items() if r}


# Gaping mouths


def stretch(folder: Path) -> Iterator[np.ndarray]:
    """Open mouths, everything below the nose base stretched downwards."""
    import cv2

    for path in [folder / SAMPLES / n for n in GAPING] + sorted((folder / FIVE).glob("*surprised*.png")):
        picture = _picture(path)
        base = round(float(mesh.measure_photo(picture, 1)[0][mesh.NOSE_BASE, 1]))
        for factor in STRETCHES:
            low = cv2.resize(picture[base:], (picture.shape[1], round(len(picture[base:]) * factor)))
            yield np.concatenate([picture[:base], low])


def gaping_figures(folder: Path, cache: Path, levels_of: Levels) -> dict:
    faces = au_sets.perceive_pictures(cache, "stretched", lambda: stretch(folder))
    return {"n": len(faces.landmarks), "opening": share_on(mean_sides(levels_of(faces)), OPENING)}


def figures(folder: Path, cache: Path, wild: FaceSet, levels_of: Levels = lambda faces: faces.levels) -> dict:
    """Every figure by name."""
    names, faces = five_people(folder, cache)
    return {"wild": wild_figures(wild, mean_sides(levels_of(wild.seen))), "five": five_figures(names, levels_of(faces)),
            "steady": steady_figures(folder, cache, levels_of), "clips": clip_figures(folder, cache, levels_of),
            "gaping": gaping_figures(folder, cache, levels_of)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/aus"))
    args = parser.parse_args()
    print(json.dumps(figures(args.data, args.cache, au_sets.load_wild(args.data, args.cache)), indent=1))


if __name__ == "__main__":
    main()
