"""Questions about time, by their own words: does it last, does it stop, how often, how long, which is first, what is beside it.

What is asked about is the movement that the question names, or that was understood, or, where a question names none ("when
exactly?", "and how often?", "which came first?"), what was talked of before.
"""

from __future__ import annotations

import re
from dataclasses import replace

from emollm.schema import AUS
from emollm.talk.hearing import time_words as say
from emollm.talk.hearing.call_rules import SHIFT, SPOKEN_PARTS, labels_in
from emollm.talk.hearing.movement_names import movements_in, without_movements
from emollm.talk.hearing.refusal_words import reason
from emollm.talk.lookups.movement import OPPOSITES
from emollm.talk.terms.call import PARTS_OF_FACE, Call, parse
from emollm.talk.terms.finding import words_of
from emollm.talk.terms.stretches import around

Units = tuple[tuple[str, ...], ...]

# Calls that a question of time may have been taken for; any other was understood as something else.
TAKEN_FOR = (
    "there", "absent", "strength", "side", "when", "strongest", "weakest", "rest", "movements", "still", "part", "count",
    "order", "course", "moments", "at", "smile", "label", "is", "other", "mood", "unclear",
)
READ = (*TAKEN_FOR, "sure", "words", "tell", "why", "toward", "offtopic")  # and a question of how the reading goes on
OF_MOVEMENTS = ("there", "absent", "strength", "side", "when", "cause", "at", "order", "moments", "lasts", "pauses", "often",
                "long", "pace", "before", "after", "au")
REPEATED = ("when", "lasts", "pauses", "often", "long", "pace", "before", "after")  # asked again of another: "and the lips?"
TOLD_WITH_TIMES = ("strongest", "weakest", "longest", "shortest", "moments", "course", "order")
OF_ALL = (*TOLD_WITH_TIMES, "movements", "count", "rest", "tell", "still")
ASKED_WHEN = ("when", "is", "at", "moments", "course", "order", "unclear", "label", "toward")
OF_THE_READING = ("change", "turns", "is", "label", "mood")
KNOWN = ("refuse", "grounds", "edit", "toward", "topic", "listed", "apart", "who", "faces")  # are never of a moment here
OF_A_MOMENT = (*TAKEN_FOR, "sides", "sure", "words", "why")
NOT_OF_TIME = ("refuse", "edit", "toward")  # what is asked after them is about them
# What is meant by a part of the face where its movement is timed.
PART_MOVES = {
    "brows": ("AU01", "AU02", "AU04"), "eyes": ("AU43", "AU45"), "nose": ("AU09",), "cheeks": ("AU06",),
    "chin": ("AU17",), "mouth": ("AU25", "AU26", "AU27"), "jaw": ("AU26", "AU27"),
}
CLOSED = ("AU43", "AU45")
STEP = 0.5  # s between a moment and what was there just before or after it
_PART = {form: part for part, words in SPOKEN_PARTS.items() for word in words for form in (word, word.removesuffix("s"))}
_PART |= {"jaw": "jaw"}
_ENDS = {"start": "start", "beginning": "start", "middle": "middle", "end": "end"}
_SPREAD = (("often", say.OFTEN), ("long", say.LONG), ("pauses", say.STOPS), ("lasts", say.WHOLE))


def correct_time_question(call: Call, question: str, earlier: list[str]) -> Call:
    """The call that a question's words of time leave no choice about. earlier: the calls of the conversation, oldest first."""
    text = say.ASIDE.sub(" ", say.TAIL.sub(" ", question.lower().replace("\u2019", "'")))
    past = [parse(one) for one in earlier]
    if reason(text) or call.is_particular:
        return call
    for rule in (_pace, _at_a_time):
        if call.name not in KNOWN and (asked := rule(call, text, past)):
            return asked
    if (turn := _short_turn(call, text, past)) is not None:
        return turn
    for rule in (_reading_course, _first_of_two, _spread):
        if (asked := rule(call, text, past)) is not None and _may_have_been(call, text, asked):
            return asked
    return call


def _may_have_been(call: Call, text: str, asked: Call) -> bool:
    """Whether a question for `asked` may have been taken for the call; another subject that was understood stays."""
    if call.name in TAKEN_FOR or _names_little(text):
        return True
    if call.name in ("topic", "offtopic") and say.IN_THIS_CLIP.search(text):
        return True
    if call == Call("topic", word="baseline"):  # "does he always smile?"
        return bool(say.OF_THIS_FACE.search(text))
    if asked.name in ("change", "turns"):
        return call.name in READ or (call == Call("refuse", word="feelings") and not say.FELT.search(text))
    return call.name == "offtopic" and bool(movements_in(text) or say.UNITS.search(text))


# ---- what is talked of


def _units_of(call: Call) -> Units:
    """The movements that a call is about; a part of the face by how it moves."""
    if call.name == "part" and call.word in PART_MOVES:
        return (PART_MOVES[call.word],)
    return call.subjects if call.name in (*OF_MOVEMENTS, "smile") else ()


def _last_units(past: list[Call]) -> Units:
    """The movements that were last talked of."""
    return next((units for one in reversed(past) if (units := _units_of(one))), ())


def _last_two(past: list[Call]) -> Units:
    """The last two movements that were talked of, in the order in which they were."""
    told: list[tuple[str, ...]] = []
    for one in reversed(past):
        told += [units for units in reversed(_units_of(one)) if units not in told]
    return tuple(reversed(told[:2]))


def parts_in(text: str) -> list[str]:
    """The parts of the face that a text of small letters names, in order."""
    return list(dict.fromkeys(_PART[word] for word in re.findall(r"[a-z]+", text) if word in _PART))


def _parts_in(text: str) -> Units:
    """How the parts of the face that a text names move."""
    return tuple(dict.fromkeys(PART_MOVES[part] for part in parts_in(text) if part in PART_MOVES))


def _subject(call: Call, text: str, past: list[Call]) -> Units:
    """What a question is about: named in it, talked of before where it names nothing, understood by the model, or a part of
    the face."""
    if named := movements_in(text):
        return _as_heard(named, call)
    if _names_nothing(text):
        return _last_units(past) or call.units
    return (call.units if call.name in OF_MOVEMENTS else ()) or _parts_in(text)


def _named_or_told(call: Call, text: str, past: list[Call]) -> Units:
    """The movements that a question names, also as parts of the face, or takes up ("does it come suddenly?")."""
    told = _last_units(past) if (say.IT.search(text) and not parts_in(text)) or not call.units else ()
    heard = call.units if call.name in OF_MOVEMENTS else ()
    return _as_heard(movements_in(text), call) or told or heard or _parts_in(text)


def _as_heard(named: list[tuple[str, ...]], call: Call) -> Units:
    """The movements that a question names; closed eyes with blinks, where the model heard that."""
    return tuple(CLOSED if units == ("AU43",) and CLOSED in call.units else units for units in named)


def _names_nothing(text: str) -> bool:
    return words_of(text) <= say.FILL


def _names_little(text: str) -> bool:
    """Whether a text names a movement or a label and holds nothing else but words of time: "always smiling?"."""
    return {word for word in words_of(without_movements(text)) if not labels_in(word)} <= say.FILL


# ---- turns of a few words


def _short_turn(call: Call, text: str, past: list[Call]) -> Call | None:
    """A turn that names nothing of its own: "when exactly?", "how often?", "first?", "and 10?", "same for the lips"."""
    if not past or past[-1].name in NOT_OF_TIME or say.CLIP_LENGTH.search(text) or (call.name == "at" and SHIFT.search(text)):
        return None
    last = past[-1]
    if (number := say.NUMBER.match(text)) and (asked := _with_number(int(number[1]), past)):
        return asked
    if moment := say.MOMENT.match(text):
        return _at_moment(moment, last)
    if last.name in ("at", *REPEATED) and (again := _asked_again(last, text)):
        return again
    if not _names_nothing(text):
        return None
    return _bare_reading(text, last) if last.name in OF_THE_READING else _bare(text, past)


def _with_number(number: int, past: list[Call]) -> Call | None:
    """ "and 10?": the same of another unit, or at another second."""
    if past[-1].name == "at" and past[-1].time is not None:
        return replace(past[-1], time=float(number))
    about = next((one for one in reversed(past) if one.units and one.name in OF_MOVEMENTS), None)
    if about is None:
        return None
    units = ((f"AU{number:02d}",),)
    return replace(about, units=units) if number in AUS else Call("au", units)


def _at_moment(moment: re.Match, last: Call) -> Call | None:
    """ "and at the end?": the movement that was talked of, then."""
    units = (_of_part(last.word),) if last.name == "part" else _units_of(last) if last.name != "au" else ()
    time = float(moment[2]) if moment[2] else None
    return Call("at", units, word=_ENDS.get(moment[1], ""), time=time) if units else None


def _of_part(part: str) -> tuple[str, ...]:
    return PARTS_OF_FACE["chin" if part == "jaw" else part]


def _asked_again(last: Call, text: str) -> Call | None:
    """ "and the lips?" after a question of time: the same of these."""
    named, rest = tuple(movements_in(text)), words_of(without_movements(text))
    parts = [_PART[word] for word in sorted(rest & set(_PART))]
    if not (named or parts) or not rest <= say.AGAIN | set(_PART):
        return None
    if last.name == "at":
        return replace(last, units=named or tuple(map(_of_part, parts)))
    return replace(last, units=named or tuple(PART_MOVES[part] for part in parts if part in PART_MOVES))


def _bare_reading(text: str, last: Call) -> Call | None:
    """When, how long or how often, after a question about the reading."""
    if say.IT_CHANGES.search(text) and not say.BARE_WHEN.search(text):
        return Call("change")
    if not any(pattern.search(text) for pattern in (say.BARE_WHEN, say.LONG, say.OFTEN, say.WHOLE, say.STOPS, say.ANY_TIME)):
        return None
    turns = last.name == "turns" or (last.name == "change" and not last.label)
    return Call("turns") if turns else Call("change", label=last.label)


def _bare(text: str, past: list[Call]) -> Call | None:
    """When, how long, how often, which first or what beside it, of what was talked of."""
    units, last = _last_units(past), past[-1]
    if last.name in OF_ALL and not last.units:
        return _bare_of_all(text, last)
    beside = say.BESIDE.search(text)
    if not units and not (beside and last.name == "at"):
        return None
    if beside and not say.LONG.search(text) and not say.BARE_FIRST.search(text):
        return _beside_last(beside, last, units)
    if say.LONGER.search(text):
        return Call("long", units)
    if say.PEAK.search(text) and last.name != "at" and not movements_in(text):
        return Call("pace" if last.name == "when" else "when", units)
    if asked := next((name for name, pattern in _SPREAD if pattern.search(text)), ""):
        return Call(asked, units)
    if say.BARE_FIRST.search(text) and not say.EVERYTHING_FIRST.search(text):
        two = _last_two(past)
        return Call("order", two) if len(two) == 2 else Call("often", two)
    if not say.BARE_WHEN.search(text) or last.name == "at":
        return None
    return last if last.name == "part" else Call("when", units)  # every movement of the part is told with its time


def _bare_of_all(text: str, last: Call) -> Call | None:
    """The same after a question about the whole face."""
    if say.LONG.search(text):
        return Call("longest")
    if say.BARE_FIRST.search(text):
        return Call("order")
    if say.BARE_WHEN.search(text) and not say.OFTEN.search(text):
        return last if last.name in TOLD_WITH_TIMES else Call("course")
    return None


def _beside_last(beside: re.Match, last: Call, units: Units) -> Call | None:
    """The moment before or after what was last talked of."""
    if last.name == "at":
        step = -STEP if beside["before"] else STEP
        return replace(last, time=max(0.0, round(last.time + step, 2)), units=()) if last.time is not None else None
    return Call("before" if beside["before"] else "after", units)


# ---- the moment of something, and how fast


def _pace(call: Call, text: str, past: list[Call]) -> Call | None:
    """How fast a movement comes and goes, or its onset, apex and offset."""
    units = _named_or_told(call, text, past) if say.PACE.search(text) and not say.IN_GENERAL.search(text) else ()
    return Call("pace", units) if units else None


def _at_a_time(call: Call, text: str, past: list[Call]) -> Call | None:
    """A movement, a part of the face, the sides or the reading at a second that is named."""
    moment = say.AT.search(text)
    if not moment or call.name not in (*OF_A_MOMENT, "part"):
        return None
    time = float(moment["n"] or moment["k"])
    named, parts = _as_heard(movements_in(text), call), parts_in(text)
    units = named or (call.units if call.name == "at" else ()) or tuple(map(_of_part, parts))
    if call.name in ("side", "sides") or say.SIDED.search(text):
        return Call("side" if named else "sides", named, within=(around(time),))
    if call.name in ("label", "is", "sure", "why", "mood", "words"):
        return replace(call, within=(around(time),))
    return Call("at", units, time=time) if units or call.name == "unclear" else None


# ---- questions that name what they are about


def _reading_course(call: Call, text: str, past: list[Call]) -> Call | None:
    """How the reading goes through the clip: "does his mood change?", "is she happy the whole time?"."""
    if call == Call("label") and say.MOSTLY.search(text):
        return Call("change")  # "which label is it most of the time?"
    if movements_in(text) or say.NOT_COURSE.search(text):
        return None
    spread = any(pattern.search(text) for _, pattern in _SPREAD)
    when = say.WHEN.search(text)
    dated = when and call.name in ASKED_WHEN and not say.IMAGINED.search(text)
    shown = say.EXPRESSION.search(text) and say.EXPRESSION_CHANGES.search(text) and (when or not say.WH.search(text))
    changes = shown or (say.READING.search(text) and say.CHANGES.search(text))
    labels = labels_in(text) if spread or dated or changes else []
    if labels:
        return Call("change", label=labels[0]) if len(labels) == 1 and (spread or dated) and not _parts_in(text) else None
    return Call("turns" if when or say.OFTEN.search(text) else "change") if changes else None


def _first_of_two(call: Call, text: str, past: list[Call]) -> Call | None:
    """Two movements and a word for their order."""
    if not say.ORDER.search(text) or say.STRONGER.search(text):
        return None
    both = _as_heard(movements_in(text), call)
    if len(both) < 2 <= len(call.units):
        return Call("order", call.units)
    if len(both) < 2:
        moving = [word for word in _PART if re.search(rf"\b{word}\b{say.MOVES}", text)]
        parts = [units for units in _parts_in(" ".join(moving)) if not any({*units} & {*one} for one in both)]
        both = tuple(sorted((*both, *parts), key=lambda units: _place_of(text, units)))
    return Call("order", both) if len(both) > 1 else None


def _place_of(text: str, units: tuple[str, ...]) -> int:
    """Where a text first names a movement, or the part of the face that it is of."""
    words = text.split()
    return next((k for k in range(1, len(words) + 1) if units in (*movements_in(" ".join(words[:k])), *_parts_in(
        " ".join(words[:k])))), len(words))


def _spread(call: Call, text: str, past: list[Call]) -> Call | None:
    """Does a movement last, does it stop, how often and how long is it there."""
    units = _subject(call, text, past)
    if not units or say.IN_GENERAL.search(text):
        return None
    asked = next((name for name, pattern in _SPREAD if pattern.search(text)), "")
    if say.UNTIL.search(text):
        return Call("when", units)
    if not asked or (asked in ("pauses", "lasts") and say.WH.search(text)) or (asked == "lasts" and say.GROWS.search(text)):
        return None
    denied = call.name == "absent" and say.DENIED.search(text)
    if denied and asked == "lasts" and not all(one in OPPOSITES for one in units):
        return Call("absent", units)  # said as it is, with its times: neither yes nor no could be understood
    return Call(asked, units)
