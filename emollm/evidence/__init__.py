"""Action-unit tables in and out: bring your own measurement, or take ours elsewhere.

Every reader ends in the same AUSeries: intensity 0-5 (FACS A-E as 1-5), NaN where the face was not visible, and an AU
that a table does not hold is masked, never 0. Each format has its file, which says what its columns mean:

own_tables   CSV or JSON of `emollm measure`.
openface     OpenFace 2 and LibreFace: intensity 0-5 and presence 0/1 of the whole face.
feat         py-feat: the probability that the AU is present; see from_probability.
tidy         one row for each AU at each moment.
blendshapes  ARKit blend shapes, also as Live Link Face writes them.
landmarks    478 points of MediaPipe's face mesh, measured without a picture; `objects` finds them in JSON.
facs_codes   A coder's FACS string (in a .txt or .facs file), or a CSV with the columns AU, side, intensity.

`files` opens delimited text of any dialect and Parquet, `cells` says what a cell means, `tables` checks the columns,
`decimal_marks` whether 1,000 is a thousand, `names` what a unit's column is called, `clock` when each row was, `series` cuts
them into faces, `kinds` says what a table is, `held_tables` the same of one in memory, `stated_levels` what a request says of
units, `face_matching` to which face of a picture it belongs, `whole_movements` what machines with fewer units measure, `write`
is the way out. A presence that comes without an intensity is read as PRESENT.
"""

from __future__ import annotations

import os

from emollm.evidence import kinds
from emollm.evidence.blendshapes import BLENDSHAPES, DEAD, DEAD_SHAPES, LIPS, LIVELINK_FPS
from emollm.evidence.facs_codes import looks_like_facs, parse_facs
from emollm.evidence.feat import FEX_FPS, from_probability
from emollm.evidence.held_tables import HeldTable, content_of, held_table
from emollm.evidence.kinds import TABLE_SUFFIXES, are_rows, is_table
from emollm.evidence.openface import OPENFACE_C, OPENFACE_R
from emollm.evidence.series import PRESENT, TableFace
from emollm.evidence.tables import COUNT, SCALE, TIME, UNIT
from emollm.evidence.write import FORMATS, csv_text, json_text, write_csv, write_json
from emollm.schema import AUSeries, InputError

__all__ = [
    "BLENDSHAPES",
    "COUNT",
    "DEAD",
    "DEAD_SHAPES",
    "FEX_FPS",
    "FORMATS",
    "LIPS",
    "LIVELINK_FPS",
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "OPENFACE_C",
    "OPENFACE_R",
    "PRESENT",
    "SCALE",
    "TABLE_SUFFIXES",
    "TIME",
    "UNIT",
    "HeldTable",
    "TableFace",
    "are_rows",
    "content_of",
    "csv_text",
    "from_probability",
    "held_table",
    "is_table",
    "json_text",
    "looks_like_facs",
    "parse_facs",
    "read",
    "read_all",
    "read_faces",
    "write_csv",
    "write_json",
]

MAX_BYTES, MAX_COLUMNS, MAX_ROWS = 256 * 2**20, 2_000, 2_000_000  # columns that are used


def read(source: object, face_id: int | None = None) -> AUSeries:
    """One face of an AU table.

    face_id: which face, when the table holds several. Raises InputError when the file is no AU table, a cell is bad
    (with its row, counted from 1 at the header, and column), the face is not in it or it is of several pictures.
    """
    faces = read_faces(source)
    name = kinds.name_of(source)
    if len({face.picture for face in faces}) > 1:
        raise InputError(f"{name}: it holds several pictures or clips (column input). Use read_faces, or explain the table.")
    by_face = {face.series.face_id: face.series for face in faces}
    if face_id is None and len(faces) == 1:
        return faces[0].series
    if face_id in by_face:
        return by_face[face_id]
    choice = "it holds several faces" if face_id is None else f"there is no face {face_id}"
    raise InputError(f"{name}: {choice}. Choose one of the faces {' '.join(map(str, sorted(by_face)))}.")


def read_all(source: str | os.PathLike) -> list[AUSeries]:
    """Every face of an AU table, by face_id. The format is told from the columns. Raises InputError as `read` does."""
    return sorted((face.series for face in read_faces(source)), key=lambda series: series.face_id)


def read_faces(source: object, fps: float | None = None, baseline: str | None = None) -> list[TableFace]:
    """Every face of every picture of a table, with what the table says about whose it is.

    source: path of a table (see TABLE_SUFFIXES), its bytes or an open file of it, FACS code, AUSeries, data frame, dict, or
    landmarks [T, 478, 3]. fps: frames a second of the clip it is of, for tables without a clock. baseline: of landmarks (none
    or clip). What was assumed, set aside or clipped is in each series' notices. Raises InputError as `read` does, NoFaceError
    when no row holds a face.
    """
    return kinds.read_faces(source, kinds.Limits(MAX_BYTES, MAX_COLUMNS, MAX_ROWS), fps, baseline)
