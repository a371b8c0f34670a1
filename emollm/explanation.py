"""The result and how it reads: one Explanation a face, as plain JSON types and as text for people.

Wording is a safety control: a movement is "commonly read as" an emotion, with a confidence and an alternative;
nothing here says what somebody feels. Standard library only, so that reading a result never loads a model.
"""

from __future__ import annotations

import dataclasses
import html
import math
import os
import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any

from emollm.facs.units import ACTION_UNITS
from emollm.schema import AU_NAMES, CLAIM_KINDS, LABELS, SCHEMA_VERSION, SIDES, VERDICTS, AUEvent, Claim, InputError, plain_json

STYLES = ("movement", "label", "brief", "full")
WIDTH = 100  # columns of the text report
STRONG = 3.0  # peak from which a movement of a clip is not left out of the text
LEAST_ALTERNATIVE = 0.05  # a label below it is no way in which the face "could also be read"
IN_BRIEF = 4  # phases of a clip that the brief style names
CLOSE_MARGIN = 0.2  # a smaller lead of the label over the next one calls for two alternatives (docs/decisions.md)
MARKS = {"supported": "✓", "contradicted": "✗", "unsure": "?", "unmeasured": "·"}
# Faults that are no wrong claim, but wrong text all the same.
OWN_FAULTS = REPEATED, BROKEN, TWICE, MISNAMED, READ_TWICE = (
    "sentence repeated", "sentence broken", "movement named twice", "movement by another's code", "reading named twice")
NOT_ENOUGH = "not enough to say"
NOTHING_MOVED = "No movement stands out."
DISCLOSURE = "AI-generated reading of visible movement; it does not tell what anybody feels."
_ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "█": "#", "░": ".", "–": "-", "’": "'"})


@dataclass
class Explanation:
    """Why one face is commonly read as one emotion: text, label distribution, claims and their evidence."""

    face_id: int = 0
    label: str | None = None  # None: not enough to say
    distribution: dict[str, float] = field(default_factory=dict)  # 8 labels, sums to 1
    confidence: float = 0.0  # calibrated probability of `label`
    alternatives: list[str] = field(default_factory=list)
    text: str = ""  # the model's answer, whole
    observations: str = ""
    interpretation: str = ""
    conclusion: str = ""
    claims: list[Claim] = field(default_factory=list)
    events: list[AUEvent] = field(default_factory=list)
    evidence: dict[str, Any] | None = None  # AUSeries.to_dict() of what the model was given
    key_frames: list[float] = field(default_factory=list)  # s
    box: list[float] = field(default_factory=list)  # px at the first key frame
    source: str = ""
    question: str = ""
    edits: dict[str, float] = field(default_factory=dict)  # --what-if edits of the evidence
    notices: list[str] = field(default_factory=list)
    coverage: float | None = None  # share of the prose's clauses that could be judged; None without prose
    left_out: list[str] = field(default_factory=list)  # sentences of the model that the measurement contradicts
    unchecked: list[list[int]] = field(default_factory=list)  # spans in `text` of the clauses that nothing could judge
    faults: list[dict[str, Any]] = field(default_factory=list)  # kind, span in `text`, detail: repetition, wrong rank, ...
    # Movements that are there and that tables list for the label, and those that speak against it; the strongest first. Each:
    # au, strength 0-5, the label that lists it ("" when none does) and the sources that do.
    support: list[dict] = field(default_factory=list)
    against: list[dict] = field(default_factory=list)
    because: str = ""  # both in words, and the conflict of the witnesses where there is one
    # The two readings behind the distribution, by label: "look" (empty without pixels) and "movements"; "conflict" 0-1.
    witnesses: dict[str, Any] = field(default_factory=dict)
    # Where the distribution lies between unpleasant and pleasant, calm and excited (facs.affect): valence and arousal, -1 to 1,
    # and the interval [low, high] of each that its labels span. Empty without a label.
    affect: dict[str, Any] = field(default_factory=dict)
    # Of a clip, read from its movements alone: the stretches that are read alike (answer.phases), and valence and arousal from
    # moment to moment. Empty in a photo.
    phases: list[dict[str, Any]] = field(default_factory=list)
    affect_track: dict[str, list] = field(default_factory=dict)
    model: str = ""
    evidence_version: str = ""
    schema_version: str = SCHEMA_VERSION
    ai_generated: bool = True

    @property
    def measured(self) -> bool:
        return self.evidence is not None

    def to_dict(self) -> dict:
        """Plain JSON types; NaN becomes null."""
        return plain_json(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, stored: dict) -> Explanation:
        """Inverse of to_dict. Raises InputError for unknown keys or another schema version."""
        version = str(stored.get("schema_version", ""))
        if version.split(".", maxsplit=1)[0] != SCHEMA_VERSION.split(".", maxsplit=1)[0]:
            raise InputError(f"explanation has schema version '{version}', this emollm reads {SCHEMA_VERSION}")
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := sorted(set(stored) - known):
            raise InputError(f"explanation has unknown keys {unknown}")
        values = dict(stored)
        values["claims"] = [_claim(c) for c in stored.get("claims", [])]
        values["events"] = [AUEvent(**{k: v for k, v in e.items() if k != "micro"}) for e in stored.get("events", [])]
        return cls(**values)

    def to_pandas(self):
        """The claims as a pandas DataFrame, one row each, onset and offset in s (NaN in a photograph).

        Raises InputError when pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            raise InputError("to_pandas() needs pandas: pip install pandas") from None
        rows = [{"source": self.source, "face_id": self.face_id, "label": self.label, "kind": c.kind,
                 "au": c.au, "side": c.side,
                 "polarity": c.polarity, "level": c.level, "intensity": c.intensity,
                 "onset": c.interval[0] if c.interval else math.nan, "offset": c.interval[1] if c.interval else math.nan,
                 "measured_intensity": c.measured_intensity, "verdict": c.verdict, "reason": c.reason, "text": c.text}
                for c in self.claims]
        return pandas.DataFrame(rows)

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return f'<pre style="white-space: pre-wrap">{html.escape(as_text(self))}</pre>'


class Explanations(list[Explanation]):
    """What explain() gives: a list that a notebook shows as its reports."""

    def _repr_html_(self) -> str:
        return "\n<hr>\n".join(explanation._repr_html_() for explanation in self)


def _claim(stored: dict) -> Claim:
    values = dict(stored)
    for key in ("intensity", "measured_intensity"):
        values[key] = math.nan if values.get(key) is None else values[key]
    for key in ("span", "interval"):
        values[key] = tuple(values[key]) if values.get(key) is not None else None
    return Claim(**values)


_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object",
          "tuple": "array"}


def _property(annotation: str) -> dict:
    """JSON Schema of one dataclass field, from its annotation; numbers may be null because NaN is written so."""
    kinds = {_TYPES[part.split("[")[0].strip()] for part in annotation.split("|")
             if part.split("[")[0].strip() in _TYPES}
    if "None" in annotation or "number" in kinds:
        kinds.add("null")
    return {"type": sorted(kinds)}


def json_schema() -> dict:
    """JSON Schema (draft 2020-12) of Explanation.to_dict()."""
    def schema_of(cls: type, **override: dict) -> dict:
        fields = {f.name: _property(str(f.type)) for f in dataclasses.fields(cls)}
        return {"type": "object", "additionalProperties": False, "required": sorted(fields),
                "properties": fields | override}

    claim = schema_of(Claim, side={"enum": list(SIDES)}, verdict={"enum": list(VERDICTS)},
                      polarity={"enum": ["present", "absent"]},
                      kind={"enum": list(CLAIM_KINDS)}, label={"enum": [*LABELS, ""]},
                      # A claim may name a unit that nobody measures, or none.
                      au={"type": "string", "pattern": "^(AU[0-9]{2})?$"})
    schema = schema_of(Explanation, label={"enum": [*LABELS, None]}, claims={"type": "array", "items": claim},
                       events={"type": "array", "items": schema_of(AUEvent, au={"enum": list(AU_NAMES)})},
                       distribution={"type": "object", "additionalProperties": False,
                                     "properties": {label: {"type": "number", "minimum": 0, "maximum": 1}
                                                    for label in LABELS}})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "emollm explanation",
            "$id": f"emollm-explanation-{SCHEMA_VERSION}", **schema}


# As text


def as_text(explanation: Explanation, style: str = "full") -> str:
    """One explanation as text.

    style: movement (observations only, no emotion word), label (one line), brief (two or three sentences) or full.
    Raises InputError for another style.
    """
    writers = {"movement": _movement, "label": _label, "brief": _brief_text, "full": _full_text}
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

    One alternative, or two when the two most probable labels lie within CLOSE_MARGIN of each other; none below
    LEAST_ALTERNATIVE.
    """
    ranked, close = ranking(explanation), is_close(explanation.distribution)
    names = [*explanation.alternatives, *(label for label, _ in ranked)]
    others = [name for name in dict.fromkeys(names)
              if name != explanation.label and explanation.distribution.get(name, 1.0) >= LEAST_ALTERNATIVE]
    return others[:max(len(explanation.alternatives), 2 if close else 1)]


def is_close(distribution: dict[str, float]) -> bool:
    """Whether the label leads the next one by less than CLOSE_MARGIN."""
    ranked = sorted(distribution.values(), reverse=True)
    return len(ranked) > 1 and ranked[0] - ranked[1] < CLOSE_MARGIN


def ranking(explanation: Explanation) -> list[tuple[str, float]]:
    """Labels with their probability, most probable first."""
    return sorted(explanation.distribution.items(), key=lambda item: -item[1])


def _full_text(explanation: Explanation) -> str:
    blocks = [_header(explanation)]
    if explanation.notices:
        blocks.append("\n".join(_wrap(notice, "! ") for notice in explanation.notices))
    if explanation.measured or explanation.claims:
        blocks.append("Observations\n" + _observations(explanation) + _untold_line(explanation))
    if explanation.interpretation:
        blocks.append("Interpretation\n" + _wrap(explanation.interpretation, "  "))
    elif explanation.text and not explanation.claims:
        blocks.append("Answer\n" + _wrap(explanation.text, "  "))
    blocks.append("Conclusion\n" + _conclusion(explanation))
    if len(explanation.phases) > 1:
        blocks.append("Over time, by the movements alone\n" + _phases(explanation))
    if explanation.coverage is not None:
        blocks.append("Text\n" + _check_summary(explanation))
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
    return f"{_place(explanation)}: {whole_reading(explanation)}"


def _brief_text(explanation: Explanation) -> str:
    present = [c for c in movement_claims(explanation) if c.polarity == "present" and c.verdict != "contradicted"]
    strongest = sorted(present, key=lambda c: -_number(c.intensity))[:3]
    cited = " with ".join(f"{_title(c.au)} ({c.au}{_one_side(c)}, {_strength(c)})" for c in strongest)
    cited = cited or ("a face without a movement that stands out" if explanation.measured else "this face")
    notices = "".join(f" {notice.rstrip('.')}." for notice in explanation.notices)
    if explanation.label is None:
        return f"{cited[0].upper()}{cited[1:]}: {NOT_ENOUGH} about how this is commonly read.{notices}"
    others = alternatives(explanation)
    also = f" It could also be read as {' or '.join(others)}." if others else ""
    return f"{cited[0].upper()}{cited[1:]} is {_reading(explanation)}.{also}{_course(explanation)}{notices}"


def _course(explanation: Explanation) -> str:
    """A sentence on a clip whose movements are read differently in time, empty otherwise."""
    if len(explanation.phases) < 2:
        return ""
    told = [f"{phase['label']} ({phase['start']:.1f}-{phase['end']:.1f} s)" for phase in explanation.phases[:IN_BRIEF]]
    more = f" and {len(explanation.phases) - IN_BRIEF} more" if len(explanation.phases) > IN_BRIEF else ""
    return f" In time, its movements alone are read as {', then '.join(told)}{more}."


def _header(explanation: Explanation) -> str:
    lines = [_place(explanation)]
    if explanation.question:
        lines.append(_wrap(explanation.question, "Question: "))
    if explanation.edits:
        lines.append(edits_sentence(explanation.edits))
    return "\n".join(lines)


def edits_sentence(edits: dict[str, float]) -> str:
    """That the evidence was edited, and how; {"AU04": 0.0} are the edits."""
    changes = ", ".join(f"{au} set to {value:g}" for au, value in edits.items())
    return f"What if: {changes} (edited evidence, not what was measured)"


def _place(explanation: Explanation) -> str:
    source = os.path.basename(explanation.source) or "picture"
    return f"{source}, face {explanation.face_id}"


def _observations(explanation: Explanation) -> str:
    """One aligned line per claim: verdict mark, AU, side, level, time, and why a claim is not simply supported."""
    rows = [_row(claim) for claim in _unique_movements(movement_claims(explanation))]
    if not rows:
        return f"  {NOTHING_MOVED if explanation.measured else 'No face could be measured.'}"
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def untold_events(explanation: Explanation) -> list[AUEvent]:
    """The strong movements of a clip that no observation is about, in time order, each action unit once."""
    told = {c.au for c in movement_claims(explanation)}
    strongest: dict[str, AUEvent] = {}
    for event in explanation.events:
        if event.au not in told and event.peak >= max(STRONG, strongest[event.au].peak if event.au in strongest else 0):
            strongest[event.au] = event
    return sorted(strongest.values(), key=lambda e: e.apex)


def _untold_line(explanation: Explanation) -> str:
    """What is untold, as a line; nothing where all is told."""
    if not (ordered := untold_events(explanation)):
        return ""
    named = [f"{_title(e.au)} ({e.au}) {e.peak:.1f} at {e.apex:.1f} s" for e in ordered]
    return "\n" + _wrap(f"Measured as well: {', '.join(named)}", "  ")


def _unique_movements(claims: list[Claim]) -> list[Claim]:
    """Each movement once, in the order of the text."""
    first: dict[tuple, Claim] = {}
    for claim in claims:
        first.setdefault((claim.au, claim.side, claim.polarity, claim.interval), claim)
    return list(first.values())


def movement_claims(explanation: Explanation) -> list[Claim]:
    """The claims that one action unit is there or not: observation lines, then what the prose adds to them."""
    lines = [c for c in explanation.claims if c.kind == "observation" or c.level]
    stated = {(c.au, c.polarity, c.verdict) for c in lines}
    prose = [c for c in explanation.claims if c.kind == "movement" and not c.level and len(c.units) < 2]
    return [*lines, *(c for c in prose if (c.au, c.polarity, c.verdict) not in stated)]


def _check_summary(explanation: Explanation) -> str:
    """How many statements of the prose the measurement bears out, those that it does not, and how much was not checked."""
    prose = [c for c in explanation.claims if c.kind != "observation"]
    counts = {verdict: sum(c.verdict == verdict for c in prose) for verdict in VERDICTS}
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    unchecked = len(explanation.unchecked)
    lines = [f"{len(prose)} statements checked{f': {told}' if told else ''}; "
             f"{unchecked} clause{'s' if unchecked != 1 else ''} could not be checked"]
    wrong = [f"{c.text.strip(' .,;')}: {c.reason}" for c in prose if c.verdict == "contradicted"]
    wrong += [f"{fault['kind']}: {fault['detail'].strip(' .,;')}" for fault in explanation.faults
              if fault["kind"] in OWN_FAULTS]
    return "\n".join([_wrap(lines[0], "  "), *(_wrap(line, f"  {MARKS['contradicted']} ") for line in dict.fromkeys(wrong))])


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
    if explanation.because:
        lines.append(_wrap(explanation.because, "  "))
    if explanation.affect:
        lines.append(f"  {_affect(explanation.affect)}")
    return "\n".join(lines)


def _phases(explanation: Explanation) -> str:
    """One line a phase: when, how it is read, and its strongest movements."""
    rows = [(f"{phase['start']:.1f}-{phase['end']:.1f} s", f"{phase['label']} {phase['confidence']:.2f}",
             ", ".join(f"{m['au']} {m['intensity']:.1f}" for m in phase["movements"]) or "nothing stands out")
            for phase in explanation.phases]
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    return "\n".join(f"  {when:<{widths[0]}}  {read:<{widths[1]}}  {moving}" for when, read, moving in rows)


def _affect(affect: dict[str, Any]) -> str:
    """"Valence +0.63 (+0.21 to +1.00), arousal +0.41 (+0.16 to +0.66)"."""
    told = [f"{name} {affect[name]:+.2f} ({affect[f'{name}_interval'][0]:+.2f} to {affect[f'{name}_interval'][1]:+.2f})"
            for name in ("valence", "arousal")]
    return ", ".join(told).capitalize()


def whole_reading(explanation: Explanation) -> str:
    """The label with its confidence and alternatives, in half a sentence; the label must be there."""
    others = alternatives(explanation)
    return _reading(explanation) + (f"; could also be read as {' or '.join(others)}" if others else "")


def _reading(explanation: Explanation) -> str:
    return f"commonly read as {explanation.label} (confidence {explanation.confidence:.2f})"


def _strength(claim: Claim) -> str:
    value = "" if math.isnan(claim.intensity) else f"{claim.intensity:.1f}/5"
    return f"{claim.level} {value}".strip()


def _one_side(claim: Claim) -> str:
    return "" if claim.side == "both" else f" {claim.side}"


def _title(au: str) -> str:
    return ACTION_UNITS[au].title if au in AU_NAMES else au


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _wrap(text: str, first: str) -> str:
    return textwrap.fill(text.strip(), WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
