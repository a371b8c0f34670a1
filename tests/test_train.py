"""Training: the loss against a slow reference, what each stage may change, LoRA, and runs that resume exactly."""

import copy
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from emollm.answer.witnesses import CROWD
from emollm.model.checkpoint import load
from emollm.model.processor import IGNORE
from emollm.model.tokenizer import label_tokens
from emollm.schema import InputError
from emollm.training import stages as train
from emollm.training.features import FeatureCache
from emollm.training.look import fit_look
from emollm.training.records import Records, encode_records

RATES = {"lr": 1e-2, "muon_lr": 0.02, "weight_decay": 0.01, "warm_up": 0.03, "clip": 1.0}
LORA = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": ["q_proj", "v_proj", "down_proj"]}


@pytest.fixture(scope="module")
def records(records_file) -> Records:
    return Records(str(records_file))


@pytest.fixture(scope="module")
def batch(records, tiny) -> dict:
    """Records whose conclusions repeat label words, one without a label, one with nothing else."""
    single = [r for r in (records[k] for k in range(len(records))) if len(r.messages) == 2]
    explained = [r for r in single if r.provenance["asked"] == "explain"][:3]
    movement = next(r for r in single if r.provenance["asked"] == "movement")
    label = next(r for r in single if r.provenance["asked"] == "label")
    repeated = copy.deepcopy(explained[0])
    repeated.messages[-1]["content"] += " It may be fear or anger; some say happiness, others fear."
    return dict(encode_records([repeated, movement, *explained[1:], label], tiny[1], None, np.random.default_rng(0)))


def slow_loss(model, batch, label_ids, label_weight) -> tuple[float, float, float, int]:
    """Token by token, straight from the definition: the label that a conclusion names is scored against the row's label
    distribution and counts label_weight times, every other supervised token is plain cross-entropy."""
    given = {k: v for k, v in batch.items() if k not in ("labels", "target", "label_at")}
    with torch.no_grad():
        logits = model(**given).logits
    text, label = [], []
    for row, labels in enumerate(batch["labels"].tolist()):
        for place in range(1, len(labels)):
            if labels[place] == IGNORE:
                continue
            logp = logits[row, place - 1].log_softmax(-1)
            if place == batch["label_at"][row]:
                label.append(-sum(float(batch["target"][row][k]) * float(logp[i]) for k, i in enumerate(label_ids)))
            else:
                text.append(-float(logp[labels[place]]))
    loss = (sum(text) + label_weight * sum(label)) / (len(text) + label_weight * len(label))
    return loss, sum(text) / len(text), sum(label) / len(label), len(text) + len(label)


@pytest.mark.parametrize("label_weight", [0, 1, 5])
def test_answer_loss_is_its_definition(tiny, batch, label_weight):
    model, processor = tiny
    ids = label_tokens(processor.tokenizer)
    repeats = [sum(i in ids for i in row) for row in batch["labels"].tolist()]
    assert max(repeats) >= 4
    assert min(repeats) == 0
    expected = slow_loss(model, batch, ids, label_weight)
    loss, text, label, tokens = train.answer_loss(model, dict(batch), torch.tensor(ids), label_weight)
    assert (float(loss), float(text), float(label)) == pytest.approx(expected[:3], rel=1e-4)
    assert tokens == expected[3] == int((batch["labels"] != IGNORE).sum())


def test_the_prompt_is_not_predicted(tiny, batch):
    """Changing labels outside the answer is impossible, and only answers count: a longer prompt adds no tokens."""
    model, processor = tiny
    one = {k: v for k, v in batch.items() if k not in ("labels", "target", "label_at")}
    only_end = torch.full_like(batch["labels"], IGNORE)
    last = batch["attention_mask"].sum(1) - 1
    only_end[torch.arange(len(last)), last] = batch["input_ids"][torch.arange(len(last)), last]
    _, text, label, tokens = train.answer_loss(model, one | {"labels": only_end, "target": batch["target"],
                                                      "label_at": torch.zeros(len(last), dtype=torch.long)},
                                               torch.tensor(label_tokens(processor.tokenizer)), 2)
    with torch.no_grad():
        logp = model(**one).logits.log_softmax(-1)
    rows = torch.arange(len(last))
    expected = -logp[rows, last - 1, batch["input_ids"][rows, last]].mean()
    assert float(text) == pytest.approx(float(expected), rel=1e-4)
    assert tokens == len(last)
    assert math.isnan(label)  # no row has a label here


def test_the_label_position_is_the_one_that_generation_reads(tiny, batch):
    """A label word before or after "Conclusion: <label>" is text like any other."""
    ids, processor = label_tokens(tiny[1].tokenizer), tiny[1]
    for row, at in enumerate(batch["label_at"].tolist()):
        text = processor.tokenizer.decode(batch["input_ids"][row][:at])
        assert text.endswith("Conclusion:") if at else "Conclusion:" not in processor.tokenizer.decode(batch["input_ids"][row])
        assert not at or batch["input_ids"][row, at] in ids


class Logits(torch.nn.Module):
    """A model that says just these logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def hidden_states(self, **_):
        return self.logits

    def get_output_embeddings(self):
        return torch.nn.Identity()


def test_a_true_distribution_minimises_the_label_loss(tiny, batch):
    """The gradient of the label part vanishes where the model gives exactly the target, not the drawn word."""
    ids = torch.tensor(label_tokens(tiny[1].tokenizer))
    logits = torch.full((*batch["labels"].shape, len(tiny[1].tokenizer)), -50.0)
    rows = [row for row, at in enumerate(batch["label_at"].tolist()) if at]
    for row in rows:
        logits[row, batch["label_at"][row] - 1, ids] = batch["target"][row].clamp_min(1e-9).log().float()
    model = Logits(logits)
    loss, *_ = train.answer_loss(model, dict(batch), ids, label_weight=5)
    loss.backward()
    assert len(rows) == 4
    for row in rows:
        assert model.logits.grad[row, batch["label_at"][row] - 1].abs().max() < 1e-4
    assert model.logits.grad.abs().max() > 1e-3  # text that was not predicted


# --- optimisers and schedule --------------------------------------------------------------------------------------

def parts(config, tiny):
    model = train.prepare_stage(copy.deepcopy(tiny[0]), config)
    names = {id(p): n for n, p in model.named_parameters()}
    return [{names[id(p)] for g in o.param_groups for p in g["params"]} for o in train.optimisers(model, config)], model


def test_muon_gets_the_matrices_of_the_language_model(tiny):
    (adam, muon), model = parts({"stage": "language", **RATES}, tiny)
    assert adam.isdisjoint(muon)
    assert adam | muon == {n for n, p in model.named_parameters() if p.requires_grad}
    assert all(".layers." in n and n.endswith("_proj.weight") for n in muon)
    assert len(muon) == 2 * 7
    assert "language_model.model.embed_tokens.weight" in adam


@pytest.mark.parametrize("stage", ["adapters", "reason"])
def test_other_stages_use_adamw_alone(tiny, stage):
    groups, model = parts({"stage": stage, **RATES, "lora": LORA}, tiny)
    assert groups == [{n for n, p in model.named_parameters() if p.requires_grad}]


def test_the_schedule_warms_up_and_decays():
    rates = [train.schedule(step, 100, 0.03) for step in range(100)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert max(rates) == 1
    assert all(a >= b for a, b in itertools.pairwise(rates[3:]))
    assert rates[-1] == pytest.approx(0.02, abs=0.01)
    assert train.schedule(0, 1, 0.03) == 1


# --- stages -------------------------------------------------------------------------------------------------------

def test_what_each_stage_trains(tiny):
    for stage, trained, frozen in (("language", ("language_model", "face.au"), ("face.tower", "face.visual", "face.position")),
                                   ("adapters", ("face.visual", "face.position"), ("face.tower", "language_model", "face.au")),
                                   ("reason", ("face.visual", "face.au", "lora_"), ("face.tower",))):
        model = train.prepare_stage(copy.deepcopy(tiny[0]), {"stage": stage, "lora": LORA})
        on = {n for n, p in model.named_parameters() if p.requires_grad}
        for part in trained:
            assert any(part in n for n in on), (stage, part)
        assert not [n for n in on if n.startswith(frozen)], stage


def test_lora_touches_only_the_language_model(tiny):
    model = train.prepare_stage(copy.deepcopy(tiny[0]), {"stage": "reason", "lora": LORA})
    lora = [n for n, _ in model.named_parameters() if "lora_" in n]
    assert len(lora) == 2 * 3 * 2  # two matrices, three targets, two layers
    assert all(n.startswith("language_model.") for n in lora)
    assert not [n for n, p in model.named_parameters() if p.requires_grad and n.startswith("language_model")
                and "lora_" not in n]


def test_lora_that_matches_nothing_is_an_error(tiny):
    """Silently training no language model at all is the mistake this guards against."""
    with pytest.raises(InputError, match=r"lora.targets \['q_prj'\] match no module of the language model"):
        train.prepare_stage(copy.deepcopy(tiny[0]), {"stage": "reason", "lora": LORA | {"targets": ["q_prj"]}})


@torch.no_grad()
def test_merged_lora_is_lora(tiny, batch):
    model = train.prepare_stage(copy.deepcopy(tiny[0]), {"stage": "reason", "lora": LORA}).eval()
    given = {k: v for k, v in batch.items() if k not in ("labels", "target", "label_at")}
    fresh = model(**given).logits
    torch.testing.assert_close(fresh, tiny[0](**given).logits)  # LoRA begins as no change
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.normal_(std=0.3)
    apart = model(**given).logits
    assert not torch.allclose(apart, fresh, atol=0.1)
    train.merge_lora(model)
    torch.testing.assert_close(model(**given).logits, apart, atol=1e-3, rtol=1e-3)
    assert [n for n, _ in model.named_parameters()] == [n for n, _ in tiny[0].named_parameters()]


# --- whole runs ---------------------------------------------------------------------------------------------------

@pytest.fixture
def run_of(records_file, tiny_shape, tmp_path):
    """Function (name, **settings) -> folder of a finished run."""
    def run(name: str, **changes) -> Path:
        config = {"stage": "language", "data": str(records_file), "faces": None, "tower": None, "init": None,
                  "out": str(tmp_path / name), "seed": 3, "steps": 4, "batch": 4, "lora": None, **RATES,
                  "look_labels": None, "look_evened": None, "label_weight": 2, "save_every": 2, **tiny_shape} | changes
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        train.main(str(path))
        return tmp_path / name

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def changed(before: dict, after: dict) -> set[str]:
    assert before.keys() == after.keys()
    return {k for k in before if not torch.equal(before[k], after[k])}


class Stopped(Exception):
    pass


def stop_at(monkeypatch, step: int):
    """The run dies when it begins this step, as a machine that is switched off would."""
    real, done = train.train_step, []

    def dying(*arguments):
        if len(done) == step:
            raise Stopped
        done.append(1)
        return real(*arguments)

    monkeypatch.setattr(train, "train_step", dying)


@pytest.mark.parametrize("stage", ["language", "reason"])
def test_a_resumed_run_ends_as_if_never_stopped(run_of, tiny_folder, faces_cache, monkeypatch, stage):
    """4 steps = 3 steps, a crash, and a rerun that goes on after the checkpoint of step 2: bit for bit."""
    options = {"stage": stage}
    if stage == "reason":
        options |= {"init": str(tiny_folder), "lora": LORA | {"dropout": 0.3}, "faces": str(faces_cache), "vocabulary": None,
                    "language_model": None}
    whole = weights(run_of("whole", **options))
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        with pytest.raises(Stopped):
            run_of("torn", **options)
    calls = []
    real = train.train_step
    monkeypatch.setattr(train, "train_step", lambda *arguments: calls.append(1) or real(*arguments))
    torn = weights(run_of("torn", **options))
    assert len(calls) == 2
    assert changed(whole, torn) == set()


def test_stages_follow_each_other(run_of, faces_cache, tiny, tmp_path):
    """language -> adapters -> reason on tiny data: each starts from the last, changes its own parts only, and the
    tower stays bit for bit; the end is a plain model that loads strictly."""
    tower = tmp_path / "tower.safetensors"
    state = {f"tower.{k}": v for k, v in tiny[0].face.tower.state_dict().items()}
    save_file(state | {"class_head.bias": torch.zeros(7)}, tower)
    language = run_of("language", steps=3)
    stage = {"faces": str(faces_cache), "vocabulary": None, "language_model": None, "steps": 3, "batch": 12}  # some with pixels
    adapters = run_of("adapters", stage="adapters", init=str(language / "model"), tower=str(tower), **stage)
    reason = run_of("reason", stage="reason", init=str(adapters / "model"), lora=LORA, **stage)

    for name, tensor in tiny[0].face.tower.state_dict().items():
        assert torch.equal(weights(adapters)[f"face.tower.{name}"].to(tensor.dtype), tensor.bfloat16().to(tensor.dtype)
                           if tensor.is_floating_point() else tensor), name
    by_adapters = {n for n in changed(weights(language), weights(adapters)) if not n.startswith("face.tower")}
    assert by_adapters
    assert all(n.startswith(("face.visual_projector", "face.look_projector", "face.position", "face.frame_time"))
               for n in by_adapters)
    by_reason = changed(weights(adapters), weights(reason))
    assert not [n for n in by_reason if n.startswith("face.tower")]
    in_language = {n for n in by_reason if n.startswith("language_model")}
    assert in_language
    assert all(n.split(".")[-2] in LORA["targets"] for n in in_language)
    assert any(n.startswith("face.au_encoder") for n in by_reason)
    assert load(str(reason / "model"))[0].config.model_type == "emollm"


def test_a_run_learns_and_logs(run_of):
    folder = run_of("longer", steps=25, batch=4, save_every=25)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [25]
    assert lines[0]["text"] < 6.5  # the mean of the first 25 steps; an untrained model has more than 7
    assert not list(folder.glob("*.tmp"))


def test_unknown_settings_stop_the_run(tmp_path):
    (tmp_path / "bad.yaml").write_text("stepps: 3\n")
    with pytest.raises(InputError, match="did you mean 'steps'"):
        train.main(str(tmp_path / "bad.yaml"))


def test_an_unknown_stage_is_named(tiny):
    with pytest.raises(InputError, match="unknown stage 'langauge': use language, adapters, reason, lora"):
        train.prepare_stage(tiny[0], {"stage": "langauge"})


def test_a_tower_that_does_not_fit_is_refused(tiny, tmp_path):
    model, path = copy.deepcopy(tiny[0]), tmp_path / "tower.safetensors"
    save_file({"tower.trunk.conv1.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(InputError, match=r"tower\.safetensors: not the weights of this model's tower .*Missing key"):
        train.load_tower(model, str(path))
    save_file({"class_head.bias": torch.zeros(7)}, path)
    with pytest.raises(InputError, match="holds no tower"):
        train.load_tower(model, str(path))


# --- the look -----------------------------------------------------------------------------------------------------

class Told:
    """Features that tell the label: one direction a class, and noise."""

    def __init__(self, rows: int, channels: int = 256):
        draw = np.random.default_rng(0)
        self.label = draw.integers(0, 7, rows)
        self.soft = 0.8 * np.eye(8, dtype=np.float32)[self.label] + 0.025
        features = draw.normal(0, 1, (rows, 2, 16, channels)).astype(np.float32)
        features[np.arange(rows), :, :, self.label] += 3
        self.cache = FeatureCache(np.arange(rows), features)


@pytest.fixture(scope="module")
def told(tiny):
    """A fitted encoder, and what it was fitted to."""
    encoder, told = copy.deepcopy(tiny[0].face), Told(1200)
    assert not encoder.look_head.weight.any()  # a tower without a look says nothing
    told.cache.look_as(encoder)
    assert told.cache.look is None
    fit_look(encoder, told.cache, told, share=0.5, evened=0.0)
    told.cache.look_as(encoder)
    return encoder, told


def test_the_look_is_what_the_features_tell(told):
    encoder, told = told
    with torch.no_grad():
        look = encoder.look(torch.from_numpy(told.cache.features[:, 0].astype(np.float32)))
    assert (look.argmax(1).numpy() == told.label).mean() > 0.9
    torch.testing.assert_close(look.exp().sum(1), torch.ones(len(look)))
    two = told.cache.features[[0, 1], 0].astype(np.float32)
    mean = look[:2].mean(0).softmax(0)
    np.testing.assert_allclose(told.cache.read(two), mean.numpy(), atol=1e-5)


def test_an_evened_look_prefers_rare_labels(tiny, told):
    plain, told = told
    evened = copy.deepcopy(tiny[0].face)
    fit_look(evened, told.cache, told, share=0.5, evened=0.3)
    moved = (evened.look_head.bias - plain.look_head.bias).detach().numpy()
    np.testing.assert_allclose(moved, -0.3 * np.log(CROWD), atol=1e-4)
    torch.testing.assert_close(evened.look_head.weight, plain.look_head.weight)


def test_blends_lie_between_two_faces_and_are_drawn_alike_again(told):
    cache, variants = told[1].cache, np.array([0, 1])
    own = np.stack([cache.pick(3, 0), cache.pick(3, 1)])
    drawn = [cache.pick_blended(3, variants, np.random.default_rng(k)) for k in range(60)]
    same = [np.array_equal(d, own) for d in drawn]
    assert 15 < sum(same) < 45
    blended = drawn[same.index(False)]
    np.testing.assert_array_equal(blended, cache.pick_blended(3, variants, np.random.default_rng(same.index(False))))
    assert np.abs(blended - own).mean() > 0.01
    moved = [(d - own).reshape(2, -1) for d in drawn if not np.array_equal(d, own)]
    alike = [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in moved]
    assert np.median(np.abs(alike)) < 0.9  # each key frame toward a face of its own


def test_the_label_of_a_face_with_pixels_is_learnt_from_its_look(told, records, tiny):
    cache = told[1].cache
    chosen = [r for r in (records[k] for k in range(200)) if r.row is not None][:3] + [
        r for r in (records[k] for k in range(200)) if r.row is None][:2]
    batch = encode_records(chosen, tiny[1], cache, np.random.default_rng(0))
    own = torch.tensor([r.target for r in chosen])
    torch.testing.assert_close(batch["target"][3:], own[3:])
    with torch.no_grad():
        seen = told[0].look(batch["visual_features"]).split(batch["frame_counts"].tolist())
    for row in range(3):
        torch.testing.assert_close(batch["target"][row], seen[row].mean(0).softmax(0), atol=1e-4, rtol=1e-3)
        assert (batch["target"][row] - own[row]).abs().max() > 0.01


# --- cached pixels ------------------------------------------------------------------------------------------------

def test_cached_features_are_the_towers(tiny, faces_cache, tmp_path):
    """Row k of the cache is picture k, normalised by the processor; odd variants are mirrored; validation pictures are left
    out; a second call reads the file."""
    model, processor = copy.deepcopy(tiny[0]), copy.deepcopy(tiny[1])
    processor.chip_mean, processor.chip_std = 0.3, 0.2  # another tower's
    cache = train.cache_features(model, processor, str(faces_cache), tmp_path)
    stored = np.load(faces_cache)
    assert sorted(cache.position) == np.flatnonzero(stored["keep"] & ~stored["public_test"]).tolist()
    chip = processor.normalise(np.repeat(stored["chips"][[7], :, :, None], 3, -1))
    with torch.no_grad():
        plain, mirrored = model.face.visual_features(chip)[0], model.face.visual_features(chip.flip(-1))[0]
    scale = plain.abs().mean()
    assert np.abs(cache.pick(7, 0) - plain.numpy()).mean() < 0.05 * scale  # bf16 and fp16
    assert np.abs(cache.pick(7, 1) - mirrored.numpy()).mean() < 0.05 * scale
    assert np.abs(cache.pick(7, 1) - plain.numpy()).mean() > 0.1 * scale
    assert np.abs(cache.pick(7, 2) - plain.numpy()).mean() > 0.01 * scale
    model.face.visual_features = None  # a second run of the tower would fail
    again = train.cache_features(model, processor, str(faces_cache), tmp_path)
    assert np.array_equal(again.features, cache.features)
