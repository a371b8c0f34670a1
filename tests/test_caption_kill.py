"""Captioning that is stopped from outside: killed, interrupted, out of room. Real processes of `emollm caption`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_fixtures import run_command

LIMITED = ("import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY)); "
           "os.execv(sys.argv[2], sys.argv[2:])")
SECONDS = 240  # longest wait for a process on a busy machine
PHOTOS = 8


@pytest.fixture(scope="module")
def photos(kill_caption, tmp_path_factory) -> Path:
    return kill_caption.pictures(tmp_path_factory.mktemp("photos"), PHOTOS)


def start(photos, output, model, *options, limit=None) -> subprocess.Popen:
    """A captioning process at the head of its own process group, as in a terminal."""
    command = [sys.executable, "-m", "emollm", "caption", str(photos), "-o", str(output), "--model", str(model), "--progress",
               "none", "--workers", "1", *options]
    if limit is not None:
        command = [sys.executable, "-c", LIMITED, str(limit), *command]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_lines(process, output, count) -> None:
    end = time.monotonic() + SECONDS
    while (not output.exists() or output.read_bytes().count(b"\n") < count) and time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)


def finish(photos, output, model, kill_caption) -> None:
    """The same command once more: every item has one line then, and what was finished before is untouched."""
    before = kill_caption.finished(output)
    done = run_command(["caption", photos, "-o", output, "--model", model, "--progress", "none", "--workers", "1"])
    assert done.returncode == 0, done.stderr
    after = kill_caption.finished(output)
    assert len(after) == output.read_bytes().count(b"\n") == PHOTOS
    assert all(json.loads(line)["error"] is None for line in after.values())
    assert {i: after[i] for i in before} == before


def test_killed_at_random_moments_nothing_is_lost_or_done_twice(kill_caption, photos, tiny_folder, tmp_path):
    """Four kills; bench/kill_caption.py does more of the same."""
    told = kill_caption.kill(photos, tmp_path, 4, ["--model", str(tiny_folder), "--batch", "2", "--workers", "1"], seed=3)
    assert told["kills"] == 4 and told["items"] == PHOTOS
    assert {k: told[k] for k in ("lost", "doubled", "redone", "different")} == {
        "lost": 0, "doubled": 0, "redone": 0, "different": 0}, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight(number, kill_caption, photos, tiny_folder, tmp_path):
    """Sent to the whole process group, as Ctrl-C is: measuring processes must not die of it and leave error lines."""
    output = tmp_path / "out.jsonl"
    process = start(photos, output, tiny_folder, "--batch", "2")
    wait_for_lines(process, output, 1)
    os.killpg(process.pid, number)
    _, told = process.communicate(timeout=SECONDS)
    lines = kill_caption.finished(output)
    assert all(json.loads(line)["error"] is None for line in lines.values()) and output.read_bytes().endswith(b"\n")
    if len(lines) < PHOTOS:
        assert process.returncode == 130 and "Run the same command again to go on" in told, told
    assert "finishing what is in flight" in told
    finish(photos, output, tiny_folder, kill_caption)


def test_a_second_signal_stops_at_once(kill_caption, photos, tiny_folder, tmp_path, clip_frames, write_clip):
    """Seven photos and a clip that takes seconds to measure: the first progress line comes before any answer."""
    output, folder = tmp_path / "out.jsonl", tmp_path / "in"
    shutil.copytree(photos, folder)
    next(folder.iterdir()).unlink()
    write_clip(folder / "zz.mp4", clip_frames * 4)
    process = start(folder, output, tiny_folder, "--batch", str(PHOTOS), "--progress", "json")
    assert json.loads(process.stderr.readline())["done"] == 0  # measuring has begun, nothing can be answered yet
    os.killpg(process.pid, signal.SIGINT)
    while "finishing" not in (line := process.stderr.readline()):
        assert line
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 130 and "Traceback" not in told, told
    assert len(kill_caption.finished(output)) < PHOTOS
    finish(folder, output, tiny_folder, kill_caption)


def test_no_room_is_one_clear_line_and_the_next_run_goes_on(kill_caption, photos, tiny_folder, tmp_path):
    output = tmp_path / "out.jsonl"
    process = start(photos, output, tiny_folder, "--batch", "2", limit=30_000)
    _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 2 and told.count("\n") == 1 and "File too large" in told, told
    assert output.read_bytes().endswith(b"\n") and 0 < len(kill_caption.finished(output)) < PHOTOS
    finish(photos, output, tiny_folder, kill_caption)


def test_two_processes_do_not_write_one_output(photos, tiny_folder, tmp_path):
    output = tmp_path / "out.jsonl"
    first = start(photos, output, tiny_folder)
    wait_for_lines(first, Path(f"{output}.settings.json"), 1)
    second = start(photos, output, tiny_folder)
    _, told = second.communicate(timeout=SECONDS)
    assert second.returncode == 2 and "another emollm caption is writing this file" in told
    _, told = first.communicate(timeout=SECONDS)
    assert first.returncode == 0 and output.read_bytes().count(b"\n") == PHOTOS, told
