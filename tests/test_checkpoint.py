"""Models on disk: safetensors only, everything that does not fit is refused in one line that names the remedy."""

import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from emollm.answer.prompt import PROMPT_VERSION
from emollm.model import checkpoint
from emollm.schema import AU_NAMES, InputError


@pytest.fixture
def folder(tiny_folder, tmp_path):
    """A copy of the tiny model to break."""
    return shutil.copytree(tiny_folder, tmp_path / "model")


def refusal(folder) -> str:
    with pytest.raises(InputError) as error:
        checkpoint.load(str(folder))
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_weights(folder, edit):
    """Rewrite the weights after `edit` changed their dict."""
    path = folder / "model.safetensors"
    with safe_open(path, "pt") as stored:
        metadata = stored.metadata()
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata)


def test_saved_and_loaded_is_the_same_model(tiny, tmp_path):
    model, processor = tiny
    torch.manual_seed(1)
    checkpoint.save(model.__class__(model.config), processor, tmp_path / "other", {})
    other, _ = checkpoint.load(str(tmp_path / "other"))
    assert not torch.equal(other.face.position, model.face.position)
    other.load_state_dict(model.state_dict())
    checkpoint.save(other, processor, tmp_path / "same", {})
    same, again = checkpoint.load(str(tmp_path / "same"))
    for (name, a), b in zip(model.state_dict().items(), same.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert again.visual_tokens == processor.visual_tokens
    assert not same.training
    assert {p.dtype for p in same.parameters()} == {torch.float32}


def test_the_file_says_what_it_is(tiny_folder):
    with safe_open(tiny_folder / "model.safetensors", "pt") as stored:
        metadata = stored.metadata()
        assert {stored.get_tensor(k).dtype for k in stored.keys() if k.endswith("proj.weight")} == {torch.bfloat16}  # noqa: SIM118
    assert metadata["au_names"].split() == list(AU_NAMES)
    assert metadata["prompt_version"] == PROMPT_VERSION
    assert (metadata["stage"], metadata["licence"]) == ("test", "none")


def test_nothing_but_safetensors_is_written(tiny_folder):
    assert {p.suffix for p in tiny_folder.iterdir()} == {".json", ".jinja", ".safetensors"}


def test_a_pickle_is_never_loaded(folder):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    message = refusal(folder)
    assert "found pytorch_model.bin: pickle files are never loaded, convert them to safetensors" in message


def test_missing_weights(folder):
    (folder / "model.safetensors").unlink()
    assert "model.safetensors is missing; reinstall emollm or train the model" in refusal(folder)


def test_a_missing_tensor_is_named(folder):
    change_weights(folder, lambda tensors: tensors.pop("face.au_encoder.mask_token"))
    assert "weights do not fit the code: missing keys ['face.au_encoder.mask_token']" in refusal(folder)


def test_a_foreign_tensor_is_named(folder):
    change_weights(folder, lambda tensors: tensors.update(extra=torch.zeros(2)))
    assert "unexpected keys ['extra']" in refusal(folder)


def test_a_tensor_of_another_shape_is_refused(folder):
    change_weights(folder, lambda tensors: tensors.update({"face.au_encoder.mask_token": torch.zeros(3)}))
    refusal(folder)


@pytest.mark.parametrize("damage", [lambda data: data[:1000], lambda data: data[:-50], lambda data: b"x" * 200,
                                    lambda data: b""])
def test_corrupted_weights(folder, damage):
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert "cannot be loaded" in refusal(folder)


def test_a_corrupted_config(folder):
    (folder / "config.json").write_text("{not json")
    assert "cannot be loaded" in refusal(folder)


def test_a_missing_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert "cannot be loaded" in refusal(folder)


def test_another_kind_of_model(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "hidden_size": 32}))
    assert "is a plain qwen3 model; give one made by `emollm train`" in refusal(folder)


def test_foreign_action_units(folder):
    change_config(folder, au_names=["AU01", "AU02"])
    assert "was trained on other action units: ['AU01', 'AU02']" in refusal(folder)


def test_another_prompt_version(folder):
    change_config(folder, prompt_version="99")
    assert f"has prompt version 99, this emollm has {PROMPT_VERSION}; install the matching emollm" in refusal(folder)


@pytest.mark.parametrize("name", ["no-such-model", "./no-such-folder", "/no/such/folder"])
def test_a_name_that_does_not_exist(name):
    assert "give a folder made by `emollm train`, a hub name OWNER/NAME, or one of the shipped models" in refusal(name)


def test_an_empty_folder(tmp_path):
    assert "no config.json there" in refusal(tmp_path)


def test_shipped_models_have_short_names(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "MODELS", folder.parent)
    assert checkpoint.shipped_models() == ["model"]
    assert checkpoint.find("model") == folder
    assert checkpoint.load("model")[0].config.prompt_version == PROMPT_VERSION


@pytest.fixture
def hub(tiny_folder, tmp_path, monkeypatch):
    """A hub cache on disk that holds someone/model, and no network."""
    from huggingface_hub import constants

    commit = "0" * 40
    snapshot = tmp_path / "hub" / "models--someone--model" / "snapshots" / commit
    shutil.copytree(tiny_folder, snapshot)
    reference = snapshot.parents[1] / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_hub_names_load_through_the_hub(hub, tiny):
    assert checkpoint.find("someone/model") == "someone/model"
    model, processor = checkpoint.load("someone/model")
    assert torch.equal(model.face.position, tiny[0].face.position)
    assert processor.tokenizer.get_vocab() == tiny[1].tokenizer.get_vocab()


def test_a_pickle_from_the_hub_is_never_loaded(hub):
    (hub / "model.safetensors").unlink()
    torch.save({}, hub / "pytorch_model.bin")
    assert "cannot be loaded" in refusal("someone/model")


def test_a_hub_name_that_does_not_exist(hub):
    assert "cannot be loaded" in refusal("someone/else")
