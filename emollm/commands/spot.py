"""`emollm spot`: brief movements of half a second or less."""

from __future__ import annotations

import argparse

from emollm import progress
from emollm.commands.options import add_progress, command
from emollm.commands.results import check_place, deliver
from emollm.schema import InputError, NoFaceError

EXAMPLES = """examples:
  emollm spot clip.mp4                      CSV on the terminal
  emollm spot clip.mp4 --json -o brief.json

A brief movement lasts at most 0.5 s from onset to offset and is undone. Speech is full of them: spot faces that do not talk.
displacement: percent of the distance of the outer eye corners; strain: of the skin, between onset and apex. What moved is
measured; that it was meant, hidden or felt is not. docs/formats.md has the rate of false alarms on resting faces."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "spot", run, "find brief movements of half a second or less", EXAMPLES)
    option = parser.add_argument
    option("media", metavar="CLIP", help="clip of at least 12 frames a second")
    option("--json", action="store_true", help="JSON instead of CSV")
    option("-o", "--output", metavar="FILE", help="write here instead of stdout")
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    check_place(arguments.output, arguments.media)
    progress.use(arguments.progress)
    from emollm.explainer import NO_FACE
    from emollm.output import brief_tables
    from emollm.perception import face, media, spot

    clip = media.read(arguments.media)
    if clip.kind != "clip" or (clip.fps or 0) < spot.MIN_RATE:
        raise InputError(f"{arguments.media}: a brief movement needs a clip of at least {spot.MIN_RATE:g} frames a second.")
    tracks = face.follow(clip)
    if not tracks:
        raise NoFaceError(f"{arguments.media}: {NO_FACE}")
    movements = [movement for track in progress.track(tracks, "spotting", len(tracks)) for movement in spot.spot(clip, track)]
    as_json = arguments.json
    deliver(brief_tables.as_json(movements, arguments.media) if as_json else brief_tables.as_csv(movements), arguments.output)
    return 0
