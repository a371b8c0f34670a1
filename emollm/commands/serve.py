"""`emollm serve`: answers OpenAI clients over HTTP. Its options are the plugin's and vLLM's, which the parser does not know."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction) -> None:
    commands.add_parser("serve", help="answer OpenAI clients over HTTP; see emollm serve --help")


def run(options: list[str]) -> int:
    """options: the words after the command, unparsed."""
    from emollm_vllm.process import launch

    return launch.main(options)
