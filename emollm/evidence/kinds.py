"""What a table of action units is: the one place that knows. By its name for a file, by its columns for what it holds."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emollm.evidence import blendshapes, facs_codes, feat, landmarks, objects, openface, own_tables, tidy, units
from emollm.evidence.cells import plain_name
from emollm.evidence.clock import Clock
from emollm.evidence.files import Source, check_file, decode, from_arrow, open_source, text_of
from emollm.evidence.held_tables import HeldTable, content_of, held_table
from emollm.evidence.series import TableFace
from emollm.evidence.tables import Table
from emollm.schema import AUSeries, InputError

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", *JSON_SUFFIXES, ".facs", ".parquet", ".parq", ".pq", ".npy")
TEXT_SUFFIXES = (".txt", ".facs")  # a FACS code, or a table
ROW_TIMES = ("frame", "timestamp", "time", "timestamp_ms", "time_ms", "t")
LONGEST_CODE = 1000  # bytes of a file that may be one FACS code
# Asked in this order: the first format that knows the columns reads the table. Columns of action units go before blend
# shapes and these before landmarks: a current py-feat table has all three.
READERS = (
    (own_tables.is_emollm, own_tables.read_csv),
    (openface.is_libreface, openface.read_libreface),
    (openface.is_openface, openface.read_openface),
    (facs_codes.is_hand, tidy.read_long),
    (feat.is_fex, feat.read_fex),
    (blendshapes.is_blendshapes, blendshapes.read_blendshapes),
    (landmarks.is_landmarks, landmarks.read_landmarks),
)


_CONVERT = "Convert them to columns such as AU12_r (0 to 5) first"
FOREIGN = (  # what the first lines hold -> what it is
    (rb"action unit \d\d ?-|video analysis (detailed|state) log",
     f"a table of FaceReader: its action units are named in its own way, on a scale of its own. {_CONVERT}"),
    (rb"\bau ?\d+ evidence",
     f"evidence of FACET (iMotions): log odds that a unit is there, no intensities. {_CONVERT}"),
    (rb"\b(inner )?brow ?(raise|furrow)\b.*\b(smile|smirk|lip|attention)",
     f"measures of Affectiva (AFFDEX, iMotions): likelihoods from 0 to 100, no intensities of action units. {_CONVERT}"))


class Limits(NamedTuple):
    """Beyond these a table is refused."""

    size: int  # bytes
    columns: int  # that are used
    rows: int


def is_table(source: object) -> bool:
    """Whether a source is a table of action units rather than a picture or clip: by type or, for a path, by its ending
    (TABLE_SUFFIXES); a FACS code counts as one."""
    if isinstance(source, (AUSeries, Mapping, HeldTable)) or _is_frame(source) or _is_points(source):
        return True
    if not isinstance(source, (str, os.PathLike)):
        return False
    path = os.fspath(source)
    if not isinstance(path, str):
        return False
    return path.lower().endswith(TABLE_SUFFIXES) or (facs_codes.looks_like_facs(path) and not os.path.exists(path))


def are_rows(source: list | tuple) -> bool:
    """Whether a list is the rows of one table rather than several faces: dicts that say when each was."""
    return all(isinstance(row, Mapping) for row in source) and any(
        plain_name(str(key)) in ROW_TIMES for row in source for key in row)


def name_of(source: object) -> str:
    """What messages call a source."""
    if isinstance(source, HeldTable):
        return source.name
    return os.path.basename(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else "AU table"


def read_faces(source: object, limits: Limits, fps: float | None = None, baseline: str | None = None) -> list[TableFace]:
    """Every face of a table of any kind; see emollm.evidence.read_faces."""
    if isinstance(source, AUSeries):
        return [TableFace(source)]
    if _is_row(source):
        source = source.to_dict()
    if isinstance(source, Mapping):
        return _read_dict(source, limits, fps, baseline)
    if _is_points(source):
        return _measure_points(np.asarray(source, dtype=float), "landmarks", limits, fps, baseline)
    if _is_frame(source):
        return _read(from_arrow(source, "data frame"), limits, fps, baseline)
    if isinstance(source, str) and not os.path.exists(source) and facs_codes.looks_like_facs(source):
        return [TableFace(facs_codes.parse_facs(source, source))]
    if not isinstance(source, (str, os.PathLike)):
        return _read_held(source, limits, fps, baseline)
    return _read_path(Path(source), Path(source).suffix.lower(), limits, fps, baseline)


def _read_held(source: object, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    """A table whose file is in memory: bytes, an open file, or what `held_table` found them to be."""
    if hasattr(source, "read"):
        source = content_of(source, os.path.basename(str(getattr(source, "name", "") or "file")))
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = held_table(bytes(source), "bytes")
    if not isinstance(source, HeldTable):
        raise InputError("evidence: this is no table of action units. Give a path, bytes or an open file of one (CSV, Parquet, "
                         'JSON), a data frame, a dict such as {"AU12": 3.0}, or a FACS code such as 6C+12D.')
    with tempfile.TemporaryDirectory(prefix="emollm-") as folder:
        path = Path(folder, source.name.replace("/", " ")[-100:])
        path.write_bytes(source.content)
        return _read_path(path, source.ending, limits, fps, baseline)


def _read_path(path: Path, ending: str, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    check_file(path, limits.size)
    if ending in JSON_SUFFIXES:
        return _read_json(path, limits, fps, baseline)
    if ending == ".npy":
        return _read_array(path, limits, fps, baseline)
    if ending in TEXT_SUFFIXES and path.stat().st_size < LONGEST_CODE and facs_codes.looks_like_facs(text_of(path)):
        return [TableFace(facs_codes.parse_facs(text_of(path).strip(), path.name))]
    source = open_source(path)
    if not _reader(source, limits) and (maker := _foreign_maker(path)):
        raise InputError(f"{path.name}: {maker}.")
    if ending in TEXT_SUFFIXES and not _reader(source, limits):
        return [TableFace(facs_codes.parse_facs(bytes(decode(path)[0]).decode().strip(), path.name))]
    return _read(source, limits, fps, baseline)


def _foreign_maker(path: Path) -> str:
    """What is known and not read, in words: measures of other makers, which are no intensities of action units."""
    with open(path, "rb") as file:
        head = file.read(2**14)
    plain = head.replace(b"\0", b"").lower()
    return next((words for pattern, words in FOREIGN if re.search(pattern, plain)), "")


def _read(source: Source, limits: Limits, fps: float | None, baseline: str | None = None) -> list[TableFace]:
    reader = _reader(source, limits)
    if reader is None:
        if odd := next((column for column in source.header if re.search(r"(?<![a-z>])au[ _.-]?\d", column.lower())), ""):
            raise InputError(f"{source.name}: columns such as '{odd.strip()[:40]}' name action units in a way that is not "
                             "known. Name them AU12_r (intensity 0 to 5), AU12_c (there or not, 0 or 1), AU12 (probability, 0 "
                             "to 1), or AU12_left and AU12_right (0 to 5).")
        raise InputError(f"{source.name}: not a table of action units: none of its {len(source.header)} columns is known. "
                         "Expected columns of emollm (AU01_left), OpenFace (AU01_r), py-feat (AU01), LibreFace "
                         "(au_1_intensity), ARKit (browInnerUp), MediaPipe (x_0 y_0 z_0 ...) or AU,side,intensity.")
    table = Table(source, limits.columns, limits.rows)
    return reader(table, fps, baseline) if reader is landmarks.read_landmarks else reader(table, fps)


def _reader(source: Source, limits: Limits):
    columns = set(Table(source, limits.columns, limits.rows).plain)
    return next((reader for recognise, reader in READERS if recognise(columns)), None)


def _read_json(path: Path, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    text = text_of(path)
    try:
        stored, cut = json.loads(text), ""
    except (ValueError, RecursionError):
        stored, cut = _json_lines(text, path.name)
    first = stored[0] if isinstance(stored, list) and stored else stored
    if isinstance(first, dict) and "custom_id" in first:
        raise InputError(f"{path.name}: these are requests or answers of a batch, no table. Requests are for: emollm caption "
                         f"{path.name} -o answers.jsonl")
    faces = _read_stored(stored, path.name, limits, fps, baseline)
    for face in faces:
        face.series.notices = [cut, *face.series.notices] if cut else face.series.notices
    return faces


def _json_lines(text: str, name: str) -> tuple[list, str]:
    """A JSON value a line, and what was left out: a last line that is cut off. Raises InputError for anything else."""
    lines, rows = [line for line in text.splitlines() if line.strip()], []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            if number == len(lines) > 1:
                return rows, f"line {number} is cut off and was left out"
            if number > 1:
                raise InputError(f"{name}: line {number} is no JSON. Give one JSON object a line, or one for all.") from None
            raise InputError(f"{name}: not an AU table in emollm's JSON, nor any other JSON. Write one with "
                             "`emollm measure -o x.json`.") from None
    return rows, ""


def _read_dict(mapping: Mapping, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    """A dict of units at one moment, or whatever a JSON file may hold: columns, landmarks, an AUSeries."""
    if units.is_moment(mapping) and not units.are_units(mapping):
        row = objects.records([dict(mapping)], "dict")
        if row is not None and _reader(row, limits) not in (None, *([] if "FaceRectX" in mapping else [feat.read_fex])):
            return _read(row, limits, fps, baseline)
    if units.is_moment(mapping):
        return [TableFace(units.from_units(mapping, "dict"))]
    return _read_stored(units.to_lists(mapping), "dict", limits, fps, baseline)


def _read_stored(stored: object, name: str, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    if not (isinstance(stored, dict) and ("aus" in stored or _holds_series(stored))):
        if (shapes := objects.shape_records(stored, name)) is not None:
            return _read(shapes, limits, fps, baseline)
        if faces := objects.read_frames(stored, name, limits[1:], fps, baseline):
            return faces
        if (source := objects.records(stored, name)) is not None:
            return _read(source, limits, fps, baseline)
    return own_tables.from_json(stored, name)


def _holds_series(stored: dict) -> bool:
    faces = stored.get("faces")
    return isinstance(faces, list) and bool(faces) and isinstance(faces[0], dict) and "aus" in faces[0]


def _read_array(path: Path, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    try:
        with open(path, "rb") as handle:
            np.lib.format.read_magic(handle)  # np.load would open archives and pickles too
        points = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, OverflowError):
        raise InputError(f"{path.name}: not an array of landmarks. Save one of shape [frames, {landmarks.POINTS}, 3]."
                         ) from None
    return _measure_points(np.asarray(points), path.name, limits, fps, baseline)


def _measure_points(points: np.ndarray, name: str, limits: Limits, fps: float | None, baseline: str | None) -> list[TableFace]:
    """Faces of landmarks in an array [478, 3], [T, 478, 3] or [T, 1434]."""
    if points.ndim == 2 and points.shape[1] == 3 * landmarks.POINTS:
        points = points.reshape(len(points), landmarks.POINTS, 3)
    if points.ndim == 2 and points.shape == (landmarks.POINTS, 3):
        points = points[None]
    if points.ndim != 3 or points.shape[2] != 3 or not len(points) or points.dtype.kind not in "fiu":
        raise InputError(f"{name}: an array of shape {list(points.shape)} is no landmarks. Give "
                         f"[frames, {landmarks.POINTS}, 3].")
    if points.shape[1] != landmarks.POINTS:
        raise InputError(f"{name}: {landmarks.wrong_mesh_message(points.shape[1])}")
    table = Table(Source(name, [], lambda wanted: iter(())), *limits[1:])
    table.rows, table.lines = len(points), np.arange(len(points)) + 1
    clock = Clock(frames=np.arange(len(points), dtype=float))
    return landmarks.measure_points(table, points.astype(float), clock, (0.0, 0.0), fps, baseline)


def _is_frame(source: object) -> bool:
    """Whether something is a data frame (pandas, polars, Arrow): they all hand over an Arrow stream."""
    return hasattr(source, "__arrow_c_stream__")


def _is_row(source: object) -> bool:
    """Whether something is a pandas Series: one row of a frame, or units by name."""
    return getattr(source, "ndim", 0) == 1 and hasattr(source, "index") and callable(getattr(source, "to_dict", None))


def _is_points(source: object) -> bool:
    """Whether an array is landmarks and not a picture of 478 columns: depths lie on both sides of 0, colours do not."""
    return (isinstance(source, np.ndarray) and source.ndim in (2, 3) and source.shape[-2:] == (landmarks.POINTS, 3)
            and source.dtype.kind == "f" and bool((source < 0).any()))
