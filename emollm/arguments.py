"""The command line's parser: a mistake is one line that names what was probably meant."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from typing import NoReturn

from emollm.schema import InputError

NEAR = 0.7  # of 1: less alike words are none of the same
# What other programs call it -> what is meant here.
HABITS = {"--json": "--style json", "--format": "--style", "--output-format": "--style", "--quiet": "--progress none",
          "--silent": "--progress none", "--prompt": "--question", "-q": "--question", "--out": "--output",
          "--device": ""}  # the engine finds its device
FILES = ("--image", "--photo", "--picture", "--video", "--clip", "--input", "--file", "-i", "-f")


class Parser(argparse.ArgumentParser):
    """argparse whose mistakes are InputErrors, with a suggestion for misspelt options, commands and choices."""

    def __init__(self, **options) -> None:
        super().__init__(**({"allow_abbrev": False} | options))

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. See '{self.prog} --help'.")

    def parse_args(self, args: list[str] | None = None, namespace: argparse.Namespace | None = None) -> argparse.Namespace:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = self._chosen(known)
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{suggestion(unknown[0], parser.option_names())}")
        return known

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            given = "/".join(action.option_strings) or action.dest
            name = "command" if isinstance(action, argparse._SubParsersAction) else given
            choices = ", ".join(map(str, action.choices))
            self.error(f"{name} '{value}' is not one of {choices}{suggestion(str(value), map(str, action.choices))}")

    def _chosen(self, known: argparse.Namespace) -> Parser:
        """The parser of the command that was given, or this one."""
        return getattr(known, "parser", self)

    def option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]


def suggestion(given: str, known: Iterable[str]) -> str:
    """" (did you mean '--style'?)", or nothing when no known word is near."""
    given, known = given.partition("=")[0], list(known)
    if given in FILES and given not in known:
        return " (a file is given without an option)"
    if given in HABITS and given not in known:
        return f" (did you mean '{HABITS[given]}'?)" if HABITS[given].partition(" ")[0] in known else ""
    near = difflib.get_close_matches(given, known, 1, NEAR)
    return f" (did you mean '{near[0]}'?)" if near else ""
