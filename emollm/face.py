"""Find faces, lay the 478-point mesh on them and follow them through a photo or clip.

Contract (training data was measured so): the mesh always sees a face enlarged or reduced to INNER px inside a grey
frame of BORDER px; on 48x48 crops the frame raises the found share from 93 % to 98.6 %. A picture with a short side
of at most INNER px is taken whole; in larger ones the full-range detector finds the faces and each is cut out
with ENLARGE times its box. Models: MediaPipe 0.10.21 (BlazeFace full range; Attention Mesh, Grishchenko et al. 2020,
arXiv 2006.10962), carried by its wheel. Pixel centres have integer coordinates; nothing here tells who a person is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emollm import align
from emollm.media import Media
from emollm.schema import FaceTrack, InputError, Quality

LANDMARKS = 478
INNER = 192  # px, long side of the crop that the mesh sees
BORDER = 48  # px of grey around it
GREY = 128
ENLARGE = (1.5, 1.1)  # crop side / box side; the tight one is for faces cheek to cheek
MIN_SCORE = 0.5  # of the detector
SMALL_FACE = 1 / 6  # of the long side: below it, the picture is searched again in tiles
TILE = 700  # px of the long side a tile
DETECT_EVERY = 5  # frames of a clip between two searches for new faces
MAX_GAP = 0.5  # s a face may stay unseen before its track ends
MIN_FRAMES = 5  # a shorter track in a clip is taken for a false alarm
SAME_FACE = 0.5  # boxes with a larger intersection over union show one face
MAYBE_CUT = 0.5  # grey-level x histogram difference of two frames; measured: cuts > 1.1, changing light up to 1.1
SAME_LOOK = 0.8  # correlation of a face's chips across a maybe-cut; measured: the same shot > 0.9, cuts < 0.7
FAR = 1.5  # _distance at which a face cannot be the one of the frame before; measured: 99 % of motion < 0.25
SHARPNESS_SCALE = 0.04  # normalised Laplacian variance; blur of 2 % of the face width reads about 0.6
QUALITY_CHIP = 64  # px

# Mean 3D position of align.STABLE in 2,212 near-frontal FER2013 crops (generalised Procrustes), made symmetric,
# x to the picture's right, y down, z away from the camera; unit: distance of the outer eye corners.
CANONICAL_3D = np.array([
    [-0.5000, -0.1278, 0.0581], [-0.1997, -0.1124, 0.0010], [0.1997, -0.1124, 0.0010], [0.5000, -0.1278, 0.0581],
    [0.0000, -0.1763, -0.1716], [0.0000, -0.0886, -0.2226], [0.0000, -0.0127, -0.2806], [0.0000, 0.0575, -0.3428],
    [0.0000, 0.1328, -0.4066], [0.0000, 0.2237, -0.4366], [-0.1922, 0.3404, -0.1669], [0.1922, 0.3404, -0.1669],
    [0.0000, 0.3607, -0.2537], [0.0000, -0.6831, -0.0966], [-0.7623, -0.0796, 0.5863], [0.7623, -0.0796, 0.5863],
    [-0.7558, 0.0725, 0.6272], [0.7558, 0.0725, 0.6272],
])


# Finding faces


def find(picture: np.ndarray, *, tiles: bool = True) -> np.ndarray:
    """Boxes [N, 4] (x0 y0 x1 y1 px) of the faces in a picture [H, W, 3] uint8 RGB, best first; N may be 0.

    A face that fills the picture is missed as it stands and found in a grey frame, a small one is found in a tile:
    both are tried when the first look finds nothing (tiles, when allowed, also when it finds only small faces).
    """
    found = _detect(picture)
    if not len(found):
        found = _detect_framed(picture)
    small = not len(found) or (found[:, 2] - found[:, 0]).max() < SMALL_FACE * max(picture.shape[:2])
    if tiles and small and min(picture.shape[:2]) > INNER:
        found = np.concatenate([found, *_detect_tiles(picture)])
    found = found[np.argsort(-found[:, 4])]
    kept: list[np.ndarray] = []
    for box in found:
        if all(_contained(box, other) < SAME_FACE for other in kept):
            kept.append(box)
    return np.array([box[:4] for box in kept]).reshape(-1, 4)


def _detect(picture: np.ndarray) -> np.ndarray:
    """[N, 5]: x0 y0 x1 y1 px and score."""
    height, width = picture.shape[:2]
    detections = _models().detector.process(np.ascontiguousarray(picture)).detections or []
    boxes = [(d.location_data.relative_bounding_box, d.score[0]) for d in detections]
    return np.array([[b.xmin * width, b.ymin * height, (b.xmin + b.width) * width, (b.ymin + b.height) * height, score]
                     for b, score in boxes]).reshape(-1, 5)


def _detect_framed(picture: np.ndarray) -> np.ndarray:
    import cv2

    border = max(picture.shape[:2]) // 4
    framed = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return _detect(framed) - [border, border, border, border, 0]


def _detect_tiles(picture: np.ndarray) -> Iterator[np.ndarray]:
    """Detections in 2x2 to 4x4 tiles that overlap, so that a face on a seam lies whole in one of them."""
    height, width = picture.shape[:2]
    parts = min(max(max(height, width) // TILE, 2), 4)
    high, wide = round(height * 1.2 / parts), round(width * 1.2 / parts)
    for y in np.linspace(0, height - high, parts).astype(int):
        for x in np.linspace(0, width - wide, parts).astype(int):
            yield _detect(picture[y:y + high, x:x + wide]) + np.array([x, y, x, y, 0])


def _intersection(a: np.ndarray, b: np.ndarray) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return float(max(width, 0) * max(height, 0))


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    common = _intersection(a, b)
    return common / max(_area(a) + _area(b) - common, 1e-9)


def _contained(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the smaller box inside the other: a tile may cut a face's box short."""
    return _intersection(a, b) / max(min(_area(a), _area(b)), 1e-9)


# The mesh


def landmarks(picture: np.ndarray, box: Sequence[float] | np.ndarray | None = None) -> np.ndarray | None:
    """Mesh of one face: [478, 3] picture px (z on the scale of x, negative towards the camera), or None.

    picture: [H, W, 3] uint8 RGB. box: x0 y0 x1 y1 px of a detection or of earlier landmarks; None = the whole
    picture is one face crop.
    """
    height, width = picture.shape[:2]
    if box is None:
        return _mesh(picture, 0, 0, max(width, height))
    box = np.asarray(box, dtype=float)
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    for enlarge in ENLARGE:
        crop = max(round(side * enlarge), 2)
        x0, y0 = np.round(centre - crop / 2).astype(int)
        points = _mesh(picture, x0, y0, crop)
        # The crop shows neighbours too, and the mesh may settle on one of them.
        if points is not None and _overlap(box_of(points), box) > 0.3:
            return points
    return None


def _mesh(picture: np.ndarray, x0: int, y0: int, side: int) -> np.ndarray | None:
    """Run the mesh on a square of the picture, resized to INNER px and framed in grey; may reach outside."""
    from PIL import Image

    left, top = max(x0, 0), max(y0, 0)
    crop = picture[top:max(y0 + side, 0), left:max(x0 + side, 0)]
    if min(crop.shape[:2]) < 2:
        return None
    zoom = INNER / side
    width, height = (max(1, round(n * zoom)) for n in (crop.shape[1], crop.shape[0]))
    small = Image.fromarray(crop).resize((width, height), Image.Resampling.LANCZOS)
    whole = INNER + 2 * BORDER
    x, y = BORDER + round((left - x0) * zoom), BORDER + round((top - y0) * zoom)
    framed = np.full((whole, whole, 3), GREY, np.uint8)
    framed[y:y + height, x:x + width] = np.asarray(small)[: whole - y, : whole - x]
    faces = _run_mesh(framed)
    if not faces:
        return None
    points = np.array([(p.x, p.y, p.z) for p in faces[0].landmark]) * whole
    unzoom = np.array([crop.shape[1] / width, crop.shape[0] / height, crop.shape[1] / width])
    # MediaPipe counts from the picture's edge, we from the centre of its first pixel: half a pixel less.
    return (points - [x, y, 0]) * unzoom + [left - 0.5, top - 0.5, 0]


def box_of(points: np.ndarray) -> np.ndarray:
    """Smallest box x0 y0 x1 y1 around landmarks [478, 2+]; may reach outside the picture."""
    return np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])


def _measure(picture: np.ndarray, boxes: Sequence[np.ndarray], limit: int) -> list[np.ndarray]:
    """Landmarks of each face once, in the order of the boxes."""
    faces: list[np.ndarray] = []
    for box in boxes:
        points = landmarks(picture, box)
        if points is not None and all(_overlap(box_of(points), box_of(f)) < SAME_FACE for f in faces):
            faces.append(points)
        if len(faces) == limit:
            break
    return faces


def _measure_photo(picture: np.ndarray, limit: int) -> list[np.ndarray]:
    if min(picture.shape[:2]) <= INNER and len(_detect(picture)) < 2:
        points = landmarks(picture)
        if points is not None:
            return [points]
    return _measure(picture, find(picture), limit)


# Pose and quality


def pose(points: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll of the head in degrees, [3], from landmarks [478, 3].

    Yaw > 0: turned to the person's own left (the picture's right). Pitch > 0: bowed down. Roll > 0: turned
    against the clock as seen in the picture. Rotation of the rigid points against CANONICAL_3D (Kabsch, Acta
    Cryst. A32, 1976).
    """
    target = points[align.STABLE] - points[align.STABLE].mean(0)
    u, _, v = np.linalg.svd((CANONICAL_3D - CANONICAL_3D.mean(0)).T @ target)
    turn = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v).T
    yaw = np.arcsin(np.clip(turn[2, 0], -1, 1))
    return np.degrees([yaw, np.arctan2(turn[2, 1], turn[2, 2]), -np.arctan2(turn[1, 0], turn[0, 0])])


def sharpness(chip: np.ndarray) -> float:
    """0-1, 1 = sharp, of an aligned chip [S, S, 3]: variance of the Laplacian (Pech-Pacheco et al., ICPR 2000)
    over the variance of the grey levels, so that low contrast is not taken for blur."""
    import cv2

    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    ratio = cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 25)
    return float(1 - np.exp(-ratio / SHARPNESS_SCALE))


def _visible(points: np.ndarray, width: int, height: int) -> float:
    x, y = points[:, 0], points[:, 1]
    return float(((x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)).mean())


# Following


@dataclass
class _Track:
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    blur: list[float] = field(default_factory=list)
    look: np.ndarray | None = None  # last chip
    doubtful: bool = False  # perhaps a cut since the face was last seen

    def add(self, index: int, time: float, points: np.ndarray, picture: np.ndarray) -> None:
        self.frames.append(index)
        self.times.append(time)
        self.points.append(points)
        self.look, self.doubtful = _chip(picture, points), False
        self.blur.append(sharpness(self.look))

    @property
    def box(self) -> np.ndarray:
        return box_of(self.points[-1])


def follow(media: Media, *, max_faces: int = 8, min_frames: int = MIN_FRAMES,
           progress: Callable[[int], None] | None = None) -> list[FaceTrack]:
    """Every face of a photo or clip as a FaceTrack, left to right at first sight; empty when there is no face.

    max_faces: measured at a time (the detector's best). min_frames: shorter tracks of a clip are dropped, unless the
    clip itself is shorter. progress: called with the number of frames done. A track ends at a shot cut or when
    its face stays unseen for MAX_GAP seconds; the same person seen again gets a new face_id.
    """
    if max_faces < 1:
        raise InputError(f"max_faces is {max_faces}, expected at least 1")
    if media.kind == "photo":
        tracks, count = _photo_tracks(media, max_faces), 1
    else:
        tracks, count = _clip_tracks(media, max_faces, progress or (lambda done: None))
    needed = min(min_frames, count)
    kept = [t for t in tracks if len(t.frames) >= needed]
    kept.sort(key=lambda t: (t.frames[0], box_of(t.points[0])[[0, 2]].mean()))
    return [_finish(t, number, media) for number, t in enumerate(kept)]


def _photo_tracks(media: Media, max_faces: int) -> list[_Track]:
    tracks = []
    for index, time, picture in media.frames():
        for points in _measure_photo(picture, max_faces):
            track = _Track()
            track.add(index, time, points, picture)
            tracks.append(track)
    return tracks


def _clip_tracks(media: Media, max_faces: int, progress: Callable[[int], None]) -> tuple[list[_Track], int]:
    """All tracks of a clip and the number of its frames.

    A face known from the frame before is cut out where it was; the picture is searched when there is none, when one
    got lost, and every DETECT_EVERY frames for newcomers.
    """
    active: list[_Track] = []
    ended: list[_Track] = []
    before, count = None, 0
    for index, time, picture in media.frames():
        now = _Glance.at(picture)
        change = now.change_from(before) if before is not None else 0.0
        before, count = now, count + 1
        for track in active:
            track.doubtful = track.doubtful or change > MAYBE_CUT
        faces = _measure_frame(picture, active, index, max_faces)
        for track, points in zip(_matched(active, faces, picture), faces, strict=True):
            if track is None:
                active.append(track := _Track())
            track.add(index, time, points, picture)
        ended += [t for t in active if time - t.times[-1] > MAX_GAP]
        active = [t for t in active if time - t.times[-1] <= MAX_GAP]
        progress(count)
    return ended + active, count


def _measure_frame(picture: np.ndarray, active: list[_Track], index: int, max_faces: int) -> list[np.ndarray]:
    fresh = [t for t in active if t.frames[-1] == index - 1]
    faces = _measure(picture, [t.box for t in fresh], max_faces)
    search = len(faces) < max(len(active), 1) or index % DETECT_EVERY == 0
    if not search or len(faces) == max_faces:
        return faces
    known = [box_of(points) for points in faces]
    new = [box for box in find(picture, tiles=False) if all(_overlap(box, k) < 0.3 for k in known)]
    return faces + [points for points in _measure(picture, new, max_faces - len(faces))
                    if all(_overlap(box_of(points), k) < SAME_FACE for k in known)]


def _matched(tracks: list[_Track], faces: list[np.ndarray], picture: np.ndarray) -> list[_Track | None]:
    """For each face the track it continues, or None: least total cost of box overlap and landmark distance."""
    cost = np.array([[_distance(t, points) for t in tracks] for points in faces]).reshape(len(faces), len(tracks))
    matched: list[_Track | None] = [None] * len(faces)
    for row, column in assign(cost):
        if cost[row, column] < FAR and _continues(tracks[column], picture, faces[row]):
            matched[row] = tracks[column]
    return matched


def _continues(track: _Track, picture: np.ndarray, points: np.ndarray) -> bool:
    """Whether the same shot goes on. Two frames of a shot look alike even when the light changes."""
    if not track.doubtful:
        return True
    inner = slice(QUALITY_CHIP // 8, -QUALITY_CHIP // 8)
    before, now = (chip[inner, inner].mean(2).ravel() for chip in (track.look, _chip(picture, points)))
    return bool(np.corrcoef(before, now)[0, 1] > SAME_LOOK)


def _chip(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    return align.cut_chip(picture, points, QUALITY_CHIP)[0]


def _distance(track: _Track, points: np.ndarray) -> float:
    """0 for the same place, 1 and more for boxes that do not meet."""
    last = track.points[-1]
    size = max(float(np.ptp(last[:, 0])), 1.0)
    moved = np.linalg.norm(points[align.STABLE, :2] - last[align.STABLE, :2], axis=1).mean() / size
    return 1 - _overlap(track.box, box_of(points)) + float(moved)


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) with the least total cost, min(R, C) of them, for a cost matrix [R, C].

    Hungarian method with potentials (Jonker & Volgenant, Computing 38, 1987); scipy is no dependency of emollm.
    """
    rows, columns = cost.shape
    if rows > columns:
        return sorted((row, column) for column, row in assign(cost.T))
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of = np.full(columns + 1, rows)  # the last entry stands for "not yet assigned"
    for row in range(rows):
        row_of[columns], column = row, columns
        best, via, done = np.full(columns, np.inf), np.full(columns, columns), np.zeros(columns + 1, bool)
        while row_of[column] != rows:
            done[column] = True
            slack = cost[row_of[column]] - row_price[row_of[column]] - column_price[:columns]
            better = ~done[:columns] & (slack < best)
            best[better], via[better] = slack[better], column
            following = int(np.where(done[:columns], np.inf, best).argmin())
            step = best[following]
            row_price[row_of[done]] += step
            column_price[done] -= step
            best[~done[:columns]] -= step
            column = following
        while column != columns:  # turn the path of alternatives around
            row_of[column], column = row_of[via[column]], via[column]
        row_of[columns] = rows
    return sorted((int(row_of[c]), c) for c in range(columns) if row_of[c] != rows)


@dataclass
class _Glance:
    """A frame at 64x36 grey, enough to see a cut."""

    grey: np.ndarray
    histogram: np.ndarray

    @classmethod
    def at(cls, picture: np.ndarray) -> _Glance:
        height, width = picture.shape[:2]
        grey = picture[height // 72::max(height // 36, 1), width // 128::max(width // 64, 1)].mean(2)
        return cls(grey, np.histogram(grey, 16, (0, 256))[0] / grey.size)

    def change_from(self, before: _Glance) -> float:
        difference = np.abs(self.grey - before.grey).mean()
        return float(difference * np.abs(self.histogram - before.histogram).sum() / 2)


def _finish(track: _Track, face_id: int, media: Media) -> FaceTrack:
    points = np.array(track.points)
    boxes = np.array([box_of(p) for p in points])
    quality = Quality(size=boxes[:, 2] - boxes[:, 0], blur=np.array(track.blur),
                      visible=np.array([_visible(p, media.width, media.height) for p in points]))
    return FaceTrack(face_id=face_id, frames=np.array(track.frames), times=np.array(track.times), boxes=boxes,
                     landmarks=points, pose=np.array([pose(p) for p in points]), quality=quality,
                     picture_size=(media.width, media.height))


def chips(media: Media, track: FaceTrack, frames: Sequence[int] | np.ndarray,
          size: int) -> tuple[np.ndarray, np.ndarray]:
    """Aligned chips [K, size, size, 3] uint8 and their maps chip -> picture px [K, 2, 3].

    frames: K positions within the track (not frame numbers), in any order. Only these frames are converted.
    Raises InputError when the media no longer holds one of them.
    """
    positions = [int(p) for p in frames]
    at_frame: dict[int, list[int]] = {}
    for row, position in enumerate(positions):
        at_frame.setdefault(int(track.frames[position]), []).append(row)
    cut, maps = np.zeros((len(positions), size, size, 3), np.uint8), np.zeros((len(positions), 2, 3))
    for index, _, picture in media.frames(at_frame):
        for row in at_frame.pop(index):
            cut[row], maps[row] = align.cut_chip(picture, track.landmarks[positions[row]], size)
    if at_frame:
        raise InputError(f"{media.name}: frame {min(at_frame)} cannot be read again. Was the file changed?")
    return cut, maps


# Models


class _Models(threading.local):
    """MediaPipe's graphs are not thread-safe: one pair a thread, made at first use."""

    detector: Any = None
    mesh: Any = None
    quiet: bool = False  # the mesh has warned about everything it warns about once


_LOCAL = _Models()
_LOADING = threading.Lock()


def _models() -> _Models:
    if _LOCAL.mesh is None:
        with _LOADING, _silence():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            detector = FaceDetection(model_selection=1, min_detection_confidence=MIN_SCORE)
            mesh = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
            blank = np.full((INNER, INNER, 3), GREY, np.uint8)
            detector.process(blank)  # the graphs complain at their first picture, so that must happen in here
            mesh.process(blank)
        _LOCAL.detector, _LOCAL.mesh = detector, mesh
    return _LOCAL


def _run_mesh(framed: np.ndarray) -> Sequence[Any] | None:
    models = _models()
    if models.quiet:
        return models.mesh.process(framed).multi_face_landmarks
    with _LOADING, _silence():  # its last start-up warning comes with the first face
        faces = models.mesh.process(framed).multi_face_landmarks
    models.quiet = bool(faces)
    return faces


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep MediaPipe's start-up chatter (C++ warnings, a caught AttributeError about MessageFactory) off stderr."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no stderr, nothing to keep clean
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
