"""Find the faces of one picture and lay the 478-point mesh on them; the pose of the head from that mesh.

Contract (training data was measured so): the mesh always sees a face enlarged or reduced to INNER px inside a grey
frame of BORDER px; on 48x48 crops the frame raises the found share from 93 % to 98.6 %. A picture with a short side
of at most INNER px is taken whole; in larger ones the full-range detector finds the faces and each is cut out
with ENLARGE times its box. Models: MediaPipe 0.10.21 (BlazeFace full range; Attention Mesh, Grishchenko et al. 2020,
arXiv 2006.10962), carried by its wheel. Pixel centres have integer coordinates; nothing here tells who a person is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from emollm.perception import align, mesh_models
from emollm.perception.mesh_models import GREY

INNER = 192  # px, long side of the crop that the mesh sees
BORDER = 48  # px of grey around it
ENLARGE = (1.5, 1.1)  # crop side / box side; the tight one is for faces cheek to cheek
SMALL_FACE = 1 / 6  # of the long side: below it, the picture is searched again in tiles
TILE = 700  # px of the long side a tile
RIGHT_EYE, LEFT_EYE = 33, 263  # outer corners
# Where a known face is looked for, in units of its landmarks' longer side. Fitted so that the landmarks of 320 frames
# of eight clips come nearest to those of a search (0.7 % of the eyes' distance apart).
REGION_SIDE, REGION_DOWN = 1.4, 0.05
SAME_FACE = 0.5  # boxes with a larger intersection over union show one face
# A gaping mouth is taken for a shut one, its lips laid on a moustache; in a squeezed picture it is seen. On 45 resting
# and smiling portraits a squeezed look opens the lips by at most .01 of the face's height more than a plain one.
SQUEEZE = (0.7, 0.6)  # height of the second look, and of the third that confirms it / height of the first
WIDER = 0.03  # of the face's height by which both must open the mouth to be believed
INNER_LIPS, FOREHEAD, CHIN, NOSE_BASE = (13, 14), 10, 152, 2

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
    boxes = mesh_models.detect(picture)
    if not len(boxes):
        boxes = _detect_framed(picture)
    small = not len(boxes) or (boxes[:, 2] - boxes[:, 0]).max() < SMALL_FACE * max(picture.shape[:2])
    if tiles and small and min(picture.shape[:2]) > INNER:
        boxes = np.concatenate([boxes, *_detect_tiles(picture)])
    boxes = boxes[np.argsort(-boxes[:, 4])]
    kept: list[np.ndarray] = []
    for box in boxes:
        if all(_contained_share(box, other) < SAME_FACE for other in kept):
            kept.append(box)
    return np.array([box[:4] for box in kept]).reshape(-1, 4)


def _detect_framed(picture: np.ndarray) -> np.ndarray:
    import cv2

    border = max(picture.shape[:2]) // 4
    framed = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return mesh_models.detect(framed) - [border, border, border, border, 0]


def _detect_tiles(picture: np.ndarray) -> Iterator[np.ndarray]:
    """Detections in 2x2 to 4x4 tiles that overlap, so that a face on a seam lies whole in one of them."""
    height, width = picture.shape[:2]
    parts = min(max(max(height, width) // TILE, 2), 4)
    high, wide = round(height * 1.2 / parts), round(width * 1.2 / parts)
    for y in np.linspace(0, height - high, parts).astype(int):
        for x in np.linspace(0, width - wide, parts).astype(int):
            yield mesh_models.detect(picture[y:y + high, x:x + wide]) + np.array([x, y, x, y, 0])


def _intersection(a: np.ndarray, b: np.ndarray) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return float(max(width, 0) * max(height, 0))


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    common = _intersection(a, b)
    return common / max(_area(a) + _area(b) - common, 1e-9)


def _contained_share(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the smaller box inside the other: a tile may cut a face's box short."""
    return _intersection(a, b) / max(min(_area(a), _area(b)), 1e-9)


# The mesh


def landmarks(picture: np.ndarray, box: Sequence[float] | np.ndarray | None = None,
              before: np.ndarray | None = None) -> np.ndarray | None:
    """Mesh of one face: [478, 3] picture px (z on the scale of x, negative towards the camera), or None.

    picture: [H, W, 3] uint8 RGB. box: x0 y0 x1 y1 px of a detection or of earlier landmarks; None = the whole
    picture is one face crop. before: this face's landmarks [478, 3] in the frame before, which spare a search.
    """
    height, width = picture.shape[:2]
    if box is None:
        return _mesh(picture, 0, 0, max(width, height))
    box = np.asarray(box, dtype=float)
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    tracked = [] if before is None else [(before, ENLARGE[0])]
    for known, enlarge in [*tracked, *((None, e) for e in ENLARGE)]:
        crop = max(round(side * enlarge), 2)
        x0, y0 = np.round(centre - crop / 2).astype(int)
        points = _mesh(picture, x0, y0, crop, known)
        # The crop shows neighbours too, and the mesh may settle on one of them.
        if points is not None and overlap(box_of(points), box) > 0.3:
            return points
    return None


def lip_gap(points: np.ndarray) -> np.ndarray:
    """Distance of the inner lips over the height of the face, [..], of landmarks [.., 478, 3], whatever their pose."""
    upper, lower, top, bottom = (points[..., k, :] for k in (*INNER_LIPS, FOREHEAD, CHIN))
    return np.linalg.norm(upper - lower, axis=-1) / np.maximum(np.linalg.norm(top - bottom, axis=-1), 1e-9)


def second_look(picture: np.ndarray, points: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Landmarks [478, 3] with the mouth and chin of a look at the squeezed picture where that opens the mouth wider.

    before: landmarks that say where to look (what the second look saw in the frame before), which spare a search; without,
    one gaping mouth in eight more is found. Brows, eyes and nose keep their places.
    """
    for _ in range(2):  # with the chin found, the crop of another look reaches all of the mouth
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        side = round(float((high - low).max()) * ENLARGE[0])
        x0, y0 = np.round((low + high) / 2 - side / 2).astype(int)
        looks = (_mesh(picture, x0, y0, side, before, squeeze) for squeeze in SQUEEZE)
        wider = list(itertools.takewhile(functools.partial(_opens, points), looks))
        if len(wider) < len(SQUEEZE):
            break
        points = _blend_mouth(wider[0], points)
    return points


def _opens(points: np.ndarray, look: np.ndarray | None) -> bool:
    return look is not None and bool(lip_gap(look) > lip_gap(points) + WIDER)


def _blend_mouth(look: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Landmarks [478, 3] that are `points` down to the nose base and `look` from the upper lip on."""
    down = look[CHIN] - look[FOREHEAD]
    along = (look - look[NOSE_BASE]) @ down
    share = np.clip(along / max(along[INNER_LIPS[0]], 1e-9), 0, 1)[:, None]
    return points + share * (look + (points - look)[align.STABLE].mean(0) - points)


def _mesh(picture: np.ndarray, x0: int, y0: int, side: int, before: np.ndarray | None = None,
          squeeze: float = 1.0) -> np.ndarray | None:
    """Run the mesh on a square of the picture, resized to INNER px and framed in grey; may reach outside.

    before: landmarks that say where the face is. squeeze: of the height that the mesh sees.
    """
    left, top = max(x0, 0), max(y0, 0)
    crop = picture[top:max(y0 + side, 0), left:max(x0 + side, 0)]
    if min(crop.shape[:2]) < 2:
        return None
    zoom = INNER / side
    width, height = max(1, round(crop.shape[1] * zoom)), max(1, round(crop.shape[0] * zoom * squeeze))
    whole = INNER + 2 * BORDER
    x, y = BORDER + round((left - x0) * zoom), BORDER + round(((top - y0) * squeeze + side * (1 - squeeze) / 2) * zoom)
    framed = np.full((whole, whole, 3), GREY, np.uint8)
    framed[y:y + height, x:x + width] = _resize(crop, width, height, before is not None)[: whole - y, : whole - x]
    unzoom = np.array([crop.shape[1] / width, crop.shape[0] / height, crop.shape[1] / width])
    # MediaPipe counts from the picture's edge, we from the centre of its first pixel: half a pixel less.
    shift = [left - 0.5, top - 0.5, 0]
    if before is None:
        points = mesh_models.mesh(framed)
    else:
        points = mesh_models.mesh_at(framed, *_region((before - shift) / unzoom + [x, y, 0]))
    return None if points is None else (points - [x, y, 0]) * unzoom + shift


def _resize(crop: np.ndarray, width: int, height: int, quick: bool) -> np.ndarray:
    if quick and width < crop.shape[1]:
        import cv2

        return cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)  # a third of Lanczos' time
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(crop)).resize((width, height), Image.Resampling.LANCZOS))


def _region(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Where the mesh looks for a face last seen at `points` [478, 3]: centre [2] and side in px, turn in radians."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    eyes = points[LEFT_EYE, :2] - points[RIGHT_EYE, :2]
    length, down = float((high - low).max()), np.array([-eyes[1], eyes[0]]) / max(float(np.hypot(*eyes)), 1e-9)
    return (low + high) / 2 + REGION_DOWN * length * down, REGION_SIDE * length, float(np.arctan2(eyes[1], eyes[0]))


def box_of(points: np.ndarray) -> np.ndarray:
    """Smallest box x0 y0 x1 y1 around landmarks [478, 2+]; may reach outside the picture."""
    return np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])


def measure_boxes(picture: np.ndarray, boxes: Sequence[np.ndarray], limit: int) -> list[np.ndarray]:
    """Landmarks [478, 3] of each face once, in the order of the boxes, at most `limit`."""
    return _unique_faces((landmarks(picture, box) for box in boxes), limit)


def measure_again(picture: np.ndarray, known: Sequence[tuple[np.ndarray, bool]], limit: int) -> list[np.ndarray]:
    """Landmarks of faces that the frame before showed: its landmarks [478, 3], and whether to doubt that they help."""
    again = (landmarks(picture, box_of(points), None if doubtful else points) for points, doubtful in known)
    return _unique_faces(again, limit)


def _unique_faces(candidates: Iterable[np.ndarray | None], limit: int) -> list[np.ndarray]:
    faces: list[np.ndarray] = []
    for points in candidates:
        if points is not None and all(overlap(box_of(points), box_of(f)) < SAME_FACE for f in faces):
            faces.append(points)
        if len(faces) == limit:
            break
    return faces


def measure_photo(picture: np.ndarray, limit: int) -> list[np.ndarray]:
    """Landmarks of at most `limit` faces of a still picture; a small one may be a face crop as a whole."""
    if min(picture.shape[:2]) <= INNER and len(mesh_models.detect(picture)) < 2:
        points = landmarks(picture)
        if points is not None:
            return [points]
    return measure_boxes(picture, find(picture), limit)


def measure_crop(picture: np.ndarray) -> list[np.ndarray]:
    """Landmarks of the one face of a picture that is a face crop as a whole, whatever its size; none when none fits."""
    points = landmarks(picture)
    return [] if points is None else [points]


# Pose


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

