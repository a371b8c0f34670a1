"""Training of the tower: runs resume exactly, stop at the first bad loss, and leave a file that others can load."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from emollm.model.tower import POCKET, POCKET_CHANNELS, build_tower, patch_features
from emollm.schema import InputError
from emollm.training import tower as train_tower
from emollm.training.augment import Strengths

SIZES = [16, 24]


@pytest.fixture
def config(faces_cache, tmp_path) -> dict:
    """Four batches an epoch of noise faces, two epochs."""
    changes = vars(Strengths(turn=0.2, zoom=0.1, mirror=0.5, contrast=0.2, coarse=0.5, blur=0.5, cover=0.5, half=0.1))
    return {"faces": str(faces_cache), "out": str(tmp_path / "run"), "device": "cpu", "seed": 3, "batch": 7, "lr": 1e-3,
            "weight_decay": 0.05, "warm_up": 0.3, "sizes": SIZES, "strengths": [1, 0.5], "average": 0.9, "class_weight": 0.5,
            "smoothing": 0.1, "balance": 0.25, "validate_every": 1, "augment": changes}


def last(config: dict) -> dict:
    return torch.load(f"{config['out']}/last.pt", weights_only=True)["run"]


def equal(a, b) -> bool:
    """Whether two nested states hold the same numbers, bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def stop_at(monkeypatch, name: str, call: int, do) -> None:
    """Let the `call`-th call of train_tower.`name` be `do` instead."""
    real, calls = getattr(train_tower, name), iter(range(1, 1000))
    monkeypatch.setattr(train_tower, name, lambda *given: do(*given) if next(calls) == call else real(*given))


def kill(*given):
    raise KeyboardInterrupt


# --- runs ---------------------------------------------------------------------------------------------------------

def test_a_resumed_run_equals_an_uninterrupted_one(config, tmp_path, monkeypatch, capsys):
    """Weights, averages, optimiser and schedule, bit for bit, after a kill in the middle of the second epoch."""
    whole = config | {"out": str(tmp_path / "whole")}
    train_tower.train(whole)
    with monkeypatch.context() as patch:
        stop_at(patch, "update", 6, kill)
        with pytest.raises(KeyboardInterrupt):
            train_tower.train(config)
    assert last(config)["epoch"] == 1
    train_tower.train(config)
    assert last(config)["epoch"] == len(SIZES)
    assert equal(last(whole), last(config))
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in log] == [1, 2]


def test_a_finished_run_is_left_as_it_is(config):
    train_tower.train(config)
    before = last(config)
    train_tower.train(config)
    assert equal(before, last(config))


def test_training_moves_weights_and_averages(config):
    faces = train_tower.load_faces(config["faces"], "cpu")
    before = train_tower.start(config, faces, "cpu").state()
    after = train_tower.train(config).state()
    name = "tower.trunk.layer3.0.conv1.weight"
    assert not torch.equal(before["model"][name], after["model"][name])
    assert not torch.equal(after["averaged"][name], after["model"][name])
    assert after["steps"] == len(SIZES) * (len(faces.train) // config["batch"])


def test_norms_of_the_average_are_settled_on_faces_of_the_stored_size(config):
    """Running statistics would be those of other weights and of 16 px pictures."""
    faces = train_tower.load_faces(config["faces"], "cpu")
    config |= {"batch": len(faces.train)}
    run = train_tower.start(config, faces, "cpu")
    train_tower.settle_norms(run, faces, Strengths(), config)
    stem = run.averaged.tower.trunk.conv1
    with torch.no_grad():
        first = stem[0](train_tower.to_input(faces.chips[faces.train]))
    torch.testing.assert_close(stem[1].running_mean, first.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(stem[1].running_var, first.var((0, 2, 3)), atol=1e-4, rtol=1e-3)
    assert not any(m.training for m in run.averaged.modules())


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_epoch_before(config, monkeypatch):
    stop_at(monkeypatch, "loss_of", 6, lambda *given: torch.tensor(float("nan")))
    with pytest.raises(InputError, match=r"loss is nan in epoch 2, batch 2 of 4 \(first picture: row \d+\).*Lower lr"):
        train_tower.train(config)
    kept = last(config)
    assert kept["epoch"] == 1
    assert all(x.isfinite().all() for x in kept["model"].values())


def test_running_out_of_memory_says_what_to_lower(config, monkeypatch):
    def full(*given):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    stop_at(monkeypatch, "loss_of", 1, full)
    with pytest.raises(InputError, match="out of memory with batch 7 of 16 px: lower batch or sizes"):
        train_tower.train(config)


def test_other_settings_do_not_resume(config):
    train_tower.train(config | {"sizes": [16], "strengths": [1]})
    with pytest.raises(InputError, match=r"made with sizes: \[16\], now \[16, 24\]. Choose another `out`"):
        train_tower.train(config)


def test_sizes_and_strengths_go_together(config):
    with pytest.raises(InputError, match="2 sizes and 1 strengths: give one of each an epoch"):
        train_tower.train(config | {"strengths": [1]})


def test_unknown_and_missing_settings_are_named(tmp_path):
    (tmp_path / "bad.yaml").write_text("batchs: 3\n")
    with pytest.raises(InputError, match="unknown key 'batchs' \\(did you mean 'batch'"):
        train_tower.main(str(tmp_path / "bad.yaml"))


@pytest.mark.parametrize(("wanted", "message"), [("gpu", "device is 'gpu': use auto, cpu or cuda")] + (
    [] if torch.cuda.is_available() else [("cuda", "torch finds no GPU")]))
def test_a_device_that_is_not_there_is_refused(wanted, message):
    with pytest.raises(InputError, match=message):
        train_tower.device_of(wanted)


# --- faces --------------------------------------------------------------------------------------------------------

def test_a_file_that_is_no_cache_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", pictures=np.zeros(3))
    for path in (tmp_path / "other.npz", tmp_path / "missing.npz"):
        with pytest.raises(InputError, match="not a cache of faces"):
            train_tower.load_faces(str(path), "cpu")


@pytest.fixture
def uneven() -> train_tower.TowerFaces:
    """60 faces of label 0, 30 of label 1, 10 of label 2, in rows 100 to 199; one held out."""
    label = torch.zeros(201, dtype=torch.long)
    label[160:190], label[190:200] = 1, 2
    chips, votes = torch.zeros(201, 4, 4), torch.zeros(201, 8)
    return train_tower.TowerFaces(chips, votes, label, torch.arange(100, 200), torch.tensor([200]))


def test_without_balance_every_face_is_shown_once(uneven):
    rows = train_tower.draw_rows(uneven, 0.0, torch.Generator().manual_seed(0))
    assert sorted(rows.tolist()) == list(range(100, 200))
    assert rows.tolist() != list(range(100, 200))


def test_full_balance_shows_all_classes_alike(uneven):
    rows = train_tower.draw_rows(uneven, 1.0, torch.Generator().manual_seed(0))
    counts = torch.bincount(uneven.label[rows])
    assert len(rows) == 100 and counts.min() >= 32 and counts.max() <= 35
    shown = torch.bincount(rows, minlength=201)[190:200]
    assert set(shown.tolist()) <= {3, 4}  # of a class of ten, 33 in all


def test_the_validation_head_counts_sure_majorities_only(uneven):
    """A perfect classifier is perfect; its votes are judged on faces with more than five equal votes."""
    votes = torch.zeros(201, 8)
    votes[:, 3] = 10.0
    votes[150:, 3] = 5.0
    faces = train_tower.TowerFaces(uneven.chips, votes, uneven.label, uneven.train, torch.arange(100, 200))

    class Perfect:
        def logits(self, chips):
            return torch.eye(8)[torch.full((len(chips),), 3)], torch.eye(7)[faces.label[100:200]]

    assert train_tower.validate(Perfect(), faces) == {"fer2013": 1.0, "recall": 1.0, "n": 100, "ferplus": 1.0, "n_sure": 50}


# --- the network and its file -------------------------------------------------------------------------------------

def test_the_pocket_tower_fits_its_budget_and_its_grid():
    tower = build_tower(POCKET).eval()
    with torch.no_grad():
        grid = patch_features(tower, torch.zeros(2, 3, 48, 48))
    assert grid.shape == (2, POCKET_CHANNELS, 6, 6)
    assert 2 * sum(p.numel() for p in tower.parameters()) < 7e6  # bytes in bf16


def test_mirror_images_are_predicted_alike():
    model = train_tower.FaceClassifier().eval()
    chips = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        for plain, mirrored in zip(model.logits(chips), model.logits(chips.flip(-1)), strict=True):
            torch.testing.assert_close(plain, mirrored)


def test_the_file_holds_the_averaged_weights_in_bf16_and_says_what_they_are(config):
    run = train_tower.train(config | {"sizes": [16], "strengths": [1]})
    path = f"{config['out']}/tower.safetensors"
    with safe_open(path, "pt") as stored:
        about = stored.metadata()
        assert all(stored.get_tensor(k).dtype in (torch.bfloat16, torch.int64) for k in stored.keys())  # noqa: SIM118
    assert json.loads(about["config"])["seed"] == 3
    assert json.loads(about["validation"])["n"] == 6
    loaded = train_tower.load_classifier(path).state_dict()
    for name, tensor in run.averaged.state_dict().items():
        rounded = tensor.bfloat16().float() if tensor.is_floating_point() else tensor
        assert torch.equal(loaded[name], rounded), name
    weights = train_tower.tower_weights(path)
    assert torch.equal(weights["trunk.conv1.0.weight"], loaded["tower.trunk.conv1.0.weight"])


def test_other_files_are_no_towers(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, this is no tower")
    with pytest.raises(InputError, match="not the heads and tower"):
        train_tower.load_classifier(str(tmp_path / "other.safetensors"))
    with pytest.raises(InputError, match="holds no tower"):
        train_tower.tower_weights(str(tmp_path / "other.safetensors"))
    for path in ("text.safetensors", "missing.safetensors"):
        with pytest.raises(InputError, match="cannot be read as safetensors"):
            train_tower.tower_weights(str(tmp_path / path))
