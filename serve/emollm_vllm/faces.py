"""From what was measured in a file to the one face that a prompt is about."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np

from emollm.explain import Prepared, Subject, checked, edited
from emollm.processor import FaceInput
from emollm.schema import AU_NAMES, AUSeries, InputError, NoFaceError, au_index

# What a request may say about each of its pictures and clips, in their order (mm_processor_kwargs).
CHOICES = ("face", "au", "what_if")


def choose(prepared: Prepared, face: int | None = None, au: Mapping | None = None, what_if: Mapping | None = None) -> Subject:
    """The face a prompt is about: `face` by its face_id, otherwise the largest that can be read.

    au: {"AU12": 3.0, "AU06": [2.0, 1.0]} replaces the measurement (0-5, or [left, right]); all other units count as not
    measured. what_if: {"AU04": 0.0} edits it. Raises InputError, NoFaceError.
    """
    subjects = [s for s in prepared.subjects if face is None or s.series.face_id == face]
    if not subjects:
        there = ", ".join(str(s.series.face_id) for s in prepared.subjects)
        raise InputError(f"{prepared.name}: there is no face {face}; faces here: {there}")
    readable = [s for s in subjects if not s.refusal]
    if not readable:
        raise NoFaceError(f"{prepared.name}: not enough to say: {'; '.join(subjects[0].refusal)}. Use a larger, sharper, "
                          "less turned picture of the face.")
    subject = max(readable, key=_size)
    if au is not None:
        subject = dataclasses.replace(subject, series=given(subject.series, au), events=[])
    return edited(subject, checked(_numbers(what_if, "what_if")))


def _size(subject: Subject) -> float:
    return 0.0 if subject.track is None else float(np.median(subject.track.quality.size))


def _numbers(values: Mapping | None, name: str) -> dict[str, float]:
    try:
        return {str(k): float(v) for k, v in (values or {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(f'{name} must be an object of action units and intensities, such as {{"AU04": 0.0}}') from None


def given(series: AUSeries, au: Mapping) -> AUSeries:
    """Action units as the client states them, over the whole of the series; the others are not measured."""
    intensity, measured = np.full_like(series.intensity, np.nan), np.zeros(len(AU_NAMES), bool)
    try:
        stated = {au_index(k): np.broadcast_to(np.asarray(v, float), 2) for k, v in au.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError('au must be an object of action units and intensities, such as {"AU12": 3.0, "AU06": [2.0, 1.0]}'
                         ) from None
    for k, sides in stated.items():
        if not ((sides >= 0) & (sides <= 5)).all():
            raise InputError(f"au {AU_NAMES[k]}: intensity must be between 0 and 5")
        intensity[:, k], measured[k] = sides, True
    if not measured.any():
        raise InputError('au names no action unit; give at least one, such as {"AU12": 3.0}, or leave it out')
    confidence = np.tile(measured.astype(float), (len(series.times), 1))
    return dataclasses.replace(series, intensity=intensity, measured=measured, confidence=confidence, estimator="client",
                               baseline="none", version="")


def fingerprint(item: Prepared | FaceInput) -> str:
    """Content hash of what the model is given: the media's bytes and edits, or the face's own numbers and pixels."""
    if isinstance(item, Prepared):
        return f"{item.sha256}-{sorted(item.edits.items())}"
    digest = hashlib.sha256()
    for array in (item.au, item.times, item.peaks, item.measured, *([] if item.chips is None else [item.chips])):
        digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
