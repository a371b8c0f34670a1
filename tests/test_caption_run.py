"""Captioning end to end in this process: real pictures, real measuring processes, a real model.

A run that is only gone on with is made once, and copied.
"""

import base64
import contextlib
import csv
import dataclasses
import json
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import emollm.model.engine
from emollm import cli, workers
from emollm.answer.prompt import DEFAULT_QUESTION
from emollm.caption.incoming.items import Item, Medium
from emollm.caption.run import answering, progress, scheduler
from emollm.caption.run.job import Job
from emollm.caption.run.local import LocalExecutor
from emollm.caption.run.log import Log
from emollm.caption.run.shards import status
from emollm.caption.run.stop import Stop
from emollm.caption.run.window import Window
from emollm.explainer import explain, prepare
from emollm.explanation import Explanation
from emollm.model.engine import engine as engine_of
from emollm.schema import InputError


def caption(*arguments, code: int = 0) -> None:
    assert cli.main(["caption", *map(str, arguments), "--progress", "none", "--workers", "1"]) == code


def results(output) -> dict[str, dict]:
    """Lines by custom_id; fails when one stands there twice."""
    lines = [json.loads(line) for line in Path(output).read_bytes().splitlines()]
    assert len({line["custom_id"] for line in lines}) == len(lines)
    return {line["custom_id"]: line for line in lines}


def schedule(job: Job, log: Log, media: list[Medium], prepare, load, threads: int = 2) -> None:
    """A run of the local executor with another way to measure, or another engine."""
    with contextlib.closing(LocalExecutor(job, log, prepare, load, threads)) as executor, Stop() as stop:
        scheduler.Scheduler(job, log, log.entries, executor, progress.Progress("none", len(media)), stop).run(iter(media))


def explanations(line: dict) -> list[Explanation]:
    return [Explanation.from_dict(stored) for stored in line["response"]["body"]["emollm"]]


def same(one: Explanation, other: Explanation) -> None:
    """Equal but for the last bits of probabilities, which depend on who shares the batch."""
    a, b = one.to_dict(), other.to_dict()
    for key in ("distribution", "confidence"):
        assert a.pop(key) == pytest.approx(b.pop(key), abs=1e-4)
    for key, digits in (("look", 1e-4), ("conflict", 1e-3)):
        assert a["witnesses"].pop(key) == pytest.approx(b["witnesses"].pop(key), abs=digits)
    assert a == b


@pytest.fixture(scope="module")
def photos(astronaut, tmp_path_factory) -> Path:
    """Five photos of one face and one without; names with spaces, other letters and a newline."""
    folder = tmp_path_factory.mktemp("photos")
    names = ["a.png", "two words.png", "Gefühl 笑顔.png", "line\nbreak.png", "deep/e.png"]
    (folder / "deep").mkdir()
    for k, name in enumerate(names):
        Image.fromarray(astronaut[:280 + k, 90:370]).save(folder / name)
    Image.fromarray(np.full((90, 120, 3), 120, np.uint8)).save(folder / "grey.png")
    return folder


@pytest.fixture
def captioned(tmp_path):
    """Function (inputs and options) that captions into out.jsonl; returns the lines."""
    def run(*arguments, code: int = 0):
        caption(*arguments, "-o", tmp_path / "out.jsonl", code=code)
        return results(tmp_path / "out.jsonl")

    return run


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory) -> Path:
    """Folder of an output with all photos, which nobody changes."""
    folder = tmp_path_factory.mktemp("finished")
    caption(photos, "-o", folder / "out.jsonl")
    assert len(results(folder / "out.jsonl")) == 6
    return folder


@pytest.fixture
def finished_before(finished, tmp_path) -> Path:
    """That output in the test's own folder, as a run of the test would have left it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out.jsonl"


@pytest.fixture
def no_work(monkeypatch):
    """From now on nothing may be measured and no model loaded."""
    def fail(*_, **__):
        raise AssertionError("work was done")

    def forbid():
        monkeypatch.setattr(workers.Workers, "submit", fail)
        monkeypatch.setattr(emollm.model.engine, "engine", fail)

    return forbid


# --- the same answers --------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def asked(astronaut_file, two_faces_file, astronaut_clip, tmp_path_factory) -> Path:
    """A table that asks several questions, some with edits, about a photo, a picture of two faces and a clip."""
    rows = [("photo", astronaut_file, "", ""), ("photo, asked", astronaut_file, "What moves?", ""),
            ("photo, edited", astronaut_file, "", "AU12=0 AU04=3"), ("faces", two_faces_file, "", ""),
            ("clip", astronaut_clip, "", ""), ("clip, asked", astronaut_clip, "What does the mouth do?", "AU01=2")]
    path = tmp_path_factory.mktemp("asked") / "list.csv"
    path.write_text("custom_id,path,question,what_if\n" + "".join(f'"{a}",{b},{c},{d}\n' for a, b, c, d in rows))
    return path


@pytest.fixture(scope="module")
def explained(asked) -> dict[str, tuple[list[Explanation], Explanation]]:
    """custom_id -> what explain() says of all faces, and of the main one."""
    found = {}
    with open(asked, newline="") as handle:
        for row in csv.DictReader(handle):
            edits = {pair[:4]: float(pair[5:]) for pair in row["what_if"].split()}
            said = {"question": row["question"] or None, "what_if": edits}
            faces = explain(row["path"], **said)
            (main,) = faces if len(faces) == 1 else explain(row["path"], **said, face="main")
            found[row["custom_id"]] = faces, main
    assert len(found) == 6
    return found


@pytest.mark.parametrize("batch", [16, 1])
def test_answers_are_those_of_explain(asked, explained, batch, tmp_path):
    caption(asked, "-o", tmp_path / "out.jsonl", "--batch", batch)
    found = results(tmp_path / "out.jsonl")
    assert found.keys() == explained.keys()
    for custom_id, (expected, main) in explained.items():
        got = explanations(found[custom_id])
        assert len(got) == len(expected) and any(e.claims for e in got)
        for one, other in zip(got, expected, strict=True):
            same(one, other)
        content = found[custom_id]["response"]["body"]["choices"][0]["message"]["content"]
        assert content == main.text  # as a chat about this picture is about its main face


def test_a_file_is_measured_once_for_all_its_questions(asked, captioned, monkeypatch):
    measured, submit = [], workers.Workers.submit
    monkeypatch.setattr(workers.Workers, "submit", lambda self, source, *a, **k: measured.append(source) or
                        submit(self, source, *a, **k))
    assert len(captioned(asked)) == 6
    assert len(measured) == len(set(measured)) == 3


def test_defaults_for_items_that_bring_none(photos, captioned):
    (line,) = captioned(photos / "a.png", "--question", "What moves?", "--what-if", "AU12=0").values()
    (found,) = explanations(line)
    assert (found.question, found.edits) == ("What moves?", {"AU12": 0.0})


# --- what cannot be read -----------------------------------------------------------------------------------------

def test_bad_files_get_error_lines_and_the_rest_goes_on(photos, captioned, tmp_path):
    for name, content in (("empty.jpg", b""), ("words.jpg", b"just words"), ("cut.png", (photos / "a.png").read_bytes()[:500])):
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.jpg")
    names = ["empty.jpg", "words.jpg", "cut.png", "none.jpg", "pipe.jpg", str(photos / "a.png"), str(photos / "grey.png")]
    (tmp_path / "list.csv").write_text("\n".join(["path", *names]))
    found = captioned(tmp_path / "list.csv")
    codes = {Path(i).name: line["error"] and line["error"]["code"] for i, line in found.items()}
    assert codes == {"empty.jpg": "media_undecodable", "words.jpg": "media_undecodable", "cut.png": "media_undecodable",
                     "none.jpg": "media_not_found", "pipe.jpg": "unsupported_media", "a.png": None, "grey.png": None}
    assert all(line["response"] is None for line in found.values() if line["error"])
    assert status(str(tmp_path / "out.jsonl"))["errors"] == {
        "media_not_found": 1, "media_undecodable": 3, "unsupported_media": 1}


def test_no_face_is_an_answer_that_says_so(photos, captioned):
    (line,) = captioned(photos / "grey.png").values()
    (nothing,) = explanations(line)
    assert line["error"] is None and line["response"]["status_code"] == 200
    assert (nothing.claims, nothing.label, nothing.evidence) == ([], None, None) and "no face" in nothing.notices[0]
    assert (nothing.source, nothing.question, nothing.edits) == (str(photos / "grey.png"), DEFAULT_QUESTION, {})
    assert "no face" in line["response"]["body"]["choices"][0]["message"]["content"]


def test_a_batch_file_of_requests(photos, captioned, tmp_path):
    url = f"data:image/png;base64,{base64.b64encode((photos / 'a.png').read_bytes()).decode()}"
    given = {"data": url, "file": f"file://{photos}/a.png", "far": "http://example.org/a.png", "away": "/etc/passwd",
             "wrong": "data:image/png;base64,AAAA"}
    lines = [{"custom_id": i, "method": "POST", "url": "/v1/chat/completions", "body": {"model": "x", "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": u}}, {"type": "text", "text": "Why?"}]}]}}
        for i, u in given.items()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = captioned(tmp_path / "in.jsonl", "--root", photos)
    assert {i: line["error"] and line["error"]["code"] for i, line in found.items()} == {
        "data": None, "file": None, "far": "remote_media_disabled", "away": "outside_root", "wrong": "media_undecodable"}
    data, file = explanations(found["data"]), explanations(found["file"])
    assert data[0].source == "data" and data[0].text == file[0].text and data[0].question == "Why?"


def test_a_worker_that_is_killed_costs_its_clip_only(photos, astronaut_clip, tmp_path):
    """The process that measures the clip is really killed, while it measures."""
    output, killed = str(tmp_path / "out.jsonl"), []
    files = photos / "a.png", astronaut_clip, photos / "deep/e.png"
    media = [Medium(str(path), [Item(path.name, str(path), "")]) for path in files]
    settings = {"model": "pocket"}

    def attempt(prepare, retry=False):
        with Log(output, settings) as log:
            schedule(Job(output, model="pocket", retry_errors=retry), log, media, prepare, lambda: engine_of("pocket"),
                     threads=1)  # one file at a time: nothing else is with the worker
            log.compact()
        return results(output)

    shape = engine_of("pocket").shape

    def prepare_and_kill(source, name):
        future = pool.submit(source, shape, name=name)
        while source == str(astronaut_clip) and not killed:
            time.sleep(0.05)
            for worker in list(pool.alive):
                worker.process.kill()
                killed.append(worker.process.pid)
        return future.result()

    with workers.Workers(1) as pool:
        found = attempt(prepare_and_kill)
    assert {i: line["error"] and line["error"]["code"] for i, line in found.items()} == {
        "a.png": None, "astronaut.mp4": "worker_failed", "e.png": None} and killed
    with workers.Workers(1) as again:
        def prepare_well(source, name):
            return again.submit(source, shape, name=name).result()

        assert attempt(prepare_well)["astronaut.mp4"]["error"]["code"] == "worker_failed"
    with workers.Workers(1) as again:
        retried = attempt(prepare_well, retry=True)
    assert retried["astronaut.mp4"]["error"] is None
    assert {i: retried[i] for i in ("a.png", "e.png")} == {i: found[i] for i in ("a.png", "e.png")}


# --- going on ----------------------------------------------------------------------------------------------------

def test_the_same_command_again_does_nothing_twice(photos, captioned, finished_before, no_work, capsys):
    before = finished_before.read_bytes()
    no_work()
    assert len(captioned(photos)) == 6
    assert finished_before.read_bytes() == before
    assert "6 of 6 items have their line" in capsys.readouterr().err


def test_only_what_is_missing_is_done(photos, captioned, finished_before):
    output = finished_before
    lines = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join(lines[:3]) + lines[3][:100])  # as a crash leaves it
    assert len(captioned(photos)) == 6
    assert output.read_bytes().startswith(b"".join(lines[:3]))


def test_an_edited_file_is_done_again_and_its_old_line_goes(photos, astronaut, captioned, tmp_path):
    copy_some(photos, tmp_path / "photos")
    first = captioned(tmp_path / "photos")
    edited = str(tmp_path / "photos" / "a.png")
    Image.fromarray(astronaut[:300, 80:380]).save(edited)
    second = captioned(tmp_path / "photos")
    assert second.keys() == first.keys() and second[edited] != first[edited]
    assert {i: line for i, line in second.items() if i != edited} == {i: line for i, line in first.items() if i != edited}


def copy_some(photos: Path, folder: Path) -> None:
    """Two of the photos."""
    for name in ("a.png", "deep/e.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / name, folder / name)


def test_a_renamed_file_is_known_by_its_content(photos, captioned, tmp_path, no_work):
    copy_some(photos, tmp_path / "photos")
    first = captioned(tmp_path / "photos")
    before, after = tmp_path / "photos" / "a.png", tmp_path / "photos" / "z.png"
    before.rename(after)
    no_work()
    second = captioned(tmp_path / "photos")
    (old,), (new,) = explanations(first[str(before)]), explanations(second[str(after)])
    assert (old.text, old.claims, new.source) == (new.text, new.claims, str(after))


def test_a_prior_is_that_of_explain(photos, tmp_path):
    caption(photos / "a.png", "-o", tmp_path / "out.jsonl", "--prior", "balanced")
    (line,) = results(tmp_path / "out.jsonl").values()
    for one, other in zip(explanations(line), explain(str(photos / "a.png"), prior="balanced"), strict=True):
        same(one, other)
        assert "prior: balanced (--prior)" in one.notices


def test_more_inputs_are_added_and_the_other_lines_kept(photos, captioned, finished_before, two_faces_file, capsys):
    before = results(finished_before)
    after = captioned(two_faces_file)
    assert len(after) == 7 and {i: after[i] for i in before} == before
    assert "6 lines of inputs that were not given this time are kept" in capsys.readouterr().err


@pytest.mark.parametrize("option, name", [(["--question", "What?"], "question"), (["--ungrounded"], "grounded"),
                                          (["--what-if", "AU04=0"], "what_if"), (["--baseline", "none"], "baseline"),
                                          (["--prior", "balanced"], "prior")])
def test_other_settings_are_refused(photos, captioned, finished_before, capsys, option, name):
    before = finished_before.read_bytes()
    captioned(photos, *option, code=2)
    assert f"made with other settings: {name} was" in capsys.readouterr().err
    assert finished_before.read_bytes() == before


def test_another_model_is_refused(photos, tiny_folder, tmp_path, capsys):
    caption(photos / "grey.png", "-o", tmp_path / "out.jsonl", "--model", tiny_folder)
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    caption(photos / "grey.png", "-o", tmp_path / "out.jsonl", "--model", copy)  # another name, the same weights
    with open(copy / "model.safetensors", "r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        weights.write(b"\x7f")
    caption(photos / "grey.png", "-o", tmp_path / "out.jsonl", "--model", copy, code=2)
    assert "weights was" in capsys.readouterr().err


# --- at the door -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [
    ["{empty}", "-o", "{out}"], ["{photos}", "-o", "{tmp}/none/out.jsonl"], ["{photos}", "-o", "{tmp}"], ["{photos}"],
    ["-o", "{out}"], ["{photos}", "{photos}/a.png", "-o", "{out}"], ["{photos}", "-o", "{out}", "--csv", "{tmp}/none/t.csv"],
    ["{photos}", "-o", "{out}", "--srt", "{photos}/a.png"], ["{photos}", "-o", "{out}", "--report", "{out}"],
    ["{photos}/a.png", "-o", "{photos}/a.png"], ["{photos}", "-o", "{out}", "--what-if", "AU99=1"],
    ["{photos}", "-o", "{out}", "--prior", "even"], ["{photos}", "-o", "{out}", "--max-faces", "0"],
    ["{photos}", "-o", "{out}", "--model", "none"], ["{photos}", "-o", "{out}", "--workers", "0"],
    ["{photos}", "-o", "/dev/full"], ["--status", "{tmp}/none.jsonl"]])
def test_mistakes_are_refused_before_any_work(arguments, photos, tmp_path, no_work, capsys):
    no_work()
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "tmp": tmp_path, "out": tmp_path / "out.jsonl", "empty": tmp_path / "empty"}
    assert cli.main(["caption", *(a.format(**places) for a in arguments)]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and told.err.startswith("emollm: ") and not told.out
    assert not (tmp_path / "out.jsonl").exists() or not (tmp_path / "out.jsonl").stat().st_size


def test_status_tells_how_far_it_is(finished, capsys):
    assert cli.main(["caption", "--status", str(finished / "out.jsonl")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["errors"], told["total"], told["complete"]) == (6, {}, 6, True)


# --- parts ------------------------------------------------------------------------------------------------------

class Sized:
    """What Window looks at."""

    def __init__(self, length, faces=1):
        self.length, self.faces, self.frames, self.arrival = length, faces, 1, 0


def test_batches_hold_similar_lengths_and_the_one_who_waited_longest():
    window, lengths = Window(), [500, 10, 490, 20, 510, 30, 15, 480]
    for length in lengths:
        window.add(Sized(length))
    taken = [[ask.length for ask in window.take(4)] for _ in range(2)]
    assert taken == [[480, 490, 500, 510], [10, 15, 20, 30]] and not window.waiting


def test_batches_are_counted_in_faces():
    window = Window()
    for faces in (11, 1, 3, 2, 1):
        window.add(Sized(1, faces))
    batches = []
    while window.waiting:
        batches.append([ask.faces for ask in window.take(4)])
    assert batches == [[11], [1, 3], [2, 1]]


class Moody:
    """The real engine, which fails whenever a certain question is in the batch, or always."""

    def __init__(self, engine, fails):
        self.engine, self.fails = engine, fails

    def answer(self, faces, questions, observations):
        if self.fails is None or self.fails in questions:
            raise RuntimeError("out of memory\nat 0x7f")
        return self.engine.answer(faces, questions, observations)


def test_a_batch_that_fails_costs_only_the_item_that_fails_alone(photos):
    engine = engine_of("pocket")
    prepared = prepare(str(photos / "a.png"), engine.shape)
    asks = [answering.Ask(Item(q, "a.png", "", q), q, prepared) for q in ("one", "two", "bad", "four", "five")]
    found = {ask.key: answer for ask, answer in answering.answer_in_parts(asks, Moody(engine, "bad"), Job("out.jsonl"))}
    assert isinstance(found.pop("bad"), RuntimeError)
    assert sorted(found) == ["five", "four", "one", "two"] and all(e[0].text for e in found.values())


def test_a_model_that_always_fails_ends_the_run(photos, tmp_path):
    """A dead engine must not turn a hundred thousand items into error lines."""
    engine = engine_of("pocket")
    media = [Medium(str(photos / "a.png"), [Item(str(k), str(photos / "a.png"), "", str(k)) for k in range(40)])]
    with Log(str(tmp_path / "out.jsonl"), {}) as log:
        with pytest.raises(InputError, match=r"the model failed on 8 items in a row .*out of memory"):
            schedule(Job(log.path, batch=4), log, media, lambda source, name: prepare(source, engine.shape),
                     lambda: Moody(engine, None))
        assert len(log.entries) < 8


def test_what_is_ahead_is_bounded(photos, tmp_path):
    """Memory must not grow with the number of items: measuring waits for the model, which gives its one answer slowly here."""
    engine, ahead, answered, kept = engine_of("pocket"), [], [], []
    prepared = dataclasses.replace(prepare(str(photos / "a.png"), engine.shape), sha256="")
    for k in range(30):
        (tmp_path / f"{k}.png").write_bytes(b"%d" % k)
    media = [Medium(str(tmp_path / f"{k}.png"), [Item(str(k), str(tmp_path / f"{k}.png"), "")]) for k in range(30)]
    lock, measured = threading.Lock(), []

    def prepare_fake(source, name):
        with lock:
            measured.append(source)
            ahead.append(len(measured) - len(answered))
        return prepared

    class Counting(Moody):
        def answer(self, faces, questions, observations):
            kept.extend([] if kept else self.engine.answer(faces[:1], questions[:1], observations and observations[:1]))
            time.sleep(0.2)  # an eternity beside prepare_fake, which would run through all thirty
            answered.extend(faces)
            return kept * len(faces)

    with Log(str(tmp_path / "out.jsonl"), {}) as log:
        schedule(Job(log.path, batch=2), log, media, prepare_fake, lambda: Counting(engine, ""))
        assert len(log.entries) == 30
    assert max(ahead) <= scheduler.WINDOW_BATCHES * 2 + 2 * 2


# --- progress ----------------------------------------------------------------------------------------------------

def test_time_left_is_told_only_after_enough_items_and_from_the_slower_stage(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    shown = progress.Progress("none", 100)
    shown.add_known(40, 2)  # from an earlier run: done, but no speed
    assert shown.eta is None and shown.generating.per_second == 0
    for _ in range(20):
        clock[0] += 1
        shown.add_measured(1)
    shown.start_answering()
    assert shown.eta is None
    clock[0] += 2
    shown.add_written(8, 0)
    assert shown.eta is None  # eight items, but two seconds are too short to tell
    clock[0] += 4
    shown.add_written(8, 0)
    assert (shown.done, shown.errors) == (58, 2)
    assert shown.eta == pytest.approx((100 - 42 - 20) / (20 / 20))  # measuring is slower than answering
    clock[0] += 10 * progress.WINDOW
    shown.add_measured(20)
    shown.add_written(10, 0)
    assert shown.generating.per_second < 0.1  # what was long ago does not count


def test_progress_as_json_lines(photos, tmp_path, capsys):
    assert cli.main(["caption", str(photos), "-o", str(tmp_path / "out.jsonl"), "--progress", "json", "--workers", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert all(set(line) == {"done", "total", "errors", "measured_per_s", "generated_per_s", "eta_s"} for line in lines)
    assert (lines[-1]["done"], lines[-1]["total"], lines[-1]["errors"]) == (6, 6, 0)
    assert [line["done"] for line in lines] == sorted(line["done"] for line in lines)


@pytest.mark.parametrize("mode, shown", [("plain", "captioning: 6/6"), ("bar", "\r\033[K"), ("none", "")])
def test_other_kinds_of_progress(mode, shown, capsys):
    counts = progress.Progress(mode, 6)
    counts.add_written(6, 0)
    counts.show(last=True)
    assert capsys.readouterr().err.startswith(shown)
