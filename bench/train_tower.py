"""Images a second of the tower's training, ours against a plain PyTorch loop of the same network, in turn in one run.

    python bench/train_tower.py [--rounds 5] [--batches 4] [--device auto]

Plain: a data loader that warps, relights and covers one picture after another with torchvision, NCHW in fp32, every epoch
at 48 px. Ours: emollm.train_tower as configs/train_tower.yaml sets it, at 48 px and over the whole schedule of sizes. The
pictures are noise: only speed is measured. The first round warms both up and is left out.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from figures import machine, ratio, spread, verdict
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from emollm.training import settings
from emollm.training import tower as train_tower
from emollm.training.augment import Strengths

CONFIG = Path(__file__).parents[1] / "configs" / "train_tower.yaml"
SIDE, GOAL = 48, 1.5
GEMM = 2048  # side of the matrices that say what the machine can do


def pictures(count: int, device: str) -> train_tower.TowerFaces:
    draw = torch.Generator().manual_seed(0)
    chips = torch.randint(0, 256, (count, SIDE, SIDE), generator=draw, dtype=torch.uint8).to(device)
    votes = torch.rand(count, 8, generator=draw).to(device)
    label = torch.randint(0, train_tower.CLASSES, (count,), generator=draw).to(device)
    return train_tower.TowerFaces(chips, votes, label, torch.arange(count), torch.arange(0))


class Plain(Dataset):
    """One picture at a time, as a first version of such a loop is written."""

    def __init__(self, faces: train_tower.TowerFaces):
        self.faces, self.soft = faces, faces.soft.cpu()
        self.change = v2.Compose([
            v2.ToImage(), v2.Grayscale(3), v2.RandomAffine(17, translate=(0.15, 0.15), scale=(0.8, 1.2)),
            v2.RandomHorizontalFlip(), v2.ColorJitter(brightness=0.3, contrast=0.4), v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3), v2.RandomErasing(0.5)])

    def __len__(self) -> int:
        return len(self.faces.chips)

    def __getitem__(self, row: int):
        return self.change(self.faces.chips[row].cpu()[None]), self.soft[row], self.faces.label[row].cpu()


def plain_rate(model, optimiser, faces: train_tower.TowerFaces, config: dict, device: str) -> float:
    """Images a second of the plain loop over all of `faces`."""
    loader, start = DataLoader(Plain(faces), config["batch"], shuffle=True, drop_last=True), time.perf_counter()
    model.train()
    for chips, soft, label in loader:
        votes, classes = model(chips.to(device))
        loss = F.cross_entropy(votes, soft.to(device)) + config["class_weight"] * F.cross_entropy(
            classes, label.to(device), label_smoothing=config["smoothing"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
    return len(loader) * config["batch"] / (time.perf_counter() - start)


def our_rate(run: train_tower.Run, faces: train_tower.TowerFaces, size: int, config: dict) -> float:
    start = time.perf_counter()
    train_tower.one_epoch(run, faces, size, Strengths(**config["augment"]), config)
    return len(faces.train) // config["batch"] * config["batch"] / (time.perf_counter() - start)


def scheduled(rates: dict[int, list[float]], sizes: list[int]) -> list[float]:
    """Images a second over the whole schedule, one figure a round: the harmonic mean over its epochs."""
    rounds = zip(*(rates[size] for size in sorted(rates)), strict=True)
    by_size = [dict(zip(sorted(rates), found, strict=True)) for found in rounds]
    return [len(sizes) / sum(1 / found[size] for size in sizes) for found in by_size]


def arithmetic(model, device: str) -> float:
    """Floating-point operations of one forward pass of a 48 px picture: two for each multiplication in a convolution."""
    counted = []

    def count(layer, given, out):
        counted.append(2 * out.numel() * layer.weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, SIDE, SIDE, device=device))
    for hook in hooks:
        hook.remove()
    return float(sum(counted))


def gemm_peak(device: str, runs: int = 5) -> float:
    """Operations a second of the best of some matrix products, in the precision that the loop trains in."""
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    a, best = torch.rand(GEMM, GEMM, device=device, dtype=kind), 0.0
    for _ in range(runs + 1):
        start = time.perf_counter()
        product = a @ a
        product[0, 0].item()  # waits for the GPU
        best = max(best, 2 * GEMM**3 / (time.perf_counter() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=4, help="batches a round, of each loop and size")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = train_tower.device_of(options.device)
    config = settings.load(str(CONFIG), *train_tower.KEYS) | {"out": "(none)"}
    faces = pictures(options.batches * config["batch"], device)
    config["sizes"] = config["sizes"] * (options.rounds + 1)  # room in the schedule for every round
    ours, theirs = train_tower.start(config, faces, device), train_tower.start(config, faces, device)
    theirs.model.to(memory_format=torch.contiguous_format)
    print(f"{machine()}; device {device}, {torch.get_num_threads()} threads, batch {config['batch']}")
    plain, rates = [], {size: [] for size in sorted({*config["sizes"], SIDE})}
    for _ in range(options.rounds + 1):
        plain.append(plain_rate(theirs.model, theirs.optimiser, faces, config, device))
        for size, found in rates.items():
            found.append(our_rate(ours, faces, size, config))
    plain, rates = plain[1:], {size: found[1:] for size, found in rates.items()}
    report(plain, rates, config["sizes"], 3 * arithmetic(theirs.model, device), gemm_peak(device))


def report(plain: list[float], rates: dict[int, list[float]], sizes: list[int], work: float, peak: float) -> None:
    """work: operations of a training step for one picture of 48 px, forward and backward."""
    print(f"plain loop, {SIDE} px      images/s {spread(plain)}")
    for size, found in rates.items():
        print(f"ours, {size} px            images/s {spread(found)}")
    whole = scheduled(rates, sizes)
    print(f"ours, whole schedule   images/s {spread(whole)}")
    share = float(np.median(rates[SIDE])) * work / peak
    print(f"arithmetic at {SIDE} px: {work / 1e9:.2f} GFLOP a picture, {100 * share:.0f} % of the {peak / 1e9:.0f} GFLOP/s "
          f"of a {GEMM} x {GEMM} product")
    at_size, over_all = ratio(rates[SIDE], plain, paired=True), ratio(whole, plain, paired=True)
    print(f"ours / plain at {SIDE} px {at_size}; over the schedule {over_all}: {verdict(over_all, GOAL)}")


if __name__ == "__main__":
    main()
