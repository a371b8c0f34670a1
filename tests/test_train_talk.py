"""Training a talker on small models of several classes: what is learnt, that it resumes exactly, and that merging changes
nothing."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from emollm.cli import main
from emollm.files import MODELS
from emollm.model import base as bases
from emollm.model.base import base_of
from emollm.schema import InputError
from emollm.talk.dialogue import Exchange, prompt, supervised_tokens
from emollm.talk.writer import LocalWriter, merge_talker
from emollm.training import talk

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
    "head_dim": 8,
}


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Each run may choose its precision."""
    from accelerate.state import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


CLASSES = {"llama": {}, "qwen3": {}, "gemma3_text": {"tie_word_embeddings": True}, "smollm3": {}}
RECORDS = [
    {
        "turns": [
            {
                "question": f"are the brows up {k}?",
                "call": "there AU01/AU02",
                "facts": "no\nAU01: absent",
                "answer": "No: no AU01.",
            }
        ]
    }
    for k in range(12)
] + [{"turns": [{"question": f"why not anger {k}", "call": "whynot anger"}]} for k in range(12)]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(MODELS / "pocket")


def small_base(folder, tokenizer, kind: str, spread: float = 0.02, **shape):
    from transformers import CONFIG_MAPPING

    torch.manual_seed(0)
    config = CONFIG_MAPPING[kind](
        **SHAPE | CLASSES[kind] | shape,
        vocab_size=len(tokenizer),
        initializer_range=spread,
        pad_token_id=0,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def settings_for(tmp_path, base, **changes):
    data = tmp_path / "talk.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in RECORDS))
    chosen = {
        "stage": "talk",
        "base": str(base),
        "data": str(data),
        "out": str(tmp_path / "run"),
        "init": None,
        "seed": 0,
        "steps": 6,
        "tokens": 200,
        "micro_tokens": 200,
        "longest": 300,
        "call_weight": 2.0,
        "lr": 1e-2,
        "warm_up": 0.1,
        "weight_decay": 0.0,
        "clip": 1.0,
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear"},
        "save_every": 2,
        "checkpointing": False,
        "quantise": None,
    } | changes
    path = tmp_path / "train.yaml"
    path.write_text("".join(f"{k}: {json.dumps(v)}\n" for k, v in chosen.items()))
    return str(path)


def adapter(folder) -> dict:
    from safetensors.torch import load_file

    return load_file(folder / "adapter" / "adapter_model.safetensors")


def test_only_calls_and_answers_are_learnt(tokenizer):
    ids, taught = supervised_tokens(tokenizer, [Exchange("is AU12 there", "there AU12", "yes", "Yes."), Exchange("why", "why")])
    learnt = tokenizer.decode([i for i, t in zip(ids, taught, strict=True) if t])
    assert learnt == "there AU12<|im_end|>Yes.<|im_end|>why<|im_end|>"
    begun = prompt(tokenizer, [Exchange("is AU12 there")])
    assert tokenizer.decode(ids).startswith(begun)


def test_an_answer_that_is_not_written_is_not_learnt(tokenizer):
    ids, taught = supervised_tokens(tokenizer, [Exchange("as json", "tell json", "json", '{"a": 1}')], {0})
    assert tokenizer.decode([i for i, t in zip(ids, taught, strict=True) if t]) == "tell json<|im_end|>"


@pytest.mark.parametrize("kind", CLASSES)
def test_train_save_load_merge(tmp_path, tokenizer, kind, monkeypatch):
    """One command trains a talker on any causal language model; merged it writes what it writes with its adapter beside it."""
    monkeypatch.setenv("EMOLLM_CACHE", str(tmp_path / "cache"))
    base = small_base(tmp_path / "base", tokenizer, kind)
    assert main(["train", settings_for(tmp_path, base), "steps=4"]) == 0
    folder = tmp_path / "run" / "adapter"
    assert json.loads((folder / "talker.json").read_text())["base_sha256"] == base_of(str(base)).sha256
    from peft import PeftModel

    beside = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), folder).eval()
    alone = AutoModelForCausalLM.from_pretrained(merge_talker(str(folder)), dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer(prompt(tokenizer, [Exchange("are the brows up?")]))["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(beside(ids).logits, alone(ids).logits, atol=0.1)
    written = "".join(LocalWriter(merge_talker(str(folder))).write([Exchange("why not anger 3")], 8))
    assert isinstance(written, str)


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, tokenizer):
    base = small_base(tmp_path / "base", tokenizer, "llama")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    talk.main(settings_for(tmp_path / "a", base))
    path, step = settings_for(tmp_path / "b", base), talk.train_step
    calls = []

    def stopped(*given):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(1)
        return step(*given)

    talk.train_step = stopped
    try:
        with pytest.raises(KeyboardInterrupt):
            talk.main(path)
    finally:
        talk.train_step = step
    talk.main(path)
    whole, resumed = adapter(tmp_path / "a" / "run"), adapter(tmp_path / "b" / "run")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_step_is_the_same_however_it_is_cut(tmp_path, tokenizer):
    from accelerate import Accelerator

    base = small_base(tmp_path / "base", tokenizer, "llama")
    rows, left_out = talk.read_rows(settings_for(tmp_path, base) and str(tmp_path / "talk.jsonl"), tokenizer, 300)
    assert left_out == 0
    results = []
    for cut in ([rows[:8]], [rows[:3], rows[3:4], rows[4:8]]):
        torch.manual_seed(0)
        model = talk.add_lora(
            AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "all-linear"},
        )
        optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
        loss, _ = talk.train_step(Accelerator(cpu=True, mixed_precision="no"), model, optimiser, cut, 0, 1e9)
        results.append((loss, [p.detach().clone() for p in model.parameters() if p.requires_grad]))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(results[0][1], results[1][1], strict=True))


def test_it_learns(tmp_path, tokenizer):
    base = small_base(tmp_path / "base", tokenizer, "llama", 0.3)
    talk.main(settings_for(tmp_path, base, steps=40, lr=3e-2, save_every=40))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]


@pytest.mark.parametrize("changes", [{"quantise": "nf4"}, {"checkpointing": True}])
def test_a_step_in_4_bit_and_with_recomputed_activations(tmp_path, tokenizer, changes):
    base = small_base(
        tmp_path / "base", tokenizer, "llama", hidden_size=128, intermediate_size=256, head_dim=32
    )  # blocks of 64
    talk.main(settings_for(tmp_path, base, steps=2, **changes))
    assert any(weight.abs().sum() > 0 for name, weight in adapter(tmp_path / "run").items() if "lora_B" in name)


def test_two_processes_learn_what_one_learns(tmp_path, tokenizer):
    import subprocess
    import sys

    base = small_base(tmp_path / "base", tokenizer, "llama")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (
        settings_for(tmp_path / "a", base, steps=3, micro_tokens=60),
        settings_for(tmp_path / "b", base, steps=3, micro_tokens=60),
    )
    talk.main(one)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "emollm",
        "train",
        two,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("; 2 processes") == 1  # and one of them speaks
    alone, together = adapter(tmp_path / "a" / "run"), adapter(tmp_path / "b" / "run")
    assert all(torch.allclose(alone[name], together[name], atol=2e-3) for name in alone)


def test_an_adapter_refuses_another_base(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setenv("EMOLLM_CACHE", str(tmp_path / "cache"))
    base = small_base(tmp_path / "base", tokenizer, "llama")
    talk.main(settings_for(tmp_path, base, steps=2))
    facts = tmp_path / "run" / "adapter" / "talker.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"base_sha256": "0" * 64}))
    with pytest.raises(InputError, match=r"was trained on .* another copy of the same name"):
        merge_talker(str(facts.parent))
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"dialogue_version": "0"}))
    with pytest.raises(InputError, match="dialogue version 0"):
        merge_talker(str(facts.parent))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "none of the packaged models"),
        ("./nowhere", "no folder with a config.json"),
        ("talker-of-nobody/at-all", "cannot be fetched"),
    ],
)
def test_a_base_that_is_missing_is_named(name, words, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=words):
        base_of(name)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(bases.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'emollm\[talker\]'"):
        base_of("SmolLM2-135M-Instruct")


def test_a_cache_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOLLM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="set EMOLLM_CACHE"):
        bases.make_cached_folder(bases.cache_folder() / "x", lambda _: None, {})


def test_a_half_made_copy_is_made_again(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "left over").write_text("")
    bases.make_cached_folder(folder, lambda empty: (empty / "whole").write_text("here"), {})
    assert (folder / "whole").read_text() == "here" and not (folder / "left over").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("change", "words"), [("lora.rnk=4", "unknown key 'lora.rnk'"), ("steps", "write key=value"), ("lr.top=1", "has no parts")]
)
def test_changes_on_the_command_line_are_checked(tmp_path, tokenizer, change, words, capsys):
    assert main(["train", settings_for(tmp_path, tmp_path), change]) == 2
    assert words in capsys.readouterr().err


def test_a_run_goes_on_from_an_adapter(tmp_path, tokenizer):
    base = small_base(tmp_path / "base", tokenizer, "llama")
    talk.main(settings_for(tmp_path, base))
    first = tmp_path / "run"
    still = settings_for(tmp_path, base, out=str(tmp_path / "on"), init=str(first / "adapter"), steps=1, lr=0.0)
    talk.main(still)
    before, after = adapter(first), adapter(tmp_path / "on")
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def test_an_adapter_of_another_kind_is_no_beginning(tmp_path, tokenizer):
    base = small_base(tmp_path / "base", tokenizer, "llama")
    talk.main(settings_for(tmp_path, base, steps=2))
    other = {"rank": 2, "alpha": 8, "dropout": 0.0, "targets": "all-linear"}
    with pytest.raises(InputError, match="another LoRA"):
        talk.main(settings_for(tmp_path, base, out=str(tmp_path / "on"), init=str(tmp_path / "run" / "adapter"), lora=other))
    with pytest.raises(InputError, match="talker 'nobody'"):
        talk.main(settings_for(tmp_path, base, out=str(tmp_path / "on"), init="nobody"))
