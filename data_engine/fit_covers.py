"""Fit what tells a covered half of a face from a seen one, and store it (emollm/data/covers.npz).

    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz -o runs/covers.npz

Faces are covered by drawings (data_engine/covers.py) and taken through perception as any picture: the mesh lays itself over the cover,
which is what makes its units worthless. Negatives are the same faces as they are, and hard ones: frames of glasses, dark or blurred
pictures, shadows. Shapes and textures of HELD are kept for the check.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from data_engine.covers import EYES, LOWER_SHAPES, TEXTURES, UPPER_SHAPES, covered
from emollm.evaluation import fer2013
from emollm.perception import face, media
from emollm.perception.covers import FILE, inputs
from emollm.schema import InputError
from emollm.training.faces import ObservedFaces

HELD = {"hand", "pleats", "cloth", "goggles"}  # of shapes and textures, for the check alone
FALSE_ALARMS = 0.004  # share of faces as they are that may be called covered


def hard(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face that is seen, made to look less so: frames of glasses, stubble, shadow, blur."""
    kind, width = rng.choice(("frames", "stubble", "shadow", "blur", "light")), np.linalg.norm(points[454, :2] - points[234, :2])
    out = picture.astype(np.float32)
    if kind == "frames":
        ink, line = int(rng.integers(0, 120)), max(1, int(rng.uniform(0.01, 0.035) * width))
        drawn = picture.copy()
        for eye in EYES:
            at = tuple(points[list(eye), :2].mean(0).astype(int).tolist())
            cv2.ellipse(drawn, at, (max(2, int(0.19 * width)), max(2, int(0.15 * width))), 0, 0, 360, (ink,) * 3, line)
        return drawn
    if kind == "stubble":
        shade = np.zeros(picture.shape[:2], np.float32)
        cv2.ellipse(shade, tuple(points[17, :2].astype(int).tolist()), (int(0.45 * width), int(0.3 * width)), 0, 0, 360, 1.0, -1)
        shade = cv2.GaussianBlur(shade, (0, 0), 0.05 * width) * rng.uniform(0.2, 0.55)
        out *= 1 - shade[..., None] * (0.6 + 0.4 * rng.random((*picture.shape[:2], 1)))
    elif kind == "shadow":
        y = np.arange(picture.shape[0], dtype=np.float32)[:, None, None]
        edge = points[4, 1] + rng.normal(0, 0.2) * width
        out *= 1 - rng.uniform(0.2, 0.6) / (1 + np.exp((y - edge) / (0.1 * width) * rng.choice((-1, 1))))
    elif kind == "blur":
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.01, 0.03) * width)
    else:
        out = out * rng.uniform(0.35, 1.5) + rng.uniform(-30, 30)
    return out.clip(0, 255).astype(np.uint8)


def seen(picture: np.ndarray) -> np.ndarray | None:
    """Inputs [F] of the one face of a crop; None when no mesh fits."""
    tracks = face.follow(media.read(picture), crops=True)
    return None if len(tracks) != 1 else tracks[0].cover_inputs[0]


def collect(folder: str, faces: str, count: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs [N, F], covered [N, 2] (lower, upper), held [N] and which face [N]."""
    source, observed, rng = fer2013.load(folder), ObservedFaces.read(faces), np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero(observed.found))[:count]
    landmarks = observed.stored["landmarks"].astype(np.float32)
    found: dict[str, list] = {"inputs": [], "covered": [], "held": [], "face": [], "public": []}
    for n, row in enumerate(rows):
        picture = np.asarray(next(source.pictures(range(row, row + 1))).convert("RGB"))
        points = landmarks[row]
        made = [(picture, (False, False), False), (hard(picture, points, rng), (False, False), False)]
        for where, shapes in (("lower", LOWER_SHAPES), ("upper", UPPER_SHAPES)):
            shape, fill = rng.choice(shapes), rng.choice(TEXTURES)
            made.append((covered(picture, points, where, shape, fill, rng), (where == "lower", where == "upper"), bool({shape, fill} & HELD)))
        for drawn, truth, held in made:
            got = seen(drawn)
            if got is not None:
                for name, value in zip(found, (got, truth, held, n, observed.stored["public_test"][row]), strict=True):
                    found[name].append(value)
        if n % 500 == 499:
            print(f"{n + 1}/{len(rows)} faces", flush=True)
    return {name: np.array(values) for name, values in found.items()}


def fit(data: dict[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """A hidden layer of 32, on the faces that are not for the check; its thresholds keep false alarms at FALSE_ALARMS."""
    import torch

    torch.manual_seed(seed)
    check = data["public"] | data["held"]
    x, y = torch.tensor(data["inputs"], dtype=torch.float32), torch.tensor(data["covered"], dtype=torch.float32)
    mean, std = x[~check].mean(0), x[~check].std(0) + 1e-3
    x = (x - mean) / std
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 32), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(32, 2))
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05)
    train = torch.tensor(np.flatnonzero(~check))
    for epoch in range(30):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - epoch / 30)
        for rows in train[torch.randperm(len(train))].split(256):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    net.eval()
    with torch.no_grad():
        scores = net(x).numpy()
    free = (data["covered"].sum(1) == 0) & data["public"]
    threshold = np.quantile(scores[free], 1 - FALSE_ALARMS, axis=0)
    for k, where in enumerate(("lower", "upper")):
        hidden = data["covered"][:, k].astype(bool)
        for name, rows in (("seen kinds, other faces", hidden & data["public"] & ~data["held"]), ("held kinds, other faces", hidden & data["public"] & data["held"])):
            print(f"{where}, {name}: found {(scores[rows, k] > threshold[k]).mean():.3f} of {rows.sum()}")
        print(f"{where}: false alarms {(scores[free, k] > threshold[k]).mean():.4f} of {free.sum()}")
    first, last = net[0], net[3]
    return {"mean": mean.numpy(), "std": std.numpy(), "hidden": first.weight.detach().numpy(), "hidden_bias": first.bias.detach().numpy(),
            "out": last.weight.detach().numpy(), "out_bias": last.bias.detach().numpy() - threshold}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_covers", description=__doc__)
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    parser.add_argument("--faces", default="runs/faces.npz", help="cache of python -m data_engine observe")
    parser.add_argument("-o", "--out", default="runs/covers.npz", help="cache of what was seen")
    parser.add_argument("--count", type=int, default=4000, help="faces, each seen four times")
    given = parser.parse_args(argv)
    if not Path(given.out).exists():
        np.savez(given.out, **collect(given.fer, given.faces, given.count, 0))
    stored = np.load(given.out)
    if stored["inputs"].shape[1] != len(inputs(np.zeros((64, 64), np.uint8), np.zeros((2, 180)))):
        raise InputError(f"{given.out}: of another emollm; remove it")
    np.savez_compressed(FILE, **{k: v.astype(np.float16) for k, v in fit(dict(stored)).items()})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
