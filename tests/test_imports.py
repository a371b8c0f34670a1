"""Every module imports, light ones stay light, and imports point one way."""

import ast
import importlib
import importlib.util
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
PLUGIN = ROOT / "serve" / "emollm_vllm"
SOURCES = sorted(p for folder in (ROOT / "emollm", ROOT / "data_engine", PLUGIN) for p in folder.rglob("*.py"))
HEAVY = ("torch", "transformers", "vllm", "ray", "numpy", "cv2", "mediapipe", "av", "PIL", "yaml", "peft", "safetensors")


def loaded_by(code: str) -> list[str]:
    """Heavy packages that a fresh process has loaded after `code`."""
    script = f"{code}\nimport sys\nprint([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return ast.literal_eval(done.stdout.splitlines()[-1])


def imports_of(path: Path) -> dict[str, bool]:
    """Names of imported modules, and whether each is imported at the top (not within a function)."""
    tree, found = ast.parse(path.read_text()), {}
    later = {node for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(f)}
    for node in ast.walk(tree):
        names = ([a.name for a in node.names] if isinstance(node, ast.Import) else
                 [node.module, *(f"{node.module}.{a.name}" for a in node.names)] if isinstance(node, ast.ImportFrom) else [])
        for name in names:
            found[name] = found.get(name, False) or node not in later
    return found


def packages_of(path: Path) -> dict[str, bool]:
    """Names of imported packages, and whether each is imported at the top."""
    found = imports_of(path)
    return {package: any(top for name, top in found.items() if name.split(".")[0] == package)
            for package in {name.split(".")[0] for name in found}}


def sources_of(module: str) -> list[Path]:
    """The file of a module of emollm, or all files of a package."""
    path = ROOT / "emollm" / module
    return sorted(path.rglob("*.py")) if (path / "__init__.py").exists() else [path.with_suffix(".py")]


def test_there_are_modules():
    assert {"emollm.explainer", "emollm.cli", "data_engine.build", "data_engine.sources.fer2013"} <= set(MODULES)


@pytest.mark.parametrize("name", [m for m in MODULES if not m.endswith("__main__")])
def test_every_module_imports(name):
    assert importlib.import_module(name).__doc__ or name.endswith("sources")


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_every_module_of_the_plugin_imports():
    """In a process of its own: vLLM changes the one that it is loaded into."""
    names = [f"emollm_vllm.{m.name}" for m in pkgutil.walk_packages([str(PLUGIN)])]
    assert {"emollm_vllm.plugin.engine", "emollm_vllm.plugin.model", "emollm_vllm.process.launch"} <= set(names)
    script = "\n".join(["import importlib", *(f"assert importlib.import_module({n!r}).__doc__, {n!r}" for n in names)])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("code", ["import emollm", "import emollm.cli", "import emollm.schema, emollm.explanation",
                                  "import emollm.workers", "import emollm; emollm.Explanation, emollm.InputError"])
def test_light_imports(code):
    """`emollm --help`, reading a result and starting a worker must not wait for torch."""
    assert loaded_by(code) == []


@pytest.mark.parametrize("module", ["engine", "explain", "chat", "talk", "caption.command", "caption.pipeline"])
def test_what_is_refused_is_refused_without_torch(module):
    """A wrong path or option must be named at once: the model is loaded when there is something to answer."""
    assert not {"torch", "transformers", "vllm", "ray"} & set(loaded_by(f"import emollm.{module}"))


def test_reading_an_answer_needs_no_torch():
    assert not {"torch", "transformers"} & set(loaded_by("import emollm; emollm.parse('Conclusion: fear.')"))


def test_measuring_needs_no_torch():
    assert not {"torch", "transformers"} & set(loaded_by("from emollm.explainer import measure"))


def test_every_public_name_exists():
    for name in emollm.__all__:
        assert getattr(emollm, name) is not None
    with pytest.raises(AttributeError, match="module 'emollm' has no attribute 'explian'"):
        emollm.explian  # noqa: B018


# What people run; no step of the path knows them.
ENDS = {"chat", "talk", "caption", "evaluate", "cli"}
# Each module, and what else it must not know about: the later steps of the path.
LATER = {
    "schema": {"facs", "prompt", "measure", "media", "face", "processor", "model", "engine", "workers", "explain"},
    "facs": {"prompt", "measure", "media", "face", "processor", "model", "explain"},
    "prompt": {"measure", "media", "face", "verify", "bind", "processor", "model", "generate", "engine", "explain"},
    "media": {"face", "measure", "prompt", "processor", "workers", "explain"},
    "face": {"measure", "prompt", "processor", "explain"},
    "measure": {"prompt", "processor", "explain"},
    "events": {"measure", "prompt", "processor", "explain"},
    "verify": {"bind", "processor", "model", "generate", "engine", "explain"},
    "bind": {"processor", "model", "generate", "engine", "explain"},
    "processor": {"encoder", "model", "generate", "data", "train", "checkpoint", "engine", "explain"},
    "encoder": {"processor", "model", "generate", "data", "train", "explain"},
    "model": {"generate", "data", "train", "checkpoint", "engine", "explain"},
    "generate": {"data", "train", "engine", "explain"},
    "engine": {"data", "train", "media", "face", "measure", "workers", "explain"},  # faces are given to it, ready
    "workers": {"data", "train", "processor", "model", "generate", "engine"},  # measure only
    "data": {"train", "generate", "engine", "explain"},
    "train": {"generate", "engine", "explain"},
    "explain": {"data", "train", "workers"},
    "chat": {"data", "train", "talk", "caption", "evaluate", "cli"},
    "talk": {"data", "train", "engine", "caption", "evaluate", "cli"},
    "caption": {"data", "train", "chat", "talk", "evaluate", "cli"},
}


@pytest.mark.parametrize("module", LATER)
def test_imports_point_one_way(module):
    found = {name for path in sources_of(module) for name in imports_of(path)}
    known = {name.split(".")[1] for name in found if name.startswith("emollm.")}
    assert not (LATER[module] | (set() if module in ENDS else ENDS)) & known


@pytest.mark.parametrize("path", sorted(PLUGIN.rglob("*.py")), ids=lambda p: p.stem)
def test_the_plugin_knows_no_command_and_no_training(path):
    assert not {"cli", "talk", "caption", "evaluate", "train", "data"} & {
        name.split(".")[1] for name in imports_of(path) if name.startswith("emollm.")}


@pytest.mark.parametrize("path", sorted((ROOT / "emollm").rglob("*.py")), ids=lambda p: p.stem)
def test_emollm_runs_without_the_plugin(path):
    """vLLM is optional: only the engine, `emollm serve` and the doctor reach it, and only when they are asked to."""
    for package in ("emollm_vllm", "vllm"):
        known = packages_of(path)
        assert not known.get(package, False)
        assert package not in known or path.stem in ("engine", "cli", "doctor")


@pytest.mark.parametrize("path", sorted((ROOT / "emollm").rglob("*.py")), ids=lambda p: p.stem)
def test_emollm_does_not_know_the_data_engine(path):
    """Only evaluation and shipping may read training pictures, and only when they run."""
    known = packages_of(path)
    assert not known.get("data_engine", False)
    assert "data_engine" not in known or path.stem in ("evaluate", "ship")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_nothing_imports_the_tests_or_the_benches(path):
    assert not packages_of(path).keys() & {"tests", "bench", "pytest", "hypothesis", "skimage"} \
        or path.stem == "demo"
