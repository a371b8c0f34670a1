"""Train a stage of EmoLLM: language, adapters or reason.

    emollm train configs/train_language.yaml

language: tokenizer, language model and AU encoder from scratch, no pixels. adapters: the visual adapter learns to speak
to the frozen language model. reason: LoRA on the language model plus all adapters, merged when it ends. lora: LoRA on
the language model alone, kept as a peft adapter beside the model it was trained on (`emollm serve --lora NAME=DIR`).
The tower is always frozen.
A rerun resumes from the last checkpoint; one GPU is used when there is one. Loss: cross-entropy over the answer, with
the label token's target replaced by the label distribution of the face.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch

from emollm.model.checkpoint import load, save
from emollm.model.config import EmoLLMConfig
from emollm.model.emollm import EmoLLM
from emollm.model.precision import bf16_pays
from emollm.model.processor import IGNORE, EmoLLMProcessor
from emollm.model.tokenizer import label_tokens, train_tokenizer
from emollm.model.tower import POCKET, POCKET_CHANNELS
from emollm.training import settings
from emollm.training.faces import ObservedFaces
from emollm.training.features import FeatureCache, cache_features
from emollm.training.look import fit_look
from emollm.training.lora import lora_config, merge_lora, save_adapter
from emollm.training.records import Records, batches

KEYS = ("stage", "data", "faces", "tower", "init", "out", "seed", "steps", "batch", "lr", "muon_lr", "weight_decay", "warm_up",
        "clip", "lora", "lora.rank", "lora.alpha", "lora.dropout", "lora.targets", "label_weight", "language_model",
        "vocabulary", "save_every", "look_labels", "look_evened")
VISUAL_ADAPTER = ("face.visual_projector", "face.look_projector", "face.position", "face.frame_time")
TRAINED = {"language": ("language_model", "face.au"), "adapters": VISUAL_ADAPTER, "reason": ("face.au", *VISUAL_ADAPTER),
           "lora": ()}
LORA_STAGES = ("reason", "lora")


def answer_loss(model: EmoLLM, batch: dict, label_ids: torch.Tensor, label_weight: float) -> tuple:
    """Mean loss over supervised tokens, the label position counted `label_weight` times; and both parts for the log.

    Only supervised positions go through the output layer: prompts are not predicted.
    """
    labels, target, label_at = (batch.pop(k) for k in ("labels", "target", "label_at"))
    hidden = model.hidden_states(**batch)  # [B, L, D]
    wanted = labels[:, 1:] != IGNORE
    logits = model.get_output_embeddings()(hidden[:, :-1][wanted]).float()  # [n, vocabulary]
    ids = labels[:, 1:][wanted]  # [n]
    row, place = wanted.nonzero(as_tuple=True)
    first = place + 1 == label_at[row]  # [n] where a conclusion names its label
    logp = logits.log_softmax(-1)
    token_loss = -logp.gather(1, ids[:, None])[:, 0]
    soft = -(target[row[first]].to(logp) * logp[first][:, label_ids]).sum(1)
    text = token_loss[~first]
    count = len(text) + label_weight * len(soft)
    return (text.sum() + label_weight * soft.sum()) / count, text.mean().detach(), soft.mean().detach(), len(ids)


def new_model(config: dict, records: Records) -> tuple[EmoLLM, EmoLLMProcessor]:
    """Stage `language`: tokenizer and untrained model, with the trained tower when there is one."""
    sample = (records[i] for i in range(0, len(records), 4))
    tokenizer = train_tokenizer((turn for record in sample for turn in record.turns), config["vocabulary"])
    text = {"model_type": "qwen3", "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, **config["language_model"]}
    model_config = EmoLLMConfig(text_config=text, tower=POCKET, tower_channels=POCKET_CHANNELS,
                                face_token_id=tokenizer.convert_tokens_to_ids("<|face_pad|>"))
    return EmoLLM(model_config), EmoLLMProcessor(tokenizer)


def check_language_model(path: str, fields: dict) -> None:
    """Raises InputError for a name that the configuration does not have: transformers takes any, and a typo would quietly train
    a language model of the default size."""
    from transformers.models.auto import CONFIG_MAPPING

    kind = fields.get("model_type", "qwen3")
    if kind not in CONFIG_MAPPING:
        raise settings.InputError(f"{path}: transformers knows no language_model.model_type '{kind}'")
    settings.check(path, fields, [f"{key}?" for key in CONFIG_MAPPING[kind]().to_dict()], "language_model.")


def load_tower(model: EmoLLM, path: str) -> None:
    """Put the tower of a train_tower.py run (tower.safetensors) into the model. Raises InputError when it does not fit."""
    from emollm.training.tower import tower_weights

    try:
        model.face.tower.load_state_dict(tower_weights(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[:2])
        raise settings.InputError(f"{path}: not the weights of this model's tower {model.config.tower}: {reason}") from None


def prepare_stage(model: EmoLLM, config: dict):
    """Freeze and wrap for the stage; returns the module to train. Raises InputError for an unknown stage."""
    trained = TRAINED.get(config["stage"])
    if trained is None:
        raise settings.InputError(f"unknown stage '{config['stage']}': use {', '.join(TRAINED)}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(trained)
    if config["stage"] not in LORA_STAGES:
        return model
    if config["lora"] is None:
        raise settings.InputError(f"stage '{config['stage']}' needs lora: {{rank, alpha, dropout, targets}}")
    from peft import inject_adapter_in_model

    try:
        inject_adapter_in_model(lora_config(config["lora"]), model.language_model)
    except ValueError:
        targets = config["lora"]["targets"]
        raise settings.InputError(f"lora.targets {targets} match no module of the language model") from None
    return model


def optimisers(model: EmoLLM, config: dict) -> list[torch.optim.Optimizer]:
    """AdamW; in stage `language` the matrices of the language model go to Muon (Jordan et al., 2024), which needs
    about half the tokens to the same loss at this size."""
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    hidden = [p for n, p in trained if config["stage"] == "language" and p.ndim == 2 and ".layers." in n]
    rest = [p for _, p in trained if not any(p is h for h in hidden)]
    chosen = [torch.optim.AdamW(rest, lr=config["lr"], betas=(0.9, 0.98), weight_decay=config["weight_decay"])]
    if hidden:
        chosen.append(torch.optim.Muon(hidden, lr=config["muon_lr"], weight_decay=config["weight_decay"]))
    return chosen


def groups(optimiser_list: list[torch.optim.Optimizer]) -> list[dict]:
    """What the learning rates stand in; a resumed optimiser has other ones than before."""
    return [group for optimiser in optimiser_list for group in optimiser.param_groups]


def schedule(step: int, steps: int, warm_up: float) -> float:
    """Learning-rate factor: linear warm-up over a share of the steps, then linear to 2 %."""
    warm = max(1, int(warm_up * steps))
    return (step + 1) / warm if step < warm else max(0.02, 1 - (step - warm) / max(1, steps - warm))


def train_step(model: EmoLLM, batch: dict, optimiser_list: list, label_ids: torch.Tensor, config: dict) -> tuple:
    """One training step."""
    device = next(model.parameters()).device
    batch = {k: v.to(device) for k, v in batch.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16_pays(device.type)):
        loss, text, label, tokens = answer_loss(model, batch, label_ids, config["label_weight"])
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], config["clip"])
    for optimiser in optimiser_list:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return text.item(), label.item(), tokens


def main(config_path: str, changes: tuple[str, ...] = ()) -> None:
    """Train one stage, or go on with a run that was stopped. Raises InputError for a config that cannot be used."""
    config = settings.load(config_path, *KEYS, changes=changes)
    if config["language_model"]:
        check_language_model(config_path, config["language_model"])
    out, records = Path(config["out"]), Records(config["data"])
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config["seed"])
    model, processor = load(config["init"]) if config["init"] else new_model(config, records)
    if config["tower"]:
        load_tower(model, config["tower"])
    model = prepare_stage(model, config)
    cache = seen_faces(model, processor, config, out.parent)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).train()
    model.face.tower.eval()
    optimiser_list = optimisers(model, config)
    rates = [group["lr"] for group in groups(optimiser_list)]
    first = resume(model, optimiser_list, out / "last.pt")
    label_ids = torch.tensor(label_tokens(processor.tokenizer), device=device)
    stream = batches(records, processor, cache, config["batch"], config["seed"], first)
    started, seen, recent = time.time(), 0, []
    for step in range(first, config["steps"]):
        for group, lr in zip(groups(optimiser_list), rates, strict=True):
            group["lr"] = lr * schedule(step, config["steps"], config["warm_up"])
        torch.manual_seed(config["seed"] + step)  # dropout depends on the step, not on where the run was resumed
        text, label, tokens = train_step(model, next(stream), optimiser_list, label_ids, config)
        seen, recent = seen + tokens, [*recent[-24:], (text, label)]
        if step % 25 == 24:
            log(out, step + 1, config["steps"], recent, seen / (time.time() - started))
        if (step + 1) % config["save_every"] == 0:
            checkpoint(model, optimiser_list, step + 1, out / "last.pt")
    if config["stage"] == "lora":
        return save_adapter(model.cpu(), config["lora"], out / "adapter")
    if config["stage"] == "reason":
        merge_lora(model)
    save(model.cpu(), processor, out / "model", {"stage": config["stage"], "steps": config["steps"], "config": config})


def seen_faces(model, processor, config: dict, folder: Path) -> FeatureCache | None:
    """What the tower and the look say of every face; the look is fitted first where the stage does that. None without faces."""
    cache = cache_features(model, processor, config["faces"], folder) if config["faces"] else None
    if config["look_labels"] is not None:
        fit_look(model.face, cache, ObservedFaces.read(config["faces"]), config["look_labels"], config["look_evened"])
    if cache is not None:
        cache.look_as(model.face)
    return cache


def log(out: Path, step: int, steps: int, recent: list, rate: float) -> None:
    text, label = np.nanmean(np.array(recent), axis=0)
    print(f"step {step}/{steps} | text {text:.3f} | label {label:.3f} | {rate / 1000:.1f}k supervised tok/s", flush=True)
    with (out / "log.jsonl").open("a") as lines:
        lines.write(json.dumps({"step": step, "text": float(text), "label": float(label), "rate": rate}) + "\n")


def checkpoint(model: EmoLLM, optimiser_list: list, step: int, path: Path) -> None:
    trained = {n: p.detach().cpu() for n, p in model.named_parameters() if p.requires_grad}
    states = [o.state_dict() for o in optimiser_list]
    torch.save({"step": step, "model": trained, "optimisers": states}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def resume(model: EmoLLM, optimiser_list: list, path: Path) -> int:
    """Continue from a checkpoint when there is one; returns the first step to do."""
    if not path.exists():
        return 0
    stored = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(stored["model"], strict=False)
    for optimiser, state in zip(optimiser_list, stored["optimisers"], strict=True):
        optimiser.load_state_dict(state)
    return stored["step"]
