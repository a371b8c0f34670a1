"""Train a talker: LoRA on a pretrained language model, on conversations made by `python -m data_engine talk`.

    emollm train configs/train_talker.yaml

Only calls and answers are learnt (talk.dialogue.supervised_tokens). A step holds about `tokens` tokens in micro-batches of rows
of alike length; its loss is the weighted mean over all supervised tokens of the step, so that a step is the same however it is
cut. Only supervised positions go through the output layer: a vocabulary of 49,152 costs more than the rest of a small model.
Runs on accelerate: bf16, one or more processes, a GPU when there is one. A rerun resumes from the last checkpoint, and ends
with the weights of a run that was not stopped (same machine and number of threads).
"""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from emollm.model.base import Base, base_of, sha256_of
from emollm.model.precision import bf16_pays, weights_for
from emollm.schema import InputError
from emollm.talk.dialogue import DIALOGUE_VERSION, Exchange, supervised_tokens
from emollm.talk.writer import talker_folder
from emollm.training import settings

KEYS = (
    "stage",
    "base",
    "data",
    "out",
    "init",
    "seed",
    "steps",
    "tokens",
    "micro_tokens",
    "longest",
    "call_weight",
    "lr",
    "warm_up",
    "weight_decay",
    "clip",
    "lora",
    "lora.rank",
    "lora.alpha",
    "lora.dropout",
    "lora.targets",
    "save_every",
    "checkpointing",
    "quantise",
)
BUCKET = 16  # steps whose rows are sorted by length together


@dataclass
class TokenRow:
    ids: list[int]
    taught: list[float]  # weight of each token in the loss


def read_rows(path: str, tokenizer, longest: int, call_weight: float = 1.0) -> tuple[list[TokenRow], int]:
    """Records as rows; the number that are longer than `longest` tokens, which are left out. Raises InputError."""
    rows, left_out = [], 0
    try:
        records = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a file of conversations ({error}); python -m data_engine talk makes it") from None
    for record in records:
        turns = record["turns"]
        exchanges = [Exchange(t["question"], t["call"], t.get("facts", ""), t.get("answer", "")) for t in turns]
        unwritten = {k for k, t in enumerate(turns) if t.get("whole")}
        row = TokenRow(*supervised_tokens(tokenizer, exchanges, unwritten, call_weight))
        if len(row.ids) > longest:
            left_out += 1
        else:
            rows.append(row)
    return rows, left_out


def steps_of(rows: list[TokenRow], tokens: int, micro_tokens: int, seed: int) -> list[list[list[TokenRow]]]:
    """One pass over the rows: steps of micro-batches. Rows are drawn, then sorted by length within BUCKET steps, cut into
    micro-batches of at most `micro_tokens` padded tokens, and these are shuffled again."""
    rng, order = random.Random(seed), list(range(len(rows)))
    rng.shuffle(order)
    steps, start = [], 0
    while start < len(order):
        chosen, total = [], 0
        while start < len(order) and total < tokens * BUCKET:
            chosen.append(rows[order[start]])
            total += len(chosen[-1].ids)
            start += 1
        chosen.sort(key=lambda r: len(r.ids))
        micro, batch = [], []
        for row in chosen:
            if batch and len(row.ids) * (len(batch) + 1) > micro_tokens:
                micro.append(batch)
                batch = []
            batch.append(row)
        micro += [batch] if batch else []
        rng.shuffle(micro)
        step, size = [], 0
        for batch in micro:
            step.append(batch)
            size += sum(len(r.ids) for r in batch)
            if size >= tokens:
                steps.append(step)
                step, size = [], 0
        steps += [step] if step else []
    return steps


def pad_rows(rows: list[TokenRow], pad: int) -> dict[str, torch.Tensor]:
    """input_ids, attention_mask and taught [B, L], padded at the right."""
    length = max(len(r.ids) for r in rows)
    fill = [length - len(r.ids) for r in rows]
    return {
        "input_ids": torch.tensor([r.ids + [pad] * n for r, n in zip(rows, fill, strict=True)]),
        "attention_mask": torch.tensor([[1] * len(r.ids) + [0] * n for r, n in zip(rows, fill, strict=True)]),
        "taught": torch.tensor([r.taught + [0.0] * n for r, n in zip(rows, fill, strict=True)]),
    }


def summed_loss(model, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy summed over the supervised tokens of a batch, each counted as much as it weighs."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = causal.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]  # [B, L, D]
    weight = batch["taught"][:, 1:]
    wanted = weight > 0
    logits = causal.get_output_embeddings()(hidden[:, :-1][wanted]).float()  # [n, vocabulary]
    loss = torch.nn.functional.cross_entropy(logits, batch["input_ids"][:, 1:][wanted], reduction="none")
    return (loss * weight[wanted]).sum()


def rate(step: int, steps: int, warm_up: float) -> float:
    """Share of the top learning rate: up in a line, down in half a cosine to a hundredth."""
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def quantisation_options(kind: str | None) -> dict:
    """Options under which the frozen base is loaded: null, as it is; nf4, in 4 bit (QLoRA, Dettmers et al. 2023; bitsandbytes).

    Raises InputError for another kind.
    """
    if kind is None:
        return {}
    if kind != "nf4":
        raise InputError(f"quantise: {kind}: use null or nf4")
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=weights_for()
        )
    }


def add_lora(model, lora: dict):
    """The model with LoRA on the linear layers named; the rest is frozen."""
    from peft import LoraConfig, get_peft_model

    return get_peft_model(
        model,
        LoraConfig(
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            lora_dropout=lora["dropout"],
            target_modules=lora["targets"],
            task_type="CAUSAL_LM",
        ),
    )


def begin_with(model, name: str, base: Base) -> str:
    """Put the weights of an adapter, a shipped one or a folder, into the LoRA of a model; returns their SHA-256. Raises
    InputError where they do not fit."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    folder = talker_folder(name)
    facts = json.loads((folder / "talker.json").read_text())
    if facts["base_sha256"] != base.sha256:
        raise InputError(f"init: '{name}' belongs to other weights of {facts['base']} than those that are here")
    try:
        mismatch = set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
    except RuntimeError as error:
        raise InputError(f"init: '{name}' has another LoRA than `lora` ({str(error).splitlines()[0]})") from None
    if mismatch.unexpected_keys:
        raise InputError(f"init: '{name}' has another LoRA than `lora`: {mismatch.unexpected_keys[0]}")
    return sha256_of([folder / "adapter_model.safetensors"])


def main(path: str, changes: tuple[str, ...] = ()) -> None:
    """Train, or go on with a run that was stopped. Raises InputError for a config that cannot be used."""
    from accelerate import Accelerator
    from transformers import AutoTokenizer

    config = settings.load(path, *KEYS, changes=changes)
    accelerator = Accelerator(mixed_precision="bf16" if bf16_pays() else "no", cpu=not torch.cuda.is_available())
    torch.manual_seed(config["seed"])
    base, out = base_of(config["base"]), Path(config["out"])
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    rows, left_out = read_rows(config["data"], tokenizer, config["longest"], config["call_weight"])
    say = print if accelerator.is_main_process else (lambda *_, **__: None)
    tokens, taught = sum(len(r.ids) for r in rows), sum(w > 0 for r in rows for w in r.taught)
    say(f"{len(rows)} rows, {tokens} tokens, {taught} of them learnt; {left_out} rows longer than {config['longest']} tokens "
        f"left out; {accelerator.num_processes} process{'es' * (accelerator.num_processes > 1)}", flush=True)
    model, facts = _adapt_base(base, config)
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=config["lr"], weight_decay=config["weight_decay"])
    model, optimiser = accelerator.prepare(model, optimiser)
    done = _resume(out / "last.pt", accelerator.unwrap_model(model), optimiser)
    plan = _plan(rows, config)
    begun, seen = time.monotonic(), 0
    for step in range(done, config["steps"]):
        for group in optimiser.param_groups:
            group["lr"] = config["lr"] * rate(step, config["steps"], config["warm_up"])
        torch.manual_seed(config["seed"] * 1_000_003 + step)
        loss, tokens = train_step(accelerator, model, optimiser, plan[step], tokenizer.pad_token_id or 0, config["clip"])
        if not math.isfinite(loss):
            raise InputError(f"{path}: the loss of step {step} is {loss}; the last checkpoint is kept. Lower lr.")
        seen += tokens
        if accelerator.is_main_process and (step % 10 == 9 or step + 1 == config["steps"]):
            _log(out, step + 1, loss, seen, time.monotonic() - begun)
        if (step + 1) % config["save_every"] == 0 or step + 1 == config["steps"]:
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                _save(out, accelerator.unwrap_model(model), optimiser, step + 1, facts)


def _adapt_base(base: Base, config: dict):
    """The language model with the LoRA that is learnt, and what is stored with it of where both come from."""
    from transformers import AutoModelForCausalLM

    # On a CPU a step takes a fifth longer with the fused attention, by its backward pass.
    attention = "sdpa" if torch.cuda.is_available() else "eager"
    pretrained = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=weights_for(), attn_implementation=attention, **quantisation_options(config["quantise"])
    )
    model = add_lora(pretrained, config["lora"])
    facts = {"base": config["base"], "base_sha256": base.sha256, "dialogue_version": DIALOGUE_VERSION}
    if config["init"]:
        facts["init_sha256"] = begin_with(model, config["init"], base)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    if config["checkpointing"]:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable()
    return model, facts


def _plan(rows: list[TokenRow], config: dict) -> list[list[list[TokenRow]]]:
    """The micro-batches of every step, as many epochs as it takes."""
    plan, epoch = [], 0
    while len(plan) < config["steps"]:
        plan += steps_of(rows, config["tokens"], config["micro_tokens"], config["seed"] + epoch)
        epoch += 1
    return plan


def _log(out: Path, step: int, loss: float, tokens: int, seconds: float) -> None:
    line = {"step": step, "loss": round(loss, 4), "tokens": tokens, "tokens_s": round(tokens / seconds)}
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def share_of(micro: list[list[TokenRow]], process: int, processes: int) -> list[list[TokenRow]]:
    """The micro-batches of a step that a process takes: the largest are dealt first, each to the one that has least to read."""
    shares, loads = [[] for _ in range(processes)], [0] * processes
    for rows in sorted(micro, key=_padded_tokens, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(rows)
        loads[least] += _padded_tokens(rows)
    return shares[process]


def _padded_tokens(rows: list[TokenRow]) -> int:
    return len(rows) * max(len(r.ids) for r in rows)


def train_step(accelerator, model, optimiser, micro: list[list[TokenRow]], pad: int, clip: float) -> tuple[float, int]:
    """One update from micro-batches; returns the mean loss of a supervised token, weighted, and the number of tokens read."""
    from peft.helpers import disable_input_dtype_casting

    mine = share_of(micro, accelerator.process_index, accelerator.num_processes)
    total = sum(sum(r.taught[1:]) for rows in micro for r in rows)
    summed, bare = 0.0, accelerator.unwrap_model(model)
    for rows in mine:
        batch = {k: v.to(accelerator.device) for k, v in pad_rows(rows, pad).items()}
        # peft takes every input to the adapter's fp32, and autocast takes it back to bf16: a sixth of the time on a CPU.
        with accelerator.autocast(), disable_input_dtype_casting(bare):
            loss = summed_loss(bare, batch)
        accelerator.backward(loss * accelerator.num_processes / total)
        summed += float(loss.detach())
    if accelerator.num_processes > 1:
        for weight in model.parameters():
            if weight.requires_grad:  # a process that had no micro-batch of this step takes part, too
                weight.grad = accelerator.reduce(torch.zeros_like(weight) if weight.grad is None else weight.grad, "mean")
        summed = float(accelerator.reduce(torch.tensor(summed, device=accelerator.device), "sum"))
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    optimiser.step()
    optimiser.zero_grad()
    return summed / total, sum(len(r.ids) for rows in micro for r in rows)


def _learnt_weights(model) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _save(out: Path, model, optimiser, step: int, facts: dict) -> None:
    """A checkpoint to resume from, and the adapter as peft stores it, with what it belongs to: its base, and the adapter that
    it went on from."""
    torch.save({"step": step, "weights": _learnt_weights(model), "optimiser": optimiser.state_dict()}, out / "last.tmp")
    (out / "last.tmp").replace(out / "last.pt")
    folder = out / "adapter"
    model.peft_config["default"].base_model_name_or_path = facts["base"]  # not where it lies on this machine
    model.save_pretrained(folder)
    (folder / "talker.json").write_text(json.dumps(facts | {"steps": step}, indent=1) + "\n")


def _resume(path: Path, model, optimiser) -> int:
    """Put the last checkpoint back; the steps it had done, 0 without one."""
    if not path.exists():
        return 0
    stored = torch.load(path, map_location="cpu", weights_only=True)
    own = _learnt_weights(model)
    if own.keys() != stored["weights"].keys():
        raise InputError(f"{path}: a checkpoint of other LoRA settings; remove it, or choose another `out`")
    for name, weight in own.items():
        weight.copy_(stored["weights"][name])
    optimiser.load_state_dict(stored["optimiser"])
    return stored["step"]
