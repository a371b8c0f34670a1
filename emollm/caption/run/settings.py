"""What decides an answer besides the media: the settings of a run, and the key of one item.

Two runs may write into one output only when their settings are equal. The engine is not among them: both give the same
greedy answers. The key is made of contents, never of names: a renamed file is known, an edited one is new.
"""

from __future__ import annotations

import hashlib
import json

from emollm.model import checkpoint
from emollm.options import part_of
from emollm.schema import AUSeries
from emollm.subject import AS_IT_IS, Viewing

WEIGHT_FILES = ("*.safetensors", "*.json", "*.jinja")


def settings_of(model: str, grounded: bool, question: str | None, what_if: tuple,
                viewing: Viewing) -> dict:
    """Everything that two runs must share. Raises InputError when the model cannot be found."""
    from emollm.answer.prompt import DEFAULT_QUESTION, PROMPT_VERSION
    from emollm.perception.measure import ESTIMATOR, ESTIMATOR_VERSION

    return {"emollm": _version(), "weights": weights_sha256(model), "prompt": PROMPT_VERSION,
            "evidence": f"{ESTIMATOR} {ESTIMATOR_VERSION}", "grounded": grounded, "question": question or DEFAULT_QUESTION,
            "what_if": dict(what_if), "baseline": _baseline_words(viewing.baseline), **_changed_options(viewing)}


def _baseline_words(baseline: str | AUSeries | None) -> str:
    """Two pictures of a face at rest are alike where the same was measured in them."""
    if isinstance(baseline, AUSeries):
        return f"picture {hashlib.sha256(baseline.intensity.tobytes()).hexdigest()[:16]}"
    return baseline or "clip for clips"


def _changed_options(viewing: Viewing) -> dict:
    """What differs from the default; the rest is left out, so that outputs of before an option was there go on."""
    values = {name: getattr(viewing, name) for name in ("crops", "max_faces", "prior")}
    cut = {} if viewing.cut.is_whole else {"cut": part_of(viewing.cut)}
    return cut | {name: value for name, value in values.items() if value != getattr(AS_IT_IS, name)}


def digest(settings: dict) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def key_of(media_sha256: str, question: str, what_if: tuple, settings_sha256: str) -> str:
    """Key of one answer, 64 hexadecimal digits."""
    parts = [media_sha256, question, sorted(what_if), settings_sha256]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def weights_sha256(model: str) -> str:
    """Hash of a model's weights, configuration and tokenizer. A hub model is fetched for it, as it is needed anyway."""
    folder, total = checkpoint.folder_of(model, [*WEIGHT_FILES]), hashlib.sha256()
    for path in sorted({p for pattern in WEIGHT_FILES for p in folder.glob(pattern)}):
        with path.open("rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("emollm")
    except PackageNotFoundError:
        return "source"
