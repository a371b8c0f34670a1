"""Every module imports, light ones stay light, and imports point one way."""

import ast
import importlib
import importlib.util
import inspect
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


def filled_from_outside(path: Path) -> list[str]:
    """Assignments to a name of an imported module, such as `limits.MOST = 5`."""
    tree = ast.parse(path.read_text())
    modules = {(a.asname or a.name).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
               for a in node.names}
    targets = [t for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
               for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    return [ast.unparse(t) for t in targets if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name)
            and t.value.id in modules]


def name_of(path: Path) -> str:
    parts = path.relative_to(PLUGIN.parent if PLUGIN in path.parents else ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_fills_the_state_of_another(path):
    assert filled_from_outside(path) == []


def test_there_are_modules():
    assert {"emollm.explainer", "emollm.cli", "data_engine.build", "emollm.evaluation.fer2013"} <= set(MODULES)


@pytest.mark.parametrize("name", [m for m in MODULES if not m.endswith("__main__")])
def test_every_module_imports(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_every_module_of_the_plugin_imports():
    """In a process of its own: vLLM changes the one that it is loaded into."""
    names = [name_of(path) for path in sorted(PLUGIN.rglob("*.py"))]
    assert {"emollm_vllm.plugin.engine", "emollm_vllm.plugin.model", "emollm_vllm.process.launch"} <= set(names)
    script = "\n".join(["import importlib", *(f"assert importlib.import_module({n!r}).__doc__, {n!r}" for n in names)])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("code", ["import emollm", "import emollm.cli", "import emollm.schema, emollm.explanation",
                                  "import emollm.workers", "import emollm; emollm.Explanation, emollm.InputError"])
def test_light_imports(code):
    """`emollm --help`, reading a result and starting a worker must not wait for torch."""
    assert loaded_by(code) == []


@pytest.mark.parametrize("module", ["model.engine", "explainer", "chat.begin", "chat.terminal", "caption.command",
                                    "caption.run.scheduler", "caption.run.local", "caption.cluster.executor"])
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


@pytest.mark.parametrize("name", [n for n in emollm.__all__ if n[0].islower()])
def test_the_surface_is_typed(name):
    """Every parameter and result says its type: the functions, and the names as a type checker finds them (TYPE_CHECKING)."""
    signature = inspect.signature(getattr(emollm, name))
    assert all(p.annotation is not p.empty for p in signature.parameters.values())
    assert signature.return_annotation is not signature.empty


def test_a_type_checker_finds_every_public_name():
    told = {a.name for node in ast.walk(ast.parse(Path(emollm.__file__).read_text())) if isinstance(node, ast.ImportFrom)
            for a in node.names}
    assert set(emollm.__all__) <= told


# Layers. A room is a folder, or a file that lies beside the rooms; nothing below lists them.


PATHS = {name_of(path): path for path in SOURCES}
PACKAGES = {name for name, path in PATHS.items() if path.stem == "__init__"}


def room_of(module: str) -> str:
    """`emollm.perception.face` lives in `emollm.perception`, `emollm.explainer` in a room of its own."""
    folder = module.rpartition(".")[0]
    return folder if folder.count(".") and module not in PACKAGES else module


def arrows() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports, also within functions."""
    found = {}
    for module, path in PATHS.items():
        names = imports_of(path)
        within = {name.rpartition(".")[0] for name in names if name in PATHS}  # `from a.b import c` names a.b too
        found[module] = {name for name in names if name in PATHS and name not in within & PACKAGES} - {module}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Nodes that lie on a circle, or lead to one: what is left when all others are taken away, leaves first."""
    left = {node: set(to) for node, to in graph.items()}
    while free := {node for node, to in left.items() if not to & left.keys()}:
        left = {node: to for node, to in left.items() if node not in free}
    return sorted(left)


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"a": {"b"}, "b": {"a"}, "c": set()}) == ["a", "b"]


def test_modules_import_one_way():
    assert circle(arrows()) == []


def test_rooms_import_one_way():
    rooms: dict[str, set[str]] = {}
    for module, known in arrows().items():
        rooms.setdefault(room_of(module), set()).update(room_of(m) for m in known if room_of(m) != room_of(module))
    assert len(rooms) > 20
    assert circle(rooms) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_private_name_is_used_across_modules(path):
    private = [name for name in imports_of(path) if name.split(".")[0] in ("emollm", "data_engine", "emollm_vllm")
               and any(part.startswith("_") and not part.startswith("__") for part in name.split("."))]
    tree = ast.parse(path.read_text())
    aliases = {a.asname or a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
               and (node.module or "").startswith(("emollm", "data_engine", "emollm_vllm")) for a in node.names
               if f"{node.module}.{a.name}" in PATHS}
    private += [f"{n.value.id}.{n.attr}" for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")
                and isinstance(n.value, ast.Name) and n.value.id in aliases]
    assert private == []


@pytest.mark.parametrize("path", sorted((ROOT / "emollm").rglob("*.py")), ids=name_of)
def test_emollm_runs_without_the_plugin_and_the_data_engine(path):
    """vLLM is optional and found by its entry point; only `emollm serve` and the doctor name the plugin, when asked to."""
    known = packages_of(path)
    assert "data_engine" not in known
    for package in ("emollm_vllm", "vllm"):
        assert not known.get(package, False)
        assert package not in known or path.stem in ("serve", "doctor")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_nothing_imports_the_tests_or_the_benches(path):
    assert not packages_of(path).keys() & {"tests", "bench", "pytest", "hypothesis", "skimage"} \
        or path.stem == "demo"
