"""`emollm eval reasoning`: does the label follow the evidence? Each figure with n and a 95 % bootstrap interval.

- prototypes: every published listing of a label, drawn DRAWS times at FACS levels C to E without pixels; right is its label,
  or another for which the same source lists the same units;
- coded frames (--ckplus): human-coded frames, read by weights fitted without their subject;
- what-if: a full prototype set on a real face reaches its label;
- single units: setting a decisive unit of a label to 4 raises its probability, setting it to 0 lowers it;
- traces: the highest confidence in any label while every unit is at most at level A;
- without an edit nothing changes;
- prose (--media): what explanations of your own photos and clips get wrong, grounded and free, the worst quoted (prose.py).

The real faces are PublicTest crops of 48 px, through the real path with grounded decoding.
"""

from __future__ import annotations

import argparse
import random

import numpy as np

from emollm import progress
from emollm.answer import prompt, reading
from emollm.caption.incoming.sources import read_inputs
from emollm.evaluation.batches import BATCH
from emollm.evaluation.prose import prose
from emollm.evaluation.report import Figure, Report
from emollm.evaluation.statistics import bootstrap
from emollm.explainer import answers, prepare
from emollm.facs.tables import VARIANTS, Variant
from emollm.schema import AU_NAMES, LABELS, ON, au_index
from emollm.subject import Subject, edit_subject
from emollm.training.reading import coded_frames, cross_validate

DRAWS = 20  # of every listing
MARKED, EXTREME, SET, TRACE = 3, 5, 4.0, 1.0  # FACS C, E, D and A


def same_reading(variant: Variant) -> set[str]:
    """Labels for which the variant's source lists its very units."""
    return {v.label for v in VARIANTS if v.source == variant.source and v.aus.keys() == variant.aus.keys()}


def prototype(variant: Variant, rng: random.Random) -> dict[str, float]:
    """The units of a listing at levels C to E."""
    return {au: float(rng.randint(MARKED, EXTREME)) for au in variant.aus}


def read_units(faces: list[dict[str, float]]) -> np.ndarray:
    """Readings [N, 8] of faces of which every unit was measured with certainty; what is not named is 0."""
    strength = np.zeros((len(faces), len(AU_NAMES)))
    for row, units in zip(strength, faces, strict=True):
        for au, level in units.items():
            row[au_index(au)] = level
    return reading.read(strength, np.ones_like(strength), np.ones(strength.shape, bool))


def prototypes() -> dict[str, Figure]:
    rng, hits = random.Random(0), {label: [] for label in LABELS}
    for variant in VARIANTS:
        read = read_units([prototype(variant, rng) for _ in range(DRAWS)])
        hits[variant.label] += [LABELS[k] in same_reading(variant) for k in read.argmax(1)]
    return {f"prototypes without pixels: {label}": (*bootstrap(np.array(right)), len(right)) for label, right in hits.items()}


def traces() -> dict[str, Figure]:
    faces = [{au: TRACE} for au in AU_NAMES] + [dict.fromkeys(v.aus, TRACE) for v in VARIANTS if v.aus]
    return {"highest confidence in a trace": (float(read_units(faces).max()), None, None, len(faces))}


def coded_figures(path: str) -> dict[str, Figure]:
    """Human-coded frames (npz): share whose label the reading of the codes gives, and its recalls; each subject left out in
    turn."""
    frames = coded_frames(path)
    label, right = frames[2], cross_validate(*frames).argmax(1) == frames[2]
    figures = {"human-coded frames, subject left out": (*bootstrap(right), len(right))}
    for k in np.unique(label):
        of_label = right[label == k]
        figures[f"human-coded frames, subject left out: {LABELS[k]}"] = (*bootstrap(of_label), len(of_label))
    return figures


def answer_faces(engine, faces: list[Subject], note: str) -> list:
    """The engine's grounded answers to the default question."""
    replies = []
    for start in range(0, len(faces), BATCH):
        some = faces[start:start + BATCH]
        replies += answers(engine, [(s, prompt.DEFAULT_QUESTION) for s in some], grounded=True)
        progress.note(f"{len(replies)}/{len(faces)} {note}")
    return replies


def what_if(engine, faces: list[Subject]) -> dict[str, Figure]:
    """A prototype of each label in turn, set on each face; its other units stay as they were measured."""
    rng = random.Random(1)
    labels = [LABELS[1 + k % (len(LABELS) - 1)] for k in range(len(faces))]
    variants = [rng.choice([v for v in VARIANTS if v.label == label]) for label in labels]
    changed = [edit_subject(s, prototype(v, rng)) for s, v in zip(faces, variants, strict=True)]
    right = np.array([prompt.parse(a.text).label in same_reading(v)
                      for a, v in zip(answer_faces(engine, changed, "prototypes set"), variants, strict=True)])
    figures = {"what-if prototypes on real faces": (*bootstrap(right), len(right))}
    for label in LABELS[1:]:
        of_label = right[np.array(labels) == label]
        figures[f"what-if prototypes on real faces: {label}"] = (*bootstrap(of_label), len(of_label))
    return figures


def decisive_units() -> list[tuple[str, str]]:
    """Label and unit where at least half of the label's listings name the unit."""
    return [(label, au) for label in LABELS for au in AU_NAMES
            if 2 * sum(au in v.aus for v in VARIANTS if v.label == label) >= sum(v.label == label for v in VARIANTS)]


def single_units(engine, faces: list[Subject], before: list) -> dict[str, Figure]:
    """What-if on real faces: share in which a decisive unit, set or taken away, moves its label as listed. before: the answers
    without it."""
    rng, pairs = random.Random(2), decisive_units()
    asked = [rng.choice(pairs) for _ in faces]
    on = [reading.units_by_strength(s.series).get(au, 0.0) >= ON for s, (_, au) in zip(faces, asked, strict=True)]
    changed = [edit_subject(s, {au: 0.0 if there else SET}) for s, (_, au), there in zip(faces, asked, on, strict=True)]
    after = answer_faces(engine, changed, "single units set")
    rise = np.array([a.distribution[label] - b.distribution[label]
                     for a, b, (label, _) in zip(after, before, asked, strict=True)])
    right = np.where(on, -rise, rise) > 0
    return {"single decisive units move their label as listed": (*bootstrap(right), len(right))}


def unchanged_figures(engine, faces: list[Subject], before: list) -> dict[str, Figure]:
    again = answer_faces(engine, [edit_subject(s, {}) for s in faces], "without an edit")
    same = np.array([a.text == b.text and a.distribution == b.distribution for a, b in zip(again, before, strict=True)])
    return {"without an edit nothing changes": (*bootstrap(same), len(same))}


def real_faces(engine, folder: str, n: int) -> list[Subject]:
    """PublicTest faces, drawn at random, whose units could be measured."""
    from emollm.evaluation import fer2013

    source = fer2013.load(folder)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(source.public_test & source.keep))
    subjects: list[Subject] = []
    for picture in source.pictures(rows):
        subject = prepare(picture, engine.shape, crops=True, gate=None).subjects[0]
        subjects += [subject] if subject.series.measured.any() else []
        if len(subjects) == n:
            break
    return subjects


def reasoning(arguments: argparse.Namespace) -> Report:
    """All figures by name. Raises InputError."""
    items = read_inputs(arguments.media or [])  # before anything slow: a wrong path is named at once
    total = Report(prototypes() | traces())
    if arguments.ckplus:
        total.figures |= coded_figures(arguments.ckplus)
    if not arguments.fer and not items:
        return total
    from emollm.model.engine import engine as engine_of

    engine = engine_of(arguments.model, arguments.engine)
    if arguments.fer:
        faces = real_faces(engine, arguments.fer, arguments.n)
        before = answer_faces(engine, faces, "as measured")
        total.figures |= what_if(engine, faces) | single_units(engine, faces, before) | unchanged_figures(engine, faces, before)
    return total.merge(prose(items, engine, arguments.crops)) if items else total
