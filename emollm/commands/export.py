"""`emollm export`: movements or action units in the format of another tool, and a talker's adapter merged into its base."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from emollm import options, progress
from emollm.commands.options import add_progress, command
from emollm.commands.results import check_place
from emollm.files import write_file
from emollm.schema import InputError

EXAMPLES = """examples:
  emollm export clip.mp4 --to boris -o clip.boris          opens in BORIS, ready to be corrected; .csv for its table
  emollm export clip.csv --to eaf -o clip.eaf              a table of action units, as `emollm measure` or others write it
  emollm export captions.jsonl --to bids -o events/        every clip its own file
  emollm export clip.json --to parquet -o clip.parquet     what `emollm explain --style json` wrote
  emollm export talker --to merged -o talker/              an adapter and its language model as one, for other servers

boris, eaf (ELAN), textgrid (Praat) and bids hold movements: onset, apex, offset, side, strength. emollm, openface, fex
(py-feat), libreface, arkit and parquet hold every frame; svg is a figure of both. docs/formats.md says what each format
cannot hold."""


MERGED = "merged"


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "export", run, "write movements or action units in the format of another tool",
                     EXAMPLES)
    option = parser.add_argument
    option("source", metavar="SOURCE", help="clip, table of action units, explanation (.json) or captions (.jsonl); for "
           "merged, talker or the folder of an adapter")
    option("--to", required=True, choices=("boris", "eaf", "textgrid", "bids", "emollm", "openface", "fex", "libreface",
                                           "arkit", "parquet", "svg", MERGED), help="format to write")
    option("-o", "--output", required=True, metavar="FILE", help="file, or a folder in which every clip gets its own")
    option("--media", metavar="CLIP", help="the clip that a table belongs to, as the written file should name it")
    options.add_baseline(parser)
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.to == MERGED:
        return _write_merged(arguments.source, arguments.output)
    from emollm.output import export

    if not os.path.isdir(arguments.output):
        check_place(arguments.output, arguments.source)
    export.check(arguments.to, arguments.output)
    progress.use(arguments.progress)

    def measure_file(source: str) -> list:
        from emollm.explainer import measure

        return [face.series for face in measure(source, baseline=arguments.baseline)]

    recordings = export.recordings(arguments.source, measure_file, arguments.media)
    for path, content in export.files(recordings, arguments.to, arguments.output).items():
        write_file(path, content)
        print(f"emollm: written to {path}", file=sys.stderr)
    return 0


def _write_merged(name: str, output: str) -> int:
    """A Hugging Face model with the adapter's changes in its weights, in a new folder."""
    from emollm.talk.writer import merge_talker

    if os.path.lexists(output):
        raise InputError(f"{output}: is there already. Name a new folder.")
    made = f"{output.rstrip('/')}.tmp"
    shutil.copytree(merge_talker(name), made, dirs_exist_ok=True)
    os.replace(made, output)
    print(f"emollm: written to {output}", file=sys.stderr)
    return 0
