"""emollm: why does this face show this emotion? `emollm.explain("photo.jpg")` answers, one Explanation a face.

Names load on first use, so that importing the package costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"
_HOMES = {"parse": "emollm.prompt", "AUSeries": "emollm.schema", "Explanation": "emollm.schema",
          "Claim": "emollm.schema", "InputError": "emollm.schema", "NoFaceError": "emollm.schema"}
__all__ = ["AUSeries", "Claim", "Explanation", "InputError", "NoFaceError", "explain", "parse"]


def __getattr__(name: str):
    if name == "explain":
        return import_module("emollm.explain")  # the module is callable: see its last lines
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'emollm' has no attribute '{name}'")
