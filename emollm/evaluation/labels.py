"""`emollm eval labels TABLE`: how often the labels are those of your own table, of photos, clips, face crops or FACS codes.

The table has the column `path` or `codes` (or both: photos whose action units were coded by hand), `label`, and optionally
`subject`. Of several faces in a picture the main one that can be read counts. Every figure has n and a 95 % bootstrap interval,
over subjects where the table names them. Rows that could not be read are named and counted beside the figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from emollm.evaluation.batches import answer_all, batches
from emollm.evaluation.report import Report, stored_figure, unread_lines
from emollm.evaluation.statistics import bootstrap, calibration_error, macro_recall
from emollm.evidence import parse_facs
from emollm.evidence.rows import named_rows
from emollm.explainer import prepare
from emollm.facs.spellings import check_label
from emollm.schema import DEFAULT_PRIOR, LABELS, InputError
from emollm.subject import PreparedSource, choose

COLUMNS, NEEDED = ("path", "codes", "label", "subject"), (("path", "codes"), ("label",))
NO_LABEL = "no label"  # column of the confusion matrix: an answer without a conclusion
ACCURACY, MACRO, ERROR, SHARE = "accuracy", "macro recall", "calibration error (ECE)", "rows that could be read"
STRICT = "accuracy, rows that could not be read counted as wrong"
STORED = {"accuracy": ACCURACY, "macro_recall": MACRO, "ece": ERROR, "read": SHARE, "accuracy_unread_wrong": STRICT}
SHORT = 5  # letters of a label in the confusion matrix


@dataclass(frozen=True)
class Row:
    """One face whose label somebody gave."""

    place: str  # "faces.csv line 3"
    label: str
    path: str = ""
    codes: str = ""
    subject: str = ""


@dataclass
class Outcome:
    """What was read of the rows that could be read, and why the others could not."""

    truth: list[int] = field(default_factory=list)  # index into LABELS
    said: list[int] = field(default_factory=list)  # the same; len(LABELS): no label
    confidence: list[float] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)
    unread: list[dict[str, str]] = field(default_factory=list)  # place, label, subject, reason

    def leave_out(self, row: Row, reason: InputError) -> None:
        self.unread.append({"place": row.place, "label": row.label, "subject": row.subject,
                            "reason": " ".join(str(reason).split())})

    def add(self, row: Row, label: str | None, confidence: float) -> None:
        self.truth.append(LABELS.index(row.label))
        self.said.append(LABELS.index(label) if label in LABELS else len(LABELS))
        self.confidence.append(confidence)
        self.subject.append(row.subject)

    @property
    def pairs(self) -> np.ndarray:
        """[N, 2]: truth, said."""
        return np.array([self.truth, self.said]).T

    def groups(self, whole: bool = False) -> np.ndarray | None:
        """Subjects of the rows that were read, or of the whole table with the others last; None when it names none."""
        every = [*self.subject, *(one["subject"] for one in self.unread)]
        return np.array(every if whole else self.subject) if any(every) else None


def read_table(file: str) -> list[Row]:
    """Every row of a table. Raises InputError naming the row for a label that is none, or an empty cell."""
    folder, told = os.path.dirname(os.path.abspath(file)), "a table of labelled faces"
    rows = [_row(place, cells, folder) for place, cells in named_rows(file, COLUMNS, NEEDED, told)]
    if not rows:
        raise InputError(f"{file}: the table has no rows. Give one row for every face.")
    return rows


def _row(place: str, cells: dict[str, str], folder: str) -> Row:
    path, codes = cells.get("path", ""), cells.get("codes", "")
    if not path and not codes:
        empty = " and ".join(f"'{column}'" for column in ("path", "codes") if column in cells)
        raise InputError(f"{place}: nothing in the column {empty}. Fill it or remove the row.")
    if "subject" in cells and not cells["subject"]:
        raise InputError(f"{place}: the column 'subject' is empty. Name every row's subject, or leave the column out.")
    return Row(place, check_label(cells["label"], place), path and os.path.join(folder, path), codes, cells.get("subject", ""))


def labels(arguments: argparse.Namespace) -> Report:
    """All figures of a table. Raises InputError for a table that cannot be used."""
    rows = read_table(arguments.table)  # before the model is loaded: a wrong table is named at once
    from emollm.model.engine import engine as engine_of

    outcome = measure_rows(rows, engine_of(arguments.model, arguments.engine), arguments.crops, arguments.prior)
    if not outcome.truth:
        first = outcome.unread[0]
        raise InputError(f"{arguments.table}: none of its {len(rows)} rows could be read. {first['place']}: {first['reason']}")
    return report(outcome)


def measure_rows(rows: list[Row], engine, crops: bool, prior: str = DEFAULT_PRIOR) -> Outcome:
    """What the engine says of every row, batch by batch."""

    def look(row: Row) -> PreparedSource:
        codes = parse_facs(row.codes, "codes") if row.codes else None
        prepared = prepare(row.path or codes, engine.shape, evidence=codes if row.path else None, crops=crops,
                           prior=prior)
        return dataclasses.replace(prepared, subjects=[choose(prepared, None)])

    outcome = Outcome()
    for batch in batches(rows, look, "rows"):
        for row, explanations in answer_all(batch, engine):
            if isinstance(explanations, InputError):
                outcome.leave_out(row, explanations)
            else:
                outcome.add(row, explanations[0].label, explanations[0].confidence)
    return outcome


# --- figures -----------------------------------------------------------------------------------------------------------

def report(outcome: Outcome) -> Report:
    """The figures of an outcome, each with its interval."""
    pairs, groups, unread = outcome.pairs, outcome.groups(), outcome.unread
    right = pairs[:, 0] == pairs[:, 1]
    n, rows = len(right), len(right) + len(unread)
    sure = np.array([outcome.confidence, right]).T
    every = np.append(right, np.zeros(len(unread), bool))
    figures = {ACCURACY: (*bootstrap(right, groups=groups), n),
               MACRO: (*bootstrap(pairs, macro_recall, groups=groups), n),
               ERROR: (*bootstrap(sure, lambda c: calibration_error(c[:, 0], c[:, 1]), groups=groups), n),
               SHARE: (*bootstrap(np.arange(rows) < n, groups=outcome.groups(whole=True)), rows),
               STRICT: (*bootstrap(every, groups=outcome.groups(whole=True)), rows)}
    recalls = {LABELS[k]: _recall(right, pairs[:, 0] == k, groups) for k in np.unique(pairs[:, 0])}
    confusion, subjects = confusion_of(pairs), None if groups is None else len(np.unique(outcome.groups(whole=True)))
    people = f"intervals are over {subjects} subjects" if subjects else "intervals are over rows: no subjects are named"
    stored = {"n": n, "rows": rows, "subjects": subjects, **{key: stored_figure(figures[name]) for key, name in STORED.items()},
              "recall": {label: stored_figure(figure) for label, figure in recalls.items()}, "confusion": confusion,
              "unread": unread}
    return Report(figures | {f"recall of {label}": figure for label, figure in recalls.items()},
                  [people, *matrix(confusion), *unread_lines(unread, f"of {rows} rows")], stored, by_name=False)


def _recall(right: np.ndarray, of_label: np.ndarray, groups: np.ndarray | None) -> tuple:
    own = None if groups is None else groups[of_label]
    return *bootstrap(right[of_label], groups=own), int(of_label.sum())


def confusion_of(pairs: np.ndarray) -> dict[str, dict[str, int]]:
    """Given label -> label that was said -> rows; every label, and NO_LABEL where an answer had none."""
    count, names = Counter(map(tuple, pairs.tolist())), [*LABELS, NO_LABEL]
    columns = [k for k in range(len(names)) if k < len(LABELS) or k in pairs[:, 1]]
    return {LABELS[truth]: {names[k]: count[truth, k] for k in columns} for truth in np.unique(pairs[:, 0]).tolist()}


def matrix(confusion: dict[str, dict[str, int]]) -> list[str]:
    """The confusion as lines: a row a given label, a column a label that was said."""
    columns = list(next(iter(confusion.values())))
    head = "".join(f"{name[:SHORT]:>7}" for name in columns)
    return [f"{'given, down; said, across':<26}{head}",
            *(f"{label:<26}" + "".join(f"{row[name]:>7}" for name in columns) for label, row in confusion.items())]
