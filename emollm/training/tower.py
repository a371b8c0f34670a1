"""Train pocket's visual tower on aligned face chips: label distributions plus caption words.

    emollm train configs/train_tower.yaml

Targets are soft: FER+ vote fractions mixed with the FER2013 label (Barsoum et al., ICMI 2016, show that vote
distributions beat one label). A second head predicts which caption words apply to the face ("caption tokens as
classes", Huang et al., SuperClass, NeurIPS 2024): cheaper than a contrastive text tower at this size.
A rerun resumes from the last finished epoch.
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emollm.model.tower import POCKET, build_tower, patch_features
from emollm.training import settings

KEYS = ("stage", "faces", "init", "out", "seed", "batch", "lr", "weight_decay", "sizes", "warp", "erase", "label_share")


class FaceClassifier(nn.Module):
    """Tower with two linear heads on its average-pooled features; only the tower is shipped."""

    def __init__(self, labels: int, words: int):
        super().__init__()
        self.tower = build_tower(POCKET)
        self.drop = nn.Dropout(0.3)
        self.label_head = nn.Linear(POCKET["embed_dim"], labels)
        self.word_head = nn.Linear(POCKET["embed_dim"], words)

    def forward(self, chips):  # [B, 3, S, S] -> [B, labels], [B, words]
        pooled = self.drop(patch_features(self.tower, chips).mean((2, 3)))
        return self.label_head(pooled), self.word_head(pooled)


def to_input(chips: torch.Tensor) -> torch.Tensor:
    """uint8 grey [B, S, S] -> float [B, 3, S, S] in [-1, 1]."""
    return (chips.float() / 127.5 - 1)[:, None].expand(-1, 3, -1, -1)


def to_pixels(chips: torch.Tensor) -> np.ndarray:
    """Inverse of to_input, [B, S, S, 3] uint8, for a processor that normalises in a way of its own."""
    return ((chips + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def augment(chips: torch.Tensor, size: int, generator: torch.Generator, mirrored: bool = True,
            erased: bool = True, strength: float = 1.0) -> torch.Tensor:
    """Small affine warp, resize, brightness and contrast; half of the faces mirrored and half with one square erased.

    [B, 3, S, S] -> [B, 3, size, size]; strength scales warps and light.
    """
    b = len(chips)
    u = lambda low, high: torch.rand(b, generator=generator) * (high - low) + low  # noqa: E731
    angle, zoom = strength * u(-0.22, 0.22), torch.exp(strength * u(-0.15, 0.15))
    flip = torch.where(u(0, 1) < 0.5 * mirrored, -1.0, 1.0)
    theta = torch.stack([torch.stack([flip * zoom * angle.cos(), -zoom * angle.sin(), strength * u(-0.12, 0.12)], 1),
                         torch.stack([flip * zoom * angle.sin(), zoom * angle.cos(), strength * u(-0.12, 0.12)], 1)], 1)
    grid = F.affine_grid(theta, [b, 1, size, size], align_corners=False)
    x = F.grid_sample(chips[:, :1], grid, padding_mode="border", align_corners=False)
    x = x * (1 + strength * u(-0.3, 0.3))[:, None, None, None] + strength * u(-0.25, 0.25)[:, None, None, None]
    side = size // 4
    top, left = (torch.randint(-side // 2, size - side // 2, (b,), generator=generator) for _ in range(2))
    pixel = torch.arange(size)
    rows = (pixel >= top[:, None]) & (pixel < top[:, None] + side)
    columns = (pixel >= left[:, None]) & (pixel < left[:, None] + side)
    hidden = (rows[:, :, None] & columns[:, None, :] & (u(0, 1) < 0.5 * erased)[:, None, None])[:, None]
    return x.clamp(-1, 1).masked_fill(hidden, 0.0).expand(-1, 3, -1, -1)


def evaluate(model: nn.Module, faces: dict, rows: np.ndarray) -> dict:
    """Agreement with the FER2013 label and with the FER+ majority of more than five votes (contempt included)."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(to_input(torch.from_numpy(faces["chips"][r])))[0]
                            for r in np.array_split(rows, max(1, len(rows) // 256))]).numpy()
    votes = faces["fp_votes"][rows]
    sure = votes.max(1) > 5
    return {"fer2013": float((logits[:, :7].argmax(1) == faces["fer"][rows]).mean()),
            "ferplus": float((logits.argmax(1) == votes.argmax(1))[sure].mean()), "n": len(rows), "n_sure": int(sure.sum())}


def one_epoch(model, optimiser, schedule, faces, rows, size, config, generator) -> float:
    model.train()
    batch = config["batch"]
    order, total = rows[torch.randperm(len(rows), generator=generator).numpy()], 0.0
    steps = len(order) // batch
    for step in range(steps):
        r = order[step * batch:(step + 1) * batch]
        chips = augment(to_input(torch.from_numpy(faces["chips"][r])), size, generator,
                        erased=config["erase"], strength=config["warp"])
        with torch.autocast("cpu", torch.bfloat16):
            labels, words = model(chips.contiguous(memory_format=torch.channels_last))
        target = torch.from_numpy(faces["target"][r])
        word_target, known = torch.from_numpy(faces["words"][r]), torch.from_numpy(faces["words_known"][r])[:, None]
        word_loss = (F.binary_cross_entropy_with_logits(words.float(), word_target, reduction="none") * known).mean()
        loss = F.cross_entropy(labels.float(), target) + 0.5 * word_loss
        loss.backward()
        optimiser.step(), schedule.step(), optimiser.zero_grad(set_to_none=True)
        total += loss.item()
    return total / steps


def load_faces(path: str, label_share: float) -> tuple[dict, np.ndarray, np.ndarray]:
    """Chips, soft targets (votes, with `label_share` of the FER2013 label) and caption words; rows to train and validate."""
    stored = np.load(path)
    faces = {k: stored[k] for k in ("chips", "soft", "fer", "fp_votes", "keep", "public_test")}
    onehot = np.eye(8, dtype=np.float32)[faces["fer"]]
    faces["target"] = ((1 - label_share) * faces["soft"] + label_share * onehot).astype(np.float32)
    words = stored["blend"].astype(np.float32)
    faces["words_known"] = (~np.isnan(words).any(1)).astype(np.float32)
    faces["words"] = np.nan_to_num(words).clip(0, 1)
    return faces, np.flatnonzero(faces["keep"] & ~faces["public_test"]), np.flatnonzero(faces["public_test"])


def main(config_path: str) -> None:
    config = settings.load(config_path, *KEYS)
    out = Path(config["out"])
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config["seed"])
    faces, train, validate = load_faces(config["faces"], config["label_share"])
    model = FaceClassifier(8, faces["words"].shape[1]).to(memory_format=torch.channels_last)
    if config["init"]:
        model.load_state_dict(torch.load(config["init"], weights_only=True)["model"])
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": config["weight_decay"]},
                                   {"params": rest, "weight_decay": 0.0}], lr=config["lr"])
    epochs = len(config["sizes"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config["lr"], pct_start=0.15, anneal_strategy="cos",
                                                   total_steps=epochs * (len(train) // config["batch"]),
                                                   cycle_momentum=False)
    first = 0
    if (out / "last.pt").exists():
        saved = torch.load(out / "last.pt", weights_only=True)
        model.load_state_dict(saved["model"]), optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        first = saved["epoch"]
    for epoch in range(first, epochs):
        started = time.time()
        generator = torch.Generator().manual_seed(config["seed"] + epoch)
        loss = one_epoch(model, optimiser, schedule, faces, train, config["sizes"][epoch], config, generator)
        line = {"epoch": epoch + 1, "size": config["sizes"][epoch], "loss": round(loss, 4),
                "seconds": round(time.time() - started), **evaluate(model, faces, validate)}
        print(json.dumps(line), flush=True)
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(), "epoch": epoch + 1}, out / "last.tmp")
        (out / "last.tmp").replace(out / "last.pt")
