"""`emollm ship`: a trained model made one that comes with emollm."""

from __future__ import annotations

import argparse

from emollm import progress
from emollm.commands.options import command


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "ship", run, "make a trained model one that comes with emollm",
                     "example:\n  emollm ship runs/polish/model pocket --fer DIR")
    parser.add_argument("trained", metavar="FOLDER", help="folder of the trained model")
    parser.add_argument("name", metavar="NAME", help="what --model will call it")
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")


def run(arguments: argparse.Namespace) -> int:
    progress.use("auto")
    from emollm.ship import ship

    ship(arguments.trained, arguments.name, arguments.fer)
    return 0
