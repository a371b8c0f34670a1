"""BIDS events (bids-specification.readthedocs.io, "Task events"): events.tsv and the JSON sidecar that explains it.

onset and duration come first, in s; trial_type is the action unit; "n/a" stands for what is not known. Name the file
<entities>_events.tsv to have it found.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from pathlib import Path

from emollm.evidence.files import check_file, text_of
from emollm.evidence.tables import COUNT, SCALE, TIME
from emollm.facs.units import ACTION_UNITS
from emollm.output.annotations import Recording, known_unit, rows
from emollm.schema import SIDES, AUEvent, InputError

COLUMNS = ("onset", "duration", "trial_type", "side", "peak", "apex", "face_id")
NOT_KNOWN = "n/a"


def text(recording: Recording) -> str:
    """events.tsv, in order of onset."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for face, e in rows(recording):
        peak = NOT_KNOWN if math.isnan(e.peak) else f"{e.peak:.2f}"
        writer.writerow([f"{e.onset:.3f}", f"{e.offset - e.onset:.3f}", e.au, e.side, peak, f"{e.apex:.3f}", face])
    return out.getvalue()


def sidecar(recording: Recording) -> str:
    """What every column means, with the action units that occur as Levels."""
    units = sorted({event.au for _, event in rows(recording)})
    described = {
        "onset": {"Description": "Start of the movement, from the first frame of the clip", "Units": "s"},
        "duration": {"Description": "Time from onset to offset of the movement", "Units": "s"},
        "trial_type": {"LongName": "Action unit", "Description": "Facial movement by the Facial Action Coding System; what "
                       "moved, not what was felt", "Levels": {au: ACTION_UNITS[au].title for au in units}},
        "side": {"Description": "Side of the face, the person's own", "Levels": dict.fromkeys(SIDES, "") | {
            "left": "stronger or only on the left", "right": "stronger or only on the right", "both": "on both sides"}},
        "peak": {"Description": "Strength at the apex: 0 absent, 1 to 5 as FACS A to E"},
        "apex": {"Description": "Moment of the greatest strength, from the first frame of the clip", "Units": "s"},
        "face_id": {"Description": "Face of the clip, left to right at first sight; a number within this file, no identity"},
        "StimulusPresentation": {"SoftwareName": "emollm"}, "Sources": [os.path.basename(recording.media)]}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def read(path: str | os.PathLike) -> Recording:
    """Movements of an events.tsv; trial types that are no action unit are left out.

    Raises InputError when it is none, or a cell is bad (with its row, counted from 1 at the header).
    """
    path = Path(path)
    check_file(path, 256 * 2**20)
    lines = csv.DictReader(io.StringIO(text_of(path)), delimiter="\t")
    if not {"onset", "duration", "trial_type"} <= set(lines.fieldnames or ()):
        raise InputError(f"{path.name}: not a BIDS events table. It needs the columns onset, duration and trial_type.")
    faces: dict[int, list[AUEvent]] = {}
    for number, cells in enumerate(lines, start=2):
        au = known_unit(cells["trial_type"] or "")
        if not au:
            continue
        onset, duration = (_number(path, number, cells, c, TIME) for c in ("onset", "duration"))
        apex, peak = _number(path, number, cells, "apex", TIME), _number(path, number, cells, "peak", SCALE)
        face, length = _number(path, number, cells, "face_id", COUNT), 0.0 if math.isnan(duration) else duration
        side = cells.get("side") if cells.get("side") in SIDES else "both"
        apex = onset + length / 2 if math.isnan(apex) else apex
        event = AUEvent(au, side, onset, apex, round(onset + length, 6), peak)
        faces.setdefault(0 if math.isnan(face) else int(face), []).append(event)
    return Recording(path.name, faces)


def _number(path: Path, row: int, cells: dict[str, str | None], column: str, limits: tuple[float, float]) -> float:
    """One cell; NaN when it is n/a or not there (an onset must be)."""
    cell = (cells.get(column) or "").strip()
    if cell in ("", NOT_KNOWN) and column != "onset":
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not limits[0] <= value <= limits[1] or math.isinf(value):
        raise InputError(f"{path.name}: row {row}, column {column}: '{cell[:20]}' is not a number of {limits[0]:g} or more.")
    return value
