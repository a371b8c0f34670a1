"""JSON of other makers: landmarks as a browser collects them, and tables as lists of records.

Landmarks are found by shape, not by one program's keys: a list of at least MANY points ({x, y, z} or [x, y, z]) is a face,
wherever it stands; a frame is a face, a list of faces, or an object that holds them under a key, with its time beside it.
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.cells import plain_name
from emollm.evidence.clock import Clock, read_clock
from emollm.evidence.files import Source, from_arrow
from emollm.evidence.landmarks import POINTS, SIZE, measure_points, wrong_mesh_message
from emollm.evidence.series import TableFace
from emollm.evidence.tables import Table
from emollm.schema import InputError

MANY = 60  # points; fewer are no face mesh
DEEPEST = 6  # nested objects around a face
FACES = ("facelandmarks", "multifacelandmarks", "face_landmarks", "multi_face_landmarks", "landmarks", "landmark", "keypoints",
         "scaledmesh", "mesh", "points", "faces", "face", "results", "frames", "data")
SHAPES = ("faceblendshapes", "blendshapes", "categories", "classifications")


def points_of(node: object) -> np.ndarray | None:
    """[N, 3] when a JSON value is a face's points, else None."""
    if not isinstance(node, list) or len(node) < MANY:
        return None
    try:
        if isinstance(node[0], dict):
            return np.array([[p["x"], p["y"], p.get("z", np.nan)] for p in node], dtype=float)
        if isinstance(node[0], list) and 2 <= len(node[0]) <= 5 and not isinstance(node[0][0], list):
            return np.array([[*p[:3], *[np.nan] * (3 - len(p))] for p in node], dtype=float)
        if len(node) in (3 * POINTS, 3 * 468) and all(isinstance(v, (int, float)) for v in node):
            return np.array(node, dtype=float).reshape(-1, 3)
    except (KeyError, TypeError, ValueError):
        return None
    return None


def frames_of(stored: object) -> tuple[list[tuple[object, list[np.ndarray]]], tuple[float, float], float | None]:
    """Every frame as (its time cell or None, its faces), the picture's size (0 when unknown) and frames a second.

    No frame at all when the value holds no landmarks.
    """
    size, fps = (0.0, 0.0), None
    node = stored
    while isinstance(node, dict):
        keys = {plain_name(str(key)): value for key, value in node.items()}
        size = tuple(_number(keys, names) or size[k] for k, names in enumerate(SIZE))
        fps = _number(keys, ("fps", "frame_rate", "framerate")) or fps
        inner = next((keys[key] for key in ("frames", "results", "data") if isinstance(keys.get(key), list)), None)
        if inner is None:
            break
        node = inner
    listed = node if isinstance(node, list) and points_of(node) is None else [node]
    frames = [(_time(frame), _faces(frame, 0)) for frame in listed]
    for frame in listed[:1]:
        keys = {plain_name(str(key)): value for key, value in frame.items()} if isinstance(frame, dict) else {}
        size = tuple(_number(keys, names) or size[k] for k, names in enumerate(SIZE))
    return (frames if any(faces for _, faces in frames) else []), size, fps


def read_frames(stored: object, name: str, limits: tuple[int, int], fps: float | None, baseline: str | None) -> list[TableFace]:
    """Faces of landmarks in JSON, measured; an empty list when there are none in it. Raises InputError for another mesh."""
    frames, size, own_rate = frames_of(stored)
    rows = [(time, index, k, face) for index, (time, faces) in enumerate(frames) for k, face in enumerate(faces)]
    if not rows:
        return []
    if wrong := next((len(face) for *_, face in rows if len(face) != POINTS or np.isnan(face[:, 2]).all()), 0):
        raise InputError(f"{name}: {wrong_mesh_message(wrong)}")
    if len(rows) > limits[1] // 20:
        raise InputError(f"{name}: more than {limits[1] // 20:,} frames of landmarks. Split the file.")
    table = Table(Source(name, ["face_id", "time"], lambda wanted: iter(())), *limits)
    table.rows, table.lines = len(rows), np.array([index + 1 for _, index, _, _ in rows])
    table.texts = {"face_id": [str(k) for *_, k, _ in rows], "time": ["" if t is None else str(t) for t, *_ in rows]}
    frames_at = np.array([float(index) for _, index, _, _ in rows])
    clock = Clock(read_clock(table, "time", 1.0, guess_unit=True), frames_at, 0, own_rate)
    return measure_points(table, np.stack([face for *_, face in rows]), clock, size, fps, baseline)


def shape_records(stored: object, name: str) -> Source | None:
    """Blend shapes as MediaPipe's tasks give them (lists of categoryName and score), or as an object in each frame, as a source
    of one row a face; None when there are none."""
    node = stored
    while isinstance(node, dict) and (inner := next((node[key] for key in ("frames", "results", "data")
                                                     if isinstance(node.get(key), list)), None)) is not None:
        node = inner
    rows = []
    for index, frame in enumerate(node if isinstance(node, list) else [node]):
        for number, shapes in enumerate(_shapes(frame, 0)):
            time = _time(frame)
            rows.append(shapes | {"frame": index, "face_id": number} | ({} if time is None else {"timestamp": time}))
    return records(rows, name) if rows else None


def _shapes(node: object, depth: int) -> list[dict]:
    """Name -> score of every face of a frame."""
    if depth > DEEPEST or not isinstance(node, (dict, list)) or not node:
        return []
    if isinstance(node, list):
        named = [{plain_name(str(k)).replace("_", ""): v for k, v in each.items()} for each in node if isinstance(each, dict)]
        if len(named) == len(node) and all("categoryname" in each and "score" in each for each in named):
            return [{str(each["categoryname"]): each["score"] for each in named}]
        return [face for each in node for face in _shapes(each, depth + 1)]
    keys = {plain_name(str(key)).replace("_", ""): value for key, value in node.items()}
    inner = next((keys[key] for key in SHAPES if isinstance(keys.get(key), (dict, list))), None)
    if isinstance(inner, dict) and inner and all(isinstance(v, (int, float)) for v in inner.values()):
        return [inner]
    return [] if inner is None else _shapes(inner, depth + 1)


def records(stored: object, name: str) -> Source | None:
    """A list of objects, or an object of equal columns, as a source; None when the value is neither. Objects within objects
    are taken as more columns; pandas' other forms (split, index, table) and a list under one key are the same rows."""
    stored = _unwrap(stored)
    if isinstance(stored, dict) and stored and all(isinstance(v, (list, dict)) for v in stored.values()):
        columns = {key: list(v.values()) if isinstance(v, dict) else v for key, v in stored.items()}
        if len({len(v) for v in columns.values()}) != 1:
            return None
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif isinstance(stored, list) and stored and all(isinstance(row, dict) for row in stored):
        rows = stored
    elif isinstance(stored, dict) and stored and not any(isinstance(v, (list, dict)) for v in stored.values()):
        rows = [stored]
    else:
        return None
    import pyarrow as pa

    rows = list(map(_flatten, rows))
    keys = dict.fromkeys(key for row in rows for key in row if not isinstance(row[key], (list, dict)))
    return from_arrow(pa.table({str(key): pa.array([_cell(row.get(key)) for row in rows], pa.string()) for key in keys}), name)


def _unwrap(stored: object) -> object:
    """Rows that stand in another form than a list of objects, as that list; anything else as it is."""
    if not isinstance(stored, dict):
        return stored
    columns, rows = stored.get("columns"), stored.get("data")
    if isinstance(columns, list) and isinstance(rows, list) and all(
            isinstance(row, list) and len(row) == len(columns) for row in rows):
        return [dict(zip(map(str, columns), row, strict=True)) for row in rows]
    if stored and all(str(key).isdecimal() and isinstance(row, dict) for key, row in stored.items()):
        return list(stored.values())
    lists = [v for v in stored.values() if isinstance(v, list) and v and all(isinstance(row, dict) for row in v)]
    return lists[0] if len(lists) == 1 else stored


def _flatten(row: dict, depth: int = 0) -> dict:
    """An object without objects in it: their values stand under their own names, those of a unit under both names."""
    out = {}
    for key, value in row.items():
        if not isinstance(value, dict) or depth > DEEPEST:
            out[key] = value
            continue
        of_unit = re.fullmatch(r"au_?\d+", plain_name(str(key)))
        for inner, held in _flatten(value, depth + 1).items():
            out[f"{key}_{inner}" if of_unit or inner in row or inner in out else inner] = held
    return out


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, (list, dict)):
        return None
    return str(int(value)) if isinstance(value, bool) else str(value)


def _faces(node: object, depth: int) -> list[np.ndarray]:
    """The faces of one frame."""
    if (points := points_of(node)) is not None:
        return [points]
    if depth > DEEPEST:
        return []
    if isinstance(node, list):
        return [face for each in node for face in _faces(each, depth + 1)]
    if isinstance(node, dict):
        keys = {plain_name(str(key)): value for key, value in node.items()}
        return next((faces for key in FACES if key in keys and (faces := _faces(keys[key], depth + 1))), [])
    return []


def _time(frame: object) -> object:
    if not isinstance(frame, dict):
        return None
    keys = {plain_name(str(key)): value for key, value in frame.items()}
    told = {key: value for key, value in keys.items() if isinstance(value, (int, float, str))}
    seconds = next((told[key] for key in ("timestamp", "time", "t", "seconds") if key in told), None)
    thousandths = next((told[key] for key in ("timestamp_ms", "timestampms", "time_ms", "ms")
                        if isinstance(told.get(key), (int, float))), None)
    return seconds if thousandths is None else thousandths / 1000


def _number(keys: dict, names: tuple[str, ...]) -> float:
    return next((float(keys[name]) for name in names if isinstance(keys.get(name), (int, float)) and keys[name] > 0), 0.0)
