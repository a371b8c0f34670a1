"""The talker: a language model that reads a question, has it looked up, and words the answer; every answer is checked.

    0 split     a message that plainly asks several things, into its questions
    1 call      the model writes what to look up            "there AU12"
    2 look_up   the measurement answers                     "yes; AU12 lip corner puller ...: 3.4 pronounced, both sides"
    3 write     the model words it                          "Yes: the mouth corners are raised (AU12, 3.4 pronounced)."
                (knowledge, refusals and small talk are given as they were looked up)
    4 check     an answer that the measurement, or what was looked up, does not bear out is replaced by the plain one

`steps` is these as a generator that asks whoever runs it for the model's words, so that a model in this process and a
server's engine, which must not be waited for, go the same way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from emollm.talk.check import find_faults
from emollm.talk.dialogue import CALL_TOKENS, REPLY_TOKENS, Exchange
from emollm.talk.hearing.call_rules import correct_by_reading, correct_call, part_in
from emollm.talk.hearing.finer import finer, less_of
from emollm.talk.hearing.message_questions import held_against, premise_of, questions_in
from emollm.talk.hearing.stretch_questions import hold_to_stretch
from emollm.talk.hearing.time_questions import correct_time_question
from emollm.talk.hearing.which_face import find_compared, find_face, names_one, talks_of_two
from emollm.talk.lookups.lookup import OF_THE_FACE, look_up
from emollm.talk.lookups.spans import span_words
from emollm.talk.lookups.timing import face_at_its_time, settle_moment
from emollm.talk.shapes import AT_ONCE, STYLE, Shape, reshape, shape_in, wants_last
from emollm.talk.terms.call import STYLES, Call, parse
from emollm.talk.terms.face import Face
from emollm.talk.terms.feeling_words import NEAREST, feelings_in
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.stretches import split_stretches
from emollm.talk.terms.words import capitalise, say

OF_SEVERAL = ("faces", "recording", "outside", "at")  # what is told with the other faces of the picture or clip
KEPT = 6  # exchanges of a conversation that the model is given
OF_A_READING = ("why", "whynot", "label", "is", "intent", "other")
COMPARED = ("apart", "unclear", "sides", "sure", "label", "movements", "why")  # what a comparison of faces is taken for
SHAPED = (*OF_THE_FACE, "au", "listed", "apart", "topic")  # what a question may want in a shape of its own
COMPARE = Call("topic", word="compare")  # what can be compared; with several faces here, they are
NO_QUESTION = ("unclear", "offtopic", "thanks", "hello")  # beside a question that was understood, they need no answer
# Calls whose answer a wanted style can take the place of, and the styles: who asks what moves is told no less of it.
STYLED = {"why": STYLES, "label": STYLES, "movements": ("bullets", "coder", "json", "formal")}


class Writer(Protocol):
    """What writes: a language model in this process, or a server. own_words: see check.find_faults."""

    own_words: bool

    def write(self, exchanges: list[Exchange], most: int) -> Iterator[str]:
        """Pieces of what comes next in a conversation, the call or the answer of its last exchange, at most so many tokens."""


class Writers(Writer, Protocol):
    """A writer that goes on in many conversations at a time."""

    def write_all(self, many: list[list[Exchange]], most: int) -> list[str]:
        """As `write`, the whole of what comes next in each conversation."""


@dataclass
class Reply:
    """One answer. text: what is shown; written: what the model wrote; mended: why it was replaced, empty when it was not;
    before: what answers the earlier questions of the same message, which `text` begins with."""

    exchange: Exchange
    call: Call
    text: str = ""
    written: str = ""
    mended: list[str] = field(default_factory=list)
    face: Face | None = None  # that it is about
    before: list[Reply] = field(default_factory=list)

    @property
    def exchanges(self) -> list[Exchange]:
        """One a question of the message, for a conversation to go on from."""
        return [*(one.exchange for one in self.before), self.exchange]

    @property
    def about(self) -> str:
        """Name of the face, among several."""
        return self.face.name if self.face else ""

    @property
    def calls(self) -> list[Call]:
        return [*(one.call for one in self.before), self.call]


def style_of(written: str) -> str:
    """Of call.STYLES, what a client's system message asks for, from the call that the model hears in it; empty when it asks for
    none. Nothing else of such a message reaches an answer."""
    call = parse(written)
    return call.word if call.name == "tell" else ""


Asking = Generator[tuple[list[Exchange], int], str, Reply]  # asks for what comes next in a conversation, as Writer.write
FaceOf = Callable[[bool], "Face | None"]  # the face that is talked about; True: with the others of its picture


def steps(before: list[Exchange], message: str, face: FaceOf, style: str = "", checked: bool = True,
          own_words: bool = False) -> Asking:
    """Steps 0 to 4 for one message. before: the conversation so far; face: what is looked up, None without a
    picture; style: of call.STYLES, how explanations are wanted; checked: False shows what the model writes; own_words: of the
    check."""
    replies: list[Reply] = []
    asked = questions_in(message)
    stretches = split_stretches(asked[0])[1]  # of the first question, for those behind it that name none
    for question in asked:
        said = [*before, *(one.exchange for one in replies)]
        one = yield from _answer(said, question, face, style, checked, own_words, stretches)
        if not any(one.about == other.about and (one.call == other.call or one.text == other.text) for other in replies):
            replies.append(one)
    understood = [one for one in replies if one.call.name not in NO_QUESTION] or replies[:1]
    *earlier, last = understood
    return replace(last, text=_join_answers([one.text for one in understood]), before=earlier)


def _join_answers(texts: list[str]) -> str:
    """Answers as one: in a row, or below each other where one of them has lines of its own."""
    return ("\n\n" if any("\n" in text for text in texts) else " ").join(texts)


def _answer(before: list[Exchange], question: str, face: FaceOf, style: str, checked: bool, own_words: bool,
            stretches: tuple[str, ...] = ()) -> Asking:
    """Steps 1 to 4 for one question. stretches: that it is about where it names none."""
    before = before[-KEPT:]
    exchange = Exchange(question)
    call = hold_to_words((yield [*before, exchange], CALL_TOKENS), question, before, stretches)
    last, asked = before[-1].call if before else "", [question, *[e.question for e in reversed(before)]]
    if call.name in COMPARED and talks_of_two(asked):
        call = Call("faces")
    shape = shape_in(question)
    if before and before[-1].answer and wants_last(shape, call, question, parse(last)):
        exchange.call, exchange.facts = last, before[-1].facts  # what is asked next follows on what was told
        seen = _choose_face(parse(last), asked, face)
        exchange.answer = reshape(before[-1].answer, shape, parse(last), seen)
        heard = call if call.name == "tell" else Call("tell", word=STYLE.get(shape.kind, "bullets"))
        return Reply(exchange, heard, exchange.answer, exchange.answer, face=seen)
    if style in STYLED.get(call.name, ()) and not call.word:
        call = Call("tell", word=style)
    seen = _choose_face(call, asked, face)
    if seen:
        call = hold_to_face(call, question, last, seen)
        seen = face_at_its_time(call, seen)
    exchange.call = str(call)
    looked = look_up(call, seen)
    if shape and shape.kind in AT_ONCE and call.name in SHAPED and (shape != Shape("bullets") or call.name != "tell"):
        told = reshape(looked.answer(), shape, call, seen)
        looked = Finding([told], [told], whole=True)
    exchange.facts = looked.text()
    aloud = seen and (seen.aloud or seen.is_in_part) and call.name in OF_THE_FACE and not looked.whole
    aloud = aloud and call.name not in ("faces", "recording")
    name = (f"{_call_by_name(seen)}: " if aloud else "") + _premise(question, call, seen)
    if looked.is_verbatim:
        exchange.answer = looked.answer(random.Random(question))  # a wording of its own for each question, always the same
        return Reply(exchange, call, _begin(name, exchange.answer), exchange.answer, face=seen)
    written = _tidy((yield [*before, exchange], REPLY_TOKENS))
    slips = find_faults(written, looked, call, seen, own_words) if checked else []
    exchange.answer = looked.answer() if slips else written
    return Reply(exchange, call, _begin(name, exchange.answer), written, slips, seen)


def hold_to_words(written: str, question: str, before: list[Exchange], unsaid: tuple[str, ...] = ()) -> Call:
    """The call that the model wrote, held to the question's words and to what was asked before it. unsaid: stretches of a clip
    that are meant where the question names none."""
    earlier = [one.call for one in before]
    older, last = ["", "", *earlier][-2:]
    text, stretches = split_stretches(question)
    stretches = stretches or unsaid
    call = correct_time_question(correct_call(parse(written), text, last, older), text, earlier)
    return hold_to_stretch(finer(call, text, last), text.lower(), stretches, earlier)


def hold_to_face(call: Call, question: str, last: str, seen: Face) -> Call:
    """The call with what depends on how the face is read and on whether there are others. last: the call before."""
    call = less_of(correct_by_reading(call, question, seen.ranked_labels, last), question, seen.label, last)
    if call == Call("faces") and not seen.others and (units := parse(last).units):
        return Call("side", units)  # "both of them the same?" of the eyes
    if call == Call("change") and last == "label":
        return replace(call, label=seen.label)  # "since when?"
    return Call("faces") if call == COMPARE and seen.others else settle_moment(seen, call, parse(last))


def _choose_face(call: Call, questions: list[str], face: FaceOf) -> Face | None:
    """The face that the latest of the questions that name one is about ("the guy on the left"), else the one talked about; of
    a comparison the first, with the others that are compared."""
    named = any(map(names_one, questions))
    seen = face(named or call.name in OF_SEVERAL or call == COMPARE or bool(call.within))
    if seen is None or not (named or call.name == "faces"):
        return seen
    everyone = [seen, *seen.others]
    if call.name == "faces":
        first, *others = find_compared(questions, everyone)
        return seen if len(others) == len(seen.others) else replace(first, others=others, aloud=True)
    if (other := find_face(questions, everyone)) is None:
        return seen
    return replace(other, others=[one for one in everyone if one is not other], aloud=len(everyone) > 1)


def _call_by_name(seen: Face) -> str:
    """The name of a face as an answer begins with it; with its time, where the clip goes on without it."""
    times = f", {span_words((seen.series.times[0], seen.series.times[-1]))}" if seen.is_in_part else ""
    return f"{capitalise(seen.name)}{times}"


def _begin(name: str, answer: str) -> str:
    """An answer behind the name of the face that it is about: "Face 1: It is ..." for "This face is ..."."""
    return name + (re.sub(r"^This face\b", "It", answer) if name else answer)


def _premise(question: str, call: Call, seen: Face | None) -> str:
    """A sentence for a movement that a question takes for given and that is absent, or that it holds against a reading, and for
    the part of the face that it asks the reading of ("the mouth clearly does something")."""
    if seen is None or call.name not in OF_THE_FACE:
        return ""
    units = premise_of(question)
    if units and all(seen.facts.state(au) == "off" for au in units):
        return f"{look_up(Call('absent', (units,)), seen).answer()} "
    if call.name in OF_A_READING and (against := held_against(question)):
        return f"{look_up(Call('absent', (against,)), seen).answer()} "
    if call.name in ("why", "whynot") and (words := feelings_in(question.lower())):
        near = look_up(Call("other", word="/".join(words)), seen).says[: len({NEAREST.get(word) for word in words})]
        return "".join(f"{say(None, one)} " for one in near)
    part = part_in(question) if call.name in OF_A_READING else ""
    return f"{look_up(Call('part', word=part), seen).answer()} " if part else ""


def _tidy(text: str) -> str:
    """Sentences that begin with a capital."""
    return re.sub(r"(?<=[.!?] )[a-z]", lambda m: m[0].upper(), text.strip())


def advance(asking: Asking, written: str | None = None) -> tuple[list[Exchange], int] | Reply:
    """What the steps ask for next, or the reply they end with. written: what they asked for before, None at their start."""
    try:
        return asking.send(written)
    except StopIteration as done:
        return done.value


def reply_all(writer: Writers, askings: list[Asking]) -> list[Reply]:
    """The steps of many questions at once with a model in this process."""
    states = [advance(asking) for asking in askings]
    while waiting := [k for k, step in enumerate(states) if not isinstance(step, Reply)]:
        most = states[waiting[0]][1]  # calls and answers are not asked for together: they end at other lengths
        rows = [k for k in waiting if states[k][1] == most]
        for k, written in zip(rows, writer.write_all([states[k][0] for k in rows], most), strict=True):
            states[k] = advance(askings[k], written)
    return states


def reply(writer: Writer, before: list[Exchange], question: str, face: FaceOf, style: str = "", checked: bool = True) -> Reply:
    """The steps with a model in this process."""
    asking = steps(before, question, face, style, checked, writer.own_words)
    step = advance(asking)
    while not isinstance(step, Reply):
        step = advance(asking, "".join(writer.write(*step)))
    return step
