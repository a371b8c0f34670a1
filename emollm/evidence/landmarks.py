"""Face landmarks alone: the 478 points of MediaPipe's face mesh, as a browser or a script saved them, measured without any
picture.

CSV or Parquet, one row a frame and face (columns such as x_0 y_0 z_0, 0_x, mesh_x_0, lm_mp_0_x) or one row a point
(frame, landmark, x, y, z); JSON as results were collected (faceLandmarks, multiFaceLandmarks, keypoints, or bare lists); an
array [T, 478, 3]. Pixels, or shares of the picture's width and height as MediaPipe gives them (z on the scale of x):
then the picture's shape is needed, from width and height beside the points, else it is told from the face (picture_shape).
"""

from __future__ import annotations

import re

import numpy as np

from emollm.evidence.clock import Clock, clock_columns, frame_numbers, read_clock
from emollm.evidence.series import Rows, TableFace, split_by_face, who_columns
from emollm.evidence.tables import ANY, COUNT, Table
from emollm.schema import AUSeries, FaceTrack, InputError, Quality

POINTS = 478
SHAPES = {"16:9": 16 / 9, "3:2": 3 / 2, "4:3": 4 / 3, "1:1": 1.0, "3:4": 3 / 4, "2:3": 2 / 3, "9:16": 9 / 16}  # width by height
_AXIS_FIRST, _AXIS_LAST = re.compile(r"(.*?)([xyz])_?(\d{1,3})"), re.compile(r"(.*?)_?(\d{1,3})_?([xyz])")
SIZE = (("framewidth", "width", "image_width", "frame_width", "video_width", "videowidth", "imagewidth"),
        ("frameheight", "height", "image_height", "frame_height", "video_height", "videoheight", "imageheight"))


def mesh_columns(columns) -> dict[tuple[int, str], str]:
    """(point, axis) -> plain column name, of the family of columns that holds most points; empty when none holds any."""
    families: dict[tuple, dict[tuple[int, str], str]] = {}
    for name in columns:
        if match := _AXIS_FIRST.fullmatch(name):
            families.setdefault((match[1], "first"), {})[int(match[3]), match[2]] = name
        elif match := _AXIS_LAST.fullmatch(name):
            families.setdefault((match[1], "last"), {})[int(match[2]), match[3]] = name
    return max(families.values(), key=len, default={})


def is_landmarks(columns: set[str]) -> bool:
    """Whether plain column names are points of a face mesh, or x, y and z of one point a row."""
    return len(mesh_columns(columns)) >= 3 * 60 or is_one_point_a_row(columns)


def is_one_point_a_row(columns: set[str]) -> bool:
    return {"x", "y", "z"} <= columns and bool(columns & set(_POINT_NAMES))


_POINT_NAMES = ("landmark", "landmark_id", "landmark_index", "landmark_idx", "point", "point_id", "index", "idx", "id")


def read_landmarks(table: Table, fps: float | None = None, baseline: str | None = None) -> list[TableFace]:
    """Every face of a table of landmarks, measured. Raises InputError for another mesh."""
    if is_one_point_a_row(set(table.plain)):
        return _read_points(table, fps, baseline)
    mesh = mesh_columns(table.plain)
    wanted = [(k, axis) for k in range(POINTS) for axis in "xyz"]
    held = len({k for k, _ in mesh})
    if any(key not in mesh for key in wanted):
        raise InputError(f"{table.name}: {wrong_mesh_message(held)}")
    columns = [table.plain[mesh[key]] for key in wanted]
    frame, (clock, units), size = frame_numbers(table), clock_columns(table), [table.pick(*names) for names in SIZE]
    table.load({frame: COUNT} | dict.fromkeys(columns, ANY) | dict.fromkeys(size, COUNT), [clock, *who_columns(table)])
    points = np.stack([table.numbers[column] for column in columns], 1).reshape(-1, POINTS, 3)
    seconds = read_clock(table, clock, units, guess_unit=True)
    width, height = (float(np.nan_to_num(table.number(column, 0.0)).max()) for column in size)
    return measure_points(table, points, Clock(seconds, table.numbers.get(frame)), (width, height), fps, baseline)


def _read_points(table: Table, fps: float | None, baseline: str | None) -> list[TableFace]:
    """One row a point: gathered into one row a moment."""
    frame, (clock, units), who = frame_numbers(table), clock_columns(table), who_columns(table)
    point, axes = table.pick(*_POINT_NAMES), [table.pick(axis) for axis in "xyz"]
    size = [table.pick(*names) for names in SIZE]
    table.load({frame: COUNT, point: COUNT} | dict.fromkeys(axes, ANY) | dict.fromkeys(size, COUNT), [clock, *who])
    seconds = read_clock(table, clock, units, guess_unit=True)
    told = [table.texts[c] for c in who if c in table.texts]
    told += [v.tolist() for v in (table.numbers.get(frame), seconds) if v is not None]
    order: dict[tuple, int] = {}
    keys = zip(*told, strict=True) if told else [()] * table.rows
    moment = np.array([order.setdefault(key, len(order)) for key in keys])
    index = table.numbers[point]
    if np.isnan(index).any() or index.max() >= POINTS or len(np.unique(index)) < POINTS:
        raise InputError(f"{table.name}: {wrong_mesh_message(len(np.unique(index)))}")
    points = np.full((len(order), POINTS, 3), np.nan)
    points[moment, index.astype(int)] = np.stack([table.numbers[axis] for axis in axes], 1)
    first = np.unique(moment, return_index=True)[1]
    width, height = (float(np.nan_to_num(table.number(column, 0.0)).max()) for column in size)
    table.texts = {column: [cells[row] for row in first] for column, cells in table.texts.items()}
    table.lines, table.rows = table.lines[first], len(first)
    frames = table.numbers.get(frame)
    parts = (None if values is None else values[first] for values in (seconds, frames))
    return measure_points(table, points, Clock(*parts), (width, height), fps, baseline)


def wrong_mesh_message(points: int) -> str:
    """The message for landmarks that are not the 478 of MediaPipe."""
    hint = " Turn refine_landmarks on: the 10 points of the irises are missing." if points == 468 else ""
    return (f"{points} landmarks a face, {POINTS} with x, y and z are needed: the face mesh of MediaPipe with irises.{hint} "
            "Give MediaPipe's landmarks, or the picture itself.")


def measure_points(table: Table, points: np.ndarray, clock: Clock, size: tuple[float, float], fps: float | None,
                   baseline: str | None = None) -> list[TableFace]:
    """Faces of landmarks [R, 478, 3] in pixels, or in shares of a picture of this size (0 when unknown)."""
    from emollm.perception import measure

    table.say("read as face landmarks: measured from their geometry, without a picture")
    pixels = scale_to_pixels(table, points, size)
    levels = measure.intensities(pixels)
    rows = Rows(levels, np.zeros(levels.shape[:2]), np.isfinite(levels).any((0, 2)), clock, _boxes(pixels), pixels)
    faces = split_by_face(table, rows, measure.ESTIMATOR, fps)
    for face in faces:
        face.series = _series(face, baseline or ("clip" if len(face.series.times) > 1 else "none"))
    return faces


def _series(face: TableFace, baseline: str) -> AUSeries:
    from emollm.perception import measure

    times = face.series.times
    ones = np.ones(len(times))
    track = FaceTrack(face.series.face_id, np.arange(len(times)), times, face.boxes, face.landmarks, np.zeros((len(times), 3)),
                      Quality(size=np.full(len(times), measure.FULL_SIZE), blur=ones, visible=ones))
    series = measure.series(track, baseline)
    series.notices = face.series.notices
    return series


def _boxes(points: np.ndarray) -> np.ndarray:
    """[R, 4] x0 y0 x1 y1 around the points; NaN without a face."""
    return np.concatenate([points[..., :2].min(1), points[..., :2].max(1)], 1)


def scale_to_pixels(table: Table, points: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Landmarks with one scale for x, y and z. Shares of the picture lie around 0 to 1; pixels do not."""
    present = np.isfinite(points).all((1, 2))
    if not present.any() or np.abs(points[present, :, :2]).max() > 4:
        return points
    width, height = size
    if width <= 0 or height <= 0:
        name, shape = picture_shape(points[present])
        table.say("landmarks are shares of a picture whose size is not told: by the proportions of the face it is taken to "
                  f"be {name}; give width and height beside them to be sure")
        width, height = shape, 1.0
    return points * [width, height, width]


def picture_shape(points: np.ndarray) -> tuple[str, float]:
    """Width by height of the picture, of SHAPES, that makes faces [N, 478, 3] in shares of it most like the mean face."""
    from emollm.perception import measure
    from emollm.perception.align import STABLE

    mean = measure.estimator().mean
    some = points[np.linspace(0, len(points) - 1, min(len(points), 50)).astype(int)]
    unlike = {}
    for name, shape in SHAPES.items():
        faces, _ = measure.remove_pose(some * [shape, 1.0, shape], mean)
        unlike[name] = float(np.median(((faces[:, STABLE] - mean[STABLE]) ** 2).sum((1, 2))))
    best = min(unlike, key=unlike.get)
    return best, SHAPES[best]
