"""Fit what tells a covered half of a face from a seen one, and store it (emollm/data/covers.npz).

    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz --held-out   # kinds that were never learnt
    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz              # the weights that are stored

Learnt from faces with drawn covers (data_engine/covers.py), aligned by the landmarks of the face below with some error, as a
mesh that is led astray has it. Negatives are the same faces as they are, and hard ones: frames of glasses, stubble, beards,
shadows, blur, covers beside the parts. Thresholds and check come from faces that nothing was learnt from; those of the check
are taken through perception as any picture. data_engine/check_covers.py checks the covers of other_covers.py on photographs.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import cv2
import numpy as np

from data_engine.covers import (
    EYES,
    HALF_SHAPES,
    HIDDEN,
    LANDMARKS,
    LOWER_SHAPES,
    OTHER_SHAPES,
    SEEN,
    UPPER_SHAPES,
    cover,
)
from data_engine.face_frame import OVAL_BELOW
from data_engine.textures import TEXTURES
from emollm.evaluation import fer2013
from emollm.perception import align, appearance, mesh
from emollm.perception.covers import FILE, MIRRORED, PARTS, normalise_thumbs, scores, thumbnail, weights
from emollm.training.faces import ObservedFaces

# Of shapes and textures, left out of what is learnt with --held-out.
HELD = {"fingers", "fist", "pleats", "cloth", "goggles", "half hand", "half scarf"}
# Share of seen parts called hidden.
FALSE_ALARMS = {"lower": 0.025, "left eye": 0.012, "right eye": 0.012, "brows": 0.004, "left mouth": 0.02, "right mouth": 0.02}
EPOCHS, BATCH = 18, 256
ZOOM = 2  # of the 48 px crops that are drawn on


def make_harder(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face that is seen, made to look less so."""
    kind = rng.choice(("frames", "stubble", "beard", "shadow", "side light", "blur", "light"))
    out, width = picture.astype(np.float32), np.linalg.norm(points[454, :2] - points[234, :2])
    if kind == "frames":
        return _with_frames(picture, points, width, rng)
    if kind in ("stubble", "beard"):
        out = (_with_stubble if kind == "stubble" else _with_beard)(out, points, width, rng)
    elif kind == "shadow":
        y = np.arange(picture.shape[0], dtype=np.float32)[:, None, None]
        edge = points[4, 1] + rng.normal(0, 0.2) * width
        out *= 1 - rng.uniform(0.2, 0.6) / (1 + np.exp((y - edge) / (0.1 * width) * rng.choice((-1, 1))))
    elif kind == "side light":  # one half dark, the other often too bright
        x = np.arange(picture.shape[1], dtype=np.float32)[None, :, None]
        edge = points[4, 0] + rng.normal(0, 0.15) * width
        share = 1 / (1 + np.exp((x - edge) / (rng.uniform(0.03, 0.2) * width) * rng.choice((-1, 1))))
        out = out * (1 - rng.uniform(0.4, 0.92) * share) * rng.uniform(1, 1.5)
    elif kind == "blur":
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.01, 0.03) * width)
    else:
        out = out * rng.uniform(0.35, 1.5) + rng.uniform(-30, 30)
    return out.clip(0, 255).astype(np.uint8)


def _with_frames(picture: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """Glasses without dark lenses."""
    ink, line = int(rng.integers(0, 120)), max(1, int(rng.uniform(0.01, 0.035) * width))
    drawn_on = picture.copy()
    for eye in EYES:
        at = tuple(points[list(eye), :2].mean(0).astype(int).tolist())
        cv2.ellipse(drawn_on, at, (max(2, int(0.19 * width)), max(2, int(0.15 * width))), 0, 0, 360, (ink,) * 3, line)
    return drawn_on


def _with_stubble(out: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    shade, chin = np.zeros(out.shape[:2], np.float32), tuple(points[17, :2].astype(int).tolist())
    cv2.ellipse(shade, chin, (int(0.45 * width), int(0.3 * width)), 0, 0, 360, 1.0, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 0.05 * width) * rng.uniform(0.2, 0.55)
    out *= 1 - shade[..., None] * (0.6 + 0.4 * rng.random((*out.shape[:2], 1)))
    return out


def _with_beard(out: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """A beard that leaves the lips free."""
    shade = np.zeros(out.shape[:2], np.float32)
    cv2.fillPoly(shade, [points[[*OVAL_BELOW[3:-3], 426, 2, 206], :2].astype(np.int32)], 1.0)
    cv2.fillPoly(shade, [points[list(LANDMARKS["lower"][:20]), :2].astype(np.int32)], 0.0)
    shade = cv2.GaussianBlur(shade, (0, 0), 0.02 * width)[..., None] * rng.uniform(0.5, 0.95)
    grain = cv2.GaussianBlur(rng.normal(0, 1, out.shape[:2]), (0, 0), 0.015 * width)[..., None]
    return out * (1 - shade) + shade * (rng.uniform(15, 130) + 25 * grain / max(grain.std(), 1e-6))


def views(
    picture: np.ndarray, points: np.ndarray, others: list[np.ndarray], rng: np.random.Generator, free: bool = False
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """(picture, share of each part that is under a cover, of a held kind): the face as it is; made hard or with a cover beside
    the parts; and, unless only the `free` ones are asked for, with a cover of the lower, the upper and one side's half."""
    none = np.zeros(len(PARTS))
    made = [(picture, none, False)]
    where = [] if free else [("lower", LOWER_SHAPES), ("upper", UPPER_SHAPES), ("half", HALF_SHAPES)]
    if rng.random() < 0.6:
        made.append((make_harder(picture, points, rng), none, False))
    else:
        where.append(("other", OTHER_SHAPES))
    for half, shapes in where:
        shape, fill = rng.choice(shapes), rng.choice(TEXTURES)
        if "fringe" in shape and rng.random() < 0.7:
            fill = "noise"
        elif half == "half" and rng.random() < 0.5:  # hands are mostly bare
            fill = {"half hand": "skin", "cheek hand": "skin", "half hair": rng.choice(("noise", "stripes"))}.get(shape, fill)
        drawn_on, share = cover(picture, points, half, shape, fill, rng, others)
        made.append((drawn_on, share, bool({shape, fill} & HELD)))
    return made


def thumb_of(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Thumbnail [S, S] of the chip of a picture [H, W, 3] that the landmarks [478, 2+] px cut out."""
    return thumbnail(appearance.to_grey(align.cut_chip(picture, points, appearance.SIZE)[0]))


def enlarge(source, row: int, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Picture of one row, enlarged for drawing on it, and its landmarks there."""
    small = source.pictures(range(row, row + 1))
    picture = cv2.resize(np.asarray(next(small).convert("RGB")), None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    return picture, (landmarks[row].astype(float) + 0.5) * ZOOM - 0.5


def draw_thumbs(
    source, rows: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator, free: bool = False
) -> dict[str, np.ndarray]:
    """Thumbs [N, S, S] cut by the landmarks with some error, as a mesh that is led astray has it; share [N, P] of each part
    that is under a cover; held [N]. free: only faces with nothing before their parts, cut as they are."""
    samples: dict[str, list] = {"thumbs": [], "share": [], "held": []}
    others: list[np.ndarray] = []
    for row in rows:
        picture, points = enlarge(source, row, landmarks)
        others = [*others[-40:], picture]
        width = np.linalg.norm(points[454, :2] - points[234, :2])
        for seen, share, held in views(picture, points, others[:-1], rng, free):
            turn, scale = rng.normal(0, 0.05), np.exp(rng.normal(0, 0.06))
            spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            centre = points[:, :2].mean(0)
            moved = (points[:, :2] - centre) @ spin.T + centre + rng.normal(0, 0.03, 2) * width
            for name, value in zip(samples, (thumb_of(seen, points if free else moved), share, held), strict=True):
                samples[name].append(value)
    return {name: np.array(values) for name, values in samples.items()}


def perceive_thumbs(source, rows: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For the check: thumbs of faces as perception finds them, share [N, P], held [N]."""
    samples: dict[str, list] = {"thumbs": [], "share": [], "held": []}
    others: list[np.ndarray] = []
    for row in rows:
        picture, points = enlarge(source, row, landmarks)
        others = [*others[-40:], picture]
        for seen, share, held in views(picture, points, others[:-1], rng):
            for mesh_of in mesh.measure_crop(seen):
                for name, value in zip(samples, (thumb_of(seen, mesh.second_look(seen, mesh_of)), share, held), strict=True):
                    samples[name].append(value)
    return {name: np.array(values) for name, values in samples.items()}


def network():
    import torch

    conv = torch.nn.Conv2d
    return torch.nn.Sequential(
        conv(1, 16, 3, 2, 1),
        torch.nn.ReLU(),
        conv(16, 32, 3, 2, 1),
        torch.nn.ReLU(),
        conv(32, 64, 3, 2, 1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(64 * 16, 96),
        torch.nn.ReLU(),
        torch.nn.Linear(96, len(PARTS)),
    )


def fit(data: dict[str, np.ndarray], seed: int = 0, stored: dict[str, np.ndarray] | None = None):
    """The network, trained; mirrored, shifted and lit at random. A part that is half covered teaches nothing. stored: weights
    to go on from, as emollm.perception.covers reads them."""
    import torch

    torch.manual_seed(seed)
    rng, net = np.random.default_rng(seed), network()
    for name, layer in layers_of(net).items() if stored else ():
        layer.weight.data = torch.from_numpy(stored[name])
        layer.bias.data = torch.from_numpy(stored[f"{name}_bias"])
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.02)
    steps, step = EPOCHS * (len(data["thumbs"]) // BATCH), 0
    for epoch in range(EPOCHS):
        order, total = rng.permutation(len(data["thumbs"])), 0.0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            thumbs, share = data["thumbs"][rows], data["share"][rows]
            if rng.random() < 0.5:
                thumbs, share = thumbs[:, :, ::-1], share[:, MIRRORED]
            thumbs = np.roll(thumbs, rng.integers(-1, 2, 2), (1, 2))
            noisy = np.clip(thumbs + rng.normal(0, rng.uniform(0, 8), thumbs.shape), 0, 255)
            share = torch.tensor(share, dtype=torch.float32)
            for group in optimiser.param_groups:
                group["lr"] = 2e-3 * (1 - step / steps)
            logits = net(torch.from_numpy(normalise_thumbs(noisy))[:, None].float())
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, (share >= HIDDEN).float(), reduction="none")
            loss = loss[(share >= HIDDEN) | (share <= SEEN)].mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step, total = step + 1, total + loss.item()
        print(f"epoch {epoch + 1}: loss {total / (len(order) // BATCH):.4f}", flush=True)
    return net.eval()


def layers_of(net) -> dict:
    """The layers of network() by the names of their weights."""
    return {"conv1": net[0], "conv2": net[2], "conv3": net[4], "hidden": net[8], "out": net[10]}


def weights_of(net, threshold: np.ndarray) -> dict[str, np.ndarray]:
    """The network as emollm.perception.covers reads it; scores are 0 at the threshold [P]."""
    layers = layers_of(net)
    stored = {name: layer.weight.detach().numpy() for name, layer in layers.items()}
    stored |= {f"{name}_bias": layer.bias.detach().numpy() for name, layer in layers.items()}
    stored["out_bias"] = stored["out_bias"] - threshold
    return {k: v.astype(np.float16) for k, v in stored.items()}


def thresholds(scores: np.ndarray) -> np.ndarray:
    """Scores [P] above which FALSE_ALARMS of the faces that are seen, scores [N, P], are called covered."""
    quantiles = np.array([np.quantile(scores[:, k], 1 - FALSE_ALARMS[part]) for k, part in enumerate(PARTS)])
    return np.maximum(quantiles, quantiles[MIRRORED])  # the two sides alike


def tell(scores: np.ndarray, data: dict[str, np.ndarray]) -> None:
    """Print what is found of the covers in `data` at scores [N, P] > 0."""
    for k, part in enumerate(PARTS):
        hidden, seen = data["share"][:, k] >= HIDDEN, data["share"][:, k] <= SEEN
        for name, rows in (("known kinds", hidden & ~data["held"]), (f"{', '.join(sorted(HELD))}", hidden & data["held"])):
            print(f"{part}, {name}: found {(scores[rows, k] > 0).mean():.3f} of {rows.sum()}")
        print(f"{part}: false alarms {(scores[seen, k] > 0).mean():.4f} of {seen.sum()} parts that are seen")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_covers", description=__doc__)
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    parser.add_argument("--faces", default="runs/faces.npz", help="cache of python -m data_engine observe")
    parser.add_argument("-o", "--out", default="runs/covers", help="folder for what was drawn and perceived")
    parser.add_argument("--count", type=int, default=11000, help="faces to learn from, each drawn five times")
    parser.add_argument("--free", type=int, default=1200, help="other faces that set the thresholds, as they are and made hard")
    parser.add_argument(
        "--check", type=int, default=80, help="faces to check on, each drawn five times and perceived as any picture"
    )
    parser.add_argument("--held-out", action="store_true", help="learn without some kinds and store nothing")
    parser.add_argument("--go-on", action="store_true", help="start from the stored weights instead of random ones")
    arguments = parser.parse_args(argv)
    source, observed, rng = fer2013.load(arguments.fer), ObservedFaces.read(arguments.faces), np.random.default_rng(0)
    landmarks, public = observed.landmarks, observed.public_test
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    usable = observed.found & source.keep
    for name, make, rows, count in (
        ("learn", draw_thumbs, usable & ~public, arguments.count),
        ("free", functools.partial(draw_thumbs, free=True), usable & public, arguments.free),
        ("check", perceive_thumbs, usable & public, arguments.check),
    ):
        if not (out / f"{name}.npz").exists():
            np.savez(out / f"{name}.npz", **make(source, rng.permutation(np.flatnonzero(rows))[:count], landmarks, rng))
    learn, free, check = (dict(np.load(out / f"{name}.npz")) for name in ("learn", "free", "check"))
    net = fit({name: values[~learn["held"]] if arguments.held_out else values for name, values in learn.items()},
              stored=weights() if arguments.go_on else None)
    threshold = thresholds(scores(free["thumbs"], weights_of(net, np.zeros(len(PARTS))))[free["share"].max(1) <= SEEN])
    stored = weights_of(net, threshold)
    tell(scores(check["thumbs"], stored), check)
    if not arguments.held_out:
        np.savez_compressed(FILE, **stored)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
