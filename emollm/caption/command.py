"""`emollm caption`: arguments, checks at the door, and the run from listing to derived files.

Nothing heavy is imported before the run: `emollm --help` reads this file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from emollm.caption.run.meter import MODES, Meter
from emollm.schema import InputError

if TYPE_CHECKING:
    from emollm.caption.incoming.items import Item
    from emollm.caption.run.log import Log

INTERRUPTED = 130
ABOUT = "caption many photos and clips; resumes where it stopped"
EXAMPLES = """examples:
  emollm caption photos/ clips/ -o captions.jsonl
  emollm caption 'clips/**/*.mp4' -o captions.jsonl --csv captions.csv --report captions.html --srt subtitles/
  emollm caption list.csv -o captions.jsonl         columns: path, and if wanted custom_id, question, what_if
  emollm caption batch.jsonl -o answers.jsonl       OpenAI batch requests with image_url or video_url
  emollm caption --status captions.jsonl            how far it is, as JSON

One line an item, in OpenAI batch form with every face's explanation under "emollm". The same command again goes on where it
stopped and does nothing twice; files that cannot be read get error lines, which --retry-errors tries again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="folder (with all below it), glob, photo, clip, table (.csv, .parquet) or "
        "OpenAI batch file (.jsonl)")
    add("-o", "--output", metavar="JSONL", help="one line an item; goes on when the file is there")
    add("--question", metavar="TEXT", help="what to ask about every face that has no question of its own")
    add("--what-if", action="append", default=[], metavar="AU=LEVEL",
        help="explain with one action unit edited, 0 (absent) to 5; repeatable")
    add("--baseline", choices=("none", "clip"), default=None, help="what counts as a face at rest (default: the clip's own "
        "quiet moments for clips, the average face for photos)")
    add("--model", default="pocket", metavar="DIR", help="pocket (default, comes with emollm) or a checkpoint folder")
    add("--engine", choices=("transformers", "vllm"), default="transformers", help="what runs the model")
    add("--ungrounded", action="store_true", help="let the model write observations freely (for research)")
    add("--root", metavar="DIR", help="folder of the files that a table or batch file names (default: its own folder)")
    add("--workers", type=_positive, metavar="N", help="measuring processes (default: one a core)")
    add("--batch", type=_positive, default=16, metavar="N", help="faces the model answers at once (default 16)")
    add("--ray", nargs="?", const="here", metavar="ADDRESS", help="on a Ray cluster: of this machine, or the one at ADDRESS")
    add("--engines", type=_positive, metavar="N", help="with --ray: processes that answer (default: one for each GPU that the "
        "engine uses, else by how many of the inputs are clips)")
    add("--engine-gpus", type=float, metavar="G", help="with --ray: GPUs, or the share of one, that each of them takes")
    add("--keep-shards", action="store_true", help="with --ray: leave the lines where the machines wrote them, listed in "
        "JSONL.shards/manifest.json")
    add("--csv", metavar="CSV", help="also one summary row a face: mean, SD, peak and percent active of every action unit")
    add("--measurements", metavar="DIR", help="also the action units of every item over time, as CSV")
    add("--srt", metavar="DIR", help="also subtitles of every clip (SubRip)")
    add("--vtt", metavar="DIR", help="also subtitles of every clip (WebVTT)")
    add("--report", metavar="HTML", help="also one page with every face, its movements and its reading")
    add("--retry-errors", action="store_true", help="try the items again that have an error line")
    add("--progress", choices=MODES, default="auto", help="on stderr: bar, plain lines, JSON lines or none (default: a bar on "
        "a terminal, else plain lines)")
    add("--status", metavar="JSONL", help="print how far an output is, as JSON, and end")


def run(arguments: argparse.Namespace) -> int:
    """The command. Returns the exit code: 0 every item has its line, 130 stopped before."""
    if arguments.status:
        from emollm.caption.ray.shards import status

        print(json.dumps(status(arguments.status), indent=1, ensure_ascii=False))
        return 0
    if not arguments.inputs or not arguments.output:
        raise InputError("caption needs inputs and -o OUTPUT.jsonl. See 'emollm caption --help'.")
    return _caption(arguments)


def _caption(arguments: argparse.Namespace) -> int:
    from emollm.caption.incoming.sources import read_inputs
    from emollm.caption.outgoing.outputs import Wanted, derive
    from emollm.caption.ray import cluster, shards
    from emollm.caption.run.log import Log
    from emollm.caption.run.settings import settings_of
    from emollm.what_if import parse_edits

    cluster.check(arguments)
    what_if = tuple(sorted(parse_edits(arguments.what_if).items()))
    items = read_inputs(arguments.inputs, arguments.root, arguments.question, what_if)
    wanted = Wanted(arguments.csv, arguments.measurements, arguments.srt, arguments.vtt, arguments.report)
    _check_output(arguments.output, arguments.inputs)
    wanted.check(arguments.inputs, arguments.output)
    settings = settings_of(arguments.model, not arguments.ungrounded, arguments.question, what_if, arguments.baseline)
    with Log(arguments.output, settings) as log:
        if not arguments.keep_shards:
            shards.merge(log)  # what a run with --ray left
        given = {item.custom_id for item in items}
        total = len(items) + sum(custom_id not in given for custom_id in log.entries)
        _tell(_found(log, items))
        log.note(total, complete=False)
        meter = (cluster.caption if arguments.ray else _run)(arguments, log, items)
        log.compact()
        if meter.done < meter.total:
            _tell(f"stopped: {meter.done} of {meter.total} items are done. Run the same command again to go on.")
            return INTERRUPTED
        derive(wanted, log, items)
        log.note(total, complete=True)
        _tell(f"{meter.total - meter.errors} answered, {meter.errors} errors: {arguments.output}"
              + (" (--retry-errors tries those again)" if meter.errors else ""))
    return 0


def _run(arguments: argparse.Namespace, log: Log, items: list[Item]) -> Meter:
    """Answer what has no line yet."""
    from emollm.caption.incoming.items import by_medium
    from emollm.caption.run.pipeline import Run, Stop
    from emollm.model.checkpoint import shape_of
    from emollm.workers import Workers

    meter, shape, count = Meter(arguments.progress, len(items)), shape_of(arguments.model), _workers(arguments.workers)

    def engine():
        from emollm.model.engine import engine as engine_of

        if arguments.engine == "transformers":
            import torch

            torch.set_num_threads(max(1, _cores() - count))  # threads that wait for a busy core make every step slower
        return engine_of(arguments.model, arguments.engine)

    with Stop() as stop, Workers(count) as workers:
        def prepare(source, name):
            return workers.submit(source, shape, name=name, baseline=arguments.baseline).result()

        run = Run(log, engine, workers, prepare, meter, stop, arguments.model, not arguments.ungrounded, arguments.batch,
                  threads=count + 1, retry_errors=arguments.retry_errors)  # one more: it hashes while the others wait
        try:
            run.all(by_medium(items))
        finally:
            meter.show(last=True)
    return meter


def _check_output(path: str, inputs: list[str]) -> None:
    """Refuse what cannot be an output before anything is created."""
    if os.path.isdir(path):
        raise InputError(f"{path}: this is a folder. Give the name of a file.")
    for given in inputs:
        if os.path.exists(path) and os.path.exists(given) and os.path.samefile(path, given):
            raise InputError(f"{path}: this would overwrite the input. Give another name.")


def _found(log: Log, items: list[Item]) -> str:
    """What an earlier run left, in words; empty for a fresh output."""
    given = {item.custom_id for item in items}
    here = sum(custom_id in given for custom_id in log.entries)
    told = [f"going on: {here} of {len(items)} items have their line"] if here else []
    if other := len(log.entries) - here:
        told.append(f"{other} lines of inputs that were not given this time are kept")
    if log.damaged:
        told.append(f"{log.damaged} lines were changed or damaged since they were written and are done again")
    return "; ".join(told)


def _workers(asked: int | None) -> int:
    return asked or _cores()  # clips wait for measuring far more than for the model


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 on")
    return int(text)


def _tell(message: str) -> None:
    if message:
        print(f"emollm: {message}", file=sys.stderr, flush=True)
