"""`emollm schema`: the JSON Schema of an explanation."""

from __future__ import annotations

import argparse
import json

from emollm.commands.options import command
from emollm.explanation import json_schema


def add(commands: argparse._SubParsersAction) -> None:
    command(commands, "schema", run, "print the JSON Schema of an explanation",
            "example:\n  emollm schema > explanation.schema.json")


def run(_: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=1))
    return 0
