"""Faces that the action-unit estimator is fitted on and judged by, perceived once and cached.

DIR is the folder of development data that data_engine/README.md names. Every picture takes the way of a photo at
inference: mesh.measure_photo -> mesh.second_look -> appearance.describe. N = pictures, P = appearance.PLACES.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emollm.evaluation.fer2013 import FERPLUS
from emollm.perception import align, appearance, measure, mesh
from emollm.schema import AUS, LABELS, au_index

CODED = ("ckplus48_facs_fit.npz", "ckplus48_facs_fit2.npz")
FER, BLENDSHAPES = "fer2013_train.npz", "fer2013_train_landmarks.npz"
WILD = 16000  # first pictures of FER2013: more change no figure
FRONTAL = 30.0  # degrees of yaw up to which wild faces teach
AGREED = 8  # of ten votes
VALIDATION = 0.2  # share of the wild faces that no fit sees
# Blendshapes of an independent model that are worth imitating; not mouthStretch for AU20: on wild faces it follows the smile.
REFERENCE = {1: ("browInnerUp",), 2: ("browOuterUp",), 4: ("browDown",), 5: ("eyeWide",), 7: ("eyeSquint",),
             12: ("mouthSmile",), 15: ("mouthFrown",), 17: ("mouthShrugLower",), 18: ("mouthPucker",),
             25: ("mouthLowerDown",), 26: ("jawOpen",), 27: ("jawOpen",), 28: ("mouthRollLower", "mouthRollUpper"),
             43: ("eyeBlink",)}


@dataclass
class PerceivedFaces:
    """What perception makes of N pictures; NaN landmarks where no face was found."""

    landmarks: np.ndarray  # [N, 478, 3]
    patches: np.ndarray  # [N, 2, P, 72] float16

    def __getitem__(self, rows) -> PerceivedFaces:
        return PerceivedFaces(self.landmarks[rows], self.patches[rows])

    @property
    def found(self) -> np.ndarray:
        return np.isfinite(self.landmarks).all((1, 2))

    @property
    def looks(self) -> np.ndarray:
        return appearance.project(self.patches)

    @property
    def levels(self) -> np.ndarray:
        """Intensities [N, 24, 2] by the shipped estimator."""
        return measure.intensities(self.landmarks, self.looks)


@dataclass
class FaceSet:
    """Faces of one data set with what is known about them."""

    seen: PerceivedFaces
    present: np.ndarray  # coded: [N, 24] 0-1, NaN = not coded; wild: blendshapes [N, 24], NaN = none
    group: np.ndarray  # coded: subject; wild: index into LABELS, -1 = the annotators disagree
    test: np.ndarray  # coded: apex frame; wild: validation share, never fitted
    number: np.ndarray  # row of the picture in its file

    def __getitem__(self, rows) -> FaceSet:
        return FaceSet(self.seen[rows], self.present[rows], self.group[rows], self.test[rows], self.number[rows])


def see(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks [478, 3] and patches [2, P, 72] of the largest face of an RGB picture; NaN without a face."""
    faces = mesh.measure_photo(picture, 8)
    if not faces:
        return np.full((478, 3), np.nan), np.zeros((2, len(appearance.PLACES), 9 * appearance.BINS))
    points = mesh.second_look(picture, max(faces, key=lambda p: np.ptp(p[:, 0])))
    return points, appearance.describe(align.cut_chip(picture, points, appearance.SIZE)[0], points)


def perceive_pictures(cache: Path, name: str, pictures: Callable[[], Iterable[np.ndarray]]) -> PerceivedFaces:
    """Every picture seen, from `cache`/`name`.npz when it is there."""
    path = cache / f"{name}.npz"
    if not path.exists():
        landmarks, patches = zip(*(see(picture) for picture in pictures()), strict=True)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, landmarks=np.float32(landmarks), patches=np.float16(patches))
    with np.load(path) as stored:
        return PerceivedFaces(stored["landmarks"].astype(float), stored["patches"])


def stored_pictures(path: Path, rows: Iterable[int] | None = None) -> Iterable[np.ndarray]:
    """RGB pictures of a file with `png` bytes and `offset`."""
    from PIL import Image

    with np.load(path) as stored:
        raw, offset = stored["png"].tobytes(), stored["offset"]
    for k in range(len(offset) - 1) if rows is None else rows:
        yield np.asarray(Image.open(io.BytesIO(raw[offset[k]:offset[k + 1]])).convert("RGB"))


def load_coded(folder: Path, cache: Path) -> FaceSet:
    """Human FACS codes; the three apex frames of every sequence carry the code of its apex."""
    paths = [folder / name for name in CODED]
    perceived = perceive_pictures(cache, "coded", lambda: (p for path in paths for p in stored_pictures(path)))
    present, subject, apex = (np.concatenate(parts) for parts in zip(*map(_codes, paths), strict=True))
    return FaceSet(perceived, present, subject, apex, np.arange(len(apex)))[perceived.found]


def _codes(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes [N, 24], subject [N] and apex mask [N]."""
    with np.load(path) as stored:
        apex, sequence = stored["apex_frame"], stored["sequence"]
        code = dict(zip(sequence[apex], stored["au_present"][apex], strict=True))
        rows = np.array([code[s] for s in sequence], dtype=float)
        present = np.full((len(rows), len(AUS)), np.nan)
        for k, number in enumerate(stored["au"]):
            if number in AUS:
                present[:, AUS.index(number)] = rows[:, k]
        return present, stored["subject"], apex


def perceive_wild(folder: Path, cache: Path) -> PerceivedFaces:
    return perceive_pictures(cache, "wild", lambda: stored_pictures(folder / FER, range(WILD)))


def load_wild(folder: Path, cache: Path) -> FaceSet:
    """The usable frontal ones of the first WILD pictures of FER2013, with blendshapes and the label that raters agree on."""
    perceived = perceive_wild(folder, cache)
    with np.load(folder / FER) as fer, np.load(folder / BLENDSHAPES) as shapes:
        votes, doubtful = fer["ferplus_votes"][:WILD], fer["label_ambiguous"][:WILD]
        names, values = [str(n) for n in shapes["blendshape_names"]], shapes["all_blendshapes"][:WILD].astype(float)
    use = perceived.found & (votes[:, FERPLUS.index("contempt") + 2] == 0) & ~doubtful & np.isfinite(values).all(1)
    label = np.where(votes[:, :8].max(1) >= AGREED, [LABELS.index(FERPLUS[k]) for k in votes[:, :8].argmax(1)], -1)
    test = np.random.default_rng(0).random(WILD) < VALIDATION
    faces = FaceSet(perceived, _references(values, names), label, test, np.arange(WILD))[use]
    _, angles = measure.remove_pose(faces.seen.landmarks, measure.estimator().mean)
    return faces[np.abs(angles[:, 0]) < FRONTAL]


def _references(values: np.ndarray, names: list[str]) -> np.ndarray:
    """Blendshapes [N, 24] that stand for an AU; their root, because the raw ones pile up at 0."""
    reference = np.full((len(values), len(AUS)), np.nan)
    for number, stems in REFERENCE.items():
        columns = [k for k, n in enumerate(names) if n.removesuffix("Left").removesuffix("Right") in stems]
        reference[:, au_index(number)] = np.sqrt(np.clip(values[:, columns], 0, None)).mean(1)
    return reference


def shake(picture: np.ndarray) -> dict[str, np.ndarray]:
    """The same face in another light, sharpness, size and mirrored: what must not change what is measured."""
    import cv2

    height, width = picture.shape[:2]
    half = cv2.resize(picture, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    return {"mirror": np.ascontiguousarray(picture[:, ::-1]), "bright": np.clip(picture * 1.2, 0, 255).astype(np.uint8),
            "dark": (picture * 0.8).astype(np.uint8), "blur": cv2.GaussianBlur(picture, (0, 0), 1), "half": half}


CHANGES = ("mirror", "bright", "dark", "blur", "half")
SHAKEN = 110  # wild faces that teach what a change of light, sharpness or size does


def shake_wild(folder: Path, cache: Path) -> tuple[np.ndarray, PerceivedFaces]:
    """Rows [SHAKEN] of FER2013, and each of them under every one of CHANGES, [SHAKEN * 5], row by row."""
    rows = np.random.default_rng(2).permutation(12000)[:SHAKEN]
    return rows, perceive_pictures(cache, "shaken", lambda: (changed for picture in stored_pictures(folder / FER, rows)
                                                             for changed in shake(picture).values()))
