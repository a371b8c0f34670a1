"""How well the verifier of prose finds and judges what hand-labelled sentences state: precision and recall by kind.

The file of sentences explains its format in its head. A statement counts as right when kind, action units, label and verdict
are as labelled; intervals are bootstrapped over sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emollm.answer.labels import ABSENT, OVERLOOKED, OWN, UNLISTED
from emollm.answer.prose import judge
from emollm.answer.ranks import SELF
from emollm.explanation import BROKEN, READ_TWICE, REPEATED, TWICE
from emollm.schema import LABELS, AUEvent, AUSeries, InputError, au_index

_KINDS = {
    "m": "movement",
    "str": "strength",
    "rank": "rank",
    "side": "side",
    "cnt": "count",
    "pl": "place",
    "t": "time",
    "ord": "order",
    "comb": "combination",
    "sup": "support",
    "alt": "alternative",
    "conf": "confidence",
    "lab": "label",
    "cau": "cause",
}
_VERDICTS = {"+": "supported", "-": "contradicted", "?": "unsure", ".": "unmeasured"}
_FAULTS = {
    REPEATED: "!repeated",
    BROKEN: "!broken",
    TWICE: "!twice",
    OWN: "!own",
    SELF: "!self",
    UNLISTED: "!unlisted",
    ABSENT: "!absent",
    OVERLOOKED: "!overlooked",
    READ_TWICE: "!reading",
}
FRAME_SECONDS = 0.1  # of the made-up clips

StatementKey = tuple[str, frozenset, str, str]  # kind, unit numbers, label, verdict


@dataclass
class Group:
    """One made-up face: its measurement and its reading."""

    name: str
    series: AUSeries
    events: list[AUEvent]
    distribution: dict[str, float]
    label: str


@dataclass
class Case:
    """One labelled sentence."""

    group: Group
    sentence: str
    expected: set[StatementKey]


def read_cases(path: str | Path) -> list[Case]:
    """Labelled sentences of a file. Raises InputError naming the line that cannot be read."""
    cases, group = [], None
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            if line.startswith("@"):
                group = read_group(line)
            elif line.strip() and not line.startswith("#"):
                sentence, _, stated = line.partition(" => ")
                cases.append(
                    Case(group, sentence.replace(" // ", "\n"), {read_statement(s) for s in stated.split() if s != "none"})
                )
        except (ValueError, KeyError, IndexError) as error:
            raise InputError(f"{path}:{number}: cannot read '{line[:60]}' ({error}). See the head of the file.") from None
    return cases


def read_statement(text: str) -> StatementKey:
    """ "sup:4:anger+" -> ("support", {4}, "anger", "supported"); "!twice" is a fault."""
    if text.startswith("!"):
        return ("fault", frozenset(), text, "")
    kind, units, label, *_ = [*text[:-1].split(":"), "", ""]
    if units in LABELS:
        units, label = "", units
    return _KINDS[kind], frozenset(int(u) for u in units.split("/") if u), label, _VERDICTS[text[-1]]


_UNIT = re.compile(r"AU(\d\d) (-|[\d.]+)(?:/([\d.]+))?(?: \[([\d.]+)-([\d.]+)\])?")


def read_group(line: str) -> Group:
    """ "@ name | AU12 3.0 [0.4-1.8], AU09 - | happiness .8, ... | 5.0 s"."""
    name, units, labels, *length = [part.strip() for part in line[1:].split("|")]
    frames = round(float(length[0].split()[0]) / FRAME_SECONDS) + 1 if length else 1
    times = np.arange(frames) * FRAME_SECONDS
    intensity, measured, events = np.zeros((frames, 24, 2)), np.ones(24, bool), []
    for number, left, right, onset, offset in _UNIT.findall(units):
        k = au_index(number)
        if left == "-":
            measured[k], intensity[:, k] = False, np.nan
            continue
        when = (times >= float(onset) - 1e-6) & (times <= float(offset) + 1e-6) if onset else np.ones(frames, bool)
        intensity[when, k] = float(left), float(right or left)
        if onset:
            peak = max(float(left), float(right or left))
            events.append(
                AUEvent(f"AU{number}", "both", float(onset), (float(onset) + float(offset)) / 2, float(offset), peak)
            )
    series = AUSeries(times, intensity, np.ones((frames, 24)), measured, "hand")
    given = {name: float(p) for name, p in (pair.split() for pair in labels.split(","))}
    rest = (1 - sum(given.values())) / max(1, len(LABELS) - len(given))
    return Group(name, series, events, {label: given.get(label, max(0.0, rest)) for label in LABELS}, next(iter(given)))


def stated(case: Case) -> set[StatementKey]:
    """What the verifier makes of a sentence, in the terms of the labels."""
    g = case.group
    verdicts = judge(case.sentence, g.series, g.events, g.distribution, g.label)
    labelled = ("support", "alternative", "label")
    found = {
        (f.kind, frozenset(int(u[2:]) for u in f.units), f.label if f.kind in labelled else "", f.verdict)
        for f in verdicts.found
    }
    return found | {("fault", frozenset(), _FAULTS[f.kind], "") for f in verdicts.faults if f.kind in _FAULTS}


def counts(cases: list[Case]) -> Iterator[tuple[str, np.ndarray]]:
    """For "all" and every kind: [N, 3] right, found and labelled statements of each sentence."""
    pairs = [(stated(case), case.expected) for case in cases]
    for kind in ("all", *_KINDS.values(), "fault"):
        rows = [
            [
                sum(kind in ("all", s[0]) for s in found & expected),
                sum(kind in ("all", s[0]) for s in found),
                sum(kind in ("all", s[0]) for s in expected),
            ]
            for found, expected in pairs
        ]
        yield kind, np.array(rows)


def scores(cases: list[Case], resamples: int = 2000) -> dict[str, dict]:
    """Precision and recall of every kind with 95 % bootstrap intervals over sentences, and n of statements."""
    table, rng = {}, np.random.default_rng(0)
    draws = rng.integers(0, len(cases), (resamples, len(cases)))
    for kind, rows in counts(cases):
        right, found, labelled = rows.sum(0)
        if not labelled:
            continue
        sums = rows[draws].sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall = sums[:, 0] / sums[:, 1], sums[:, 0] / sums[:, 2]
        table[kind] = {
            "precision": (_share(right, found), *_interval(precision)),
            "found": int(found),
            "recall": (_share(right, labelled), *_interval(recall)),
            "labelled": int(labelled),
        }
    return table


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _interval(values: np.ndarray) -> tuple[float, float]:
    return tuple(float(q) for q in np.nanquantile(values, [0.025, 0.975])) if np.isfinite(values).any() else (np.nan, np.nan)


def as_table(table: dict[str, dict]) -> str:
    """The scores as text, one line a kind."""
    lines = [f"{'kind':<12} precision               n   recall                  n"]
    for kind, s in table.items():
        cells = [
            f"{v:.3f} [{low:.3f}, {high:.3f}]  {n:>3}"
            for (v, low, high), n in ((s["precision"], s["found"]), (s["recall"], s["labelled"]))
        ]
        lines.append(f"{kind:<12} {'   '.join(cells)}")
    return "\n".join(lines)
