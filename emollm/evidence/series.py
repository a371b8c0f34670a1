"""Where every reader ends: the rows of a table, cut into one AUSeries a face."""

from __future__ import annotations

import numpy as np

from emollm.evidence.tables import Table
from emollm.schema import AUS, AUSeries, InputError

PRESENT = 3.0  # FACS C, the middle of the scale: for a presence that comes without an intensity


def empty(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nothing measured yet: intensity [R, 24, 2] NaN, confidence [R, 24] 0, measured [24] False."""
    return np.full((rows, len(AUS), 2), np.nan), np.zeros((rows, len(AUS))), np.zeros(len(AUS), bool)


def by_face(table: Table, times: np.ndarray, ids: np.ndarray, filled: tuple, estimator: str,
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
