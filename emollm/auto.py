"""transformers' Auto classes know emollm's model once both packages are imported, in whichever order.

Registering needs transformers and torch, seconds of import that `import emollm` must not cost: it waits until
transformers itself loads the module that holds its Auto classes.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder

HOME = "transformers.models.auto.modeling_auto"  # of AutoModel


def register() -> None:
    """Make AutoConfig, AutoModel, AutoModelForCausalLM and AutoProcessor know emollm."""
    import emollm.model.emollm  # noqa: F401 (its last lines do)


class AfterTransformers:
    """An import finder that finds nothing new: it registers once HOME has been loaded."""

    @staticmethod
    def find_spec(name: str, path=None, target=None) -> ModuleSpec | None:
        if name != HOME:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None:
            load = spec.loader.exec_module

            def exec_module(module) -> None:
                load(module)
                register()

            spec.loader.exec_module = exec_module
        return spec


def arrange() -> None:
    """Register now when transformers' Auto classes are loaded, otherwise as soon as they are."""
    if HOME in sys.modules:
        register()
    elif AfterTransformers not in sys.meta_path:
        sys.meta_path.insert(0, AfterTransformers)
