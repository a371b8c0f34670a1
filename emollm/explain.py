"""Image in, explanation out: the main path, top to bottom.

    1 media.read        photo or clip, checked before it is decoded
    2 face.follow       faces found, meshed and followed
    3 measure.series    action units over time, left and right
    4 events.key_frames the moments worth looking at
    5 prompt            the question that will be asked
    6 processor         chips and action units to model input
    7 generate          the model answers, held to the measurement
    8 prompt.parse      the answer is read back
    9 bind              every claim gets its verdict, moment and region
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from dataclasses import dataclass, field

import numpy as np

from emollm import face as faces_in
from emollm import measure, media, prompt
from emollm.bind import bind, edit
from emollm.events import events as find_events
from emollm.events import key_frames as find_key_frames
from emollm.schema import AU_NAMES, AUEvent, AUSeries, Explanation, FaceTrack, InputError, NoFaceError, au_index

NO_FACE = "no face could be measured. Use a picture with a larger, less turned and unobstructed face."


@dataclass(frozen=True)
class Gate:
    """Below this, the answer is "not enough to say". Evaluation on 48 px crops sets face_px to 0."""

    face_px: float = 64.0
    turn_degrees: float = 35.0
    sharpness: float = 0.08
    visible: float = 0.6
    measured_units: int = 8


@dataclass
class Subject:
    """One face on its way through explain()."""

    series: AUSeries
    track: FaceTrack | None = None
    events: list[AUEvent] = field(default_factory=list)
    key_frames: list[int] = field(default_factory=lambda: [0])
    notices: list[str] = field(default_factory=list)
    chips: np.ndarray | None = None
    result: Explanation | None = None

    def shortcomings(self, gate: Gate | None) -> list[str]:
        """Why this face cannot be read, in words; empty when it can."""
        units = int((self.series.measured & np.isfinite(self.series.intensity).any((0, 2))).sum())
        if gate is None or self.track is None:
            return [] if units or self.track is not None else ["the table holds no action unit"]
        quality = self.track.quality
        size, blur, visible = (float(np.median(v)) for v in (quality.size, quality.blur, quality.visible))
        turn = float(np.median(np.abs(self.track.pose[:, :2]).max(1)))
        found = [(size < gate.face_px, f"face only {size:.0f} px wide, {gate.face_px:.0f} needed"),
                 (turn > gate.turn_degrees, f"head turned by {turn:.0f} degrees, at most {gate.turn_degrees:.0f}"),
                 (blur < gate.sharpness, f"sharpness {blur:.2f}, {gate.sharpness:.2f} needed"),
                 (visible < gate.visible, f"{visible:.0%} of the face in the picture, {gate.visible:.0%} needed"),
                 (units < gate.measured_units, f"only {units} action units could be measured")]
        return [words for short, words in found if short]


def explain(source, *, question: str | None = None, what_if: dict[str, float] | None = None,
            face: int | None = None, evidence=None, model: str = "pocket", grounded: bool = True,
            baseline: str | None = None, gate: Gate | None = Gate()) -> list[Explanation]:
    """Why each face is commonly read the way it is.

    source: path, bytes, PIL image, RGB array, or an AU table (AUSeries, or a path to one) when there are no pixels.
    question: asked instead of the default. what_if: {"AU04": 0.0} edits the evidence before the model sees it.
    face: only this face_id. evidence: an AUSeries or table that replaces our measurement. baseline: none or clip
    (default: clip for clips). model: shipped name, folder or hub name. grounded: hold observation lines to the
    measurement. gate: quality limits, None turns them off.
    Returns one Explanation a face, left to right. Raises InputError, NoFaceError.
    """
    edits = _checked(what_if)
    name, seen, subjects = _perceive(source, evidence, face, baseline)  # 1 media.read 2 face.follow 3 measure.series
    good = [s for s in subjects if not s.shortcomings(gate)]
    if good:
        from emollm.generate import generate  # torch only from here on: refusals and measuring stay light
        from emollm.processor import face_input

        network, processor = loaded(model)
        for s in good:  # 4 events.key_frames, and the chips of those moments
            s.series, s.events = edit(s.series, find_events(s.series), edits)
            s.key_frames = find_key_frames(s.series, s.events, network.config.max_key_frames)
            s.chips = _chips(seen, s, processor.chip_size)
        asked = question or prompt.DEFAULT_QUESTION  # 5 prompt.user_turn renders it
        inputs = [face_input(s.series, s.events, s.key_frames, s.chips) for s in good]  # 6 processor.encode
        observed = [prompt.observe(s.series, s.events) for s in good] if grounded else None
        answers = generate(network, processor, inputs, [asked] * len(good), observed)  # 7 model.generate
        for s, a in zip(good, answers, strict=True):  # 8 prompt.parse 9 bind
            s.result = bind(prompt.parse(a.text), a.text, a.distribution, s.series, s.events, s.key_frames, s.track)
            s.notices += [] if a.complete else ["the model did not reach a conclusion by itself and was brought to it"]
    return [_signed(s, name, question, edits, model, gate) for s in subjects]


def _checked(what_if: dict[str, float] | None) -> dict[str, float]:
    """Edits as {"AU04": 0.0}. Raises InputError for an unknown unit or an intensity outside 0-5."""
    edits = {AU_NAMES[au_index(name)]: float(value) for name, value in (what_if or {}).items()}
    for name, value in edits.items():
        if not 0 <= value <= 5:
            raise InputError(f"what-if {name}={value:g}: intensity must be between 0 and 5")
    return edits


def _perceive(source, evidence, face: int | None, baseline: str | None) -> tuple:
    """Steps 1 to 3: name of the source, its media (None for AU tables) and the faces to explain."""
    if _is_table(source):
        name, seen = "AU table" if isinstance(source, AUSeries) else str(source), None
        subjects = [Subject(s) for s in _table(source)]
    else:
        seen, measured = _measure(source, baseline)
        name, subjects = seen.name, [Subject(series, track) for track, series in measured]
    if not subjects:
        raise NoFaceError(f"{name}: {NO_FACE}")
    subjects = _pick(subjects, face, name)
    if evidence is not None:
        _replace_evidence(subjects, evidence, name)
    for subject in subjects:
        subject.notices += seen.notices if seen is not None else []
    return name, seen, subjects


def _chips(seen, subject: Subject, size: int) -> np.ndarray | None:
    """Aligned chips [K, size, size, 3] at the subject's key frames; None without pixels."""
    if subject.track is None:
        return None
    times = subject.series.times[subject.key_frames]
    frames = [int(np.argmin(abs(subject.track.times - t))) for t in times]
    return faces_in.chips(seen, subject.track, frames, size)[0]


def measure_media(source, baseline: str | None = None) -> list[tuple[FaceTrack, AUSeries]]:
    """Faces and their action units, no language model. Raises NoFaceError when there are none."""
    seen, measured = _measure(source, baseline)
    if not measured:
        raise NoFaceError(f"{seen.name}: {NO_FACE}")
    return measured


def _measure(source, baseline: str | None) -> tuple:
    seen = media.read(source)
    tracks = faces_in.follow(seen)
    chosen = baseline or ("clip" if seen.kind == "clip" else "none")
    return seen, [(t, measure.series(t, chosen)) for t in tracks]


def _is_table(source) -> bool:
    from emollm import evidence

    if isinstance(source, AUSeries):
        return True
    if not isinstance(source, str) and not hasattr(source, "__fspath__"):
        return False
    return str(source).lower().endswith((".csv", ".json", ".tsv")) or evidence.looks_like_facs(str(source))


def _table(source) -> list[AUSeries]:
    from emollm import evidence

    if isinstance(source, AUSeries):
        return [source]
    return [evidence.parse_facs(str(source))] if evidence.looks_like_facs(str(source)) else evidence.read_all(source)


def _pick(subjects: list[Subject], face: int | None, name: str) -> list[Subject]:
    if face is None:
        if len(subjects) > 1:
            for s in subjects:
                s.notices.append(f"{len(subjects)} faces, left to right: this is face {s.series.face_id}")
        return subjects
    picked = [s for s in subjects if s.series.face_id == face]
    if not picked:
        there = ", ".join(str(s.series.face_id) for s in subjects)
        raise InputError(f"{name}: there is no face {face}; faces here: {there}")
    return picked


def _replace_evidence(subjects: list[Subject], evidence, name: str) -> None:
    """The user's own action units take the place of ours, for the one face they belong to."""
    given = _table(evidence)
    if len(subjects) != 1 or len(given) != 1:
        raise InputError(f"{name}: evidence of {len(given)} face(s) for {len(subjects)} face(s); pick one with face=N")
    subjects[0].series = dataclasses.replace(given[0], face_id=subjects[0].series.face_id)
    subjects[0].notices.append(f"action units were given, not measured here ({given[0].estimator})")


def _signed(s: Subject, name: str, question: str | None, edits: dict, model: str, gate: Gate | None) -> Explanation:
    """The subject's explanation, or "not enough to say" when its quality was too low, with where it came from."""
    series = s.series
    result = s.result or Explanation(
        face_id=series.face_id, events=s.events, evidence=series.to_dict(),
        box=[] if s.track is None else [round(float(v), 1) for v in s.track.boxes[0]],
        evidence_version=f"{series.estimator} {series.version}".strip(),
        notices=[f"not enough to say: {'; '.join(s.shortcomings(gate))}"])
    result.source, result.question, result.edits, result.model = name, question or prompt.DEFAULT_QUESTION, edits, model
    result.notices = s.notices + result.notices
    return result


@functools.lru_cache(maxsize=2)
def loaded(model: str):
    """(EmoLLM, EmoLLMProcessor) of a model, kept in memory."""
    from emollm.checkpoint import load

    return load(model)


class _Callable(types.ModuleType):
    """`emollm.explain` names this module and the function: calling the module calls the function."""

    def __call__(self, *args, **kwargs):
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
