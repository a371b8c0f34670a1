"""Turn a trained model into a shipped one: fit the label temperature, write the facts, copy into emollm/models/.

    emollm ship runs/polish/model pocket --fer DIR
    emollm ship runs/talker/adapter talker

The temperature is fitted on every second PublicTest face (so that figures on the others stay clean) against the FER+
majority, by the lowest negative log-likelihood (Guo et al., ICML 2017).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from emollm.evaluation.quick import answers, crop_input
from emollm.files import MODELS
from emollm.model.checkpoint import load, save, shape_of
from emollm.perception.measure import ESTIMATOR, ESTIMATOR_VERSION
from emollm.schema import LABELS
from emollm.talk.writer import talker_folder

TALKER_FACTS = {
    "training_data": "Questions and conversations written by rules (data_engine/talk) about measured FER2013 Training faces "
                     "and drawn ones, and questions with their calls that language models wrote one by one for this project; "
                     "none was collected from users",
    "licence": "Adapter: research use, as the measured pictures are. Base: Apache-2.0. Code: Apache-2.0.",
    "intended_use": "Talking about measured facial movement and what it is commonly read as. Not for identification, "
                    "diagnosis, lie "
                    "detection, or judging people at work or in education.",
}
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


def pack_model(trained: str, name: str, fer: str, n: int = 600) -> Path:
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
    replies = answers(model, processor, faces, grounded=True)
    distributions = np.array([[a.look[label] for label in LABELS] for a in replies])
    model.config.label_temperature = round(fit_temperature(distributions, source.votes[rows].argmax(1)), 2)
    model.config.evidence_version = f"{ESTIMATOR} {ESTIMATOR_VERSION}"
    folder = MODELS / name
    save(model, processor, folder, FACTS | {"label_temperature": str(model.config.label_temperature)})
    digest = _write_checksum(folder, "model.safetensors")
    print(f"{folder}: temperature {model.config.label_temperature}, sha256 {digest[:16]}...")
    return folder


def pack_talker(trained: str, name: str) -> Path:
    """Make the adapter in folder `trained` the shipped talker `name`, in bf16; returns its folder. Raises InputError."""
    import torch
    from safetensors.torch import load_file, save_file

    source, folder = talker_folder(trained), MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    facts = json.loads((source / "talker.json").read_text())
    weights = {k: v.to(torch.bfloat16) for k, v in load_file(source / "adapter_model.safetensors").items()}
    told = {"format": "pt"} | {k: str(v) for k, v in (facts | TALKER_FACTS).items()}
    save_file(weights, folder / "adapter_model.safetensors", told)
    config = json.loads((source / "adapter_config.json").read_text()) | {"base_model_name_or_path": facts["base"]}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    (folder / "talker.json").write_text(json.dumps(facts | TALKER_FACTS, indent=1) + "\n")
    print(f"{folder}: on {facts['base']}, {facts['steps']} steps, sha256 "
          f"{_write_checksum(folder, 'adapter_model.safetensors')[:16]}...")
    return folder


def _write_checksum(folder: Path, file: str) -> str:
    """SHA-256 of a file of weights, also written beside it."""
    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {file}\n")
    return digest
