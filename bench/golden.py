"""The answers of this tree as one file, and what differs from an earlier one: for changes that must not change an answer.

    python bench/golden.py make golden.json PHOTO_OR_CLIP ...
    python bench/golden.py compare before.json after.json

Every source goes through explain, measure and chat, and all of them together through caption. The commands run in this
process, one thread, so that a hundred answers take minutes; a refusal is an answer too.
"""

import contextlib
import difflib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

QUESTION = "Why is this face read the way it is?"


def run(*words: str) -> dict:
    """One command: exit code, standard output, last line of standard error."""
    from emollm.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(words))
    return {"code": code, "out": out.getvalue(), "err": (err.getvalue().splitlines() or [""])[-1]}


def answers(source: str) -> dict:
    return {"explain": run("explain", source, "--style", "json", "--progress", "none"),
            "text": run("explain", source, "--what-if", "AU12=0", "--progress", "none"),
            "measure": run("measure", source, "--progress", "none"),
            "chat": run("chat", source, "--question", QUESTION, "--question", "What is moving here?", "--progress", "none")}


def captions(sources: list[str]) -> list:
    """The lines of one captioning run, in the order of their items, without times."""
    with tempfile.TemporaryDirectory() as folder:
        media, out = Path(folder, "media"), Path(folder, "captions.jsonl")
        media.mkdir()
        for source in sources:
            (media / Path(source).name).symlink_to(Path(source).resolve())
        run("caption", str(media), "-o", str(out), "--progress", "none")
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    stable = [json.loads(json.dumps(line).replace(folder, "")) for line in lines if "custom_id" in line]
    return sorted((without(line, "created", "id", "request_id", "seconds") for line in stable), key=lambda x: x["custom_id"])


def without(value, *names: str):
    """A JSON value without the keys `names`, at any depth."""
    if isinstance(value, dict):
        return {k: without(v, *names) for k, v in value.items() if k not in names}
    return [without(v, *names) for v in value] if isinstance(value, list) else value


def make(out: str, *sources: str) -> None:
    found = {}
    for number, source in enumerate(sources, 1):
        found[Path(source).name] = answers(source)
        print(f"{number}/{len(sources)} {source}", flush=True)
    Path(out).write_text(json.dumps({"single": found, "caption": captions(list(sources))}, indent=1))


def compare(before: str, after: str) -> int:
    """Print what differs; the exit code says whether anything does."""
    old, new = (json.loads(Path(p).read_text()) for p in (before, after))
    texts = [({f"{s}/{c}": v for s, each in side["single"].items() for c, v in each.items()}
              | {f"caption/{line['custom_id']}": line for line in side["caption"]}) for side in (old, new)]
    differ = [k for k in sorted({*texts[0], *texts[1]}) if texts[0].get(k) != texts[1].get(k)]
    for key in differ:
        sides = [json.dumps(t.get(key), indent=1).replace("\\n", "\n").splitlines() for t in texts]
        print(f"--- {key}", *list(difflib.unified_diff(*sides, lineterm="", n=0))[2:40], sep="\n")
    print(f"{len(texts[0])} answers before, {len(texts[1])} after, {len(differ)} differ")
    return bool(differ)


if __name__ == "__main__":
    sys.exit({"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:]))
