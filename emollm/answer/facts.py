"""What the measurement says about a statement: states, strengths, sides, times and the ranking of the labels.

The measurement has three states per action unit: on (strength >= ON), off (<= OFF) and, in between, unsure, where a
statement is neither right nor wrong. Every judgement here returns a verdict and, unless it is plain support, its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from emollm.answer.lexicon import OPEN_TO_BOTH
from emollm.perception.events import peaks, side_and_strength, unsmoothed_events
from emollm.schema import AU_NAMES, OFF, ON, SIDES, AUEvent, AUSeries, au_index

STRENGTH_TOLERANCE = 0.5  # half a FACS level, what two coders may differ by
WORD_TOLERANCE = 0.3  # a level word may miss its bounds by this before it is wrong
RANK_TOLERANCE = 0.25  # strengths this close may be ranked either way
TIE = 0.005  # probabilities this close look the same in two decimals

Verdict = tuple[str, str]  # verdict of schema.VERDICTS, reason
RIGHT: Verdict = ("supported", "")


def state(strength: float) -> str:
    """on, off or unsure; strength 0-5."""
    return "on" if round(strength, 1) >= ON else "off" if strength <= OFF else "unsure"


def time_tolerance(series: AUSeries) -> float:
    """s: 0.2, or a tenth of the clip when that is longer."""
    return max(0.2, 0.1 * float(series.times[-1] - series.times[0]))


def unit_peak(au: str, series: AUSeries) -> tuple[float, int, float]:
    """Strength, side index and left-right gap of one AU; NaN strength when it is not measured or not visible."""
    left, right, visible = peaks(series)
    k = au_index(au)
    if not visible[k]:
        return math.nan, 2, 0.0
    side, strength = side_and_strength(left[k], right[k])
    return float(strength), int(side), abs(float(left[k] - right[k]))


@dataclass
class Facts:
    """One face's measurement and reading, asked again and again by the judges."""

    series: AUSeries
    events: list[AUEvent]
    distribution: dict[str, float] = field(default_factory=dict)  # empty: labels cannot be judged
    label: str | None = None

    def __post_init__(self) -> None:
        left, right, visible = peaks(self.series)
        side, strength = side_and_strength(left, right)
        self._strength = {au: round(float(strength[k]), 1) if visible[k] else math.nan for k, au in enumerate(AU_NAMES)}
        self._raw = {au: float(strength[k]) if visible[k] else math.nan for k, au in enumerate(AU_NAMES)}
        self._side = {au: SIDES[side[k]] for k, au in enumerate(AU_NAMES)}
        self._gap = {au: float(left[k] - right[k]) for k, au in enumerate(AU_NAMES)}
        self.clip = len(self.series.times) > 1
        self._events: dict[str, list[AUEvent]] = {}

    # ---- one unit

    def strength(self, au: str) -> float:
        return self._strength.get(au, math.nan)

    def state(self, au: str) -> str:
        """on | off | unsure | unmeasured."""
        value = self._raw.get(au, math.nan)
        return "unmeasured" if math.isnan(value) else state(value)

    def side(self, au: str) -> str:
        return self._side[au]

    def gap(self, au: str) -> float:
        """Left minus right intensity at the strongest moment."""
        return self._gap[au]

    def present_units(self) -> list[str]:
        """Units that are there, strongest first."""
        return sorted((au for au in AU_NAMES if self.state(au) == "on"), key=lambda au: -self._raw[au])

    def strongest_unit(self, units: tuple[str, ...]) -> str:
        """The member of a set that a mention of it means: the strongest one that was measured."""
        seen = [au for au in units if not math.isnan(self.strength(au))]
        return max(seen, key=self.strength, default=units[0])

    def tellable_units(self, units: tuple[str, ...]) -> tuple[str, ...]:
        """The units of a set that can be told here: a blink (AU45) cannot in a photo, where closed eyes are AU43."""
        return tuple(au for au in units if self.clip or au != "AU45") or units

    def presence(self, units: tuple[str, ...], denied: bool = False, weak: bool = False) -> Verdict:
        """Is one of these there (or, denied, none of them)?"""
        units = self.tellable_units(units)
        states = [self.state(au) for au in units]
        if weak and denied and "on" in states and max(self.strength(au) for au in units if self.state(au) == "on") < 1.5:
            return RIGHT  # "hardly": a trace may be there
        levels = ", ".join(f"{au} {self.strength(au):.1f}" for au in units if self.state(au) in ("on", "unsure"))
        if "on" in states:
            if denied and frozenset(units) in OPEN_TO_BOTH and "off" in states:
                return "unsure", f"measured {levels}; the word has two meanings"
            return ("contradicted", f"measured {levels}") if denied else RIGHT
        if "unsure" in states or (weak and "unmeasured" not in states):
            return ("unsure", f"measured {levels}") if not weak else RIGHT
        if "unmeasured" in states:
            return "unmeasured", f"{', '.join(au for au in units if self.state(au) == 'unmeasured')} was not measured"
        return RIGHT if denied else ("contradicted", f"{_join_with_or(units)} was measured as absent")

    # ---- time

    def intervals(self, units: tuple[str, ...]) -> list[tuple[float, float, float]]:
        """Onset, apex and offset of every event of these units, strongest first; of units that are on without an event, of
        the frames in which they are."""
        own = [e for au in units for e in self._events_of(au)]
        return [(e.onset, e.apex, e.offset) for e in sorted(own, key=lambda e: -e.peak)]

    def _events_of(self, au: str) -> list[AUEvent]:
        if au not in self._events:
            own = [e for e in self.events if e.au == au]
            self._events[au] = own or (unsmoothed_events(au, self.series) if self.state(au) == "on" else [])
        return self._events[au]

    def stretches(self, units: tuple[str, ...]) -> list[tuple[float, float]]:
        """From when to when at least one of these units is there (s), in order, of those that are on at all: events that
        overlap are one stretch."""
        units = tuple(au for au in units if self.state(au) == "on") or units
        joined: list[tuple[float, float]] = []
        for onset, offset in sorted((on, off) for on, _, off in self.intervals(units)):
            if joined and onset <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], offset))
            else:
                joined.append((onset, offset))
        return joined

    def clip_share(self, units: tuple[str, ...]) -> float:
        """How much of the clip at least one of these units is there: 0-1."""
        length = float(self.series.times[-1] - self.series.times[0])
        return min(1.0, sum(off - on for on, off in self.stretches(units)) / length) if length else 0.0

    @property
    def time_tolerance(self) -> float:
        return time_tolerance(self.series)

    # ---- labels

    def probability(self, label: str) -> float:
        return self.distribution.get(label, 0.0)

    def ranked_labels(self) -> list[str]:
        return sorted(self.distribution, key=lambda label: -self.distribution[label])

    def other_labels(self) -> list[str]:
        """Labels beside the concluded one, most probable first."""
        return [label for label in self.ranked_labels() if label != self.label]

    def margin(self) -> float:
        """Probability of the concluded label minus that of the next one."""
        return self.probability(self.label or "") - self.probability(self.other_labels()[0])


def _join_with_or(units: tuple[str, ...]) -> str:
    return " or ".join(units)


def worst_verdict(verdicts: list[Verdict]) -> Verdict:
    """Of several that must all hold: contradicted before unmeasured before unsure before supported."""
    order = ("contradicted", "unmeasured", "unsure", "supported")
    return min(verdicts, key=lambda v: order.index(v[0]), default=RIGHT)


def range_verdict(value: float, low: float, high: float, slack: float) -> str:
    """supported inside [low, high], unsure up to `slack` outside, else contradicted."""
    miss = max(low - value, value - high, 0.0)
    return "supported" if miss < 1e-9 else "unsure" if miss <= slack + 1e-9 else "contradicted"
