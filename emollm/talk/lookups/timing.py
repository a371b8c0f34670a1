"""Look-ups over the time of a clip: what comes first, its course, its moments."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np

from emollm.answer.phases import readings
from emollm.facs.readings import relation
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import GAP_FRAMES, side_and_strength
from emollm.schema import AU_NAMES, LABELS, OFF, ON, SIDES, au_index
from emollm.talk.lookups.spans import meant_units, timed_movements, when_words
from emollm.talk.lookups.whole_face import ERROR, MOST, no_movement
from emollm.talk.terms.call import PARTS_OF_FACE, Call
from emollm.talk.terms.face import STRONGEST, Face
from emollm.talk.terms.finding import Finding
from emollm.talk.terms.words import capitalise, clauses, join_words, movement_pattern, say

WEAK = 3  # movements below the threshold that are named where none is clear
SAME_SHARE = 0.02  # of a label, between moments that are read alike
PHOTO = "This is a photo: one moment, so there is no before and after."


def _units_by_onset(face: Face) -> list[str]:
    return sorted(face.units("on"), key=lambda au: (face.facts.intervals((au,))[0][0], au))


def order(face: Face, _: Call) -> Finding:
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|One photo cannot tell what came first.]"])
    ordered = _units_by_onset(face)
    if not ordered:
        return no_movement(face)
    first = face.facts.intervals((ordered[0],))[0][0]
    # What moves more than once stands where it is strongest, as in the observation lines; it may have moved before.
    before = any(e.onset < first for e in face.events)
    again = ", each at its main time" if len({e.au for e in face.events}) < len(face.events) else ""
    starts = [f"{ACTION_UNITS[au].title} ({au}) at {face.facts.intervals((au,))[0][0]:.1f} s" for au in ordered[:MOST]]
    says = (
        [f"[It starts with|The earliest is] the {starts[0]}."]
        if not before and (len(starts) == 1 or face.facts.intervals((ordered[1],))[0][0] - first > 0.05)
        else []
    )
    if len(starts) > 1:
        says.append(f"[By onset|In order of onset]{again}: {join_words(starts)}.")
    return Finding([f"by onset{again}: {', '.join(starts)}"], says)


def course(face: Face, _: Call) -> Finding:
    """How the face goes through the clip."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"])
    ordered = _units_by_onset(face)
    if not ordered:
        return no_movement(face)
    length = float(face.series.times[-1] - face.series.times[0])
    strong = face.units("on")[:MOST]
    kept = [au for au in ordered if au in strong]
    told = [f"{when_words(face, one)}." for au in kept for one in timed_movements(face, (au,))]
    more = join_words([f"{au} ({face.facts.strength(au):.1f}, at {face.apex(au):.1f} s)" for au in ordered if au not in strong])
    others = [f"Also there, at its highest: {more}."] if more else []
    return Finding(
        [f"clip of {length:.1f} s", *map(face.line, kept)],
        [f"The clip is {length:.1f} s long.", *told, *others],
        fixed=True,
    )


def _liveliest_frame(face: Face) -> int:
    return int(np.nan_to_num(face.series.intensity).max(2).clip(ON, None).sum(1).argmax())


def liveliest_sentence(face: Face) -> str:
    """When most moves, and what is there then."""
    k = _liveliest_frame(face)
    return f"[Most happens|The face moves most] at {face.series.times[k]:.1f} s: {_frame_clause(face, k)}."


def movements_at_moment(face: Face, call: Call) -> Finding:
    """What is there at one moment of a clip: its start, middle, end, a time in seconds, or where a movement or a label is
    strongest. Given as looked up: a movement's strength then is not its strength at its peak, which is what the check of a
    rewording would hold it to."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"])
    if call.label:
        return _label_peak(face, call.label)
    begin, last = (float(t) for t in face.series.times[[0, -1]])
    if not begin <= (asked := _seconds(face, call)) <= last:
        return _not_seen_then(face, asked)
    k = _frame_at(face, asked)
    told = f"At {face.series.times[k]:.1f} s {_frame_clause(face, k, call.units[1:] if call.word == 'peak' else call.units)}."
    return Finding([say(None, told)], [told], fixed=True)


def face_at_its_time(call: Call, face: Face) -> Face:
    """The face that is there at the second, or in the seconds, which a call names, where the one talked about is not."""
    moments = [one.split("-") for one in call.within if one.endswith("s") and not one.startswith("end")]
    spans = [(call.time, call.time)] if call.time is not None else [(float(a), float(b.rstrip("s"))) for a, b in moments]
    if not (face.clip and face.others and spans):
        return face
    (begin, last), *_ = spans

    def is_there(one: Face) -> bool:
        return one.clip and one.series.times[0] <= last and begin <= one.series.times[-1]

    other = next((one for one in face.others if is_there(one)), None)
    if other is None or is_there(face):
        return face
    return replace(other, others=[face, *(one for one in face.others if one is not other)],
                   clip_span=face.clip_span, aloud=True)


def of_its_time(face: Face, looked: Finding) -> Finding:
    """What was looked up of a face that is there for a part of the clip only: no word about the whole clip."""
    if looked.whole or not face.is_in_part:
        return looked
    says = [re.sub(r"\bclip\b", "time with this face", one) for one in looked.says]
    return replace(looked, says=says, fixed=looked.fixed or says != looked.says)


def _not_seen_then(face: Face, seconds: float) -> Finding:
    """At a moment in which this face was not measured: from when to when it was, and whether another face was then."""
    begin, last = face.series.times[[0, -1]]
    length = f"from {begin:.1f} s to {last:.1f} s"
    there = [other.name for other in face.others if other.clip and other.series.times[0] <= seconds <= other.series.times[-1]]
    others = f" At {seconds:.1f} s there is {join_words(there)}: ask about that one." if there else ""
    says = f"{'This face is seen' if face.is_in_part else 'The clip goes'} {length} only.{others}"
    return Finding([f"seen {length}"], [says], fixed=True)


def recording(face: Face, _: Call) -> Finding:
    """The recording: how many frames, from when to when this face was found in it, and the other faces with their times."""
    if not face.clip:
        others = f" {len(face.others) + 1} faces were measured in it." if face.others else ""
        return Finding(["a photo"], [f"This is a photo: one picture, without frames, length or cuts.{others}"], fixed=True)
    times = face.series.times
    step = float(np.median(np.diff(times)))
    measured = int(np.isfinite(face.series.intensity).any((1, 2)).sum())
    says = [f"{capitalise(face.name)} is found from {times[0]:.1f} s to {times[-1]:.1f} s, {times[-1] - times[0]:.1f} s in "
            f"{len(times)} frames, about {1 / step:.0f} a second; measured in {measured} of them."]
    gaps = [(float(a), float(b)) for a, b in pairwise(times) if b - a > GAP_FRAMES * step]
    if gaps:
        says.append(f"It is not found {join_words([f'from {a:.1f} s to {b:.1f} s' for a, b in gaps[:MOST]])}.")
    says += [f"{capitalise(one.name)} is found from {one.series.times[0]:.1f} s to {one.series.times[-1]:.1f} s."
             for one in face.others if one.clip]
    says.append("Before and after that nothing was measured, because no face was found or it was too small, turned or blurred. "
                "Cuts are not told by themselves; where one face ends and another begins at once, there may be one.")
    return Finding([say(None, one) for one in says], says, fixed=True)


def _label_peak(face: Face, label: str) -> Finding:
    k, share, read = _most_read_as(face, label)
    where = (f"It is most read as {label} at {face.series.times[k]:.1f} s, by its movements alone ({share:.2f})" if read else
             f"At no moment is it read as {label} by its movements alone; it comes nearest at {face.series.times[k]:.1f} s "
             f"({share:.2f})")
    told = f"{where}: {_frame_clause(face, k)}."
    return Finding([say(None, told)], [told], fixed=True)


def _most_read_as(face: Face, label: str) -> tuple[int, float, bool]:
    """The frame that is most read as a label, its share there, and whether it is the first label there. Of frames that are read
    alike, the one in which the main movements listed for the label are strongest."""
    shares = readings(face.series)[0]
    share = shares[:, LABELS.index(label)]
    listed = [au_index(au) for au in face.units("on") if relation(label, au) == "for"][:STRONGEST]
    level = np.nan_to_num(face.series.intensity[:, listed]).max(2).sum(1)
    k = int(np.where(share >= share.max() - SAME_SHARE, level, -1).argmax())
    return k, float(share[k]), LABELS[shares[k].argmax()] == label


def _seconds(face: Face, call: Call) -> float:
    """The moment (s) that a call is about: its time, or when what it asks for is strongest."""
    begin, last = (float(t) for t in face.series.times[[0, -1]])
    ends = {"start": begin, "middle": (begin + last) / 2, "end": last}
    if call.time is not None or call.word in ends:
        return ends.get(call.word, call.time)
    if label := call.label or (face.label if call.name in ("label", "why", "sure", "mood") else ""):
        return float(face.series.times[_most_read_as(face, label)[0]])
    if call.name == "at" and not call.units:
        return float(face.series.times[_liveliest_frame(face)])
    subjects = call.subjects[:1] if call.word == "peak" else call.subjects
    units = tuple(au for movement in subjects for au in meant_units(face, movement)) or tuple(face.units("on")[:1])
    au = face.facts.strongest_unit(units) if units else ""
    return ends["middle"] if not au else face.apex(au) if face.facts.state(au) == "on" else face.strongest_time(au)


def settle_moment(face: Face, call: Call, last: Call) -> Call:
    """A call about the moment of something ("what else moves then?") with the time that it is. last: the call before."""
    if call.name != "at" or call.word not in ("peak", "then") or call.label or not face.clip:
        return call
    if call.word == "peak":  # of the first of the movements; the others are asked about
        return Call("at", call.units[1:], time=round(_seconds(face, call), 2))
    if last.within:
        return Call("there" if call.units else "movements", call.units, within=last.within)
    return replace(call, word="", time=round(_seconds(face, last), 2))


def _frame_at(face: Face, seconds: float) -> int:
    return int(np.abs(face.series.times - seconds).argmin())


def _frame_clause(face: Face, k: int, units: tuple[tuple[str, ...], ...] = ()) -> str:
    """What is there in the k-th frame, of the movements asked about or of all, each on the side and as strong as it is then."""
    both = face.series.intensity[k]  # [24, 2]
    if not np.isfinite(both).any():
        return "nothing could be measured"
    side, strength = side_and_strength(*np.where(np.isnan(both), both[:, ::-1], both).T)
    then = {au: (SIDES[side[n]], round(float(strength[n]), 1), both[n]) for n, au in enumerate(AU_NAMES)
            if face.series.measured[n] and np.isfinite(strength[n])}
    if units:
        return clauses([_movement_then(face, then, movement) for movement in units])
    ranked = sorted(then, key=lambda au: -then[au][1])
    if on := [au for au in ranked if then[au][1] >= ON]:
        return clauses([_then_words(au, then) for au in on[:MOST]])
    weak = [f"{au} at {then[au][1]:.1f}" for au in ranked[:WEAK] if then[au][1] > OFF]
    return f"no movement is clear, only weak: {join_words(weak)}" if weak else "no measured movement is there"


def _then_words(au: str, then: dict[str, tuple[str, float, np.ndarray]], sides: str = "") -> str:
    """sides: what is added where both are alike."""
    side, strength, (left, right) = then[au]
    levels = f"left {left:.1f}, right {right:.1f}" if abs(left - right) > ERROR else f"{strength:.1f}{sides}"
    return f"{movement_pattern(au, side)} ({au}, {levels})"


def _movement_then(face: Face, then: dict[str, tuple[str, float, np.ndarray]], units: tuple[str, ...]) -> str:
    """The units of one movement, or of a part of the face, at a moment."""
    on = sorted((au for au in units if au in then and then[au][1] >= ON), key=lambda au: -then[au][1])
    if on:
        return clauses([_then_words(au, then, " on both sides") for au in on[:MOST]])
    seen = [au for au in units if au in then]
    weak = [f"{au} at {then[au][1]:.1f}" for au in seen if then[au][1] > OFF]
    part = next((name for name, of in PARTS_OF_FACE.items() if units == of), "")
    if part and seen:
        return (f"no movement of the {part} is clear, only weak: {join_words(weak)}" if weak else
                f"no measured movement of the {part} is there")
    if not seen:
        return f"{f'the {part}' if part else join_words(list(units))} could not be measured"
    if unsure := [au for au in seen if then[au][1] > OFF]:
        told = join_words([f"{movement_pattern(au)} ({au}, {then[au][1]:.1f})" for au in unsure], "or")
        return f"it cannot be told whether {told}: that is too weak to decide"
    return join_words([f"{movement_pattern(au, denied=True)} ({au}, {then[au][1]:.1f})" for au in seen])


def brief_sentence(face: Face) -> str:
    """The movements of a clip that are over within half a second, as a sentence; blinks are no news."""
    own = sorted((e for e in face.events if e.micro and e.au != "AU45"), key=lambda e: -e.peak)
    shown = sorted(own[:MOST], key=lambda e: e.onset)
    told = [f"the {ACTION_UNITS[e.au].title} ({e.au}) from {e.onset:.1f} s to {e.offset:.1f} s" for e in shown]
    if not told:
        return "In this clip no movement but blinks was measured as that brief."
    more = f", and {len(own) - MOST} weaker ones" if len(own) > MOST else ""
    return f"As brief in this clip: {'; '.join(told)}{more}. Noise in the measurement can look alike."
