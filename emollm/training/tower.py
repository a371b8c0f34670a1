"""Train pocket's visual tower on aligned face chips, with two heads on its average-pooled features.

    emollm train configs/train_tower.yaml

One head predicts the distribution of FER+ votes over the eight labels (Barsoum et al., ICMI 2016: distributions beat one
label), the other the FER2013 label with label smoothing (Szegedy et al., CVPR 2016). What is kept is an exponential
moving average of the weights. `out` holds `last.pt`, from which a rerun goes on exactly as if it had not been stopped,
`log.jsonl`, and `tower.safetensors`: the tower and its heads in bf16, of the epoch that validated best.
"""

import dataclasses
import json
import math
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emollm.model.precision import bf16_pays
from emollm.model.tower import POCKET, build_tower, patch_features
from emollm.schema import LABELS, InputError
from emollm.training import settings
from emollm.training.augment import Strengths, augment
from emollm.training.faces import ObservedFaces

KEYS = ("stage", "faces", "out", "device", "seed", "batch", "lr", "weight_decay", "warm_up", "sizes", "strengths", "average",
        "class_weight", "smoothing", "balance", "validate_every", *(f"augment.{f.name}" for f in dataclasses.fields(Strengths)))
CLASSES = 7  # of FER2013: LABELS without contempt
MAX_NORM = 5.0  # of the gradient; a sound step stays below it
SURE_VOTES = 5  # a FER+ majority counts from more votes than this
ROWS = 256  # pictures validated at a time
NORM_ROWS = 4096  # pictures that the batch norms of the averaged weights are settled on


class FaceClassifier(nn.Module):
    """Tower with two linear heads on its average-pooled features; only the tower goes into an EmoLLM."""

    def __init__(self):
        super().__init__()
        self.tower = build_tower(POCKET)
        self.drop = nn.Dropout(0.2)
        self.vote_head = nn.Linear(POCKET["embed_dim"], len(LABELS))
        self.class_head = nn.Linear(POCKET["embed_dim"], CLASSES)

    def forward(self, chips):  # [B, 3, S, S] -> [B, 8], [B, 7]
        pooled = self.drop(patch_features(self.tower, chips).mean((2, 3)))
        return self.vote_head(pooled), self.class_head(pooled)

    def logits(self, chips):
        """Of both heads, each averaged over a face and its mirror image."""
        pairs = zip(self(chips), self(chips.flip(-1)), strict=True)
        return tuple((plain + mirrored) / 2 for plain, mirrored in pairs)


def load_classifier(path: str) -> FaceClassifier:
    """The classifier of a `tower.safetensors`, in fp32 and ready to predict. Raises InputError for another file."""
    model = FaceClassifier()
    try:
        model.load_state_dict(_weights(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not the heads and tower of `emollm train` ({str(error).splitlines()[0]})") from None
    return model.eval()


def tower_weights(path: str) -> dict[str, torch.Tensor]:
    """The tower's own weights of a `tower.safetensors`, in fp32. Raises InputError for a file that holds none."""
    weights = {k.removeprefix("tower."): v for k, v in _weights(path).items() if k.startswith("tower.")}
    if not weights:
        raise InputError(f"{path}: holds no tower; expected the tower.safetensors of `emollm train`")
    return weights


def _weights(path: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({str(error).splitlines()[0]})") from None


def to_input(chips: torch.Tensor) -> torch.Tensor:
    """uint8 grey [B, S, S] -> float [B, 3, S, S] in [-1, 1]."""
    return (chips.float() / 127.5 - 1)[:, None].expand(-1, 3, -1, -1)


def to_pixels(chips: torch.Tensor) -> np.ndarray:
    """Inverse of to_input, [B, S, S, 3] uint8, for a processor that normalises in a way of its own."""
    return ((chips + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


# --- the faces ----------------------------------------------------------------------------------------------------

@dataclass
class TowerFaces:
    """Everything the training reads, on the device that trains."""

    chips: torch.Tensor  # [N, S, S] uint8
    votes: torch.Tensor  # [N, 8] FER+ votes
    label: torch.Tensor  # [N] FER2013 label, an index into LABELS
    train: torch.Tensor  # row numbers
    validate: torch.Tensor

    @property
    def soft(self) -> torch.Tensor:
        """[N, 8] votes as a distribution."""
        return self.votes / self.votes.sum(1, keepdim=True).clamp(min=1)


def load_faces(path: str, device: str) -> TowerFaces:
    """The cache that `data_engine observe` wrote. Raises InputError when it is missing or is something else."""
    faces = ObservedFaces.read(path)
    arrays = (torch.from_numpy(a).to(device) for a in (faces.chips, faces.votes, faces.label.astype(np.int64)))
    return TowerFaces(*arrays, torch.from_numpy(faces.train), torch.from_numpy(faces.validate))


def draw_rows(faces: TowerFaces, balance: float, generator: torch.Generator) -> torch.Tensor:
    """Row numbers of one epoch, shuffled, as many as there are faces to train on.

    balance: 0 shows every face once; at b a class of k faces is shown in proportion to k to the power of 1 - b.
    Systematic sampling: a face is shown floor(w) or ceil(w) times where its weight is w.
    """
    label = faces.label[faces.train].cpu()
    weight = torch.bincount(label, minlength=CLASSES).double()[label] ** -balance
    edges, n = (weight.cumsum(0) / weight.sum()), len(label)
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=generator)) / n
    places = torch.searchsorted(edges, points).clamp(max=n - 1)
    return faces.train[places[torch.randperm(n, generator=generator)]]


# --- one run ------------------------------------------------------------------------------------------------------

@dataclass
class Run:
    """What training changes."""

    model: FaceClassifier
    averaged: FaceClassifier
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    epoch: int = 0  # finished ones
    steps: int = 0
    best: float = 0.0  # validation score of the weights in tower.safetensors

    def state(self) -> dict:
        parts = ("model", "averaged", "optimiser", "schedule")
        return {k: getattr(self, k).state_dict() for k in parts} | {k: getattr(self, k) for k in ("epoch", "steps", "best")}

    def load(self, state: dict) -> None:
        for part in ("model", "averaged", "optimiser", "schedule"):
            getattr(self, part).load_state_dict(state[part])
        self.epoch, self.steps, self.best = state["epoch"], state["steps"], state["best"]


def start(config: dict, faces: TowerFaces, device: str) -> Run:
    """A run before its first epoch: weights from the seed, AdamW without decay of norms and biases, one cycle."""
    torch.manual_seed(config["seed"])
    model = FaceClassifier().to(device, memory_format=torch.channels_last)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": config["weight_decay"]},
                                   {"params": rest, "weight_decay": 0.0}], lr=config["lr"], fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config["lr"], pct_start=config["warm_up"], anneal_strategy="cos", cycle_momentum=False,
        total_steps=len(config["sizes"]) * (len(faces.train) // config["batch"]))
    return Run(model, deepcopy(model).requires_grad_(False).eval(), optimiser, schedule)


def loss_of(model: FaceClassifier, chips: torch.Tensor, soft: torch.Tensor, label: torch.Tensor, config: dict):
    """Cross-entropy with the votes, plus the smoothed one with the label. soft [B, 8], label [B]."""
    with torch.autocast(chips.device.type, torch.bfloat16, enabled=bf16_pays(chips.device.type)):
        votes, classes = model(chips.contiguous(memory_format=torch.channels_last))
    by_class = F.cross_entropy(classes.float(), label, label_smoothing=config["smoothing"])
    return F.cross_entropy(votes.float(), soft) + config["class_weight"] * by_class


def one_epoch(run: Run, faces: TowerFaces, size: int, strengths: Strengths, config: dict) -> float:
    """Train on every batch of one epoch; returns the mean loss. Raises InputError at the first loss that is not finite."""
    seed, device = config["seed"] * 1000 + run.epoch, faces.chips.device
    torch.manual_seed(seed)  # of the dropout: an epoch draws the same whether or not the run was stopped before it
    order, changes = torch.Generator().manual_seed(seed), torch.Generator(device).manual_seed(seed)
    rows, soft, total = draw_rows(faces, config["balance"], order), faces.soft, 0.0
    batches = rows[:len(rows) // config["batch"] * config["batch"]].view(-1, config["batch"]).to(device)
    run.model.train()
    for number, r in enumerate(batches):
        chips = augment(to_input(faces.chips[r]), size, strengths, changes)
        loss = loss_of(run.model, chips, soft[r], faces.label[r], config)
        value = loss.item()
        if not math.isfinite(value):
            raise InputError(f"loss is {value} in epoch {run.epoch + 1}, batch {number + 1} of {len(batches)} (first picture: "
                             f"row {int(r[0])}); {config['out']}/last.pt keeps the epoch before. Lower lr ({config['lr']})")
        loss.backward()
        update(run, config["average"])
        total += value
    return total / len(batches)


def update(run: Run, average: float) -> None:
    """One step of the optimiser and of the averaged weights."""
    nn.utils.clip_grad_norm_(run.model.parameters(), MAX_NORM)
    run.optimiser.step()
    run.schedule.step()
    run.optimiser.zero_grad(set_to_none=True)
    run.steps += 1
    keep = min(average, (1 + run.steps) / (10 + run.steps))  # young averages forget the first, random weights sooner
    for mean, now in zip(run.averaged.parameters(), run.model.parameters(), strict=True):
        mean.data.lerp_(now.data, 1 - keep)


@torch.no_grad()
def settle_norms(run: Run, faces: TowerFaces, strengths: Strengths, config: dict) -> None:
    """Statistics of the averaged weights' batch norms, at the size that chips are stored and later shown at.

    The running ones belong to other weights, and to the size of the epoch.
    """
    seed, size = config["seed"] * 1000 + run.epoch, faces.chips.shape[-1]
    order, changes = torch.Generator().manual_seed(seed), torch.Generator(faces.chips.device).manual_seed(seed)
    rows = faces.train[torch.randperm(len(faces.train), generator=order)][:NORM_ROWS].to(faces.chips.device)
    norms = [m for m in run.averaged.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over what follows
        norm.train()
    for r in rows.split(config["batch"]):
        chips = augment(to_input(faces.chips[r]), size, strengths, changes)
        run.averaged(chips.contiguous(memory_format=torch.channels_last))
    run.averaged.eval()


@torch.no_grad()
def predict(model: FaceClassifier, chips: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mirror-averaged logits of both heads, [N, 8] and [N, 7], of uint8 chips [N, S, S]."""
    parts = [model.logits(to_input(part).contiguous(memory_format=torch.channels_last)) for part in chips.split(ROWS)]
    return tuple(torch.cat(head).float().cpu().numpy() for head in zip(*parts, strict=True))


def validate(model: FaceClassifier, faces: TowerFaces) -> dict:
    """Agreement with the FER2013 label and with the FER+ majority (contempt included), each by its own head."""
    rows = faces.validate
    by_votes, by_class = (logits.argmax(1) for logits in predict(model, faces.chips[rows]))
    label, votes = faces.label[rows].cpu().numpy(), faces.votes[rows].cpu().numpy()
    sure, right = votes.max(1) > SURE_VOTES, by_class == label
    recall = [right[label == k].mean() for k in np.unique(label)]
    return {"fer2013": _share(right), "recall": _share(recall), "n": len(rows),
            "ferplus": _share((by_votes == votes.argmax(1))[sure]), "n_sure": int(sure.sum())}


def _share(values) -> float | None:
    """Rounded for the log; None of nothing."""
    return round(float(np.mean(values)), 4) if len(values) else None


# --- files --------------------------------------------------------------------------------------------------------

def resume(run: Run, path: Path, config: dict, device: str) -> None:
    """Go on from `path` if it is there. Raises InputError when it was made with other settings."""
    if not path.exists():
        return
    saved = torch.load(path, weights_only=True, map_location=device)
    changed = [k for k in config if k not in ("device", "out", "faces") and saved["config"].get(k) != config[k]]
    if changed:
        key = changed[0]
        raise InputError(f"{path}: made with {key}: {saved['config'].get(key)}, now {config[key]}. Choose another `out`, "
                         "or remove the file to begin anew")
    run.load(saved["run"])


def save(run: Run, out: Path, config: dict) -> None:
    """Write last.pt in one move, so that a kill at any moment leaves a whole file."""
    torch.save({"run": run.state(), "config": config}, out / "last.tmp")
    (out / "last.tmp").replace(out / "last.pt")


def export(model: FaceClassifier, out: Path, config: dict, line: dict) -> None:
    """Write tower.safetensors: bf16 weights, with the settings and the validation that they had."""
    from safetensors.torch import save_file

    state = {k: v.cpu().to(torch.bfloat16 if v.is_floating_point() else v.dtype).contiguous()
             for k, v in model.state_dict().items()}
    save_file(state, out / "tower.tmp", {"config": json.dumps(config), "validation": json.dumps(line), "format": "pt"})
    (out / "tower.tmp").replace(out / "tower.safetensors")


def finish_epoch(run: Run, faces: TowerFaces, strengths: Strengths, config: dict, line: dict) -> None:
    """Validate where it is due, log, keep the best averaged weights, and save."""
    out = Path(config["out"])
    run.epoch += 1
    last = run.epoch == len(config["sizes"])
    if last or run.epoch % config["validate_every"] == 0:
        settle_norms(run, faces, strengths, config)
        line |= validate(run.averaged, faces)
        score = sum(line[k] or 0.0 for k in ("fer2013", "recall", "ferplus"))
        if score >= run.best:
            run.best = score
            export(run.averaged, out, config, line)
    print(json.dumps(line), flush=True)
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    save(run, out, config)


def device_of(wanted: str) -> str:
    """auto | cpu | cuda -> the device to train on. Raises InputError when it is not there."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is '{wanted}': use auto, cpu or cuda")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise InputError("device is cuda, but torch finds no GPU: use auto or cpu")
    return "cuda" if there and wanted != "cpu" else "cpu"


def train(config: dict) -> Run:
    """All epochs that are left. Raises InputError when a loss is not finite or memory runs out."""
    out, device = Path(config["out"]), device_of(config["device"])
    if len(config["strengths"]) != len(config["sizes"]):
        raise InputError(f"{len(config['sizes'])} sizes and {len(config['strengths'])} strengths: give one of each an epoch")
    out.mkdir(parents=True, exist_ok=True)
    faces = load_faces(config["faces"], device)
    run = start(config, faces, device)
    resume(run, out / "last.pt", config, device)
    for size, factor in list(zip(config["sizes"], config["strengths"], strict=True))[run.epoch:]:
        started, strengths = time.time(), Strengths(**config["augment"]).scale_by(factor)
        try:
            loss = one_epoch(run, faces, size, strengths, config)
        except RuntimeError as error:
            if "memory" not in str(error):
                raise
            raise InputError(f"out of memory with batch {config['batch']} of {size} px: lower batch or sizes") from None
        seconds = time.time() - started
        line = {"epoch": run.epoch + 1, "size": size, "loss": round(loss, 4), "seconds": round(seconds),
                "images_s": round(len(faces.train) / seconds, 1)}
        finish_epoch(run, faces, strengths, config, line)
    return run


def main(config_path: str, changes: tuple[str, ...] = ()) -> None:
    train(settings.load(config_path, *KEYS, changes=changes))
