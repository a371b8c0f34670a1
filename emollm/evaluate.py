"""`emollm eval quick`: what the shipped model gets right on FER2013's PublicTest faces, through the real path.

Prints label agreement after the evidence (against the FER2013 label and the FER+ majority), macro recall, the share of
unsupported claims without grounded decoding, and whether an edit of a cited action unit changes its claim; each with n
and a bootstrap interval. The pictures are face crops of 48 px: the size gate is off, and a crop in which no face is
found is read from its pixels alone, with no action unit measured.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np

from emollm import measure, prompt, verify
from emollm.bind import edit
from emollm.generate import generate
from emollm.processor import FaceInput, face_input
from emollm.schema import AU_NAMES, LABELS, AUSeries, au_index

BATCH = 128


def crop_input(picture, chip_size: int) -> tuple[AUSeries, FaceInput]:
    """Evidence and model input of a picture that is a face crop already."""
    from emollm import face, media

    seen = media.read(picture)
    tracks = face.follow(seen)
    if tracks:
        track = max(tracks, key=lambda t: t.quality.size[0])
        series = measure.series(track)
        chip = face.chips(seen, track, [0], chip_size)[0]
    else:
        series = AUSeries(np.zeros(1), np.full((1, 24, 2), np.nan), np.zeros((1, 24)), np.zeros(24, bool), "none")
        chip = np.asarray(picture.convert("RGB").resize((chip_size, chip_size)))[None]
    return series, face_input(series, [], [0], chip)


def bootstrap(values: np.ndarray, statistic=np.mean, resamples: int = 2000) -> tuple[float, float, float]:
    """Statistic with its 95 % percentile interval over resampled rows of `values`; NaN without any."""
    if not len(values):
        return np.nan, np.nan, np.nan
    rng = np.random.default_rng(0)
    draws = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    return float(statistic(values)), *(float(q) for q in np.nanquantile(draws, [0.025, 0.975]))


def macro_recall(pairs: np.ndarray) -> float:
    """Unweighted mean of the recalls of the labels that occur (UAR). pairs [N, 2]: truth, prediction."""
    return float(np.mean([(pairs[pairs[:, 0] == k, 1] == k).mean() for k in np.unique(pairs[:, 0])]))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error with equal-width bins (Guo et al., ICML 2017)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[place == k].mean() - right[place == k].mean()) * (place == k).mean()
                     for k in np.unique(place)))


def answers(model, processor, faces: list[tuple], grounded: bool, tell=lambda done: None) -> list:
    """Generated answers for (series, input) pairs, similar lengths together, in the given order."""
    order = sorted(range(len(faces)), key=lambda k: len(prompt.observe(faces[k][0], [])))
    results = [None] * len(faces)
    for start in range(0, len(order), BATCH):
        rows = order[start:start + BATCH]
        observed = [prompt.observe(faces[k][0], []) for k in rows] if grounded else None
        for k, answer in zip(rows, generate(model, processor, [faces[k][1] for k in rows],
                                            [prompt.DEFAULT_QUESTION] * len(rows), observed), strict=True):
            results[k] = answer
        tell(start + len(rows))
    return results


def claims_of(faces: list[tuple], generated: list) -> list[list]:
    return [verify.claims(prompt.parse(a.text), a.text, series, []) for (series, _), a in zip(faces, generated, strict=True)]


def what_if(model, processor, faces: list[tuple], generated: list, n: int) -> np.ndarray:
    """For up to n faces: does setting one cited unit to 0 remove or change its claim? [n] bool."""
    rng, edited, before = random.Random(0), [], []
    for (series, given), answer in zip(faces, generated, strict=True):
        cited = [c for c in prompt.parse(answer.text).observations if not np.isnan(series.intensity[0, au_index(c.au)]).all()]
        if cited and len(edited) < n:
            claim = rng.choice(cited)
            changed, _ = edit(series, [], {claim.au: 0.0})
            edited.append((changed, face_input(changed, [], [0], given.chips)))
            before.append(claim)
    after = answers(model, processor, edited, grounded=False)
    flips = []
    for claim, answer in zip(before, after, strict=True):
        same = [o for o in prompt.parse(answer.text).observations if o.au == claim.au]
        flips.append(not same or (same[0].side, same[0].intensity) != (claim.side, claim.intensity))
    return np.array(flips)


def tower_head(path: str, faces: list[tuple], processor) -> np.ndarray:
    """Label index by the tower's own head for votes, as train_tower.py saved it."""
    import torch

    from emollm.train_tower import load_classifier

    classifier = load_classifier(path)
    with torch.inference_mode():
        return np.concatenate([
            classifier.logits(processor.normalise(np.concatenate([f.chips for _, f in faces[s:s + 256]])))[0]
            .argmax(1).numpy() for s in range(0, len(faces), 256)])


def label_scores(name: str, predicted: np.ndarray, source, rows: np.ndarray) -> dict:
    """Agreement and macro recall of one set of predicted label indices."""
    votes = source.votes[rows]
    sure = votes.max(1) > 5
    fer = np.stack([source.fer[rows], predicted], 1)
    plus = np.stack([votes.argmax(1), predicted], 1)[sure]
    equal = lambda pairs: float((pairs[:, 0] == pairs[:, 1]).mean())  # noqa: E731
    return {f"{name}: FER2013 accuracy": (*bootstrap(fer, equal), len(fer)),
            f"{name}: FER2013 macro recall": (*bootstrap(fer, macro_recall), len(fer)),
            f"{name}: FER+ majority accuracy": (*bootstrap(plus, equal), len(plus)),
            f"{name}: FER+ majority macro recall": (*bootstrap(plus, macro_recall), len(plus))}


def quick(arguments: argparse.Namespace) -> dict:
    """All figures: name -> (value, low, high, n)."""
    from data_engine.sources import fer2013
    from emollm import progress
    from emollm.checkpoint import load

    source = fer2013.load(arguments.fer)
    rows = np.flatnonzero(source.public_test)
    rows = np.random.default_rng(0).permutation(rows)[:arguments.n]
    model, processor = load(arguments.model)
    faces = [crop_input(p, processor.chip_size) for p in progress.track(source.pictures(rows), "measuring", len(rows))]
    measured = np.array([s.measured.any() for s, _ in faces])
    grounded = answers(model, processor, faces, True, lambda done: progress.note(f"{done}/{len(faces)} grounded"))
    some = faces[:arguments.free]
    free = answers(model, processor, some, False, lambda done: progress.note(f"{done}/{len(some)} free"))
    parsed = [prompt.parse(a.text).label for a in grounded]
    predicted = np.array([LABELS.index(p) if p in LABELS else -1 for p in parsed])
    scores = label_scores("after the evidence", predicted, source, rows)
    if arguments.tower:
        scores |= label_scores("tower's linear head", tower_head(arguments.tower, faces, processor), source, rows)
    confidence = np.array([max(a.distribution.values()) for a in grounded])
    right = predicted == source.votes[rows].argmax(1)
    scores["calibration error (FER+ majority, all faces)"] = (calibration_error(confidence, right), None, None, len(right))
    scores["faces found in the crop"] = (*bootstrap(measured), len(measured))
    for name, given, generated in (("free", some, free), ("grounded", faces, grounded)):
        counts = np.array([verify.unsupported(claims) for claims in claims_of(given, generated)])
        scores[f"unsupported claims, {name} decoding"] = (
            *bootstrap(counts, lambda c: c[:, 0].sum() / max(1, c[:, 1].sum())), int(counts[:, 1].sum()))
        complete = np.array([a.complete and not prompt.parse(a.text).problems for a in generated])
        scores[f"answers inside the grammar, {name} decoding"] = (*bootstrap(complete), len(complete))
    listed = np.array([[len({o.au for o in prompt.parse(a.text).observations} & {o.au for o in prompt.observe(s, [])}),
                        len(prompt.observe(s, []))] for (s, _), a in zip(some, free, strict=True)])
    scores["measured movements that are listed, free decoding"] = (
        *bootstrap(listed, lambda c: c[:, 0].sum() / max(1, c[:, 1].sum())), int(listed[:, 1].sum()))
    flips = what_if(model, processor, some, free, 200)
    scores["what-if on a cited unit changes or removes its claim"] = (*bootstrap(flips), len(flips))
    return scores


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="emollm eval", description=__doc__)
    suites = parser.add_subparsers(dest="suite", required=True)
    suite = suites.add_parser("quick", help="label agreement, unsupported claims and what-if on FER2013 PublicTest")
    suite.add_argument("--fer", required=True, help="folder with fer2013_train.npz (data_engine/README.md)")
    suite.add_argument("--model", default="pocket")
    suite.add_argument("--tower", help="runs/tower/tower.safetensors, to compare with the tower's own linear head")
    suite.add_argument("--n", type=int, help="only this many faces, drawn at random")
    suite.add_argument("--free", type=int, default=1500, help="faces to answer without grounded decoding as well")
    suite.add_argument("-o", "--out", help="write the figures as JSON")
    arguments = parser.parse_args(argv)
    started = time.time()
    scores = quick(arguments)
    for name, (value, low, high, n) in scores.items():
        interval = "" if low is None else f"  [{low:.3f}, {high:.3f}]"
        print(f"{name:<52} {value:.3f}{interval}  n={n}")
    print(f"{time.time() - started:.0f} s, {len(AU_NAMES)} action units, model {arguments.model}")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(scores, indent=1))
    return 0
