"""Two witnesses of one face: its look, as the language model reads it, and its movements, as the tables read them.

The look is the model's own distribution over the labels where its answer names one: it has read pixels, measured units and
its own observation lines. The movements are `reading.read` of the evidence. They are put together like this:

- *No pixels*: the movements alone decide.
- *The measured units*: the model has read them already; an extra weight for them was fitted to nothing (docs/decisions.md).
- *Stated units* (an edit, or evidence that came with the picture): the pixels show the face as it was measured, not as it is
  stated. The label moves by what the statement changes, log p(label | stated) - log p(label | measured), STATED times, and
  the look counts less the more the statement changes. Where nothing is stated, nothing changes.
- *A conflict* between the two costs confidence: the result is drawn toward the mean of both.

Letters: 8 labels in the order of LABELS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emollm.answer import reading
from emollm.schema import LABELS, AUSeries

STATED = 2.0  # what a person states counts this much more than what was measured (docs/decisions.md)
OUTDATED = 0.9  # share of the look that a statement which changes everything takes away
CONFLICT_COST = 0.3  # share of the mean of both witnesses in a full conflict
CONFLICT_SAID = 0.4  # a conflict from here on is said in words
FITS = 0.5  # below, movements alone fit no label well


@dataclass(frozen=True)
class Movements:
    """What the movements of one face are read as, and what those seen in the pixels are; equal unless units were stated."""

    given: np.ndarray  # [8]
    seen: np.ndarray  # [8]
    pixels: bool  # whether there is a look at all

    def as_numbers(self) -> list[float]:
        """17 plain numbers, for engines in other processes."""
        return [*self.given.tolist(), *self.seen.tolist(), float(self.pixels)]

    @classmethod
    def from_numbers(cls, numbers: list[float]) -> Movements:
        """Inverse of as_numbers. Raises ValueError for anything else."""
        values = np.array(numbers, dtype=np.float64)
        if values.shape != (2 * len(LABELS) + 1,) or not (np.isfinite(values).all() and (values[:-1] > 0).all()):
            raise ValueError("movements are two distributions over the labels and whether there are pixels: 17 numbers")
        return cls(values[:len(LABELS)], values[len(LABELS):-1], bool(values[-1]))


def movements(series: AUSeries, seen: AUSeries | None, pixels: bool) -> Movements:
    """series: the evidence that the answer is about; seen: what was measured in the pixels, None when that is the same."""
    given = reading.of_series(series)
    return Movements(given, given if seen is None else reading.of_series(seen), pixels)


def together(look: np.ndarray, said: Movements) -> np.ndarray:
    """The label distribution [8] of both witnesses. look [8]: the model's own distribution."""
    if not said.pixels:
        return said.given
    changed = abs(said.given - said.seen).sum() / 2
    score = (1 - OUTDATED * changed) * np.log(np.maximum(look, 1e-12)) + STATED * (np.log(said.given) - np.log(said.seen))
    both = np.exp(score - np.logaddexp.reduce(score))
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
