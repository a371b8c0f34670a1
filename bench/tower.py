"""What a tower sees on its own: scores with intervals, each class, calibration, and faces made hard.

    python bench/tower.py runs/tower/tower.safetensors runs/faces.npz [--hard]

Validation faces of the cache (FER2013 PublicTest), mirror-averaged. FER2013 by the head for classes, FER+ majorities of
more than five votes by the head for votes. Calibration: a temperature fitted on one half of the faces, the error of the
other half. "Turned" groups the faces by the yaw of their landmarks; --hard shows them again smaller, half covered, relit.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from emollm.evaluation.statistics import bootstrap, calibration_error, macro_recall
from emollm.perception.mesh import pose
from emollm.schema import LABELS
from emollm.training import tower as train_tower
from emollm.training.faces import ObservedFaces

TEMPERATURES = np.linspace(0.5, 2.0, 61)
YAW = ((0, 10), (10, 20), (20, 30), (30, 90))  # degrees


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def accuracy(pairs: np.ndarray) -> float:
    return float((pairs[:, 0] == pairs[:, 1]).mean())


def row(name: str, figures: tuple, n: int) -> None:
    value, low, high = figures
    print(f"| {name} | {value:.3f} | {low:.3f}-{high:.3f} | {n:,} |", flush=True)


def scores(name: str, truth: np.ndarray, logits: np.ndarray) -> None:
    pairs = np.stack([truth, logits.argmax(1)], 1)
    row(f"{name}: accuracy", bootstrap(pairs, accuracy), len(pairs))
    row(f"{name}: macro recall", bootstrap(pairs, macro_recall), len(pairs))


def recalls(name: str, truth: np.ndarray, logits: np.ndarray) -> None:
    right = logits.argmax(1) == truth
    for k in np.unique(truth):
        row(f"{name}: recall of {LABELS[k]}", bootstrap(right[truth == k]), int((truth == k).sum()))


def calibration(name: str, truth: np.ndarray, logits: np.ndarray) -> None:
    """Error before and after the temperature that the other half of the faces prefers."""
    half = np.random.default_rng(0).permutation(len(truth)) % 2 == 0
    loss = [-np.log(softmax(logits[half] / t)[np.arange(half.sum()), truth[half]] + 1e-9).mean() for t in TEMPERATURES]
    temperature = TEMPERATURES[int(np.argmin(loss))]
    for label, t in (("as it is", 1.0), (f"temperature {temperature:.2f}", temperature)):
        p = softmax(logits[~half] / t)
        error = calibration_error(p.max(1), p.argmax(1) == truth[~half])
        print(f"| {name}: calibration error, {label} | {error:.3f} | | {int((~half).sum()):,} |")


def hardened(chips: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same uint8 chips [N, S, S] as they would look small, half covered, or in other light."""
    x = train_tower.to_input(chips)[:, :1]
    middle, side = x.shape[-1] // 2, x.shape[-1]
    lower, upper = x.clone(), x.clone()
    lower[:, :, middle:], upper[:, :, :middle] = 0, 0

    def small(px: int) -> torch.Tensor:
        reduced = F.interpolate(x, size=(px, px), mode="bilinear", antialias=True)
        return F.interpolate(reduced, size=(side, side), mode="bilinear")

    made = {"small, 36 px": small(36), "small, 24 px": small(24), "lower half covered": lower, "upper half covered": upper,
            "40 % brighter": (x + 0.4).clamp(-1, 1), "40 % darker": (x - 0.4).clamp(-1, 1), "40 % of the contrast": 0.4 * x}
    return {name: ((y[:, 0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for name, y in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tower")
    parser.add_argument("faces")
    parser.add_argument("--hard", action="store_true", help="faces made hard too: seven more passes over all of them")
    options = parser.parse_args()
    model, faces = train_tower.load_classifier(options.tower), train_tower.load_faces(options.faces, "cpu")
    chips, label = faces.chips[faces.validate], faces.label[faces.validate].numpy()
    votes = faces.votes[faces.validate].numpy()
    sure, majority = votes.max(1) > train_tower.SURE_VOTES, votes.argmax(1)
    by_votes, by_class = train_tower.predict(model, chips)
    print("| figure | value | 95 % interval | n |\n| --- | --- | --- | --- |")
    scores("FER2013", label, by_class)
    scores("FER+ majority", majority[sure], by_votes[sure])
    recalls("FER2013", label, by_class)
    recalls("FER+ majority", majority[sure], by_votes[sure])
    calibration("FER2013", label, by_class)
    calibration("FER+ majority", majority[sure], by_votes[sure])
    yaw = turned(options.faces)
    for low, high in YAW:
        inside = (yaw >= low) & (yaw < high)
        row(f"FER2013, turned {low}-{high} degrees", bootstrap((by_class.argmax(1) == label)[inside]), int(inside.sum()))
    for name, changed in hardened(chips).items() if options.hard else ():
        votes_head, class_head = train_tower.predict(model, changed)
        row(f"FER2013, {name}", bootstrap(class_head.argmax(1) == label), len(label))
        row(f"FER+ majority, {name}", bootstrap((votes_head.argmax(1) == majority)[sure]), int(sure.sum()))


def turned(path: str) -> np.ndarray:
    """Absolute yaw in degrees of the validation faces, NaN where no face was found."""
    faces = ObservedFaces.read(path)
    landmarks, found = faces.landmarks[faces.validate].astype(float), faces.found[faces.validate]
    return np.array([abs(pose(points)[0]) if there else np.nan for points, there in zip(landmarks, found, strict=True)])


if __name__ == "__main__":
    main()
