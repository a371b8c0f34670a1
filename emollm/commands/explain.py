"""`emollm explain`: why the faces of photos and clips are commonly read as they are."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from emollm import options, progress
from emollm.commands import inputs
from emollm.commands.options import add_progress, command, cut_options, face_number, source_of
from emollm.commands.results import check_place, complain, deliver
from emollm.explanation import STYLES as TEXT_STYLES
from emollm.explanation import as_text
from emollm.schema import InputError, NoFaceError
from emollm.what_if import parse_edits

if TYPE_CHECKING:
    from emollm.explanation import Explanation
    from emollm.perception.media import Media

STYLES = (*TEXT_STYLES, "json")

EXAMPLES = """examples:
  emollm explain photo.jpg
  emollm explain photo.jpg --style json -o photo.json --render photo_explained.png
  emollm explain clip.mp4 --baseline clip --question "What changes when the brows go up?"
  emollm explain photo.jpg --what-if AU12=0 --what-if AU04=3
  emollm explain clip.mp4 --evidence openface.csv     your own action units, our explanation
  emollm explain 6C+12D                               hand-coded FACS, no picture at all
  emollm explain *.jpg --style label                  several files; a folder is for emollm caption
  emollm explain long.mp4 --start 12.5 --end 20 --fps 5
  emollm explain clip.mp4 --face main --render film.mp4    regions, levels and a timeline run along the clip

Verdicts beside each movement: + supported by the measurement, x contradicted, ? unsure, - unmeasured (drawn as
signs where the terminal can show them)."""


def add(commands: argparse._SubParsersAction) -> None:
    parser = command(commands, "explain", run, "explain how the faces in a photo or clip are commonly read",
                     EXAMPLES)
    option = parser.add_argument
    option("media", nargs="+", metavar="MEDIA", help="photo, clip, table of action units, or a FACS code such as 6C+12D; - "
           "reads a photo or clip that is piped in")
    option("--question", metavar="TEXT", help="what to ask about the face")
    option("--style", choices=STYLES, help="movement: only what moves; label: one line; brief: two or "
           "three sentences; full (default); json: everything (default for -o FILE.json)")
    option("--what-if", action="append", default=[], metavar="AU=LEVEL",
           help="explain the face with one action unit edited, 0 (absent) to 5; repeatable")
    option("--face", type=face_number, metavar="N", help="only this face, as numbered in the output, or main: the one "
           "that is longest there, largest and most central (default: all)")
    option("--evidence", metavar="TABLE", help="use these action units instead of measuring: emollm, OpenFace, py-feat, "
           "LibreFace, ARKit or long table, 478 face landmarks, or a FACS code")
    options.add_baseline(parser)
    options.add_cut(parser)
    options.add_crops(parser)
    options.add_max_faces(parser)
    options.add_prior(parser)
    options.add_model(parser)
    options.add_ungrounded(parser)
    option("--unchecked", action="store_true", help="keep sentences that the measurement contradicts (for research)")
    option("--render", metavar="FILE", help="draw the explanation on the picture (.png or .jpg), or along a clip (.mp4)")
    option("-o", "--output", metavar="FILE", help="write the text or JSON here instead of stdout")
    add_progress(parser)


def run(arguments: argparse.Namespace) -> int:
    edits, media = parse_edits(arguments.what_if), inputs.expand(arguments.media)
    for source in media:
        check_place(arguments.output, source)
    arguments.style = _style(arguments.style, arguments.output)
    if arguments.render:
        _check_render(arguments.render, media)
    evidence = arguments.evidence and source_of(arguments.evidence)
    asked = {"question": arguments.question, "what_if": edits or None, "face": arguments.face, "evidence": evidence,
             "model": arguments.model, "grounded": not arguments.ungrounded, "checked": not arguments.unchecked,
             "baseline": arguments.baseline,
             "crops": arguments.crops, "max_faces": arguments.max_faces,
             "prior": arguments.prior}
    progress.use(arguments.progress)
    explanations, failures = _explain_all(media, asked, cut_options(arguments), arguments.style == "json")
    if explanations:
        several = len(media) > 1
        deliver(_as_json(explanations) if arguments.style == "json" else _as_text(explanations, arguments.style, several),
                arguments.output)
    if len(media) == 1 and failures:
        raise failures[0]
    for error in failures:
        complain(str(error), error.exit_code)
    if arguments.render:
        _render(arguments.render, media[0], explanations, arguments)
    return failures[0].exit_code if failures else 0


def _explain_all(media: list[str], asked: dict, cut: dict, empty: bool) -> tuple[list[Explanation], list[InputError]]:
    """Explanations of every face of every file, and what could not be explained. empty: media without a face give one, too."""
    from emollm.explainer import explain, no_face_explanation, rest_of

    asked["baseline"] = rest_of(asked["baseline"])  # measured once for all files
    explanations, failures = [], []
    for source in progress.track(media, "explaining", len(media)) if len(media) > 1 else media:
        try:
            explanations += explain(source_of(source, cut), **asked, **cut)
        except InputError as error:
            failures.append(error)
            if empty and isinstance(error, NoFaceError):
                explanations.append(no_face_explanation(source, str(error), asked["question"], asked["what_if"],
                                                        asked["model"]))
    return explanations, failures


def _style(style: str | None, output: str | None) -> str:
    """The style asked for, or the one that the output's ending asks for. Raises InputError when they do not go together."""
    ending = os.path.splitext(output or "")[1].lower()
    if ending not in ("", ".txt", ".md", ".json"):
        raise InputError(f"{output}: explain writes .txt, .md or .json. Give the file one of these endings.")
    if ending == ".json" and style not in (None, "json"):
        raise InputError(f"{output}: --style {style} is text. Name the file .txt, or leave --style out for JSON.")
    return style or ("json" if ending == ".json" else "full")


def _as_text(explanations: list[Explanation], style: str, several: bool) -> str:
    blocks = [as_text(explanation, style) for explanation in explanations]
    if style == "brief" and several:  # the one style that does not name the file
        blocks = [f"{explanation.source}: {block}" for explanation, block in zip(explanations, blocks, strict=True)]
    gap = "\n" if style == "label" else "\n\n\n" if style == "full" else "\n\n"
    return gap.join(blocks) + "\n"


def _as_json(explanations: list[Explanation]) -> str:
    return json.dumps([explanation.to_dict() for explanation in explanations], indent=1, ensure_ascii=False,
                      allow_nan=False) + "\n"


def _check_render(drawing: str, media: list[str]) -> None:
    """Refuse before the work starts what could not be drawn after it."""
    from emollm.evidence import is_table
    from emollm.output import render

    if len(media) > 1 or media == [inputs.STDIN]:
        raise InputError(f"--render {drawing}: give the path of one photo or clip to draw on")
    check_place(drawing, media[0])
    film = render.is_film(drawing)
    if is_table(source_of(media[0])):
        raise InputError(f"--render {drawing}: {media[0]} has no picture to draw on. Leave --render out or "
                         "give the photo or clip with --evidence.")
    if film:
        _clip_to_film(drawing, media[0], {})


def _clip_to_film(drawing: str, media: str, cut: dict) -> Media:
    """Raises InputError for a photo."""
    from emollm.perception.media import read

    seen = read(source_of(media), **cut)
    if seen.kind == "photo":
        raise InputError(f"--render {drawing}: {media} is a photo. Name the drawing .png or .jpg.")
    return seen


def _render(drawing: str, media: str, explanations: list[Explanation], arguments: argparse.Namespace) -> None:
    """One picture or film a face: out.png, or out_face0.png, out_face1.png... when there are several."""
    from emollm.output import render

    stem, suffix = os.path.splitext(drawing)
    paths = [drawing if len(explanations) == 1 else f"{stem}_face{e.face_id}{suffix}" for e in explanations]
    if render.is_film(drawing):
        _films(paths, media, explanations, arguments)
    else:
        for path, explanation in zip(progress.track(paths, "drawing", len(paths)), explanations, strict=True):
            others = {time: render.frame_at(media, time) for time in render.other_times(explanation)}
            render.save(render.annotate(render.frame_at(media, render.key_time(explanation)), explanation, others), path)
    for path in paths:
        print(f"emollm: drawn to {path}", file=sys.stderr)


def _films(paths: list[str], media: str, explanations: list[Explanation], arguments: argparse.Namespace) -> None:
    """The clip is followed once more: an explanation keeps the moments that it speaks of, not every frame's landmarks."""
    from emollm.explainer import tracks_of
    from emollm.output import film

    seen = _clip_to_film(paths[0], media, cut_options(arguments))
    tracks = {track.face_id: track for track in tracks_of(seen, arguments.max_faces)}
    for path, explanation in zip(paths, explanations, strict=True):
        film.write(path, seen, tracks[explanation.face_id], explanation)
