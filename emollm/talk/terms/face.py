"""The face that is talked about: what was measured of it, how it is read, and how its movements are put in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from emollm.answer.facts import Facts
from emollm.answer.prompt import event_interval
from emollm.answer.witnesses import combine_witnesses, movements
from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.perception import events as perceived
from emollm.schema import AU_NAMES, DEFAULT_PRIOR, LABELS, ON, AUEvent, AUSeries, au_index
from emollm.talk.terms.words import PARTS, clauses, movement_pattern
from emollm.what_if import edit

APART = 0.5  # s of its clip without a face from which its time is not called the clip
STRONGEST = 2  # movements that a face is told apart by


@dataclass
class Face:
    """look: the label distribution of the pixels alone, empty without pixels. seen: what was measured in the pixels where
    `series` was edited or given from elsewhere. others: the other faces of the picture, or of the conversation's pictures.
    prior: of schema.PRIORS. name: how it is called beside others, "face 0 (on the left)"; empty: by its number. aloud: its
    name is said before an answer. clip_span: from when to when its clip has any face (s)."""

    series: AUSeries
    events: list[AUEvent]
    look: dict[str, float] = field(default_factory=dict)
    seen: AUSeries | None = None
    others: list[Face] = field(default_factory=list, repr=False, compare=False)
    prior: str = DEFAULT_PRIOR
    name: str = ""
    aloud: bool = False
    clip_span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.name = self.name or f"face {self.series.face_id}"

    @cached_property
    def distribution(self) -> dict[str, float]:
        """How the face is read, look and movements together: 8 labels."""
        return self.read(self.series)

    @cached_property
    def ranked_labels(self) -> list[str]:
        """Labels, the likeliest first."""
        return sorted(LABELS, key=lambda label: -self.distribution[label])

    @property
    def label(self) -> str:
        return self.ranked_labels[0]

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.series, self.events, self.distribution, self.label)

    @property
    def gist(self) -> str:
        """ "happiness (AU12 3.1, AU06 2.4)": its label with its strongest movements."""
        strongest = ", ".join(f"{au} {self.facts.strength(au):.1f}" for au in self.units("on")[:STRONGEST])
        return f"{self.label} ({strongest})" if strongest else self.label

    @property
    def clip(self) -> bool:
        return len(self.series.times) > 1

    @property
    def is_in_part(self) -> bool:
        """Whether its clip goes on without it."""
        if not (self.clip and self.clip_span):
            return False
        return float(self.series.times[-1] - self.series.times[0]) < self.clip_span[1] - self.clip_span[0] - APART

    def read(self, series: AUSeries) -> dict[str, float]:
        """The label distribution with other evidence than was measured in the pixels."""
        seen = self.seen or (self.series if series is not self.series else None)
        witness = movements(series, seen, bool(self.look), self.prior)
        look = np.array([self.look.get(label, 1 / len(LABELS)) for label in LABELS])
        return dict(zip(LABELS, combine_witnesses(look, witness).tolist(), strict=True))

    def edit(self, edits: dict[str, float]) -> Face:
        """The same face with some action units at other intensities."""
        series, events = edit(self.series, self.events, edits)
        return replace(self, series=series, events=events, seen=self.seen or self.series)

    def during(self, begin: float, last: float) -> Face:
        """The same face in a stretch of its clip (s), read by its movements alone: the look is of the whole."""
        times = self.series.times
        at = (times >= begin - 1e-6) & (times <= last + 1e-6)
        series = replace(self.series, times=times[at], intensity=self.series.intensity[at],
                         confidence=self.series.confidence[at])
        return replace(self, series=series, events=perceived.events(series), look={}, seen=None, clip_span=None)

    # ---- words

    def units(self, *states: str) -> list[str]:
        """Units in one of these states (on, off, unsure, unmeasured), in FACS order; those that are on, strongest first."""
        if states == ("on",):
            return self.facts.present_units()
        return [au for au in AU_NAMES if self.facts.state(au) in states]

    def worth_telling(self) -> list[str]:
        """Units that are on, strongest first; blinks, which are in every clip, only where nothing else is."""
        on = self.units("on")
        return [au for au in on if au != "AU45"] or on

    def number(self, au: str) -> str:
        """ "3.4 pronounced"."""
        value = self.facts.strength(au)
        return f"{value:.1f} {level_word(value)}"

    def span(self, au: str) -> tuple[float, float] | None:
        """Onset and offset (s) of its strongest movement; None in a photo."""
        return event_interval(au, self.events, self.series)

    def apex(self, au: str) -> float:
        """When it is strongest (s)."""
        return self.facts.intervals((au,))[0][1]

    def strongest_time(self, au: str) -> float:
        """When a unit is strongest, whether or not it counts as there (s)."""
        level = np.nan_to_num(self.series.intensity[:, au_index(au)]).max(1)  # [T]
        return float(self.series.times[int(level.argmax())])

    def words(self, au: str) -> str:
        """ "the left mouth corner is [raised|...] (AU12, 3.4 pronounced)", as a pattern, for a unit that is on; in a clip with
        the time of it: what is strongest at other times is not there together."""
        when = f", at {self.apex(au):.1f} s" if self.clip and self.facts.state(au) == "on" else ""
        return f"{movement_pattern(au, self.facts.side(au))} ({au}, {self.number(au)}{when})"

    def movement_words(self, units: list[str]) -> str:
        """Units that are on, each in words."""
        return clauses(list(map(self.words, units)))

    def share(self, label: str) -> str:
        """ "0.82": how much of the reading a label has."""
        return f"{self.distribution[label]:.2f}"

    def denial_words(self, au: str, side: str = "both") -> str:
        return f"{movement_pattern(au, side, denied=True)} ({au})"

    def are_simultaneous(self, one: str, other: str) -> bool:
        """Whether two units are there at the same moment."""
        level = [np.nan_to_num(self.series.intensity[:, au_index(au)]).max(1) for au in (one, other)]  # [T] each
        return bool((np.minimum(*level).round(1) >= ON).any())

    def line(self, au: str) -> str:
        """Everything measured of one unit, on one line, as the language model is given it."""
        name = f"{au} {ACTION_UNITS[au].title}, {PARTS[au].adjective} {PARTS[au].many}"
        state = self.facts.state(au)
        if state == "on":
            span = self.span(au)
            when = "" if span is None else f", {span[0]:.1f}-{span[1]:.1f} s, strongest at {self.apex(au):.1f} s"
            side = self.facts.side(au)
            return f"{name}: {self.number(au)}, {'both sides' if side == 'both' else f'{side} side only'}{when}"
        if state == "unsure":
            return f"{name}: not sure, {self.facts.strength(au):.1f} is between absent and there"
        return f"{name}: {'absent' if state == 'off' else 'not measured'}"
