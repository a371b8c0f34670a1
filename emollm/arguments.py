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
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = self._command_parser(arguments)
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{suggestion(unknown[0], parser.option_names())}")
        return arguments

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            option = "/".join(action.option_strings) or action.dest
            name = "command" if isinstance(action, argparse._SubParsersAction) else option
            choices = ", ".join(map(str, action.choices))
            self.error(f"{name} '{value}' is not one of {choices}{suggestion(str(value), map(str, action.choices))}")

    def _command_parser(self, arguments: argparse.Namespace) -> Parser:
        """The parser of the command that was given, or this one."""
        return getattr(arguments, "parser", self)

    def option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]


def suggestion(word: str, choices: Iterable[str]) -> str:
    """" (did you mean '--style'?)", or nothing when no known word is near."""
    word, choices = word.partition("=")[0], list(choices)
    if word in FILES and word not in choices:
        return " (a file is given without an option)"
    if word in HABITS and word not in choices:
        return f" (did you mean '{HABITS[word]}'?)" if HABITS[word].partition(" ")[0] in choices else ""
    near = difflib.get_close_matches(word, choices, 1, NEAR)
    return f" (did you mean '{near[0]}'?)" if near else ""
