"""python -m data_engine observe --fer DIR -o FILE | build CONFIG.yaml | talk CONFIG.yaml | talk-questions"""

import argparse
import sys
from pathlib import Path

from emollm.schema import InputError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    observe_step = steps.add_parser("observe", help="perceive the training pictures once, cached and resumable")
    observe_step.add_argument("--fer", required=True, help="folder with the FER2013 files (data_engine/README.md)")
    observe_step.add_argument("-o", "--out", default="runs/faces.npz")
    observe_step.add_argument("--processes", type=int, help="that share the work; all cores unless given")
    build_step = steps.add_parser("build", help="write the training records and their data card")
    build_step.add_argument("config")
    build_step.add_argument("--processes", type=int, help="that share the work; all cores unless given")
    steps.add_parser("talk", help="write the conversations that a talker learns from").add_argument("config")
    asked = steps.add_parser("talk-questions", help="write questions in held-out wordings, for `emollm eval chat`")
    asked.add_argument("--singles", type=int, default=400)
    asked.add_argument("--conversations", type=int, default=200)
    asked.add_argument("--turns", type=int, default=6)
    asked.add_argument("--injections", type=int, default=0, help="questions after an instruction to say something else")
    asked.add_argument("--natural", type=int, default=0, help="questions as people type them, none made from a pattern")
    asked.add_argument("-o", "--out", default="runs/talk_held_out.txt")
    args = parser.parse_args()
    try:
        run(args)
    except InputError as error:
        print(f"data_engine: {error}", file=sys.stderr)
        return 2
    return 0


def run(args: argparse.Namespace) -> None:
    """One step. Raises InputError."""
    if args.step == "observe":
        from data_engine.observe import observe

        observe(args.fer, args.out, processes=args.processes)
    elif args.step == "talk":
        from data_engine.talk.build import build as build_talk

        build_talk(args.config)
    elif args.step == "talk-questions":
        from data_engine.talk.build import held_out_questions

        lines = held_out_questions(args.singles, args.conversations, args.turns, 0, args.injections, args.natural)
        Path(args.out).write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        from data_engine.build import KEYS, build
        from emollm.training.settings import load

        print(dict(build(load(args.config, *KEYS), args.processes)))


if __name__ == "__main__":
    sys.exit(main())
