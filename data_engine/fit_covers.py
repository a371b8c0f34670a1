"""Fit what tells a covered half of a face from a seen one, and store it (emollm/data/covers.npz).

    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz --held-out     # how well kinds that were never learnt are
    found python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz                # the weights that are stored

Learnt from faces with drawn covers (data_engine/covers.py), aligned by the landmarks of the face below with some error, as a
mesh that is led astray has it. Negatives are the same faces as they are, and hard ones: frames of glasses, stubble, shadows,
blur. Thresholds and the check come from faces that nothing was learnt from, taken through perception as any picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from data_engine.covers import EYES, LOWER_SHAPES, TEXTURES, UPPER_SHAPES, covered
from emollm.evaluation import fer2013
from emollm.perception import align, appearance, face, media
from emollm.perception.covers import FILE, HALVES, normalised, thumbnail
from emollm.training.faces import ObservedFaces

HELD = {"hand", "pleats", "cloth", "goggles"}  # of shapes and textures, left out of what is learnt with --held-out
FALSE_ALARMS = 0.005  # share of faces as they are that may be called covered
EPOCHS, BATCH = 14, 256


def hard(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face that is seen, made to look less so."""
    kind, width = (
        rng.choice(("frames", "stubble", "shadow", "blur", "light")),
        np.linalg.norm(points[454, :2] - points[234, :2]),
    )
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
        cv2.ellipse(
            shade, tuple(points[17, :2].astype(int).tolist()), (int(0.45 * width), int(0.3 * width)), 0, 0, 360, 1.0, -1
        )
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


def views(
    picture: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> list[tuple[np.ndarray, tuple[bool, bool], bool]]:
    """The face as it is, a hard one, and one cover of each half: (picture, lower and upper covered, of a held kind)."""
    made = [(picture, (False, False), False), (hard(picture, points, rng), (False, False), False)]
    for where, shapes in (("lower", LOWER_SHAPES), ("upper", UPPER_SHAPES)):
        shape, fill = rng.choice(shapes), rng.choice(TEXTURES)
        made.append(
            (
                covered(picture, points, where, shape, fill, rng),
                (where == "lower", where == "upper"),
                bool({shape, fill} & HELD),
            )
        )
    return made


def thumb_of(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    return thumbnail(appearance.grey(align.cut_chip(picture, points, appearance.SIZE)[0]))


def drawn(source, rows: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For learning: thumbs [N, S, S] cut by the landmarks with some error, covered [N, 2], held [N]."""
    found: dict[str, list] = {"thumbs": [], "covered": [], "held": []}
    for row in rows:
        picture = np.asarray(next(source.pictures(range(row, row + 1))).convert("RGB"))
        points = landmarks[row].astype(float)
        width = np.linalg.norm(points[454, :2] - points[234, :2])
        for seen, covers, held in views(picture, points, rng):
            turn, scale = rng.normal(0, 0.05), np.exp(rng.normal(0, 0.06))
            spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            centre = points[:, :2].mean(0)
            moved = (points[:, :2] - centre) @ spin.T + centre + rng.normal(0, 0.03, 2) * width
            for name, value in zip(found, (thumb_of(seen, moved), covers, held), strict=True):
                found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def perceived(source, rows: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For the check: thumbs of faces as perception finds them, covered [N, 2], held [N]."""
    found: dict[str, list] = {"thumbs": [], "covered": [], "held": []}
    for row in rows:
        picture = np.asarray(next(source.pictures(range(row, row + 1))).convert("RGB"))
        for seen, covers, held in views(picture, landmarks[row].astype(float), rng):
            tracks = face.follow(media.read(seen), crops=True)
            if len(tracks) == 1:
                for name, value in zip(found, (thumb_of(seen, tracks[0].landmarks[0]), covers, held), strict=True):
                    found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def network():
    import torch

    conv = torch.nn.Conv2d
    return torch.nn.Sequential(
        conv(1, 16, 3, 2, 1),
        torch.nn.ReLU(),
        conv(16, 32, 3, 2, 1),
        torch.nn.ReLU(),
        conv(32, 48, 3, 1, 1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(48 * 64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 2),
    )


def fit(data: dict[str, np.ndarray], seed: int = 0):
    """The network, trained; mirrored, shifted and lit at random."""
    import torch

    torch.manual_seed(seed)
    rng, net = np.random.default_rng(seed), network()
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.02)
    steps = EPOCHS * (len(data["thumbs"]) // BATCH)
    step = 0
    for epoch in range(EPOCHS):
        order, total = rng.permutation(len(data["thumbs"])), 0.0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            thumbs = data["thumbs"][rows]
            thumbs = thumbs[:, :, ::-1] if rng.random() < 0.5 else thumbs
            thumbs = np.roll(thumbs, rng.integers(-1, 2, 2), (1, 2))
            noisy = np.clip(thumbs + rng.normal(0, rng.uniform(0, 8), thumbs.shape), 0, 255)
            x, y = (
                torch.from_numpy(normalised(noisy))[:, None].float(),
                torch.tensor(data["covered"][rows], dtype=torch.float32),
            )
            for group in optimiser.param_groups:
                group["lr"] = 2e-3 * (1 - step / steps)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step, total = step + 1, total + float(loss.detach())
        print(f"epoch {epoch + 1}: loss {total / (len(order) // BATCH):.4f}", flush=True)
    return net.eval()


def checked(net, data: dict[str, np.ndarray]) -> np.ndarray:
    """Thresholds [2] at which FALSE_ALARMS of the faces that are seen are called covered; prints what is found then."""
    import torch

    with torch.no_grad():
        scores = net(torch.from_numpy(normalised(data["thumbs"]))[:, None]).numpy()
    free = data["covered"].sum(1) == 0
    threshold = np.quantile(scores[free], 1 - FALSE_ALARMS, axis=0)
    for k, where in enumerate(HALVES):
        hidden = data["covered"][:, k].astype(bool)
        for name, rows in (("known kinds", hidden & ~data["held"]), (f"{', '.join(sorted(HELD))}", hidden & data["held"])):
            print(f"{where} half, {name}: found {(scores[rows, k] > threshold[k]).mean():.3f} of {rows.sum()}")
        print(f"{where} half: false alarms {(scores[free, k] > threshold[k]).mean():.4f} of {free.sum()} faces that are seen")
    return threshold


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_covers", description=__doc__)
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    parser.add_argument("--faces", default="runs/faces.npz", help="cache of python -m data_engine observe")
    parser.add_argument("-o", "--out", default="runs/covers", help="folder for what was drawn and perceived")
    parser.add_argument("--count", type=int, default=14000, help="faces to learn from, each drawn four times")
    parser.add_argument("--check", type=int, default=1000, help="faces to check on")
    parser.add_argument("--held-out", action="store_true", help="learn without some kinds and store nothing")
    given = parser.parse_args(argv)
    source, observed, rng = fer2013.load(given.fer), ObservedFaces.read(given.faces), np.random.default_rng(0)
    landmarks, public = observed.stored["landmarks"].astype(np.float32), observed.stored["public_test"]
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, make, rows, count in (
        ("learn", drawn, observed.found & ~public, given.count),
        ("check", perceived, observed.found & public, given.check),
    ):
        if not (out / f"{name}.npz").exists():
            np.savez(out / f"{name}.npz", **make(source, rng.permutation(np.flatnonzero(rows))[:count], landmarks, rng))
    learn = dict(np.load(out / "learn.npz"))
    net = fit({name: values[~learn["held"]] if given.held_out else values for name, values in learn.items()})
    threshold = checked(net, dict(np.load(out / "check.npz")))
    if given.held_out:
        return 0
    layers = {"conv1": net[0], "conv2": net[2], "conv3": net[4], "hidden": net[8], "out": net[10]}
    stored = {name: layer.weight.detach().numpy() for name, layer in layers.items()}
    stored |= {f"{name}_bias": layer.bias.detach().numpy() for name, layer in layers.items()}
    stored["out_bias"] = stored["out_bias"] - threshold
    np.savez_compressed(FILE, **{k: v.astype(np.float16) for k, v in stored.items()})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
