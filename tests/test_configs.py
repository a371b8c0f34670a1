"""Every settings file loads strictly, fits its program, and follows the one before it."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from data_engine import build
from data_engine.questions import QUESTIONS
from data_engine.talk import build as build_talk
from emollm.schema import InputError
from emollm.training import settings, talk
from emollm.training import stages as train
from emollm.training import tower as train_tower
from emollm.training.augment import Strengths

FOLDER = Path(__file__).parents[1] / "configs"
FILES = sorted(FOLDER.rglob("*.yaml"))


def keys_of(path: Path) -> tuple[str, ...]:
    if path.stem.startswith("train_tower"):
        return train_tower.KEYS
    if path.stem.startswith("train_talker"):
        return talk.KEYS
    if path.stem == "data_talk":
        return build_talk.KEYS
    return train.KEYS if path.stem.startswith("train_") else build.KEYS


def names_of(path: Path) -> set[str]:
    """Keys of the file's first level."""
    return {key.partition(".")[0] for key in keys_of(path)}


def loaded(path: Path) -> dict:
    return settings.load(str(path), *keys_of(path))


def test_there_are_settings():
    assert {"train_tower", "train_language", "train_adapters", "train_reason", "data_pocket"} <= {p.stem for p in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_settings_load_strictly(path):
    config = loaded(path)
    assert config.keys() == names_of(path)
    assert isinstance(config["seed"], int)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_header_names_the_command_that_runs_it(path):
    step = "talk" if path.stem == "data_talk" else "build"
    program = "emollm train" if path.stem.startswith("train_") else f"python -m data_engine {step}"
    assert path.read_text().splitlines()[0] == f"# {program} configs/{path.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_typo_is_found(path, tmp_path):
    key = min(names_of(path))
    text = path.read_text().replace(f"\n{key}:", f"\n{key}x:", 1)
    (tmp_path / path.name).write_text(text)
    with pytest.raises(InputError, match=rf"unknown key '{key}x' \(did you mean '{key}'\?\)"):
        settings.load(str(tmp_path / path.name), *keys_of(path))


def test_every_kind_of_question_can_be_asked():
    assert {key for key in build.KEYS if key.startswith("asked.")} == {f"asked.{kind}?" for kind in QUESTIONS}


@pytest.mark.parametrize("path", [p for p in FILES if keys_of(p) == build.KEYS], ids=lambda p: p.stem)
def test_data_settings_are_shares(path):
    config = loaded(path)
    assert sum(config["mix"].values()) == pytest.approx(1)
    assert min(*config["mix"].values(), *config["asked"].values(), 1) > 0


@pytest.mark.parametrize("path", [p for p in FILES if keys_of(p) == train.KEYS],
                         ids=lambda p: p.stem)
def test_train_settings_fit_their_stage(path):
    config = loaded(path)
    assert config["stage"] in train.TRAINED
    assert (config["lora"] is not None) == (config["stage"] in train.LORA_STAGES)
    assert (config["init"] is None) == (config["vocabulary"] is not None) == (config["language_model"] is not None)
    assert isinstance(config["lr"], float)  # YAML reads 2e-3 as text
    assert config["steps"] >= config["save_every"] > 0
    if config["lora"]:
        assert set(config["lora"]) == {"rank", "alpha", "dropout", "targets"}


@pytest.mark.parametrize("path", [p for p in FILES if keys_of(p) == train_tower.KEYS], ids=lambda p: p.stem)
def test_tower_settings(path):
    config = loaded(path)
    assert isinstance(config["lr"], float)
    assert config["sizes"][-1] == 48  # ends at the size that faces are shown at
    assert config["sizes"] == sorted(config["sizes"])
    assert len(config["strengths"]) == len(config["sizes"])
    assert config["validate_every"] > 0 and 0 < config["warm_up"] < 1 and 0 <= config["balance"] <= 1
    assert set(config["augment"]) == {field.name for field in dataclasses.fields(Strengths)}


@pytest.mark.parametrize("path", [p for p in FILES if keys_of(p) == talk.KEYS], ids=lambda p: p.stem)
def test_talker_settings(path):
    config = loaded(path)
    assert isinstance(config["lr"], float) and 0 < config["warm_up"] < 1
    assert config["micro_tokens"] >= config["longest"]
    assert talk.quantisation_options(config["quantise"]) is not None


def test_every_input_is_the_output_of_another_file():
    """The recipe hangs together: what a stage starts from is made by a stage."""
    made = {"runs/faces.npz", "pocket"}  # python -m data_engine observe; the shipped model
    for path in FILES:
        out = loaded(path)["out"]
        made |= {out, f"{out}/model", f"{out}/tower.safetensors"}
    for path in FILES:
        config = loaded(path)
        for key in ("data", "faces", "tower", "init"):
            assert config.get(key) is None or config[key] in made, (path.name, key)
    outs = [loaded(p)["out"] for p in FILES]
    assert len(outs) == len(set(outs))  # no run overwrites another


def test_files_are_plain_yaml():
    for path in FILES:
        assert yaml.safe_load(path.read_text())
        assert not [line for line in path.read_text().splitlines() if len(line) > 128]
