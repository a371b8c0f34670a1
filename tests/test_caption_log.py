"""The output as write-ahead log: what is finished stays, whole and once; anything else is not finished."""

import fcntl
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from emollm.caption.run import lines
from emollm.caption.run.log import Log
from emollm.caption.run.settings import digest, key_of, settings_of
from emollm.caption.run.shards import status
from emollm.explanation import Explanation
from emollm.perception.limits import Cut
from emollm.schema import InputError
from emollm.subject import Viewing

SETTINGS = {"emollm": "1", "weights": "a" * 64, "grounded": True, "question": "Why?"}


def answered(number: int, text: str = "Conclusion: fear.", settings=SETTINGS) -> lines.Line:
    explanation = Explanation(label="fear", text=text, source=f"{number}.jpg", notices=[f"{number}.jpg: a notice"])
    return lines.success(key_of(str(number), "Why?", (), "s"), f"item {number}", [explanation], "pocket", 1_700_000_000,
                         digest(settings))


def failed(number: int) -> lines.Line:
    return lines.failure(key_of(str(number), "Why?", (), "s"), f"item {number}", "media_undecodable", "no\nphoto")


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "out put.jsonl")


def filled(path: str, *written: lines.Line) -> str:
    with Log(path, SETTINGS) as opened:
        opened.note(len(written), complete=False)
        opened.append(list(written))
    return path


def ids_of(path: str) -> list[str]:
    return [json.loads(line)["custom_id"] for line in Path(path).read_bytes().splitlines()]


# --- lines -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("custom_id", ["a", 'quote " and \\ slash', "line\nbreak", "Gefühl 笑顔 \U0001f600", "\u2028", "\0"])
def test_a_line_is_read_back_and_is_one_line_of_json(custom_id):
    explanation = Explanation(text="x\ny", source=custom_id)
    line = lines.success("0" * 64, custom_id, [explanation], "pocket", 1, "f" * 64)
    assert line.data.count(b"\n") == 1 and lines.read(line.data) == line
    assert json.loads(line.data)["custom_id"] == custom_id
    assert lines.explanations_of(line) == [explanation]


def test_a_line_is_an_openai_batch_result():
    from openai.types.chat import ChatCompletion

    stored = json.loads(answered(1).data)
    assert list(stored) == ["id", "custom_id", "response", "error"] and stored["error"] is None
    body = ChatCompletion.model_validate(stored["response"]["body"])
    assert body.choices[0].message.content == "Conclusion: fear." and stored["response"]["status_code"] == 200
    error = json.loads(failed(1).data)
    assert error["response"] is None and error["error"] == {"code": "media_undecodable", "message": "no photo"}


def test_a_reason_stands_in_for_an_answer():
    for notices, content in ((["x.jpg: no face could be measured."], "not enough to say: x.jpg: no face could be measured."),
                             (["2 faces", "not enough to say: too small"], "not enough to say: too small")):
        line = lines.success("0" * 64, "1", [Explanation(notices=notices)], "pocket", 1, "f")
        assert json.loads(line.data)["response"]["body"]["choices"][0]["message"]["content"] == content


def test_every_damage_of_one_byte_is_noticed():
    data = answered(1).data
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        assert lines.read(bytes(changed)) is None, position
        assert lines.read(data[:position]) is None


def test_the_answer_of_a_copy_carries_its_own_name():
    line = lines.rename(answered(1), "copy", "copy.jpg")
    (explanation,) = lines.explanations_of(line)
    assert (explanation.source, explanation.notices) == ("copy.jpg", ["copy.jpg: a notice"])
    assert lines.read(line.data) == line and line.key == answered(1).key


# --- resuming ----------------------------------------------------------------------------------------------------

def test_what_was_written_is_found_again(path):
    filled(path, answered(1), failed(2), answered(3))
    with Log(path, SETTINGS) as opened:
        assert {i: e.ok for i, e in opened.entries.items()} == {"item 1": True, "item 2": False, "item 3": True}
        assert opened.read("item 2") == failed(2)
        assert opened.find_answer(answered(3).key) == answered(3) and opened.find_answer(failed(2).key) is None
        opened.append([answered(4)])
    assert ids_of(path) == ["item 1", "item 2", "item 3", "item 4"]


def test_a_torn_tail_is_cut_off_wherever_it_is_torn(path):
    whole = answered(1).data + failed(2).data
    last = answered(3).data
    for cut in range(0, len(last), 7):
        filled(path)
        Path(path).write_bytes(whole + last[:cut])
        with Log(path, SETTINGS) as opened:
            assert set(opened.entries) == {"item 1", "item 2"} and opened.damaged == 0
            opened.append([answered(3)])
        assert Path(path).read_bytes() == whole + last


def test_zeros_after_a_power_cut_are_no_line(path):
    filled(path, answered(1))
    with open(path, "ab") as handle:
        handle.write(b"\0" * 4096)
    with Log(path, SETTINGS) as opened:
        assert set(opened.entries) == {"item 1"}
    assert Path(path).read_bytes() == answered(1).data


def test_a_damaged_line_is_done_again_and_leaves(path):
    filled(path, answered(1), answered(2), answered(3))
    data = Path(path).read_bytes().replace(b"2.jpg", b"9.jpg")
    Path(path).write_bytes(data)
    with Log(path, SETTINGS) as opened:
        assert set(opened.entries) == {"item 1", "item 3"} and opened.damaged == 1
        opened.append([answered(2)])
        opened.compact()
        assert opened.read("item 2") == answered(2) and opened.read("item 3") == answered(3)
    assert Path(path).read_bytes() == answered(1).data + answered(3).data + answered(2).data


def test_the_last_line_of_an_item_counts_and_compacting_leaves_one(path):
    filled(path, failed(1), answered(2))
    with Log(path, SETTINGS) as opened:
        opened.append([answered(1)])
        assert opened.entries["item 1"].ok
        opened.compact()
        opened.append([answered(3)])  # the renamed file is the one that is open
    assert Path(path).read_bytes() == answered(2).data + answered(1).data + answered(3).data
    assert sorted(os.listdir(os.path.dirname(path))) == ["out put.jsonl", "out put.jsonl.settings.json"]


# --- refusals ----------------------------------------------------------------------------------------------------

def test_other_settings_are_named(path):
    filled(path, answered(1))
    with pytest.raises(InputError, match=r"question was 'Why\?', now 'What\?'") as told:
        Log(path, {**SETTINGS, "question": "What?"})
    assert "-o" in str(told.value) and "weights" not in str(told.value)
    with pytest.raises(InputError, match=r"weights was 'a{12}...', now 'b{12}...'"):
        Log(path, {**SETTINGS, "weights": "b" * 64})
    assert Path(path).read_bytes() == answered(1).data


def test_settings_hold_the_part_of_a_clip_and_not_how_it_is_read():
    """Outputs that were begun with a part are gone on with: nothing of a Cut but what was asked for decides an answer."""
    asked = settings_of("pocket", True, None, (), Viewing(cut=Cut(0.2, 1.0)))
    assert asked["cut"] == {"start": 0.2, "end": 1.0, "fps": None, "skip_frames": None}
    assert "cut" not in settings_of("pocket", True, None, (), Viewing(cut=Cut(attended=False)))


def test_an_output_without_lines_takes_any_settings(path):
    filled(path)
    with Log(path, {**SETTINGS, "question": "What?"}) as opened:
        assert opened.settings["question"] == "What?"


def test_settings_that_are_missing_are_told_from_the_lines(path):
    filled(path, answered(1))
    os.unlink(f"{path}.settings.json")
    with Log(path, SETTINGS) as opened:
        assert "item 1" in opened.entries
    with pytest.raises(InputError, match="made with other settings"):
        Log(path, {**SETTINGS, "grounded": False})


@pytest.mark.parametrize("content", [b"my notes\n", b'{"custom_id": "1"}\n{"custom_id": "2"}', b"no end"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_file_of_somebody_else_is_left_alone(path, content, beside):
    """A wrong -o must not cut somebody's file off as a torn tail."""
    if beside:
        filled(path)
    Path(path).write_bytes(content)
    with pytest.raises(InputError):
        Log(path, SETTINGS)
    assert Path(path).read_bytes() == content


def test_a_second_writer_is_refused(path):
    with Log(path, SETTINGS) as first:
        script = f"from emollm.caption.run.log import Log; Log({path!r}, {SETTINGS!r})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "another emollm caption is writing this file" in done.stderr
        first.append([answered(1), answered(1)])
        first.compact()  # the new file must be locked as well
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "another emollm caption is writing this file" in done.stderr
    with Log(path, SETTINGS) as second:
        assert "item 1" in second.entries


def test_the_lock_goes_with_the_process(path):
    filled(path, answered(1))
    script = (f"import os; from emollm.caption.run.log import Log; log = Log({path!r}, {SETTINGS!r}); "
              "print('open', flush=True); os.kill(os.getpid(), 9)")
    assert "open" in subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout
    Log(path, SETTINGS).close()


def test_a_place_that_cannot_be_written(tmp_path):
    for place in (tmp_path / "none" / "out.jsonl", "/dev/full", "/proc/nothing"):
        with pytest.raises(InputError):
            Log(str(place), SETTINGS)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not an ordinary file"):
        Log(str(tmp_path / "pipe"), SETTINGS)


# --- no room -----------------------------------------------------------------------------------------------------

def test_a_file_size_limit_keeps_whole_lines(path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = 3 * len(answered(1).data) + 40
    with Log(path, SETTINGS) as opened:
        opened.note(9, complete=False)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            with pytest.raises(InputError, match=r"File too large.*Finished lines are kept"):
                opened.append([answered(k) for k in range(9)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert Path(path).read_bytes() == b"".join(answered(k).data for k in range(3))
        opened.append([answered(k) for k in range(3, 9)])
    with Log(path, SETTINGS) as opened:
        assert len(opened.entries) == 9


FULL = """
import os, sys
sys.path.insert(0, {tests!r})
from test_caption_log import SETTINGS, answered
from emollm.caption.run.log import Log
from emollm.perception.limits import Cut
from emollm.schema import InputError
from emollm.subject import Viewing
log, k = Log({path!r}, SETTINGS), 0
log.note(9, complete=False)
try:
    while True:
        log.append([answered(k), answered(k + 1)])
        k += 2
except InputError as error:
    print(error)
log.close()
data = open({path!r}, "rb").read()
print("whole", data.endswith(b"\\n"), data.count(b"\\n") >= k > 10)
os.unlink({filler!r})
with Log({path!r}, SETTINGS) as log:
    log.append([answered(k) for k in range(99)])
    print("after", len(log.entries) >= 99)
"""


def test_a_full_file_system_keeps_whole_lines(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = FULL.format(path=str(disk / "out.jsonl"), filler=str(disk / "filler"), tests=os.path.dirname(__file__))
    shell = 'mount -t tmpfs -o size=256k none "$1" && head -c 150000 /dev/zero > "$1/filler" && exec "$2" -c "$3"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell, "sh", str(disk), sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("no small file system can be mounted here")
    assert "No space left on device" in done.stdout, done.stderr
    assert "whole True True" in done.stdout and "after True" in done.stdout, done.stdout + done.stderr


# --- status ----------------------------------------------------------------------------------------------------

def test_status_counts_without_the_lock(path):
    filled(path, answered(1), failed(2), failed(3))
    with open(path, "ab") as handle:  # a line that is being written
        handle.write(answered(4).data[:50])
        fcntl.flock(handle, fcntl.LOCK_EX)
        told = status(path)
    assert (told["done"], told["errors"], told["total"], told["complete"]) == (1, {"media_undecodable": 2}, 3, False)
    with pytest.raises(InputError):
        status(path + ".none")
