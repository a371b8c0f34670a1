"""Real tokens a second of the talker's training, ours against a padded loop as Hugging Face's Trainer runs it, in turn in one
run.

    python bench/train.py [--rounds 3] [--rows 96] [--data runs/talk.jsonl]

Plain: the same model with the same LoRA, rows in the order of the file, eight a batch, padded to the longest, the loss that
transformers computes (logits of every position). Ours: emollm.training.talk as configs/train_talker.yaml sets it, without its
saving. Padding does not count as tokens. The first round warms both up and is left out.
"""

import argparse
import time
from pathlib import Path

import torch
from figures import machine, ratio, spread, verdict

from emollm.model.base import base_of
from emollm.model.precision import bf16_pays, weights_for
from emollm.training import settings, talk

CONFIG = Path(__file__).parents[1] / "configs" / "train_talker.yaml"
BATCH, GOAL = 8, 2.0


def plain_rate(model, optimiser, rows: list, pad: int) -> float:
    """Real tokens a second of the padded loop."""
    start = time.perf_counter()
    for k in range(0, len(rows), BATCH):
        batch = talk.pad_rows(rows[k:k + BATCH], pad)
        labels = batch["input_ids"].masked_fill(batch["taught"] == 0, -100)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays()):
            loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return sum(len(r.ids) for r in rows) / (time.perf_counter() - start)


def our_rate(accelerator, model, optimiser, rows: list, config: dict, pad: int) -> float:
    """Real tokens a second of our loop over the same rows."""
    start = time.perf_counter()
    for micro in talk.steps_of(rows, config["tokens"], config["micro_tokens"], 0):
        talk.train_step(accelerator, model, optimiser, micro, pad, config["clip"])
    return sum(len(r.ids) for r in rows) / (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--data", default="runs/talk.jsonl")
    given = parser.parse_args()
    from accelerate import Accelerator
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = settings.load(str(CONFIG), *talk.KEYS)
    base = base_of(config["base"])
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    every, _ = talk.read_rows(given.data, tokenizer, config["longest"], config["call_weight"])
    rows = every[:: max(1, len(every) // given.rows)][: given.rows]
    accelerator = Accelerator(mixed_precision="bf16" if bf16_pays() else "no", cpu=not torch.cuda.is_available())
    pad = tokenizer.pad_token_id or 0
    print(machine())
    print(f"{given.rows} rows, {sum(len(r.ids) for r in rows)} tokens, {torch.get_num_threads()} threads, {given.rounds} "
          f"rounds "
          "after one to warm up")
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(given.rounds + 1):
        for name, found in rates.items():
            model = talk.add_lora(AutoModelForCausalLM.from_pretrained(base.folder, dtype=weights_for()), config["lora"])
            optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
            found.append(plain_rate(model, optimiser, rows, pad) if name == "plain" else
                         our_rate(accelerator, model, optimiser, rows, config, pad))
    for name, found in rates.items():
        print(f"{name:<6} {spread(found[1:])} tokens/s")
    gained = ratio(rates["ours"][1:], rates["plain"][1:])
    print(f"ours / plain {gained}; {verdict(gained, GOAL)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
