"""Options that several commands take: what to read of the media (--start, --end, --fps, --skip-frames of a clip, --crops of
photos), which faces, and how they are answered."""

from __future__ import annotations

import argparse

from emollm.model.engine import BACKENDS
from emollm.perception.limits import Cut
from emollm.schema import DEFAULT_MODEL, DEFAULT_PRIOR, PRIORS

PART = ("start", "end", "fps", "skip_frames")  # options, and fields of a Cut, that say which part of a clip is read


def add_cut(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--start", type=seconds, metavar="TIME", help="of clips: begin here, in seconds (12.5) or as 1:02.5")
    add("--end", type=seconds, metavar="TIME", help="of clips: end before this time; times in the output stay the clip's own")
    add("--fps", type=number, metavar="N", help="of clips: about so many frames a second")
    add("--skip-frames", type=whole_number, metavar="N", help="of clips: every Nth frame")


def add_baseline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baseline", metavar="WHAT", help="what counts as this face at rest: none, the average face (default "
                        "for photos); clip, the clip's own quiet moments (default for clips); or a picture of the same face "
                        "at rest")


def add_crops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crops", action="store_true",
                        help="photos are face crops, as FER data sets hold them: taken whole, whatever their size")


def add_max_faces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-faces", type=whole_number, metavar="N",
                        help="at most so many faces: those longest there, largest and most central (default: all that are "
                             "found, at most 8 at a time)")


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="DIR",
                        help=f"{DEFAULT_MODEL} (default, comes with emollm) or a checkpoint folder")


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=BACKENDS, default=BACKENDS[0], help=f"what runs the model (default: {BACKENDS[0]})")


def add_ungrounded(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ungrounded", action="store_true", help="let the model write observations freely (for research)")


def add_prior(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prior", choices=PRIORS, default=DEFAULT_PRIOR,
                        help="how common the labels are taken to be: as in pictures from web search (crowd, default), or all "
                             "alike (balanced: rare labels are found more often, and called where they are not)")


def cut_of(arguments: argparse.Namespace) -> Cut:
    """Raises InputError for a part that cannot be."""
    return Cut(**{name: getattr(arguments, name) for name in PART})


def part_of(cut: Cut) -> dict[str, float | None]:
    """The part of a clip that a cut asks for, by the names of the options; not how it is read."""
    return {name: getattr(cut, name) for name in PART}


def seconds(text: str) -> float:
    """12.5, 1:02.5 or 1:00:02.5 as seconds. Raises argparse.ArgumentTypeError."""
    total = 0.0
    try:
        for part in text.split(":"):
            total = 60 * total + float(part)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time: give seconds such as 12.5, or 1:02.5") from None
    return total


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number such as 5 or 12.5") from None


def whole_number(text: str) -> int:
    if not text.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number such as 24")
    return int(text)
