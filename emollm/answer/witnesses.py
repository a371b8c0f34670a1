"""Two witnesses of one face: its look, as the language model reads it, and its movements, as the tables read them.

The look is the model's own distribution over the labels where its answer names one; it is trained to pass on what the tower
sees. The movements are `reading.read` of the evidence. They are put together like this:

- *No pixels*: the movements alone decide.
- *The measured units* move the look, the more the more decided their reading is: a linear rule that was fitted on faces with
  both (`MovementRule`; training/witnesses.py, docs/reading.md). With no unit measured the look alone decides.
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
import functools
from dataclasses import dataclass

import numpy as np

from emollm.answer import reading
from emollm.files import DATA, open_fitted_table
from emollm.schema import DEFAULT_PRIOR, LABELS, AUSeries

WEIGHTS = DATA / "witnesses.npz"
LEAST = 1e-4  # a look below it is taken for it: rounding there would decide
# Chosen on validation faces so that full prototypes reach their label and single units move it their way (docs/decisions.md).
STATED = 2.0  # weight of the stated units by themselves
EDITED = 1.4  # weight of what an edit changes in the reading
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
    def from_reading(cls, given: np.ndarray, pixels: bool) -> Movements:
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


def movements(series: AUSeries, seen: AUSeries | None, pixels: bool, prior: str = DEFAULT_PRIOR) -> Movements:
    """series: the evidence that the answer is about; seen: what was measured in the pixels, None when that is the same.
    prior: of schema.PRIORS; it counts like something stated."""
    given = reading.read_series(series)
    if seen is None:
        witness = Movements.from_reading(given, pixels)
    else:
        witness = Movements(given, reading.read_series(seen), reading.read_series(stated_evidence(series, seen)), pixels)
    if prior == DEFAULT_PRIOR or not pixels:
        return witness
    stated = witness.stated * CROWD ** (-BALANCED / STATED)
    return dataclasses.replace(witness, stated=stated / stated.sum())


def stated_evidence(series: AUSeries, seen: AUSeries) -> AUSeries:
    """The evidence without the units that are as they were measured."""
    same = series.measured == seen.measured
    if series.intensity.shape == seen.intensity.shape:
        same &= np.isclose(series.intensity, seen.intensity, equal_nan=True).all((0, 2))
        same &= np.isclose(series.confidence, seen.confidence).all(0)
    else:  # evidence of other moments than those of the picture: all of it is stated
        same[:] = False
    return dataclasses.replace(series, measured=series.measured & ~same)


@dataclass(frozen=True)
class MovementRule:
    """How measured movements move the look. weights [8, 17]: of the look's 8 log-probabilities, of those of the movements'
    reading (each around their mean) and a constant; sure: what a score is multiplied by where the reading is decided, so that
    confidence is as often right as it says."""

    weights: np.ndarray
    sure: float = 1.0

    def score(self, look: np.ndarray, read: np.ndarray) -> np.ndarray:
        """Scores [N, 8], up to a constant, of looks and readings [N, 8]. A reading that is even changes nothing."""
        look = np.log(np.maximum(look, LEAST))
        return look + decidedness(read)[:, None] * inputs(look, np.log(read)) @ self.weights.T

    def sharpness(self, read: np.ndarray) -> np.ndarray:
        """What the scores of readings [N, 8] are multiplied by [N]."""
        return 1 + decidedness(read) * (self.sure - 1)


def inputs(look: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Log-probabilities [N, 8] of look and reading as the weights take them, [N, 17]."""
    around = [v - v.mean(1, keepdims=True) for v in (look, read)]
    return np.concatenate([*around, np.ones((len(look), 1))], 1)


def decidedness(read: np.ndarray) -> np.ndarray:
    """How far readings [N, 8] are from even, 0-1 [N]: one less the share of the largest entropy."""
    return 1 + (read * np.log(read)).sum(1) / np.log(read.shape[1])


@functools.cache
def shipped_rule() -> MovementRule:
    """The rule that was fitted for the shipped model. Raises InputError when it is missing."""
    with open_fitted_table(WEIGHTS, "fit_witnesses.py") as arrays:
        return MovementRule(arrays["weights"].astype(np.float64), float(arrays["sure"]))


def combine_witnesses(look: np.ndarray, witness: Movements, rule: MovementRule | None = None) -> np.ndarray:
    """The label distribution [8] of both witnesses. look [8]: the model's own distribution; rule: another than the stored."""
    if not witness.pixels:
        return witness.given
    rule, seen = rule or shipped_rule(), witness.seen[None]
    changed = abs(witness.given - witness.seen).sum() / 2
    score = rule.score(look[None], seen)[0] - OUTDATED * changed * np.log(np.maximum(look, LEAST))
    score += EDITED * (np.log(witness.given) - np.log(witness.seen)) + STATED * np.log(witness.stated * len(LABELS))
    score *= rule.sharpness(seen)[0]
    distribution = np.exp(score - np.logaddexp.reduce(score))
    movements_count = max(changed, float(decidedness(seen)[0]))
    distribution += movements_count * reading.DOUBT * (1 / len(LABELS) - distribution)  # as much doubt as any reading leaves
    cost = CONFLICT_COST * conflict(look, witness.given)
    return (1 - cost) * distribution + cost * (look + witness.given) / 2


def conflict(look: np.ndarray, given: np.ndarray) -> float:
    """How much two distributions contradict each other, 0-1: the product of how far each prefers its own first label to the
    other's. A wide distribution contradicts nobody."""
    first, other = int(look.argmax()), int(given.argmax())
    return float((look[first] - look[other]) * (given[other] - given[first]))


def witness_sentence(look: np.ndarray, witness: Movements) -> str:
    """A sentence where the witnesses do not agree, or where the only one is not sure; empty otherwise."""
    if not witness.pixels:
        return "" if witness.given.max() >= FITS else "The movements fit no label well: this is not enough to be sure of any."
    if conflict(look, witness.given) >= CONFLICT_SAID:
        fits, seems = LABELS[int(witness.given.argmax())], LABELS[int(look.argmax())]
        return f"The movements fit {fits}, the overall look {seems}; the confidence is lowered for it."
    return ""
