"""From what was measured in a file to the one face that a prompt is about."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np

from emollm.evidence.stated_levels import is_number, unit_of
from emollm.model.processor import FaceInput
from emollm.schema import AU_NAMES, AUSeries, InputError
from emollm.subject import PreparedSource, Subject, apply_prior, choose, edit_subject, state_units
from emollm.what_if import check_edits
from emollm_vllm.plugin.request_places import Place

MAX_FACE_ID, MAX_SECONDS = 1000, 86_400
EXPECTED = {  # of an AUSeries that a client states
    "times": f"seconds from 0 to {MAX_SECONDS} are expected, each later than the one before",
    "intensity": "0 to 5 or null is expected", "confidence": "0 to 1 is expected",
    "measured": "true or false is expected for each action unit",
    "estimator, baseline and version": "texts of at most 100 characters are expected",
    "face_id": f"a whole number from 0 to {MAX_FACE_ID} is expected"}


@dataclasses.dataclass(frozen=True)
class SentMedia:
    """What was measured in a picture or clip, and where it stands in the request that sent it."""

    prepared: PreparedSource
    place: Place


def choose_subject(prepared: PreparedSource, face: int | None = None, au: Mapping | None = None,
                   what_if: Mapping | None = None, prior: str | None = None) -> Subject:
    """The face a prompt is about: `face` by its face_id, otherwise the main one that can be read.

    au: {"AU12": 3.0, "AU06": [2.0, 1.0]} replaces the measurement (0-5, or [left, right]); all other units count as not
    measured. what_if: {"AU04": 0.0} edits it. prior: of schema.PRIORS; None: the one it was prepared with. Raises InputError,
    NoFaceError.
    """
    if face is not None and (isinstance(face, bool) or not isinstance(face, int)):
        raise InputError("face must be the whole number of a face, such as 0")
    subject = choose(prepared, face)
    if au is not None:
        subject = state_units(subject, au)
    subject = edit_subject(subject, edits(what_if))
    return subject if prior is None else apply_prior(subject, prior)


def edits(what_if: Mapping | None) -> dict[str, float]:
    """What-if edits as a client states them, as {"AU04": 0.0}. Raises InputError."""
    if not isinstance(what_if or {}, Mapping) or not all(map(is_number, (what_if or {}).values())):
        raise InputError('what_if must be an object of action units and intensities, such as {"AU04": 0.0}')
    return check_edits({AU_NAMES[unit_of(k)]: v for k, v in (what_if or {}).items()})


def state_series(stored: Mapping) -> AUSeries:
    """An AUSeries as a client states it, every number in its range. Raises InputError."""
    try:
        series = AUSeries.from_dict(stored)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise InputError("evidence is not an AUSeries; `emollm measure photo.jpg -o series.json` writes one") from None
    times, steps = series.times, np.diff(series.times, axis=0)
    texts = (series.estimator, series.baseline, series.version)
    in_range = {
        "times": times.ndim == 1 and ((times >= 0) & (times <= MAX_SECONDS)).all() and (steps > 0).all(),
        "intensity": ~((series.intensity < 0) | (series.intensity > 5)).any(),
        "confidence": ((series.confidence >= 0) & (series.confidence <= 1)).all(),
        "measured": all(isinstance(m, bool) for m in stored["measured"]),
        "estimator, baseline and version": all(isinstance(t, str) and len(t) <= 100 for t in texts),
        "face_id": type(series.face_id) is int and 0 <= series.face_id <= MAX_FACE_ID,
    }
    if wrong := [name for name, good in in_range.items() if not good]:
        raise InputError(f"evidence.{wrong[0]}: {EXPECTED[wrong[0]]}")
    return series


def fingerprint(item: SentMedia | PreparedSource | FaceInput) -> str:
    """Content hash of what the model is given: the media's bytes and edits, or the face's own numbers and pixels."""
    item = item.prepared if isinstance(item, SentMedia) else item
    if isinstance(item, PreparedSource):
        return f"{item.sha256}-{sorted(item.edits.items())}"
    digest = hashlib.sha256()
    for array in (item.au, item.times, item.peaks, item.measured, *([] if item.chips is None else [item.chips])):
        digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
