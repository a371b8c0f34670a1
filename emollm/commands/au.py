"""`emollm au`: what the action units are and how they look."""

from __future__ import annotations

import argparse

from emollm.commands.options import command

EXAMPLES = """examples:
  emollm au          all action units, one a line
  emollm au 12       what AU12 is, how it looks, what it is commonly read as
  emollm au AU04 7   several"""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "au", run, "what the action units are and how they look", EXAMPLES)
    parser.add_argument("names", nargs="*", metavar="AU", help="action unit, such as 12 or AU12 (default: list all)")


def run(arguments: argparse.Namespace) -> int:
    from emollm.facs.readings import describe
    from emollm.facs.units import ACTION_UNITS

    if arguments.names:
        print("\n\n".join(describe(name) for name in arguments.names))
    else:
        print("\n".join(f"{unit.name}  {unit.title:<26}{unit.look[0]}" for unit in ACTION_UNITS.values()))
    return 0
