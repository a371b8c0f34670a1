"""A clip's course in time as one strip: how its phases are read, and each cited action unit from the first frame to the last.

The same strip stands below the annotated picture of a clip and runs below its film (film).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from emollm.explanation import Explanation
from emollm.output.pens import COLOURS, FAINT, INK, LINE, PAPER, font, rgb, tag
from emollm.output.timeline import ticks
from emollm.perception.events import GAP_FRAMES
from emollm.schema import ON, AUSeries, au_index

ROWS = 8  # action units drawn, the strongest


class Strip:
    """The drawn strip, and where each moment lies in it."""

    def __init__(self, explanation: Explanation, units: Sequence[str], colours: dict[str, str], width: int, unit: int,
                 span: tuple[float, float] | None = None):
        """units: action units to draw, the strongest first. unit: text height, px. span: first and last moment, s (default: of
        the measurement)."""
        self.series, self.unit, units = AUSeries.from_dict(explanation.evidence), unit, units[:ROWS]
        self.start, self.end = span or (float(self.series.times[0]), float(self.series.times[-1]))
        self.left, self.right = round(unit * 5.6), width - round(unit * 1.6)
        self.band = round(unit * 2.2), round(unit * 3.9)  # of the phases
        self.first, self.row = round(unit * 4.5), round(unit * 2.1)
        self.bottom = self.first + self.row * len(units)
        self.image = Image.new("RGB", (width, self.bottom + round(unit * 1.9)), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.pen.text((self.left, unit * 0.6), "over time, read by the movements alone", font=font(unit * 0.78), fill=FAINT)
        self._phases(explanation.phases)
        for k, au in enumerate(units):
            self._row(au, colours[au], self.first + k * self.row)
        self._axis()

    def x(self, time: float) -> float:
        share = (time - self.start) / max(self.end - self.start, 1e-9)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def mark(self, pen: ImageDraw.ImageDraw, time: float, top: float = 0) -> None:
        """The moment `time` as a stroke; top: where the strip begins in the picture that `pen` draws on."""
        x = self.x(time)
        pen.line([(x, top + self.band[0] - self.unit * 0.3), (x, top + self.bottom)], fill=INK, width=max(2, self.unit // 8))

    def _phases(self, phases: list[dict]) -> None:
        small, (top, bottom) = font(self.unit * 0.85), self.band
        for k, phase in enumerate(phases):
            left, right = self.x(phase["start"]), self.x(phase["end"])
            self.pen.rectangle((left, top, max(left + 1, right - 1), bottom), fill=LINE if k % 2 else "#566270")
            long = f"{phase['label']} {phase['confidence']:.2f}"
            if text := _fitting_text(long, phase["label"], small, right - left - self.unit * 0.6):
                self.pen.text(((left + right) / 2, (top + bottom) / 2), text, font=small, fill=INK, anchor="mm")

    def _row(self, au: str, colour: str, top: int) -> None:
        base, scale, unit = top + self.row - round(self.unit * 0.3), (self.row - self.unit * 0.5) / 5, self.unit
        tag(self.pen, (unit * 1.2, base - unit * 1.4, unit * 4.8, base + unit * 0.1), au, colour, unit, 0.9)
        self.pen.line([(self.left, base - ON * scale), (self.right, base - ON * scale)], fill=LINE)
        columns, faint = self._columns(au), tuple((v + p) // 2 for v, p in zip(rgb(colour), rgb(PAPER), strict=True))
        for x, level in columns:
            self.pen.line([(x, base), (x, base - level * scale)], fill=faint)
            self.pen.line([(x, base - level * scale - 1), (x, base - level * scale)], fill=colour)
        self.pen.line([(self.left, base), (self.right, base)], fill=LINE)

    def _columns(self, au: str) -> list[tuple[int, float]]:
        """(px, level) of the columns in which the stronger side was seen: the highest of their frames."""
        times, values = self.series.times, strongest_side(self.series, au)
        seen = np.flatnonzero(np.isfinite(values) & (times >= self.start) & (times <= self.end))
        if not len(seen):
            return []
        at = np.array([self.x(t) for t in times[seen]])
        highest = np.full(self.image.width, np.nan)
        np.fmax.at(highest, at.round().astype(int), values[seen])
        usual = GAP_FRAMES * (np.median(np.diff(times)) if len(times) > 1 else 1.0)
        apart = np.diff(at.round()) > 1  # of a short clip a frame is many columns wide
        for k in np.flatnonzero(apart & (np.diff(times[seen]) <= usual)):
            between = np.arange(round(at[k]) + 1, round(at[k + 1]))
            highest[between] = np.interp(between, at[k:k + 2], values[seen[k:k + 2]])
        return [(int(x), float(highest[x])) for x in np.flatnonzero(np.isfinite(highest))]

    def _axis(self) -> None:
        small = font(self.unit * 0.75)
        for time in ticks(self.start, self.end) if self.end > self.start else []:
            x = self.x(time)
            self.pen.line([(x, self.bottom), (x, self.bottom + self.unit * 0.3)], fill=FAINT)
            self.pen.text((x, self.bottom + self.unit * 0.4), f"{time:g} s", font=small, fill=FAINT, anchor="ma")


def strongest_side(series: AUSeries, au: str) -> np.ndarray:
    """Intensity of an action unit's stronger side, [T]; NaN where neither was seen."""
    return np.fmax(*series.intensity[:, au_index(au)].T)


def colours_of(units: Sequence[str]) -> dict[str, str]:
    return {au: COLOURS[k % len(COLOURS)] for k, au in enumerate(units)}


def phase_at(phases: list[dict], time: float) -> dict | None:
    """The phase that a moment belongs to; None before the first and after the last."""
    return next((phase for phase in phases if phase["start"] <= time <= phase["end"]), None)


def _fitting_text(long: str, short: str, small, width: float) -> str:
    """The longer of two texts that fits into a width in px; nothing when neither does."""
    return next((text for text in (long, short) if small.getlength(text) <= width), "")


