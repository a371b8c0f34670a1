"""The README's commands and Python run as they stand there, in a folder that holds the files they name.

One that explains, one that measures, one chat and one captioning run as processes, the rest in this one (command_fixtures.py).
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_fixtures import run_command, run_python

ROOT = Path(__file__).parents[1]
NEEDS_SERVER = "# with the server running"
README = (ROOT / "README.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ASKED = "What is moving here?\n"  # on stdin, where a chat reads it


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def commands() -> list[str]:
    """Lines that start with the console script, comments cut off, measuring first: it writes what another reads. Those that
    start a server or need one are run further down."""
    lines = [line.split(" #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    found = [line.removeprefix(".venv/bin/emollm ") for line in lines if line.startswith(".venv/bin/emollm")]
    found = [line for line in found if line != "serve" and "--server" not in line and "--llm" not in line]
    return sorted(found, key=lambda line: not line.startswith("measure"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut, astronaut_clip):
    from PIL import Image

    place = tmp_path_factory.mktemp("readme")
    for name in ("photo.jpg", "neutral.jpg"):
        Image.fromarray(astronaut).save(place / name, quality=95)
    (place / "clips").mkdir()
    for copy in (place / "clip.mp4", place / "clips" / "clip.mp4"):
        copy.write_bytes(Path(astronaut_clip).read_bytes())
    for command in ("measure photo.jpg -o units.csv", "measure clip.mp4 -o track.csv"):
        done = run_command(command, place)
        assert done.returncode == 0, done.stderr
    return place


def as_process(command: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "emollm", *shlex.split(command)], cwd=folder, capture_output=True,
                          text=True, timeout=300, check=False, input=ASKED)


def real() -> set[str]:
    """The first command of each of these kinds, and those that start vLLM, which wants a process to itself."""
    kinds = {kind: next(c for c in commands() if c.startswith(f"{kind} ")) for kind in ("explain", "chat", "caption")}
    return {*kinds.values(), *(command for command in commands() if "--engine vllm" in command)}


def test_readme_names_every_command_once():
    assert len(commands()) >= 8


@pytest.mark.parametrize("command", [c for c in commands() if not c.startswith("measure")])
def test_command(command, folder):
    done = as_process(command, folder) if command in real() else run_command(command, folder, ASKED)
    assert done.returncode == 0, done.stderr
    words = shlex.split(command)
    written = folder / words[words.index("-o") + 1] if "-o" in words else None
    assert done.stdout.strip() or (written and written.stat().st_size)


def test_measure_command(folder):
    (command,) = [c for c in commands() if c.startswith("measure")]
    done = as_process(command.replace("track.csv", "other.csv"), folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "other.csv").read_text().startswith("frame,timestamp")


def test_python(folder):
    code = next(b for b in blocks("python") if NEEDS_SERVER not in b)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "AU12" in done.stdout


@pytest.mark.parametrize("code", blocks("python", API), ids=["explain", "inputs", "measure", "load", "parse"])
def test_python_of_the_api_page(code, folder):
    done = run_python(code, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_api_page_names_the_whole_surface():
    """Every public name and every command stands on the page, and nothing that is not public is called so."""
    import emollm

    assert [name for name in emollm.__all__ if name not in API] == []
    listed = subprocess.run([sys.executable, "-m", "emollm", "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^    (\w+) ", listed, re.MULTILINE)
    assert {"explain", "train"} <= set(commands)
    assert [command for command in commands if f"emollm {command}" not in API] == []
    assert set(re.findall(r"`emollm\.(\w+)", API)) <= set(emollm.__all__)


API_COMMANDS = [line.removeprefix("emollm ") for block in blocks("bash", API) for line in block.splitlines()]


@pytest.mark.parametrize("command", API_COMMANDS)
def test_command_of_the_api_page(command, folder):
    done = run_command(command, folder, ASKED)
    assert done.returncode == 0, done.stderr
    written = [word for word in shlex.split(command) if re.search(r"\.(json|png|mp4|csv|jsonl)$", word)]
    assert all((folder / name).stat().st_size for name in written)
    assert done.stdout.strip() or any(word in command for word in (" -o ", "--render"))


def test_every_option_of_the_api_page_exists():
    rows = re.findall(r"^\| `emollm (\w+)[^|]*\|(.*)\|$", API, re.MULTILINE)
    named = {command: re.findall(r"`(--[a-z-]+)", about) for command, about in rows if command not in ("serve", "eval")}
    assert {"--render", "--prior", "--max-faces"} <= set(named["explain"])
    for command, options in named.items():
        told = run_command([command, "--help"])
        assert told.returncode == 0
        assert [option for option in options if not re.search(rf"{option}\b", told.stdout)] == [], command


def test_server_snippets(folder, server):
    """The openai and the curl example, against `emollm serve` (its port is another here)."""
    pytest.importorskip("openai")
    python = next(b for b in blocks("python") if NEEDS_SERVER in b)
    curl = next(b for b in blocks("bash") if NEEDS_SERVER in b)
    for command in ([sys.executable, "-c", python], ["bash", "-c", curl],
                    [sys.executable, "-m", "emollm", "chat", "photo.jpg", "--server", "http://127.0.0.1:8000"]):
        command[-1] = command[-1].replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
                              input="Why is this face read the way it is?\n")
        assert done.returncode == 0, done.stderr
        assert "AU" in done.stdout
        assert "Conclusion:" in done.stdout or "commonly read as" in done.stdout


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", "\n".join(blocks("bash")), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_named_files_exist():
    for name in re.findall(r"`((?:docs|data_engine|emollm|configs)/[\w./]+)`", README):
        assert (ROOT / name).exists(), name


def test_every_config_names_the_command_that_runs_it():
    for path in (ROOT / "configs").glob("*.yaml"):
        assert f"configs/{path.name}" in path.read_text().splitlines()[0], path
