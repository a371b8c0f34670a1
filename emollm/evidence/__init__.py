"""Action-unit tables in and out: bring your own measurement, or take ours elsewhere.

Every reader ends in the same AUSeries: intensity 0-5 (FACS A-E as 1-5), NaN where the face was not visible, and an AU
that a table does not hold is masked, never 0. Each format has its file, which says what its columns mean:

native       CSV or JSON of `emollm measure`.
openface     OpenFace 2 and LibreFace: intensity 0-5 and presence 0/1 of the whole face.
feat         py-feat: the probability that the AU is present; see from_probability.
blendshapes  ARKit blend shapes, also as Live Link Face writes them.
facs_codes   A coder's FACS string (in a .txt or .facs file), or a CSV with the columns AU, side, intensity.

`tables` checks the cells, `series` cuts them into faces, `write` is the way out. A presence that comes without an
intensity is read as PRESENT.
"""

from __future__ import annotations

import os
from pathlib import Path

from emollm.evidence import blendshapes, facs_codes, feat, native, openface
from emollm.evidence.blendshapes import BLENDSHAPES, DEAD, DEAD_SHAPES, LIPS, LIVELINK_FPS
from emollm.evidence.facs_codes import looks_like_facs, parse_facs, usable_facs
from emollm.evidence.feat import FEX_FPS, from_probability
from emollm.evidence.openface import OPENFACE_C, OPENFACE_R
from emollm.evidence.series import PRESENT
from emollm.evidence.tables import COUNT, SCALE, TIME, UNIT, check_file, decode, open_table
from emollm.evidence.write import FORMATS, csv_text, json_text, write_csv, write_json
from emollm.schema import AUSeries, InputError

__all__ = [
    "BLENDSHAPES", "COUNT", "DEAD", "DEAD_SHAPES", "FEX_FPS", "FORMATS", "LIPS", "LIVELINK_FPS", "MAX_BYTES",
    "MAX_COLUMNS", "MAX_ROWS", "OPENFACE_C", "OPENFACE_R", "PRESENT", "SCALE", "TABLE_SUFFIXES", "TIME", "UNIT",
    "csv_text", "from_probability", "json_text", "looks_like_facs", "parse_facs", "read", "read_all", "usable_facs",
    "write_csv", "write_json",
]

MAX_BYTES, MAX_COLUMNS, MAX_ROWS = 256 * 2**20, 2_000, 2_000_000
TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".txt", ".facs")
# Asked in this order: the first format that knows the columns reads the table.
READERS = (
    (native.is_emollm, native.read_csv),
    (openface.is_libreface, openface.read_libreface),
    (openface.is_openface, openface.read_openface),
    (facs_codes.is_hand, facs_codes.read_hand),
    (blendshapes.is_blendshapes, blendshapes.read_blendshapes),
    (feat.is_fex, feat.read_fex),
)


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
    check_file(path, MAX_BYTES)
    if path.suffix.lower() == ".json":
        return native.read_json(path)
    if path.suffix.lower() in (".txt", ".facs"):
        return [parse_facs(decode(path).strip(), path.name)]
    table = open_table(path, MAX_COLUMNS, MAX_ROWS)
    columns = {column.lower() for column in table.header}
    for recognise, reader in READERS:
        if recognise(columns):
            return reader(table)
    raise InputError(f"{path.name}: not a table of action units. Expected columns of emollm (AU01_left), OpenFace "
                     "(AU01_r), py-feat (AU01), LibreFace (au_1_intensity), ARKit (browInnerUp) or AU,side,intensity.")
