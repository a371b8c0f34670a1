"""A face on its way through the main path: what was measured of it, whether that is enough, and which face is meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from emollm.evidence.stated_levels import state_levels
from emollm.perception.limits import WHOLE, Cut
from emollm.schema import DEFAULT_PRIOR, MAIN, PRIORS, AUEvent, AUSeries, FaceTrack, InputError, NoFaceError
from emollm.what_if import edit

MAX_FACES = 64  # that one source is asked for


def check_prior(prior: object) -> None:
    """Raises InputError for what is none of schema.PRIORS."""
    if prior not in PRIORS:
        raise InputError(f"prior={prior!r:.40}: use {' or '.join(PRIORS)}")


@dataclass(frozen=True)
class Viewing:
    """How the faces of one source are looked at, whichever of them is asked about. Raises InputError where it is made."""

    baseline: str | AUSeries | None = None  # what counts as a face at rest: none, clip, or a picture; None: clip for clips
    crops: bool = False  # photos are face crops
    cut: Cut = WHOLE  # part of a clip
    max_faces: int | None = None  # at most so many, the main ones
    prior: str = DEFAULT_PRIOR  # how common the labels are taken to be (schema.PRIORS)

    def __post_init__(self) -> None:
        check_prior(self.prior)
        if self.max_faces is not None and not 1 <= self.max_faces <= MAX_FACES:
            raise InputError(f"max_faces={self.max_faces}: give a number of faces from 1 to {MAX_FACES}")


AS_IT_IS = Viewing()


@dataclass(frozen=True)
class QualityGate:
    """Below this, the answer is "not enough to say". Evaluation on 48 px crops sets face_px to 0."""

    face_px: float = 64.0
    turn_degrees: float = 35.0
    sharpness: float = 0.08
    visible: float = 0.6
    measured_units: int = 8


DEFAULT_GATE = QualityGate()


@dataclass
class Subject:
    """One face on its way through explain(). What a long clip was measured from is not kept: only its moments are."""

    series: AUSeries
    track: FaceTrack | None = None
    events: list[AUEvent] = field(default_factory=list)
    key_frames: list[int] = field(default_factory=lambda: [0])  # positions in the series
    notices: list[str] = field(default_factory=list)
    chips: np.ndarray | None = None  # [K, S, S, 3] uint8; None without pixels
    refusal: list[str] = field(default_factory=list)  # why this face cannot be read; empty when it can
    picture: str = ""  # of a table of many pictures: the one that this face is in
    prior: str = DEFAULT_PRIOR  # how common the labels are taken to be (schema.PRIORS)
    seen: AUSeries | None = None  # what was measured in the pixels, where `series` was edited or given from elsewhere


@dataclass
class PreparedSource:
    """Steps 1 to 4 of one source, ready to be asked about any number of times; holds no picture beyond the chips."""

    name: str
    subjects: list[Subject]
    edits: dict[str, float] = field(default_factory=dict)
    sha256: str = ""  # of the media's bytes
    kind: str = "table"  # photo | clip | table

    @property
    def readable_subjects(self) -> list[Subject]:
        return [s for s in self.subjects if not s.refusal]


def edit_subject(s: Subject, edits: dict[str, float]) -> Subject:
    """The same face at the same moments with some of its action units set to other intensities (what-if)."""
    if not edits or s.refusal:
        return s
    series, events = edit(s.series, s.events, edits)
    return dataclasses.replace(s, series=series, events=events, seen=s.seen or s.series)


def state_units(s: Subject, au: Mapping) -> Subject:
    """The same face with action units that somebody states instead of ours (evidence.stated_levels). Raises InputError."""
    return dataclasses.replace(s, series=state_levels(s.series, au), events=[], seen=s.series)


def with_edits(prepared: PreparedSource, edits: dict[str, float]) -> PreparedSource:
    """What prepare(what_if=edits) gives, without measuring again."""
    return dataclasses.replace(prepared, subjects=[edit_subject(s, edits) for s in prepared.subjects], edits=edits)


def apply_prior(s: Subject, prior: str) -> Subject:
    """The same face with the labels taken to be as common as `prior` has it. Raises InputError."""
    check_prior(prior)
    return s if prior == s.prior else dataclasses.replace(s, prior=prior)


def with_prior(prepared: PreparedSource, prior: str) -> PreparedSource:
    """What prepare(prior=prior) gives, without measuring again. Raises InputError."""
    return dataclasses.replace(prepared, subjects=[apply_prior(s, prior) for s in prepared.subjects])


def prior_notice(s: Subject) -> list[str]:
    """That the labels are not taken to be as common as they are by default, in words."""
    return [] if s.prior == DEFAULT_PRIOR else [f"prior: {s.prior} (--prior)"]


def shortcomings(s: Subject, gate: QualityGate | None) -> list[str]:
    """Why this face cannot be read, in words; empty when it can."""
    units = int((s.series.measured & np.isfinite(s.series.intensity).any((0, 2))).sum())
    if gate is None or s.track is None:
        return [] if units or s.track is not None or s.chips is not None else ["the table holds no action unit"]
    quality = s.track.quality
    size, blur, visible = (float(np.median(v)) for v in (quality.size, quality.blur, quality.visible))
    turn = float(np.median(np.abs(s.track.pose[:, :2]).max(1)))
    checks = [(size < gate.face_px, f"face only {size:.0f} px wide, {gate.face_px:.0f} needed"),
              (turn > gate.turn_degrees, f"head turned by {turn:.0f} degrees, at most {gate.turn_degrees:.0f}"),
              (blur < gate.sharpness, f"sharpness {blur:.2f}, {gate.sharpness:.2f} needed"),
              (visible < gate.visible, f"{visible:.0%} of the face in the picture, {gate.visible:.0%} needed"),
              (units < gate.measured_units, f"only {units} action units could be measured")]
    return [words for short, words in checks if short]


def choose(prepared: PreparedSource, face: int | str | None) -> Subject:
    """A face by its face_id, or the main one of those that can be read. Raises InputError, NoFaceError."""
    subjects = [s for s in prepared.subjects if face in (None, MAIN) or s.series.face_id == face]
    if not subjects:
        raise InputError(no_such_face(prepared.name, face, prepared.subjects))
    readable = [s for s in subjects if not s.refusal]
    if not readable:
        raise NoFaceError(f"{prepared.name}: not enough to say: {'; '.join(subjects[0].refusal)}. Use a picture with a larger, "
                          "sharper and less turned face.")
    return max(readable, key=prominence)


def prominence(s: Subject) -> float:
    """How much a face is what its picture or clip shows: frames it is seen in x median width (px) x how central it is (1 in
    the middle, 0.5 in a corner). 0 without pixels."""
    if s.track is None:
        return 0.0
    boxes, (width, height) = np.median(s.track.boxes, axis=0), s.track.picture_size
    off = np.hypot((boxes[0] + boxes[2]) / max(width, 1) - 1, (boxes[1] + boxes[3]) / max(height, 1) - 1) / np.sqrt(2)
    return len(s.track.frames) * float(np.median(s.track.quality.size)) * (1 - 0.5 * min(float(off), 1.0))


def places(prepared: PreparedSource) -> dict[int, str]:
    """Where each of several faces is, as seen in the picture or clip: "on the left", "second from the left"; by face_id."""
    seen = sorted((s for s in prepared.subjects if s.track), key=lambda s: float(np.median(s.track.boxes[:, [0, 2]])))
    words = {0: [], 1: [""], 2: ["on the left", "on the right"], 3: ["on the left", "in the middle", "on the right"]}.get(
        len(seen), ["on the far left", *[f"number {k} from the left" for k in range(2, len(seen))], "on the far right"])
    return {s.series.face_id: where for s, where in zip(seen, words, strict=True) if where}


def face_numbers(subjects: list[Subject]) -> str:
    """The faces of a source by number, for messages."""
    return ", ".join(f"{s.series.face_id}{' (not enough to say)' if s.refusal else ''}" for s in subjects)


def no_such_face(name: str, face: int | str | None, subjects: list[Subject]) -> str:
    """What is said where a face is asked for that is not there. name: of the source."""
    return f"{name}: there is no face {face}; faces here: {face_numbers(subjects)}"
