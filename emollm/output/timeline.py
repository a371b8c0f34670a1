"""A figure of a clip: the action units of every face over time, left and right, with onset, apex and offset (SVG)."""

from __future__ import annotations

import numpy as np

from emollm.facs.units import ACTION_UNITS
from emollm.output import svg
from emollm.output.annotations import Recording
from emollm.schema import AU_NAMES, ON, AUEvent, AUSeries, InputError

LEFT, WIDTH, ROW, TOP, BOTTOM = 190, 760, 44, 46, 34  # px; WIDTH is that of the time axis
MOST_POINTS = 1520  # of one line: more cannot be seen, and an hour would weigh 100 MB


def figure(recording: Recording) -> str:
    """All faces, one above the other; a row for each unit that reached ON or moved.

    Raises InputError when no face was measured over time.
    """
    moving = [series for series in recording.series if len(series.times) > 1]
    if not moving:
        raise InputError(f"{recording.media}: a photo has no course in time to draw.")
    body, y = [], 0.0
    for series in moving:
        drawn, height = _face(series, recording.faces.get(series.face_id, []), recording.media, y, len(moving) > 1)
        body += drawn
        y += height
    return svg.page(LEFT + WIDTH + 20, y, f"Action units of {recording.media} over time", body)


def _face(series: AUSeries, events: list[AUEvent], media: str, y: float, several: bool) -> tuple[list[str], float]:
    """One face from y on: what to draw, and its height."""
    start, end = float(series.times[0]), float(series.times[-1])

    def x(time: float) -> float:
        return LEFT + WIDTH * (time - start) / (end - start)

    who = f"{media}, face {series.face_id}" if several else media
    drawn = [svg.text(12, y + 20, who, size=13), svg.text(LEFT, y + 36, "left", svg.BLUE, 10),
             svg.text(LEFT + 30, y + 36, "right", svg.ORANGE, 10),
             svg.text(LEFT + 70, y + 36, "0 to 5 (FACS A to E); grey: onset to offset; stroke: apex", svg.FAINT, 10)]
    units, top = shown_units(series, events), y + TOP
    for k, row in enumerate(units):
        drawn += _row(series, [e for e in events if e.au == AU_NAMES[row]], row, top + ROW * k, x)
    if not units:
        drawn.append(svg.text(LEFT, top + ROW / 2, "Nothing moved.", svg.FAINT))
    bottom = top + ROW * max(len(units), 1)
    for time in ticks(start, end):
        drawn += [svg.line(x(time), bottom, x(time), bottom + 4, svg.FAINT),
                  svg.text(x(time), bottom + 16, f"{time:g} s", svg.FAINT, 9, "middle")]
    return drawn, bottom + BOTTOM - y


def shown_units(series: AUSeries, events: list[AUEvent]) -> list[int]:
    """Units that reached ON on either side or have a movement, in FACS order."""
    peaks = np.where(series.measured[:, None], np.nan_to_num(series.intensity).max(0), 0).max(1)
    moved = {e.au for e in events}
    return [k for k, au in enumerate(AU_NAMES) if peaks[k] >= ON or au in moved]


def _row(series: AUSeries, events: list[AUEvent], unit: int, top: float, x) -> list[str]:
    au, base, scale = AU_NAMES[unit], top + ROW - 6, (ROW - 10) / 5
    drawn = [svg.text(12, top + ROW / 2 + 2, f"{au} {ACTION_UNITS[au].title}")]
    for level, width in ((0, 1), (ON, 0.5)):
        drawn.append(svg.line(LEFT, base - level * scale, LEFT + WIDTH, base - level * scale, svg.GRID, width))
    for event in events:
        left = x(event.onset)
        drawn.append(svg.box(left, top + 4, max(x(event.offset) - left, 1), ROW - 10, svg.FAINT, 0.16))
        drawn.append(svg.line(x(event.apex), top + 4, x(event.apex), base, svg.FAINT))
    for side, colour in ((1, svg.ORANGE), (0, svg.BLUE)):
        for part in parts(series.times, series.intensity[:, unit, side]):
            drawn.append(svg.path([(x(t), base - v * scale) for t, v in part], colour))
    return drawn


def parts(times: np.ndarray, values: np.ndarray) -> list[list[tuple[float, float]]]:
    """The seen stretches of a line, thinned to MOST_POINTS by the highest of neighbouring frames, so that no peak is lost."""
    many = -(-len(times) // MOST_POINTS)
    keep = [int(k + np.nanargmax(values[k:k + many])) for k in range(0, len(times), many)
            if np.isfinite(values[k:k + many]).any()]
    breaks = np.flatnonzero(np.diff(keep) >= 2 * many) + 1
    return [[(float(times[k]), float(values[k])) for k in part] for part in np.split(np.array(keep, int), breaks) if len(part)]


def ticks(start: float, end: float) -> list[float]:
    """Five to ten round times."""
    rough = (end - start) / 7
    unit = 10 ** np.floor(np.log10(rough))
    step = min((m * unit for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    return [round(float(t), 6) for t in np.arange(np.ceil(start / step) * step, end + step / 100, step)]
