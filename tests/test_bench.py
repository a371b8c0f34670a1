"""The benches' own parts: statistics, made pictures and clips, what is read from servers and outputs, and the naive code.

No figure is tested here: timing belongs on a quiet machine. `bench/serve.py --quick` needs a server and is run by hand.
"""

import base64
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import figures  # noqa: E402
import material  # noqa: E402
import memory  # noqa: E402
import servers  # noqa: E402
from client import about, followed_up, load  # noqa: E402


def script(path: str):
    """A bench script as a module; its name would be that of a package or of another module."""
    spec = importlib.util.spec_from_file_location(f"bench_{path.replace('/', '_')}", BENCH / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


caption, measure, serve = script("caption"), script("measure"), script("serve")


# --- statistics ------------------------------------------------------------------------------------------------------

def test_ratio_of_pairs_has_no_interval_when_every_pair_agrees():
    """Resampling the two sides apart would lose what pairing is for."""
    ours, theirs = [10.0, 40.0, 90.0], [5.0, 20.0, 45.0]
    paired = figures.ratio(ours, theirs, paired=True)
    assert (paired.value, paired.low, paired.high) == (2.0, 2.0, 2.0) and not paired.wide
    apart = figures.ratio(ours, theirs)
    assert apart.value == 2.0 and apart.low < 1 and apart.high > 3 and apart.wide


def test_ratio_interval_holds_the_truth_about_19_times_of_20():
    draw, inside = np.random.default_rng(0), 0
    for _ in range(40):
        found = figures.ratio(draw.normal(30, 3, 25).tolist(), draw.normal(10, 1, 25).tolist())
        inside += found.low <= 3 <= found.high
    assert 34 <= inside < 40


@pytest.mark.parametrize(("above", "below", "paired"), [([], [1.0], False), ([1.0], [], False), ([1.0, 2.0], [1.0], True)])
def test_ratio_refuses_samples_without_a_ratio(above, below, paired):
    with pytest.raises(ValueError, match="samples"):
        figures.ratio(above, below, paired=paired)


def test_spread_tells_the_99th_percentile_from_a_hundred_values_on():
    assert figures.spread([0.003, 0.001, 0.002], 1000) == "2.0 [1.5-2.5] n=3"
    assert "p99 99.0" in figures.spread(list(range(101)))
    assert figures.spread([]) == "none"


@pytest.mark.parametrize(("low", "high", "words"), [(3.1, 4, "met"), (2, 2.9, "MISSED"), (2.9, 3.1, "NOT DECIDED")])
def test_verdict_claims_nothing_while_the_goal_lies_within_the_interval(low, high, words):
    assert words in figures.verdict(figures.Ratio((low + high) / 2, low, high), 3)
    assert figures.verdict(1.2, 1.25, at_least=False).endswith("met")
    assert figures.verdict(1.3, 1.25, at_least=False).endswith("MISSED")


def test_quantile_is_numpys():
    values = [5.0, 1.0, 9.0, 2.0, 2.5]
    assert [figures.quantile(values, q) for q in (0, 0.3, 0.5, 1)] == pytest.approx(np.quantile(values, [0, 0.3, 0.5, 1]))


# --- what is measured on ---------------------------------------------------------------------------------------------

def test_every_made_photo_is_new_and_its_face_can_be_read():
    from emollm import explainer as explain
    from emollm.model.checkpoint import shape_of

    photos = [material.photo(number) for number in range(4)]
    assert len(set(photos)) == 4 and photos[1] == material.photo(1)
    for jpeg in photos:
        [subject] = explain.prepare(jpeg, shape_of("pocket")).subjects
        assert subject.refusal == [] and subject.track.quality.size[0] > 90


def test_made_clip_moves_as_it_says(tmp_path):
    """1280x720 at 25 fps, one face of at least 150 px, whose place follows the known motion."""
    from emollm.perception import face, media

    clip = media.read(material.write_clip(tmp_path / "clip.mp4", 3, 1.2))
    assert (clip.width, clip.height, clip.fps, clip.count) == (1280, 720, 25.0, 30)
    [track] = face.follow(clip)
    assert track.quality.size.min() >= 150 and len(track.frames) == 30
    moves = [material.motion(3, 1.2).at(time) for time in track.times]
    seen = track.landmarks[:, 168, :2]  # between the eyes: hardly moved by turning about the face and by pulls
    known = np.array([(m["x"], m["y"]) for m in moves])
    assert np.abs((seen - seen[0]) - (known - known[0])).max() < 6


def test_clips_are_made_once_and_differ(tmp_path):
    first = material.clips(tmp_path / "made", 2, 0.2)
    content = [path.read_bytes() for path in first]
    assert content[0] != content[1]
    before = [path.stat().st_mtime_ns for path in first]
    assert [path.stat().st_mtime_ns for path in material.clips(tmp_path / "made", 2, 0.2)] == before


# --- readings --------------------------------------------------------------------------------------------------------

def test_hit_rates_are_of_what_happened_in_between():
    page = ('# HELP x y\nvllm:prefix_cache_queries_total{engine="0"} 100.0\nvllm:prefix_cache_queries_total{engine="1"} 20.0\n'
            'vllm:prefix_cache_hits_total{engine="0"} 30.0\nemollm_measuring_seconds_count 4.0\n')
    after = servers.counters_of(page)
    assert after["vllm:prefix_cache_queries_total"] == 120
    before = {"vllm:prefix_cache_queries_total": 60.0, "emollm_measuring_seconds_count": 1.0}
    assert servers.hit_rates(before, after) == ["prefix cache 30 of 60 (50%)", "3 pictures measured"]
    assert servers.hit_rates({}, {}) == []


def test_blocks_hold_all_clips_and_all_of_the_time():
    steps = [(0.0, 0), (10.0, 3), (10.2, 4), (18.0, 8), (20.0, 8)]
    blocks = caption.blocks_of(steps)
    assert blocks[0] == (pytest.approx(10.2), 4)
    assert sum(seconds for seconds, _ in blocks) == pytest.approx(20) and sum(clips for _, clips in blocks) == 8
    assert caption.per_clip(blocks) == pytest.approx(2.5)


def test_growth_sees_lines_as_they_come(tmp_path):
    path = tmp_path / "out.jsonl"
    growth = caption.Growth(path, time.perf_counter())
    path.write_text("a\nb\n")
    time.sleep(0.4)
    path.write_text("a\nb\nc\n")
    blocks = growth.stop(5.0)
    assert sum(clips for _, clips in blocks) == 3 and sum(seconds for seconds, _ in blocks) == pytest.approx(5)


def test_memory_watch_sees_the_parent_and_its_child():
    """A child that holds 80 MB more than an idle one shows."""
    inner = "import time; held = bytearray(80 * 2**20); print('there', flush=True); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    process = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        watch = memory.Watch(process.pid, every=0.05)
        time.sleep(0.5)
        samples = watch.stop()
        [child] = memory.descendants(process.pid)
    finally:
        for pid in (*memory.descendants(process.pid), process.pid):
            os.kill(pid, 9)
        process.wait()
    assert samples and min(max(others) - own for _, own, others in samples) > 40
    assert child and "largest worker" in memory.told(samples)


def test_start_and_end_are_no_growth():
    """Without its workers the parent is not the run."""
    steady = [(float(t), 100.0, [50.0, 50.0]) for t in range(60)]
    ending = [(float(t), 100.0, []) for t in range(60, 66)]
    assert "last quarter / second quarter 1.00; +0.0 MB" in memory.told([(0.0, 10.0, []), *steady, *ending])
    assert "parent at most 100 MB, largest worker 50 MB, all together 200 MB" in memory.told([*steady, *ending])


def test_slope_is_of_the_second_half():
    rising = [(float(t), 100.0 + (t - 50 if t > 50 else 0)) for t in range(101)]
    assert memory.slope(rising) == pytest.approx(60, rel=0.01)
    assert memory.slope([(float(t), 100.0 - t if t < 50 else 50.0) for t in range(101)]) == pytest.approx(0, abs=1e-9)


def test_one_differing_answer_is_found():
    from client import Answered

    ours = [Answered("a", 3, 0, 1), Answered("b", 3, 0, 1)]
    assert serve.different(ours, ours) == []
    assert len(serve.different(ours, [ours[0], Answered("b", 4, 0, 1)])) == 1
    caption_of = {"face_id": 0, "text": "t", "label": "happiness", "distribution": {"happiness": 0.7}, "notices": []}
    near, far = ({**caption_of, "distribution": {"happiness": share}} for share in (0.7004, 0.72))
    assert caption.different({"x": [near]}, {"x": [caption_of]}) == []
    for other in ([far], [{**caption_of, "text": "u"}], []):
        assert len(caption.different({"x": other}, {"x": [caption_of]})) == 1


# --- the naive baselines and the scripts ------------------------------------------------------------------------------

def test_naive_server_answers_as_the_library_and_streams_as_it_goes():
    """The baseline is only worth comparing with when it answers right, token by token, also on the second turn."""
    import http.client

    from emollm import explainer as path
    from emollm.model.engine import engine

    naive = script("naive/serve")
    answerer = naive.NaiveAnswerer("pocket")
    handler = type("Bound", (naive.Handler,), {"answerer": answerer})
    server = naive.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        jpeg = material.photo(0)
        model = engine("pocket")
        [subject] = path.prepare(jpeg, model.shape).subjects
        [whole] = path.answers(model, [(subject, path.prompt.DEFAULT_QUESTION)], grounded=False)
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        body = {"model": "pocket", "messages": about(jpeg), "max_tokens": 24, "stream": True}
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        events = [json.loads(line[6:]) for line in connection.getresponse().read().decode().split("\n\n")
                  if line.startswith("data: {")]
        text = "".join(e["choices"][0]["delta"].get("content", "") for e in events if e["choices"])
        assert whole.text.startswith(text) and len(text) > 40
        assert events[-1]["usage"]["completion_tokens"] == 24 and len(events) > 20
        turns, url = naive.chat_of(followed_up(about(jpeg), "Answer."))
        assert turns[1] == "Answer." and base64.b64decode(url.partition(",")[2]) == jpeg
    finally:
        server.shutdown()


def test_client_reads_the_naive_server():
    """OpenAI's own client, concurrently: every conversation gets its answer, in order."""
    naive = script("naive/serve")
    server = naive.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (naive.Handler,), {
        "answerer": naive.NaiveAnswerer("pocket")}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = load(f"http://127.0.0.1:{server.server_port}", [about(material.photo(k)) for k in (0, 5, 0)], 3, 12)
    finally:
        server.shutdown()
    assert found.answers[0].text == found.answers[2].text
    assert all(a.tokens == 12 and 0 < a.first < a.last for a in found.answers)
    assert found.wall > 0 and found.per_minute == pytest.approx(180 / found.wall)


def test_naive_loop_says_what_the_library_says(astronaut_file):
    import emollm

    done = subprocess.run([sys.executable, str(BENCH / "naive" / "loop.py"), str(astronaut_file)], capture_output=True,
                          text=True, check=True)
    [line] = map(json.loads, done.stdout.splitlines())
    assert [e["text"] for e in line["explanations"]] == [e.text for e in emollm.explain(astronaut_file)]
    assert line["seconds"] > 0


def test_caption_bench_runs_at_its_smallest(tmp_path):
    material.clips(tmp_path, 1, 0.4)
    command = [sys.executable, str(BENCH / "caption.py"), "--quick", "--clips", str(tmp_path), "--engine", "transformers",
               "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1 captions compared, all equal" in done.stdout  # with those of emollm.explain
    for expected in ("machine:", "clips/min, transformers / naive:", "wall / slowest", "memory: parent"):
        assert expected in done.stdout


@pytest.mark.parametrize("name", ["serve.py", "caption.py", "stages.py", "naive/serve.py", "naive/caption.py", "naive/loop.py",
                                  "cold_start.py", "measure.py", "naive/measure.py"])
def test_help(name):
    done = subprocess.run([sys.executable, str(BENCH / name), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr


@pytest.mark.parametrize("path", sorted(BENCH.rglob("*.py")), ids=lambda path: path.relative_to(BENCH).as_posix())
def test_every_bench_imports(path):
    """What they import may be renamed under them: most are run by hand, and seldom."""
    assert script(path.relative_to(BENCH).with_suffix("").as_posix()).__doc__


# --- system messages -------------------------------------------------------------------------------------------------

def test_a_movement_that_is_told_otherwise_is_found_in_every_style():
    told, otherwise = (script("systems").__dict__[name] for name in ("told", "otherwise"))
    plain = told("The mouth corners are raised (AU12, 3.4 pronounced); the brows are not lowered (AU04).")
    assert plain == {"AU12": "C", "AU04": "absent"}
    for same in ("FACS: 12C. Commonly read as happiness (0.93).", "Look: the mouth corners are raised.",
                 "- The brows are not lowered", '{"action_units": {"AU12": {"intensity": 3.4, "side": "both"}}}'):
        assert told(same) and not otherwise(plain, told(same))
    for other in ("FACS: 12E.", "No: the mouth corners are not raised (AU12).", "The brows are lowered (AU04, 2.0 slight)."):
        assert otherwise(plain, told(other))


# --- a long clip -----------------------------------------------------------------------------------------------------

def test_a_clip_is_made_long_by_its_coded_frames(astronaut_clip, tmp_path, monkeypatch):
    import av

    monkeypatch.setattr(measure, "LOOP", 2.0)
    with av.open(str(measure.repeated(tmp_path / "long.mp4", astronaut_clip, 0.1))) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(times, np.arange(150) / 25, atol=1e-6)


@pytest.mark.parametrize(("ours", "growth", "words"), [
    (0.008, 0.0, ("125.0 frames/s   goal >= 100 met", "naive / ours: 5.00 (95% CI 5.00-5.00)   goal >= 2 met",
                  "quarter: 1.00 (95% CI 1.00-1.00)   goal <= 1.1 met", "at most 500 MB   goal <= 1000 met; +0.0 MB a minute")),
    (0.025, 10.0, ("40.0 frames/s   goal >= 100 MISSED", "naive / ours: 1.60 (95% CI 1.60-1.60)   goal >= 2 MISSED",
                   "at most 1490 MB   goal <= 1000 MISSED; +600.0 MB a minute"))])
def test_the_report_of_a_long_clip_says_what_was_met(ours, growth, words, capsys):
    """Constant times a frame; memory that grows by so many MB a second."""
    told = [["followed", 250 * k, 250 * k * ours, 250 * k * ours] for k in range(1, 41)]
    end = told[-1][2]
    told += [["all followed", 1, max(end, 101.0), 0], ["measured", 5, max(end, 101.0) + 2, 0],
             ["written", 9, max(end, 101.0) + 3, 0]]
    measure.report(told, [(float(s), 500.0 + growth * s, []) for s in range(100)], [[0.04, 0.04]] * 100)
    said = capsys.readouterr().out
    assert all(word in said for word in words), said
    assert measure.figure(told, [(0.0, 400.0, []), (9.0, 500.0, [])]).count("<polyline") == 3
