"""Check an installation: versions, what can be imported, the shipped weights, and one explanation end to end.

`emollm doctor` prints plain text and exits with 1 when something that emollm needs does not work.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import io
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from emollm.files import MODELS
from emollm.schema import InputError

# package -> (import name, what stops working without it)
NEEDED = {"numpy": ("numpy", "everything"), "pillow": ("PIL", "photos"), "torch": ("torch", "the model"),
          "transformers": ("transformers", "the model"), "safetensors": ("safetensors", "the model"),
          "open_clip_torch": ("open_clip", "the model"), "mediapipe": ("mediapipe", "finding faces"),
          "opencv-python-headless": ("cv2", "finding faces"), "av": ("av", "clips")}
SELF_TEST = "6C+12D"  # a cheek-raising smile, coded by hand
HEADER_LIMIT = 100_000_000  # bytes; the safetensors format allows no longer header


def main() -> int:
    """Print the report; 0 when everything works, 1 otherwise."""
    print(f"emollm     {_version('emollm')}")
    print(f"python     {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    problems = 0
    for check in (packages, torch_device, vllm, talker, weights, self_test):
        for good, line in check():
            problems += not good
            print(f"{'ok  ' if good else 'FAIL'}  {line}", flush=True)
    print("everything works" if not problems else f"{problems} problem{'s' if problems > 1 else ''} found")
    return int(problems > 0)


def packages() -> Iterator[tuple[bool, str]]:
    """Import what emollm stands on, each (works, line)."""
    for package, (module, purpose) in NEEDED.items():
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # mediapipe prints an error that it then handles
                importlib.import_module(module)
            yield True, f"{package} {_version(package)}"
        except Exception as error:
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            yield False, f"{package} {_version(package)} cannot be imported ({reason}): needed for {purpose}"


def torch_device() -> Iterator[tuple[bool, str]]:
    """What the model computes on. A missing torch is reported by `packages`."""
    try:
        import torch
    except ImportError:
        return
    threads = f"{torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        yield True, f"torch computes on {torch.cuda.get_device_name(0)} and {threads}"
    else:
        yield True, f"torch computes on the CPU, {threads} (no CUDA device)"


def vllm() -> Iterator[tuple[bool, str]]:
    """What `emollm serve` and the vllm engine of `emollm caption` run on; not needed otherwise, and not imported here."""
    if importlib.util.find_spec("emollm_vllm") is None:
        yield True, "emollm_vllm (not installed): needed for `emollm serve` alone"
        return
    from emollm_vllm.process.launch import KNOWN, check_vllm, versions

    installed = versions()
    if not installed:
        yield True, "vllm (not installed): needed for `emollm serve` alone"
        return
    (name, version), *_ = installed.items()
    try:
        check_vllm(installed)
    except InputError as error:
        yield False, str(error)
        return
    untried = "" if version.partition("+")[0] in KNOWN else f", with which emollm was not tried ({', '.join(KNOWN)} was)"
    yield True, f"{name} {version}{untried}"


def talker() -> Iterator[tuple[bool, str]]:
    """The package that carries the talker's language model; not needed for anything but chats, and not imported here."""
    from emollm.model.base import PACKAGED

    for name, (module, file, extra) in PACKAGED.items():
        package, spec = module.replace("_", "-"), importlib.util.find_spec(module)
        if spec is None:
            yield True, f"{package} (not installed): needed to chat with the talker alone: pip install '{extra}'"
        else:
            whole = any((Path(folder) / file).is_file() for folder in spec.submodule_search_locations or ())
            yield whole, f"{package} {_version(package)}: {name}{'' if whole else f' lacks {file}'}"


def weights(folder: Path = MODELS) -> Iterator[tuple[bool, str]]:
    """Every shipped weight file with its hash and what it says about itself.

    A file that SHA256SUMS beside it lists must have the listed hash.
    """
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        yield False, f"no model weights in {folder}: reinstall emollm"
    for path in files:
        digest = _sha256(path)
        name = path.relative_to(folder)
        size = path.stat().st_size / 1e6
        expected = _listed_hash(path)
        if expected not in ("", digest):
            yield False, f"{name}: sha256 is {digest[:16]}, SHA256SUMS says {expected[:16]}: reinstall emollm"
            continue
        try:
            stored = read_metadata(path)
        except ValueError as error:
            yield False, f"{name}: {error}: reinstall emollm"
            continue
        yield True, f"{name}: {size:.1f} MB, sha256 {digest[:16]}{' as listed' if expected else ''}"
        for key in sorted(stored):
            yield True, f"  {key}: {stored[key][:100]}"


def self_test() -> Iterator[tuple[bool, str]]:
    """Explain a hand-coded smile: model, grammar and verifier, without a picture."""
    start = time.monotonic()
    try:
        from emollm.evidence import parse_facs
        from emollm.explainer import explain

        explanation = explain(parse_facs(SELF_TEST))[0]
    except Exception as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        yield False, f"self test: {SELF_TEST} could not be explained ({reason})"
        return
    cited = {claim.au for claim in explanation.claims if claim.kind == "observation"}
    good = explanation.label is not None and "AU12" in cited
    yield good, (f"self test: {SELF_TEST} is commonly read as {explanation.label} ({explanation.confidence:.2f}), cites "
                 f"{' '.join(sorted(cited)) or 'nothing'}, {time.monotonic() - start:.1f} s")


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, read from its header only.

    Format: 8 bytes little-endian header length, then JSON (huggingface.co/docs/safetensors). Raises ValueError.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(HEADER_LIMIT, path.stat().st_size):
            raise ValueError("not a safetensors file, or cut off")
        try:
            return json.loads(file.read(length)).get("__metadata__", {})
        except (ValueError, AttributeError):
            raise ValueError("its safetensors header is damaged") from None


def _listed_hash(path: Path) -> str:
    """The hash that SHA256SUMS in the same folder gives a file; empty when there is none."""
    sums = path.parent / "SHA256SUMS"
    if not sums.is_file():
        return ""
    lines = (line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name.strip().lstrip("*"): digest for digest, name in lines}.get(path.name, "")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
