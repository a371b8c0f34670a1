"""What `emollm agree` shows: a table for the terminal, JSON, and a figure with the intervals."""

from __future__ import annotations

import json
import math

import numpy as np

from emollm.output import svg
from emollm.output.agreement import BLOCK_SECONDS, MEASURES, RESAMPLES, SEED, Estimate, UnitAgreement
from emollm.schema import ON

NAMES = {"f1": "F1", "auc": "AUC", "kappa": "kappa", "icc": "ICC(3,1)", "r": "r"}
LEAST = {"f1": 0.0, "auc": 0.0, "kappa": -0.5, "icc": -0.5, "r": -0.5}  # left end of the figure's axes
ROW, LEFT, PANEL, GAP, TOP = 20, 64, 130, 26, 64  # px of the figure


def as_text(agreements: list[UnitAgreement], a: str, b: str) -> str:
    """One line a unit: value and 95 % interval of every measure; "-" where it cannot be had."""
    lines = [f"A {a}", f"B {b} (reference)", "",
             f"{'unit':<8}{'n':>7}{'on A':>7}{'on B':>7}" + "".join(f"{NAMES[m]:>20}" for m in MEASURES)]
    for unit in agreements:
        cells = "".join(f"{_cell(unit.measures[m]):>20}" for m in MEASURES)
        lines.append(f"{unit.name:<8}{unit.n:>7}{unit.on_a:>7}{unit.on_b:>7}{cells}")
    means = "".join(f"{_cell(mean(agreements, m)):>20}" for m in MEASURES)
    notes = [f"{unit.name}: one movement, of which a coding has {unit.au} alone." for unit in agreements if unit.joined]
    return "\n".join([*lines, f"{'mean':<29}{means}", "", note(), *notes]) + "\n"


def note() -> str:
    return (f"A unit is on from {ON:g}. In brackets: 95 % interval of {RESAMPLES} resamples of blocks of {BLOCK_SECONDS:g} s; "
            "mean: over the units that have the measure.")


def mean(agreements: list[UnitAgreement], measure: str) -> Estimate:
    """Plain mean over units, without an interval."""
    values = [unit.measures[measure].value for unit in agreements]
    numbers = [v for v in values if not math.isnan(v)]
    return Estimate(float(np.mean(numbers)) if numbers else math.nan, math.nan, math.nan)


def _cell(e: Estimate) -> str:
    if math.isnan(e.value):
        return "-"
    return f"{e.value:.2f}" if math.isnan(e.low) else f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]"


def as_json(agreements: list[UnitAgreement], a: str, b: str) -> str:
    """Everything, NaN as null."""
    def plain_estimate(e: Estimate) -> dict:
        return {key: None if math.isnan(value) else round(value, 6) for key, value in vars(e).items()}

    units = [{"au": u.au, "joined": u.joined or None, "n": u.n, "on_a": u.on_a, "on_b": u.on_b}
             | {m: plain_estimate(e) for m, e in u.measures.items()} for u in agreements]
    stored = {"a": a, "b": b, "on": ON, "block_seconds": BLOCK_SECONDS, "resamples": RESAMPLES, "seed": SEED, "interval": 0.95,
              "mean": {m: plain_estimate(mean(agreements, m))["value"] for m in MEASURES}, "units": units}
    return json.dumps(stored, indent=1, allow_nan=False) + "\n"


def figure(agreements: list[UnitAgreement], a: str, b: str) -> str:
    """SVG: a panel a measure, a row a unit, the interval as a bar and the value as a dot."""
    height, width = TOP + ROW * len(agreements) + 34, LEFT + len(MEASURES) * (PANEL + GAP)
    body = [svg.text(12, 20, f"Agreement of {a} with {b}", size=13), svg.text(12, 36, note(), svg.FAINT, 8.5)]
    body += [svg.text(12, TOP + ROW * (k + 0.5) + 4, unit.name) for k, unit in enumerate(agreements)]
    for p, measure in enumerate(MEASURES):
        body += _panel(agreements, measure, LEFT + p * (PANEL + GAP))
    return svg.page(width, height, f"Agreement of {a} with {b}, unit by unit", body)


def _panel(agreements: list[UnitAgreement], measure: str, left: float) -> list[str]:
    low = LEAST[measure]

    def x(value: float) -> float:
        return left + PANEL * (min(max(value, low), 1) - low) / (1 - low)

    bottom = TOP + ROW * len(agreements)
    drawn = [svg.text(left + PANEL / 2, TOP - 8, NAMES[measure], anchor="middle")]
    for tick in (low, (low + 1) / 2, 1.0):
        drawn += [svg.line(x(tick), TOP, x(tick), bottom), svg.text(x(tick), bottom + 14, f"{tick:g}", svg.FAINT, 9, "middle")]
    for k, unit in enumerate(agreements):
        e, y = unit.measures[measure], TOP + ROW * (k + 0.5)
        if not math.isnan(e.low):
            drawn.append(svg.line(x(e.low), y, x(e.high), y, svg.BLUE, 2))
        if not math.isnan(e.value):
            drawn.append(svg.dot(x(e.value), y, 3.2, svg.BLUE))
    return drawn
