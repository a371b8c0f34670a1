"""Every module imports, light ones stay light, and imports point one way."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import data_engine
import emollm

ROOT = Path(emollm.__file__).parents[1]
MODULES = sorted(m.name for package in (emollm, data_engine)
                 for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
HEAVY = ("torch", "transformers", "numpy", "cv2", "mediapipe", "av", "PIL", "yaml", "peft", "safetensors")


def loaded_by(code: str) -> list[str]:
    """Heavy packages that a fresh process has loaded after `code`."""
    script = f"{code}\nimport sys\nprint([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return ast.literal_eval(done.stdout.splitlines()[-1])


def imports_of(path: Path) -> dict[str, bool]:
    """Names of imported modules, and whether each is imported at the top (not within a function)."""
    tree, found = ast.parse(path.read_text()), {}
    for node in ast.walk(tree):
        names = ([a.name for a in node.names] if isinstance(node, ast.Import) else
                 [node.module, *(f"{node.module}.{a.name}" for a in node.names)] if isinstance(node, ast.ImportFrom) else [])
        for name in names:
            found[name] = found.get(name, False) or node in tree.body
    return found


def test_there_are_modules():
    assert {"emollm.explain", "emollm.cli", "data_engine.build", "data_engine.sources.fer2013"} <= set(MODULES)


@pytest.mark.parametrize("name", [m for m in MODULES if not m.endswith("__main__")])
def test_every_module_imports(name):
    assert importlib.import_module(name).__doc__ or name.endswith("sources")


@pytest.mark.parametrize("code", ["import emollm", "import emollm.cli", "import emollm.schema, emollm.facs",
                                  "import emollm; emollm.Explanation, emollm.InputError"])
def test_light_imports(code):
    """`emollm --help` and reading a result must not wait for torch."""
    assert loaded_by(code) == []


def test_reading_an_answer_needs_no_torch():
    assert not {"torch", "transformers"} & set(loaded_by("import emollm; emollm.parse('Conclusion: fear.')"))


def test_measuring_needs_no_torch():
    assert not {"torch", "transformers"} & set(loaded_by("from emollm.explain import measure_media"))


def test_every_public_name_exists():
    for name in emollm.__all__:
        assert getattr(emollm, name) is not None
    with pytest.raises(AttributeError, match="module 'emollm' has no attribute 'explian'"):
        emollm.explian  # noqa: B018


# Each module, and what it must not know about: the later steps of the path.
LATER = {
    "schema": {"facs", "prompt", "measure", "media", "face", "processor", "model", "explain", "cli"},
    "facs": {"prompt", "measure", "media", "face", "processor", "model", "explain", "cli"},
    "prompt": {"measure", "media", "face", "verify", "bind", "processor", "model", "generate", "explain", "cli"},
    "media": {"face", "measure", "prompt", "processor", "explain", "cli"},
    "face": {"measure", "prompt", "processor", "explain", "cli"},
    "measure": {"prompt", "processor", "explain", "cli"},
    "events": {"measure", "prompt", "processor", "explain", "cli"},
    "verify": {"bind", "processor", "model", "generate", "explain", "cli"},
    "bind": {"processor", "model", "generate", "explain", "cli"},
    "processor": {"encoder", "model", "generate", "data", "train", "checkpoint", "explain", "cli"},
    "encoder": {"processor", "model", "generate", "data", "train", "explain", "cli"},
    "model": {"generate", "data", "train", "checkpoint", "explain", "cli"},
    "generate": {"data", "train", "explain", "cli", "evaluate"},
    "data": {"train", "generate", "explain", "cli"},
    "train": {"generate", "explain", "cli", "evaluate"},
    "explain": {"cli", "train", "data", "evaluate"},
}


@pytest.mark.parametrize("module", LATER)
def test_imports_point_one_way(module):
    found = imports_of(ROOT / "emollm" / f"{module}.py")
    forbidden = {f"emollm.{later}" for later in LATER[module]}
    assert not forbidden & set(found)


@pytest.mark.parametrize("path", sorted((ROOT / "emollm").rglob("*.py")), ids=lambda p: p.stem)
def test_emollm_does_not_know_the_data_engine(path):
    """Only evaluation and shipping may read training pictures, and only when they run."""
    known = {name: top for name, top in imports_of(path).items() if name.split(".")[0] == "data_engine"}
    assert not any(known.values())
    assert not known or path.stem in ("evaluate", "ship")


@pytest.mark.parametrize("path", sorted([*(ROOT / "emollm").rglob("*.py"), *(ROOT / "data_engine").rglob("*.py")]),
                         ids=lambda p: p.stem)
def test_nothing_imports_the_tests_or_the_benches(path):
    assert not {name.split(".")[0] for name in imports_of(path)} & {"tests", "bench", "pytest", "hypothesis", "skimage"} \
        or path.stem == "demo"
