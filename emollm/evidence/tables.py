"""A table's columns as checked numbers: whatever a cell, a row or a header may get wrong is caught or said here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from emollm.evidence import decimal_marks, names
from emollm.evidence.cells import BadCell, is_missing, plain_name, to_numbers
from emollm.evidence.files import RaggedRow, Source
from emollm.schema import AUS, InputError

NO_VALUE = (-1.0, -9.0, -99.0, -999.0, -9999.0, 999.0, 9999.0)  # SPSS, Stata and hands, where nothing else is off the scale
SLACK = 0.05  # of a scale: rounding and overshoot beyond its ends, which is clipped and counted


class Range(NamedTuple):
    """Allowed values of a column; `means` is how its numbers are read."""

    low: float
    high: float
    means: str = ""


TIME = Range(0.0, math.inf)
COUNT = Range(0.0, 1e9)
ANY = Range(-math.inf, math.inf)
UNIT = Range(0.0, 1.0, "a share from 0 to 1")
SCALE = Range(0.0, 5.0, "an intensity from 0 to 5 (FACS A-E as 1-5)")
PERCENT = Range(0.0, 100.0, "a confidence from 0 to 1, or in percent")
MAX_CELLS = 100_000_000  # numbers that are kept of one table


@dataclass
class Table:
    """Rows of a source: its header and, once loaded, the columns that its format needs. No value is NaN."""

    source: Source
    max_columns: int  # that may be used
    max_rows: int
    numbers: dict[str, np.ndarray] = field(default_factory=dict)  # [rows]
    texts: dict[str, list[str]] = field(default_factory=dict)  # "" where there is no value
    lines: np.ndarray | None = None  # [rows] number in the file, header = 1, empty lines left out
    rows: int = 0
    decimal: str = ""  # mark of its decimals, "," or "."; "" when its cells do not tell
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clipped: dict[Range, list[tuple[str, int]]] = {}  # column and count of values past an end
        self._infinite = 0
        self._coded: dict[float, int] = {}  # how often each code for no value was met
        self.plain: dict[str, str] = {}  # plain name -> the column's own name, first of that name
        for column in self.header:
            self.plain.setdefault(plain_name(column), column)
        for name, alias in names.aliases(list(self.plain)).items():
            self.plain.setdefault(alias, self.plain[name])
        self.notices += self.source.notices

    @property
    def name(self) -> str:
        """File name, as error messages give it."""
        return self.source.name

    @property
    def header(self) -> list[str]:
        return self.source.header

    def pick(self, *names: str) -> str:
        """The first of these columns that the table has, in its own spelling; empty when it has none."""
        return next((self.plain[name] for name in names if name in self.plain), "")

    def unit_columns(self, pattern: str) -> dict[int, str]:
        """AU number -> column, for the plain names that match; an AU that emollm does not know is named in the notices."""
        columns = {int(m[1]): column for name, column in self.plain.items() if (m := re.fullmatch(pattern, name))}
        for number in sorted(set(columns) - set(AUS)):
            self.say(names.left_out_notice(number))
        return {number: column for number, column in columns.items() if number in AUS}

    def say(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def load(self, numbers: dict[str, Range], texts: Iterable[str] = (),
             lost: Callable[[list[str]], bool] | None = None) -> None:
        """Read the wanted columns. numbers: column -> allowed values; names of absent columns are ignored. lost: whether a
        short row is how the format writes a frame without a face; such rows are left out.

        Raises InputError for a bad cell, a row of another width (the last may be cut off), no rows or too many.
        """
        numbers = {column: limits for column, limits in numbers.items() if column and column in self.header}
        texts = [column for column in dict.fromkeys(texts) if column and column in self.header]
        wanted = list(dict.fromkeys([*numbers, *texts]))
        self._check_header(wanted)
        at = [self.header.index(column) for column in wanted]
        parts: dict[str, list] = {column: [] for column in wanted}
        sure: set[str] = set()  # decimal marks
        for block in self.source.batches(at):
            self._count(len(block[0]) if block else 0, len(wanted))
            for column, cells in zip(wanted, block, strict=True):
                sure |= decimal_marks.certain_marks(cells, sure) if _is_text(cells) else set()
                if column in numbers:
                    waits = _is_text(cells) and (numbers[column] == COUNT or decimal_marks.needs_look(cells))
                    parts[column].append(cells if waits else self._numbers(column, cells, self.rows - len(cells)))
                if column in texts:
                    self.texts.setdefault(column, []).extend(strings(cells))
        self._place_rows(lost)
        self.decimal = decimal_marks.table_mark([sure])
        self.numbers = {column: self._join_blocks(column, parts[column], limits) for column, limits in numbers.items()}
        if self._infinite:
            self.say(f"{self._infinite} infinite value{'s are' if self._infinite > 1 else ' is'} taken as not measured")
        for column, limits in numbers.items():
            self._check(column, limits)
        self._say_clipped()

    def number(self, column: str, default: float = math.nan) -> np.ndarray:
        """A loaded column [rows], or the default in every row when the table has none of that name."""
        return self.numbers.get(column, np.full(self.rows, default))

    def confidence(self, column: str) -> np.ndarray:
        """A loaded column of confidences [rows] 0-1, 1 when there is none; percentages are divided by 100, and it is said."""
        values = self.number(column, 1.0)
        if np.nanmax(values, initial=0.0) > 1 + SLACK:
            self.say(f"{column} is given in percent and was divided by 100")
            values = values / 100
        return np.clip(np.nan_to_num(values), 0, 1)

    def cell_error(self, row: int, column: str, why: str) -> InputError:
        """The error for one cell; row counts the loaded rows from 0."""
        return InputError(f"{self.name}: row {self.lines[row]}, column {column}: {why}")

    def _check_header(self, wanted: list[str]) -> None:
        if len(wanted) > self.max_columns:
            raise InputError(f"{self.name}: {len(wanted):,} columns would be used, at most {self.max_columns:,} are read.")
        plain = [plain_name(column) for column in self.header]
        for column in wanted:
            if plain.count(plain_name(column)) > 1:
                raise InputError(f"{self.name}: the column '{column.strip()}' occurs twice. Keep the one that counts.")

    def _count(self, more: int, columns: int) -> None:
        self.rows += more
        if self.rows > self.max_rows:
            raise InputError(f"{self.name}: more than {self.max_rows:,} rows. Split the table.")
        if self.rows * columns > MAX_CELLS:
            raise InputError(f"{self.name}: more than {MAX_CELLS:,} values in the {columns} columns that are used. Split the "
                             "table.")

    def _numbers(self, column: str, cells, first: int) -> np.ndarray:
        """Cells of a column as numbers. first: row of the first of them, counted from 0."""
        try:
            values, infinite = to_numbers(cells)
        except BadCell as bad:
            line = self.source.lines(self.rows)[first + bad.position]
            if bad.text.strip().lower() == column.strip().lower():
                raise InputError(f"{self.name}: row {line} repeats the header: tables stand one below the other, and a clip "
                                 "ends there. Give each of them a file of its own.") from None
            raise InputError(f"{self.name}: row {line}, column {column}: '{bad.text[:30]}' is not a number. Leave the cell "
                             "empty when there is no value.") from None
        self._infinite += infinite
        return values

    def _join_blocks(self, column: str, parts: list, limits: Range) -> np.ndarray:
        """A column from its blocks; what stands in groups of digits was left as text until all of the table was there."""
        import pyarrow as pa

        if waiting := [part for part in parts if not isinstance(part, np.ndarray)]:
            whole = pa.chunked_array(waiting).cast(pa.string()).combine_chunks()
            plain = decimal_marks.ungroup(whole, limits == COUNT, self.decimal, limits.high)
            first = rest = 0
            for k, part in enumerate(parts):
                if not isinstance(part, np.ndarray):
                    parts[k] = self._numbers(column, plain[rest:rest + len(part)], first)
                    rest += len(part)
                first += len(part)
        return np.concatenate(parts)

    def _place_rows(self, lost: Callable[[list[str]], bool] | None) -> None:
        """Number the rows; of the ragged ones a cut last row and lost frames are left out, any other is refused."""
        last = self.source.first_line + self.rows + len(self.source.ragged) - 1
        faceless = 0
        for ragged in self.source.ragged:
            if lost is not None and lost(ragged.cells):
                faceless += 1
            elif ragged.line == last and self.rows and len(ragged.cells) < len(self.header):
                self.say(f"row {ragged.line} is cut off after {len(ragged.cells)} of {len(self.header)} cells and was left out")
            else:
                raise self._ragged_error(ragged)
        if faceless:
            self.say(f"{faceless} row{'s' if faceless > 1 else ''} without a face left out")
        if not self.rows:
            raise InputError(f"{self.name}: a header but no rows.")
        self.lines = self.source.lines(self.rows)

    def _ragged_error(self, row: RaggedRow) -> InputError:
        return InputError(f"{self.name}: row {row.line} has {len(row.cells)} cells, the header {len(self.header)} columns. "
                          "Quote cells that hold the delimiter.")

    def _check(self, column: str, limits: Range) -> None:
        """Clip what is a little past an end; refuse what is far outside."""
        values = self.numbers[column]
        slack = SLACK * (limits.high - limits.low) if math.isfinite(limits.high) else 0.0
        far = (values < limits.low - slack - 1e-9) | (values > limits.high + slack + 1e-9)
        if far.any() and limits.means and (code := self._code_for_none(values[far])) is not None:
            self.numbers[column] = values = np.where(values == code, np.nan, values)
            self._coded[code] = self._coded.get(code, 0) + int(far.sum())
            far[:] = False
        if far.any():
            row = int(far.argmax())
            allowed = f"{limits.low:g} to {limits.high:g}" if math.isfinite(limits.high) else f"at least {limits.low:g}"
            read_as = f": it is read as {limits.means}. Convert it, or name it by its own scale." if limits.means else "."
            raise self.cell_error(row, column, f"{values[row]:g} is out of range ({allowed}){read_as}")
        past = (values < limits.low) | (values > limits.high)
        if past.any():
            self.numbers[column] = np.clip(values, limits.low, limits.high)
            self._clipped.setdefault(limits, []).append((column, int(past.sum())))

    def _code_for_none(self, far: np.ndarray) -> float | None:
        """The code for no value that all of these values off the scale are, and all before them; else None."""
        codes = {*far.tolist(), *self._coded}
        return codes.pop() if len(codes) == 1 and codes <= set(NO_VALUE) else None

    def _say_clipped(self) -> None:
        for code, count in self._coded.items():
            self.say(f"{code:g} is taken as no value ({count} cell{'s' if count > 1 else ''})")
        for limits, columns in self._clipped.items():
            total = sum(count for _, count in columns)
            which = ", ".join(column for column, _ in columns[:3]) + (", ..." if len(columns) > 3 else "")
            values = "values" if total > 1 else "value"
            self.say(f"{total} {values} just outside {limits.low:g} to {limits.high:g} set to its end ({which})")


def _is_text(cells) -> bool:
    import pyarrow as pa

    return pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)


def strings(cells) -> list[str]:
    """Text of a block, "" for no value; numbers as they print, whole ones without a fraction."""
    return [_string(value) for value in cells.to_pylist()]


def _string(value: object) -> str:
    if value is None or (isinstance(value, str) and is_missing(value)):
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}" if value.is_integer() else str(value)
    return str(value).strip()
