"""The contracts every other module speaks: face track, action-unit series, event, claim.

Standard library only; arrays are numpy arrays that other modules bring.
Conventions: times in seconds; pixels are picture pixels with integer pixel centres; left and right are the person's
own; intensity follows FACS A-E as 1-5 with 0 = absent and NaN = not visible; T = frames, 24 = len(AUS).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SCHEMA_VERSION = "1.0"
AUS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43, 45)
AU_NAMES = tuple(f"AU{number:02d}" for number in AUS)
LABELS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
SIDES = ("left", "right", "both")
INTERRUPTED = 130  # exit code of a command that Ctrl-C stopped, as shells report SIGINT
MAIN = "main"  # in place of a face's number: the one that the picture or clip is about
PRIORS = ("crowd", "balanced")  # how common the labels are taken to be (answer.witnesses)
DEFAULT_PRIOR = PRIORS[0]  # as in pictures from web search, which the look was taught on
BASELINES = ("none", "clip")  # what counts as a face at rest: the average face, or the clip's own quiet moments
DEFAULT_MODEL = "pocket"
# An observation line, or what a clause of the prose states.
CLAIM_KINDS = ("observation", "movement", "strength", "rank", "side", "count", "place", "time", "order", "combination",
               "support", "alternative", "confidence", "label", "cause")
VERDICTS = ("supported", "contradicted", "unsure", "unmeasured")

# A movement counts as there from ON, as not there up to OFF; in between nobody should be sure (docs/decisions.md).
ON, OFF = 1.25, 0.25
# One side is named when it is this much stronger than the other.
SIDE_GAP = 1.0
# FACS codes one jaw movement only: from this level of AU27 (stretched open) on AU26 (dropped) gives way to it.
NEARLY_ON = 1.0
MICRO_SECONDS = 0.5  # an event this short is called a micro-movement


class InputError(Exception):
    """What the user gave cannot be used; the message names the input and the remedy. Command-line exit code 2."""

    exit_code = 2


class NoFaceError(InputError):
    """The media is fine but no face in it could be measured. Command-line exit code 3."""

    exit_code = 3


def au_index(name: str | int) -> int:
    """Position of an action unit in every 24-wide array; accepts 4, "4", "AU4", "AU04".

    Raises InputError for an action unit that emollm does not know.
    """
    digits = str(name).strip().upper().removeprefix("AU")
    if digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) in AUS:
        return AUS.index(int(digits))
    raise InputError(f"unknown action unit '{name}': use one of {' '.join(AU_NAMES)}")


@dataclass
class Quality:
    """How well one face can be measured, per frame."""

    size: np.ndarray  # [T] face width in pixels
    blur: np.ndarray  # [T] 0-1, 1 = sharp
    visible: np.ndarray  # [T] 0-1, share of the landmarks inside the picture


@dataclass
class FaceTrack:
    """One face followed through one file. `face_id` is an ordinal in that file, never an identity."""

    face_id: int
    frames: np.ndarray  # [T] index of the decoded frame
    times: np.ndarray  # [T] s
    boxes: np.ndarray  # [T, 4] x0 y0 x1 y1 px
    landmarks: np.ndarray  # [T, 478, 3] px (z on the scale of x)
    pose: np.ndarray  # [T, 3] yaw, pitch, roll in degrees
    quality: Quality
    picture_size: tuple[int, int] = (0, 0)  # width, height px
    looks: np.ndarray | None = None  # [T, 2, appearance.WIDTH] of the left and right half; None: landmarks alone
    covers: np.ndarray | None = None  # [T, 7] how surely parts are hidden or drawn (covers.HIDDEN), > 0: so it is


@dataclass
class AUEvent:
    """One movement in time: it starts at onset, is strongest at apex and is over at offset (s)."""

    au: str
    side: str
    onset: float
    apex: float
    offset: float
    peak: float

    @property
    def micro(self) -> bool:
        return self.offset - self.onset <= MICRO_SECONDS


@dataclass
class AUSeries:
    """Intensity of every action unit over time. An AU that the source does not measure is masked, never 0."""

    times: np.ndarray  # [T] s
    intensity: np.ndarray  # [T, 24, 2] left, right; 0-5, NaN = not visible
    confidence: np.ndarray  # [T, 24] 0-1
    measured: np.ndarray  # [24] bool
    estimator: str  # who measured: "emollm-face", "openface", "hand", ...
    baseline: str = "none"  # none | clip | image: what counts as this face at rest
    version: str = ""
    face_id: int = 0
    notices: list[str] = field(default_factory=list, compare=False)  # what the reader of a table did to it; not stored

    def __post_init__(self) -> None:
        frames = len(self.times)
        for name, shape in (("intensity", (frames, 24, 2)), ("confidence", (frames, 24)), ("measured", (24,))):
            if getattr(self, name).shape != shape:
                raise InputError(f"AUSeries.{name} has shape {getattr(self, name).shape}, expected {shape}")

    @classmethod
    def unmeasured(cls, estimator: str = "none") -> AUSeries:
        """One frame of which nothing is known."""
        import numpy as np

        return cls(np.zeros(1), np.full((1, 24, 2), np.nan), np.zeros((1, 24)), np.zeros(24, bool), estimator)

    def to_dict(self) -> dict:
        return {"schema_version": SCHEMA_VERSION, "aus": list(AU_NAMES), "times": _numbers(self.times),
                "intensity": _numbers(self.intensity), "confidence": _numbers(self.confidence),
                "measured": [bool(m) for m in self.measured], "estimator": self.estimator,
                "baseline": self.baseline, "version": self.version, "face_id": self.face_id}

    @classmethod
    def from_dict(cls, stored: dict) -> AUSeries:
        """Inverse of to_dict. Raises InputError for missing keys or another AU order."""
        import numpy as np

        _require(stored, "AUSeries", "aus", "times", "intensity", "confidence", "measured", "estimator")
        if tuple(stored["aus"]) != AU_NAMES:
            raise InputError(f"AUSeries.aus must be {list(AU_NAMES)} in this order")
        array = {k: np.array(stored[k], dtype=float) for k in ("times", "intensity", "confidence")}
        extra = {k: stored[k] for k in ("baseline", "version", "face_id") if k in stored}
        return cls(**array, measured=np.array(stored["measured"], dtype=bool), estimator=stored["estimator"], **extra)


@dataclass
class Claim:
    """One checkable statement of the explanation, bound to what was measured."""

    text: str
    span: tuple[int, int]  # start, end in Explanation.text
    au: str
    side: str = "both"
    polarity: str = "present"  # present | absent
    level: str = ""  # trace | slight | marked | pronounced | extreme
    intensity: float = math.nan  # as stated, 0-5
    interval: tuple[float, float] | None = None  # s; None in a photograph
    region: list[list[float]] = field(default_factory=list)  # polygon, px of the key frame
    patches: list[list[list[float]]] = field(default_factory=list)  # its two halves where they do not meet; `region` spans both
    frame_time: float = 0.0  # s, moment the region belongs to
    box: list[float] = field(default_factory=list)  # x0 y0 x1 y1 of the face at that moment, px
    measured_intensity: float = math.nan
    verdict: str = "unmeasured"
    reason: str = ""
    kind: str = "movement"  # CLAIM_KINDS
    units: list[str] = field(default_factory=list)  # every unit spoken of; `au` is the one a set of them means, "" without any
    label: str = ""  # of a support, an alternative, a confidence


def _require(stored: dict, what: str, *keys: str) -> None:
    if missing := [k for k in keys if k not in stored]:
        raise InputError(f"{what} lacks {missing}")


def _numbers(array: np.ndarray) -> list:
    """Nested lists, four decimals, NaN as None."""
    return plain_json(array.round(4).tolist())


def plain_json(value: Any) -> Any:
    """A value in plain JSON types; NaN and infinity become None."""
    if isinstance(value, dict):
        return {k: plain_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
