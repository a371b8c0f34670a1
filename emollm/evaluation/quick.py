"""`emollm eval quick`: what the shipped model gets right on FER2013's PublicTest faces, through the real path.

Prints label agreement after the evidence (against the FER2013 label and the FER+ majority), macro recall, the share of
unsupported claims as written and as shown, and whether an edit of a cited action unit changes its claim; each with n
and a bootstrap interval. The pictures are face crops of 48 px: the size gate is off, and a crop in which no face is
found is read from its pixels alone, with no action unit measured.
"""

from __future__ import annotations

import argparse
import random

import numpy as np

from emollm.answer import prompt, verify
from emollm.answer.mend import mend
from emollm.evaluation.report import Report
from emollm.evaluation.statistics import bootstrap, calibration_error, macro_recall
from emollm.explainer import prepare
from emollm.model.checkpoint import Shape
from emollm.model.generate import generate
from emollm.model.processor import FaceInput, face_input
from emollm.schema import LABELS, AUSeries, au_index
from emollm.what_if import edit

BATCH = 128


def crop_input(picture, shape: Shape) -> tuple[AUSeries, FaceInput]:
    """Evidence and model input of a picture that is a face crop already."""
    subject = prepare(picture, shape, crops=True, gate=None).subjects[0]
    return subject.series, face_input(subject.series, subject.events, subject.key_frames, subject.chips, subject.seen)


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


def claims_of(faces: list[tuple], generated: list, shown: bool) -> list[list]:
    """Claims of every answer: as it was written, or as `emollm explain` shows it, without its wrong sentences."""
    claims = []
    for (series, _), a in zip(faces, generated, strict=True):
        text = mend(a.text, series, [], a.distribution).text if shown else a.text
        claims.append(verify.check(prompt.parse(text), text, series, [], a.distribution).claims)
    return claims


def unsupported_scores(faces: list[tuple], generated: list, name: str) -> dict:
    """Share of contradicted or unmeasured claims: of all as written, of the observation lines alone, of all as shown."""
    written, shown = (claims_of(faces, generated, shown) for shown in (False, True))
    lines = [[c for c in claims if c.kind == "observation"] for claims in written]
    scores = {}
    for what, claims in (("claims", written), ("observation lines", lines), ("claims as shown", shown)):
        counts = np.array([verify.count_unsupported(of_one) for of_one in claims])
        scores[f"unsupported {what}, {name} decoding"] = (
            *bootstrap(counts, lambda c: c[:, 0].sum() / max(1, c[:, 1].sum())), int(counts[:, 1].sum()))
    return scores


def what_if(model, processor, faces: list[tuple], generated: list, n: int) -> np.ndarray:
    """For up to n faces: does setting one cited unit to 0 remove or change its claim? [n] bool."""
    rng, edited, before = random.Random(0), [], []
    for (series, face), answer in zip(faces, generated, strict=True):
        cited = [c for c in prompt.parse(answer.text).observations if not np.isnan(series.intensity[0, au_index(c.au)]).all()]
        if cited and len(edited) < n:
            claim = rng.choice(cited)
            changed, _ = edit(series, [], {claim.au: 0.0})
            edited.append((changed, face_input(changed, [], [0], face.chips, series)))
            before.append(claim)
    after = answers(model, processor, edited, grounded=False)
    flips = []
    for claim, answer in zip(before, after, strict=True):
        same = [o for o in prompt.parse(answer.text).observations if o.au == claim.au]
        flips.append(not same or (same[0].side, same[0].intensity) != (claim.side, claim.intensity))
    return np.array(flips)


def looks(model, processor, faces: list[tuple]) -> np.ndarray:
    """Label index by the tower alone: FaceEncoder.look of every face [N]."""
    import torch

    def look(some: list[tuple]) -> np.ndarray:
        chips = processor.normalise(np.concatenate([f.chips for _, f in some]))
        return model.face.look(model.face.visual_features(chips)).argmax(1).numpy()

    with torch.inference_mode():
        return np.concatenate([look(faces[s:s + BATCH]) for s in range(0, len(faces), BATCH)])


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


def quick(arguments: argparse.Namespace) -> Report:
    """All figures by name. Raises InputError."""
    from emollm import progress
    from emollm.evaluation import fer2013
    from emollm.model.checkpoint import load, shape_of

    source = fer2013.load(arguments.fer)
    rows = np.flatnonzero(source.public_test)
    rows = np.random.default_rng(0).permutation(rows)[:arguments.n]
    model, processor = load(arguments.model)
    shape = shape_of(arguments.model)
    faces = [crop_input(p, shape) for p in progress.track(source.pictures(rows), "measuring", len(rows))]
    measured = np.array([s.measured.any() for s, _ in faces])
    grounded = answers(model, processor, faces, True, lambda done: progress.note(f"{done}/{len(faces)} grounded"))
    some = faces[:arguments.free]
    free = answers(model, processor, some, False, lambda done: progress.note(f"{done}/{len(some)} free"))
    parsed = [prompt.parse(a.text).label for a in grounded]
    predicted = np.array([LABELS.index(p) if p in LABELS else -1 for p in parsed])
    scores = label_scores("after the evidence", predicted, source, rows)
    scores |= label_scores("the tower's look alone", looks(model, processor, faces), source, rows)
    confidence = np.array([max(a.distribution.values()) for a in grounded])
    right = predicted == source.votes[rows].argmax(1)
    scores["calibration error (FER+ majority, all faces)"] = (calibration_error(confidence, right), None, None, len(right))
    scores["faces found in the crop"] = (*bootstrap(measured), len(measured))
    for name, group, generated in (("free", some, free), ("grounded", faces, grounded)):
        scores |= unsupported_scores(group, generated, name)
        complete = np.array([a.complete and not prompt.parse(a.text).problems for a in generated])
        scores[f"answers inside the grammar, {name} decoding"] = (*bootstrap(complete), len(complete))
    listed = np.array([[len({o.au for o in prompt.parse(a.text).observations} & {o.au for o in prompt.observe(s, [])}),
                        len(prompt.observe(s, []))] for (s, _), a in zip(some, free, strict=True)])
    scores["measured movements that are listed, free decoding"] = (
        *bootstrap(listed, lambda c: c[:, 0].sum() / max(1, c[:, 1].sum())), int(listed[:, 1].sum()))
    flips = what_if(model, processor, some, free, 200)
    scores["what-if on a cited unit changes or removes its claim"] = (*bootstrap(flips), len(flips))
    return Report(scores)
