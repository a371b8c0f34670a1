"""Valence and arousal of a face, read off its distribution over labels through published coordinates of the words.

Valence runs from -1 (unpleasant) to 1 (pleasant), arousal from -1 (calm) to 1 (excited). People rated emotion words, not
faces, so the numbers say where a face that is commonly read as these words lies on average; they measure nothing that
the distribution does not hold. Reviewed faces with ratings of their own would be better than this.
"""

from dataclasses import dataclass
from math import sqrt

from emollm.schema import LABELS, InputError

# Means of pleasure and arousal for the words in the comments: J. A. Russell and A. Mehrabian, "Evidence for a three-factor
# theory of emotions", Journal of Research in Personality 11(3), 1977, 273-294, table 4. Their dominance is left out.
# Neutral is no word of theirs: it is the origin of both scales by definition. Words differ from faces most for surprise:
# raters of the word thought of pleasant ones.
COORDINATES = {
    "neutral": (0.0, 0.0),
    "happiness": (0.81, 0.51),  # happy
    "sadness": (-0.63, -0.27),  # sad
    "surprise": (0.40, 0.67),  # surprised
    "fear": (-0.64, 0.60),  # fearful
    "disgust": (-0.60, 0.35),  # disgusted
    "anger": (-0.51, 0.59),  # angry
    "contempt": (-0.24, 0.31),  # contemptuous
}


@dataclass(frozen=True)
class Affect:
    """Valence and arousal, each -1 to 1, with the interval (low, high) that the labels in question span."""

    valence: float
    arousal: float
    valence_interval: tuple[float, float]
    arousal_interval: tuple[float, float]


def affect(distribution: dict[str, float]) -> Affect:
    """Mean and spread of the labels' coordinates under a distribution {label: probability}.

    A label that is not listed has probability 0; the rest is scaled to sum to 1. The interval is the mean plus and minus
    one standard deviation between the labels, within -1 to 1: zero width when one label is certain, however much people
    who agree on the word differ in what they would rate. Raises InputError for an unknown label, a negative or
    non-finite probability, or nothing but zeros.
    """
    unknown = sorted(set(distribution) - set(LABELS))
    if unknown:
        raise InputError(f"unknown label '{unknown[0]}': use {', '.join(LABELS)}")
    for label, share in distribution.items():
        if not 0 <= share < float("inf"):
            raise InputError(f"probability of {label} is {share}, expected 0 to 1")
    total = sum(distribution.values())
    if total == 0:
        raise InputError("the distribution holds no probability at all: give at least one label")
    valence, arousal = (_mean_and_spread(distribution, axis, total) for axis in (0, 1))
    return Affect(valence[0], arousal[0], _interval(*valence), _interval(*arousal))


def _mean_and_spread(distribution: dict[str, float], axis: int, total: float) -> tuple[float, float]:
    points = [(share / total, COORDINATES[label][axis]) for label, share in distribution.items()]
    mean = sum(share * at for share, at in points)
    return mean, sqrt(sum(share * (at - mean) ** 2 for share, at in points))


def _interval(mean: float, spread: float) -> tuple[float, float]:
    return max(-1.0, mean - spread), min(1.0, mean + spread)
