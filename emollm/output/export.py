"""`emollm export`: what was measured or explained, in the format of another tool.

Sources: a table of action units, the JSON of `emollm explain`, the JSON Lines of `emollm caption`, or a clip. Movements go
to BORIS, ELAN, Praat and BIDS; the units over time to the tables of other tools. One clip a file, except where the format
holds many: then FILE may come from thousands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from emollm import evidence
from emollm.explanation import Explanation
from emollm.output import bids, boris, eaf, parquet, tables, textgrid, timeline
from emollm.output.annotations import Recording
from emollm.perception.events import events as find_events
from emollm.schema import AUEvent, AUSeries, InputError, NoFaceError

SUFFIX = {"boris": ".boris", "eaf": ".eaf", "textgrid": ".TextGrid", "bids": "_events.tsv", "emollm": ".csv",
          "openface": ".csv", "fex": ".csv", "libreface": ".csv", "arkit": ".csv", "parquet": ".parquet", "svg": ".svg"}
MOVEMENTS = ("boris", "eaf", "textgrid", "bids")  # these hold events; the others hold every frame
MANY = ("boris", "parquet")  # one file may hold several clips


# --- sources -----------------------------------------------------------------------------------------------------

def recordings(source: str, measure: Callable[[str], list[AUSeries]], media: str | None = None) -> list[Recording]:
    """Every clip of a source, in order. measure: how the faces of a photo or clip are measured. media: the clip that a
    table belongs to, as the files should name it (default: the table's own name).

    Raises InputError for a file that holds none, NoFaceError when nobody was measured.
    """
    suffix = Path(source).suffix.lower()
    if suffix == ".jsonl":
        clips = recordings_of_explanations(_read_captions(source))
    elif suffix == ".json" and (stored := _stored_explanations(source)) is not None:
        clips = recordings_of_explanations(iter(stored))
    elif suffix in evidence.TABLE_SUFFIXES:
        clips = [recording(media or source, evidence.read_all(source))]
    else:
        clips = [recording(source, measure(source))]
    if not clips:
        raise NoFaceError(f"{source}: no face was measured in it, so there is nothing to export.")
    return clips


def recording(media: str, faces: list[AUSeries]) -> Recording:
    """One clip of measured faces, with their movements."""
    longest = max(faces, key=lambda series: float(series.times[-1]))
    rate = tables.rate_of(longest.times)
    duration = float(longest.times[-1]) + (1 / rate if rate else 0.0)
    return Recording(media, {s.face_id: find_events(s) for s in faces}, round(duration, 3), round(rate, 3), faces)


def recordings_of_explanations(explanations: Iterator[Explanation]) -> list[Recording]:
    """Explanations, grouped by what they explain; their movements are those that were explained."""
    by_media: dict[str, list[Explanation]] = {}
    for explanation in explanations:
        if explanation.measured:
            by_media.setdefault(explanation.source, []).append(explanation)
    made = []
    for media, faces in by_media.items():
        r = recording(media or "clip", [AUSeries.from_dict(e.evidence) for e in faces])
        r.faces = {e.face_id: [AUEvent(**vars(event)) for event in e.events] for e in faces}
        made.append(r)
    return made


def _stored_explanations(path: str) -> list[Explanation] | None:
    """Explanations of a JSON file; None when it holds something else, such as a table."""
    evidence_json = _json(Path(path).name, _text(path))
    stored = evidence_json if isinstance(evidence_json, list) else [evidence_json]
    if not all(isinstance(e, dict) and "claims" in e for e in stored):
        return None
    return [_explanation(Path(path).name, e) for e in stored]


def _read_captions(path: str) -> Iterator[Explanation]:
    """Explanations of JSON Lines: results of `emollm caption` (lines of errors are passed over), or one a line."""
    name = Path(path).name
    for number, line in enumerate(_text(path).splitlines(), start=1):
        where = f"{name}: line {number}"
        stored = _json(where, line) if line.strip() else {}
        body = ((stored.get("response") or {}).get("body") or {}) if isinstance(stored, dict) else None
        if body is None:
            raise InputError(f"{where}: neither a caption nor an explanation. Give the output of `emollm caption`.")
        for explanation in body.get("emollm", [stored] if "claims" in stored else []):
            yield _explanation(where, explanation)


def _explanation(where: str, stored: dict) -> Explanation:
    try:
        return Explanation.from_dict(stored)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (TypeError, KeyError, AttributeError):
        raise InputError(f"{where}: not an explanation as `emollm schema` describes it.") from None


def _json(where: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: not JSON. Was the file cut off?") from None


def _text(path: str) -> str:
    from emollm.evidence.files import check_file, text_of

    check_file(Path(path), 4 * evidence.MAX_BYTES)
    return text_of(Path(path))


# --- files -------------------------------------------------------------------------------------------------------

def check(layout: str, output: str) -> None:
    """Refuse before the work starts what could not be written after it. Raises InputError."""
    if os.path.isdir(output):
        return
    wanted = {"boris": (".boris", ".csv", ".tsv"), "emollm": (".csv", ".json")}.get(layout, (SUFFIX[layout],))
    if not output.lower().endswith(tuple(suffix.lower() for suffix in wanted)):
        raise InputError(f"{output}: {layout} files end in {' or '.join(wanted)}. Name it so, or give a folder.")


def files(clips: list[Recording], layout: str, output: str) -> dict[str, str | bytes]:
    """Path -> content of every file to write. output: a file, or a folder in which each clip gets its own.

    Raises InputError when movements are wanted of a photo, or several clips or faces do not fit into one file.
    """
    if layout in MOVEMENTS and not any(len(s.times) > 1 for r in clips for s in r.series):
        raise InputError(f"{clips[0].media}: a photo has no movements in time. Export its units, such as --to emollm.")
    folder = os.path.isdir(output)
    if layout in MANY and not folder:
        return {output: _joint_content(clips, layout, output)}
    if len(clips) > 1 and not folder:
        raise InputError(f"{output}: {len(clips)} clips do not fit into one {layout} file. Give a folder.")
    written: dict[str, str | bytes] = {}
    for r in clips:
        path = os.path.join(output, Path(r.media).stem + SUFFIX[layout]) if folder else output
        for place, content in _recording_files(r, layout, path).items():
            if place in written:
                raise InputError(f"{place}: two clips are called {Path(r.media).name}. Export them apart.")
            written[place] = content
    return written


def _joint_content(clips: list[Recording], layout: str, output: str) -> str | bytes:
    if layout == "parquet":
        return parquet.content(clips)
    kind = Path(output).suffix.lower()
    return boris.project(clips) if kind == ".boris" else boris.table(clips, "\t" if kind == ".tsv" else ",")


def _recording_files(r: Recording, layout: str, path: str) -> dict[str, str | bytes]:
    """The file of one clip; BIDS has two, LibreFace one a face."""
    if layout in MANY:
        return {path: _joint_content([r], layout, path)}
    if layout == "bids":
        return {path: bids.text(r), str(Path(path).with_suffix(".json")): bids.sidecar(r)}
    if layout == "libreface" and len(r.series) > 1:
        stem, suffix = os.path.splitext(path)
        return {f"{stem}_face{s.face_id}{suffix}": tables.csv_text([s], layout) for s in r.series}
    if layout in tables.LAYOUTS:
        return {path: tables.csv_text(r.series, layout, r.media)}
    if layout in evidence.FORMATS:
        return {path: evidence.json_text(r.series) if path.endswith(".json") else evidence.csv_text(r.series, layout)}
    return {path: {"eaf": eaf.text, "textgrid": textgrid.text, "svg": timeline.figure}[layout](r)}
