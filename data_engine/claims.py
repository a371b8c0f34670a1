"""What can be said of one face, before any word of it: claims with their units, their value and where each comes from.

A claim is made only when it holds by a margin, so that neither a small model nor a reader has to split hairs: a rank needs a
lead, a side a clear gap, an order a clear delay. What speaks for or against a label,
what goes together and what else a movement may come from is looked up in the published tables (emollm.facs), never made up.

This is the writer's own reading of the measurement. The verifier (emollm.answer.verify) has another one, of the finished text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from emollm.answer import prompt
from emollm.answer.prompt import Observation
from emollm.facs.readings import relation
from emollm.facs.tables import COMBINATIONS, OTHER_READINGS, VARIANTS, Combination
from emollm.facs.units import UPPER_FACE
from emollm.perception.events import peaks, side_and_strength
from emollm.schema import AU_NAMES, MICRO_SECONDS, OFF, AUEvent, AUSeries

LEAD = 0.8  # intensity by which "the strongest" must lead: half of that is what two FACS coders differ by
ONE_SIDED = 1.5  # left-right gap from which a side is told in words; the lines name it from 1.0 on
CLEAR = 1.8  # a movement this strong is told of by itself: above FACS level A, whoever measures
AGAINST = 2.0  # strength from which a movement is worth an objection
LATER = 0.4  # s between onsets that are told as one after the other
SAME_TIME = 0.1  # s between onsets that are told as one moment
MEASUREMENT = "measurement"
SAME_AGAIN = ("a relaxed jaw", "a relaxed mouth", "an ordinary blink", "a long blink")  # causes that only repeat the movement
COMMON = ("AU25", "AU26")  # listed for nearly every label and seen in speech: no support by themselves, but for surprise
# What may be told to be still: all of these units measured as absent.
STILL = {"brows": ("AU01", "AU02", "AU04"), "lips": ("AU22", "AU25", "AU26", "AU27"), "nose": ("AU09",)}


@dataclass(frozen=True)
class DraftClaim:
    """One thing that is so. `value`: a strength 0-5, seconds, a word, or several; `source`: measurement, or which table."""

    kind: str
    units: tuple[str, ...] = ()
    value: object = None
    source: str = MEASUREMENT

    def to_json(self) -> dict:
        return {"kind": self.kind, "units": list(self.units), "value": self.value, "source": self.source}


class DraftFace:
    """One face's measurement as the writer needs it: the observation lines, and what lies between the lines."""

    def __init__(self, series: AUSeries, observations: list[Observation]):
        left, right, visible = peaks(series)
        strength = side_and_strength(left, right)[1]
        self.there = {o.au: o for o in observations}  # in FACS order
        self.strength = {au: float(strength[k]) if visible[k] else math.nan for k, au in enumerate(AU_NAMES)}
        self.gap = {au: float(left[k] - right[k]) for k, au in enumerate(AU_NAMES)}  # left minus right
        self.clip = len(series.times) > 1
        self.start, self.end = float(series.times[0]), float(series.times[-1])
        self.seen = bool(visible.any())

    def lacks(self, units: tuple[str, ...]) -> bool:
        """Whether all of them were measured as not there. A blink is not told apart from closed eyes in a photo."""
        return all(self.strength[au] <= OFF for au in units)

    def movements_by_strength(self) -> list[Observation]:
        return sorted(self.there.values(), key=lambda o: -o.intensity)

    def movements_in_order(self, units) -> list[Observation]:
        """Movements in the order of the observation lines: a text that follows it names none of them twice."""
        return [o for au, o in self.there.items() if au in units]


# ---- what moves ---------------------------------------------------------------------------------------------------------


def movements(face: DraftFace) -> list[DraftClaim]:
    """Claims about the movements, their time aside: what is there, together, strongest, where, on which side, what is still."""
    if not face.seen:
        return [DraftClaim("unmeasured")]
    if not face.there:
        return [DraftClaim("rest"), *_absence_claims(face)]
    return [*patterns(face), *_presence_claims(face), *_rank(face), *_place(face), *_side(face), *_still_claims(face)]


def patterns(face: DraftFace) -> list[DraftClaim]:
    """Combinations that the tables know, largest first; one that is part of a larger one is left out."""
    there = {au: o.side for au, o in face.there.items()}
    absent = [au for au in AU_NAMES if face.lacks((au,))]
    combinations = [c for c in COMBINATIONS if c.holds(there, absent) and _holds_clearly(c, face)]
    combinations = [c for c in combinations if not any(c.aus < d.aus for d in combinations)]
    by_size = sorted(combinations, key=lambda c: -len(c.aus))
    return [DraftClaim("pattern", tuple(sorted(c.aus)), c.name, c.source) for c in by_size]


def _holds_clearly(c: Combination, face: DraftFace) -> bool:
    """Whether one that holds does so by a margin: its sides a clear gap apart, or all of it on both sides and at one time."""
    if c.one_sided:
        return all(abs(face.gap[au]) >= ONE_SIDED for au in c.aus)
    return all(face.there[au].side == "both" for au in c.aus) and _are_simultaneous(face.movements_in_order(c.aus))


def _are_simultaneous(group: list[Observation]) -> bool:
    """Whether there is a moment at which all of them are under way."""
    spans = [o.interval for o in group if o.interval]
    return not spans or min(off for _, off in spans) - max(on for on, _ in spans) > SAME_TIME


def _presence_claims(face: DraftFace) -> list[DraftClaim]:
    """The strongest movements, as many as a sentence holds, or the only one."""
    if len(face.there) == 1:
        only = next(iter(face.there.values()))
        return [DraftClaim("only", (only.au,), only.intensity)]
    claims = []
    for n in (2, 3):
        if len(face.there) >= n:
            group = face.movements_in_order({o.au for o in face.movements_by_strength()[:n]})
            claims.append(DraftClaim(f"there{n}", tuple(o.au for o in group), [o.intensity for o in group]))
    return claims


def _rank(face: DraftFace) -> list[DraftClaim]:
    ranked = face.movements_by_strength()
    if len(ranked) < 2 or ranked[0].intensity - ranked[1].intensity < LEAD:
        return []
    return [DraftClaim("strongest", (ranked[0].au,), ranked[0].intensity)]


def _place(face: DraftFace) -> list[DraftClaim]:
    """That both halves of the face take part. That one of them is alone says that every unit of the other is absent: a
    model that learns it says it too often (10 of 27 wrong statements)."""
    halves = [[o for o in face.there.values() if (o.au in UPPER_FACE) == upper] for upper in (True, False)]
    clear = all(any(o.intensity >= CLEAR for o in half) for half in halves)
    return [DraftClaim("place", tuple(face.there), "both")] if clear else []


def _side(face: DraftFace) -> list[DraftClaim]:
    uneven = [o for o in face.movements_by_strength() if o.side != "both"]
    if uneven and abs(face.gap[uneven[0].au]) >= ONE_SIDED and uneven[0].intensity >= CLEAR:
        return [DraftClaim("side", (uneven[0].au,), uneven[0].side)]
    return []


def _still_claims(face: DraftFace) -> list[DraftClaim]:
    """A part that stays at rest while another clearly moves."""
    upper = any(o.au in UPPER_FACE and o.intensity >= CLEAR for o in face.there.values())
    lower = any(o.au not in UPPER_FACE and o.intensity >= CLEAR for o in face.there.values())
    worth = {"brows": lower, "lips": upper, "nose": "AU10" in face.there or "AU04" in face.there}
    return [DraftClaim("still", units, part) for part, units in STILL.items() if worth[part] and face.lacks(units)]


def _absence_claims(face: DraftFace) -> list[DraftClaim]:
    return [DraftClaim("still", units, part) for part, units in STILL.items() if face.lacks(units)]


# ---- time -----------------------------------------------------------------------------------------------------------------


def moments(face: DraftFace) -> list[DraftClaim]:
    """What a clip's movements do in time: which comes first and what follows, what is brief, what lasts; nothing in a photo."""
    timed = sorted((o for o in face.there.values() if o.interval), key=lambda o: o.interval[0])
    if not face.clip or not timed:
        return []
    return [*_sequence(timed), *_simultaneity_claims(timed), *_lengths(timed, face)]


def _sequence(timed: list[Observation]) -> list[DraftClaim]:
    """The movements in the order in which they start, as far as each is clearly later than the one before; at most three."""
    run = timed[:1]
    for o in timed[1:3]:
        if o.interval[0] - run[-1].interval[0] < LATER:
            break
        run.append(o)
    if len(run) < 2:
        return []
    return [DraftClaim(f"sequence{len(run)}", tuple(o.au for o in run), [round(o.interval[0], 1) for o in run])]


def _simultaneity_claims(timed: list[Observation]) -> list[DraftClaim]:
    if len(timed) > 1 and timed[-1].interval[0] - timed[0].interval[0] <= SAME_TIME:
        return [DraftClaim("at once", tuple(sorted(o.au for o in timed)), round(timed[0].interval[0], 1))]
    return []


def _lengths(timed: list[Observation], face: DraftFace) -> list[DraftClaim]:
    claims = []
    for o in timed:
        length = o.interval[1] - o.interval[0]
        if length <= MICRO_SECONDS:
            claims.append(DraftClaim("brief", (o.au,), round(length, 1)))
        elif o.interval[0] - face.start <= SAME_TIME and face.end - o.interval[1] <= SAME_TIME:
            claims.append(DraftClaim("throughout", (o.au,), round(length, 1)))
    longest = max(timed, key=lambda o: o.interval[1] - o.interval[0])
    length = longest.interval[1] - longest.interval[0]
    others = [o.interval[1] - o.interval[0] for o in timed if o is not longest]
    if others and length - max(others) >= 2 * LATER:
        claims.append(DraftClaim("lasts", (longest.au,), round(length, 1)))
    return claims


# ---- what it may mean -----------------------------------------------------------------------------------------------------


def causes(face: DraftFace) -> list[DraftClaim]:
    """What the strongest movements may come from apart from emotion; what two of them share comes first."""
    by_unit = {o.au: [r for r in OTHER_READINGS[o.au] if r not in SAME_AGAIN] for o in face.movements_by_strength()[:3]}
    users = {r: tuple(sorted(au for au in by_unit if r in by_unit[au])) for readings in by_unit.values() for r in readings}
    claims = [DraftClaim("shared cause", units, r, "OTHER_READINGS") for r, units in users.items() if len(units) > 1]
    for au, readings in by_unit.items():
        claims += [DraftClaim("cause", (au,), r, "OTHER_READINGS") for r in readings]
        if len(readings) > 1:
            claims.append(DraftClaim("causes", (au,), readings[:2], "OTHER_READINGS"))
    return claims


def support(label: str, face: DraftFace) -> DraftClaim:
    """What a conclusion rests on: the movements that are there and that a table lists for it, or that none is.

    Every one is named, up to the three strongest, in the order of the lines: "which of these are listed?" has one answer.
    """
    if not face.seen:
        return DraftClaim("unseen", (), label)
    listed = [o for o in face.movements_by_strength() if relation(label, o.au) == "for"]
    if not listed:
        at_rest = "no movement" if label == "neutral" else "look at rest"
        return DraftClaim("look" if face.there else at_rest, (), label)
    telling = [o for o in listed if o.au not in COMMON or label == "surprise"]
    chosen = face.movements_in_order({o.au for o in (telling or listed)[:3]})
    units = tuple(o.au for o in chosen)
    return DraftClaim(f"support{len(units)}" if telling else "common", units, label, _sources(label, units))


def _sources(label: str, units: tuple[str, ...]) -> str:
    """The listing that names most of them, and the others' first ones."""
    listings = [v for v in VARIANTS if v.label == label]
    best = max(listings, key=lambda v: len(v.aus.keys() & set(units)))
    rest = [next(v.source for v in listings if au in v.aus) for au in units if au not in best.aus]
    return "; ".join(dict.fromkeys([best.source, *rest]))


def objection(label: str, face: DraftFace) -> DraftClaim | None:
    """The strongest movement against a label, when it is clear."""
    against = [o for o in face.movements_by_strength() if relation(label, o.au) == "against"]
    if not against or against[0].intensity < AGAINST:
        return None
    return DraftClaim("against", (against[0].au,), label, "emollm.facs.readings.relation")


def observe_face(series: AUSeries, events: list[AUEvent], rng=None) -> DraftFace:
    """A face with its observation lines; `rng` picks among their looks."""
    return DraftFace(series, prompt.observe(series, events, rng))
