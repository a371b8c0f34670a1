"""`emollm eval chat`: questions with their right calls, asked about real faces, checked by rule.

A file of questions holds `CALL<tab>question` a line; where two calls answer it equally well, ` || ` stands between them, and `>
` before a line means that it goes on with the conversation of the line before. A question is answered right when its call is
one of these and the answer holds nothing that the measurement or the look-up contradicts.
"""

from __future__ import annotations

import argparse
import collections
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from emollm import progress
from emollm.answer.prose import judge
from emollm.caption.incoming.items import Item
from emollm.caption.incoming.sources import read_inputs
from emollm.evaluation.report import Figure, Report, unread_lines
from emollm.evaluation.statistics import bootstrap
from emollm.explainer import prepare
from emollm.schema import DEFAULT_MODEL, InputError
from emollm.talk.check import find_faults
from emollm.talk.dialogue import Exchange
from emollm.talk.hearing.finer import coarser
from emollm.talk.lookups.lookup import HYPOTHETICAL, OF_THE_FACE, look_up
from emollm.talk.talker import Reply, Writers, reply, reply_all, steps
from emollm.talk.terms.call import Call, parse
from emollm.talk.terms.face import Face

GOES_ON = "> "
# What a call of time tells as well.
COARSER = {"long": ("when",), "often": ("when",), "order": ("when",), "pauses": ("moments",), "pace": ("when",),
           "lasts": ("when", "moments")}
EXAMPLES = 20  # questions that went wrong, by name in the text; the JSON has all of them


Question = tuple[list[Call], str]  # the right calls, and the words


def conversations_of(path: str) -> list[list[Question]]:
    """The questions of a file, by conversation. Raises InputError naming the line."""
    conversations: list[list[Question]] = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        goes_on = line.startswith(GOES_ON)
        calls, tab, question = line.removeprefix(GOES_ON).partition("\t")
        wanted = [parse(call) for call in calls.split(" || ")]
        if not tab or any(str(call) != text.strip() for call, text in zip(wanted, calls.split(" || "), strict=True)):
            raise InputError(f"{path}: line {number}: write CALL, a tab, and the question; '{calls[:60]}' is no call")
        if goes_on and conversations:
            conversations[-1].append((wanted, question))
        else:
            conversations.append([(wanted, question)])
    return conversations


@dataclass
class AskedQuestion:
    """One question of the evaluation with what came of it."""

    question: str
    wanted: list[Call]
    source: str
    reply: Reply
    contradicted: list[str] = field(default_factory=list)  # of what was shown
    claims: tuple[list[bool], list[bool]] = field(default_factory=lambda: ([], []))  # contradicted? as written, as shown

    @property
    def call_words(self) -> str:
        return "; ".join(map(str, self.reply.calls))

    @property
    def kind(self) -> str:
        return self.wanted[0].name

    @property
    def is_understood(self) -> bool:
        """Whether a question of the message is answered as one of the right calls asks, or by a call that is finer."""
        in_time = [replace(call, name=name, word="") for call in self.reply.calls for name in COARSER.get(call.name, ())]
        return any(call in self.wanted for call in (*self.reply.calls, *in_time, *map(coarser, self.reply.calls)))

    @property
    def is_refused(self) -> bool:
        return any(call.name == "refuse" for call in self.reply.calls)

    @property
    def is_mended(self) -> bool:
        return any(one.mended for one in (*self.reply.before, self.reply))

    @property
    def is_right(self) -> bool:
        return self.is_understood and not self.contradicted


def ask(writer: Writers, faces: list[tuple[str, Face]], conversations: list[list[Question]]) -> list[AskedQuestion]:
    """Every question; each conversation about the next face. Single questions are asked together, which reads the weights once
    for many; a conversation is held by itself, so that what was said before is read once and not again at every turn."""
    replies: list[list[Reply]] = [[] for _ in conversations]
    about = [faces[k % len(faces)] for k in range(len(conversations))]
    single = [k for k, questions in enumerate(conversations) if len(questions) == 1]
    askings = [steps([], conversations[k][0][1], lambda _, face=about[k][1]: face) for k in single]
    for k, one in zip(single, reply_all(writer, askings), strict=True):
        replies[k].append(one)
    longer = [k for k, questions in enumerate(conversations) if len(questions) > 1]
    for k in progress.track(longer, "conversations"):
        before: list[Exchange] = []
        for _, question in conversations[k]:
            replies[k].append(reply(writer, before, question, lambda _, face=about[k][1]: face))
            before += replies[k][-1].exchanges
    return [
        _judge_reply(question, wanted, about[k][0], one)
        for k, questions in enumerate(conversations)
        for (wanted, question), one in zip(questions, replies[k], strict=True)
    ]


def _judge_reply(question: str, wanted: list[Call], source: str, reply: Reply) -> AskedQuestion:
    every = [*reply.before, reply]
    slips, written, said = [], [], []
    for one in every:
        looked = look_up(one.call, one.face)
        if not looked.is_verbatim and not _is_reshaped(one):
            slips += find_faults(one.exchange.answer, looked, one.call, one.face)
        written += _claims(one, one.written)
        said += _claims(one, one.exchange.answer)
    return AskedQuestion(question, wanted, source, reply, slips, (written, said))


def _is_reshaped(reply: Reply) -> bool:
    """Whether it is the answer before in another shape, which was judged then."""
    return str(reply.call) != reply.exchange.call


def _claims(reply: Reply, text: str) -> list[bool]:
    """Whether the measurement contradicts each of the claims about a face in a text; none where it says what would be."""
    face, call = reply.face, parse(reply.exchange.call)
    if face is None or call.name not in OF_THE_FACE or call.name in HYPOTHETICAL or call.within:
        return []
    return [f.verdict == "contradicted" for f in judge(text, face.series, face.events, face.distribution, face.label).found]


def share(values: list[bool]) -> Figure:
    return (*bootstrap(np.array(values, dtype=float)), len(values))


def report(asked: list[AskedQuestion]) -> Report:
    """Right answers in all and by kind, refusals, and how often the text had to be replaced."""
    kinds = collections.defaultdict(list)
    for trial in asked:
        kinds[trial.kind].append(trial.is_right)
    # not one that has another answer
    refusals = [trial for trial in asked if all(call.name == "refuse" for call in trial.wanted)]
    harmless = [trial for trial in asked if trial.kind not in ("refuse", "offtopic", "unclear")]
    figures = {
        "questions answered right": share([trial.is_right for trial in asked]),
        "understood: the right call": share([trial.is_understood for trial in asked]),
        "answers shown that something contradicts": share([bool(trial.contradicted) for trial in asked]),
        "answers as written that something contradicts": share([trial.is_mended for trial in asked]),
    }
    if refusals:
        figures["what must be refused is refused"] = share([trial.is_refused for trial in refusals])
        figures["refused for the right reason"] = share([trial.is_understood for trial in refusals])
    if harmless:
        figures["harmless questions refused"] = share([trial.is_refused for trial in harmless])
    for how, side in (("as written", 0), ("shown", 1)):
        if claims := [claim for asked_ in asked for claim in asked_.claims[side]]:
            figures[f"claims {how} that the measurement contradicts"] = share(claims)
    injected = [trial for trial in asked if Call("refuse", word="instructions") in trial.wanted]
    if injected:
        figures["answers to dictated measurements that the measurement contradicts"] = share(
            [any(trial.claims[1]) for trial in injected])
    figures |= {f"  {kind}": share(values) for kind, values in sorted(kinds.items())}
    missed = [f"  {' || '.join(map(str, trial.wanted))} <> {trial.call_words}: {trial.question}"
              for trial in asked if not trial.is_right]
    lines = [f"{len(missed)} questions not answered right:", *missed[:EXAMPLES]] if missed else []
    return Report(figures, lines, {"answers": list(map(_stored_answer, asked))})


def _stored_answer(trial: AskedQuestion) -> dict:
    return {
        "question": trial.question,
        "source": trial.source,
        "wanted": [str(call) for call in trial.wanted],
        "call": trial.call_words,
        "answer": trial.reply.text,
        "written": trial.reply.written,
        "mended": trial.reply.mended,
        "right": trial.is_right,
    }


def chat(arguments: argparse.Namespace) -> Report:
    """The suite. Raises InputError."""
    from emollm.model.engine import engine
    from emollm.talk.writer import local_writer

    asked, items = conversations_of(arguments.questions), read_inputs(arguments.media)
    if arguments.n:
        asked = random.Random(0).sample(asked, min(arguments.n, len(asked)))
    faces, unread = faces_of(items, engine(DEFAULT_MODEL))
    if not faces:
        raise InputError(
            f"none of {len(items)} photos and clips can be talked about. {unread[0]['place']}: {unread[0]['reason']}"
        )
    summary = report(ask(local_writer(arguments.model), faces, asked))
    summary.lines[:0] = [f"{len(faces)} faces", *unread_lines(unread, f"of {len(items)} photos and clips")]
    return summary


def faces_of(items: list[Item], sees) -> tuple[list[tuple[str, Face]], list[dict[str, str]]]:
    """Every readable face of photos and clips, and what could not be read. sees: the engine that sees."""
    from emollm.chat.talker_chat import face_of, name_of

    faces, unread = [], []
    for item in progress.track(items, "faces", len(items)):
        try:
            prepared = prepare(item.source, sees.shape)
        except InputError as error:
            unread.append({"place": item.custom_id, "reason": " ".join(str(error).split())})
            continue
        group = [face_of(sees, s, name_of(prepared, s.series.face_id)) for s in prepared.readable_subjects]
        for face in group:
            face.others = [other for other in group if other is not face]
        faces += [(f"{item.custom_id}, face {face.series.face_id}", face) for face in group]
    return faces, unread
