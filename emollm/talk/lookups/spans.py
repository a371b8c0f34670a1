"""How the times of a movement in a clip are told: from when to when, how often, how long, and what share of the clip."""

from __future__ import annotations

from dataclasses import dataclass

from emollm.talk.terms.face import Face
from emollm.talk.terms.words import join_words, movement_pattern

MANY = 3  # stretches that are all told; of more, how many there are, the first and the longest
COUNTED = 8  # times of which each is told where their number is asked for
WHOLE = 0.95  # share of a clip that is called nearly the whole of it
ENDS = 0.15  # s from the first or the last frame within which a movement is there from the start or to the end
# What several units are called together, of which one is enough.
NAMES = {
    ("AU25", "AU26", "AU27"): "the mouth is open",
    ("AU26", "AU27"): "the jaw is open",
    ("AU01", "AU02"): "the brows are raised",
    ("AU43", "AU45"): "the eyes are closed",
    ("AU23", "AU24"): "the lips are tight",
    ("AU06", "AU07"): "the eyes are narrowed",
}
FROWN = ("AU04", "AU15")  # of the brows where they are lowered, else of the mouth


@dataclass(frozen=True)
class Movement:
    """What is told to be there at times: words ("the brows are lowered (AU04)", as a pattern), its units, and from when to when
    it is there (s), in order."""

    words: str
    units: tuple[str, ...]
    stretches: tuple[tuple[float, float], ...]
    share: float  # of the clip, 0-1

    @property
    def times(self) -> str:
        """ "from 3.7 s to 5.5 s and from 7.7 s to 9.0 s", or "15 times, the first at 0.1 s, the longest from ..."."""
        if len(self.stretches) <= MANY:
            return join_words(list(map(span_words, self.stretches)))
        return f"{len(self.stretches)} times, the first at {self.stretches[0][0]:.1f} s, {self.longest_or_last}"

    @property
    def longest_or_last(self) -> str:
        """Which of many stretches is the longest; of moments, none is."""
        longest = max(self.stretches, key=length)
        return f"the longest {span_words(longest)}" if length(longest) else f"the last at {self.stretches[-1][0]:.1f} s"

    @property
    def share_words(self) -> str:
        percent = round(100 * self.share)
        return f"{percent} % of the clip" if percent else "less than 1 % of the clip"


def timed_movements(face: Face, units: tuple[str, ...]) -> list[Movement]:
    """What is there of a movement in a clip: the units that have a name together as one, otherwise each by itself."""
    on = tuple(au for au in meant_units(face, units) if face.facts.state(au) == "on")
    groups = [on] if len(on) > 1 and units in NAMES else [(au,) for au in on]
    return [Movement(NAMES[units] if len(group) > 1 else _unit_words(face, group[0]), group, tuple(face.facts.stretches(group)),
                     face.facts.clip_share(group)) for group in groups]


def meant_units(face: Face, units: tuple[str, ...]) -> tuple[str, ...]:
    """The units of a movement that are meant in this face: a frown is of the brows, where they are lowered at all."""
    return ("AU04",) if units == FROWN and face.facts.state("AU04") == "on" else units


def _unit_words(face: Face, au: str) -> str:
    return f"{movement_pattern(au, face.facts.side(au))} ({au})"


def when_words(face: Face, movement: Movement) -> str:
    """A movement with its times and where it is strongest."""
    most = face.facts.strongest_unit(movement.units)
    code = f" ({most})" if len(movement.units) > 1 else ""
    return (f"{movement.words} {movement.times}, strongest at {face.apex(most):.1f} s with "
            f"{face.facts.strength(most):.1f}{code}")


def length(stretch: tuple[float, float]) -> float:
    """Seconds of a stretch, between its ends as they are told."""
    return round(round(stretch[1], 1) - round(stretch[0], 1), 1)


def length_words(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds else "less than 0.1 s"


def span_words(stretch: tuple[float, float]) -> str:
    """ "from 3.7 s to 5.5 s", or "at 2.2 s" where that is one moment."""
    return f"from {stretch[0]:.1f} s to {stretch[1]:.1f} s" if length(stretch) else f"at {stretch[0]:.1f} s"
