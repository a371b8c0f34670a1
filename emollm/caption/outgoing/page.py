"""The report of a captioning run: one self-contained HTML page that loads nothing and runs no script.

Movement first, reading after it: every face shows what was observed, with the verdict on each statement, then how that is
commonly read and what else it could be read as. Nothing on the page says what somebody feels.
"""

from __future__ import annotations

import math
from html import escape

from emollm.explanation import (
    DISCLOSURE,
    MARKS,
    NOT_ENOUGH,
    NOTHING_MOVED,
    Explanation,
    edits_sentence,
    movement_claims,
    whole_reading,
)
from emollm.facs.units import ACTION_UNITS
from emollm.schema import AUEvent, Claim

MAX_ITEMS = 2_000  # items shown; a page with more pictures does not open in a browser
MAX_ROWS = 12  # action units in one timeline, the strongest
ROW, LEFT, WIDTH = 16, 62, 560  # px of a timeline
COLOURS = ("#0072B2", "#D55E00")  # Okabe & Ito; second: micro-movements
STYLE = """
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
article{border-top:1px solid #8886;padding:1rem 0;overflow-wrap:anywhere}h2{font-size:1rem;margin:0 0 .5rem}
.face{display:flex;gap:1rem;margin:.6rem 0 1.2rem}.face img{height:132px;border-radius:4px}.face>div{flex:1;min-width:0}
ul{list-style:none;padding:0;margin:.3rem 0}.v{display:inline-block;width:1.2em}.reading{font-weight:600;margin:.4rem 0 0}
.small,footer{font-size:.85rem;opacity:.75}.error{color:#b00}
svg{max-width:100%;height:auto}svg text{font:11px system-ui;fill:currentColor}
"""


def document(sections: list[str], title: str, counts: str) -> str:
    """The whole page. sections: of section() and error_section(); counts: one line on how many there are."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>\n'
            f'<h1>{escape(title)}</h1><p>{escape(counts)}</p><p class="small">{escape(DISCLOSURE)} {_legend()}</p>\n'
            + "\n".join(sections) + f'\n<footer><p>{escape(DISCLOSURE)}</p></footer></body></html>\n')


def section(custom_id: str, explanations: list[Explanation], thumbnails: list[str]) -> str:
    """One answered item. thumbnails: data URIs, one a face, or none."""
    pictures = thumbnails or [""] * len(explanations)
    first = explanations[0]
    asked = f'<p class="small">{escape(first.question)}{_edits(first)}</p>'
    faces = "".join(_face(e, picture) for e, picture in zip(explanations, pictures, strict=True))
    return f"<article><h2>{escape(custom_id)}</h2>{asked}{faces}</article>"


def error_section(custom_id: str, code: str, message: str) -> str:
    return f'<article><h2>{escape(custom_id)}</h2><p class="error">{escape(code)}: {escape(message)}</p></article>'


def timeline(explanation: Explanation) -> str:
    """Inline SVG with one row an action unit and one bar a movement; empty for a photo."""
    times = (explanation.evidence or {}).get("times", [])
    events = [e for e in explanation.events if e.au in ACTION_UNITS]
    if len(times) < 2 or not events:
        return ""
    start, length = times[0], times[-1] - times[0] or 1.0
    strongest = sorted({e.au for e in events}, key=lambda au: -max(e.peak for e in events if e.au == au))[:MAX_ROWS]
    order = sorted(strongest)
    height = ROW * (len(order) + 1)
    bars = "".join(_bar(e, order.index(e.au), start, length) for e in events if e.au in order)
    names = "".join(f'<text x="0" y="{ROW * k + 12}">{au}</text>' for k, au in enumerate(order))
    ends = (f'<text x="{LEFT}" y="{height - 3}">{start:.1f} s</text>'
            f'<text x="{LEFT + WIDTH}" y="{height - 3}" text-anchor="end">{start + length:.1f} s</text>')
    return (f'<svg viewBox="0 0 {LEFT + WIDTH} {height}" width="{LEFT + WIDTH}" role="img" '
            f'aria-label="movements over time">{names}{bars}{ends}</svg>')


def _bar(event: AUEvent, row: int, start: float, length: float) -> str:
    """A movement from onset to offset, the stronger the more opaque, with a tick at its apex."""
    x, width = (LEFT + WIDTH * (event.onset - start) / length, max(2.0, WIDTH * (event.offset - event.onset) / length))
    apex = LEFT + WIDTH * (event.apex - start) / length
    told = (f"{event.au} {ACTION_UNITS[event.au].title}, {event.side}, {event.onset:.1f}-{event.offset:.1f} s, "
            f"strongest at {event.apex:.1f} s with {event.peak:.1f} of 5{', micro-movement' if event.micro else ''}")
    return (f'<g><title>{escape(told)}</title><rect x="{x:.1f}" y="{ROW * row + 3}" width="{width:.1f}" height="{ROW - 5}" '
            f'rx="2" fill="{COLOURS[event.micro]}" fill-opacity="{0.25 + 0.15 * min(5.0, event.peak):.2f}"/>'
            f'<rect x="{apex - 0.75:.1f}" y="{ROW * row + 1}" width="1.5" height="{ROW - 1}" fill="currentColor"/></g>')


def _face(explanation: Explanation, picture: str) -> str:
    image = f'<img src="{escape(picture)}" alt="face {explanation.face_id}">' if picture else ""
    notices = "".join(f'<p class="small">{escape(n)}</p>' for n in explanation.notices)
    told = f"<p>{escape(explanation.interpretation)}</p>" if explanation.interpretation else ""
    head = f'<p class="small">face {explanation.face_id}</p>' if explanation.measured else ""
    return (f'<div class="face">{image}<div>{head}{_claims(explanation)}{timeline(explanation)}{told}'
            f"{_reading(explanation)}{notices}</div></div>")


def _claims(explanation: Explanation) -> str:
    claims = movement_claims(explanation)
    if not claims:
        return f"<p>{NOTHING_MOVED}</p>" if explanation.label is not None else ""
    once: dict[tuple, Claim] = {}  # the prose may say one thing twice
    for claim in claims:
        once.setdefault((claim.au, claim.side, claim.polarity, claim.verdict), claim)
    return f"<ul>{''.join(map(_claim, once.values()))}</ul>"


def _claim(claim: Claim) -> str:
    title = ACTION_UNITS[claim.au].title if claim.au in ACTION_UNITS else ""
    strength = "absent" if claim.polarity == "absent" else claim.level or "present"
    strength += "" if math.isnan(claim.intensity) or claim.polarity == "absent" else f" {claim.intensity:.1f}/5"
    time = "" if claim.interval is None else f", {claim.interval[0]:.1f}-{claim.interval[1]:.1f} s"
    side = "" if claim.side == "both" else f", {claim.side} side"
    remark = "" if claim.verdict == "supported" else f" ({claim.verdict}{': ' + claim.reason if claim.reason else ''})"
    return (f'<li><span class="v" title="{escape(claim.verdict)}">{MARKS.get(claim.verdict, "?")}</span>'
            f"{escape(f'{claim.au} {title}{side}, {strength}{time}{remark}')}</li>")


def _reading(explanation: Explanation) -> str:
    if explanation.label is None:
        return f'<p class="reading">{NOT_ENOUGH[0].upper()}{NOT_ENOUGH[1:]}.</p>'
    reading = whole_reading(explanation)
    return f'<p class="reading">{reading[0].upper()}{reading[1:]}.</p>'


def _edits(explanation: Explanation) -> str:
    if not explanation.edits:
        return ""
    return escape(f" {edits_sentence(explanation.edits)}.")


def _legend() -> str:
    return escape("Verdicts: " + ", ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items()) + ".")
