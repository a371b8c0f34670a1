"""`emollm train`: one stage of the recipe."""

from __future__ import annotations

import argparse

from emollm.commands.options import command


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "train", run, "train one stage of the model; a rerun resumes it",
                     "example:\n  emollm train configs/train_tower.yaml     data_engine/README.md has the whole recipe")
    parser.add_argument("config", metavar="CONFIG", help="settings of the stage (.yaml)")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE", help="other values than the file's, such as seed=1 "
                                                                        "lora.rank=8")


def run(arguments: argparse.Namespace) -> int:
    from emollm.training import settings

    stage = settings.read(arguments.config).get("stage")
    if stage == "tower":
        from emollm.training.tower import main
    elif stage == "talk":
        from emollm.training.talk import main
    else:
        from emollm.training.stages import main
    main(arguments.config, tuple(arguments.changes))
    return 0
