"""python -m data_engine observe --fer DIR -o FILE | build CONFIG.yaml | talk CONFIG.yaml"""

import argparse
import sys

from emollm.schema import InputError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    observe_step = steps.add_parser("observe", help="perceive the training pictures once, cached and resumable")
    observe_step.add_argument("--fer", required=True, help="folder with the FER2013 files (data_engine/README.md)")
    observe_step.add_argument("-o", "--out", default="runs/faces.npz")
    steps.add_parser("build", help="write the training records").add_argument("config")
    steps.add_parser("talk", help="write the conversations that a talker learns from").add_argument("config")
    args = parser.parse_args()
    try:
        if args.step == "observe":
            from data_engine.observe import observe

            observe(args.fer, args.out)
        elif args.step == "talk":
            from data_engine.talk.build import build as build_talk

            build_talk(args.config)
        else:
            from data_engine.build import KEYS, build
            from emollm.training.settings import load

            print(dict(build(load(args.config, *KEYS))))
    except InputError as error:
        print(f"data_engine: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
