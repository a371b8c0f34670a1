"""`emollm eval`: how good a model is. Its suites have parsers of their own."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction) -> None:
    commands.add_parser("eval", help="measure the quality of a model; see emollm eval --help")


def run(options: list[str]) -> int:
    """options: the words after the command, unparsed."""
    from emollm.evaluation import command

    return command.main(options)
