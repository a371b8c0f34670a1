"""Turn a trained model into a shipped one: fit the label temperature, write the facts, copy into emollm/models/.

    emollm ship runs/polish/model pocket --fer DIR

The temperature is fitted on every second PublicTest face (so that figures on the others stay clean) against the FER+
majority, by the lowest negative log-likelihood (Guo et al., ICML 2017).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from emollm.evaluation.quick import answers, crop_input
from emollm.files import MODELS
from emollm.model.checkpoint import load, save, shape_of
from emollm.perception.measure import ESTIMATOR, ESTIMATOR_VERSION
from emollm.schema import LABELS

FACTS = {
    "training_data": "FER2013 Training faces with FER+ votes; texts written by rules from measured, edited and drawn "
                     "action units (data_engine); action units calibrated on CK+ codes and blendshapes",
    "licence": "Weights: research use, as the training pictures are. Code: Apache-2.0.",
    "intended_use": "Describing facial movement and what it is commonly read as. Not for identification, diagnosis, lie "
                    "detection, or judging people at work or in education.",
}


def fit_temperature(distributions: np.ndarray, truth: np.ndarray) -> float:
    """Temperature with the lowest negative log-likelihood. distributions [N, 8] at temperature 1, truth [N] indices."""
    logp = np.log(np.maximum(distributions, 1e-9))

    def loss(t: float) -> float:
        scaled = logp / t
        return float(-(scaled[np.arange(len(truth)), truth] - np.log(np.exp(scaled).sum(1))).mean())

    return float(min(np.arange(0.5, 3.01, 0.02), key=loss))


def ship(trained: str, name: str, fer: str, n: int = 600) -> Path:
    """Make the model in folder `trained` the shipped model `name`; returns its folder.

    fer: folder with the FER2013 files; n: faces to fit the temperature on. Raises InputError.
    """
    from emollm import progress
    from emollm.evaluation import fer2013

    (model, processor), shape = load(trained), shape_of(trained)
    model.config.label_temperature = 1.0
    source = fer2013.load(fer)
    rows = np.flatnonzero(source.public_test)[::2][:n]
    faces = [crop_input(p, shape) for p in progress.track(source.pictures(rows), "measuring", len(rows))]
    given = answers(model, processor, faces, grounded=True)
    distributions = np.array([[a.look[label] for label in LABELS] for a in given])
    model.config.label_temperature = round(fit_temperature(distributions, source.votes[rows].argmax(1)), 2)
    model.config.evidence_version = f"{ESTIMATOR} {ESTIMATOR_VERSION}"
    folder = MODELS / name
    save(model, processor, folder, FACTS | {"label_temperature": str(model.config.label_temperature)})
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
    print(f"{folder}: temperature {model.config.label_temperature}, sha256 {digest[:16]}...")
    return folder
