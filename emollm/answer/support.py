"""What speaks for a label and what against it: present movements and the tables that list them, and one plain sentence.

Nothing here comes from the model. A movement supports a label only when a published listing of that label names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from emollm.answer.reading import units_by_strength
from emollm.facs.readings import relation
from emollm.facs.tables import VARIANTS
from emollm.facs.units import ACTION_UNITS
from emollm.schema import LABELS, AUSeries, au_index

NAMED = 3  # movements that the sentence names


@dataclass(frozen=True)
class ListedMovement:
    """A movement that is there, and the label that tables list it for (empty: it is the opposite pull of that label's)."""

    au: str
    strength: float  # 0-5, as it is stated of the movement
    label: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return f"the {ACTION_UNITS[self.au].title} ({self.au}, {self.strength:.1f})"


@dataclass(frozen=True)
class Support:
    """For and against one label, the strongest first, with one sentence."""

    supporting: list[ListedMovement]
    opposing: list[ListedMovement]
    sentence: str


def support(label: str, runner_up: str | None, series: AUSeries, pixels: bool = True) -> Support:
    """label: the conclusion; runner_up: the next label, whose movements speak against the conclusion. pixels: whether a
    picture was read beside the evidence.

    Raises InputError for an unknown label.
    """
    there = units_by_strength(series)
    supporting = [_listed_movement(au, s, label) for au, s in there.items() if _lists(label, au)]
    opposing = [_opposing_movement(au, s, label, runner_up) for au, s in there.items()
                if relation(label, au) == "against" or (relation(label, au) == "neutral" and _lists(runner_up, au))]
    if not series.measured.any():
        return Support([], [], "No action unit was measured; the reading rests on the overall look alone.")
    listed = {au for v in VARIANTS if v.label == label for au in v.aus}
    missing = "" if all(series.measured[au_index(au)] for au in listed) else " that could be measured"
    return Support(supporting, opposing, _sentence(label, supporting, opposing, pixels, missing))


def _listed_movement(au: str, strength: float, label: str) -> ListedMovement:
    return ListedMovement(au, strength, label, tuple(v.source for v in VARIANTS if v.label == label and au in v.aus))


def _lists(label: str | None, au: str) -> bool:
    """Whether a published listing of the label names the unit; no listing of "neutral" names any."""
    return label is not None and relation(label, au) == "for"


def _opposing_movement(au: str, strength: float, label: str, runner_up: str | None) -> ListedMovement:
    """The opposing movement with the label that lists it: the runner-up when it does, else the first that does."""
    listing = [other for other in (runner_up, *LABELS) if other != label and _lists(other, au)]
    return _listed_movement(au, strength, listing[0]) if listing else ListedMovement(au, strength, "", ())


def _sentence(label: str, supporting: list[ListedMovement], opposing: list[ListedMovement], pixels: bool, missing: str) -> str:
    against = ""
    if opposing:
        strongest = opposing[0]
        against = f" Against it: {strongest}{f', listed for {strongest.label}' if strongest.label else ''}."
    if supporting:
        return f"Listed for {label} and present here: {_enumerate_movements(supporting[:NAMED])}.{against}"
    rests = "the reading rests on the overall look" if pixels else "the reading rests on what is missing"
    if label == "neutral" and not opposing:
        return "No movement that speaks for another reading is here."
    if label == "neutral":
        return f"No table lists a movement for neutral; {rests}.{against}"
    return f"None of the movements listed for {label}{missing} is here; {rests}.{against}"


def _enumerate_movements(listed: list[ListedMovement]) -> str:
    words = [str(one) for one in listed]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
