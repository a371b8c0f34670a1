"""The answer format: rendered for training and parsed back here, side by side.

    AU04 brow lowerer | both | 3.1 marked | still | brows drawn down and together
    AU12 lip corner puller | left | 2.0 slight | 0.4-1.8 s | mouth corner pulled up and back
    Interpretation: one to four sentences on how the movements combine and what else they could mean
    Conclusion: happiness. what speaks for it, and against it

Observation lines stand in FACS order, one measured movement each; the label comes only after them. The number stands before
its word: pocket read the word off the evidence and guessed the number from it when the word came first (docs/decisions.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.perception.events import stated_movements, unsmoothed_events
from emollm.schema import AU_NAMES, LABELS, AUEvent, AUSeries

PROMPT_VERSION = "2"
ANSWER_TOKENS = 512  # at most; the longest answers of the training records take about half of it
NOTHING = "No measured movement stands out."
INTERPRETATION, CONCLUSION = "Interpretation:", "Conclusion:"
DEFAULT_QUESTION = "Why is this face read the way it is?"
FACE_START, FACE_PAD, FACE_END = "<|face_start|>", "<|face_pad|>", "<|face_end|>"
TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"
FACE = "<face>"  # what a chat template writes where a face goes; expanded by the processor
SPECIAL_TOKENS = (TURN_START, TURN_END, FACE_START, FACE_PAD, FACE_END, FACE)


@dataclass
class Observation:
    """One movement as the answer states it."""

    au: str
    side: str
    intensity: float
    interval: tuple[float, float] | None  # s; None in a photograph
    look: str
    span: tuple[int, int] = (0, 0)  # in the parsed text


@dataclass
class Answer:
    """A parsed answer. `problems` names every line that does not follow the grammar."""

    observations: list[Observation] = field(default_factory=list)
    interpretation: str = ""
    label: str | None = None
    conclusion: str = ""
    problems: list[str] = field(default_factory=list)
    observations_text: str = ""


def format_interval(interval: tuple[float, float] | None) -> str:
    """`still` or `0.4-1.8 s`."""
    return "still" if interval is None else f"{interval[0]:.1f}-{interval[1]:.1f} s"


def observe(series: AUSeries, events: list[AUEvent], rng=None) -> list[Observation]:
    """The movements that count as there (peak strength >= ON), in FACS order. `rng` picks among the looks."""
    observations = []
    for k, side, strength in stated_movements(series):
        au, looks = AU_NAMES[k], ACTION_UNITS[AU_NAMES[k]].look
        look = rng.choice(looks) if rng else looks[0]
        observations.append(Observation(au, side, strength, event_interval(au, events, series), look))
    return observations


def event_interval(au: str, events: list[AUEvent], series: AUSeries) -> tuple[float, float] | None:
    """Onset and offset (s) of an AU's strongest event, or of the frames in which it is on when it has none; the whole track of
    one that is never on, None in a photo."""
    if len(series.times) < 2:
        return None
    own = [e for e in events if e.au == au] or unsmoothed_events(au, series)
    if not own:
        return float(series.times[0]), float(series.times[-1])
    strongest = max(own, key=lambda e: e.peak)
    return strongest.onset, strongest.offset


def render_observation(o: Observation) -> str:
    title = ACTION_UNITS[o.au].title
    return (f"{o.au} {title} | {o.side} | {o.intensity:.1f} {level_word(o.intensity)} | "
            f"{format_interval(o.interval)} | {o.look}")


def render(observations: list[Observation], interpretation: str, label: str, conclusion: str) -> str:
    """The answer as the model is taught to write it."""
    lines = [render_observation(o) for o in observations] or [NOTHING]
    return "\n".join([*lines, f"{INTERPRETATION} {interpretation}", f"{CONCLUSION} {label}. {conclusion}".rstrip()])


_LINE = re.compile(r"(?P<au>AU\d\d) (?P<title>[^|]+?) \| (?P<side>left|right|both) \| (?P<value>[0-5]\.\d) "
                   r"(?P<level>[a-z]+) \| (?P<time>still|(?P<on>\d+(?:\.\d)?)-(?P<off>\d+(?:\.\d)?) s) \| (?P<look>[^|]+)")
_CONCLUSION = re.compile(rf"({'|'.join(LABELS)})\b\.? ?(.*)", re.DOTALL)


def parse(text: str) -> Answer:
    """Read an answer back. Total: whatever does not follow the grammar is listed in `problems`, never raised."""
    answer, at = Answer(), -1
    body, _, conclusion = f"\n{text}".partition(f"\n{CONCLUSION}")  # an answer may be its conclusion alone
    evidence, _, interpretation = body.partition(f"\n{INTERPRETATION}")
    answer.observations_text, answer.interpretation = evidence.strip(), interpretation.strip()
    for line in evidence.split("\n"):
        if line.strip() and line.strip() != NOTHING:
            _read_line(line, at, answer)
        at += len(line) + 1
    match = _CONCLUSION.match(conclusion.strip())
    if match:
        answer.label, answer.conclusion = match[1], match[2].strip()
    elif conclusion.strip():
        answer.problems.append(f"conclusion names no known label: '{' '.join(conclusion.split())[:60]}'")
    return answer


def observations_of(text: str) -> str:
    """The finished observation lines of an answer that is still being written."""
    written = text[:text.rfind("\n") + 1]
    ends = [written.find(part) for part in (INTERPRETATION, CONCLUSION) if part in written]
    return written[:min(ends)] if ends else written


def _read_line(line: str, at: int, answer: Answer) -> None:
    match = _LINE.fullmatch(line.strip())
    if not match or match["au"] not in ACTION_UNITS:
        answer.problems.append(f"not an observation: '{line.strip()[:60]}'")
        return
    au, value = match["au"], float(match["value"])
    if match["title"] != ACTION_UNITS[au].title:
        answer.problems.append(f"{au} is the {ACTION_UNITS[au].title}, not '{match['title']}'")
    if match["level"] != level_word(value):
        answer.problems.append(f"{au}: {value} is {level_word(value)}, not {match['level']}")
    interval = None if match["time"] == "still" else (float(match["on"]), float(match["off"]))
    start = at + len(line) - len(line.lstrip())
    answer.observations.append(Observation(au, match["side"], value, interval, match["look"],
                                           (start, start + len(line.strip()))))


class Message(NamedTuple):
    """One turn of a conversation that is not simply question, answer, ..., question about a face shown first."""

    role: str  # user | assistant
    text: str
    face: bool = False  # whether the picture or clip came with it


def user_turn(question: str | list[str] | list[Message]) -> str:
    """The prompt up to the answer. FACE stands where the face tokens go.

    question: one question, or the turns of a chat so far: question, answer, ..., question, the face in the first; or the
    messages of a client as it sent them. Raises ValueError where the turns of a chat do not end with a question.
    """
    turns = [question] if isinstance(question, str) else question
    if isinstance(turns[0], str):
        if len(turns) % 2 == 0:
            raise ValueError(f"{len(turns)} turns: a chat is question, answer, ..., question")
        turns = [Message(("user", "assistant")[k % 2], turn, k == 0) for k, turn in enumerate(turns)]
    texts = [f"{TURN_START}{role}\n{FACE * face}{strip_special_tokens(text)}{TURN_END}\n" for role, text, face in turns]
    return "".join(texts) + f"{TURN_START}assistant\n"


def strip_special_tokens(text: str) -> str:
    """Text without special tokens: what a user writes cannot pose as a face or a turn."""
    while any(token in text for token in SPECIAL_TOKENS):  # again, as a removal can leave a new one behind
        for token in SPECIAL_TOKENS:
            text = text.replace(token, "")
    return text
