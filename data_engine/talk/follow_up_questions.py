"""Questions that only make sense after another one, and what they ask for then.

`follow.txt` holds their wordings as `wordings/*.txt` hold those of first questions, under the kind of what is asked. What may
follow on a call, and with which call, stands here.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data_engine.talk.question_grammar import ADJECTIVE, NOUN, SPOKEN_PARTS, is_held_out, read_wordings, scribble, speak
from emollm.schema import AUS, LABELS
from emollm.talk.terms.call import Call
from emollm.talk.terms.words import say

OF_A_MOVEMENT = ("there", "absent", "strength", "side", "when", "cause")
OF_THE_READING = ("label", "is", "whynot", "why", "mood", "sure", "other", "toward", "words")
OF_THE_WHOLE = ("movements", "count", "rest", "strongest")
ASKED_ANEW = ("whynot", "toward", "listed")  # "and fear?" asks the same of fear; after the others of the reading, whether it is
LEVELS = (0, 1, 2, 3, 4, 5, 1.5, 2.5, 3.5)
Units = tuple[str, ...]


@dataclass(frozen=True)
class FollowUp:
    """One way to go on. kind: heading in follow.txt; call: what it asks for, or how that follows from the movement that its
    wording speaks of; slots: of the wording."""

    kind: str
    call: Call | Callable[[Units], Call]
    slots: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0


@functools.cache
def follow_ups() -> dict[str, tuple[str, ...]]:
    """Kind -> wordings, of follow.txt, each once."""
    return read_wordings(Path(__file__).parent / "follow.txt")


def draw_follow_up(rng: random.Random, call: Call, strongest: str = "", second: str = "",
                   held: bool = False) -> tuple[str, Call] | None:
    """A question that follows on a call, with the call that it asks for.

    strongest: unit that the look-up of the call found the strongest; second: label that it found next to the first. held: in
    wordings that are held out of training. None where nothing follows, or no wording is held out.
    """
    every = [*follow_up_ways(rng, call, strongest, second)]
    wordings = [[w for w in follow_ups()[way.kind] if is_held_out(w) == held] for way in every]
    choices = [(way, lines) for way, lines in zip(every, wordings, strict=True) if lines]
    if not choices:
        return None
    way, lines = rng.choices(choices, [way.weight for way, _ in choices])[0]
    wording, slots, asked = rng.choice(lines), way.slots, way.call
    if not isinstance(asked, Call):
        units, spoken = speak(rng, wording)
        asked, slots = asked(units), slots | spoken
    text = say(rng, say(rng, wording).format(**{k: say(rng, v) for k, v in slots.items()}))
    return (text if held else scribble(rng, text)), asked


def follow_up_ways(rng: random.Random, call: Call, strongest: str, second: str) -> Iterator[FollowUp]:
    """Every way to go on after a call; arguments as of `draw_follow_up`."""
    if call.name in OF_A_MOVEMENT:
        yield from _movement_follow_ups(rng, call)
    elif strongest:
        yield from _movement_follow_ups(rng, Call("strength", ((strongest,),)))
    if call.name in OF_THE_READING:
        yield from _reading_follow_ups(rng, call, second)
    if call.name == "au":
        yield from _unit_follow_ups(call)
    yield from _whole_face_follow_ups(call)
    yield from _repeating_follow_ups(rng, call)
    yield FollowUp("thanks", Call("thanks"), weight=0.3)
    yield FollowUp("unclear", Call("unclear"), weight=0.2)


def _whole_face_follow_ups(call: Call) -> Iterator[FollowUp]:
    """After a question about all that moves: another one, or in another style."""
    if call.name in OF_THE_WHOLE:
        yield from (FollowUp(name, Call(name)) for name in ("weakest", "still", "sides", "order", "count") if name != call.name)
    if call.name in ("movements", "count", "rest", "why", "tell"):
        yield FollowUp("strongest", Call("strongest"))
    if call.name in ("count", "strongest", "label"):
        yield FollowUp("movements", Call("movements"))
    if call.name in ("movements", "why", "tell", "label"):
        yield from (FollowUp(f"tell {style}", Call("tell", word=style), weight=0.5)
                    for style in ("short", "plain", "child", "bullets", "coder", "json", "formal") if style != call.word)


def _repeating_follow_ups(rng: random.Random, call: Call) -> Iterator[FollowUp]:
    """The same again: of another label, part, moment or level, or because the answer did not please."""
    if call.name in ASKED_ANEW:
        label = rng.choice(LABELS)
        yield FollowUp("listed L", Call(call.name, label=label), _label_slots(label), 2)
    if call.name == "listed":
        yield FollowUp("is L here", Call("is", label=call.label), _label_slots(call.label), 2)
    if call.name == "part":
        part = rng.choice(list(SPOKEN_PARTS)[:6])
        yield FollowUp("part P", Call("part", word=part), {"p": f"[{'|'.join(SPOKEN_PARTS[part])}]"}, 3)
    if call.name == "at" and call.time is not None:
        seconds = rng.randint(0, 99) / rng.choice((1, 10))
        yield FollowUp("at T", Call("at", time=seconds), {"t": f"{seconds:g}"}, 3)
    if call.name == "refuse":
        yield FollowUp("again", call, weight=3)
    if call.name == "smile":
        yield FollowUp("smile", call, weight=2)
        yield FollowUp("duchenne", Call("topic", word="duchenne"))
    if call.name == "edit" and len(call.edits) == 1:
        yield _edit_follow_up(rng, next(iter(call.edits)))


def _movement_follow_ups(rng: random.Random, call: Call) -> Iterator[FollowUp]:
    one, first = call.units[:1], call.units[0][0]
    yield from (FollowUp(f"{name} M", Call(name, one), weight=1.5)
                for name in ("strength", "side", "when", "cause") if name != call.name)
    side = rng.choice(("left", "right"))
    yield FollowUp("there SIDE", Call("strength" if call.name == "strength" else "there", one, side=side), {"side": side}, 2)
    yield FollowUp("same M2", lambda units: Call(call.name, (units,)), weight=3)
    yield from (FollowUp(f"au U{aspect}", Call("au", ((first,),), word=aspect.strip()), weight=0.6)
                for aspect in ("", " muscle", " looks", " alike", " readings"))
    yield FollowUp("edit AU=0", Call("edit", edits={first: 0.0}))
    yield _edit_follow_up(rng, first)
    if call.name in ("there", "absent"):
        yield FollowUp("there M", call, weight=2.5)
        yield FollowUp("edit AU=3", Call("edit", edits={first: 3.0}))


def _edit_follow_up(rng: random.Random, au: str) -> FollowUp:
    level = rng.choice(LEVELS)
    return FollowUp("edit AU=V", Call("edit", edits={au: float(level)}), {"v": f"{level:g}"})


def _reading_follow_ups(rng: random.Random, call: Call, second: str) -> Iterator[FollowUp]:
    label = rng.choice(LABELS)
    yield from (FollowUp(name, Call(name), weight=2) for name in ("sure", "why") if name != call.name)
    asks = ("whynot", "toward") if call.name in ASKED_ANEW else ("whynot", "toward", "is")
    yield from (FollowUp(f"{name} L", Call(name, label=label), _label_slots(label), 1.5) for name in asks)
    if second:
        yield from (FollowUp(f"{name} second", Call(name, label=second), weight=3) for name in ("whynot", "toward"))


def _unit_follow_ups(call: Call) -> Iterator[FollowUp]:
    first = call.units[0][0]
    yield FollowUp("au V", lambda units: Call("au", (units[:1],), word=call.word), weight=3)
    yield from (FollowUp(f"au U {aspect}", Call("au", call.units[:1], word=aspect))
                for aspect in ("muscle", "looks", "alike", "readings") if aspect != call.word)
    if int(first[2:]) in AUS:
        yield from (FollowUp(f"{name} U", Call(name, ((first,),)), weight=2) for name in ("there", "strength"))


def _label_slots(label: str) -> dict[str, str]:
    return {"adj": ADJECTIVE[label], "emotion": NOUN[label]}


