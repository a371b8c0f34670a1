"""Look-ups over the time of a clip: what comes first, its course, its moments."""

from __future__ import annotations

import numpy as np

from emollm.facs.units import ACTION_UNITS
from emollm.schema import ON, SIDE_GAP, au_index
from emollm.talk.call import MOMENTS, PARTS_OF_FACE, Call
from emollm.talk.face import Face
from emollm.talk.finding import Finding
from emollm.talk.spans import span_words
from emollm.talk.whole_face import MOST, no_movement
from emollm.talk.words import clauses, join_words, movement_pattern, say, was_or_were

PHOTO = "This is a photo: one moment, so there is no before and after."


def when_sentence(face: Face, au: str) -> str:
    return (
        f"{movement_pattern(au, face.facts.side(au))} ({au}) {span_words(face.span(au))}, "
        f"strongest at {face.apex(au):.1f} s "
        f"with {face.facts.strength(au):.1f}."
    )


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
    more = len(face.units("on")) - len(strong)
    weaker = [f"{more} weaker {'movement is' if more == 1 else 'movements are'} left out."] if more else []
    return Finding(
        [f"clip of {length:.1f} s", *map(face.line, kept)],
        [f"The clip is {length:.1f} s long.", *[when_sentence(face, au) for au in kept], *weaker],
        fixed=True,
    )


def moments(face: Face, _: Call) -> Finding:
    """What is there at the beginning, in the middle and at the end of a clip, and when it moves most."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo has nothing to compare over time.]"])
    strong = np.nan_to_num(face.series.intensity).max(2)  # [T, 24]
    times, total = face.series.times, strong.clip(ON, None).sum(1) - ON * strong.shape[1]
    liveliest = float(times[int(total.argmax())])
    says = [sentence for word in MOMENTS for sentence in movements_at_moment(face, Call("at", word=word)).says]
    return Finding([f"most movement at {liveliest:.1f} s", *says],
                   [*says, f"[Most happens|The face moves most] at {liveliest:.1f} s."], fixed=True)


def movements_at_moment(face: Face, call: Call) -> Finding:
    """What is there at one moment of a clip: its start, middle, end, or a time in seconds. Given as looked up: a movement's
    strength then is not its strength at its peak, which is what the check of a rewording would hold it to."""
    if not face.clip:
        return Finding([PHOTO], [f"[{PHOTO}|A photo shows one moment, nothing over time.]"])
    times = face.series.times
    begin, last = float(times[0]), float(times[-1])
    asked = {"start": begin, "middle": (begin + last) / 2, "end": last}.get(call.word, call.time or 0.0)
    if not begin <= asked <= last:
        length = f"from {begin:.1f} s to {last:.1f} s"
        return Finding([f"clip {length}"], [f"The clip goes {length} only."], fixed=True)
    k = int(np.abs(times - asked).argmin())
    level = np.nan_to_num(face.series.intensity[k]).max(1)  # [24], the stronger side
    if call.units and np.isfinite(face.series.intensity[k]).any():
        told = clauses([_moment_words(face, units, level, k) for units in call.units])
        return Finding([f"at {times[k]:.1f} s: {say(None, told)}"], [f"At {times[k]:.1f} s {told}."], fixed=True)
    on = sorted((au for au in face.units("on") if level[au_index(au)] >= ON), key=lambda au: -level[au_index(au)])
    if not np.isfinite(face.series.intensity[k]).any():
        says = f"At {times[k]:.1f} s nothing could be measured."
    elif not on:
        says = f"At {times[k]:.1f} s no measured movement is there."
    else:
        says = f"At {times[k]:.1f} s {clauses([_then_words(face, au, k, level) for au in on[:MOST]])}."
    return Finding([f"at {times[k]:.1f} s: {', '.join(on[:MOST]) or 'nothing'}"], [says], fixed=True)


def _then_words(face: Face, au: str, k: int, level: np.ndarray) -> str:
    """A unit in the k-th frame, on the side of then, which may not be that of its strongest moment."""
    left, right = face.series.intensity[k, au_index(au)]
    side = ("left" if left > right else "right") if abs(left - right) >= SIDE_GAP else face.facts.side(au)
    return f"{movement_pattern(au, side)} ({au}, {level[au_index(au)]:.1f})"


def _moment_words(face: Face, units: tuple[str, ...], level: np.ndarray, k: int) -> str:
    """The units of one movement, or of a part of the face, at a moment. level: of every unit in the k-th frame, [24]."""
    seen = [au for au in units if face.facts.state(au) != "unmeasured"]
    on = sorted((au for au in seen if level[au_index(au)] >= ON), key=lambda au: -level[au_index(au)])
    if on:
        return clauses([_then_words(face, au, k, level) for au in on[:MOST]])
    part = next((name for name, of in PARTS_OF_FACE.items() if units == tuple(f"AU{n:02d}" for n in of)), "")
    if part:
        return f"no measured movement of the {part} is there"
    if not seen:
        return f"{join_words(list(units))} {was_or_were(list(units))} not measured"
    return join_words([f"{movement_pattern(au, denied=True)} ({au}, {level[au_index(au)]:.1f})" for au in seen])


def brief_sentence(face: Face) -> str:
    """The movements of a clip that are over within half a second, as a sentence; blinks are no news."""
    own = sorted((e for e in face.events if e.micro and e.au != "AU45"), key=lambda e: -e.peak)
    shown = sorted(own[:MOST], key=lambda e: e.onset)
    told = [f"the {ACTION_UNITS[e.au].title} ({e.au}) from {e.onset:.1f} s to {e.offset:.1f} s" for e in shown]
    if not told:
        return "In this clip no movement but blinks was measured as that brief."
    more = f", and {len(own) - MOST} weaker ones" if len(own) > MOST else ""
    return f"As brief in this clip: {'; '.join(told)}{more}. Noise in the measurement can look alike."
