"""What `emollm explain` and `measure` take: files, patterns, a home folder, a pipe; parts of clips on the command line."""

import io
import sys
from types import SimpleNamespace

import pytest

from emollm import cli, options
from emollm.caption.incoming.sources import LeftOutFiles, read_inputs
from emollm.commands import inputs
from emollm.perception.limits import Cut
from emollm.schema import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("a.jpg", "b.jpg", "c.png", "[x].jpg"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_words_of_the_command_line_become_files(folder):
    assert inputs.expand(["*.jpg"]) == ["[x].jpg", "a.jpg", "b.jpg"]
    assert inputs.expand(["c.png", "a.jpg", "c.png"]) == ["c.png", "a.jpg"]
    assert inputs.expand(["[x].jpg"]) == ["[x].jpg"]  # a file of that name comes first
    assert inputs.expand(["~/a.jpg"]) == [str(folder / "a.jpg")]
    assert inputs.expand(["~/?.png"]) == [str(folder / "c.png")]
    assert inputs.expand(["6C+12D", "none.jpg", "https://a/?b", "-"]) == ["6C+12D", "none.jpg", "https://a/?b", "-"]


@pytest.mark.parametrize(("given", "words"), [("*.gif", "no file matches"), (".", "emollm caption . -o captions.jsonl"),
                                              ("~", "emollm caption ")])
def test_what_is_no_file_names_what_to_do(folder, given, words):
    with pytest.raises(InputError, match=words):
        inputs.expand([given])


def test_one_file_is_asked_for_where_one_is_measured(folder):
    assert inputs.expand_one(["a.jpg"], "measure") == "a.jpg"
    with pytest.raises(InputError, match=r"measure takes one file, here are 3.*emollm caption '\*.jpg' -o"):
        inputs.expand_one(["*.jpg"], "measure")


def test_what_is_piped_in(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"picture"), isatty=lambda: False))
    assert inputs.read_piped() == b"picture"
    with pytest.raises(InputError, match="nothing came in"):
        inputs.read_piped()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(InputError, match="nothing is piped in"):
        inputs.read_piped()


def test_measuring_what_is_piped_in_and_part_of_a_clip(astronaut_clip, monkeypatch, capsys):
    piped = SimpleNamespace(buffer=io.BytesIO(astronaut_clip.read_bytes()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", piped)
    assert cli.main(["measure", "-", "--start", "0:00.4", "--end", "1.2", "--fps", "5", "--progress", "none"]) == 0
    rows = capsys.readouterr().out.splitlines()
    times = [float(row.split(",")[rows[0].split(",").index("timestamp")]) for row in rows[1:]]
    assert sorted(set(times)) == pytest.approx([0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize(("given", "words"), [
    (["--start", "90"], "past the end"), (["--start", "3", "--end", "1"], "not after"), (["--fps", "0"], "more than 0"),
    (["--start", "soon"], "not a time"), (["--skip-frames", "0.5"], "not a whole number"), (["--fps", "x"], "not a number")])
def test_parts_that_cannot_be_end_with_one_line(astronaut_clip, given, words, capsys):
    for command in ("measure", "explain"):
        assert cli.main([command, str(astronaut_clip), *given]) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1


def test_times_may_be_written_as_clocks_show_them():
    assert [options.seconds(t) for t in ("12.5", "1:02.5", "1:00:02")] == [12.5, 62.5, 3602.0]
    assert options.cut_of(SimpleNamespace(start=1.0, end=2.0, fps=None, skip_frames=3)) == Cut(1.0, 2.0, None, 3)


def test_of_several_files_those_that_cannot_be_used_are_named_and_the_others_explained(folder, monkeypatch, capsys):
    from emollm import explainer
    from emollm.explanation import Explanation

    def explain(source, **_):
        if source == "b.jpg":
            raise InputError("b.jpg: the file is empty")
        return [Explanation(label="happiness", confidence=0.8, distribution={"happiness": 0.8, "fear": 0.2}, source=source)]

    monkeypatch.setattr(explainer, "explain", explain)
    assert cli.main(["explain", "a.jpg", "b.jpg", "c.png", "--style", "brief", "--progress", "none"]) == 2
    told = capsys.readouterr()
    assert [line.split(": ")[0] for line in told.out.splitlines() if line] == ["a.jpg", "c.png"]
    assert told.err == "emollm: b.jpg: the file is empty\n"
    assert cli.main(["explain", "a.jpg", "c.png", "--render", "x.png"]) == 2
    assert "one photo or clip to draw on" in capsys.readouterr().err


# Folders of emollm caption


def test_a_folder_counts_and_names_what_it_leaves_out(tmp_path):
    for name, content in {"a.heic": b"", "b.PGM": b"", "notes.txt": b"x", "more.txt": b"x", ".hidden.jpg": b"", "empty": b"",
                          "deep/x.xyz": b"words", "subject01.happy": b"GIF89a", "deep/c.mxf": b""}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "again").symlink_to(tmp_path / "deep")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    left_out = LeftOutFiles()
    found = read_inputs([str(tmp_path)], left_out=left_out)
    assert sorted(item.source.rpartition("/")[2] for item in found) == ["a.heic", "b.PGM", "c.mxf", "subject01.happy"]
    assert str(left_out) == (
        "7 left out: 1 hidden: .hidden.jpg; 1 links to folders, which are not followed: again; 1 no photo or clip by name or "
        "content: x.xyz; 1 empty files: empty; 1 no files (broken links, devices): gone; 2 .txt files: more.txt, notes.txt")


def test_many_that_are_left_out_are_counted_and_some_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    for k in range(9):
        (tmp_path / f"{k}\n.csv").write_bytes(b"")
    left_out = LeftOutFiles()
    read_inputs([str(tmp_path / "*")], left_out=left_out)
    assert str(left_out) == "9 left out: 9 .csv files: 0?.csv, 1?.csv, 2?.csv, 3?.csv, 4?.csv and 4 more"
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"no photo or clip in this folder or below it \(9 left out: 9 .csv files"):
        read_inputs([str(tmp_path)])
