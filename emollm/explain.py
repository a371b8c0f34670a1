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
import os
import sys
import types
from dataclasses import dataclass, field

import numpy as np

from emollm import face as faces_in
from emollm import measure, media, prompt
from emollm.bind import bind, edit, moments_only
from emollm.checkpoint import Shape, shape_of
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
    """One face on its way through explain(). What a long clip was measured from is not kept: only its moments are."""

    series: AUSeries
    track: FaceTrack | None = None
    events: list[AUEvent] = field(default_factory=list)
    key_frames: list[int] = field(default_factory=lambda: [0])  # positions in the series
    notices: list[str] = field(default_factory=list)
    chips: np.ndarray | None = None  # [K, S, S, 3] uint8; None without pixels
    refusal: list[str] = field(default_factory=list)  # why this face cannot be read; empty when it can
    picture: str = ""  # of a table of many pictures: the one that this face is in


@dataclass
class Prepared:
    """Steps 1 to 4 of one source, ready to be asked about any number of times; holds no picture beyond the chips."""

    name: str
    subjects: list[Subject]
    edits: dict[str, float] = field(default_factory=dict)
    sha256: str = ""  # of the media's bytes
    kind: str = "table"  # photo | clip | table

    @property
    def readable(self) -> list[Subject]:
        return [s for s in self.subjects if not s.refusal]


def explain(source, *, question: str | None = None, what_if: dict[str, float] | None = None,
            face: int | None = None, evidence=None, model: str = "pocket", grounded: bool = True,
            baseline: str | None = None, gate: Gate | None = Gate(), engine=None) -> list[Explanation]:
    """Why each face is commonly read the way it is.

    source: path, bytes, PIL image, RGB array, or an AU table (AUSeries, data frame, landmarks, or a path to one) when there
    are no pixels; a table of many pictures is explained picture by picture.
    question: asked instead of the default. what_if: {"AU04": 0.0} edits the evidence before the model sees it.
    face: only this face_id. evidence: a table of any of these kinds that replaces our measurement. baseline: none or clip
    (default: clip for clips). model: shipped name, folder or hub name. grounded: hold observation lines to the
    measurement. gate: quality limits, None turns them off. engine: who answers, instead of `model` (see engine.py).
    Returns one Explanation a face, left to right. Raises InputError, NoFaceError.
    """
    edits = checked(what_if)
    shape = engine.shape if engine else shape_of(model)
    prepared = prepare(source, shape, what_if=edits, face=face, evidence=evidence, baseline=baseline, gate=gate)
    if prepared.readable and engine is None:
        from emollm.engine import engine as engine_of  # torch only from here on: refusals and measuring stay light

        engine = engine_of(model)
    return answer([prepared], engine, [question], grounded=grounded, model=model)[0]


def prepare(source, shape: Shape, *, what_if: dict[str, float] | None = None, face: int | None = None, evidence=None,
            baseline: str | None = None, gate: Gate | None = Gate()) -> Prepared:
    """Steps 1 to 4 for every face of a source; arguments as explain(). Needs no torch. The key frames of a what-if are
    those of the measurement: the same moments, other evidence.

    Raises InputError, NoFaceError.
    """
    edits, cache = checked(what_if), faces_in.ChipCache(shape.chip_size)
    name, seen, subjects = _perceive(source, evidence, face, baseline, cache)  # 1 media.read 2 face.follow 3 measure.series
    for s in subjects:
        s.refusal = shortcomings(s, gate)
        if not s.refusal:  # 4 events.key_frames, and the chips of those moments
            s.events = find_events(s.series)
            s.key_frames = find_key_frames(s.series, s.events, shape.max_key_frames)
            s.chips = _chips(seen, s, cache)
        s.track = s.track and moments_only(s.track, s.series, s.events, s.key_frames)
    subjects = [edited(s, edits) for s in subjects]
    return Prepared(name, subjects, edits, **({} if seen is None else {"sha256": seen.sha256, "kind": seen.kind}))


def edited(s: Subject, edits: dict[str, float]) -> Subject:
    """The same face at the same moments with some of its action units set to other intensities (what-if)."""
    if not edits or s.refusal:
        return s
    series, events = edit(s.series, s.events, edits)
    return dataclasses.replace(s, series=series, events=events)


def answer(prepared: list[Prepared], engine, questions: list[str | None], grounded: bool = True,
           model: str = "") -> list[list[Explanation]]:
    """Steps 5 to 9 for many sources in one batch: their explanations, in order. `questions`: one a source."""
    asked = [q or prompt.DEFAULT_QUESTION for q in questions]  # 5 prompt.user_turn renders it
    good = [(s, q) for p, q in zip(prepared, asked, strict=True) for s in p.readable]
    given = iter(answers(engine, good, grounded))  # 6 processor.encode 7 model.generate
    explained = []
    for p, q in zip(prepared, asked, strict=True):
        results = [refused(s) if s.refusal else bound(s, next(given)) for s in p.subjects]  # 8 prompt.parse 9 bind
        explained.append([signed(s, r, p, q, model) for s, r in zip(p.subjects, results, strict=True)])
    return explained


def answers(engine, asked: list[tuple[Subject, str]], grounded: bool) -> list:
    """The engine's answer to each (readable face, question)."""
    if not asked:
        return []
    from emollm.processor import face_input

    inputs = [face_input(s.series, s.events, s.key_frames, s.chips) for s, _ in asked]
    observed = [prompt.observe(s.series, s.events) for s, _ in asked] if grounded else None
    return engine.answer(inputs, [q for _, q in asked], observed)


def bound(s: Subject, given) -> Explanation:
    """The explanation that a generated answer makes: read back, every claim checked and placed."""
    result = bind(prompt.parse(given.text), given.text, given.distribution, s.series, s.events, s.key_frames, s.track)
    if not given.complete:
        result.notices.append("the model did not reach a conclusion by itself and was brought to it")
    return result


def refused(s: Subject) -> Explanation:
    """ "Not enough to say": the explanation of a face whose quality was too low."""
    return Explanation(
        face_id=s.series.face_id, events=s.events, evidence=s.series.to_dict(),
        box=[] if s.track is None else [round(float(v), 1) for v in s.track.boxes[0]],
        evidence_version=f"{s.series.estimator} {s.series.version}".strip(),
        notices=[f"not enough to say: {'; '.join(s.refusal)}"])


def signed(s: Subject, result: Explanation, prepared: Prepared, question: str, model: str) -> Explanation:
    """The explanation with where it came from."""
    result.source, result.question, result.edits, result.model = s.picture or prepared.name, question, prepared.edits, model
    result.notices = s.notices + result.notices
    return result


def shortcomings(s: Subject, gate: Gate | None) -> list[str]:
    """Why this face cannot be read, in words; empty when it can."""
    units = int((s.series.measured & np.isfinite(s.series.intensity).any((0, 2))).sum())
    if gate is None or s.track is None:
        return [] if units or s.track is not None else ["the table holds no action unit"]
    quality = s.track.quality
    size, blur, visible = (float(np.median(v)) for v in (quality.size, quality.blur, quality.visible))
    turn = float(np.median(np.abs(s.track.pose[:, :2]).max(1)))
    found = [(size < gate.face_px, f"face only {size:.0f} px wide, {gate.face_px:.0f} needed"),
             (turn > gate.turn_degrees, f"head turned by {turn:.0f} degrees, at most {gate.turn_degrees:.0f}"),
             (blur < gate.sharpness, f"sharpness {blur:.2f}, {gate.sharpness:.2f} needed"),
             (visible < gate.visible, f"{visible:.0%} of the face in the picture, {gate.visible:.0%} needed"),
             (units < gate.measured_units, f"only {units} action units could be measured")]
    return [words for short, words in found if short]


def checked(what_if: dict[str, float] | None) -> dict[str, float]:
    """Edits as {"AU04": 0.0}. Raises InputError for an unknown unit or an intensity outside 0-5."""
    edits = {AU_NAMES[au_index(name)]: float(value) for name, value in (what_if or {}).items()}
    for name, value in edits.items():
        if not 0 <= value <= 5:
            raise InputError(f"what-if {name}={value:g}: intensity must be between 0 and 5")
    return edits


def _perceive(source, evidence, face: int | None, baseline: str | None, cache) -> tuple:
    """Steps 1 to 3: name of the source, its media (None for AU tables) and the faces to explain."""
    from emollm import evidence as tables

    if tables.is_table(source):
        name, seen = "AU table" if not isinstance(source, str | os.PathLike) else str(source), None
        subjects = _table(source, baseline, name)
    else:
        seen, measured = _measure(source, baseline, cache)
        name, subjects = seen.name, [Subject(series, track) for track, series in measured]
    if not subjects:
        raise NoFaceError(f"{name}: {NO_FACE}")
    given = None if evidence is None else tables.read_faces(evidence, seen and seen.fps, baseline)
    subjects = _pick(subjects, face, name, given)
    if given is not None:
        _replace_evidence(subjects, given, face, seen, name)
    for subject in subjects:
        subject.notices += seen.notices if seen is not None else []
    return name, seen, subjects


def _chips(seen, subject: Subject, cache: faces_in.ChipCache) -> np.ndarray | None:
    """Aligned chips [K, S, S, 3] at the subject's key frames; None without pixels."""
    if subject.track is None:
        return None
    times = subject.series.times[subject.key_frames]
    frames = [int(np.argmin(abs(subject.track.times - t))) for t in times]
    return faces_in.chips(seen, subject.track, frames, cache.size, cache)[0]


def measure_media(source, baseline: str | None = None) -> list[tuple[FaceTrack, AUSeries]]:
    """Faces and their action units, no language model. Raises NoFaceError when there are none."""
    seen, measured = _measure(source, baseline)
    if not measured:
        raise NoFaceError(f"{seen.name}: {NO_FACE}")
    return measured


def _measure(source, baseline: str | None, cache: faces_in.ChipCache | None = None) -> tuple:
    seen = source if isinstance(source, media.Media) else media.read(source)
    tracks = faces_in.follow(seen, cache=cache)
    chosen = baseline or ("clip" if seen.kind == "clip" else "none")
    return seen, [(t, measure.series(t, chosen)) for t in tracks]


def _table(source, baseline: str | None, name: str) -> list[Subject]:
    """The faces of a table without pixels. Raises NoFaceError when none of them was measured at any moment."""
    from emollm import evidence

    faces = evidence.read_faces(source, baseline=baseline)
    if not any(np.isfinite(face.series.intensity).any() for face in faces):
        rows = sum(len(face.series.times) for face in faces)
        raise NoFaceError(f"{name}: no frame was measured: none of its {rows} rows holds a face.")
    pictures = list(dict.fromkeys(face.picture for face in faces))
    if len(pictures) == 1:
        return [Subject(face.series, notices=[*face.series.notices]) for face in faces]
    which = {picture: f"picture {k} of {len(pictures)} in {name}" for k, picture in enumerate(pictures, 1)}
    return [Subject(face.series, notices=[*face.series.notices, which[face.picture]], picture=face.picture) for face in faces]


def _pick(subjects: list[Subject], face: int | None, name: str, given: list | None = None) -> list[Subject]:
    """The faces to explain: all, or the one picked. Where a picture has one face, `face` may name one of the evidence."""
    if face is None:
        _number(subjects)
        return subjects
    picked = [s for s in subjects if s.series.face_id == face]
    if not picked and len(subjects) == 1 and face in {other.series.face_id for other in given or []}:
        return subjects
    if not picked:
        there = ", ".join(str(s.series.face_id) for s in subjects)
        raise InputError(f"{name}: there is no face {face}; faces here: {there}")
    return picked


def _number(subjects: list[Subject]) -> None:
    """Say which of several faces in one picture each is."""
    for s in subjects:
        beside = [other for other in subjects if other.picture == s.picture]
        order = ", left to right" if s.track is not None else ""
        if len(beside) > 1:
            s.notices.append(f"{len(beside)} faces{order}: this is face {s.series.face_id}")


def _replace_evidence(subjects: list[Subject], given: list, face: int | None, seen, name: str) -> None:
    """The user's own action units take the place of ours, face by face. A face that the table lacks keeps our measurement."""
    from emollm.evidence import whose

    given, said = whose.of_picture(given, name)
    if not any(np.isfinite(other.series.intensity).any() for other in given):
        raise NoFaceError(f"{name}: no frame was measured: the evidence holds no face.")
    ids, tracks = [s.series.face_id for s in subjects], [s.track for s in subjects]
    span = None if seen is None else (0.0, max([seen.duration, *(float(t.times[-1]) for t in tracks)]))
    for s, (own, how) in zip(subjects, whose.match(given, ids, tracks, face, name), strict=True):
        if own is None:
            s.notices.append("the evidence has no face at this place; it was measured here")
            continue
        series, in_time = whose.in_time(own.series, span, name)
        s.series = dataclasses.replace(series, face_id=s.series.face_id)
        told = f", matched {how}" if how else ""
        s.notices.append(f"action units were given, not measured here ({series.estimator}{told})")
        s.notices += [*series.notices, *said, *in_time]


class _Callable(types.ModuleType):
    """`emollm.explain` names this module and the function: calling the module calls the function."""

    def __call__(self, *args, **kwargs):
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
