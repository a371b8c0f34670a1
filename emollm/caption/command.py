"""`emollm caption`: arguments, checks at the door, and the run from listing to derived files.

Nothing heavy is imported before the run: `emollm --help` reads this file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from emollm import options
from emollm.caption.run.progress import MODES, Progress
from emollm.files import check_target
from emollm.schema import INTERRUPTED, InputError

if TYPE_CHECKING:
    from emollm.caption.incoming.items import Item
    from emollm.caption.outgoing.outputs import WantedFiles
    from emollm.caption.run.job import Job
    from emollm.caption.run.log import Entry, Log

OTHER_FORMATS = (".csv", ".tsv", ".txt", ".md", ".xlsx", ".parquet", ".html", ".htm", ".srt", ".vtt", ".yaml", ".xml", ".pdf")
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
    options.add_baseline(parser)
    options.add_model(parser)
    options.add_engine(parser)
    options.add_ungrounded(parser)
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
    add("--srt", metavar="DIR", help="also subtitles of every clip (SubRip), named after it: clip.srt")
    add("--vtt", metavar="DIR", help="the same as WebVTT")
    add("--report", metavar="HTML", help="also one page with every face, its movements and its reading")
    options.add_cut(parser)
    options.add_crops(parser)
    options.add_max_faces(parser)
    options.add_prior(parser)
    add("--retry-errors", action="store_true", help="try the items again that have an error line")
    add("--progress", choices=MODES, default="auto", help="on stderr: bar, plain lines, JSON lines or none (default: a bar on "
        "a terminal, else plain lines)")
    add("--status", metavar="JSONL", help="print how far an output is, as JSON, and end")


def run(arguments: argparse.Namespace) -> int:
    """The command. Returns the exit code: 0 every item has its line, 130 stopped before. Raises InputError."""
    if arguments.status:
        from emollm.caption.run.shards import status

        print(json.dumps(status(arguments.status), indent=1, ensure_ascii=False))
        return 0
    if not arguments.inputs or not arguments.output:
        raise InputError("caption needs inputs and -o OUTPUT.jsonl. See 'emollm caption --help'.")
    from emollm.caption.outgoing.outputs import WantedFiles

    wanted = WantedFiles(arguments.csv, arguments.measurements, arguments.srt, arguments.vtt, arguments.report)
    return _caption(_job(arguments), wanted, arguments.inputs, arguments.root)


def _job(arguments: argparse.Namespace) -> Job:
    from emollm.caption.run.job import Job
    from emollm.explainer import rest_of
    from emollm.subject import Viewing
    from emollm.what_if import parse_edits

    viewing = Viewing(rest_of(arguments.baseline), arguments.crops, options.cut_of(arguments), arguments.max_faces,
                      arguments.prior)
    return Job(arguments.output, arguments.question, tuple(sorted(parse_edits(arguments.what_if).items())), arguments.model,
               arguments.engine, not arguments.ungrounded, arguments.batch, arguments.workers, arguments.retry_errors,
               arguments.progress, arguments.ray, arguments.engines, arguments.engine_gpus,
               arguments.keep_shards, viewing)


def _caption(job: Job, wanted: WantedFiles, inputs: list[str], root: str | None) -> int:
    from emollm.caption.cluster import connect
    from emollm.caption.incoming.sources import LeftOutFiles, read_inputs
    from emollm.caption.outgoing.outputs import derive
    from emollm.caption.run import shards
    from emollm.caption.run.log import Log

    connect.check(job, wanted.options)
    _check_ending(job.output)
    left_out = LeftOutFiles()
    items = read_inputs(inputs, root, job.question, job.what_if, left_out)
    check_target(job.output, inputs)
    wanted.check(inputs, job.output)
    with Log(job.output, job.settings()) as log:
        damaged = log.damaged
        entries = shards.gather(log, job.keep_shards)  # what an earlier run left
        total = len(items) + len(entries.keys() - {item.custom_id for item in items})
        _tell(str(left_out) if left_out else "")
        _tell(_summary_of(entries, items, damaged))
        log.note(total, complete=False)
        progress = _run(job, log, entries, items, total)
        shards.gather(log, job.keep_shards)
        log.compact()
        if job.keep_shards:
            shards.write_manifest(log, total, complete=progress.is_complete)
            _tell(f"every file with lines is listed in {shards.manifest_of(log.path)}")
        if not progress.is_complete:
            _tell(f"stopped: {progress.done} of {progress.total} items are done. Run the same command again to go on.")
            return INTERRUPTED
        derive(wanted, log, items)
        log.note(total, complete=True)
        _tell(f"{progress.total - progress.errors} answered, {progress.errors} errors: {job.output}"
              + (" (--retry-errors tries those again)" if progress.errors else ""))
    return 0


def _run(job: Job, log: Log, entries: dict[str, Entry], items: list[Item], total: int) -> Progress:
    """Answer what has no line yet, here or on a cluster."""
    from emollm.caption.cluster.executor import cluster_executor
    from emollm.caption.incoming.items import group_by_medium
    from emollm.caption.incoming.sources import CLIP_SUFFIXES
    from emollm.caption.run.local import local_executor
    from emollm.caption.run.scheduler import Scheduler
    from emollm.caption.run.stop import Stop

    progress = Progress(job.progress, len(items))
    clips = sum(str(item.source).lower().endswith(CLIP_SUFFIXES) for item in items) / len(items)
    here = (cluster_executor(job, log, total, clips, progress.start_answering) if job.ray else
            local_executor(job, log, progress.start_answering))
    with here as executor, Stop() as stop:  # in this order: Ray has signal handlers of its own
        try:
            Scheduler(job, log, entries, executor, progress, stop).run(group_by_medium(items))
        finally:
            progress.show(last=True)
    return progress


def _check_ending(path: str) -> None:
    ending = os.path.splitext(path)[1].lower()
    if ending in OTHER_FORMATS:
        raise InputError(f"{path}: caption writes JSON Lines, one an item. Name it .jsonl instead of {ending}; tables, "
                         "subtitles and a page are written beside it with --csv, --measurements, --srt, --vtt and --report.")


def _summary_of(entries: dict[str, Entry], items: list[Item], damaged: int) -> str:
    """What an earlier run left, in words; empty for a fresh output."""
    here = len(entries.keys() & {item.custom_id for item in items})
    told = [f"going on: {here} of {len(items)} items have their line"] if here else []
    if other := len(entries) - here:
        told.append(f"{other} lines of inputs that were not given this time are kept")
    if damaged:
        told.append(f"{damaged} lines were changed or damaged since they were written and are done again")
    return "; ".join(told)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 on")
    return int(text)


def _tell(message: str) -> None:
    if message:
        print(f"emollm: {message}", file=sys.stderr, flush=True)
