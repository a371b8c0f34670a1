"""Look-ups in how the reading goes through a clip: its stretches, where it changes, and when it is a given label.

A moment is read by its movements alone (answer/phases.py); the reading of the whole clip has its look as well. Both are said.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from emollm.answer.phases import phases_and_affect
from emollm.talk.lookups.spans import MANY, span_words
from emollm.talk.lookups.whole_face import NAMED
from emollm.talk.terms.call import Call
from emollm.talk.terms.face import Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import join_words, say

TOLD = 5  # stretches that are all told; of more, those at the start, in the middle and at the end
TURNS = 5  # changes that are all told
ALONE = "by [its|the] movements alone"


def change(face: Face, call: Call) -> Finding:
    """Does the reading change over the clip, and how; or when is it the label that was asked about?"""
    if not face.clip:
        return _photo(face)
    phases = phases_and_affect(face.series)[0]
    told = _label_sentence(phases, call.label) if call.label else _course_sentence(phases)
    whole = f"The whole clip is [commonly|] read as {face.label} ({face.share(face.label)})."
    return Finding([say(None, told), f"whole clip: {face.label} {face.share(face.label)}"], [told, whole], fixed=True)


def turns(face: Face, _: Call) -> Finding:
    """At which times the reading changes, and to what."""
    if not face.clip:
        return _photo(face)
    phases = phases_and_affect(face.series)[0]
    steps = [f"from {one['label']} to {other['label']} at {other['start']:.1f} s"
             for one, other in pairwise(phases)]
    if not steps:
        told = _course_sentence(phases)
    elif len(steps) <= TURNS:
        told = f"The reading, {ALONE}, changes {join_words(steps)}."
    else:
        told = f"The reading, {ALONE}, changes {len(steps)} times: the first time {steps[0]}, the last {steps[-1]}."
    return Finding([say(None, told)], [told], fixed=True)


def mostly(face: Face, _: Call) -> Finding:
    """Which reading holds for most of the clip's time, and which comes next."""
    if not face.clip:
        return _photo(face)
    phases = phases_and_affect(face.series)[0]
    ranked = sorted({one["label"] for one in phases}, key=lambda label: (-_seconds(phases, label), label))
    told = [f"{label}, {_share(phases, label)} % of the clip ({_seconds(phases, label):.1f} s{_longest(phases, label)})"
            for label in ranked[:NAMED]]
    says = [f"Most of the time, {ALONE}, it is read as {told[0]}{'' if len(told) > 1 else ', and as nothing else'}."]
    says += [f"Then comes {'; then '.join(told[1:])}."] if len(told) > 1 else []
    says.append(f"The whole clip is read as {face.label} ({face.share(face.label)}).")
    return Finding([say(None, one) for one in says], says, fixed=True)


def _longest(phases: list[dict[str, Any]], label: str) -> str:
    """Of a label that is read more than once, how often and the longest time."""
    own = _joined(phases, label)
    longest = max(own, key=lambda span: span[1] - span[0])
    return f", {len(own)} times, the longest {span_words(longest)}" if len(own) > 1 else f", {span_words(own[0])}"


def _photo(face: Face) -> Finding:
    says = ("This is a photo: one moment, so nothing changes in it; it is commonly read as "
            f"{face.label} ({face.share(face.label)}).")
    return Finding([says], [says], fixed=True)


def _course_sentence(phases: list[dict[str, Any]]) -> str:
    times = len(phases) - 1
    if not times:
        return f"The reading stays the same: {ALONE} it is read as {_phase_words(phases[0])} through the whole clip."
    changes = f"The reading changes {'once' if times == 1 else f'{times} times'}: {ALONE} it is read as"
    if len(phases) <= TOLD:
        each = [f"{_phase_words(one)} {span_words((one['start'], one['end']))}" for one in phases]
        return f"{changes} {', then '.join(each)}."
    middle = (phases[0]["start"] + phases[-1]["end"]) / 2
    halfway = next(one for one in phases if middle < one["end"])
    ranked = sorted({one["label"] for one in phases}, key=lambda label: -_seconds(phases, label))[:NAMED]
    shares = join_words([f"{label} {_share(phases, label)} %" for label in ranked])
    return (f"{changes} {_phase_words(phases[0])} at the start, {_phase_words(halfway)} in the middle and "
            f"{_phase_words(phases[-1])} at the end; of all its time {shares}.")


def _label_sentence(phases: list[dict[str, Any]], label: str) -> str:
    """When a clip is read as one label."""
    own = _joined(phases, label)
    if not own:
        most = max({one["label"] for one in phases}, key=lambda other: (_seconds(phases, other), other))
        return f"At no time is it read as {label} {ALONE}; most of the time it is {most}, {_share(phases, most)} % of the clip."
    if _share(phases, label) == 100:
        return f"The whole clip is read as {label} {ALONE}, {span_words(own[0])}."
    longest = max(own, key=lambda span: span[1] - span[0])
    times = (join_words(list(map(span_words, own))) if len(own) <= MANY else
             f"{len(own)} times, the first at {own[0][0]:.1f} s, the longest {span_words(longest)}")
    in_all = f"{_seconds(phases, label):.1f} s in all, {_share(phases, label)} % of the clip"
    return f"Not the whole clip: {ALONE} it is read as {label} {times}; {in_all}."


def _joined(phases: list[dict[str, Any]], label: str) -> list[tuple[float, float]]:
    return [(one["start"], one["end"]) for one in phases if one["label"] == label]


def _seconds(phases: list[dict[str, Any]], label: str) -> float:
    return sum(end - start for start, end in _joined(phases, label))


def _share(phases: list[dict[str, Any]], label: str) -> int:
    """Percent of the clip that is read as a label."""
    return round(100 * _seconds(phases, label) / (phases[-1]["end"] - phases[0]["start"]))


def _phase_words(phase: dict[str, Any]) -> str:
    return f"{phase['label']} ({phase['confidence']:.2f})"
