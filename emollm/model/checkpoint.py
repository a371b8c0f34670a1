"""Load and save models: a folder with config.json, model.safetensors, tokenizer and processor files. No pickle, ever."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emollm.files import MODELS
from emollm.schema import AU_NAMES, DEFAULT_MODEL, InputError

if TYPE_CHECKING:
    from emollm.model.emollm import EmoLLM
    from emollm.model.processor import EmoLLMProcessor


def find(model: str) -> Path | str:
    """Folder of a shipped model or the user's own; otherwise the name of a hub repository. Raises InputError."""
    for folder in (MODELS / model, Path(model)):
        if (folder / "config.json").is_file():
            return folder
    if Path(model).exists() or model.startswith((".", "/")) or "/" not in model:
        raise InputError(f"model '{model}': no config.json there; give a folder made by `emollm train`, a hub name "
                         f"OWNER/NAME, or one of the shipped models: {', '.join(shipped_models()) or 'none'}")
    return model


def folder_of(model: str, files: list[str]) -> Path:
    """Folder of a model; from the hub with the files that match these patterns, fetched if need be. Raises InputError."""
    place = find(model)
    if isinstance(place, Path):
        return place
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(place, allow_patterns=files))
    except (OSError, ValueError) as error:
        raise InputError(f"model '{model}': cannot be fetched ({str(error).splitlines()[0]})") from None


def shipped_models() -> list[str]:
    return sorted(p.parent.name for p in MODELS.glob("*/config.json"))


@dataclass(frozen=True)
class Shape:
    """What preparing a face must know of the model that will see it."""

    max_key_frames: int
    chip_size: int  # px


def shape_of(model: str) -> Shape:
    """Shape of a model, from its config alone. Raises InputError as load() does."""
    folder = folder_of(model, ["config.json"])
    try:
        config = json.loads((folder / "config.json").read_text())
        return Shape(int(config["max_key_frames"]), int(config["chip_size"]))
    except (OSError, KeyError, TypeError, ValueError):
        raise InputError(f"model '{model}': its config.json is no emollm model's; give one made by `emollm train`") from None


def load(model: str = DEFAULT_MODEL) -> tuple[EmoLLM, EmoLLMProcessor]:
    """(EmoLLM, EmoLLMProcessor) in fp32, evaluation mode. Strict: every weight must be there and fit.

    Raises InputError for missing or foreign weights, another AU vocabulary or another prompt version.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig

    from emollm.model.emollm import EmoLLM
    from emollm.model.processor import EmoLLMProcessor

    silence_loading()
    folder = find(model)
    _refuse_pickle(folder)
    try:
        _check_config(model, AutoConfig.from_pretrained(folder))
        loaded, report = EmoLLM.from_pretrained(folder, dtype="float32", output_loading_info=True, use_safetensors=True)
        processor = EmoLLMProcessor.from_pretrained(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"model '{model}': cannot be loaded ({reason}); fetch or train it again") from None
    problems = [k for k in ("missing_keys", "unexpected_keys", "mismatched_keys") if report.get(k)]
    if problems:
        raise InputError(f"model '{model}': weights do not fit the code: {problems[0].replace('_', ' ')} "
                         f"{sorted(map(str, report[problems[0]]))[:3]}; use weights of this emollm version")
    return loaded.eval(), processor


def load_processor(model: str) -> EmoLLMProcessor:
    """The EmoLLMProcessor of a model alone, without its weights. Raises InputError as load() does."""
    from transformers import AutoConfig

    import emollm.model.emollm  # noqa: F401 (registers the Auto classes)
    from emollm.model.processor import EmoLLMProcessor

    folder = find(model)
    _refuse_pickle(folder)
    try:
        _check_config(model, AutoConfig.from_pretrained(folder))
        return EmoLLMProcessor.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"model '{model}': cannot be loaded ({reason}); fetch or train it again") from None


def _check_config(model: str, config) -> None:
    from emollm.answer.prompt import PROMPT_VERSION

    if config.model_type != "emollm":
        raise InputError(f"model '{model}' is a plain {config.model_type} model; give one made by `emollm train`")
    if tuple(config.au_names) != AU_NAMES:
        raise InputError(f"model '{model}' was trained on other action units: {config.au_names}")
    if config.prompt_version != PROMPT_VERSION:
        raise InputError(f"model '{model}' has prompt version {config.prompt_version}, this emollm has "
                         f"{PROMPT_VERSION}; install the matching emollm or retrain")


def silence_loading() -> None:
    """transformers draws a bar for the second that a small model takes to load or save."""
    import logging as python_logging

    from transformers.utils import logging

    logging.disable_progress_bar()
    python_logging.getLogger("bitsandbytes").setLevel(python_logging.ERROR)  # warns of kernels that no model here needs


def _refuse_pickle(folder) -> None:
    if isinstance(folder, Path) and not list(folder.glob("*.safetensors")):
        pickles = [p.name for suffix in ("pt", "pth", "bin", "pkl") for p in folder.glob(f"*.{suffix}")]
        hint = f" (found {pickles[0]}: pickle files are never loaded, convert them to safetensors)" if pickles else ""
        raise InputError(f"model '{folder}': model.safetensors is missing{hint}; reinstall emollm or train the model")


def save(model, processor, folder: Path, facts: dict) -> None:
    """Write the model in bf16 with `facts` (training, data, licence) in the safetensors metadata."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    silence_loading()
    model.to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)
    path = Path(folder) / "model.safetensors"
    with safe_open(path, "pt") as stored:
        tensors = {k: stored.get_tensor(k) for k in stored.keys()}  # noqa: SIM118 (not a dict)
    metadata = {"format": "pt", "au_names": " ".join(model.config.au_names), "prompt_version": model.config.prompt_version,
                "evidence_version": model.config.evidence_version,
                **{k: v if isinstance(v, str) else json.dumps(v) for k, v in facts.items()}}
    save_file(tensors, path.with_suffix(".tmp"), metadata)
    path.with_suffix(".tmp").replace(path)
