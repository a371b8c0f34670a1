"""`emollm agree`: two codings of the same faces compared, unit by unit."""

from __future__ import annotations

import argparse
import os

from emollm.commands.options import command
from emollm.commands.results import check_place, deliver
from emollm.files import write_file
from emollm.schema import InputError

EXAMPLES = """examples:
  emollm agree ours.csv coder.eaf                    machine against a human coder
  emollm agree ours.csv openface.csv --json -o agreement.json
  emollm agree ours.csv coder_events.tsv --figure agreement.svg

A and B: tables of action units over time, or movements of BORIS, ELAN, Praat or BIDS. docs/formats.md has the formulas."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "agree", run, "compare two codings of the same faces, unit by unit", EXAMPLES)
    option = parser.add_argument
    option("a", metavar="A", help="a coding")
    option("b", metavar="B", help="the reference")
    option("--json", action="store_true", help="everything as JSON")
    option("--figure", metavar="SVG", help="draw values and intervals")
    option("-o", "--output", metavar="FILE", help="write the table or JSON here instead of stdout")


def run(arguments: argparse.Namespace) -> int:
    for path in (arguments.output, arguments.figure):
        check_place(path, arguments.a)
        check_place(path, arguments.b)
    if arguments.figure and not arguments.figure.lower().endswith(".svg"):
        raise InputError(f"{arguments.figure}: the figure is drawn as SVG. Name it .svg.")
    from emollm.output import agreement
    from emollm.output import agreement_report as shown

    a, b = (os.path.basename(path) for path in (arguments.a, arguments.b))
    agreements = agreement.agree(agreement.pair(agreement.read(arguments.a), agreement.read(arguments.b), (a, b)))
    if not agreements:
        raise InputError(f"{a} and {b} have no action unit in common.")
    deliver((shown.as_json if arguments.json else shown.as_text)(agreements, a, b), arguments.output)
    if arguments.figure:
        write_file(arguments.figure, shown.figure(agreements, a, b))
    return 0
