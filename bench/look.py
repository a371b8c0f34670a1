"""What the look of a tower trades: FER2013 labels against FER+ majorities, and both against posed faces.

    python bench/look.py runs/faces.npz [--posed TABLE.csv]

The two heads of emollm/training/look.py are fitted on the shipped tower's features of the training faces (cached beside the
faces, half an hour of one core the first time), and put together with every weight. Validation faces are the FER2013
PublicTest of the cache; FER+ majorities of more than five votes. The look alone, then beside the measured movements by the
stored rule of emollm/answer/witnesses.py, after a temperature fitted on every second face. TABLE.csv: posed face crops,
columns `path` and `label`. 95 % intervals by bootstrap over faces (2,000 resamples); three fits of the heads are printed first.
"""

import argparse
import platform
from pathlib import Path

import numpy as np
import torch

from data_engine.observe import SHAPE
from emollm.answer import reading
from emollm.answer.witnesses import Movements, combine_witnesses
from emollm.evaluation.labels import read_table
from emollm.evaluation.statistics import bootstrap, macro_recall
from emollm.explainer import prepare
from emollm.model import checkpoint
from emollm.schema import LABELS
from emollm.training import look
from emollm.training.faces import ObservedFaces
from emollm.training.features import cache_features
from emollm.training.tower import SURE_VOTES, to_input, to_pixels

SHARES = (0, 0.2, 0.3, 0.4, 0.5, 0.7, 1)  # of the head for the FER2013 label
BESIDE = ((0.3, 0), (0.3, 0.3), (0.4, 0.15), (0.4, 0.3), (0.45, 0.3), (0.5, 0.3))  # share, evened
TEMPERATURES = np.linspace(0.4, 1.6, 25)
SEEDS = 3


class BothSeen:
    """Faces as the look and the reading of the movements see them: mean features [N, C], movements [N, 8]."""

    def __init__(self, features: torch.Tensor, movements: np.ndarray):
        self.features, self.movements = features, movements

    def by_look(self, head: look.Head) -> np.ndarray:
        """Label distributions [N, 8]."""
        return (self.features @ head[0].T + head[1]).softmax(1).numpy()

    def label(self, head: look.Head, temperature: float) -> np.ndarray:
        """Labels [N] of both witnesses."""
        p = self.by_look(head) ** (1 / temperature)
        p /= p.sum(1, keepdims=True)
        both = (combine_witnesses(own, Movements.from_reading(m, True)) for own, m in zip(p, self.movements, strict=True))
        return np.array([int(b.argmax()) for b in both])


@torch.no_grad()
def features_of(model, processor, chips: np.ndarray) -> torch.Tensor:
    """Mean tower features [N, C] of uint8 chips [N, S, S]."""
    found = []
    for start in range(0, len(chips), 256):
        x = processor.normalise(to_pixels(to_input(torch.from_numpy(chips[start:start + 256]))))
        found.append(model.face.visual_features(x).float().mean(1))
    return torch.cat(found)


def validation(model, processor, faces: ObservedFaces) -> BothSeen:
    rows = faces.validate
    strength, there = np.nan_to_num(faces.intensity[rows]).max(2), faces.found[rows]
    read = reading.read(strength, np.nan_to_num(faces.confidence[rows]), faces.measured & there[:, None])
    return BothSeen(features_of(model, processor, faces.chips[rows]), read)


def posed(model, processor, table: str) -> tuple[BothSeen, np.ndarray]:
    """The faces of a table of crops, and their labels [N]."""
    chips, read, label = [], [], []
    for row in read_table(table):
        (face,) = prepare(row.path, SHAPE, crops=True, gate=None).subjects
        chips.append(face.chips[0, :, :, 0])
        read.append(reading.read_series(face.series))
        label.append(LABELS.index(row.label))
    return BothSeen(features_of(model, processor, np.stack(chips)), np.stack(read)), np.array(label)


def figure(statistic, truth: np.ndarray, predicted: np.ndarray) -> str:
    value, low, high = bootstrap(np.stack([truth, predicted], 1), statistic)
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def accuracy(pairs: np.ndarray) -> float:
    return float((pairs[:, 0] == pairs[:, 1]).mean())


def best_temperature(p: np.ndarray, truth: np.ndarray) -> float:
    """The one that every second face prefers. p [N, 8]."""
    p, truth = np.log(np.maximum(p[::2], 1e-12)), truth[::2]
    def loss(t: float) -> float:
        q = p / t
        return float((np.logaddexp.reduce(q, 1) - q[np.arange(len(truth)), truth]).mean())
    return min(TEMPERATURES, key=loss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces")
    parser.add_argument("--posed")
    options = parser.parse_args()
    model, processor = checkpoint.load("pocket")
    faces = ObservedFaces.read(options.faces)
    cache = cache_features(model, processor, options.faces, Path(options.faces).parent)
    label, votes = faces.label[faces.validate], faces.votes[faces.validate]
    sure, majority = votes.max(1) > SURE_VOTES, votes.argmax(1)
    seen = validation(model, processor, faces)
    print(f"{platform.machine()}, {torch.get_num_threads()} threads; FER2013 n {len(label):,}, FER+ n {int(sure.sum()):,}")
    for seed in range(SEEDS):
        by_votes, by_label = look.heads(cache, faces, seed)
        apart = accuracy(np.stack([label, seen.by_look(by_label).argmax(1)], 1)), accuracy(
            np.stack([majority, seen.by_look(by_votes).argmax(1)], 1)[sure])
        print(f"heads apart, fit {seed}: FER2013 {apart[0]:.3f}, FER+ {apart[1]:.3f}")
    print("| FER2013 head | FER2013 | macro | FER+ majority |\n| --- | --- | --- | --- |")
    for share in SHARES:
        p = seen.by_look(look.mix_heads(by_votes, by_label, share, 0)).argmax(1)
        print(f"| {share} | {figure(accuracy, label, p)} | {figure(macro_recall, label, p)} | "
              f"{figure(accuracy, majority[sure], p[sure])} |", flush=True)
    posed_faces, posed_label = posed(model, processor, options.posed) if options.posed else (None, None)
    print("| FER2013 head | evened | FER2013 | macro | FER+ majority | macro | posed |" + "\n|" + " --- |" * 7)
    for share, evened in BESIDE:
        head = look.mix_heads(by_votes, by_label, share, evened)
        temperature = best_temperature(seen.by_look(head), label)
        p = seen.label(head, temperature)
        told = figure(accuracy, posed_label, posed_faces.label(head, temperature)) if posed_faces else "-"
        print(f"| {share} | {evened} | {figure(accuracy, label, p)} | {figure(macro_recall, label, p)} | "
              f"{figure(accuracy, majority[sure], p[sure])} | {figure(macro_recall, majority[sure], p[sure])} | {told} |",
              flush=True)


if __name__ == "__main__":
    main()
