"""`emollm doctor`: whether this installation works."""

from __future__ import annotations

import argparse

from emollm.commands.options import command


def add(commands: argparse._SubParsersAction) -> None:
    command(commands, "doctor", run, "check this installation", "Exit code 1 when something does not work.")


def run(_: argparse.Namespace) -> int:
    from emollm import doctor

    return doctor.main()
