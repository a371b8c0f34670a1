"""`emollm caption`: many photos and clips, resumable. Its arguments and its run are in emollm/caption/command.py."""

from __future__ import annotations

import argparse

from emollm.caption.command import ABOUT, EXAMPLES, add_arguments, run
from emollm.commands.options import command


def add(commands: argparse._SubParsersAction) -> None:
    add_arguments(command(commands, "caption", run, ABOUT, EXAMPLES))
