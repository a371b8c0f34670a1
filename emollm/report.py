"""What leaves emollm: an explanation as text for people, and files written whole or not at all.

Wording is a safety control: a movement is "commonly read as" an emotion, with a confidence and an alternative;
nothing here says what somebody feels. Standard library only.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from emollm.schema import AU_NAMES, InputError

if TYPE_CHECKING:
    from emollm.schema import Claim, Explanation

STYLES = ("movement", "label", "brief", "full")
WIDTH = 100  # columns of the text report
CLOSE = 0.2  # top-two margin under which two alternatives are named (docs/decisions.md)
MARKS = {"supported": "✓", "contradicted": "✗", "unsure": "?", "unmeasured": "·"}
NOT_ENOUGH = "not enough to say"
NOTHING_MOVED = "No movement stands out."
DISCLOSURE = "AI-generated reading of visible movement; it does not tell what anybody feels."
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "█": "#", "░": ".", "–": "-", "’": "'"})


def as_text(explanation: Explanation, style: str = "full") -> str:
    """One explanation as text.

    style: movement (observations only, no emotion word), label (one line), brief (two or three sentences) or full.
    Raises InputError for another style.
    """
    writers = {"movement": _movement, "label": _label, "brief": _brief, "full": _full}
    if style not in writers:
        raise InputError(f"unknown style '{style}': use one of {' '.join(STYLES)}")
    return writers[style](explanation)


def ascii_only(text: str) -> str:
    """The same text for a terminal that cannot show ticks and bars."""
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def print_text(text: str) -> None:
    """To stdout, in signs that it can show."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = ascii_only(text)
    sys.stdout.write(text)


def alternatives(explanation: Explanation) -> list[str]:
    """The other labels to name: the explanation's own, filled up from the distribution.

    One alternative, or two when the two most probable labels lie within CLOSE of each other.
    """
    ranked = ranking(explanation)
    close = len(ranked) > 1 and ranked[0][1] - ranked[1][1] < CLOSE
    names = [*explanation.alternatives, *(label for label, p in ranked if p > 0)]
    others = [name for name in dict.fromkeys(names) if name != explanation.label]
    return others[:max(len(explanation.alternatives), 2 if close else 1)]


def ranking(explanation: Explanation) -> list[tuple[str, float]]:
    """Labels with their probability, most probable first."""
    return sorted(explanation.distribution.items(), key=lambda item: -item[1])


def _full(explanation: Explanation) -> str:
    blocks = [_header(explanation)]
    if explanation.notices:
        blocks.append("\n".join(_wrap(notice, "! ") for notice in explanation.notices))
    if explanation.measured or explanation.claims:
        blocks.append("Observations\n" + _observations(explanation))
    if explanation.interpretation:
        blocks.append("Interpretation\n" + _wrap(explanation.interpretation, "  "))
    elif explanation.text and not explanation.claims:
        blocks.append("Answer\n" + _wrap(explanation.text, "  "))
    blocks.append("Conclusion\n" + _conclusion(explanation))
    versions = " · ".join(part for part in (explanation.model, explanation.evidence_version) if part)
    blocks.append("\n".join(part for part in (versions, DISCLOSURE) if part))
    return "\n\n".join(blocks)


def _movement(explanation: Explanation) -> str:
    lines = [_header(explanation), _observations(explanation)]
    return "\n".join([*lines, *(_wrap(notice, "! ") for notice in explanation.notices)])


def _label(explanation: Explanation) -> str:
    if explanation.label is None:
        reason = f" ({explanation.notices[0].rstrip('.')})" if explanation.notices else ""
        return f"{_place(explanation)}: {NOT_ENOUGH}{reason}"
    others = alternatives(explanation)
    also = f"; could also be read as {' or '.join(others)}" if others else ""
    return f"{_place(explanation)}: {_reading(explanation)}{also}"


def _brief(explanation: Explanation) -> str:
    present = [c for c in explanation.claims if c.polarity == "present" and c.verdict != "contradicted"]
    strongest = sorted(present, key=lambda c: -_number(c.intensity))[:3]
    cited = " with ".join(f"{_title(c.au)} ({c.au}{_one_side(c)}, {_strength(c)})" for c in strongest)
    cited = cited or ("a face without a movement that stands out" if explanation.measured else "this face")
    notices = "".join(f" {notice.rstrip('.')}." for notice in explanation.notices)
    if explanation.label is None:
        return f"{cited[0].upper()}{cited[1:]}: {NOT_ENOUGH} about how this is commonly read.{notices}"
    others = alternatives(explanation)
    also = f" It could also be read as {' or '.join(others)}." if others else ""
    return f"{cited[0].upper()}{cited[1:]} is {_reading(explanation)}.{also}{notices}"


def _header(explanation: Explanation) -> str:
    lines = [_place(explanation)]
    if explanation.question:
        lines.append(_wrap(explanation.question, "Question: "))
    if explanation.edits:
        edits = ", ".join(f"{au} set to {value:g}" for au, value in explanation.edits.items())
        lines.append(f"What if: {edits} (edited evidence, not what was measured)")
    return "\n".join(lines)


def _place(explanation: Explanation) -> str:
    source = os.path.basename(explanation.source) or "picture"
    return f"{source}, face {explanation.face_id}"


def _observations(explanation: Explanation) -> str:
    """One aligned line per claim: verdict mark, AU, side, level, time, and why a claim is not simply supported."""
    rows = [_row(claim) for claim in _ordered(explanation.claims)]
    if not rows:
        return f"  {NOTHING_MOVED if explanation.measured else 'No face could be measured.'}"
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _ordered(claims: list[Claim]) -> list[Claim]:
    """Each movement once, in the order of the text."""
    first: dict[tuple, Claim] = {}
    for claim in claims:
        first.setdefault((claim.au, claim.side, claim.polarity, claim.interval), claim)
    return list(first.values())


def _row(claim: Claim) -> list[str]:
    time = "" if claim.interval is None else f"{claim.interval[0]:.1f}-{claim.interval[1]:.1f} s"
    measured = "" if math.isnan(claim.measured_intensity) else f"measured {claim.measured_intensity:.1f}"
    remark = "" if claim.verdict == "supported" else f"{claim.verdict}: {claim.reason}".rstrip(": ")
    strength = "absent" if claim.polarity == "absent" else _strength(claim)
    return [MARKS.get(claim.verdict, "?"), claim.au, _title(claim.au), claim.side, strength, time, measured, remark]


def _conclusion(explanation: Explanation) -> str:
    if explanation.label is None:
        return f"  {NOT_ENOUGH[0].upper()}{NOT_ENOUGH[1:]}."
    lines = [f"  {_reading(explanation)[0].upper()}{_reading(explanation)[1:]}"]
    for label, probability in ranking(explanation)[:3]:
        filled = round(20 * probability)
        lines.append(f"  {label:<10} {'█' * filled}{'░' * (20 - filled)} {probability:.2f}")
    if explanation.conclusion:
        lines.append(_wrap(explanation.conclusion, "  "))
    if others := alternatives(explanation):
        lines.append(f"  Could also be read as: {', '.join(others)}")
    return "\n".join(lines)


def _reading(explanation: Explanation) -> str:
    return f"commonly read as {explanation.label} (confidence {explanation.confidence:.2f})"


def _strength(claim: Claim) -> str:
    value = "" if math.isnan(claim.intensity) else f"{claim.intensity:.1f}/5"
    return f"{claim.level} {value}".strip()


def _one_side(claim: Claim) -> str:
    return "" if claim.side == "both" else f" {claim.side}"


def _title(au: str) -> str:
    from emollm.facs import ACTION_UNITS

    return ACTION_UNITS[au].title if au in AU_NAMES else au


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _wrap(text: str, first: str) -> str:
    return textwrap.fill(text.strip(), WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def write_file(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed over `path`.

    Raises InputError when the place cannot be written.
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as handle:
            temporary = handle.name
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{path}: cannot write this file ({error.strerror}). Choose a folder that exists and is "
                         "writable.") from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _umask() -> int:
    """The process's file mode mask; the system only tells it while setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
