"""What the commands share: how each is added to the parser, the options that several take, and what their words stand for."""

from __future__ import annotations

import argparse
import os

from emollm import options, progress
from emollm.commands import inputs
from emollm.schema import MAIN


def command(commands: argparse._SubParsersAction, name: str, run: object, about: str, examples: str,
            **more: object) -> argparse.ArgumentParser:
    """The parser of one command; `run` takes its arguments and gives the exit code."""
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=examples,
                                 formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--progress", choices=progress.MODES, default="auto",
                        help="on stderr: bar, plain lines or none (default: a bar on a terminal)")


def face_number(text: str) -> int | str:
    """Raises argparse.ArgumentTypeError."""
    if text == MAIN:
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is neither a face number such as 0 or 1 nor main")
    return int(text)


def cut_options(arguments: argparse.Namespace) -> dict:
    """Of the part of a clip what was given. Raises InputError before any work when it cannot be."""
    return {name: value for name, value in options.part_of(options.cut_of(arguments)).items() if value is not None}


def source_of(word: str, cut: dict | None = None) -> object:
    """A FACS code becomes evidence, - what is piped in; everything else is a path."""
    if word == inputs.STDIN:
        return inputs.read_piped_media(**(cut or {}))
    if os.path.exists(word) or not word[:3].strip("AULRaulr ")[:1].isdecimal():
        return word
    from emollm import evidence

    return evidence.parse_facs(word, word) if evidence.looks_like_facs(word) else word
