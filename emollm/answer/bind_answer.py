"""Bind an answer to what was measured: claims with verdicts, regions and moments; and edits of the evidence."""

from __future__ import annotations

import dataclasses

import numpy as np

from emollm.answer import prompt, verify
from emollm.answer.phases import phases_and_affect
from emollm.answer.support import support
from emollm.answer.witnesses import conflict, movements, witness_sentence
from emollm.explanation import Explanation, is_close
from emollm.facs.affect import affect
from emollm.facs.readings import region_patches, region_polygon
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, LABELS, AUEvent, AUSeries, FaceTrack, au_index


def bind(answer: prompt.Answer, text: str, distribution: dict[str, float], series: AUSeries, events: list[AUEvent],
         key_frames: list[int], track: FaceTrack | None) -> Explanation:
    """Explanation of one face from the model's answer. Regions need a track; without one (AU tables) they stay empty."""
    checked = verify.check(answer, text, series, events, distribution)
    for claim in checked.claims:
        _place(claim, series, events, track)
    ranked = sorted(LABELS, key=lambda label: -distribution[label])
    return Explanation(
        face_id=series.face_id, label=answer.label, distribution=distribution,
        confidence=distribution.get(answer.label, 0.0), alternatives=ranked[1:3 if is_close(distribution) else 2], text=text,
        observations=answer.observations_text, interpretation=answer.interpretation, conclusion=answer.conclusion,
        claims=checked.claims, coverage=checked.coverage, unchecked=checked.unchecked, faults=checked.faults, events=events,
        evidence=series.to_dict(), key_frames=[float(series.times[k]) for k in key_frames],
        box=[] if track is None else _box(track, _nearest_frame(track, series, key_frames[0])),
        evidence_version=f"{series.estimator} {series.version}".strip(),
        notices=[f"the answer has a part outside the grammar: {p}" for p in answer.problems])


def argue(result: Explanation, series: AUSeries, look: dict[str, float]) -> None:
    """Add what the label rests on: the two witnesses, and what the tables say for and against it, with a sentence.

    look: the model's own distribution; empty without pixels.
    """
    witness = movements(series, None, bool(look))
    own = np.array([look[label] for label in LABELS]) if look else witness.given
    result.witnesses = {"look": look, "movements": dict(zip(LABELS, witness.given.round(4).tolist(), strict=True)),
                        "conflict": round(conflict(own, witness.given), 4)}
    result.phases, result.affect_track = phases_and_affect(series)
    if result.label is not None:
        result.affect = {name: [round(v, 2) for v in value] if isinstance(value, tuple) else round(value, 2)
                         for name, value in dataclasses.asdict(affect(result.distribution)).items()}
        others = [label for label in result.alternatives if label != result.label]
        grounds = support(result.label, others[0] if others else None, series, bool(look))
        result.support = [dataclasses.asdict(entry) for entry in grounds.supporting]
        result.against = [dataclasses.asdict(entry) for entry in grounds.opposing]
        result.because = f"{witness_sentence(own, witness)} {grounds.sentence}".strip()


def _box(track: FaceTrack, frame: int) -> list[float]:
    return [round(float(v), 1) for v in track.boxes[frame]]


def _nearest_frame(track: FaceTrack, series: AUSeries, position: int) -> int:
    return int(np.argmin(abs(track.times - series.times[position])))


def cut_to_moments(track: FaceTrack, series: AUSeries, events: list[AUEvent], key_frames: list[int]) -> FaceTrack:
    """The track cut to the frames that bind() can ask for, so that an hour's landmarks need not be kept."""
    wanted = [float(series.times[k]) for k in key_frames] + [_moment(au, series, events) for au in AU_NAMES]
    keep = sorted({int(np.argmin(abs(track.times - t))) for t in wanted})
    quality = dataclasses.replace(track.quality, **{f.name: getattr(track.quality, f.name)[keep]
                                                    for f in dataclasses.fields(track.quality)})
    return dataclasses.replace(track, frames=track.frames[keep], times=track.times[keep], boxes=track.boxes[keep],
                               landmarks=track.landmarks[keep], pose=track.pose[keep], quality=quality,
                               looks=None if track.looks is None else track.looks[keep],
                               covers=None if track.covers is None else track.covers[keep])


def _moment(au: str, series: AUSeries, events: list[AUEvent]) -> float:
    """When an action unit is strongest (s): the apex of its strongest event, or its highest intensity."""
    own = [e for e in events if e.au == au]
    if own:
        return max(own, key=lambda e: e.peak).apex
    strength = np.nan_to_num(series.intensity[:, au_index(au)]).max(1)
    return float(series.times[int(strength.argmax())])


def _place(claim, series: AUSeries, events: list[AUEvent], track: FaceTrack | None) -> None:
    """Moment of the claim (apex of the movement), its region and the face's box in the picture of that moment."""
    if track is None or claim.kind not in ("observation", "movement") or claim.au not in ACTION_UNITS:
        return
    frame = int(np.argmin(abs(track.times - _moment(claim.au, series, events))))
    claim.frame_time, claim.box = round(float(track.times[frame]), 3), _box(track, frame)
    claim.region = region_polygon(claim.au, claim.side, track.landmarks[frame])
    claim.patches = region_patches(claim.au, claim.side, track.landmarks[frame])
