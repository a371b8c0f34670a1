"""Two witnesses of one face: its look, as the language model reads it, and its movements, as the tables read them.

The look is the model's own distribution over the labels where its answer names one; it is trained to pass on what the tower
sees. The movements are `reading.read` of the evidence. They are put together like this:

- *No pixels*: the movements alone decide.
- *The measured units* count MEASURED times beside the look, which is what the tower sees (docs/decisions.md).
- *Stated units* (an edit, or evidence that came with the picture): the pixels show the face as it was measured, not as it is
  stated. The label moves by what the statement changes, log p(label | given) - log p(label | seen), and by what the stated
  units say alone, counted STATED times; the look counts less the more changes. With nothing stated nothing changes.
- *A prior*: the look has learnt how often each label is given to pictures from web search (CROWD), evened out a little when
  it was fitted (training/look.py). With the prior "balanced" it is divided by that share to the power BALANCED besides. The
  movements' reading has no prior in it.
- *A conflict* between the two costs confidence: the result is drawn toward the mean of both.

Letters: 8 labels in the order of LABELS.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from emollm.answer import reading
from emollm.schema import LABELS, AUSeries

# Chosen on validation faces so that full prototypes reach their label and single units move it their way (docs/decisions.md).
STATED = 2.0  # weight of the stated units by themselves
MEASURED = 0.4  # weight of all units beside the look
OUTDATED = 0.4  # share of the look that a statement which changes everything takes away
CONFLICT_COST = 0.3  # share of the mean of both witnesses in a full conflict
CONFLICT_SAID = 0.4  # a conflict from here on is said in words
# Share of each label in what the look was taught: FER+ votes (.6) and FER2013 labels (.4) of 28,317 training faces.
CROWD = np.array([0.2604, 0.2591, 0.1531, 0.1165, 0.0781, 0.0158, 0.1060, 0.0111])
BALANCED = 0.4  # power of that share which the balanced prior divides the look by; all of it makes contempt of posed anger
FITS = 0.5  # below, movements alone fit no label well


@dataclass(frozen=True)
class Movements:
    """What the movements of one face are read as: all that are given, those seen in the pixels, and the stated ones alone.

    With nothing stated, seen is given and stated is even.
    """

    given: np.ndarray  # [8]
    seen: np.ndarray  # [8]
    stated: np.ndarray  # [8]
    pixels: bool  # whether there is a look at all

    @classmethod
    def only(cls, given: np.ndarray, pixels: bool) -> Movements:
        """Of a face of which nothing was stated."""
        return cls(given, given, np.full(len(LABELS), 1 / len(LABELS)), pixels)

    def as_numbers(self) -> list[float]:
        """25 plain numbers, for engines in other processes."""
        return [*self.given.tolist(), *self.seen.tolist(), *self.stated.tolist(), float(self.pixels)]

    @classmethod
    def from_numbers(cls, numbers: list[float]) -> Movements:
        """Inverse of as_numbers. Raises ValueError for anything else."""
        values = np.array(numbers, dtype=np.float64)
        if values.shape != (3 * len(LABELS) + 1,) or not (np.isfinite(values).all() and (values[:-1] > 0).all()):
            raise ValueError("movements are three distributions over the labels and whether there are pixels: 25 numbers")
        return cls(*values[:-1].reshape(3, len(LABELS)), bool(values[-1]))


def movements(series: AUSeries, seen: AUSeries | None, pixels: bool, prior: str = "crowd") -> Movements:
    """series: the evidence that the answer is about; seen: what was measured in the pixels, None when that is the same.
    prior: of schema.PRIORS; it counts like something stated."""
    given = reading.of_series(series)
    if seen is None:
        said = Movements.only(given, pixels)
    else:
        said = Movements(given, reading.of_series(seen), reading.of_series(stated_alone(series, seen)), pixels)
    if prior == "crowd" or not pixels:
        return said
    stated = said.stated * CROWD ** (-BALANCED / STATED)
    return dataclasses.replace(said, stated=stated / stated.sum())


def stated_alone(series: AUSeries, seen: AUSeries) -> AUSeries:
    """The evidence without the units that are as they were measured."""
    same = series.measured == seen.measured
    if series.intensity.shape == seen.intensity.shape:
        same &= np.isclose(series.intensity, seen.intensity, equal_nan=True).all((0, 2))
        same &= np.isclose(series.confidence, seen.confidence).all(0)
    else:  # evidence of other moments than those of the picture: all of it is stated
        same[:] = False
    return dataclasses.replace(series, measured=series.measured & ~same)


def together(look: np.ndarray, said: Movements, measured: float = MEASURED) -> np.ndarray:
    """The label distribution [8] of both witnesses. look [8]: the model's own distribution; measured: see above."""
    if not said.pixels:
        return said.given
    changed = abs(said.given - said.seen).sum() / 2
    score = (1 - OUTDATED * changed) * np.log(np.maximum(look, 1e-12)) + np.log(said.given) - np.log(said.seen)
    score += measured * np.log(said.given) + STATED * np.log(said.stated * len(LABELS))
    both = np.exp(score - np.logaddexp.reduce(score))
    both += changed * reading.DOUBT * (1 / len(LABELS) - both)  # a statement leaves as much doubt as any reading
    cost = CONFLICT_COST * conflict(look, said.given)
    return (1 - cost) * both + cost * (look + said.given) / 2


def conflict(look: np.ndarray, given: np.ndarray) -> float:
    """How much two distributions contradict each other, 0-1: the product of how far each prefers its own first label to the
    other's. A wide distribution contradicts nobody."""
    first, other = int(look.argmax()), int(given.argmax())
    return float((look[first] - look[other]) * (given[other] - given[first]))


def in_words(look: np.ndarray, said: Movements) -> str:
    """A sentence where the witnesses do not agree, or where the only one is not sure; empty otherwise."""
    if not said.pixels:
        return "" if said.given.max() >= FITS else "The movements fit no label well: this is not enough to be sure of any."
    if conflict(look, said.given) >= CONFLICT_SAID:
        fits, seems = LABELS[int(said.given.argmax())], LABELS[int(look.argmax())]
        return f"The movements fit {fits}, the overall look {seems}; the confidence is lowered for it."
    return ""
