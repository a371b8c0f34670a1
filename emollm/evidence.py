"""Action-unit tables in and out: bring your own measurement, or take ours elsewhere.

Every reader ends in the same AUSeries: intensity 0-5 (FACS A-E as 1-5), NaN where the face was not visible, and an AU
that a table does not hold is masked, never 0. What each format means:

emollm    CSV or JSON of `emollm measure`. Columns frame, timestamp (s), face_id, confidence, success, estimator,
          baseline, version, then AUxx_left, AUxx_right (0-5, empty = not visible) and AUxx_confidence (0-1); left and
          right are the person's own. An AU that was not measured has no columns.
openface  OpenFace 2 (github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format): AUxx_r is intensity 0-5, AUxx_c
          presence 0/1, for the whole face. AU28 has only AU28_c. Rows with success 0 become NaN.
fex       py-feat (py-feat.org): AUxx is the *probability* that the AU is present. See from_probability.
libreface LibreFace (github.com/ihp-lab/LibreFace): au_N_intensity 0-5, au_N presence 0/1.
arkit     52 ARKit blend shapes 0-1, lowerCamel, or the PascalCase table of Live Link Face with Timecode. See
          BLENDSHAPES.
hand      A coder's FACS string such as 1+2+5D or L14B (in a .txt or .facs file), or a CSV with the columns AU, side,
          intensity (A-E or 1-5; X = not scored) and optionally timestamp, face_id. Everything not coded is absent, as
          in comprehensive FACS coding; a code without a letter is read as PRESENT.

A presence without an intensity is read as PRESENT. Where a table gives both and they disagree, confidence is halved.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emollm.report import write_file
from emollm.schema import AU_NAMES, AUS, ON, SCHEMA_VERSION, SIDES, AUSeries, InputError, au_index

MAX_BYTES, MAX_COLUMNS, MAX_ROWS = 256 * 2**20, 2_000, 2_000_000
FORMATS = ("emollm", "openface")  # what can be written
PRESENT = 3.0  # FACS C, the middle of the scale: for a presence that comes without an intensity
FEX_FPS, LIVELINK_FPS = 30.0, 60.0  # when a table is too short to tell its frame rate
OPENFACE_R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
OPENFACE_C = tuple(sorted((*OPENFACE_R, 28)))
TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".txt", ".facs")

# ARKit blend shape(s) -> AU, by Apple's description of each blend shape (developer.apple.com/documentation/arkit/
# arfaceanchor/blendshapelocation) against the appearance changes of the FACS manual (Ekman, Friesen & Hager, 2002).
# "*" stands for Left / Right; several names: the least of them moves. Coefficient 0-1 becomes intensity 0-5.
# Shapes without an AU of ours (gaze, jawForward, jawLeft/Right, mouthLeft/Right, mouthClose, cheekPuff, tongueOut,
# mouthShrugUpper, mouthLowerDown alone = AU16) only serve AU25, where lips part: see _blend_lips.
# Only duration tells closed eyes (AU43) from a blink (AU45): a single row counts as closed, a series as blinks.
BLENDSHAPES = {
    1: ("browInnerUp",), 2: ("browOuterUp*",), 4: ("browDown*",), 5: ("eyeWide*",), 6: ("cheekSquint*",),
    7: ("eyeSquint*",), 9: ("noseSneer*",), 10: ("mouthUpperUp*",), 12: ("mouthSmile*",), 14: ("mouthDimple*",),
    15: ("mouthFrown*",), 17: ("mouthShrugLower",), 18: ("mouthPucker",), 20: ("mouthStretch*",),
    22: ("mouthFunnel",), 24: ("mouthPress*",), 26: ("jawOpen",), 28: ("mouthRollLower", "mouthRollUpper"),
    45: ("eyeBlink*",),
}
LIPS = ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight")
# MediaPipe writes these names but its model never moves them (at most .0004 on 32,137 faces): such a column is not a
# measurement, so the AU is masked.
DEAD_SHAPES, DEAD = ("cheekSquint*", "noseSneer*"), 0.001


@dataclass
class _Table:
    """The columns of a delimited file that its format needs. Cells are float, NaN where empty."""

    name: str
    header: list[str]
    numbers: dict[str, np.ndarray] = field(default_factory=dict)  # [rows]
    texts: dict[str, list[str]] = field(default_factory=dict)
    lines: np.ndarray | None = None  # [rows] line number in the file, header = 1
    rows: int = 0

    def number(self, column: str, default: float = math.nan) -> np.ndarray:
        return self.numbers.get(column, np.full(self.rows, default))

    def bad(self, row: int, column: str, why: str) -> InputError:
        return InputError(f"{self.name}: row {self.lines[row]}, column {column}: {why}")


def read(path: str | os.PathLike, face_id: int | None = None) -> AUSeries:
    """One face of an AU table.

    face_id: which face, when the table holds several. Raises InputError when the file is no AU table, a cell is bad
    (with its row, counted from 1 at the header, and column) or the face is not in it.
    """
    faces = read_all(path)
    found = {series.face_id: series for series in faces}
    if face_id is None and len(faces) == 1:
        return faces[0]
    if face_id in found:
        return found[face_id]
    choice = "it holds several faces" if face_id is None else f"there is no face {face_id}"
    raise InputError(f"{Path(path).name}: {choice}. Choose one of the faces {' '.join(map(str, sorted(found)))}.")


def read_all(path: str | os.PathLike) -> list[AUSeries]:
    """Every face of an AU table, by face_id. The format is told from the columns. Raises InputError as `read` does."""
    path = Path(path)
    _check_file(path)
    if path.suffix.lower() == ".json":
        return _read_json(path)
    if path.suffix.lower() in (".txt", ".facs"):
        return [parse_facs(_decode(path).strip(), path.name)]
    header = _header(path)
    for recognise, reader in ((_is_emollm, _emollm), (_is_libreface, _libreface), (_is_openface, _openface),
                              (_is_hand, _hand), (_is_blendshapes, _blendshapes), (_is_fex, _fex)):
        if recognise({column.lower() for column in header}):
            return reader(path, header)
    raise InputError(f"{path.name}: not a table of action units. Expected columns of emollm (AU01_left), OpenFace "
                     "(AU01_r), py-feat (AU01), LibreFace (au_1_intensity), ARKit (browInnerUp) or AU,side,intensity.")


_CODE = re.compile(r"(?P<side>[LRlr]?)(?:AU)?(?P<number>\d{1,2})(?P<level>[A-Ea-eXx]?)")


def looks_like_facs(text: str) -> bool:
    """Whether a string is a FACS code such as 1+2+5D rather than the name of a file."""
    parts = re.split(r"\s*\+\s*", text.strip())
    return all(_CODE.fullmatch(part) for part in parts)


def parse_facs(code: str, name: str = "FACS code") -> AUSeries:
    """A coder's FACS string as one moment: 1+2+5D, 6C+12D, L14B (the person's left), X = not scored.

    Raises InputError naming the part that is no code, or an AU coded twice on one side.
    """
    coded = []
    for part in re.split(r"\s*\+\s*|\s+", code.strip()):
        match = _CODE.fullmatch(part)
        if not match:
            raise InputError(f"{name}: '{part[:20]}' is not a FACS code. Write for example 1+2+5D or L12C+25.")
        side = {"L": "left", "R": "right"}.get(match["side"].upper(), "both")
        coded.append((au_index(match["number"]), side, match["level"], f"{name}: {part}"))
    return _coded(np.zeros(1), [coded], face_id=0)


def from_probability(p: np.ndarray) -> np.ndarray:
    """Probability that an AU is present -> intensity: 0 -> 0, 0.5 -> ON, 1 -> PRESENT, straight lines between.

    A probability says nothing about strength, so certainty ends in the middle of the scale and an even chance on the
    threshold from which a movement counts as there.
    """
    return np.interp(p, (0.0, 0.5, 1.0), (0.0, ON, PRESENT))


# --- writing -----------------------------------------------------------------------------------------------------

def csv_text(faces: Iterable[AUSeries], layout: str = "emollm", frames: list[np.ndarray] | None = None) -> str:
    """Faces as one CSV.

    layout: emollm (exact to four decimals) or openface (17 AUxx_r and 18 AUxx_c; the stronger side; an AU that was not
    measured leaves its cells empty). frames: decoded frame index of every row, one array a face; default 0, 1, 2...
    Raises InputError for another layout.
    """
    if layout not in FORMATS:
        raise InputError(f"unknown table format '{layout}': use one of {' '.join(FORMATS)}")
    faces = list(faces)
    frames = frames or [np.arange(len(series.times)) for series in faces]
    kept = [k for k in range(len(AUS)) if any(series.measured[k] for series in faces)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_openface_columns() if layout == "openface" else _emollm_columns(kept))
    for series, index in zip(faces, frames, strict=True):
        for t in range(len(series.times)):
            if layout == "openface":
                writer.writerow([int(index[t]) + 1, *_openface_row(series, t)])  # OpenFace counts frames from 1
            else:
                writer.writerow([int(index[t]), *_emollm_row(series, t, kept)])
    return out.getvalue()


def json_text(faces: Iterable[AUSeries]) -> str:
    """Faces as {"schema_version", "faces": [AUSeries.to_dict()]}."""
    stored = {"schema_version": SCHEMA_VERSION, "faces": [series.to_dict() for series in faces]}
    return json.dumps(stored, indent=1, allow_nan=False) + "\n"


def write_csv(path: str | os.PathLike, faces: Iterable[AUSeries], layout: str = "emollm",
              frames: list[np.ndarray] | None = None) -> None:
    """Write `csv_text`, whole or not at all. Raises InputError when the place cannot be written."""
    write_file(path, csv_text(faces, layout, frames))


def write_json(path: str | os.PathLike, faces: Iterable[AUSeries]) -> None:
    """Write `json_text`, whole or not at all. Raises InputError when the place cannot be written."""
    write_file(path, json_text(faces))


def _emollm_columns(kept: list[int]) -> list[str]:
    return ["frame", "timestamp", "face_id", "confidence", "success", "estimator", "baseline", "version",
            *(f"{AU_NAMES[k]}_{part}" for k in kept for part in ("left", "right", "confidence"))]


def _openface_columns() -> list[str]:
    return ["frame", "face_id", "timestamp", "confidence", "success", *(f"AU{n:02d}_r" for n in OPENFACE_R),
            *(f"AU{n:02d}_c" for n in OPENFACE_C)]


def _seen(series: AUSeries, t: int) -> tuple[float, int]:
    """Mean confidence of what was measured in one row, and whether anything was."""
    confidence = series.confidence[t][series.measured]
    seen = bool(np.isfinite(series.intensity[t][series.measured]).any())
    mean = float(np.nanmean(confidence)) if seen and np.isfinite(confidence).any() else 0.0
    return round(mean, 4), int(seen)


def _emollm_row(series: AUSeries, t: int, kept: list[int]) -> list:
    values = []
    for k in kept:
        cells = (*series.intensity[t, k], np.nan_to_num(series.confidence[t, k]))
        values += [_cell(value) if series.measured[k] else "" for value in cells]
    return [_cell(series.times[t]), series.face_id, *_seen(series, t), series.estimator, series.baseline,
            series.version, *values]


def _openface_row(series: AUSeries, t: int) -> list:
    strongest = np.fmax(series.intensity[t, :, 0], series.intensity[t, :, 1])  # [24]
    strongest = np.where(series.measured, strongest, np.nan)
    known = {n: float(strongest[AUS.index(n)]) for n in OPENFACE_C}
    present = ["" if math.isnan(known[n]) else f"{known[n] >= ON:.1f}" for n in OPENFACE_C]
    return [series.face_id, f"{series.times[t]:.3f}", *_seen(series, t),
            *("" if math.isnan(known[n]) else f"{known[n]:.2f}" for n in OPENFACE_R), *present]


def _cell(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.4f}".rstrip("0").rstrip(".")


# --- files and cells ---------------------------------------------------------------------------------------------

def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give the path of an AU table.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name}: larger than {MAX_BYTES // 2**20} MB. Split the table.")


def _decode(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: not UTF-8 text. Save the table as UTF-8.") from None


def _lines(path: Path) -> Iterable[list[str]]:
    """Rows of cells; comma, semicolon or tab, told from the header."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            handle.seek(0)
            delimiter = max(",;\t", key=first.count)
            yield from csv.reader(handle, delimiter=delimiter)
    except (UnicodeDecodeError, csv.Error) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InputError(f"{path.name}: not a readable table ({reason}). Save it as CSV in UTF-8.") from None


def _header(path: Path) -> list[str]:
    header = [cell.strip() for cell in next(iter(_lines(path)), [])]
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{path.name}: {len(header)} columns, at most {MAX_COLUMNS} are read.")
    if not any(header):
        raise InputError(f"{path.name}: the file is empty. Expected a header row and one row a frame.")
    twice = {column for column in header if column and header.count(column) > 1}
    if twice:
        raise InputError(f"{path.name}: the column '{min(twice)}' occurs twice.")
    return header


def _load(path: Path, header: list[str], numbers: dict[str, tuple[float, float]], texts: Iterable[str] = ()) -> _Table:
    """Stream a table, keeping only the wanted columns. numbers: column -> allowed range; names of absent columns are
    ignored. Raises InputError for a bad cell, a row of another width, no rows or too many."""
    table = _Table(path.name, header)
    wanted = [(header.index(c), c, limits, array("d")) for c, limits in numbers.items() if c and c in header]
    strings = [(header.index(c), table.texts.setdefault(c, [])) for c in texts if c and c in header]
    lines = array("l")
    for number, cells in enumerate(_lines(path), start=1):
        if number == 1 or not cells:
            continue
        if len(cells) != len(header):
            raise InputError(f"{path.name}: row {number} has {len(cells)} cells, the header {len(header)} columns.")
        if len(lines) == MAX_ROWS:
            raise InputError(f"{path.name}: more than {MAX_ROWS:,} rows. Split the table.")
        lines.append(number)
        for at, column, limits, values in wanted:
            try:
                values.append(_parse(cells[at], limits))
            except ValueError as error:
                raise InputError(f"{path.name}: row {number}, column {column}: {error}.") from None
        for at, kept in strings:
            kept.append(cells[at].strip())
    if not lines:
        raise InputError(f"{path.name}: a header but no rows.")
    table.numbers = {column: np.array(values) for _, column, _, values in wanted}
    table.lines, table.rows = np.array(lines), len(lines)
    return table


def _parse(cell: str, limits: tuple[float, float]) -> float:
    """One cell; empty and nan mean not measured. Raises ValueError with the reason."""
    cell = cell.strip()
    if not cell or cell.lower() == "nan":
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"'{cell[:30]}' is not a number")
    low, high = limits
    if not low <= value <= high:
        raise ValueError(f"{value:g} is out of range ({low:g} to {high:g})" if math.isfinite(high)
                         else f"{value:g} is out of range (at least {low:g})")
    return value


# --- from columns to series --------------------------------------------------------------------------------------

TIME, COUNT, UNIT, SCALE = (0.0, math.inf), (0.0, 1e9), (0.0, 1.0), (0.0, 5.0)


def _empty(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nothing measured yet: intensity [R, 24, 2] NaN, confidence [R, 24] 0, measured [24] False."""
    return np.full((rows, len(AUS), 2), np.nan), np.zeros((rows, len(AUS))), np.zeros(len(AUS), bool)


def _by_face(table: _Table, times: np.ndarray, ids: np.ndarray, filled: tuple, estimator: str,
             **provenance: str) -> list[AUSeries]:
    """Cut the rows of a table into one series a face, and check that time runs forward in each."""
    intensity, confidence, measured = filled
    for column, values in (("timestamp", times), ("face_id", ids)):
        if np.isnan(values).any():
            raise table.bad(int(np.isnan(values).argmax()), column, "is empty, a number is needed.")
    if not measured.any():
        raise InputError(f"{table.name}: no action unit in it has a value.")
    faces = []
    for face in np.unique(ids):
        rows = np.flatnonzero(ids == face)
        steps = np.diff(times[rows])
        if (steps <= 0).any():
            row = int(rows[(steps <= 0).argmax() + 1])
            raise table.bad(row, "timestamp", f"time does not move forward for face {face:g}. Give every face its own "
                                              "face_id and sort by time.")
        faces.append(AUSeries(times=times[rows], intensity=intensity[rows], confidence=confidence[rows],
                              measured=measured.copy(), estimator=estimator, face_id=int(face), **provenance))
    return faces


def _both_readings(table: _Table, strengths: dict[int, str], presences: dict[int, str],
                   sure: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill from whole-face intensity and presence columns. sure: [R] confidence of the row, 0 = not tracked."""
    intensity, confidence, measured = _empty(table.rows)
    tracked = sure > 0
    for number in sorted({*strengths, *presences}):
        k = AUS.index(number)
        strength = table.number(strengths.get(number, ""))
        present = table.number(presences.get(number, ""))
        agree = np.isnan(strength) | np.isnan(present) | ((strength >= 1) == (present >= 0.5))
        value = np.where(np.isnan(strength), present * PRESENT, strength)
        intensity[:, k] = np.where(tracked, value, np.nan)[:, None]
        confidence[:, k] = np.where(tracked & np.isfinite(value), sure * np.where(agree, 1.0, 0.5), 0.0)
        measured[k] = np.isfinite(value).any()
    return intensity, confidence, measured


def _pick(header: list[str], *names: str) -> str:
    """The first of these columns that the table has, in its own spelling; empty when it has none."""
    lower = {column.lower(): column for column in header}
    return next((lower[name] for name in names if name in lower), "")


def _numbered(header: list[str], pattern: str) -> dict[int, str]:
    """AU number -> column, for the columns that match; AUs that emollm does not know are left out."""
    found = {int(m[1]): column for column in header if (m := re.fullmatch(pattern, column, re.IGNORECASE))}
    return {number: column for number, column in found.items() if number in AUS}


# --- the formats -------------------------------------------------------------------------------------------------

def _is_emollm(columns: set[str]) -> bool:
    return any(re.fullmatch(r"au\d\d_(left|right)", column) for column in columns)


def _emollm(path: Path, header: list[str]) -> list[AUSeries]:
    parts = {part: _numbered(header, rf"AU(\d\d)_{part}") for part in ("left", "right", "confidence")}
    lacking = [f"AU{n:02d}_{part}" for n in {*parts["left"], *parts["right"]} for part in parts if n not in parts[part]]
    if lacking:
        raise InputError(f"{path.name}: the column {min(lacking)} is missing.")
    limits = {"timestamp": TIME, "face_id": COUNT}
    limits |= {column: UNIT if part == "confidence" else SCALE for part in parts for column in parts[part].values()}
    table = _load(path, header, limits, ("estimator", "baseline", "version"))
    intensity, confidence, measured = _empty(table.rows)
    confidence[:] = np.nan
    for number in parts["left"]:
        k = AUS.index(number)
        for side in (0, 1):
            intensity[:, k, side] = table.numbers[parts[SIDES[side]][number]]
        confidence[:, k] = table.numbers[parts["confidence"][number]]
        measured[k] = True
    ids = table.number("face_id", 0.0)
    return _provenance(table, ids, _by_face(table, table.number("timestamp"), ids, (intensity, confidence, measured),
                                            "emollm"))


def _provenance(table: _Table, ids: np.ndarray, faces: list[AUSeries]) -> list[AUSeries]:
    """Who measured, by which baseline and version, from the face's first row."""
    for series in faces:
        first = int((ids == series.face_id).argmax())
        for column, cells in table.texts.items():
            setattr(series, column, cells[first] or getattr(series, column))
        series.measured = np.isfinite(series.confidence).any(0)  # another face of the file may have more AUs
        series.confidence = np.nan_to_num(series.confidence)
    return faces


def _is_openface(columns: set[str]) -> bool:
    return any(re.fullmatch(r"au\d\d_[rc]", column) for column in columns)


def _openface(path: Path, header: list[str]) -> list[AUSeries]:
    strengths, presences = _numbered(header, r"AU(\d\d)_r"), _numbered(header, r"AU(\d\d)_c")
    if {"au03_r", "au08_r"} & {column.lower() for column in header}:
        raise InputError(f"{path.name}: its AU columns are counted, not named by FACS (AU03_r, AU08_r), as "
                         "OpenFace 3 writes them. Rename them to the action units they stand for.")
    face, frame = _pick(header, "face_id", "face"), _pick(header, "frame")
    limits = {"timestamp": TIME, "confidence": UNIT, "success": UNIT, face: COUNT, frame: COUNT}
    limits |= dict.fromkeys(strengths.values(), SCALE) | dict.fromkeys(presences.values(), UNIT)
    table = _load(path, header, limits)
    sure = np.nan_to_num(table.number("confidence", 1.0)) * (table.number("success", 1.0) >= 0.5)
    times = table.numbers["timestamp"] if "timestamp" in header else np.zeros(table.rows)  # a photograph has no time
    filled = _both_readings(table, strengths, presences, sure)
    return _by_face(table, times, table.number(face, 0.0), filled, "openface")


def _is_libreface(columns: set[str]) -> bool:
    return any(re.fullmatch(r"au_\d+(_intensity)?", column) for column in columns)


def _libreface(path: Path, header: list[str]) -> list[AUSeries]:
    strengths, presences = _numbered(header, r"AU_(\d+)_intensity"), _numbered(header, r"AU_(\d+)")
    limits = {"frame_time_in_ms": TIME} | dict.fromkeys(strengths.values(), SCALE)
    table = _load(path, header, limits | dict.fromkeys(presences.values(), UNIT))
    times = table.number("frame_time_in_ms", 0.0) / 1000
    filled = _both_readings(table, strengths, presences, np.ones(table.rows))
    return _by_face(table, times, np.zeros(table.rows), filled, "libreface")


def _is_fex(columns: set[str]) -> bool:
    return any(re.fullmatch(r"au\d{1,2}", column) for column in columns)


def _fex(path: Path, header: list[str]) -> list[AUSeries]:
    columns = _numbered(header, r"AU(\d{1,2})")
    frame, face_score = _pick(header, "frame"), _pick(header, "facescore")
    limits = {frame: COUNT, face_score: UNIT} | dict.fromkeys(columns.values(), UNIT)
    table = _load(path, header, limits, ("input", "approx_time", "Identity"))
    if len(set(table.texts.get("input", []))) > 1:
        raise InputError(f"{table.name}: it holds several pictures or clips (column input). Split it, one file each.")
    intensity, confidence, measured = _empty(table.rows)
    score = np.nan_to_num(table.number(face_score, 1.0))
    for number, column in columns.items():
        k, p = AUS.index(number), table.numbers[column]
        intensity[:, k] = np.where(np.isnan(p), np.nan, from_probability(p))[:, None]
        confidence[:, k] = np.nan_to_num(score * abs(2 * p - 1))  # sure at 0 and 1, a coin toss at 0.5
        measured[k] = np.isfinite(p).any()
    frames = table.number(frame) if frame else np.arange(table.rows, dtype=float)
    times = (frames - frames[0]) / _fex_rate(frames, table.texts.get("approx_time", []))
    return _by_face(table, times, _fex_faces(table), (intensity, confidence, measured), "py-feat")


def _fex_rate(frames: np.ndarray, clock: list[str]) -> float:
    """Frames a second. py-feat writes whole seconds (MM:SS) only, so the first frame of the last second tells."""
    seconds = [int(m[1]) * 60 + int(m[2]) if (m := re.fullmatch(r"(\d+):(\d\d)", cell)) else 0 for cell in clock]
    if not seconds or max(seconds) == 0:
        return FEX_FPS
    return float(frames[seconds.index(max(seconds))]) / max(seconds) or FEX_FPS


def _fex_faces(table: _Table) -> np.ndarray:
    """py-feat names faces Person_0, Person_1...; here they are ordinals in order of appearance."""
    names = table.texts.get("Identity")
    if not names:
        return np.zeros(table.rows)
    order = {name: float(k) for k, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names])


def _plain_name(column: str) -> str:
    """browDownLeft for BrowDownLeft, browDown_L and browDownLeft."""
    spelled = re.sub(r"_([LR])$", lambda m: {"L": "Left", "R": "Right"}[m[1]], column.strip())
    return spelled[:1].lower() + spelled[1:]


def _is_blendshapes(columns: set[str]) -> bool:
    return len(columns & {"browinnerup", "jawopen", "mouthfunnel", "mouthpucker", "mouthclose"}) >= 3


def _blendshapes(path: Path, header: list[str]) -> list[AUSeries]:
    shapes = {side_name.replace("*", side) for names in BLENDSHAPES.values() for side_name in names
              for side in ("Left", "Right")} | set(LIPS)
    spelled = {_plain_name(column): column for column in header}
    limits = {spelled[shape]: UNIT for shape in shapes if shape in spelled}
    clock, stamp = _pick(header, "timecode"), _pick(header, "timestamp", "time")
    table = _load(path, header, limits | {stamp: TIME, "face_id": COUNT}, (clock,))
    values = {shape: table.numbers[spelled[shape]] for shape in shapes if shape in spelled}
    if stamp:
        times = table.numbers[stamp]
    elif clock:
        times = _timecode(table, table.texts[clock])
    else:
        times = np.arange(table.rows) / LIVELINK_FPS
    return _by_face(table, times, table.number("face_id", 0.0), _blend(values, table.rows), "blendshapes")


def _blend(values: dict[str, np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blend-shape coefficients [R] -> intensity, confidence, measured, by BLENDSHAPES."""
    intensity, confidence, measured = _empty(rows)
    for number, names in BLENDSHAPES.items():
        k = AUS.index(number)
        if number == 45 and rows == 1:
            k = AUS.index(43)
        for side, word in enumerate(("Left", "Right")):
            columns = [values.get(name.replace("*", word)) for name in names]
            if any(column is None for column in columns):
                continue
            if names[0] in DEAD_SHAPES and np.nanmax(columns[0], initial=0.0) < DEAD:
                continue
            intensity[:, k, side] = 5 * np.min(columns, axis=0)
    _blend_lips(values, intensity)
    measured[:] = np.isfinite(intensity).any((0, 2))
    confidence[np.isfinite(intensity).any(2)] = 1.0
    return intensity, confidence, measured


def _blend_lips(values: dict[str, np.ndarray], intensity: np.ndarray) -> None:
    """AU25 and AU27 in place. Lips part where the jaw opens further than mouthClose shuts them again, or the lower lip
    is drawn down; FACS scores a jaw opened past the middle of its way as a mouth stretch."""
    if not all(shape in values for shape in LIPS):
        return
    jaw = values["jawOpen"]
    for side, word in enumerate(("Left", "Right")):
        gap = np.maximum(np.clip(jaw - values["mouthClose"], 0, 1), values[f"mouthLowerDown{word}"])
        intensity[:, AUS.index(25), side] = 5 * gap
        intensity[:, AUS.index(27), side] = 5 * np.clip(2 * jaw - 1, 0, 1)


def _timecode(table: _Table, cells: list[str]) -> np.ndarray:
    """Live Link Face's HH:MM:SS:FF.fraction -> seconds from the first row.

    The rate is one more than the highest FF once a second has passed, else LIVELINK_FPS.
    """
    parts = []
    for row, cell in enumerate(cells):
        match = re.fullmatch(r"(\d+):(\d\d):(\d\d)[:;](\d+(?:\.\d+)?)", cell)
        if not match:
            raise table.bad(row, "Timecode", f"'{cell[:20]}' is not HH:MM:SS:FF.")
        parts.append((int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]), float(match[4])))
    seconds, frames = np.array(parts).T
    rate = math.floor(frames.max()) + 1 if np.ptp(seconds) >= 2 else max(LIVELINK_FPS, math.floor(frames.max()) + 1)
    times = seconds + frames / rate
    return times - times[0]


def _is_hand(columns: set[str]) -> bool:
    return "au" in columns and bool(columns & {"intensity", "side", "level"})


def _hand(path: Path, header: list[str]) -> list[AUSeries]:
    au, side, level = _pick(header, "au"), _pick(header, "side"), _pick(header, "intensity", "level")
    stamp = _pick(header, "timestamp", "time")
    table = _load(path, header, {stamp: TIME, "face_id": COUNT}, (au, side, level))
    times, ids = table.number(stamp, 0.0), table.number("face_id", 0.0)
    blank = [""] * table.rows
    codes = []
    for row in range(table.rows):
        name, where, letter = (table.texts.get(c, blank)[row] for c in (au, side, level))
        word = {"": "both", "l": "left", "r": "right", "b": "both"}.get(where.lower(), where.lower())
        if word not in SIDES:
            raise table.bad(row, side, f"'{where[:20]}' is not a side. Use left, right or both.")
        codes.append((au_index(name), word, letter, f"{table.name}: row {table.lines[row]}"))
    faces = []
    for face in np.unique(ids):
        moments = np.unique(times[ids == face])
        coded = [[codes[row] for row in np.flatnonzero((ids == face) & (times == moment))] for moment in moments]
        faces.append(_coded(moments, coded, int(face)))
    return faces


def _coded(times: np.ndarray, moments: list[list[tuple[int, str, str, str]]], face_id: int) -> AUSeries:
    """Human codes (AU index, side, letter, where it stands) at each moment -> series; what is not coded is absent."""
    intensity = np.zeros((len(times), len(AUS), 2))
    given = np.zeros(intensity.shape, bool)
    measured = np.ones(len(AUS), bool)
    for t, codes in enumerate(moments):
        for k, side, letter, where in codes:
            sides = [0, 1] if side == "both" else [SIDES.index(side)]
            if given[t, k, sides].any():
                raise InputError(f"{where}: {AU_NAMES[k]} is coded twice at the same moment.")
            given[t, k, sides] = True
            if letter.upper() == "X":
                measured[k] = False
                continue
            intensity[t, k, sides] = _letter(letter, where)
    intensity[:, ~measured] = np.nan
    return AUSeries(times=times.astype(float), intensity=intensity, confidence=np.tile(measured * 1.0, (len(times), 1)),
                    measured=measured, estimator="hand", face_id=face_id)


def _letter(letter: str, where: str) -> float:
    """FACS A-E -> 1-5; a number 0-5 stays; nothing is PRESENT."""
    if not letter:
        return PRESENT
    if letter.upper() in "ABCDE" and len(letter) == 1:
        return 1.0 + "ABCDE".index(letter.upper())
    try:
        value = float(letter)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 5:
        raise InputError(f"{where}: intensity '{letter[:20]}' is neither A-E nor 0 to 5.")
    return value


def _read_json(path: Path) -> list[AUSeries]:
    """`emollm measure -o x.json`, or one AUSeries.to_dict()."""
    try:
        stored = json.loads(_decode(path))
        faces = [AUSeries.from_dict(face) for face in stored.get("faces", [stored])]
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{path.name}: not an AU table in emollm's JSON. Write one with `emollm measure -o x.json`."
                         ) from None
    for series in faces:
        for what, values, (low, high) in (("times", series.times, TIME), ("intensity", series.intensity, SCALE),
                                          ("confidence", series.confidence, UNIT)):
            if ((values < low) | (values > high)).any() or np.isinf(values).any():
                raise InputError(f"{path.name}: face {series.face_id}: {what} out of range ({low:g} to {high:g}).")
    if not faces:
        raise InputError(f"{path.name}: it holds no face.")
    return faces
