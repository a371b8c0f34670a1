"""Captioning on a Ray cluster: real clusters of this machine whose processes are really killed, and the rules for shards."""

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emollm import cli
from emollm.caption.cluster import connect
from emollm.caption.incoming.items import Item
from emollm.caption.run import lines, scheduler, shards
from emollm.caption.run.job import Job
from emollm.caption.run.log import Log
from emollm.caption.run.progress import Progress
from emollm.caption.run.scheduler import FinishedWork, Scheduler
from emollm.caption.run.window import WaitingItem
from emollm.schema import InputError

SECONDS = 240  # longest wait for a process on a busy machine
PHOTOS = 5
AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")  # try for a minute to tell a cluster that is gone of its end
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture(scope="module")
def photos(kill_caption, tmp_path_factory) -> Path:
    """Photos of a face, one picture without a face and one that is damaged."""
    folder = kill_caption.pictures(tmp_path_factory.mktemp("photos"), PHOTOS)
    (folder / "damaged.png").write_bytes((folder / "face 000.png").read_bytes()[:5000])
    import numpy as np
    from PIL import Image

    Image.fromarray(np.full((90, 120, 3), 120, np.uint8)).save(folder / "grey.png")
    return folder


@pytest.fixture(scope="module")
def inputs(photos, two_faces_file, astronaut_clip) -> list[str]:
    """The photos, and a table that asks other questions about some of them, about two faces and about a clip."""
    rows = ["custom_id,path,question,what_if", "asked,face 001.png,What moves?,", "edited,face 001.png,,AU12=0 AU04=3",
            f"faces,{two_faces_file},,", f"clip,{astronaut_clip},,AU01=2"]
    (photos / "list.csv").write_text("\n".join(rows))
    return [str(photos), str(photos / "list.csv")]


@pytest.fixture(scope="module")
def expected(inputs, tiny_folder, kill_caption, tmp_path_factory) -> dict[str, str]:
    """What an uninterrupted run without a cluster answers."""
    output = tmp_path_factory.mktemp("whole") / "out.jsonl"
    assert cli.main(["caption", *inputs, "-o", str(output), "--model", str(tiny_folder), "--progress", "none",
                     "--workers", "1"]) == 0
    found = kill_caption.answers(output)
    assert len(found) == PHOTOS + 6
    return found


def start(inputs, output, model, *options) -> subprocess.Popen:
    """A captioning process at the head of its own session, to which everything it starts belongs."""
    command = [sys.executable, "-m", "emollm", "caption", *inputs, "-o", str(output), "--model", str(model), "--progress",
               "none", "--workers", "1", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def session(process) -> dict[int, str]:
    """Living processes of its session: pid -> command line."""
    listed = subprocess.run(["ps", "-s", str(process.pid), "-o", "pid=,stat=,args="], capture_output=True, check=False)
    rows = [row.split(None, 2) for row in listed.stdout.decode(errors="replace").splitlines()]
    return {int(pid): args for pid, state, args in rows if not state.startswith("Z")}


def written(output) -> int:
    """Whole lines in the output and its shards."""
    return sum(Path(path).read_bytes().count(b"\n") for path in [output, *shards.shards_of(str(output))] if Path(path).exists())


def wait_for_lines(process, output, count) -> None:
    end = time.monotonic() + SECONDS
    while written(output) < count:
        assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
        time.sleep(0.01)


def kill_one(process, name: str) -> int:
    """SIGKILL for the actor of this class."""
    (pid,) = [pid for pid, args in session(process).items() if args.startswith(f"ray::{name}")]
    os.kill(pid, signal.SIGKILL)
    return pid


def left(process, but: tuple[str, ...] = (), seconds: float = 60) -> dict[int, str]:
    """Processes of the session that do not end within that time."""
    end = time.monotonic() + seconds
    while (found := {pid: args for pid, args in session(process).items() if args not in but}) and time.monotonic() < end:
        time.sleep(0.2)
    return found


# --- clusters ----------------------------------------------------------------------------------------------------------

@needs_ray
def test_killed_processes_lose_and_double_nothing(inputs, expected, tiny_folder, kill_caption, tmp_path):
    """One process that answers and one that measures are killed between the first line of a face and the last."""
    output = tmp_path / "out.jsonl"
    process = start(inputs, output, tiny_folder, "--ray", "--batch", "1")
    wait_for_lines(process, output, 2)  # the damaged picture comes first, and is written by the command's process
    os.kill(next(pid for pid, args in session(process).items() if args.startswith("ray::MeasuringProcess")), signal.SIGSTOP)
    before = written(output)
    killed = {kill_one(process, "AnsweringProcess"), kill_one(process, "MeasuringProcess")}
    assert 2 <= before < len(expected)
    _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, told
    assert "1 measuring and 1 answering processes" in told
    assert kill_caption.answers(output) == expected
    assert written(output) == len(expected)  # each once
    assert not shards.folder_of(str(output)).exists()
    assert len(killed) == 2
    assert not left(process)


@needs_ray
def test_going_on_after_the_command_was_killed_and_after_ctrl_c(inputs, expected, tiny_folder, kill_caption, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    process = start(inputs, output, tiny_folder, "--ray", "--batch", "1")
    wait_for_lines(process, output, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    killed = process
    assert not left(killed, but=AGENTS)
    before = {custom_id: line for path in [output, *shards.shards_of(str(output))]
              for custom_id, line in kill_caption.finished(Path(path)).items()}

    assert cli.main(["caption", "--status", str(output)]) == 0
    status = json.loads(capsys.readouterr().out)
    assert 2 <= status["done"] + status["errors"].get("media_undecodable", 0) == len(before) < len(expected)
    assert (status["total"], status["complete"], status["shards"]) == (len(expected), False, 1)

    kept = {path: Path(path).read_bytes() for path in shards.shards_of(str(output))}
    assert cli.main(["caption", *inputs, "-o", str(output), "--model", str(tiny_folder), "--question", "What?"]) == 2
    assert "made with other settings: question was" in capsys.readouterr().err
    assert kept == {path: Path(path).read_bytes() for path in shards.shards_of(str(output))}

    process = start(inputs, output, tiny_folder, "--ray", "--batch", "1", "--keep-shards")
    wait_for_lines(process, output, len(before) + 1)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=SECONDS)
    assert "finishing what is in flight" in told and "Traceback" not in told, told
    assert not left(process)
    manifest = json.loads(shards.manifest_of(str(output)).read_text())
    stopped = written(output)
    assert manifest["done"] + manifest["errors"] == stopped > len(before)
    if stopped < len(expected):
        assert process.returncode == 130 and "Run the same command again to go on" in told and not manifest["complete"], told

    assert cli.main(["caption", *inputs, "-o", str(output), "--model", str(tiny_folder), "--progress", "none",
                     "--workers", "1"]) == 0  # without a cluster: the same output
    assert kill_caption.answers(output) == expected and written(output) == len(expected)
    after = kill_caption.finished(output)
    assert {custom_id: after[custom_id] for custom_id in before} == before
    assert not shards.folder_of(str(output)).exists()
    assert not left(killed, seconds=120)


# --- at the door ---------------------------------------------------------------------------------------------------------

def refused(arguments, capsys) -> str:
    assert cli.main(["caption", *map(str, arguments)]) == 2
    told = [line for line in capsys.readouterr().err.splitlines(keepends=True) if " left out: " not in line]
    assert len(told) == 1, told
    return told[0]


def test_without_ray_one_line_says_what_to_install(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    told = refused([photos, "-o", tmp_path / "out.jsonl", "--ray"], capsys)
    assert told == "emollm: --ray needs Ray: pip install 'emollm[ray]'\n"
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("options, word", [
    (["--keep-shards"], "--ray"), (["--engines", "2"], "--ray"), (["--ray", "--keep-shards", "--csv", "{tmp}/a.csv"], "--csv"),
    (["--ray", "{photos}"], "Put --ray at the end"), (["--ray", "--engine-gpus", "-1"], "from 0 on")])
def test_mistakes_are_refused_before_any_work(options, word, photos, tmp_path, capsys):
    given = [option.format(tmp=tmp_path, photos=photos) for option in options]
    assert word in refused([photos, "-o", tmp_path / "out.jsonl", *given], capsys)
    assert not any(tmp_path.iterdir())


@needs_ray
def test_an_address_where_nobody_listens(photos, tiny_folder, tmp_path, capsys):
    told = refused([photos, "-o", tmp_path / "out.jsonl", "--model", tiny_folder, "--ray", "127.0.0.1:1"], capsys)
    assert "--ray 127.0.0.1:1: no cluster can be used there ([Errno 111] Connection refused)" in told


@pytest.mark.parametrize("resources, clips, options, plan", [
    ({"CPU": 1}, 1, {}, (1, 1, 0)), ({"CPU": 2}, 0, {}, (1, 1, 0)), ({"CPU": 64}, 1, {}, (59, 5, 0)),
    ({"CPU": 64}, 0, {}, (6, 58, 0)), ({"CPU": 64, "GPU": 4}, 1, {}, (59, 5, 0)),
    ({"CPU": 64, "GPU": 4}, 1, {"engine": "vllm"}, (60, 4, 1)), ({"CPU": 64, "GPU": 4}, 1, {"engine_gpus": 0.5}, (56, 8, 0.5)),
    ({"CPU": 64}, 1, {"workers": 3, "engines": 5}, (3, 5, 0))])
def test_processes_by_what_the_cluster_has_and_what_is_asked(resources, clips, options, plan):
    assert connect.plan_for(resources, Job("out.jsonl", **options), clips) == plan


# --- shards --------------------------------------------------------------------------------------------------------------

SETTINGS = {"question": "Why?"}


def line(name: str, key: str, ok: bool = True, words: str = "") -> lines.Line:
    """A line of an item; the key stands for the contents of its file."""
    key = hashlib.sha256(key.encode()).hexdigest()
    if not ok:
        return lines.failure(key, name, "media_undecodable", words or "damaged")
    return lines.make_line(key, name, {"body": {"words": words, "system_fingerprint": "?"}}, None)


def write(path, *finished) -> None:
    with Log(str(path), SETTINGS) as log:
        log.note(0, complete=False)
        log.append(list(finished))


@pytest.fixture
def output(tmp_path) -> str:
    """An output with two shards: items answered twice, edited, tried again and torn."""
    path = str(tmp_path / "out.jsonl")
    write(path, line("old", "1"), line("edited", "2"), line("tried again", "3", ok=False), line("fine", "4", words="first"))
    shards.folder_of(path).mkdir()
    write(shards.folder_of(path) / "000001-00000.jsonl", line("edited", "2b"), line("fine", "4", words="second"),
          line("new", "5"), line("new, edited", "6"))
    write(shards.folder_of(path) / "000001-00001.jsonl", line("tried again", "3"), line("new", "5", ok=False),
          line("new, edited", "6b"))
    with open(shards.folder_of(path) / "000001-00001.jsonl", "ab") as torn:
        torn.write(line("torn", "7").data[:-9])
    return path


RIGHT = {"old": line("old", "1"), "edited": line("edited", "2b"), "tried again": line("tried again", "3"),
         "fine": line("fine", "4", words="first"), "new": line("new", "5"), "new, edited": line("new, edited", "6b")}


def all_lines(path) -> list[bytes]:
    return [data for file in [path, *shards.shards_of(path)] for data in Path(file).read_bytes().splitlines(keepends=True)]


def test_merging_leaves_one_line_an_item(output):
    with Log(output, SETTINGS) as log:
        assert shards.merge(log) == 5  # "new, edited" twice: the later replaces the earlier
        assert shards.merge(log) == 0
    assert sorted(all_lines(output)) == sorted(found.data for found in RIGHT.values())
    assert not shards.folder_of(output).exists()


def test_merging_that_was_cut_off_goes_on(output, monkeypatch):
    """After the lines of the first shard were moved and before it was taken away."""
    def die(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, Log(output, SETTINGS) as log:
        broken.setattr(shards, "_remove", die)
        with pytest.raises(KeyboardInterrupt):
            shards.merge(log)
    with Log(output, SETTINGS) as log:
        shards.merge(log)
    assert sorted(all_lines(output)) == sorted(found.data for found in RIGHT.values())


def test_settling_leaves_one_line_an_item_where_it_is_and_the_manifest_lists_all(output):
    with Log(output, SETTINGS) as log:
        known = shards.settle(log)
        assert {i: (entry.key, entry.ok) for i, entry in known.items()} == {i: (e.key, e.ok) for i, e in RIGHT.items()}
        told = shards.write_manifest(log, 7, complete=False)
    assert sorted(all_lines(output)) == sorted(found.data for found in RIGHT.values())
    assert told == json.loads(shards.manifest_of(output).read_text())
    assert (told["done"], told["errors"], told["total"], told["complete"]) == (6, 0, 7, False)
    for part in told["shards"]:
        data = (Path(output).parent / part["file"]).read_bytes()
        assert (len(data), data.count(b"\n")) == (part["bytes"], part["lines"])
        assert hashlib.sha256(data).hexdigest() == part["sha256"]
    assert sum(part["lines"] for part in told["shards"]) == 6


def test_status_counts_shards_and_changes_nothing(output):
    before = all_lines(output)
    told = shards.status(output)
    assert (told["done"], told["errors"], told["shards"]) == (6, {}, 2)
    assert all_lines(output) == before


def test_a_new_run_names_its_shards_after_all_that_are_there(output):
    names = shards.names(output)
    assert [Path(next(names)).name for _ in range(2)] == ["000002-00000.jsonl", "000002-00001.jsonl"]


def test_a_shard_that_is_still_written_is_not_touched(output, monkeypatch):
    monkeypatch.setattr(shards, "PATIENCE", 0.0)
    with Log(shards.shards_of(output)[1], SETTINGS) as busy, Log(output, SETTINGS) as log:
        with pytest.raises(InputError, match="another emollm caption is writing"):
            shards.merge(log)
        assert set(busy.entries) == {"tried again", "new", "new, edited"}


# --- items that kill ------------------------------------------------------------------------------------------------------

def test_whoever_kills_process_after_process_is_found_and_costs_only_its_own_line(tmp_path):
    """The command's side of a run, told of processes that die whenever one certain item is in their batch."""
    with Log(str(tmp_path / "out.jsonl"), SETTINGS) as log:
        progress = Progress("none", 6)
        run = Scheduler(Job(log.path, batch=6), log, {}, None, progress, None)
        run.batches.append([WaitingItem(Item(str(k), "a.png", ""), f"{k}" * 64, "a.png", None, 1, 1, 1) for k in range(6)])
        deaths = answered = 0
        while run.batches:
            batch = run.batches.popleft()
            died = any(waiting.item.custom_id == "4" for waiting in batch)
            deaths, answered = deaths + died, answered + (0 if died else len(batch))
            run.take(FinishedWork(batch, None if died else [True] * len(batch), died=died))
            run.write()
        assert (deaths, answered, progress.done, progress.errors) == (scheduler.TRIES, 5, 6, 1)
        assert list(log.entries) == ["4"] and b"worker_failed" in log.read("4").data
