"""What moves in a clip as subtitles: SubRip (.srt) and WebVTT (.vtt).

At any moment one cue is shown: the time between two changes is one cue with all that moves then, in whichever face, so that
a player never stacks a dozen of them. Over the end of the clip cues also say how every face is commonly read. No cue says
what somebody feels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from emollm.explanation import DISCLOSURE, NOT_ENOUGH, Explanation, whole_reading
from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUEvent

SHORTEST = 0.8  # s; a cue that is shorter cannot be read
READING_SECONDS = 3.0
MOST = 3  # movements a cue names, the strongest first


@dataclass
class Cue:
    """One subtitle."""

    start: float  # s
    end: float  # s
    lines: list[str]


@dataclass
class Span:
    """A stretch of time in which nothing begins or ends."""

    start: float  # s
    end: float  # s
    moving: list[tuple[str, AUEvent]]  # with the face it is of, empty when there is one only
    reading: bool  # whether the readings are shown

    @property
    def is_short(self) -> bool:
        return self.end - self.start < SHORTEST


def cues(explanations: list[Explanation]) -> list[Cue]:
    """Cues of a clip in order of time, none over another; none for a photo or without a face."""
    clips = [e for e in explanations if e.evidence is not None and len(e.evidence["times"]) > 1]
    if not clips:
        return []
    moving = [(_who(e, clips), event) for e in clips for event in e.events if event.offset > event.onset]
    readings = [*(_reading(e, _who(e, clips)) for e in clips), DISCLOSURE]
    return [Cue(s.start, s.end, [*_say(s.moving), *(readings if s.reading else [])])
            for s in _join(_spans(moving, *_reading_time(clips)))]


def srt(explanations: list[Explanation]) -> str:
    """The file's text; empty without cues, as in vtt()."""
    return "\n".join(f"{k}\n{stamp(cue.start, ',')} --> {stamp(cue.end, ',')}\n" + "\n".join(cue.lines) + "\n"
                     for k, cue in enumerate(cues(explanations), 1))


def vtt(explanations: list[Explanation]) -> str:
    blocks = [f"{stamp(cue.start, '.')} --> {stamp(cue.end, '.')}\n" + "\n".join(map(_escape, cue.lines)) + "\n"
              for cue in cues(explanations)]
    return "\n".join(["WEBVTT\n", *blocks]) if blocks else ""


def _reading_time(clips: list[Explanation]) -> tuple[float, float]:
    """The end of the clip (s): at most its second half."""
    times = [e.evidence["times"] for e in clips]
    first, last = min(t[0] for t in times), max(t[-1] for t in times)
    end = max(t[-1] + (t[-1] - t[-2]) for t in times)
    return max(0.0, end - min(READING_SECONDS, (last - first) / 2)), end


def _spans(moving: list[tuple[str, AUEvent]], start: float, end: float) -> list[Span]:
    """Spans with something to say, in order. start, end: when the readings are shown, s."""
    changes = sorted({start, end, *(t for _, e in moving for t in (e.onset, e.offset))})
    spans = [Span(a, b, [(who, e) for who, e in moving if e.onset < b and e.offset > a], start < b and end > a)
             for a, b in pairwise(changes)]
    return [span for span in spans if span.moving or span.reading]


def _join(spans: list[Span]) -> list[Span]:
    """The same with none that is too short to be read, as far as it has a neighbour: it goes on into the next, the last one
    joins the one before."""
    joined: list[Span] = []
    for k, this in enumerate(spans):
        last, span = k + 1 == len(spans) or spans[k + 1].start > this.end, this
        while joined and joined[-1].end == span.start and (joined[-1].is_short or (span.is_short and last)):
            before = joined.pop()
            span = Span(before.start, span.end, [*before.moving, *span.moving], before.reading or span.reading)
        joined.append(span)
    return joined


def _say(moving: list[tuple[str, AUEvent]]) -> list[str]:
    once = {(who, e.au): e for who, e in sorted(moving, key=lambda pair: pair[1].peak)}  # the strongest of each action unit
    strongest = sorted(once.items(), key=lambda item: (-item[1].peak, item[0]))
    sentences = [f"{who}{_sentence(event)}" for (who, _), event in strongest[:MOST]]
    return sentences + ([f"and {len(strongest) - MOST} more"] if len(strongest) > MOST else [])


def _sentence(event: AUEvent) -> str:
    """Movement in plain words: "mouth corners pulled up (AU12 lip corner puller, left, marked 3.1)"."""
    unit = ACTION_UNITS[event.au]
    side = "" if event.side == "both" else f", {event.side} side"
    short = ", micro-movement" if event.micro else ""
    return f"{unit.look[0]} ({event.au} {unit.title}{side}, {level_word(event.peak)} {event.peak:.1f}{short})"


def _reading(explanation: Explanation, who: str) -> str:
    if explanation.label is None:
        return f"{who}{'; '.join(explanation.notices) or NOT_ENOUGH}"
    return f"{who}{whole_reading(explanation)}"


def _who(explanation: Explanation, clips: list[Explanation]) -> str:
    return f"face {explanation.face_id}: " if len(clips) > 1 else ""


def stamp(seconds: float, mark: str) -> str:
    total = round(1000 * seconds)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{mark}{total % 1000:03d}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
