"""Where every reader ends: the rows of a table, cut into one AUSeries for each face of each picture or clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emollm.evidence.clock import Clock, settle
from emollm.evidence.tables import Table
from emollm.schema import AUS, AUSeries, NoFaceError

PRESENT = 3.0  # FACS C, the middle of the scale: for a presence that comes without an intensity


@dataclass
class TableFace:
    """One face of a table: its action units, and what else the table says about whose they are."""

    series: AUSeries
    picture: str = ""  # the file that the table says it was measured on; "" when it does not say
    boxes: np.ndarray | None = None  # [T, 4] x0 y0 x1 y1 px
    landmarks: np.ndarray | None = None  # [T, 478, 3] when these were measured


@dataclass
class Rows:
    """What a reader made of a table's rows [R]."""

    intensity: np.ndarray  # [R, 24, 2]
    confidence: np.ndarray  # [R, 24]
    measured: np.ndarray  # [24]
    clock: Clock
    boxes: np.ndarray | None = None  # [R, 4] x0 y0 x1 y1 px
    landmarks: np.ndarray | None = None  # [R, 478, 3]


def empty_arrays(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nothing measured yet: intensity [R, 24, 2] NaN, confidence [R, 24] 0, measured [24] False."""
    return np.full((rows, len(AUS), 2), np.nan), np.zeros((rows, len(AUS))), np.zeros(len(AUS), bool)


def who_columns(table: Table) -> tuple[str, str]:
    """The columns that say whose face a row is, and of which picture; to be loaded as text."""
    face = table.pick("face_id", "face", "faceid", "face_idx", "face_index", "face_number", "person", "person_id",
                      "track_id", "identity", "participant", "participant_id", "subject", "subject_id")
    return face, table.pick("input", "image", "image_path", "file", "filename", "file_name", "path", "video", "source",
                            "image_name", "img", "video_name", "clip")


def split_by_face(table: Table, rows: Rows, estimator: str, fps: float | None = None, **provenance: str) -> list[TableFace]:
    """One series for each face of each picture: pictures in order of appearance, faces by number.

    Rows without a face (no value at all) are kept as gaps in the track of the face they name; a face that has nothing else
    is left out. fps: frames a second of the clip that the table is of. Raises NoFaceError when no row holds a value.
    """
    seen = np.isfinite(rows.intensity).any((1, 2))
    if not rows.measured.any():
        raise NoFaceError(f"{table.name}: no frame was measured: no action unit in it has a value.")
    pictures = table.texts.get(who_columns(table)[1]) or [""] * table.rows
    picture = _codes(pictures)
    person = _people(table, rows, picture, seen)
    kept = np.flatnonzero(person >= 0)
    group = np.full(table.rows, -1)
    group[kept] = _codes(list(zip(picture[kept].tolist(), person[kept].tolist(), strict=True)))
    order, times = _settle(table, rows, kept, group, fps)
    faces = []
    _, first = np.unique(group[kept], return_index=True)
    for row in sorted(kept[first], key=lambda row: (picture[row], person[row])):
        at = order[group[order] == group[row]]
        boxes, landmarks = (None if values is None else values[at] for values in (rows.boxes, rows.landmarks))
        series = AUSeries(times=times[at], intensity=rows.intensity[at], confidence=rows.confidence[at],
                          measured=rows.measured.copy(), estimator=estimator, face_id=int(person[at[0]]),
                          notices=table.notices, **provenance)
        faces.append(TableFace(series, pictures[at[0]], boxes, landmarks))
    return _drop_unmeasured(table, faces)


def _settle(table: Table, rows: Rows, kept: np.ndarray, group: np.ndarray, fps: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The kept rows in order of time, and the time of every row of the table."""
    clock, lines = rows.clock, table.lines
    told = (None if values is None else values[kept] for values in (clock.seconds, clock.frames))
    part = Clock(*told, clock.first, clock.fps, clock.default)
    table.lines = lines[kept]
    order, some = settle(table, group[kept], part, fps)
    table.lines = lines
    times = np.zeros(table.rows)
    times[kept] = some
    return kept[order], times


def _drop_unmeasured(table: Table, faces: list[TableFace]) -> list[TableFace]:
    """Without the faces that no row measured; all of them when there is no other."""
    there = [face for face in faces if np.isfinite(face.series.intensity).any()]
    if there and len(there) < len(faces):
        gone = " ".join(str(face.series.face_id) for face in faces if not np.isfinite(face.series.intensity).any())
        table.say(f"face {gone} was not measured in any row and was left out")
    return there or faces


def _codes(values: list) -> np.ndarray:
    """0, 1, 2... by order of first appearance."""
    order: dict = {}
    return np.array([order.setdefault(value, len(order)) for value in values], dtype=int)


def _people(table: Table, rows: Rows, picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Whose face every row is [R]: the table's own number, else an ordinal; -1 for a row without a face or a name."""
    column = who_columns(table)[0]
    names = table.texts.get(column, [])
    if not any(names):
        return _number_unnamed(table, rows, picture, seen)
    nameless = np.array([not name for name in names])
    if (nameless & seen).any():
        raise table.cell_error(int((nameless & seen).argmax()), column, "is empty, but other rows name their face.")
    try:
        numbers = np.array([float(name or -1) for name in names])
    except ValueError:
        numbers = np.array([np.nan])
    if np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all() and numbers.min() >= -1 and numbers.max() < 1e9:
        return np.where(nameless, -1, numbers).astype(int)
    known = _codes([name for name in names if name])  # Person_0, Person_1...
    person = np.full(table.rows, -1)
    person[~nameless] = known
    return person


def _number_unnamed(table: Table, rows: Rows, picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rows without a face's name: several of one frame are several faces, from left to right or as they stand."""
    moments, exact = rows.clock.frames, True
    if moments is None or not np.isfinite(moments).all():
        moments, exact = rows.clock.seconds, False
    person = np.zeros(table.rows, int)
    if moments is None or not np.isfinite(moments).all() or not seen.any():
        return person
    at = np.flatnonzero(seen)
    _, moment, count = np.unique(np.stack([picture[at], moments[at]]), axis=1, return_inverse=True, return_counts=True)
    several = count > 1
    if not several.any() or (not exact and several.mean() < 0.5):  # a clock repeats now and then; a frame number does not
        return person
    across = np.arange(len(at)) if rows.boxes is None else np.nan_to_num(rows.boxes[at, 0], nan=np.inf)
    order = np.lexsort((np.arange(len(at)), across, moment.ravel()))
    first = np.concatenate([[0], np.cumsum(count)])[:-1]
    person[:] = np.where(seen, 0, -1)
    person[at[order]] = np.arange(len(at)) - np.repeat(first, count)
    how = "as they stand in each frame" if rows.boxes is None else "from left to right in each frame"
    table.say(f"no column names the faces: they are counted {how}")
    return person
