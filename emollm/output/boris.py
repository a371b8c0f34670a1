"""BORIS (boris.unito.it): a project that it opens, or the table of aggregated events that it exports and plug-ins read.

The project (.boris, JSON, format 7.0 as in BORIS's own tests/files) holds one observation a clip with the clip as its
media, an ethogram of the action units that occur and a subject for each face, so that it opens ready to be watched and
corrected. A movement is a state event: two rows of the same subject, code and modifier. BORIS reads no CSV of events.
The table (.csv, .tsv) has the columns of BORIS's aggregated events. Side is the modifier; strength and apex stand in the
comment of the start.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from emollm.evidence.files import check_file, text_of
from emollm.facs.units import ACTION_UNITS
from emollm.output.annotations import Recording, from_tiers, label, rows
from emollm.schema import SIDES, InputError

COLUMNS = ("Observation id", "Observation date", "Description", "Media file", "Total length", "FPS", "Subject", "Behavior",
           "Behavioral category", "Modifiers", "Behavior type", "Start (s)", "Stop (s)", "Duration (s)", "Comment start",
           "Comment stop")
NEEDED = ("Subject", "Behavior", "Start (s)", "Stop (s)")
CATEGORY = "Action unit"
PROJECT_DATE = "1970-01-01T00:00:00"  # the files are about clips, not about the day they were written on


def table(recordings: Iterable[Recording], delimiter: str = ",") -> str:
    """Aggregated events of any number of clips."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in recordings:
        rate = f"{r.fps:g}" if r.fps else "NA"
        clip = [Path(r.media).stem, PROJECT_DATE.replace("T", " "), "", r.media, f"{r.end:.3f}", rate]
        for face, e in rows(r):
            times = [f"{e.onset:.3f}", f"{e.offset:.3f}", f"{e.offset - e.onset:.3f}"]
            writer.writerow([*clip, _subject(face), e.au, CATEGORY, e.side, "STATE", *times, label(e), ""])
    return out.getvalue()


def project(recordings: Iterable[Recording]) -> str:
    """A project of any number of clips."""
    recordings = list(recordings)
    movements = [row for r in recordings for row in rows(r)]
    units, faces = sorted({event.au for _, event in movements}), sorted({face for face, _ in movements})
    sides = {"0": {"name": "side", "description": "the person's own", "type": 0, "ask at stop": False, "values": list(SIDES)}}
    behaviours = [{"type": "State event", "key": "", "code": au, "description": ACTION_UNITS[au].title, "category": CATEGORY,
                   "modifiers": sides, "excluded": "", "coding map": ""} for au in units]
    subjects = [{"key": "", "name": _subject(face), "description": "a number within the clip, no identity"} for face in faces]
    made = {"time_format": "hh:mm:ss", "project_date": PROJECT_DATE, "project_name": "emollm", "project_description": "",
            "project_format_version": "7.0", "subjects_conf": _number_entries(subjects),
            "behaviors_conf": _number_entries(behaviours),
            "behavioral_categories": [CATEGORY], "independent_variables": {}, "coding_map": {}, "behaviors_coding_map": [],
            "converters": {}, "observations": {_observation_id(r, recordings): _observation(r) for r in recordings}}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _number_entries(entries: list[dict]) -> dict[str, dict]:
    return {str(k): entry for k, entry in enumerate(entries)}


def _subject(face: int) -> str:
    return f"face {face}"


def _observation_id(recording: Recording, among: list[Recording]) -> str:
    """The clip's name; its whole path when two clips share the name."""
    stem = Path(recording.media).stem
    return stem if sum(Path(r.media).stem == stem for r in among) == 1 else recording.media


def _observation(r: Recording) -> dict:
    events, ended = [], {}
    for face, e in rows(r):
        if e.onset < ended.get((face, e.au, e.side), 0.0):
            raise InputError(f"{r.media}: {e.au} {e.side} of face {face} starts again at {e.onset:g} s before it has ended, "
                             "which a BORIS project cannot hold. Name the file .csv for a table.")
        ended[face, e.au, e.side] = e.offset
        events += [[e.onset, _subject(face), e.au, e.side, label(e)], [e.offset, _subject(face), e.au, e.side, ""]]
    players = {"1": [r.media]} | {str(k): [] for k in range(2, 9)}
    info = {"length": {r.media: round(r.end, 3)}, "fps": {r.media: r.fps or 25.0}, "hasVideo": {r.media: True},
            "hasAudio": {r.media: False}, "offset": {"1": 0.0}}
    return {"file": players, "type": "MEDIA", "date": PROJECT_DATE, "description": "", "time offset": 0.0,
            "events": sorted(events, key=lambda event: event[0]), "observation time interval": [0, 0],
            "independent_variables": {}, "visualize_spectrogram": False, "close_behaviors_between_videos": False,
            "media_info": info}


def read(path: str | os.PathLike) -> list[Recording]:
    """Every observation of a BORIS project or table of aggregated events, as one recording each.

    Behaviours that are no action unit are left out. Raises InputError when the file is neither, or a state event does
    not end.
    """
    path = Path(path)
    check_file(path, 256 * 2**20)
    by_media: dict[str, list[tuple[str, float, float, str]]] = {}
    for media, subject, code, start, stop, note in (_project_rows if path.suffix == ".boris" else _table_rows)(path):
        tier = f"{subject} {code}" if subject.startswith("face ") else code
        by_media.setdefault(media, []).append((tier, start, stop, note))
    return [Recording(media, from_tiers(path.name, intervals)) for media, intervals in by_media.items()]


def _table_rows(path: Path) -> Iterator[tuple[str, str, str, float, float, str]]:
    content = text_of(path)
    first = content.split("\n", 1)[0]
    lines = csv.DictReader(io.StringIO(content), delimiter=max(",;\t", key=first.count))
    if lacking := [c for c in NEEDED if c not in (lines.fieldnames or ())]:
        raise InputError(f"{path.name}: not BORIS's aggregated events: the column '{lacking[0]}' is missing.")
    for number, cells in enumerate(lines, start=2):
        try:
            start, stop = float(cells["Start (s)"]), float(cells["Stop (s)"])
        except (TypeError, ValueError):
            start = stop = math.nan
        if not 0 <= start <= stop < math.inf:
            raise InputError(f"{path.name}: row {number}: Start (s) and Stop (s) must be times in order.")
        note = f"{cells.get('Modifiers') or ''} {cells.get('Comment start') or ''}".strip()
        media = cells.get("Media file") or cells.get("Observation id") or path.name
        yield media, cells["Subject"] or "", cells["Behavior"] or "", start, stop, note


def _project_rows(path: Path) -> Iterator[tuple[str, str, str, float, float, str]]:
    try:
        stored = json.loads(text_of(path))
        states = {b["code"] for b in stored["behaviors_conf"].values() if b["type"].lower().startswith("state")}
        observations = [(name, (o.get("file") or {}).get("1") or [name], [e[:5] for e in o["events"]])
                        for name, o in stored["observations"].items()]
        events = [(files[0], float(t), subject, code, side, note, name) for name, files, entries in observations
                  for t, subject, code, side, note in entries]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise InputError(f"{path.name}: not a readable BORIS project. Save it again from BORIS.") from None
    begun: dict[tuple, tuple[float, str]] = {}
    for media, time, subject, code, side, note, name in sorted(events, key=lambda e: e[1]):
        key = (name, subject, code, side)
        if code not in states:
            yield media, subject, code, time, time, f"{side} {note}"
        elif key in begun:
            start, comment = begun.pop(key)
            yield media, subject, code, start, time, f"{side} {comment}"
        else:
            begun[key] = time, note
    if begun:
        (name, subject, code, _), (time, _) = next(iter(begun.items()))
        raise InputError(f"{path.name}: {code} of {subject or 'no subject'} in '{name}' starts at {time:g} s and does not end.")
