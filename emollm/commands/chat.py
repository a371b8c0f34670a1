"""`emollm chat`: questions about one face, turn by turn."""

from __future__ import annotations

import argparse

from emollm import options, progress
from emollm.commands import inputs
from emollm.commands.options import add_progress, command, face_number, source_of
from emollm.schema import InputError
from emollm.what_if import parse_edits

EXAMPLES = """examples:
  emollm chat photo.jpg
  emollm chat clip.mp4 --question "What changes when the brows go up?" --question "What else could it mean?"
  emollm chat photo.jpg --server http://localhost:8000   answered by `emollm serve`

Answers are written as they come; /help lists the commands. With --question, or questions piped in one a line, it answers
and ends."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "chat", run, "ask about one face, turn by turn", EXAMPLES)
    option = parser.add_argument
    option("media", nargs="+", metavar="MEDIA", help="photo, clip, table of action units, or a FACS code such as 6C+12D")
    option("--question", action="append", default=[], metavar="TEXT", help="ask this and end; repeatable")
    option("--face", type=face_number, metavar="N", help="the face to ask about (default: the main one)")
    option("--what-if", action="append", default=[], metavar="AU=LEVEL", help="edit one action unit first; repeatable")
    options.add_baseline(parser)
    options.add_cut(parser)
    options.add_prior(parser)
    option("--model", metavar="DIR", help="talker (default), pocket (explanations only), or a folder of either kind")
    options.add_engine(parser)
    parser.set_defaults(prior=None, engine=None)  # so that a server is left its own
    option("--server", metavar="URL", help="let a server answer instead, such as http://localhost:8000")
    option("--llm", metavar="URL", help="let an OpenAI-compatible endpoint word the answers, such as "
                                        "http://localhost:11434/v1; "
           "what it may say is looked up and checked here, no picture is sent (key: EMOLLM_LLM_KEY)")
    option("--llm-model", metavar="NAME", help="the model's name at --llm")
    option("--api-key", metavar="KEY", help="of the server")
    option("--ungrounded", action="store_true", help="show what the model writes, unchecked (for research)")
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    edits = parse_edits(arguments.what_if)
    progress.use(arguments.progress)
    from emollm.chat.begin import begin
    from emollm.chat.terminal import talk

    if len(arguments.media) > 1:
        raise InputError(f"emollm chat is about one photo or clip, here are {len(arguments.media)}. Ask about each by itself, "
                         "or compare up to four in one request to `emollm serve` (docs/serving.md).")
    source, cut = source_of(inputs.expand_one(arguments.media, "chat")), options.cut_of(arguments)
    begun = begin(source, model=arguments.model, backend=arguments.engine, server=arguments.server,
                  api_key=arguments.api_key, llm=arguments.llm, llm_model=arguments.llm_model,
                  baseline=arguments.baseline, face=arguments.face, what_if=edits,
                  prior=arguments.prior, grounded=not arguments.ungrounded, **({} if cut.is_whole else {"cut": cut}))
    return talk(begun, arguments.question)
