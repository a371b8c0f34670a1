"""Delimited files as checked columns of numbers: whatever a cell, a row or a header may get wrong is caught here."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emollm.schema import AUS, InputError

TIME, COUNT, UNIT, SCALE = (0.0, math.inf), (0.0, 1e9), (0.0, 1.0), (0.0, 5.0)  # allowed ranges of a cell


@dataclass
class Table:
    """A delimited file: its header and, once loaded, the columns that its format needs. An empty cell is NaN."""

    path: Path
    header: list[str]
    max_rows: int
    numbers: dict[str, np.ndarray] = field(default_factory=dict)  # [rows]
    texts: dict[str, list[str]] = field(default_factory=dict)
    lines: np.ndarray | None = None  # [rows] line number in the file, header = 1
    rows: int = 0

    @property
    def name(self) -> str:
        """File name, as error messages give it."""
        return self.path.name

    def pick(self, *names: str) -> str:
        """The first of these columns that the table has, in its own spelling; empty when it has none."""
        lower = {column.lower(): column for column in self.header}
        return next((lower[name] for name in names if name in lower), "")

    def numbered(self, pattern: str) -> dict[int, str]:
        """AU number -> column, for the columns that match; AUs that emollm does not know are left out."""
        found = {int(m[1]): column for column in self.header if (m := re.fullmatch(pattern, column, re.IGNORECASE))}
        return {number: column for number, column in found.items() if number in AUS}

    def load(self, numbers: dict[str, tuple[float, float]], texts: Iterable[str] = ()) -> None:
        """Stream the file, keeping only the wanted columns. numbers: column -> allowed range; names of absent columns
        are ignored. Raises InputError for a bad cell, a row of another width, no rows or too many."""
        at_column = {column: at for at, column in enumerate(self.header) if column}
        wanted = [(at_column[c], c, limits, array("d")) for c, limits in numbers.items() if c in at_column]
        strings = [(at_column[c], self.texts.setdefault(c, [])) for c in texts if c in at_column]
        lines = array("l")
        for number, cells in enumerate(_lines(self.path), start=1):
            if number == 1 or not cells:
                continue
            if len(cells) != len(self.header):
                raise InputError(f"{self.name}: row {number} has {len(cells)} cells, the header {len(self.header)} "
                                 "columns.")
            if len(lines) == self.max_rows:
                raise InputError(f"{self.name}: more than {self.max_rows:,} rows. Split the table.")
            lines.append(number)
            for at, column, limits, values in wanted:
                try:
                    values.append(_parse(cells[at], limits))
                except ValueError as error:
                    raise InputError(f"{self.name}: row {number}, column {column}: {error}.") from None
            for at, kept in strings:
                kept.append(cells[at].strip())
        if not lines:
            raise InputError(f"{self.name}: a header but no rows.")
        self.numbers = {column: np.array(values) for _, column, _, values in wanted}
        self.lines, self.rows = np.array(lines), len(lines)

    def number(self, column: str, default: float = math.nan) -> np.ndarray:
        """A loaded column [rows], or the default in every row when the table has none of that name."""
        return self.numbers.get(column, np.full(self.rows, default))

    def bad(self, row: int, column: str, why: str) -> InputError:
        """The error for one cell; row counts the loaded rows from 0."""
        return InputError(f"{self.name}: row {self.lines[row]}, column {column}: {why}")


def open_table(path: Path, max_columns: int, max_rows: int) -> Table:
    """A table with its header read. Raises InputError for a header that is empty, too wide or names a column twice."""
    header = [cell.strip() for cell in next(iter(_lines(path)), [])]
    if len(header) > max_columns:
        raise InputError(f"{path.name}: {len(header)} columns, at most {max_columns} are read.")
    if not any(header):
        raise InputError(f"{path.name}: the file is empty. Expected a header row and one row a frame.")
    twice = {column for column in header if column and header.count(column) > 1}
    if twice:
        raise InputError(f"{path.name}: the column '{min(twice)}' occurs twice.")
    return Table(path, header, max_rows)


def check_file(path: Path, max_bytes: int) -> None:
    """Raises InputError when there is no such file or it is larger than max_bytes."""
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give the path of an AU table.")
    if path.stat().st_size > max_bytes:
        raise InputError(f"{path.name}: larger than {max_bytes // 2**20} MB. Split the table.")


def decode(path: Path) -> str:
    """The text of a file, with or without byte order mark. Raises InputError when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: not UTF-8 text. Save the table as UTF-8.") from None


def _lines(path: Path) -> Iterable[list[str]]:
    """Rows of cells; comma, semicolon or tab, told from the header."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            handle.seek(0)
            delimiter = max(",;\t", key=first.count)
            yield from csv.reader(handle, delimiter=delimiter)
    except (UnicodeDecodeError, csv.Error) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InputError(f"{path.name}: not a readable table ({reason}). Save it as CSV in UTF-8.") from None


def _parse(cell: str, limits: tuple[float, float]) -> float:
    """One cell; empty and nan mean not measured. Raises ValueError with the reason."""
    cell = cell.strip()
    if not cell or cell.lower() == "nan":
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"'{cell[:30]}' is not a number")
    low, high = limits
    if not low <= value <= high:
        raise ValueError(f"{value:g} is out of range ({low:g} to {high:g})" if math.isfinite(high)
                         else f"{value:g} is out of range (at least {low:g})")
    return value
