"""Turn a trained model into a shipped one: fit the label temperature, write the facts, copy into emollm/models/.

    python -m emollm.ship runs/reason/model pocket --fer DIR

The temperature is fitted on every second PublicTest face (so that figures on the others stay clean) against the FER+
majority, by the lowest negative log-likelihood (Guo et al., ICML 2017).
"""

from __future__ import annotations

import argparse
import hashlib

import numpy as np

from emollm.checkpoint import MODELS, load, save
from emollm.evaluate import answers, crop_input
from emollm.measure import ESTIMATOR, ESTIMATOR_VERSION
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


def main() -> None:
    from data_engine.sources import fer2013
    from emollm import progress

    parser = argparse.ArgumentParser(prog="python -m emollm.ship", description=__doc__)
    parser.add_argument("source", help="folder of the trained model")
    parser.add_argument("name", help="what `--model` will call it")
    parser.add_argument("--fer", required=True, help="folder with fer2013_train.npz")
    parser.add_argument("--n", type=int, default=600, help="faces to fit the temperature on")
    arguments = parser.parse_args()
    progress.use("auto")
    model, processor = load(arguments.source)
    model.config.label_temperature = 1.0
    source = fer2013.load(arguments.fer)
    rows = np.flatnonzero(source.public_test)[::2][:arguments.n]
    faces = [crop_input(p, processor.chip_size) for p in progress.track(source.pictures(rows), "measuring", len(rows))]
    given = answers(model, processor, faces, grounded=True)
    distributions = np.array([[a.look[label] for label in LABELS] for a in given])
    model.config.label_temperature = round(fit_temperature(distributions, source.votes[rows].argmax(1)), 2)
    model.config.evidence_version = f"{ESTIMATOR} {ESTIMATOR_VERSION}"
    folder = MODELS / arguments.name
    save(model, processor, folder, FACTS | {"label_temperature": str(model.config.label_temperature)})
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
    print(f"{folder}: temperature {model.config.label_temperature}, sha256 {digest[:16]}...")


if __name__ == "__main__":
    main()
