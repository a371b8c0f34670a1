"""Settings files are strict: every key known, every known key there, one clear line otherwise."""

import pytest

from data_engine import build
from emollm.schema import InputError
from emollm.training import settings


@pytest.fixture
def file(tmp_path):
    def write(text) -> str:
        path = tmp_path / "run.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_exactly_the_keys(file):
    assert settings.load(file("steps: 3\nrate: 2.0e-3\nlora: null\n"), "steps", "rate", "lora") == {
        "steps": 3, "rate": 0.002, "lora": None}


@pytest.mark.parametrize("text, message", [
    ("stepps: 3\n", r"run.yaml: unknown key 'stepps' \(did you mean 'steps'\?\)"),
    ("steps: 3\nrate: 1\nzzz: 3\n", "unknown key 'zzz'; known keys: steps, rate"),
    ("steps: 3\nrate: 1\n7: 3\n", "unknown key '7'"),
    ("steps: 3\n", "missing key 'rate'"),
    ("", "expected `key: value` lines"),
    ("- steps\n", "expected `key: value` lines"),
    ("steps: [3\n", "not valid YAML"),
    (b"steps: \xff\xfe\n", "not valid"),
])
def test_everything_else_is_one_clear_line(file, text, message):
    with pytest.raises(InputError, match=message) as error:
        settings.load(file(text), "steps", "rate")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.yaml: cannot be read \(No such file or directory\)"):
        settings.load(str(tmp_path / "nowhere.yaml"), "steps")


def test_code_in_a_settings_file_is_refused(file):
    with pytest.raises(InputError, match="not valid YAML"):
        settings.load(file("steps: !!python/object/apply:os.getcwd []\n"), "steps")


# --- keys within keys ---------------------------------------------------------------------------------------------------

NESTED = ("steps", "lora", "lora.rank", "lora.targets", "mix.real?", "mix.drawn?")


@pytest.mark.parametrize("text", [
    "steps: 3\nlora: {rank: 8, targets: [q]}\nmix: {drawn: 1}\n",
    "steps: 3\nlora: null\nmix: {real: 1, drawn: 0}\n",  # null where the whole part may be left out
])
def test_parts_have_exactly_their_keys(file, text):
    assert settings.load(file(text), *NESTED)["mix"]["drawn"] in (0, 1)


@pytest.mark.parametrize("text, message", [
    ("lora: {rnak: 8, targets: [q]}\nmix: {real: 1}", r"run.yaml: unknown key 'lora.rnak' \(did you mean 'lora.rank'\?\)"),
    ("lora: {zzz: 8}\nmix: {real: 1}", r"unknown key 'lora.zzz'; known keys: lora.rank, lora.targets$"),
    ("lora: {rank: 8, targets: [q], 7: 1}\nmix: {real: 1}", "unknown key 'lora.7'"),
    ("lora: {rank: 8}\nmix: {real: 1}", "run.yaml: missing key 'lora.targets'"),
    ("lora: {rank: 8, targets: [q]}\nmix: {reel: 1}", r"unknown key 'mix.reel' \(did you mean 'mix.real'\?\)"),
    ("lora: null", "missing key 'mix'"),
    ("lora: 8\nmix: {real: 1}", r"'lora' must be \{rank: ..., targets: ...\} or null$"),
    ("lora: {}\nmix: {real: 1}", r"'lora' must be \{rank: ..., targets: ...\} or null$"),
    ("lora: [rank, targets]\nmix: {real: 1}", r"'lora' must be"),
    ("lora: null\nmix: null", r"'mix' must be \{real: ..., drawn: ...\}$"),
    ("lora: null\nmix: {}", r"'mix' must be \{real: ..., drawn: ...\}$"),  # shares of nothing
    ("lora: null\nmix: {real: 1}\nrank: 8", "unknown key 'rank'"),  # a part's key does not stand outside of it
    ("lora: null\nmix: {real: 1}\nlora.rank: 8", "unknown key 'lora.rank'"),
    ("lora: null\nmix: {'real?': 1}", r"unknown key 'mix.real\?' \(did you mean 'mix.real'\?\)"),
])
def test_a_wrong_part_is_one_clear_line(file, text, message):
    with pytest.raises(InputError, match=message) as error:
        settings.load(file(f"steps: 3\n{text}\n"), *NESTED)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("right, wrong", [("drawn", "drwan"), ("movement", "movment")])
def test_the_data_engine_finds_typos_in_its_shares(file, right, wrong):
    text = ("records: 3\nfaces: f\nout: o\nseed: 1\nmix: {real: 0.5, drawn: 0.5}\nasked: {movement: 1}\nlabel_share: 0.4\n"
            "earlier: 0.0\n")
    assert settings.load(file(text), *build.KEYS)["seed"] == 1
    with pytest.raises(InputError, match=rf"unknown key '(mix|asked)\.{wrong}' \(did you mean '\w+\.{right}'\?\)"):
        settings.load(file(text.replace(right, wrong)), *build.KEYS)
