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
from emollm.schema import AUEvent, AUSeries, Explanation, FaceTrack, InputError, NoFaceError, au_index


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
    for name, value in (what_if or {}).items():
        au_index(name)
        if not 0 <= float(value) <= 5:
            raise InputError(f"what-if {name}={value}: intensity must be between 0 and 5")
    limit = loaded(model)[0].config.max_key_frames
    name, seen, subjects = _subjects(source, evidence, face, baseline, limit)  # steps 1-4
    done = {id(s): _refusal(s, gate) for s in subjects}
    asked = [s for s in subjects if done[id(s)] is None]
    if asked:
        for subject, explanation in zip(asked, _answer(asked, seen, question, what_if, model, grounded), strict=True):
            done[id(subject)] = explanation
    results = [done[id(s)] for s in subjects]
    for subject, result in zip(subjects, results, strict=True):
        result.source, result.question = name, question or prompt.DEFAULT_QUESTION
        result.edits = {k: float(v) for k, v in (what_if or {}).items()}
        result.model = model
        result.notices = subject.notices + result.notices
    return results


def _subjects(source, evidence, face: int | None, baseline: str | None, limit: int) -> tuple:
    """Steps 1 to 4: what is there to explain. Returns the source's name, the media (None for tables), the subjects."""
    if _is_table(source):
        series = _table(source)
        subjects, seen, name = [Subject(s) for s in series], None, str(getattr(source, "name", source))
        name = "AU table" if isinstance(source, AUSeries) else name
    else:
        seen, measured = _measure(source, baseline)
        name, subjects = seen.name, [Subject(series, track) for track, series in measured]
        if not subjects:
            raise NoFaceError(f"{name}: no face could be measured. Use a picture with a larger, less turned, "
                              "unobstructed face.")
    subjects = _pick(subjects, face, name)
    if evidence is not None:
        _replace_evidence(subjects, evidence, name)
    for subject in subjects:
        subject.events = find_events(subject.series)
        subject.key_frames = find_key_frames(subject.series, subject.events, limit)
        subject.notices += seen.notices if seen is not None else []
    return name, seen, subjects


def measure_media(source, baseline: str | None = None) -> list[tuple[FaceTrack, AUSeries]]:
    """Faces and their action units, no language model. Raises NoFaceError when there are none."""
    seen, measured = _measure(source, baseline)
    if not measured:
        raise NoFaceError(f"{seen.name}: no face could be measured. Use a picture with a larger, less turned face.")
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

    return [source] if isinstance(source, AUSeries) else evidence.read_all(source)


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
    subjects[0].series = given[0]
    subjects[0].notices.append(f"action units were given, not measured here ({given[0].estimator})")


def _refusal(subject: Subject, gate: Gate | None) -> Explanation | None:
    """An Explanation without a label when the face cannot be measured well enough, else None."""
    reasons = [] if gate is None else _shortcomings(subject, gate)
    if not reasons:
        return None
    track, series = subject.track, subject.series
    return Explanation(face_id=series.face_id, events=subject.events, evidence=series.to_dict(),
                       box=[] if track is None else [round(float(v), 1) for v in track.boxes[0]],
                       evidence_version=f"{series.estimator} {series.version}".strip(),
                       notices=[f"not enough to say: {'; '.join(reasons)}"])


def _shortcomings(subject: Subject, gate: Gate) -> list[str]:
    reasons, track = [], subject.track
    visible_units = int((subject.series.measured & np.isfinite(subject.series.intensity).any((0, 2))).sum())
    if track is not None:
        turn = float(np.median(np.abs(track.pose[:, :2]).max(1)))
        checks = (("face only {:.0f} px wide, {:.0f} needed", float(np.median(track.quality.size)), gate.face_px, 1),
                  ("head turned by {:.0f} degrees, at most {:.0f}", turn, gate.turn_degrees, -1),
                  ("sharpness {:.2f}, {:.2f} needed", float(np.median(track.quality.blur)), gate.sharpness, 1),
                  ("{:.0%} of the face in the picture, {:.0%} needed", float(np.median(track.quality.visible)),
                   gate.visible, 1))
        reasons += [text.format(value, bound) for text, value, bound, sign in checks if sign * value < sign * bound]
        if visible_units < gate.measured_units:
            reasons.append(f"only {visible_units} action units could be measured")
    elif not visible_units:
        reasons.append("the table holds no action unit")
    return reasons


def _answer(subjects: list[Subject], seen, question, what_if, model: str, grounded: bool) -> list[Explanation]:
    """Steps 5 to 9 for all faces at once."""
    from emollm.generate import generate
    from emollm.processor import face_input

    network, processor = loaded(model)
    for s in subjects:
        s.series, s.events = edit(s.series, s.events, what_if or {})
        if s.track is not None:
            frames = [int(np.argmin(abs(s.track.times - s.series.times[k]))) for k in s.key_frames]
            s.chips = faces_in.chips(seen, s.track, frames, processor.chip_size)[0]
    inputs = [face_input(s.series, s.events, s.key_frames, s.chips) for s in subjects]
    questions = [question or prompt.DEFAULT_QUESTION] * len(subjects)
    observed = [prompt.observe(s.series, s.events) for s in subjects] if grounded else None
    answers = generate(network, processor, inputs, questions, observed)
    results = [bind(a.text, a.distribution, s.series, s.events, s.key_frames, s.track)
               for a, s in zip(answers, subjects, strict=True)]
    for answer, result in zip(answers, results, strict=True):
        if not answer.complete:
            result.notices.append("the answer was too long and was brought to its conclusion")
    return results


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
