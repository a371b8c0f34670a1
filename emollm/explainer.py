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
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emollm import python_inputs
from emollm.answer import prompt
from emollm.answer.bind_answer import argue, bind, cut_to_moments
from emollm.answer.mend import MendedAnswer, mend
from emollm.evidence import face_matching, read_faces
from emollm.explanation import Explanation, Explanations
from emollm.model.checkpoint import Shape, shape_of
from emollm.perception import face as faces_in
from emollm.perception import media
from emollm.perception.events import events as find_events
from emollm.perception.events import key_frames as find_key_frames
from emollm.perception.limits import Cut
from emollm.perception.measure import series as measured_series
from emollm.schema import (
    BASELINES,
    DEFAULT_MODEL,
    DEFAULT_PRIOR,
    MAIN,
    AUEvent,
    AUSeries,
    FaceTrack,
    InputError,
    NoFaceError,
)
from emollm.subject import (
    AS_IT_IS,
    DEFAULT_GATE,
    PreparedSource,
    QualityGate,
    Subject,
    Viewing,
    edit_subject,
    no_such_face,
    prior_notice,
    prominence,
    shortcomings,
)
from emollm.what_if import check_edits

if TYPE_CHECKING:
    from emollm.model.engine import Engine

NO_FACE = "no face could be measured. Use a picture with a larger, less turned and unobstructed face."


def explain(source: object, *, question: str | None = None, what_if: dict[str, float] | list[str] | None = None,
            face: int | str | None = None, evidence: object = None, model: str = DEFAULT_MODEL, grounded: bool = True,
            baseline: object = None, crops: bool = False, gate: QualityGate | None = DEFAULT_GATE,
            start: float | None = None, end: float | None = None, fps: float | None = None, skip_frames: int | None = None,
            checked: bool = True, max_faces: int | None = None, prior: str = DEFAULT_PRIOR,
            engine: Engine | None = None) -> Explanations:
    """Why each face is commonly read the way it is.

    source: path, data URL, bytes, open binary file, PIL image, array or tensor; an AU table (path, data frame, dict of
    units, AUSeries, landmarks) when there are no pixels; or a list of these. A table of many pictures is explained picture by
    picture. question: asked instead of the default. what_if: {"AU04": 0.0} or ["AU04=0"] edits the evidence before the model
    sees it. face: only this face_id, or "main": the one that is longest there, largest and most central. max_faces: at most
    so many of a source, the main ones. evidence: a table of any of these kinds that replaces our measurement. baseline: what
    counts as this face at rest, none, clip (default for clips), or a picture of it. model: shipped name, folder or hub name.
    grounded: hold observation lines to the measurement. crops: photos are face crops, as FER data sets hold them: taken
    whole, whatever their size, and read from the look alone when no mesh fits. gate: quality limits, None turns them off.
    start, end (s), fps, skip_frames: the part of a clip that is read, about so many frames a second or every so manieth;
    times stay the clip's own. checked: leave out sentences that the measurement contradicts. prior: how common the labels
    are taken to be, "crowd" (as in pictures from web search) or "balanced" (all alike). engine: who answers, instead of
    `model` (model/engine.py).
    Returns one Explanation a face, left to right, in the order of the sources. Raises InputError, NoFaceError.
    """
    edits = check_edits(what_if)
    if not isinstance(question, str | None):
        raise InputError(f"question={question!r:.40}: give a text, or leave it out")
    shape = engine.shape if engine else shape_of(model)
    viewed = vars(Viewing(rest_of(baseline), crops, Cut(start, end, fps, skip_frames), max_faces, prior))
    prepared = [prepare(one, shape, what_if=edits, face=face, evidence=evidence, gate=gate, **viewed)
                for one in python_inputs.list_sources(source)]
    if engine is None and any(p.readable_subjects for p in prepared):
        from emollm.model.engine import engine as engine_of  # torch only from here on: refusals and measuring stay light

        engine = engine_of(model)
    return Explanations(explanation for p in prepared
                        for explanation in answer([p], engine, [question], grounded=grounded, model=model,
                                              checked=checked)[0])


def prepare(source, shape: Shape, *, what_if: dict[str, float] | list[str] | None = None, face: int | str | None = None,
            evidence=None, gate: QualityGate | None = DEFAULT_GATE, still: bool = False, **viewed) -> PreparedSource:
    """Steps 1 to 4 for every face of a source; arguments as explain(). Needs no torch. The key frames of a what-if are
    those of the measurement: the same moments, other evidence. still: take a moving picture (GIF, APNG, WebP, AVIF) for a
    photo. viewed: fields of subject.Viewing.

    Raises InputError, NoFaceError.
    """
    viewing, edits, cache = Viewing(**viewed), check_edits(what_if), faces_in.ChipCache(shape.chip_size)
    gate = dataclasses.replace(gate, face_px=0) if viewing.crops and gate else gate
    given, face = python_inputs.to_source(source), python_inputs.face_number(face)
    seen = python_inputs.open_media(given, viewing.cut, still)  # 1 media.read
    name, subjects = _perceive(given, seen, evidence, face, viewing, cache)  # 2 face.follow 3 measure.series
    for s in subjects:
        s.refusal, s.prior = shortcomings(s, gate), viewing.prior
        if not s.refusal:  # 4 events.key_frames, and the chips of those moments
            s.events = find_events(s.series)
            s.key_frames = find_key_frames(s.series, s.events, shape.max_key_frames)
            s.chips = _chips(seen, s, cache)
        s.track = s.track and cut_to_moments(s.track, s.series, s.events, s.key_frames)
    subjects = [edit_subject(s, edits) for s in subjects]
    return PreparedSource(name, subjects, edits, **({} if seen is None else {"sha256": seen.sha256, "kind": seen.kind}))


def answer(prepared: list[PreparedSource], engine, questions: list[str | None], grounded: bool = True,
           model: str = "", checked: bool = True) -> list[list[Explanation]]:
    """Steps 5 to 9 for many sources in one batch: their explanations, in order. `questions`: one a source. checked: as
    explain()."""
    asked = [q or prompt.DEFAULT_QUESTION for q in questions]  # 5 prompt.user_turn renders it
    good = [(s, q) for p, q in zip(prepared, asked, strict=True) for s in p.readable_subjects]
    replies = iter(answers(engine, good, grounded))  # 6 processor.encode 7 model.generate
    explained = []
    for p, q in zip(prepared, asked, strict=True):
        # 8 prompt.parse 9 bind
        results = [refusal(s) if s.refusal else explanation_of(s, next(replies), checked) for s in p.subjects]
        explained.append([sign(s, r, p, q, model) for s, r in zip(p.subjects, results, strict=True)])
    return explained


def answers(engine, asked: list[tuple[Subject, str]], grounded: bool) -> list:
    """The engine's answer to each (readable face, question)."""
    if not asked:
        return []
    from emollm.model.processor import face_input

    inputs = [face_input(s.series, s.events, s.key_frames, s.chips, s.seen, s.prior) for s, _ in asked]
    observed = [prompt.observe(s.series, s.events) for s, _ in asked] if grounded else None
    return engine.answer(inputs, [q for _, q in asked], observed)


def explanation_of(s: Subject, reply, checked: bool = True) -> Explanation:
    """The explanation that a generated answer makes: read back, every claim checked and placed. checked: sentences that the
    measurement contradicts are left out."""
    mended = mend(reply.text, s.series, s.events, reply.distribution) if checked else MendedAnswer(reply.text)
    result = bind(prompt.parse(mended.text), mended.text, reply.distribution, s.series, s.events, s.key_frames, s.track)
    result.left_out = mended.left_out
    if not reply.complete:
        result.notices.append("the model did not reach a conclusion by itself and was brought to it")
    argue(result, s.series, reply.look if s.chips is not None else {})
    return result


def refusal(s: Subject) -> Explanation:
    """ "Not enough to say": the explanation of a face whose quality was too low."""
    return Explanation(
        face_id=s.series.face_id, events=s.events, evidence=s.series.to_dict(),
        box=[] if s.track is None else [round(float(v), 1) for v in s.track.boxes[0]],
        evidence_version=f"{s.series.estimator} {s.series.version}".strip(),
        notices=[f"not enough to say: {'; '.join(s.refusal)}"])


def no_face_explanation(name: str, reason: str, question: str | None, edits: dict[str, float] | None,
                        model: str) -> Explanation:
    """The explanation of a source in which no face could be measured. reason: of the NoFaceError."""
    return Explanation(source=name, question=question or prompt.DEFAULT_QUESTION, edits=edits or {}, notices=[reason],
                       model=model)


def sign(s: Subject, result: Explanation, prepared: PreparedSource, question: str, model: str) -> Explanation:
    """The explanation with where it came from."""
    result.source, result.question, result.edits, result.model = s.picture or prepared.name, question, prepared.edits, model
    result.notices = s.notices + result.notices + prior_notice(s)
    return result


def _perceive(source: python_inputs.GivenSource, seen: media.Media | None, evidence, face: int | str | None, viewing: Viewing,
              cache: faces_in.ChipCache) -> tuple[str, list[Subject]]:
    """Steps 2 and 3: name of the source and the faces to explain. seen: its media, None for AU tables."""
    if seen is None:
        name = source.source if isinstance(source.source, str) else source.name or "AU table"
        subjects = _table(source.source, viewing.baseline, name)
    else:
        name, subjects = seen.name, _measure(seen, viewing, cache)
        if viewing.crops and seen.kind == "photo" and not subjects:
            subjects = [_look_only_subject(seen, cache.size)]
    if not subjects:
        raise NoFaceError(f"{name}: {NO_FACE}")
    table_faces = None if evidence is None else read_faces(evidence, seen and seen.fps, viewing.baseline)
    subjects = _keep_prominent(_pick(subjects, face, name, table_faces), viewing.max_faces)
    face = subjects[0].series.face_id if face == MAIN else face
    if table_faces is not None:
        _replace_evidence(subjects, table_faces, face, seen, name)
    return name, subjects


def _look_only_subject(seen: media.Media, size: int) -> Subject:
    """A face crop that no mesh fits: the whole picture is its chip, and nothing is measured."""
    import cv2

    ((_, _, picture),) = seen.frames()
    chip = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return Subject(AUSeries.unmeasured(), chips=chip[None], notices=["no mesh fits this face crop: nothing is measured, the "
                                                                     "reading rests on the look alone", *seen.notices])


def _chips(seen, subject: Subject, cache: faces_in.ChipCache) -> np.ndarray | None:
    """Aligned chips [K, S, S, 3] at the subject's key frames; None without pixels."""
    if subject.track is None:
        return subject.chips
    times = subject.series.times[subject.key_frames]
    frames = [int(np.argmin(abs(subject.track.times - t))) for t in times]
    return faces_in.chips(seen, subject.track, frames, cache.size, cache)[0]


@dataclass
class MeasuredFace:
    """One face of a photo or clip: its action units over time, their movements, and where it was."""

    series: AUSeries
    events: list[AUEvent]
    track: FaceTrack


def measure(source: object, *, baseline: object = None, crops: bool = False, start: float | None = None,
            end: float | None = None, fps: float | None = None, skip_frames: int | None = None,
            max_faces: int | None = None) -> list[MeasuredFace]:
    """Action units of every face, left to right, without reading them: no language model, no torch.

    source: as explain(), a photo or clip or a list of them. baseline, start, end, fps, skip_frames, max_faces: as explain().
    crops: photos are face crops. Raises InputError, NoFaceError.
    """
    viewing = Viewing(rest_of(baseline), crops, Cut(start, end, fps, skip_frames), max_faces)
    return [face for given in python_inputs.list_sources(source) for face in _faces(given, viewing)]


def rest_of(baseline: object) -> str | AUSeries | None:
    """A baseline as Viewing takes it: what is measured of a picture of a face at rest, anything else as it is.

    Raises InputError for what is neither none nor clip nor such a picture.
    """
    if baseline is None or isinstance(baseline, AUSeries) or (isinstance(baseline, str) and baseline in BASELINES):
        return baseline
    if isinstance(baseline, str) and not os.path.exists(baseline) and ":" not in baseline:
        raise InputError(f"baseline '{baseline}': no such file. Give {', '.join(BASELINES)}, or a picture of the same face at "
                         "rest")
    given = python_inputs.to_source(baseline, "the picture at rest")
    try:
        faces = _faces(given, AS_IT_IS)
    except InputError as error:
        raise InputError(f"baseline: {error}") from None
    return resting_face(str(given.name or given.source), [face.series for face in faces])


def resting_face(name: str, faces: list[AUSeries]) -> AUSeries:
    """The one face measured in a picture of a face at rest. Raises InputError where there are more, or nothing is measured."""
    if len(faces) != 1:
        raise InputError(f"baseline: {name} shows {len(faces)} faces. Give a picture of the one face at rest, or cut it out.")
    if not np.isfinite(faces[0].intensity).any():
        raise InputError(f"baseline: nothing could be measured in {name}. Give a sharp, frontal picture of the face at rest.")
    return faces[0]


def _faces(given: python_inputs.GivenSource, viewing: Viewing) -> list[MeasuredFace]:
    seen = python_inputs.open_media(given, viewing.cut)
    if seen is None:
        named = given.source if isinstance(given.source, str) else given.name or type(given.source).__name__
        raise InputError(f"{named}: this is a table of action units, nothing is left to measure. Give a photo or clip.")
    subjects = _measure(seen, viewing)
    if not subjects:
        raise NoFaceError(f"{seen.name}: {NO_FACE}")
    for s in subjects:
        s.series.notices = s.notices  # wherever the series goes, what is said of it goes with it
    return [MeasuredFace(s.series, find_events(s.series), s.track) for s in _keep_prominent(subjects, viewing.max_faces)]


def tracks_of(seen: media.Media, max_faces: int | None = None, **options) -> list[FaceTrack]:
    """Every face of a photo or clip as it is measured and numbered here. options: of perception.face.follow."""
    return faces_in.follow(seen, max_faces=max(faces_in.AT_A_TIME, max_faces or 0), **options)


def _measure(seen: media.Media, viewing: Viewing, cache: faces_in.ChipCache | None = None) -> list[Subject]:
    tracks = tracks_of(seen, viewing.max_faces, cache=cache, crops=viewing.crops)
    chosen = viewing.baseline or ("clip" if seen.kind == "clip" else "none")
    measured = [(measured_series(track, chosen), track) for track in tracks]
    held = [_rest_notice(len(tracks))] if isinstance(chosen, AUSeries) else []
    return [Subject(series, track, notices=[*series.notices, *held, *seen.notices]) for series, track in measured]


def _rest_notice(faces: int) -> str:
    several = f"; each of the {faces} faces here is held against that one" if faces > 1 else ""
    return f"measured against a picture of the face at rest{several}"


def _table(source, baseline: str | AUSeries | None, name: str) -> list[Subject]:
    """The faces of a table without pixels. Raises NoFaceError when none of them was measured at any moment."""
    faces = read_faces(source, baseline=baseline)
    if not any(np.isfinite(face.series.intensity).any() for face in faces):
        rows = sum(len(face.series.times) for face in faces)
        raise NoFaceError(f"{name}: no frame was measured: none of its {rows} rows holds a face.")
    pictures = list(dict.fromkeys(face.picture for face in faces))
    if len(pictures) == 1:
        return [Subject(face.series, notices=[*face.series.notices]) for face in faces]
    which = {picture: f"picture {k} of {len(pictures)} in {name}" for k, picture in enumerate(pictures, 1)}
    return [Subject(face.series, notices=[*face.series.notices, which[face.picture]], picture=face.picture) for face in faces]


def _keep_prominent(subjects: list[Subject], max_faces: int | None) -> list[Subject]:
    """The most prominent faces, in the order they were in; what is left out is counted in their notices."""
    if max_faces is None or len(subjects) <= max_faces:
        return subjects
    kept = sorted(subjects, key=prominence, reverse=True)[:max_faces]
    for s in kept:
        s.notices.append(f"{len(subjects) - max_faces} of {len(subjects)} faces are left out (max_faces={max_faces})")
    return [s for s in subjects if any(s is k for k in kept)]


def _pick(subjects: list[Subject], face: int | str | None, name: str, table_faces: list | None = None) -> list[Subject]:
    """The faces to explain: all, or the one picked; "main", the most prominent. Where a picture has one face, `face` may name
    one of the evidence."""
    if face is None:
        _number(subjects)
        return subjects
    if face == MAIN:
        _number(subjects)
        return [max(subjects, key=prominence)]
    picked = [s for s in subjects if s.series.face_id == face]
    if not picked and len(subjects) == 1 and face in {other.series.face_id for other in table_faces or []}:
        return subjects
    if not picked:
        raise InputError(no_such_face(name, face, subjects))
    return picked


def _number(subjects: list[Subject]) -> None:
    """Say which of several faces in one picture each is."""
    for s in subjects:
        beside = [other for other in subjects if other.picture == s.picture]
        order = " measured, left to right" if s.track is not None else ""
        if len(beside) > 1:
            s.notices.append(f"{len(beside)} faces{order}: this is face {s.series.face_id}")


def _replace_evidence(subjects: list[Subject], table_faces: list, face: int | None, seen, name: str) -> None:
    """The user's own action units take the place of ours, face by face. A face that the table lacks keeps our measurement."""
    table_faces, notices = face_matching.faces_of_picture(table_faces, name)
    if not any(np.isfinite(other.series.intensity).any() for other in table_faces):
        raise NoFaceError(f"{name}: no frame was measured: the evidence holds no face.")
    ids, tracks = [s.series.face_id for s in subjects], [s.track for s in subjects]
    span = None if seen is None else (0.0, max([seen.duration, *(float(t.times[-1]) for t in tracks)]))
    for s, (match, how) in zip(subjects, face_matching.match(table_faces, ids, tracks, face, name), strict=True):
        if match is None:
            s.notices.append("the evidence has no face at this place; it was measured here")
            continue
        series, in_time = face_matching.cut_to_clip(match.series, span, name)
        s.seen, s.series = s.series, dataclasses.replace(series, face_id=s.series.face_id)
        told = f", matched {how}" if how else ""
        s.notices.append(f"action units were given, not measured here ({series.estimator}{told})")
        s.notices += [*series.notices, *notices, *in_time]
