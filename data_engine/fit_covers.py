"""Fit what tells a covered half of a face from a seen one, and store it (emollm/data/covers.npz).

    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz --held-out   # kinds that were never learnt
    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz              # the first network
    python -m data_engine.fit_covers --fer DIR --faces runs/faces.npz --beside --hidden FILE  # the second one

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
from data_engine.prints import LIPS, PRINTS, Face
from data_engine.textures import TEXTURES
from emollm.evaluation import fer2013
from emollm.perception import align, appearance, mesh
from emollm.perception.covers import FILE, MIRRORED, PARTS, SIDE, normalise_thumbs, pack, scores, thumbnail, unpack, weights
from emollm.training.faces import ObservedFaces

# Of shapes and textures, left out of what is learnt with --held-out.
HELD = {"fingers", "fist", "pleats", "cloth", "goggles", "half hand", "half scarf"}
# Share of seen parts called hidden, of faces with nothing before them.
FALSE_ALARMS = {"lower": 0.0115, "left eye": 0.0063, "right eye": 0.0063, "brows": 0.0024, "left mouth": 0.0058,
                "right mouth": 0.0058}  # fmt: skip
EPOCHS, BATCH, RATE = 18, 256, 1e-3
SURE = 1.5  # score from which on a part counts as hidden although no cover was drawn there
ONE_SIDED, WHOLE = 2.5, 0.6  # how often chips with half a mouth hidden, and with all of it, are learnt from; others once
SAY = np.array((0.5, 0.5, 0.5, 0.2, 0.5, 0.5))  # of a network that is learnt beside others, of each part
MOUTH = [PARTS.index("left mouth"), PARTS.index("right mouth")]
PRINTED_SHAPES = ("mask", "mask", "low mask", "box", "scarf")
ZOOM = 2  # of the 48 px crops that are drawn on


def make_harder(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face that is seen, made to look less so."""
    kind = rng.choice(("frames", "stubble", "beard", "shadow", "side light", "blur", "light", "lipstick", "moustache",
                       "lines"))  # fmt: skip
    out, width = picture.astype(np.float32), np.linalg.norm(points[454, :2] - points[234, :2])
    if kind == "frames":
        return _with_frames(picture, points, width, rng)
    if kind in ON_SKIN:
        out = ON_SKIN[kind](out, points, width, rng)
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
        radii = (max(2, int(0.19 * width)), max(2, int(0.15 * width)))
        if rng.random() < 0.4:  # a reflection that the eye is seen beside
            glint = np.zeros(picture.shape[:2], np.float32)
            cv2.ellipse(glint, at, radii, 0, 0, 360, 1.0, -1)
            off, turn = rng.normal(0, 0.1) * width, rng.uniform(0, np.pi)
            y, x = np.mgrid[: glint.shape[0], : glint.shape[1]].astype(np.float32)
            glint *= np.abs((x - at[0]) * np.cos(turn) + (y - at[1]) * np.sin(turn) - off) < rng.uniform(0.02, 0.06) * width
            lit = drawn_on + (rng.uniform(0.3, 0.9) * (255 - drawn_on)) * glint[..., None]
            drawn_on = lit.clip(0, 255).astype(np.uint8)
        cv2.ellipse(drawn_on, at, radii, 0, 0, 360, (ink,) * 3, line)
    return drawn_on


def _with_lipstick(out: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    lips = np.zeros(out.shape[:2], np.float32)
    cv2.fillPoly(lips, [points[list(LIPS), :2].round().astype(np.int32)], 1.0)
    lips = cv2.GaussianBlur(lips, (0, 0), 0.01 * width)[..., None]
    return out * (1 - lips * rng.uniform(0.2, 0.7, 3))


def _with_moustache(out: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    hair = np.zeros(out.shape[:2], np.float32)
    rim = points[[61, 40, 37, 0, 267, 270, 291], :2] + rng.normal(0, 0.01, (7, 2)) * width
    top = points[[426, 326, 2, 97, 206], :2]
    cv2.fillPoly(hair, [np.vstack([rim, top + (rim.mean(0) - top) * rng.uniform(0.2, 0.6)]).round().astype(np.int32)], 1.0)
    hair = cv2.GaussianBlur(hair, (0, 0), 0.015 * width)[..., None] * rng.uniform(0.4, 0.95)
    return out * (1 - hair) + hair * rng.uniform(10, 140)


def _with_lines(out: np.ndarray, points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """Straps, a straw, a few hairs, the wire of a microphone: nothing is hidden by them."""
    for _ in range(int(rng.integers(1, 5))):
        ends = points[4, :2] + rng.normal(0, 0.5, (2, 2)) * width
        at, ink = np.round(ends * 8).astype(np.int32), (float(rng.uniform(0, 255)),) * 3
        cv2.line(out, at[0].tolist(), at[1].tolist(), ink, max(1, int(0.015 * width)), cv2.LINE_AA, 3)
    return out


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


ON_SKIN = {"stubble": _with_stubble, "beard": _with_beard, "lipstick": _with_lipstick, "moustache": _with_moustache,
           "lines": _with_lines}


def views(
    picture: np.ndarray, points: np.ndarray, others: list[Face], rng: np.random.Generator, free: bool = False
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """(picture, share of each part that is under a cover, of a held kind): the face as it is; made hard or with a cover beside
    the parts; and, unless only the `free` ones are asked for, with a cover of the lower half, one that is printed on, and one
    of the upper and of one side's half."""
    none = np.zeros(len(PARTS))
    made = [(picture, none, False)]
    where = [] if free else [("lower", LOWER_SHAPES), ("print", PRINTED_SHAPES), ("upper", UPPER_SHAPES), ("half", HALF_SHAPES)]
    if rng.random() < 0.6:
        made.append((make_harder(picture, points, rng), none, False))
    else:
        where.append(("other", OTHER_SHAPES))
    for half, shapes in where:
        shape, fill = rng.choice(shapes), rng.choice(TEXTURES)
        if "fringe" in shape and rng.random() < 0.7:
            fill = "noise"
        elif half == "half" and rng.random() < 0.5:  # hands are mostly bare
            fill = "skin" if "hand" in shape else {"half hair": rng.choice(("noise", "stripes"))}.get(shape, fill)
        fill = _usual_fill(half, shape, str(fill), rng)
        drawn_on, share = cover(picture, points, "lower" if half == "print" else half, shape, fill, rng, others)
        made.append((drawn_on, share, bool({shape, fill} & HELD)))
    return made


def _usual_fill(half: str, shape: str, fill: str, rng: np.random.Generator) -> str:
    """What covers of this kind mostly look like, of a fill that was drawn at random."""
    if half == "print":
        return str(rng.choice(PRINTS) if rng.random() < 0.75 else rng.choice(("smeared", "leaves")))
    if shape == "palm" or (shape in ("leaning hand", "fingers", "fist") and rng.random() < 0.6):
        return str(rng.choice(("skin", "flesh", "flesh")))
    if shape in ("half mask", "half box", "half scarf") and rng.random() < 0.2:
        return str(rng.choice(PRINTS))
    if shape == "strands":
        return str(rng.choice(("noise", "plain", "plain", "gradient")))
    return fill


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
    others: list[Face] = []
    for row in rows:
        picture, points = enlarge(source, row, landmarks)
        others = [*others[-40:], (picture, points)]
        width = np.linalg.norm(points[454, :2] - points[234, :2])
        for seen, share, held in views(picture, points, others[:-1], rng, free):
            turn, scale = rng.normal(0, 0.06), np.exp(rng.normal(0, 0.07))
            spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            centre = points[:, :2].mean(0)
            moved = (points[:, :2] - centre) @ spin.T + centre + rng.normal(0, 0.035, 2) * width
            for name, value in zip(samples, (thumb_of(seen, points if free else moved), share, held), strict=True):
                samples[name].append(value)
    return {name: np.array(values) for name, values in samples.items()}


def perceive_thumbs(source, rows: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For the check: thumbs of faces as perception finds them, share [N, P], held [N]."""
    samples: dict[str, list] = {"thumbs": [], "share": [], "held": []}
    others: list[Face] = []
    for row in rows:
        picture, points = enlarge(source, row, landmarks)
        others = [*others[-40:], (picture, points)]
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


def fit(
    data: dict[str, np.ndarray],
    seed: int = 0,
    start: dict[str, np.ndarray] | None = None,
    beside: list[dict[str, np.ndarray]] | None = None,
    epochs: int = EPOCHS,
):
    """The network, trained. A part that is half covered teaches nothing. start: weights to go on from. beside: networks that
    stay as they are, and that the average is taken with; the new one learns what they miss."""
    import torch

    torch.manual_seed(seed)
    rng, net, others = np.random.default_rng(seed), network_of(start), [network_of(w).eval() for w in beside or ()]
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.02)
    steps, step = epochs * (len(data["thumbs"]) // BATCH), 0
    for epoch in range(epochs):
        order, total = rng.choice(len(data["thumbs"]), len(data["thumbs"]), p=chances(data["share"])), 0.0
        for first in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[first : first + BATCH]
            thumbs, share = vary(data["thumbs"][rows], data["share"][rows], rng)
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 - step / steps)
            x = torch.from_numpy(normalise_thumbs(thumbs))[:, None]
            with torch.no_grad():
                told = sum(other(x) for other in others)
            hidden, seen = (torch.from_numpy(which) for which in (share >= HIDDEN, share <= SEEN))
            logits = (told + net(x)) / (len(others) + 1)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, hidden.float(), reduction="none")
            loss = loss[hidden | seen].mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step, total = step + 1, total + loss.item()
        print(f"epoch {epoch + 1}: loss {total / (len(order) // BATCH):.4f}", flush=True)
    return net.eval()


def leave_open(data: dict[str, np.ndarray], networks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The data, with what these networks are sure is hidden though no cover was drawn there neither hidden nor seen: one
    training face in thirty has a hand before it, and would teach that hands hide nothing. So with the halves of a mouth that
    is hidden as a whole: `lower` tells it, and the halves then learn what hides one of them."""
    told = np.concatenate([scores(data["thumbs"][k : k + 500], networks) for k in range(0, len(data["thumbs"]), 500)])
    unsure = (data["share"] <= SEEN) & (told > SURE)
    unsure[:, MOUTH] |= (data["share"][:, MOUTH] >= HIDDEN[MOUTH]).all(1)[:, None]
    return data | {"share": np.where(unsure, (SEEN + HIDDEN) / 2, data["share"])}


def chances(share: np.ndarray) -> np.ndarray:
    """How often each chip is drawn, [N], of shares [N, P]: with one half of a mouth hidden more often, with all of it less."""
    hidden = share >= HIDDEN
    chance = np.where(hidden[:, MOUTH].sum(1) == 1, ONE_SIDED, np.where(hidden[:, 0], WHOLE, 1.0))
    return chance / chance.sum()


def vary(thumbs: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Thumbs [N, S, S] and shares [N, P], each mirrored, moved, turned and lit at random, with noise; float32."""
    mirrored = rng.random(len(thumbs)) < 0.5
    thumbs = np.where(mirrored[:, None, None], thumbs[:, :, ::-1], thumbs).astype(np.float32)
    share = np.where(mirrored[:, None], share[:, MIRRORED], share)
    moved, centre = np.empty_like(thumbs), ((SIDE - 1) / 2,) * 2
    for k, thumb in enumerate(thumbs):
        warp = cv2.getRotationMatrix2D(centre, float(rng.normal(0, 1)), float(np.exp(rng.normal(0, 0.01))))
        warp[:, 2] += rng.uniform(-0.8, 0.8, 2)
        moved[k] = cv2.warpAffine(thumb, warp, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    lit = 255 * (moved / 255) ** np.exp(rng.normal(0, 0.2, (len(thumbs), 1, 1))).astype(np.float32)
    noisy = lit + rng.normal(0, 1, thumbs.shape).astype(np.float32) * rng.uniform(0, 8, (len(thumbs), 1, 1)).astype(np.float32)
    return noisy.clip(0, 255), share


def layers_of(net) -> dict:
    """The layers of network() by the names of their weights."""
    return {"conv1": net[0], "conv2": net[2], "conv3": net[4], "hidden": net[8], "out": net[10]}


def network_of(given: dict[str, np.ndarray] | None):
    """network() with these weights, as emollm.perception.covers reads them; with random ones without any."""
    import torch

    net = network()
    for name, layer in layers_of(net).items() if given else ():
        layer.weight.data = torch.from_numpy(given[name].copy())
        layer.bias.data = torch.from_numpy(given[f"{name}_bias"].copy())
    return net


def weights_of(net) -> dict[str, np.ndarray]:
    """The network as emollm.perception.covers reads it."""
    layers = layers_of(net)
    return {f"{name}{end}": getattr(layer, part).detach().numpy()
            for name, layer in layers.items() for part, end in (("weight", ""), ("bias", "_bias"))}  # fmt: skip


def average(before: list[dict[str, np.ndarray]], new: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Networks whose average is SAY of what the new one says of each part, the rest being the average of those before."""
    count = len(before) + 1
    factors = [(1 - SAY) * count / len(before)] * len(before) + [SAY * count]
    return [network | {"out": network["out"] * factor[:, None], "out_bias": network["out_bias"] * factor}
            for network, factor in zip([*before, new], factors, strict=True)]  # fmt: skip


def thresholds(scores: np.ndarray) -> np.ndarray:
    """Scores [P] above which FALSE_ALARMS of the faces that are seen, scores [N, P], are called covered."""
    quantiles = np.array([np.quantile(scores[:, k], 1 - FALSE_ALARMS[part]) for k, part in enumerate(PARTS)])
    return np.maximum(quantiles, quantiles[MIRRORED])  # the two sides alike


def tell(scores: np.ndarray, data: dict[str, np.ndarray]) -> None:
    """Print what is found of the covers in `data` at scores [N, P] > 0."""
    for k, part in enumerate(PARTS):
        hidden, seen = data["share"][:, k] >= HIDDEN[k], data["share"][:, k] <= SEEN
        for name, rows in (("known kinds", hidden & ~data["held"]), (f"{', '.join(sorted(HELD))}", hidden & data["held"])):
            print(f"{part}, {name}: found {(scores[rows, k] > 0).mean():.3f} of {rows.sum()}")
        print(f"{part}: false alarms {(scores[seen, k] > 0).mean():.4f} of {seen.sum()} parts that are seen")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data_engine.fit_covers", description=__doc__)
    parser.add_argument("--fer", required=True, metavar="DIR", help="folder with the FER2013 files (data_engine/README.md)")
    parser.add_argument("--faces", default="runs/faces.npz", help="cache of python -m data_engine observe")
    parser.add_argument("-o", "--out", default="runs/covers", help="folder for what was drawn and perceived")
    parser.add_argument("--count", type=int, default=11000, help="faces to learn from, each drawn six times")
    parser.add_argument("--seen", type=int, default=4000, help="more faces to learn from, as they are and made hard")
    parser.add_argument("--free", type=int, default=1200, help="other faces that set the thresholds, as they are and made hard")
    parser.add_argument(
        "--check", type=int, default=80, help="faces to check on, each drawn six times and perceived as any picture"
    )
    parser.add_argument("--hidden", metavar="FILE", help="rows of faces with something before them, one a line, found by eye: "
                                                         "they set no threshold")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--held-out", action="store_true", help="learn without some kinds and store nothing")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--go-on", action="store_true", help="start from the last stored network instead of a random one")
    start.add_argument("--beside", action="store_true", help="so too, and average with those stored, which stay as they are")
    return parser


def _samples(arguments: argparse.Namespace) -> list[dict[str, np.ndarray]]:
    """What is learnt from, what sets the thresholds, what is checked on; drawn at the first call, read afterwards."""
    source, observed, rng = fer2013.load(arguments.fer), ObservedFaces.read(arguments.faces), np.random.default_rng(0)
    landmarks, public = observed.landmarks, observed.public_test
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    usable = observed.found & source.keep
    order, tested = rng.permutation(np.flatnonzero(usable & ~public)), rng.permutation(np.flatnonzero(usable & public))
    alone = tested[~np.isin(tested, np.loadtxt(arguments.hidden, int))] if arguments.hidden else tested
    for name, make, rows in (
        ("learn", draw_thumbs, order[: arguments.count]),
        ("seen", functools.partial(draw_thumbs, free=True), order[arguments.count :][: arguments.seen]),
        ("free", functools.partial(draw_thumbs, free=True), alone[: arguments.free]),
        ("check", perceive_thumbs, tested[: arguments.check]),
    ):
        if not (out / f"{name}.npz").exists():
            np.savez(out / f"{name}.npz", **make(source, rows, landmarks, rng))
    learn, seen, free, check = (dict(np.load(out / f"{name}.npz")) for name in ("learn", "seen", "free", "check"))
    if len(seen["thumbs"]):
        learn = {name: np.concatenate([values, seen[name]]) for name, values in learn.items()}
    if arguments.held_out:
        learn = {name: values[~learn["held"]] for name, values in learn.items()}
    return [learn, free, check]


def level(networks: list[dict[str, np.ndarray]], thumbs: np.ndarray) -> list[dict[str, np.ndarray]]:
    """The networks, as they will be read, with 0 at the thresholds that the thumbs [N, S, S] of seen faces set."""
    read = unpack(pack(networks))
    threshold = thresholds(scores(thumbs, read))
    return [network | {"out_bias": network["out_bias"] - threshold} for network in read]


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    learn, free, check = _samples(arguments)
    before = weights() if arguments.go_on or arguments.beside else []
    learn = leave_open(learn, before) if before else learn
    beside = before if arguments.beside else []
    net = fit(learn, start=before[-1] if before else None, beside=beside, epochs=arguments.epochs)
    seen = free["thumbs"][free["share"].max(1) <= SEEN]
    stored = level([weights_of(net)], seen)
    if beside:
        stored = level(average(beside, *stored), seen)
    tell(scores(check["thumbs"], stored), check)
    if not arguments.held_out:
        np.savez_compressed(FILE, **pack(stored))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
