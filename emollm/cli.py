"""The command line: data on stdout, progress and messages on stderr, one clear line for every mistake.

Exit codes: 0 done; 2 the input or the command cannot be used; 3 no face could be measured; 130 stopped by Ctrl-C.
Each command is a file in emollm/commands. Nothing heavy is imported before a command needs it, so that `emollm --help`
answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys

from emollm.arguments import Parser
from emollm.commands import agree, au, caption, chat, doctor, eval, explain, export, measure, schema, serve, ship, spot, train
from emollm.commands.results import complain
from emollm.explanation import DISCLOSURE
from emollm.schema import INTERRUPTED, InputError

COMMANDS = (explain, measure, export, agree, spot, chat, caption, au, serve, schema, doctor, train, ship, eval)  # as listed
# Read when numpy is loaded. Its products are small here: threads for them take twice the processor's time and save none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
BROKEN_PIPE, FAILED = 141, 1  # as shells report SIGPIPE


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Never raises for a mistake of the user."""
    try:
        words = sys.argv[1:] if argv is None else argv
        words = [*words[1:2], "--help"] if words[:1] == ["help"] else words  # `emollm help explain`
        if words[:1] == ["serve"]:  # its options are vLLM's too, which this parser does not know
            return serve.run(words[1:])
        if words[:1] == ["eval"]:  # its suites have parsers of their own
            return eval.run(words[1:])
        arguments = _parser().parse_args(words)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except InputError as error:
        return complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return complain("stopped", INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (`emollm ... | head`); keep Python from failing again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        return complain("not enough memory. Give a smaller picture or a shorter clip.", FAILED)
    except Exception as error:
        if os.environ.get("EMOLLM_DEBUG"):
            raise
        return complain(f"internal error ({type(error).__name__}: {error}). Please report it; EMOLLM_DEBUG=1 shows "
                         "where it happened.", FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="emollm", description="Why is this face read the way it is? Facial action units in, a "
                                                "checkable explanation out.", epilog=DISCLOSURE)
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when asked: importlib.metadata is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("emollm")
        except PackageNotFoundError:
            number = "not installed, running from source"
        print(f"emollm {number}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
