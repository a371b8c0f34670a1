"""Is every claim of an answer supported by the measurement it was given?

A claim is an observation line, or what a clause of the prose states (prose.py). The measurement has three states per action
unit: on (strength >= ON), off (<= OFF) and, in between, unsure, where a claim is neither right nor wrong. An observation must
also state the measured side, strength and time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from emollm.answer import prompt, prose
from emollm.answer.facts import STRENGTH_TOLERANCE, Facts, state, time_tolerance, unit_peak
from emollm.answer.movements import SIDE_TOLERANCE
from emollm.answer.statement import Statement
from emollm.facs.readings import level_word
from emollm.schema import LABELS, SIDE_GAP, SIDES, AUEvent, AUSeries, Claim


@dataclass
class CheckedAnswer:
    """What became of an answer's statements; spans refer to its text."""

    claims: list[Claim] = field(default_factory=list)
    faults: list[dict] = field(default_factory=list)  # kind, span, detail
    coverage: float | None = None  # share of the prose's clauses that could be judged; None without prose
    unchecked: list[list[int]] = field(default_factory=list)  # spans of the others


def check(
    answer: prompt.Answer, text: str, series: AUSeries, events: list[AUEvent], distribution: dict[str, float] | None = None
) -> CheckedAnswer:
    """Every observation line and every statement of the prose with its verdict.

    Without a distribution, what is said of alternatives and confidence is left unjudged.
    """
    lines = [_check_line(o, text, series, events) for o in answer.observations]
    verdicts = prose.judge(_prose_of(answer, text), series, events, distribution, answer.label)
    facts = Facts(series, events)
    return CheckedAnswer(
        [*lines, *(_claim(f, text, facts) for f in verdicts.found)],
        [{"kind": f.kind, "span": [f.start, f.end], "detail": f.detail} for f in verdicts.faults],
        verdicts.coverage if verdicts.content else None,
        [list(span) for span in verdicts.unjudged],
    )


def claims(answer: prompt.Answer, text: str, series: AUSeries, events: list[AUEvent]) -> list[Claim]:
    """Every claim of a parsed answer with its verdict, without its label distribution."""
    return check(answer, text, series, events).claims


_FRAME = re.compile(
    rf"^(?:{re.escape(prompt.NOTHING)}|{re.escape(prompt.INTERPRETATION)}|{re.escape(prompt.CONCLUSION)}(?: "
    rf"(?:{'|'.join(LABELS)})\b\.?)?)",
    re.MULTILINE,
)


def _prose_of(answer: prompt.Answer, text: str) -> str:
    """The text with its observation lines and the words of its form blanked, same length."""
    for start, end in (o.span for o in answer.observations):
        text = text[:start] + " " * (end - start) + text[end:]
    return _FRAME.sub(lambda m: " " * len(m[0]), text)


def _claim(f: Statement, text: str, facts: Facts) -> Claim:
    au = facts.strongest_unit(f.units) if f.units else ""
    return Claim(
        text[f.start : f.end],
        (f.start, f.end),
        au,
        f.side if f.side in SIDES else "both",
        f.polarity,
        intensity=math.nan if f.number is None or f.kind != "strength" else f.number,
        measured_intensity=facts.strength(au),
        verdict=f.verdict,
        reason=f.reason,
        kind=f.kind,
        units=list(f.units),
        label=f.label,
    )


def _check_line(o: prompt.Observation, text: str, series: AUSeries, events: list[AUEvent]) -> Claim:
    strength, side, gap = unit_peak(o.au, series)
    claim = Claim(
        text[slice(*o.span)],
        o.span,
        o.au,
        o.side,
        "present",
        level_word(o.intensity),
        o.intensity,
        o.interval,
        measured_intensity=strength,
        kind="observation",
        units=[o.au],
    )
    if math.isnan(strength):
        claim.verdict, claim.reason = "unmeasured", f"{o.au} was not measured"
    elif state(strength) != "on":
        claim.verdict = {"off": "contradicted", "unsure": "unsure"}[state(strength)]
        claim.reason = f"measured {strength:.1f}"
    else:
        claim.reason = _wrong_detail(o, strength, side, gap, prompt.event_interval(o.au, events, series), series)
        claim.verdict = "contradicted" if claim.reason else "supported"
    return claim


def _wrong_detail(o, strength: float, side: int, gap: float, interval, series: AUSeries) -> str:
    """What an observation of a movement that is there gets wrong; empty when nothing."""
    if SIDES[side] != o.side and abs(gap - SIDE_GAP) > SIDE_TOLERANCE:
        return f"measured side: {SIDES[side]}"
    if abs(o.intensity - strength) > STRENGTH_TOLERANCE:
        return f"measured intensity: {strength:.1f}"
    if (o.interval is None) != (interval is None):
        return "a photograph has no interval" if interval is None else "a clip's movement has an interval"
    if interval is None or max(abs(a - b) for a, b in zip(o.interval, interval, strict=True)) <= time_tolerance(series):
        return ""
    return f"measured interval: {prompt.format_interval(interval)}"


def count_unsupported(all_claims: list[Claim]) -> tuple[int, int]:
    """Number of unsupported (contradicted or unmeasured) claims, and of all that can be decided (unsure ones left out)."""
    decided = [c for c in all_claims if c.verdict != "unsure"]
    return sum(c.verdict != "supported" for c in decided), len(decided)
