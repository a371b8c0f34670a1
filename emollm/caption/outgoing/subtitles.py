"""What moves in a clip as subtitles: SubRip (.srt) and WebVTT (.vtt).

Movements that overlap share a cue, so that a player never stacks a dozen of them; the last cue, over the end of the clip,
says how the face is commonly read. No cue says what somebody feels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from emollm.explanation import DISCLOSURE, Explanation, whole_reading
from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUEvent

SHORTEST = 0.8  # s; a cue that is shorter cannot be read and joins its neighbour
READING_SECONDS = 3.0
MOST = 3  # movements a cue names, the strongest first


@dataclass
class Cue:
    start: float  # s
    end: float  # s
    lines: list[str] = field(default_factory=list)


def cues(explanations: list[Explanation]) -> list[Cue]:
    """Cues of every face of a clip, in order of time; none for a photo or without a face."""
    clips = [e for e in explanations if e.evidence is not None and len(e.evidence["times"]) > 1]
    moving = [cue for e in clips for cue in _movements(e, _who(e, clips))]
    return sorted([*moving, *(_reading(e, _who(e, clips)) for e in clips)], key=lambda cue: (cue.start, cue.end))


def srt(found: list[Cue]) -> str:
    return "\n".join(f"{k}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n" + "\n".join(cue.lines) + "\n"
                     for k, cue in enumerate(found, 1))


def vtt(found: list[Cue]) -> str:
    blocks = [f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n" + "\n".join(map(_escaped, cue.lines)) + "\n"
              for cue in found]
    return "\n".join(["WEBVTT\n", *blocks])


def _movements(explanation: Explanation, who: str) -> list[Cue]:
    """The time between two changes is one cue with what moves then; one that is too short goes on into the next."""
    events = [e for e in explanation.events if e.offset > e.onset]
    spans: list[tuple[float, float, list[AUEvent]]] = []
    for begin, end in pairwise(sorted({t for e in events for t in (e.onset, e.offset)})):
        active = [e for e in events if e.onset < end and e.offset > begin]
        if not active:
            continue
        first = begin
        if spans and spans[-1][1] == begin and begin - spans[-1][0] < SHORTEST:
            first, _, before = spans.pop()
            active = [*before, *active]
        spans.append((first, end, active))
    return [Cue(start, end, _said(active, who)) for start, end, active in spans]


def _said(events: list[AUEvent], who: str) -> list[str]:
    once = {e.au: e for e in sorted(events, key=lambda e: e.peak)}  # the strongest of each action unit
    strongest = sorted(once.values(), key=lambda e: (-e.peak, e.au))
    said = [f"{who}{_sentence(e)}" for e in strongest[:MOST]]
    return said + ([f"{who}and {len(strongest) - MOST} more"] if len(strongest) > MOST else [])


def _sentence(event: AUEvent) -> str:
    """Movement in plain words: "mouth corners pulled up (AU12 lip corner puller, left, marked 3.1)"."""
    unit = ACTION_UNITS[event.au]
    side = "" if event.side == "both" else f", {event.side} side"
    short = ", micro-movement" if event.micro else ""
    return f"{unit.look[0]} ({event.au} {unit.title}{side}, {level_word(event.peak)} {event.peak:.1f}{short})"


def _reading(explanation: Explanation, who: str) -> Cue:
    times = explanation.evidence["times"]
    length = min(READING_SECONDS, (times[-1] - times[0]) / 2)
    if explanation.label is None:
        reasons = "; ".join(explanation.notices) or "not enough to say"
        text = f"{who}{reasons}"
    else:
        text = f"{who}{whole_reading(explanation)}"
    end = times[-1] + (times[-1] - times[-2])
    return Cue(max(0.0, end - length), end, [text, DISCLOSURE])


def _who(explanation: Explanation, clips: list[Explanation]) -> str:
    return f"face {explanation.face_id}: " if len(clips) > 1 else ""


def _stamp(seconds: float, mark: str) -> str:
    total = round(1000 * seconds)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{mark}{total % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
