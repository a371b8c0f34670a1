"""Real tokens a second of the talker's training, ours against a padded loop as Hugging Face's Trainer runs it, each in one
process with all cores and in one process a core, in turn in one run.

    python bench/train.py [--rounds 3] [--rows 96] [--data runs/talk.jsonl]

Plain: the same model with the same LoRA, rows in the order of the file, eight a batch (shared out among the processes), padded
to the longest, the loss that transformers computes (logits of every position). Ours: emollm.training.talk as
configs/train_talker.yaml sets it, several processes with as many micro-batches a step as docs/talker.md gives, without its
saving. Padding does not count as tokens. Every run is a process of its own that warms up on an eighth of the rows.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from figures import machine, ratio, spread, verdict

from emollm.model.base import base_of
from emollm.model.precision import bf16_pays, weights_for
from emollm.training import settings, talk

CONFIG = Path(__file__).parents[1] / "configs" / "train_talker.yaml"
BATCH, GOAL = 8, 2.0
SPREAD_OUT = {"tokens": 1800, "micro_tokens": 450}  # so that several processes have something to do in every step


def plain_pass(accelerator, model, optimiser, rows: list, pad: int) -> None:
    """The padded loop; of a batch every process takes its share, and gradients are averaged."""
    for k in range(0, len(rows), BATCH):
        mine = rows[k:k + BATCH][accelerator.process_index::accelerator.num_processes]
        batch = talk.pad_rows(mine, pad)
        labels = batch["input_ids"].masked_fill(batch["taught"] == 0, -100)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays()):
            loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        loss.backward()
        learnt = [p for p in model.parameters() if p.requires_grad]
        if accelerator.num_processes > 1:
            for weight in learnt:
                weight.grad = accelerator.reduce(weight.grad, "mean")
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
        optimiser.zero_grad()


def our_pass(accelerator, model, optimiser, rows: list, pad: int, config: dict) -> None:
    """Our loop over the same rows."""
    for micro in talk.steps_of(rows, config["tokens"], config["micro_tokens"], 0):
        talk.train_step(accelerator, model, optimiser, micro, pad, config["clip"])


def work(which: str, rows: int, data: str) -> None:
    """One pass, in this process or in the group that it is of; its first process prints real tokens a second."""
    from accelerate import Accelerator
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = settings.load(str(CONFIG), *talk.KEYS)
    base = base_of(config["base"])
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    every, _ = talk.read_rows(data, tokenizer, config["longest"], config["call_weight"])
    chosen, pad = every[:: max(1, len(every) // rows)][:rows], tokenizer.pad_token_id or 0
    accelerator = Accelerator(mixed_precision="bf16" if bf16_pays() else "no", cpu=not torch.cuda.is_available())
    config |= SPREAD_OUT if accelerator.num_processes > 1 else {}
    attention = {} if which == "plain" else {"attn_implementation": "eager"}
    model = talk.add_lora(AutoModelForCausalLM.from_pretrained(base.folder, dtype=weights_for(), **attention), config["lora"])
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for some in (chosen[::8], chosen):
        accelerator.wait_for_everyone()
        start = time.perf_counter()
        if which == "plain":
            plain_pass(accelerator, model, optimiser, some, pad)
        else:
            our_pass(accelerator, model, optimiser, some, pad, config)
        accelerator.wait_for_everyone()
    seconds = time.perf_counter() - start
    if accelerator.is_main_process:
        print(json.dumps({"rate": sum(len(r.ids) for r in chosen) / seconds, "tokens": sum(len(r.ids) for r in chosen)}))


def measured(which: str, processes: int, given: argparse.Namespace) -> dict:
    """`work` in that many processes, each with its share of the cores."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] if processes > 1 else []
    command = [sys.executable, *launcher, __file__, "--work", which, "--rows", str(given.rows), "--data", given.data]
    threads = str(max(1, os.cpu_count() // processes))
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": threads}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--data", default="runs/talk.jsonl")
    parser.add_argument("--work", choices=("plain", "ours"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.rows, given.data)
        return 0
    cores = os.cpu_count()
    rates: dict[tuple[str, int], list[float]] = {(which, n): [] for n in (1, cores) for which in ("plain", "ours")}
    print(machine())
    for _ in range(given.rounds):
        for (which, processes), found in rates.items():
            run = measured(which, processes, given)
            found.append(run["rate"])
    print(f"{given.rows} rows, {run['tokens']} tokens, {given.rounds} rounds")
    for (which, processes), found in rates.items():
        print(f"{which:<6} {processes} process{'es' * (processes > 1)} of {cores // processes}: {spread(found)} tokens/s")
    for n, m in ((1, 1), (cores, 1), (cores, cores)):
        gained = ratio(rates["ours", n], rates["plain", m])
        print(f"ours in {n} / plain in {m}: {gained}; {verdict(gained, GOAL)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
