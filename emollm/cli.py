"""The command line: data on stdout, progress and messages on stderr, one clear line for every mistake.

Exit codes: 0 done; 2 the input or the command cannot be used; 3 no face could be measured; 130 stopped by Ctrl-C.
Nothing heavy is imported before a command needs it, so that `emollm --help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from emollm import inputs, parts, progress
from emollm.arguments import Parser
from emollm.explanation import DISCLOSURE, STYLES, as_text, json_schema, print_text
from emollm.files import write_file
from emollm.schema import AUSeries, InputError, NoFaceError
from emollm.what_if import parse_edits

if TYPE_CHECKING:
    from emollm.explanation import Explanation

STYLES = (*STYLES, "json")
BROKEN_PIPE, INTERRUPTED, FAILED = 141, 130, 1  # as shells report SIGPIPE and SIGINT

EXPLAIN_EXAMPLES = """examples:
  emollm explain photo.jpg
  emollm explain photo.jpg --style json -o photo.json --render photo_explained.png
  emollm explain clip.mp4 --baseline clip --question "What changes when the brows go up?"
  emollm explain photo.jpg --what-if AU12=0 --what-if AU04=3
  emollm explain clip.mp4 --evidence openface.csv     your own action units, our explanation
  emollm explain 6C+12D                               hand-coded FACS, no picture at all
  emollm explain *.jpg --style label                  several files; a folder is for emollm caption
  emollm explain long.mp4 --start 12.5 --end 20 --fps 5

Verdicts beside each movement: + supported by the measurement, x contradicted, ? unsure, - unmeasured (drawn as
signs where the terminal can show them)."""
MEASURE_EXAMPLES = """examples:
  emollm measure photo.jpg -o photo.json
  emollm measure clip.mp4 -o clip.csv --baseline clip
  emollm measure clip.mp4 -o clip.csv --format openface   17 AUxx_r and 18 AUxx_c columns
  emollm measure photo.jpg                                CSV on the terminal

Left and right are the person's own. 0 = absent, 1-5 = FACS A-E, empty = not visible."""
CHAT_EXAMPLES = """examples:
  emollm chat photo.jpg
  emollm chat clip.mp4 --question "What changes when the brows go up?" --question "What else could it mean?"
  emollm chat photo.jpg --server http://localhost:8000   answered by `emollm serve`

Answers are written as they come; /help lists the commands. With --question, or questions piped in one a line, it answers
and ends."""
EXPORT_EXAMPLES = """examples:
  emollm export clip.mp4 --to boris -o clip.boris          opens in BORIS, ready to be corrected; .csv for its table
  emollm export clip.csv --to eaf -o clip.eaf              a table of action units, as `emollm measure` or others write it
  emollm export captions.jsonl --to bids -o events/        every clip its own file
  emollm export clip.json --to parquet -o clip.parquet     what `emollm explain --style json` wrote

boris, eaf (ELAN), textgrid (Praat) and bids hold movements: onset, apex, offset, side, strength. emollm, openface, fex
(py-feat), libreface, arkit and parquet hold every frame; svg is a figure of both. docs/formats.md says what each format
cannot hold."""
SPOT_EXAMPLES = """examples:
  emollm spot clip.mp4                      CSV on the terminal
  emollm spot clip.mp4 --json -o brief.json

A brief movement lasts at most 0.5 s from onset to offset and is undone. Speech is full of them: spot faces that do not talk.
displacement: percent of the distance of the outer eye corners; strain: of the skin, between onset and apex. What moved is
measured; that it was meant, hidden or felt is not. docs/formats.md has the rate of false alarms on resting faces."""
AGREE_EXAMPLES = """examples:
  emollm agree ours.csv coder.eaf                    machine against a human coder
  emollm agree ours.csv openface.csv --json -o agreement.json
  emollm agree ours.csv coder_events.tsv --figure agreement.svg

A and B: tables of action units over time, or movements of BORIS, ELAN, Praat or BIDS. docs/formats.md has the formulas."""
AU_EXAMPLES = """examples:
  emollm au          all action units, one a line
  emollm au 12       what AU12 is, how it looks, what it is commonly read as
  emollm au AU04 7   several"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Never raises for a mistake of the user."""
    try:
        given = sys.argv[1:] if argv is None else argv
        given = [*given[1:2], "--help"] if given[:1] == ["help"] else given  # `emollm help explain`
        if given[:1] == ["serve"]:  # its options are vLLM's too, which this parser does not know
            return _serve(given[1:])
        if given[:1] == ["eval"]:  # its suites have parsers of their own
            return _eval(given[1:])
        arguments = _parser().parse_args(given)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("stopped", INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (`emollm ... | head`); keep Python from failing again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        return _complain("not enough memory. Give a smaller picture or a shorter clip.", FAILED)
    except Exception as error:
        if os.environ.get("EMOLLM_DEBUG"):
            raise
        return _complain(f"internal error ({type(error).__name__}: {error}). Please report it; EMOLLM_DEBUG=1 shows "
                         "where it happened.", FAILED)


def _complain(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"emollm: {' '.join(message.split())}", file=sys.stderr)
    return code


# --- arguments ---------------------------------------------------------------------------------------------------

def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="emollm", description="Why is this face read the way it is? Facial action units in, a "
                                                "checkable explanation out.", epilog=DISCLOSURE)
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    _add_explain(commands)
    _add_measure(commands)
    _add_export(commands)
    _add_agree(commands)
    _add_spot(commands)
    _add_chat(commands)
    _add_caption(commands)
    au = _command(commands, "au", _au, "what the action units are and how they look", AU_EXAMPLES)
    au.add_argument("names", nargs="*", metavar="AU", help="action unit, such as 12 or AU12 (default: list all)")
    commands.add_parser("serve", help="answer OpenAI clients over HTTP; see emollm serve --help")
    _command(commands, "schema", _schema, "print the JSON Schema of an explanation",
             "example:\n  emollm schema > explanation.schema.json")
    _command(commands, "doctor", _doctor, "check this installation", "Exit code 1 when something does not work.")
    train = _command(commands, "train", _train, "train one stage of the model; a rerun resumes it",
                     "example:\n  emollm train configs/train_tower.yaml     data_engine/README.md has the whole recipe")
    train.add_argument("config", metavar="CONFIG", help="settings of the stage (.yaml)")
    ship = _command(commands, "ship", _ship, "make a trained model one that comes with emollm",
                    "example:\n  emollm ship runs/polish/model pocket --fer DIR")
    ship.add_argument("trained", metavar="FOLDER", help="folder of the trained model")
    ship.add_argument("name", metavar="NAME", help="what --model will call it")
    ship.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    commands.add_parser("eval", help="measure the quality of a model; see emollm eval --help")
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


def _command(commands: argparse._SubParsersAction, name: str, run: object, about: str, examples: str,
             **options: object) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=examples,
                                 formatter_class=argparse.RawDescriptionHelpFormatter, **options)
    parser.set_defaults(run=run, parser=parser)
    return parser


def _add_explain(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "explain", _explain, "explain how the faces in a photo or clip are commonly read",
                      EXPLAIN_EXAMPLES)
    add = parser.add_argument
    add("media", nargs="+", metavar="MEDIA", help="photo, clip, table of action units, or a FACS code such as 6C+12D; - reads "
        "a photo or clip that is piped in")
    add("--question", metavar="TEXT", help="what to ask about the face")
    add("--style", choices=STYLES, help="movement: only what moves; label: one line; brief: two or "
        "three sentences; full (default); json: everything (default for -o FILE.json)")
    add("--what-if", action="append", default=[], metavar="AU=LEVEL",
        help="explain the face with one action unit edited, 0 (absent) to 5; repeatable")
    add("--face", type=_face_number, metavar="N", help="only this face, as numbered in the output (default: all)")
    add("--evidence", metavar="TABLE", help="use these action units instead of measuring: emollm, OpenFace, py-feat, "
        "LibreFace, ARKit or long table, 478 face landmarks, or a FACS code")
    add("--baseline", choices=("none", "clip"), default=None,
        help="what counts as this face at rest: the average face (none) or the clip's own quiet moments (clip)")
    parts.add_arguments(parser)
    parts.add_crops(parser)
    add("--model", default="pocket", metavar="DIR", help="pocket (default, comes with emollm) or a checkpoint folder")
    add("--ungrounded", action="store_true", help="let the model write observations freely (for research)")
    add("--render", metavar="PNG", help="draw the explanation on the picture (.png or .jpg)")
    add("-o", "--output", metavar="FILE", help="write the text or JSON here instead of stdout")
    _add_progress(parser)


def _add_measure(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "measure", _measure, "measure the action units of every face, without reading them",
                      MEASURE_EXAMPLES)
    add = parser.add_argument
    add("media", nargs="+", metavar="MEDIA", help="photo or clip; - reads one that is piped in")
    add("-o", "--output", metavar="FILE", help=".csv or .json (default: CSV on stdout)")
    add("--format", choices=("emollm", "openface"), default="emollm", help="columns of the CSV (default: emollm)")
    add("--baseline", choices=("none", "clip"), default=None,
        help="what counts as this face at rest (default: clip for clips)")
    parts.add_arguments(parser)
    parts.add_crops(parser)
    _add_progress(parser)


def _add_export(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "export", _export, "write movements or action units in the format of another tool",
                      EXPORT_EXAMPLES)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="clip, table of action units, explanation (.json) or captions (.jsonl)")
    add("--to", required=True, choices=("boris", "eaf", "textgrid", "bids", "emollm", "openface", "fex", "libreface", "arkit",
                                        "parquet", "svg"), help="format to write")
    add("-o", "--output", required=True, metavar="FILE", help="file, or a folder in which every clip gets its own")
    add("--media", metavar="CLIP", help="the clip that a table belongs to, as the written file should name it")
    add("--baseline", choices=("none", "clip"), default=None, help="of a clip: what counts as this face at rest")
    _add_progress(parser)


def _add_agree(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "agree", _agree, "compare two codings of the same faces, unit by unit", AGREE_EXAMPLES)
    add = parser.add_argument
    add("a", metavar="A", help="a coding")
    add("b", metavar="B", help="the reference")
    add("--json", action="store_true", help="everything as JSON")
    add("--figure", metavar="SVG", help="draw values and intervals")
    add("-o", "--output", metavar="FILE", help="write the table or JSON here instead of stdout")


def _add_spot(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "spot", _spot, "find brief movements of half a second or less", SPOT_EXAMPLES)
    add = parser.add_argument
    add("media", metavar="CLIP", help="clip of at least 12 frames a second")
    add("--json", action="store_true", help="JSON instead of CSV")
    add("-o", "--output", metavar="FILE", help="write here instead of stdout")
    _add_progress(parser)


def _add_chat(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "chat", _chat, "ask about one face, turn by turn", CHAT_EXAMPLES)
    add = parser.add_argument
    add("media", metavar="MEDIA", help="photo, clip, table of action units, or a FACS code such as 6C+12D")
    add("--question", action="append", default=[], metavar="TEXT", help="ask this and end; repeatable")
    add("--face", type=_face_number, metavar="N", help="the face to ask about (default: the largest)")
    add("--what-if", action="append", default=[], metavar="AU=LEVEL", help="edit one action unit first; repeatable")
    add("--baseline", choices=("none", "clip"), default=None, help="what counts as this face at rest")
    parts.add_arguments(parser)
    add("--model", metavar="DIR", help="pocket (default, comes with emollm) or a checkpoint folder")
    add("--engine", choices=("transformers", "vllm"), help="what runs the model here (default: transformers)")
    add("--server", metavar="URL", help="let a server answer instead, such as http://localhost:8000")
    add("--api-key", metavar="KEY", help="of the server")
    add("--ungrounded", action="store_true", help="let the model write observations freely (for research)")
    _add_progress(parser)


def _add_caption(commands: argparse._SubParsersAction) -> None:
    from emollm.caption import command

    command.add_arguments(_command(commands, "caption", command.run, command.ABOUT, command.EXAMPLES))


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--progress", choices=progress.MODES, default="auto",
                        help="on stderr: bar, plain lines or none (default: a bar on a terminal)")


def _face_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a face number such as 0 or 1")
    return int(text)


# --- commands ----------------------------------------------------------------------------------------------------

def _explain(arguments: argparse.Namespace) -> int:
    edits, media = parse_edits(arguments.what_if), inputs.expand(arguments.media)
    for given in media:
        _check_place(arguments.output, given)
    arguments.style = _style(arguments.style, arguments.output)
    if arguments.render:
        _check_render(arguments.render, media)
    evidence = arguments.evidence and _source(arguments.evidence)
    asked = {"question": arguments.question, "what_if": edits or None, "face": arguments.face, "evidence": evidence,
             "model": arguments.model, "grounded": not arguments.ungrounded, "baseline": arguments.baseline,
             "crops": arguments.crops}
    progress.use(arguments.progress)
    found, failures = _explained(media, asked, _cut(arguments), arguments.style == "json")
    if found:
        _deliver(_as_json(found) if arguments.style == "json" else _as_text(found, arguments.style, len(media) > 1),
                 arguments.output)
    if len(media) == 1 and failures:
        raise failures[0]
    for error in failures:
        _complain(str(error), error.exit_code)
    if arguments.render:
        _render(arguments.render, media[0], found)
    return failures[0].exit_code if failures else 0


def _explained(media: list[str], asked: dict, cut: dict, empty: bool) -> tuple[list[Explanation], list[InputError]]:
    """Explanations of every face of every file, and what could not be explained. empty: media without a face give one, too."""
    from emollm.explainer import explain, no_face

    found, failures = [], []
    for given in progress.track(media, "explaining", len(media)) if len(media) > 1 else media:
        try:
            found += explain(_source(given, cut), **asked, **cut)
        except InputError as error:
            failures.append(error)
            if empty and isinstance(error, NoFaceError):
                found.append(no_face(given, str(error), asked["question"], asked["what_if"], asked["model"]))
    return found, failures


def _as_text(found: list[Explanation], style: str, several: bool) -> str:
    blocks = [as_text(explanation, style) for explanation in found]
    if style == "brief" and several:  # the one style that does not name the file
        blocks = [f"{explanation.source}: {block}" for explanation, block in zip(found, blocks, strict=True)]
    gap = "\n" if style == "label" else "\n\n\n" if style == "full" else "\n\n"
    return gap.join(blocks) + "\n"


def _cut(arguments: argparse.Namespace) -> dict:
    """Of the part of a clip what was given. Raises InputError before any work when it cannot be."""
    return {name: value for name, value in vars(parts.cut_of(arguments)).items() if value is not None}


def _source(given: str, cut: dict | None = None) -> object:
    """A FACS code becomes evidence, - what is piped in; everything else is a path."""
    if given == inputs.STDIN:
        return inputs.piped_media(**(cut or {}))
    if os.path.exists(given) or not given[:3].strip("AULRaulr ")[:1].isdecimal():
        return given
    from emollm import evidence

    return evidence.parse_facs(given, given) if evidence.looks_like_facs(given) else given


def _style(style: str | None, output: str | None) -> str:
    """The style asked for, or the one that the output's ending asks for. Raises InputError when they do not go together."""
    ending = os.path.splitext(output or "")[1].lower()
    if ending not in ("", ".txt", ".md", ".json"):
        raise InputError(f"{output}: explain writes .txt, .md or .json. Give the file one of these endings.")
    if ending == ".json" and style not in (None, "json"):
        raise InputError(f"{output}: --style {style} is text. Name the file .txt, or leave --style out for JSON.")
    return style or ("json" if ending == ".json" else "full")


def _as_json(found: list[Explanation]) -> str:
    return json.dumps([explanation.to_dict() for explanation in found], indent=1, ensure_ascii=False,
                      allow_nan=False) + "\n"


def _check_place(path: str | None, media: str) -> None:
    """Refuse before the work starts to write where nothing can be written, or over the input."""
    if path is None:
        return
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise InputError(f"{path}: there is no such folder. Create it first.")
    if os.path.isdir(path):
        raise InputError(f"{path}: this is a folder. Give the name of a file.")
    if os.path.exists(path) and os.path.exists(media) and os.path.samefile(path, media):
        raise InputError(f"{path}: this would overwrite the input. Give another name.")


def _check_render(drawing: str, media: list[str]) -> None:
    """Refuse before the work starts what could not be drawn after it."""
    from emollm.evidence import is_table
    from emollm.output import render

    if len(media) > 1 or media == [inputs.STDIN]:
        raise InputError(f"--render {drawing}: give the path of one photo or clip to draw on")
    _check_place(drawing, media[0])
    render.image_format(drawing)
    if not is_table(_source(media[0])):
        return
    raise InputError(f"--render {drawing}: {media[0]} has no picture to draw on. Leave --render out or "
                     "give the photo or clip with --evidence.")


def _render(drawing: str, media: str, found: list[Explanation]) -> None:
    """One picture a face: out.png, or out_face0.png, out_face1.png... when there are several."""
    from emollm.output import render

    stem, suffix = os.path.splitext(drawing)
    for explanation in progress.track(found, "drawing", len(found)):
        path = drawing if len(found) == 1 else f"{stem}_face{explanation.face_id}{suffix}"
        picture = render.frame_at(media, render.key_time(explanation))
        render.save(render.annotate(picture, explanation), path)
        print(f"emollm: drawn to {path}", file=sys.stderr)


def _measure(arguments: argparse.Namespace) -> int:
    kind = os.path.splitext(arguments.output or "x.csv")[1].lower()
    if kind not in (".csv", ".json"):
        raise InputError(f"{arguments.output}: cannot write this kind of table. Name it .csv or .json.")
    if kind == ".json" and arguments.format == "openface":
        raise InputError(f"{arguments.output}: OpenFace's format is a CSV. Name it .csv or leave --format out.")
    media, cut = inputs.one(arguments.media, "measure"), _cut(arguments)
    _check_place(arguments.output, media)
    progress.use(arguments.progress)
    from emollm import evidence
    from emollm.explainer import measure

    source = inputs.piped_media(**cut) if media == inputs.STDIN else media
    def deliver(faces: list, frames: list) -> None:
        _deliver(evidence.json_text(faces) if kind == ".json" else evidence.csv_text(faces, arguments.format, frames),
                 arguments.output)

    try:
        measured = measure(source, baseline=arguments.baseline, crops=arguments.crops, **cut)
    except NoFaceError:
        deliver([AUSeries.unmeasured()], [[0]])  # one row that says so: tables of many pictures keep their count
        raise
    deliver([face.series for face in measured], [face.track.frames for face in measured])
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from emollm.output import export

    if not os.path.isdir(arguments.output):
        _check_place(arguments.output, arguments.source)
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


def _agree(arguments: argparse.Namespace) -> int:
    for path in (arguments.output, arguments.figure):
        _check_place(path, arguments.a)
        _check_place(path, arguments.b)
    if arguments.figure and not arguments.figure.lower().endswith(".svg"):
        raise InputError(f"{arguments.figure}: the figure is drawn as SVG. Name it .svg.")
    from emollm.output import agreement
    from emollm.output import agreement_report as shown

    a, b = (os.path.basename(path) for path in (arguments.a, arguments.b))
    found = agreement.agree(agreement.pair(agreement.read(arguments.a), agreement.read(arguments.b), (a, b)))
    if not found:
        raise InputError(f"{a} and {b} have no action unit in common.")
    _deliver((shown.as_json if arguments.json else shown.as_text)(found, a, b), arguments.output)
    if arguments.figure:
        write_file(arguments.figure, shown.figure(found, a, b))
    return 0


def _spot(arguments: argparse.Namespace) -> int:
    _check_place(arguments.output, arguments.media)
    progress.use(arguments.progress)
    from emollm.output import brief
    from emollm.perception import face, media, spot

    clip = media.read(arguments.media)
    if clip.kind != "clip" or (clip.fps or 0) < spot.MIN_RATE:
        raise InputError(f"{arguments.media}: a brief movement needs a clip of at least {spot.MIN_RATE:g} frames a second.")
    tracks = face.follow(clip)
    if not tracks:
        raise NoFaceError(f"{arguments.media}: no face could be measured. Use a clip with a larger, less turned face.")
    found = [movement for track in progress.track(tracks, "spotting", len(tracks)) for movement in spot.spot(clip, track)]
    _deliver(brief.as_json(found, arguments.media) if arguments.json else brief.as_csv(found), arguments.output)
    return 0


def _chat(arguments: argparse.Namespace) -> int:
    edits = parse_edits(arguments.what_if)
    progress.use(arguments.progress)
    from emollm.chat.begin import begin
    from emollm.chat.terminal import talk

    source, cut = _source(inputs.one([arguments.media], "chat")), parts.cut_of(arguments)
    begun = begin(source, model=arguments.model, backend=arguments.engine, server=arguments.server,
                       api_key=arguments.api_key, baseline=arguments.baseline, face=arguments.face, what_if=edits,
                       grounded=not arguments.ungrounded, **({} if cut.whole else {"cut": cut}))
    return talk(begun, arguments.question)


def _au(arguments: argparse.Namespace) -> int:
    from emollm.facs.readings import describe
    from emollm.facs.units import ACTION_UNITS

    if arguments.names:
        print("\n\n".join(describe(name) for name in arguments.names))
    else:
        print("\n".join(f"{unit.name}  {unit.title:<26}{unit.look[0]}" for unit in ACTION_UNITS.values()))
    return 0


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=1))
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from emollm import doctor

    return doctor.main()


def _serve(options: list[str]) -> int:
    from emollm_vllm.process import launch

    return launch.main(options)


def _train(arguments: argparse.Namespace) -> int:
    from emollm.training import settings

    if settings.read(arguments.config).get("stage") == "tower":
        from emollm.training.tower import main
    else:
        from emollm.training.stages import main
    main(arguments.config)
    return 0


def _ship(arguments: argparse.Namespace) -> int:
    progress.use("auto")
    from emollm.ship import ship

    ship(arguments.trained, arguments.name, arguments.fer)
    return 0


def _eval(options: list[str]) -> int:
    from emollm.evaluation import command

    return command.main(options)


def _deliver(text: str, path: str | None) -> None:
    """To a file, whole or not at all, or to stdout in signs that it can show."""
    if path:
        write_file(path, text)
    else:
        print_text(text)


if __name__ == "__main__":
    sys.exit(main())
