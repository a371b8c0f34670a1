"""`emollm ship`: a trained model made one that comes with emollm."""

from __future__ import annotations

import argparse
from pathlib import Path

from emollm import progress
from emollm.commands.options import command
from emollm.schema import InputError


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "ship", run, "make a trained model one that comes with emollm",
                     "examples:\n  emollm ship runs/polish/model pocket --fer DIR\n  emollm ship runs/talker/adapter talker")
    parser.add_argument("trained", metavar="FOLDER", help="folder of the trained model")
    parser.add_argument("name", metavar="NAME", help="what --model will call it")
    parser.add_argument("--fer", metavar="DIR", help="folder with the FER2013 files (data_engine/README.md), for a model "
                                                     "that sees")


def run(arguments: argparse.Namespace) -> int:
    progress.use("auto")
    from emollm.pack_model import pack_model, pack_talker

    if (Path(arguments.trained) / "talker.json").is_file():
        pack_talker(arguments.trained, arguments.name)
    elif arguments.fer:
        pack_model(arguments.trained, arguments.name, arguments.fer)
    else:
        raise InputError(f"{arguments.trained}: to fit the temperature of a model that sees, give --fer DIR")
    return 0
