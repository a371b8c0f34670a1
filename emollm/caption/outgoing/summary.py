"""Tables of a captioning run: one summary row a face, and the action units of every item over time.

Both hold what was measured: an action unit that --what-if edited is left empty, because its measurement was not kept.
Intensities are those of the stronger side, 0-5; a unit that was not measured is empty, never 0.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np

from emollm import evidence
from emollm.explanation import Explanation
from emollm.schema import AU_NAMES, ON, AUSeries, au_index

PARTS = ("mean", "sd", "peak", "active")
COLUMNS = ("custom_id", "source", "face_id", "success", "label", "confidence", "alternatives", "question", "what_if", "frames",
           "seconds", "error", *(f"{au}_{part}" for au in AU_NAMES for part in PARTS))


def measured_series(explanation: Explanation) -> AUSeries | None:
    """What was measured of a face, without the units that were edited; None without a face."""
    if explanation.evidence is None:
        return None
    series = AUSeries.from_dict(explanation.evidence)
    for au in explanation.edits:
        series.measured[au_index(au)] = False
    return series


def header() -> str:
    return _row(COLUMNS)


def rows(custom_id: str, explanations: list[Explanation]) -> str:
    """CSV rows of an answered item, one a face; without a face one row whose success is 0."""
    return "".join(_row([custom_id, e.source, e.face_id if e.measured else "", int(e.measured), e.label or "",
                         f"{e.confidence:.4f}" if e.label else "", " ".join(e.alternatives), e.question,
                         " ".join(f"{au}={v:g}" for au, v in e.edits.items()), *_columns(measured_series(e), e.notices)])
                   for e in explanations)


def error_row(custom_id: str, code: str) -> str:
    return _row([custom_id, "", "", 0, *[""] * 7, code, *[""] * len(AU_NAMES) * len(PARTS)])


def measurement_csv(explanations: list[Explanation]) -> str | None:
    """The table that `emollm measure` writes for the same file; None without a face.

    The frame column is told from the times: exact when frames are about evenly spaced. The mean confidence of a row may differ
    in its last digit, because the finished line keeps four decimals.
    """
    faces = [s for s in map(measured_series, explanations) if s is not None]
    return evidence.csv_text(faces, frames=[frame_numbers(s.times) for s in faces]) if faces else None


def _columns(series: AUSeries | None, notices: list[str]) -> Iterator[object]:
    if series is None:
        yield from ("", "", "no face measured" if notices else "", *[""] * len(AU_NAMES) * len(PARTS))
        return
    yield from (len(series.times), f"{series.times[-1] - series.times[0]:.3f}", "")
    strength = np.fmax(series.intensity[..., 0], series.intensity[..., 1])  # [T, 24]
    for k in range(len(AU_NAMES)):
        seen = strength[np.isfinite(strength[:, k]), k]
        if not series.measured[k] or not len(seen):
            yield from [""] * len(PARTS)
            continue
        spread = f"{seen.std(ddof=1):.4f}" if len(seen) > 1 else ""
        yield from (f"{seen.mean():.4f}", spread, f"{seen.max():.4f}", f"{100 * (seen >= ON).mean():.2f}")


def frame_numbers(times: np.ndarray) -> np.ndarray:
    """Frame numbers [T] of times (s): the next frame, or more of them where the track has a gap."""
    if len(times) < 2:
        return np.zeros(len(times), int)
    gaps = np.diff(times)
    step = np.median(gaps)
    return np.round(times[0] / step).astype(int) + np.r_[0, np.maximum(1, np.round(gaps / step)).astype(int).cumsum()]


def _row(cells) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
