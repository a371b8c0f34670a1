"""`emollm export`: movements or action units in the format of another tool."""

from __future__ import annotations

import argparse
import os
import sys

from emollm import progress
from emollm.commands.options import add_progress, command
from emollm.commands.results import check_place
from emollm.files import write_file

EXAMPLES = """examples:
  emollm export clip.mp4 --to boris -o clip.boris          opens in BORIS, ready to be corrected; .csv for its table
  emollm export clip.csv --to eaf -o clip.eaf              a table of action units, as `emollm measure` or others write it
  emollm export captions.jsonl --to bids -o events/        every clip its own file
  emollm export clip.json --to parquet -o clip.parquet     what `emollm explain --style json` wrote

boris, eaf (ELAN), textgrid (Praat) and bids hold movements: onset, apex, offset, side, strength. emollm, openface, fex
(py-feat), libreface, arkit and parquet hold every frame; svg is a figure of both. docs/formats.md says what each format
cannot hold."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "export", run, "write movements or action units in the format of another tool",
                     EXAMPLES)
    option = parser.add_argument
    option("source", metavar="SOURCE", help="clip, table of action units, explanation (.json) or captions (.jsonl)")
    option("--to", required=True, choices=("boris", "eaf", "textgrid", "bids", "emollm", "openface", "fex", "libreface",
                                           "arkit", "parquet", "svg"), help="format to write")
    option("-o", "--output", required=True, metavar="FILE", help="file, or a folder in which every clip gets its own")
    option("--media", metavar="CLIP", help="the clip that a table belongs to, as the written file should name it")
    option("--baseline", choices=("none", "clip"), default=None, help="of a clip: what counts as this face at rest")
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    from emollm.output import export

    if not os.path.isdir(arguments.output):
        check_place(arguments.output, arguments.source)
    export.check(arguments.to, arguments.output)
    progress.use(arguments.progress)

    def measured(source: str) -> list:
        from emollm.explainer import measure

        return [face.series for face in measure(source, baseline=arguments.baseline)]

    found = export.recordings(arguments.source, measured, arguments.media)
    for path, content in export.files(found, arguments.to, arguments.output).items():
        write_file(path, content)
        print(f"emollm: written to {path}", file=sys.stderr)
    return 0
