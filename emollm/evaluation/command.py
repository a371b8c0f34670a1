"""`emollm eval SUITE`: the suites' options, what they share, and how their figures are delivered.

Nothing heavy is imported before a suite runs, so that --help and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import time

from emollm import options, progress
from emollm.arguments import Parser
from emollm.evaluation.report import Report

EPILOG = """Every figure has n and, where it is a share, a 95 % bootstrap interval; docs/evaluation.md says what each means.
examples:
  emollm eval labels faces.csv --crops --json figures.json
  emollm eval reasoning --media photos/ clips/ --json figures.json
  emollm eval quick --fer DIR"""
LABELS = """columns: `path` (photo, clip or table of action units, relative to the table) or `codes` (FACS, such as 6C+12D;
beside a path, its action units), `label` (one of the eight, in common spellings), and optionally `subject`, over whom the
intervals then are. Rows that cannot be read are named and counted.

example:
  emollm eval labels faces.csv --crops --model runs/polish/model --json figures.json"""

CHAT = """CALL is what the question asks for, as emollm/talk/terms/call.py has it (`there AU12`, `whynot anger`, `refuse age`);
` || ` stands between two that answer it equally well, and a line that goes on with the conversation of the line before
begins with `> `.

example:
  emollm eval chat tests/talk_questions.txt --media photos/ clips/ --json answers.json"""


def main(argv: list[str]) -> int:
    """Run one suite; returns the exit code. Raises InputError."""
    arguments = parser().parse_args(argv)
    progress.use(arguments.progress)
    started = time.monotonic()
    report = arguments.run(arguments)
    print(report.as_text())
    print(f"{time.monotonic() - started:.0f} s, model {arguments.model}")
    if arguments.json:
        report.write(arguments.json)
    return 0


def parser() -> Parser:
    made = Parser(prog="emollm eval", description="How good is a model?", epilog=EPILOG,
                  formatter_class=argparse.RawDescriptionHelpFormatter)
    suites = made.add_subparsers(title="suites", metavar="SUITE", required=True, parser_class=Parser)
    _add_labels(suites)
    _add_reasoning(suites)
    _add_quick(suites)
    _add_chat(suites)
    return made


def _suite(suites: argparse._SubParsersAction, name: str, run, about: str, epilog: str = "") -> Parser:
    """A suite's parser with the options that all of them have."""
    made = suites.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=epilog,
                             formatter_class=argparse.RawDescriptionHelpFormatter)
    made.set_defaults(run=run, parser=made)
    add = made.add_argument
    options.add_model(made)
    add("-o", "--json", metavar="FILE", help="write the figures as JSON")
    add("--progress", choices=progress.MODES, default="auto", help="how progress is shown on stderr (default: auto)")
    return made


def _add_engine(suite: Parser) -> None:
    options.add_engine(suite)


def _add_labels(suites: argparse._SubParsersAction) -> None:
    suite = _suite(suites, "labels", _labels, "accuracy, macro recall, confusion and calibration on your own labelled faces",
                   LABELS)
    suite.add_argument("table", metavar="TABLE", help="delimited text or Parquet; a row a face")
    _add_engine(suite)
    options.add_crops(suite)
    options.add_prior(suite)


def _add_reasoning(suites: argparse._SubParsersAction) -> None:
    suite = _suite(suites, "reasoning", _reasoning, "does the label follow the evidence, and is the prose true")
    add = suite.add_argument
    add("--fer", metavar="DIR", help="folder with fer2013_train.npz, for what-if on real faces (data_engine/README.md)")
    add("--ckplus", metavar="FILE", help="npz of human-coded frames (data_engine/README.md)")
    add("--n", type=options.whole_number, default=100, help="real faces of --fer (default: 100)")
    add("--media", nargs="+", metavar="MEDIA", help="photos, clips, folders or lists of them, whose explanations are judged")
    _add_engine(suite)
    options.add_crops(suite)


def _add_quick(suites: argparse._SubParsersAction) -> None:
    suite = _suite(suites, "quick", _quick, "label agreement, unsupported claims and what-if on FER2013 PublicTest")
    add = suite.add_argument
    add("--fer", required=True, metavar="DIR", help="folder with fer2013_train.npz (data_engine/README.md)")
    add("--n", type=options.whole_number, help="only this many faces, drawn at random")
    add("--free", type=options.whole_number, default=1500, help="faces to answer without grounded decoding as well")


def _add_chat(suites: argparse._SubParsersAction) -> None:
    suite = _suite(suites, "chat", _chat, "are questions understood, answered right and refused where they must be", CHAT)
    suite.set_defaults(model="talker")
    add = suite.add_argument
    add("questions", metavar="QUESTIONS", help="a file with CALL, tab, question a line; `> ` before it goes on with a "
                                               "conversation")
    add("--media", nargs="+", required=True, metavar="MEDIA", help="photos, clips, folders or lists of them, asked about in "
                                                                   "turn")
    add("--n", type=options.whole_number, help="only this many conversations, drawn at random")


def _labels(arguments: argparse.Namespace) -> Report:
    from emollm.evaluation.labels import labels

    return labels(arguments)


def _reasoning(arguments: argparse.Namespace) -> Report:
    from emollm.evaluation.reasoning import reasoning

    return reasoning(arguments)


def _chat(arguments: argparse.Namespace) -> Report:
    from emollm.evaluation.chat import chat

    return chat(arguments)


def _quick(arguments: argparse.Namespace) -> Report:
    from emollm.evaluation.quick import quick

    return quick(arguments)
