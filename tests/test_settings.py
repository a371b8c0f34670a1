"""Settings files are strict: every key known, every known key there, one clear line otherwise."""

import pytest

from emollm import settings
from emollm.schema import InputError


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
