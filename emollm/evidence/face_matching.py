"""Whose evidence: which face of a table is which face of a picture or clip, and whether the two are of the same time."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from emollm.evidence.series import TableFace
from emollm.schema import AUSeries, FaceTrack, InputError

OVERLAP = 0.3  # intersection over union from which two boxes are of one face
EDGE = 0.5  # s by which a table may run past a clip: clocks of different programs start and end a frame or two apart
OWN = "emollm"  # estimators of this name number faces as we do


def faces_of_picture(faces: list[TableFace], name: str) -> tuple[list[TableFace], list[str]]:
    """The faces that a table holds of this picture or clip, and what is to be said about it.

    A table of one picture is taken to be of this one. Raises InputError when it is of several others.
    """
    pictures = list(dict.fromkeys(face.picture for face in faces))
    stem = _stem(name)
    for match in (lambda p: os.path.basename(p) == os.path.basename(name), lambda p: _stem(p) == stem):
        if named := [picture for picture in pictures if picture and match(picture)]:
            return [face for face in faces if face.picture == named[0]], []
    if len(pictures) > 1:
        few = ", ".join(os.path.basename(p) or "(no name)" for p in pictures[:3]) + (", ..." if len(pictures) > 3 else "")
        raise InputError(f"{name}: the evidence is of {len(pictures)} pictures ({few}), none of them by this name. Rename the "
                         "file, or keep its rows only.")
    return faces, [f"the table says that it is of {os.path.basename(pictures[0])}"] if pictures[0] else []


def match(faces: list[TableFace], ids: Sequence[int], tracks: Sequence[FaceTrack | None], asked: int | None,
          name: str) -> list[tuple[TableFace | None, str]]:
    """The table's face for every face of the picture, and how it was told; None for a face that the table does not have.

    ids, tracks: of the picture's faces. asked: the face that the user picked; the picture's, or the table's where the picture
    has one face only. Raises InputError when it cannot be told.
    """
    if len(faces) == 1 and len(ids) == 1:
        return [(faces[0], "")]
    by_number = {face.series.face_id: face for face in faces}
    if (by_box := _match_by_box(faces, tracks)) is not None:
        return [(face, "by its place in the picture" if face else "") for face in by_box]
    if len(ids) == 1 and (asked in by_number or ids[0] in by_number):
        number = asked if asked in by_number else ids[0]
        return [(by_number[number], f"by its number: the table's face {number} of {' '.join(map(str, sorted(by_number)))}")]
    if set(by_number) == set(ids):
        ours = all(face.series.estimator.startswith(OWN) for face in faces)
        return [(by_number[k], "by its number" if ours else "by its number, counted from left to right") for k in ids]
    if len(faces) == len(ids):
        ordered = [by_number[k] for k in sorted(by_number)]
        return [(face, f"by order: the table's face {face.series.face_id}") for face in ordered]
    raise InputError(f"{name}: evidence of {len(faces)} face(s) for {len(ids)} face(s); pick one with face=N (--face N). The "
                     f"table's faces are {' '.join(map(str, sorted(by_number)))}, the picture's {' '.join(map(str, ids))}.")


def cut_to_clip(series: AUSeries, clip: tuple[float, float] | None, name: str) -> tuple[AUSeries, list[str]]:
    """The part of a series that lies in a clip, and what is to be said about it.

    clip: its first and last second; both 0 for a photograph, None without pixels. Raises InputError when less than half of
    the series lies in it, naming both spans.
    """
    if clip is None or len(series.times) == 0:
        return series, []
    begin, end = float(series.times[0]), float(series.times[-1])
    if clip == (0.0, 0.0):
        long = f"the evidence has {len(series.times)} moments from {begin:.1f} to {end:.1f} s, the photograph is one of them"
        return series, [long] if len(series.times) > 1 else []
    first, last = clip
    inside = (series.times >= first - EDGE) & (series.times <= last + EDGE)
    spans = f"the evidence spans {begin:.1f} to {end:.1f} s, the clip {first:.1f} to {last:.1f} s"
    if inside.mean() < 0.5:
        raise InputError(f"{name}: {spans}: they are not of the same time. Give the table of this clip, or cut it to its "
                         "seconds.")
    notices = []
    if not inside.all():
        notices.append(f"{spans}: {int((~inside).sum())} of {len(inside)} rows lie outside the clip and were left out")
        series = _rows(series, inside)
    elif len(series.times) > 1 and end - begin < 0.5 * (last - first):
        notices.append(f"{spans}: the rest of the clip has no evidence")
    return series, notices


def _rows(series: AUSeries, kept: np.ndarray) -> AUSeries:
    part = {name: getattr(series, name)[kept] for name in ("times", "intensity", "confidence")}
    return dataclasses.replace(series, **part)


def _match_by_box(faces: list[TableFace], tracks: Sequence[FaceTrack | None]) -> list[TableFace | None] | None:
    """The table's face for every track, largest overlap first; None when there are no boxes or none of them meet."""
    if any(face.boxes is None for face in faces) or any(track is None for track in tracks):
        return None
    overlap = np.array([[_overlap(face, track) for face in faces] for track in tracks])
    matches: list[TableFace | None] = [None] * len(tracks)
    while overlap.size and overlap.max() >= OVERLAP:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        matches[row] = faces[column]
        overlap[row], overlap[:, column] = -1, -1
    return matches if any(matches) else None


def _overlap(face: TableFace, track: FaceTrack) -> float:
    """Median intersection over union of two faces' boxes at the table's moments."""
    near = np.clip(np.searchsorted(track.times, face.series.times), 0, len(track.times) - 1)
    ours, theirs = track.boxes[near], face.boxes
    seen = np.isfinite(theirs).all(1)
    if not seen.any():
        return 0.0
    ours, theirs = ours[seen], theirs[seen]
    sides = np.clip(np.minimum(ours[:, 2:], theirs[:, 2:]) - np.maximum(ours[:, :2], theirs[:, :2]), 0, None)
    shared = sides.prod(1)
    either = (ours[:, 2:] - ours[:, :2]).prod(1) + (theirs[:, 2:] - theirs[:, :2]).prod(1) - shared
    return float(np.median(shared / np.maximum(either, 1e-9)))


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path.replace("\\", "/")))[0].casefold()
