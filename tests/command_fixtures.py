"""Commands of the console script and pieces of Python in the tests' own process, where every model is loaded once.

A process of its own costs ten seconds of imports; what only a process shows (exit codes of the interpreter, pipes, signals) is
tested with real ones.
"""

import contextlib
import io
import logging
import os
import shlex
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from unittest import mock

from emollm import cli, progress

# Set once, when libraries are loaded: by mesh_models.py for mediapipe, by torch and by transformers.
ON_LOADING = ("GLOG_minloglevel", "TF_CPP_MIN_LOG_LEVEL", "TORCHINDUCTOR_CACHE_DIR", "TOKENIZERS_PARALLELISM")


def run_command(command: str | list[str], folder: Path | None = None, told: str = "") -> subprocess.CompletedProcess:
    """`emollm COMMAND` in a folder with this text on stdin."""
    words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    return _run(words, lambda: cli.main(words), folder, told)


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess:
    """`python -c CODE` in a folder."""
    return _run(["-c"], lambda: exec(compile(code, "<snippet>", "exec"), {"__name__": "__main__"}), folder, "")


def _run(words: list[str], work, folder: Path | None, told: str) -> subprocess.CompletedProcess:
    """Fails when the work leaves behind what the next one would notice."""
    streams = {"stdin": io.TextIOWrapper(io.BytesIO(told.encode()), "utf-8"),
               **{name: io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for name in ("stdout", "stderr")}}
    before, argv = _surroundings(), ["emollm", *words]
    with contextlib.ExitStack() as here:
        here.enter_context(contextlib.chdir(folder or Path.cwd()))
        here.enter_context(mock.patch.object(sys, "argv", argv))
        for name, stream in streams.items():
            here.enter_context(mock.patch.object(sys, name, stream))
        here.callback(progress.use, "none")
        here.callback(_threads())
        try:
            code = work() or 0
        except SystemExit as ended:
            code = ended.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
        assert argv == ["emollm", *words]
    assert _surroundings() == before
    out, err = (streams[name].buffer.getvalue().decode() for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(words, code, out, err)


def _surroundings() -> dict:
    """What all of a process shares."""
    root = logging.getLogger()
    return {"folder": Path.cwd(), "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            "log": (root.level, list(root.handlers)), "streams": [sys.stdin, sys.stdout, sys.stderr],
            "environment": {name: value for name, value in os.environ.items() if name not in ON_LOADING}}


def _threads():
    """Gives torch its threads back, which captioning divides among its processes."""
    torch = sys.modules.get("torch")
    count = torch.get_num_threads() if torch else 0
    return lambda: torch and torch.set_num_threads(count)
