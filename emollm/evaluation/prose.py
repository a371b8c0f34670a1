"""The prose half of `emollm eval reasoning`: what explanations of photos and clips get wrong, by the verifier of prose.

Every readable face is explained twice, with grounded decoding and free. A statement is what a clause claims and the verifier
could judge (docs/verifier.md); intervals resample photos and clips, since faces of one picture are no independent draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emollm.answer.clauses import sentences
from emollm.answer.labels import UNLISTED, WRONG
from emollm.answer.ranks import WRONG_RANK
from emollm.caption.incoming.items import Item
from emollm.evaluation.batches import answer_all, batches
from emollm.evaluation.report import Figure, Report, unread_lines
from emollm.evaluation.statistics import bootstrap
from emollm.explainer import prepare
from emollm.explanation import REPEATED, Explanation
from emollm.schema import InputError

FAULTS = {REPEATED: "a sentence repeated", WRONG: "a wrong alternative", WRONG_RANK: "a wrong rank",
          UNLISTED: "unlisted support"}
OTHER = "another fault"
WORST = 5  # sentences that are quoted
MODES = {"grounded": True, "free": False}


@dataclass
class Counts:
    """What was found in the explanations of one way of decoding, one entry a face."""

    source: list[str] = field(default_factory=list)
    statements: list[tuple[int, int]] = field(default_factory=list)  # of the prose: contradicted, judged
    lines: list[tuple[int, int]] = field(default_factory=list)  # the same of observation lines
    coverage: list[float] = field(default_factory=list)  # only faces with prose
    covered: list[str] = field(default_factory=list)  # their sources
    faults: list[set[str]] = field(default_factory=list)  # kinds
    worst: list[dict] = field(default_factory=list)  # sentences with most that is wrong: source, sentence, reasons

    def add(self, source: str, told: Explanation) -> None:
        self.source.append(source)
        self.lines.append(_count_contradicted(told, observed=True))
        self.statements.append(_count_contradicted(told, observed=False))
        self.faults.append({fault["kind"] for fault in told.faults})
        if told.coverage is not None:
            self.coverage.append(told.coverage)
            self.covered.append(source)
        wrong = self.worst + [{"source": source, **sentence} for sentence in wrong_sentences(told)]
        self.worst = sorted(wrong, key=lambda sentence: -len(sentence["reasons"]))[:WORST]


def _count_contradicted(told: Explanation, observed: bool) -> tuple[int, int]:
    """Contradicted and judged claims of the observation lines, or of the prose."""
    verdicts = [c.verdict for c in told.claims if (c.kind == "observation") == observed]
    return verdicts.count("contradicted"), len(verdicts)


def wrong_sentences(told: Explanation) -> list[dict]:
    """Sentences in which something is contradicted or at fault: sentence and the reasons, each once."""
    wrong = {(c.span[0], c.reason): f"contradicted {c.kind}: {c.reason}" for c in told.claims
             if c.verdict == "contradicted" and c.kind != "observation"}
    wrong |= {(f["span"][0], f["detail"]): f"{f['kind']}: {f['detail']}".rstrip(": ") for f in told.faults}
    entries = []
    for start, end in sentences(told.text):
        reasons = [reason for (at, _), reason in sorted(wrong.items()) if start <= at < end]
        if reasons:
            entries.append({"sentence": told.text[start:end], "reasons": reasons})
    return entries


def prose(items: list[Item], engine, crops: bool) -> Report:
    """The figures of every way of decoding, for photos and clips. Raises InputError when none of them can be read."""
    counts, unread = {mode: Counts() for mode in MODES}, []
    for batch in batches(items, lambda item: prepare(item.source, engine.shape, crops=crops), "photos and clips"):
        for mode, grounded in MODES.items():
            for item, explanations in answer_all(batch, engine, grounded):
                _count(item, explanations, counts[mode], unread if grounded else [])
    if not counts["grounded"].source:
        raise InputError(f"none of {len(items)} photos and clips can be judged. {unread[0]['place']}: {unread[0]['reason']}")
    return _report(counts, unread, len(items))


def _count(item: Item, explanations: list[Explanation] | InputError, counts: Counts, unread: list[dict[str, str]]) -> None:
    """The faces of one photo or clip; those that were refused go to `unread`."""
    if isinstance(explanations, InputError):
        unread.append({"place": item.custom_id, "reason": " ".join(str(explanations).split())})
        return
    for told in explanations:
        if told.text:
            counts.add(item.custom_id, told)
        else:
            unread.append({"place": f"{item.custom_id}, face {told.face_id}", "reason": "; ".join(told.notices)})


# --- figures -----------------------------------------------------------------------------------------------------------

def _report(counts: dict[str, Counts], unread: list[dict[str, str]], media: int) -> Report:
    figures: dict[str, Figure] = {}
    lines = unread_lines(unread, f"faces or files of {media} photos and clips")
    for mode, tally in counts.items():
        figures |= {f"{mode} prose: {name}": figure for name, figure in figures_of(tally).items()}
        lines += [f"worst of the {mode} prose:", *map(_quote_line, tally.worst)] if tally.worst else []
    stored = {"worst sentences": {mode: tally.worst for mode, tally in counts.items()}, "unread": unread}
    return Report(figures, lines, stored)


def _quote_line(wrong: dict) -> str:
    return f'  {wrong["source"]}: "{wrong["sentence"]}" ({"; ".join(wrong["reasons"])})'


def figures_of(tally: Counts) -> dict[str, Figure]:
    """Shares of statements, of explanations with each fault, and of clauses that could be judged."""
    groups = np.array(tally.source)
    figures = {"contradicted statements": _share(np.array(tally.statements), groups),
               "contradicted observation lines": _share(np.array(tally.lines), groups)}
    known = {name: [kind in faults for faults in tally.faults] for kind, name in FAULTS.items()}
    for name, has in (known | {OTHER: [bool(faults - FAULTS.keys()) for faults in tally.faults]}).items():
        figures[f"explanations with {name}"] = (*bootstrap(np.array(has), groups=groups), len(has))
    coverage = np.array(tally.coverage)
    figures["clauses that could be judged"] = (*bootstrap(coverage, groups=np.array(tally.covered)), len(coverage))
    return figures


def _share(pairs: np.ndarray, groups: np.ndarray) -> Figure:
    """Contradicted of judged ones. pairs [N, 2]: both, of every explanation."""
    judged = pairs[:, 1] > 0
    share = bootstrap(pairs[judged], lambda some: some[:, 0].sum() / some[:, 1].sum(), groups=groups[judged])
    return *share, int(pairs[:, 1].sum())
