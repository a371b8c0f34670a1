"""Which moments of an explanation are drawn: that of the strongest movement, and of a clip those of the next ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from emollm.explanation import movement_claims, untold_events
from emollm.perception.events import SMOOTH_SECONDS

if TYPE_CHECKING:
    from emollm.explanation import Explanation
    from emollm.schema import Claim

MAX_ROWS = 12  # action units listed
MAX_OTHERS = 4  # further moments of a clip
SAME_MOMENT = SMOOTH_SECONDS  # s; as close as movements in time can be told


def count(explanation: Explanation) -> int:
    """How many moments were measured: 1 of a photo, 0 when nothing was."""
    return len((explanation.evidence or {}).get("times", ()))


def cited_claims(explanation: Explanation) -> list[Claim]:
    """One claim an action unit, the strongest first; movements that are there before those said to be absent."""
    best: dict[str, Claim] = {}
    for claim in sorted(movement_claims(explanation), key=lambda c: (c.polarity != "present", -value_of(c.intensity))):
        best.setdefault(claim.au, claim)
    return list(best.values())[:MAX_ROWS]


def moving_units(explanation: Explanation) -> list[str]:
    """The action units whose course in time is drawn, the strongest first: what is cited as there, and what else is strong."""
    strength = {claim.au: value_of(claim.intensity) for claim in cited_claims(explanation) if claim.polarity == "present"}
    strength |= {event.au: event.peak for event in untold_events(explanation)}
    return sorted(strength, key=lambda au: -strength[au])


def key_time(explanation: Explanation) -> float:
    """The moment to draw, in s: that of the strongest cited movement, else the first key frame, else the start."""
    claim = _key_claim(explanation)
    if claim is not None:
        return claim.frame_time
    return explanation.key_frames[0] if explanation.key_frames else 0.0


def key_box(explanation: Explanation) -> list[float]:
    """Where the face is at the moment to draw, x0 y0 x1 y1 px; empty when that is not known."""
    claim = _key_claim(explanation)
    return claim.box if claim is not None and claim.box else explanation.box


def other_times(explanation: Explanation) -> list[float]:
    """Of a clip the further moments that movements are shown at, in order: those of the strongest, at most MAX_OTHERS."""
    if count(explanation) < 2:
        return []
    times = [key_time(explanation)]
    for claim in _drawable_claims(cited_claims(explanation)):
        if claim.box and all(abs(claim.frame_time - time) > SAME_MOMENT for time in times):
            times.append(claim.frame_time)
    return sorted(times[1:MAX_OTHERS + 1])


def claims_shown_at(explanation: Explanation, time: float) -> list[Claim]:
    """The cited movements whose region belongs to the picture of a moment: in a clip the face moves on."""
    there = _drawable_claims(cited_claims(explanation))
    return there if count(explanation) < 2 else [claim for claim in there if abs(claim.frame_time - time) <= SAME_MOMENT]


def value_of(intensity: float) -> float:
    return 0.0 if math.isnan(intensity) else intensity


def _key_claim(explanation: Explanation) -> Claim | None:
    present = [claim for claim in movement_claims(explanation) if claim.polarity == "present" and claim.region]
    return max(present, key=lambda claim: value_of(claim.intensity), default=None)


def _drawable_claims(claims: list[Claim]) -> list[Claim]:
    return [claim for claim in claims if len(claim.region) > 2 and claim.polarity == "present"]
