"""`emollm measure`: the action units of every face, without reading them."""

from __future__ import annotations

import argparse
import os
import sys

from emollm import options, progress
from emollm.commands import inputs
from emollm.commands.options import add_progress, command, cut_options
from emollm.commands.results import check_place, deliver
from emollm.schema import AUSeries, InputError, NoFaceError

EXAMPLES = """examples:
  emollm measure photo.jpg -o photo.json
  emollm measure clip.mp4 -o clip.csv --baseline clip
  emollm measure clip.mp4 -o clip.csv --format openface   17 AUxx_r and 18 AUxx_c columns
  emollm measure photo.jpg                                CSV on the terminal

Left and right are the person's own. 0 = absent, 1-5 = FACS A-E, empty = not visible."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "measure", run, "measure the action units of every face, without reading them",
                     EXAMPLES)
    option = parser.add_argument
    option("media", nargs="+", metavar="MEDIA", help="photo or clip; - reads one that is piped in")
    option("-o", "--output", metavar="FILE", help=".csv or .json (default: CSV on stdout)")
    option("--format", choices=("emollm", "openface"), default="emollm", help="columns of the CSV (default: emollm)")
    options.add_baseline(parser)
    options.add_cut(parser)
    options.add_crops(parser)
    options.add_max_faces(parser)
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    kind = os.path.splitext(arguments.output or "x.csv")[1].lower()
    if kind not in (".csv", ".json"):
        raise InputError(f"{arguments.output}: cannot write this kind of table. Name it .csv or .json.")
    if kind == ".json" and arguments.format == "openface":
        raise InputError(f"{arguments.output}: OpenFace's format is a CSV. Name it .csv or leave --format out.")
    media, cut = inputs.expand_one(arguments.media, "measure"), cut_options(arguments)
    check_place(arguments.output, media)
    progress.use(arguments.progress)
    from emollm import evidence
    from emollm.explainer import measure

    source = inputs.read_piped_media(**cut) if media == inputs.STDIN else media

    def write(faces: list, frames: list) -> None:
        deliver(evidence.json_text(faces) if kind == ".json" else evidence.csv_text(faces, arguments.format, frames),
                arguments.output)

    try:
        measured = measure(source, baseline=arguments.baseline, crops=arguments.crops, max_faces=arguments.max_faces, **cut)
    except NoFaceError:
        write([AUSeries.unmeasured()], [[0]])  # one row that says so: tables of many pictures keep their count
        raise
    write([face.series for face in measured], [face.track.frames for face in measured])
    for notice in dict.fromkeys(notice for face in measured for notice in face.series.notices):
        print(f"emollm: {notice}", file=sys.stderr)
    return 0
