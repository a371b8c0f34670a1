"""Is every claim of an answer supported by the measurement it was given?

A claim is an observation line, or a movement named in the prose by its code or FACS name. The measurement has three
states per action unit: on (strength >= ON), off (<= OFF) and, in between, unsure, where a claim is neither right nor
wrong. An observation must also state the measured side, strength and time.
"""

from __future__ import annotations

import math
import re

from emollm.answer import prompt
from emollm.facs.readings import level_word
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, OFF, ON, SIDE_GAP, SIDES, AUEvent, AUSeries, Claim, au_index

STRENGTH_TOLERANCE = 0.5  # half a FACS level, what two coders may differ by
SIDE_TOLERANCE = 0.25  # a left-right gap this close to SIDE_GAP may be called either way
TIME_TOLERANCE = 0.2  # s, or a tenth of the clip when that is longer

_MENTION = re.compile("|".join([r"\bAU\d\d\b", *(rf"\b{re.escape(a.title)}\b" for a in ACTION_UNITS.values())]))
_BY_TITLE = {a.title: name for name, a in ACTION_UNITS.items()}
_DENIAL = re.compile(r"\b(no|not|without|neither|nor|lacks?|absent)[^\w.(]+(?:\w+[^\w.(]+){0,2}$", re.IGNORECASE)


def state(strength: float) -> str:
    """on, off or unsure; strength 0-5."""
    return "on" if round(strength, 1) >= ON else "off" if strength <= OFF else "unsure"


def claims(answer: prompt.Answer, text: str, series: AUSeries, events: list[AUEvent]) -> list[Claim]:
    """Every claim of a parsed answer with its verdict; spans refer to `text`."""
    return [_check_line(o, text, series, events) for o in answer.observations] + _prose_claims(answer, text, series)


def _measured(au: str, series: AUSeries) -> tuple[float, int, float]:
    """Strength, side index and left-right gap of one AU; NaN strength when it is not measured or not visible."""
    left, right, visible = prompt.peaks(series)
    k = au_index(au)
    if not visible[k]:
        return math.nan, 2, 0.0
    side, strength = prompt.side_and_strength(left[k], right[k])
    return float(strength), int(side), abs(float(left[k] - right[k]))


def _check_line(o: prompt.Observation, text: str, series: AUSeries, events: list[AUEvent]) -> Claim:
    strength, side, gap = _measured(o.au, series)
    claim = Claim(text[slice(*o.span)], o.span, o.au, o.side, "present", level_word(o.intensity), o.intensity,
                  o.interval, measured_intensity=strength)
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
    if interval is not None:
        tolerance = max(TIME_TOLERANCE, 0.1 * float(series.times[-1] - series.times[0]))
        if max(abs(a - b) for a, b in zip(o.interval, interval, strict=True)) > tolerance:
            return f"measured interval: {prompt.format_interval(interval)}"
    return ""


def _prose_claims(answer: prompt.Answer, text: str, series: AUSeries) -> list[Claim]:
    found, at = [], len(answer.observations_text)
    for match in _MENTION.finditer(text, at):
        au = _BY_TITLE.get(match[0], match[0])
        if au not in AU_NAMES:
            found.append(Claim(match[0], match.span(), au, verdict="unmeasured", reason="no such action unit here"))
            continue
        denied = bool(_DENIAL.search(text, max(0, match.start() - 40), match.start()))
        strength, _, _ = _measured(au, series)
        claim = Claim(match[0], match.span(), au, polarity="absent" if denied else "present",
                      measured_intensity=strength, reason="" if math.isnan(strength) else f"measured {strength:.1f}")
        if not math.isnan(strength):
            wanted = "off" if denied else "on"
            now = state(strength)
            claim.verdict = "unsure" if now == "unsure" else "supported" if now == wanted else "contradicted"
        found.append(claim)
    return found


def unsupported(all_claims: list[Claim]) -> tuple[int, int]:
    """Number of unsupported (contradicted or unmeasured) claims, and of all that can be decided (unsure ones left out)."""
    decided = [c for c in all_claims if c.verdict != "unsure"]
    return sum(c.verdict != "supported" for c in decided), len(decided)
