"""emollm: why does this face show this emotion? `emollm.explain("photo.jpg")` answers, one Explanation a face.

Names load on first use, so that importing the package costs nothing; docs/api.md lists them with examples.
"""

from importlib import import_module

from emollm import auto

TYPE_CHECKING = False  # known to type checkers by this name; to import it would cost more than everything else here
if TYPE_CHECKING:
    from emollm.answer.prompt import parse
    from emollm.explainer import explain, measure
    from emollm.explanation import Explanation
    from emollm.model.checkpoint import load
    from emollm.schema import AUEvent, AUSeries, Claim, FaceTrack, InputError, NoFaceError

__version__ = "0.1.0"
_HOMES = {"explain": "emollm.explainer", "measure": "emollm.explainer", "load": "emollm.model.checkpoint",
          "parse": "emollm.answer.prompt", "AUSeries": "emollm.schema", "AUEvent": "emollm.schema",
          "FaceTrack": "emollm.schema", "Claim": "emollm.schema", "Explanation": "emollm.explanation",
          "InputError": "emollm.schema", "NoFaceError": "emollm.schema"}
__all__ = ["AUEvent", "AUSeries", "Claim", "Explanation", "FaceTrack", "InputError", "NoFaceError", "explain", "load",
           "measure", "parse"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'emollm' has no attribute '{name}'")


auto.arrange()
