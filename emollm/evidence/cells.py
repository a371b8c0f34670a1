"""Cells and column names as people's programs write them: what a number is, what says "no value", what a name means.

Sources of the spellings: R (NA, and `check.names`: X, AU01.r), pandas (nan, None, <NA>, "Unnamed: 0"), C's printf (nan,
-nan(ind), 1.#QNAN, inf), Excel (#N/A, #DIV/0!, decimal comma), SQL (NULL), and the dots and dashes of SAS, Stata and hands.
"""

from __future__ import annotations

import functools
import re

import numpy as np

MISSING = frozenset({
    "", ".", "..", "-", "--", "---", "–", "—", "?", "*", "na", "n/a", "n.a.", "n.a", "<na>", "#n/a", "#na", "#n/a n/a",
    "nan", "+nan", "-nan", "nan(ind)", "-nan(ind)", "nan(snan)", "1.#qnan", "-1.#qnan", "1.#nan", "-1.#nan", "1.#snan",
    "1.#ind", "-1.#ind", "null", "(null)", "<null>", "none", "nil", "nat", "missing", "undefined", "#null!", "#value!", "#ref!",
    "#num!", "#name?", "\\n", "no data", "nodata", "nd", "n.d.", "n.d", "k.a.", "k. a.", "s.d.", "not measured", "not found",
    "no face", "no_face", "noface", "untracked", "lost", "failed", "fit_failed", "find_failed", "invalid", "unknown", "nan%"})
INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "1.#inf", "-1.#inf", "#div/0!"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
_COMMA = r"^[+-]?\d*,\d+(e[+-]?\d+)?$"


class BadCell(ValueError):
    """A cell that is neither a number nor one of the words for none: its position in the column and its text."""

    def __init__(self, position: int, text: str):
        super().__init__(text)
        self.position, self.text = position, text


def is_missing(cell: str | None) -> bool:
    """Whether a cell says that there is no value."""
    return cell is None or cell.strip().lower() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number, with a decimal point or comma."""
    plain = cell.strip().lower().replace("−", "-")
    return bool(_NUMBER.fullmatch(plain) or re.fullmatch(_COMMA, plain, re.ASCII))


def to_numbers(column) -> tuple[np.ndarray, int]:
    """An Arrow array of text, numbers or truth values -> float64 [R] with NaN for no value, and how many were infinite.

    Raises BadCell for the first cell that is no number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column, infinite = _from_text(column)
    else:
        column, infinite = _cast(column), 0
    values = pc.fill_null(column, float("nan")).to_numpy(zero_copy_only=False).astype(float)
    boundless = np.isinf(values)
    return np.where(boundless, np.nan, values), infinite + int(boundless.sum())


def _from_text(column) -> tuple[object, int]:
    """Text as an Arrow array of float64, null for no value, and how many cells were infinite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.cast(pa.string())
    words, boundless = _words()
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    infinite = pc.sum(pc.is_in(lower, value_set=boundless)).as_py() or 0
    lower = pc.if_else(pc.is_in(lower, value_set=words), pa.scalar(None, pa.string()), lower)
    if pc.any(pc.match_substring(lower, ",")).as_py():
        spelled = pc.match_substring_regex(lower, _COMMA)
        lower = pc.if_else(spelled, pc.replace_substring(lower, ",", "."), lower)
    try:
        return pc.cast(lower, pa.float64()), infinite
    except pa.ArrowInvalid:
        return pa.array([_parse(k, cell) for k, cell in enumerate(lower.to_pylist())], pa.float64()), infinite


def _parse(position: int, cell: str | None) -> float | None:
    """One cell the slow way: what Arrow does not know as a number, such as a typographic minus."""
    if cell is None:
        return None
    plain = cell.replace("−", "-")
    if not _NUMBER.fullmatch(plain):
        raise BadCell(position, cell)
    return float(plain)


def _cast(column) -> object:
    """Numbers, truth values, times and durations (as seconds) of a typed column, as float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        whole = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        return pc.divide(whole.cast(pa.float64()), {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit])
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    try:
        return column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise BadCell(0, f"a value of type {kind}") from None


@functools.cache
def _words() -> tuple[object, object]:
    import pyarrow as pa

    return pa.array(sorted(MISSING | INFINITE)), pa.array(sorted(INFINITE))


@functools.cache
def plain_name(column: str) -> str:
    """What a column is called whoever saved it: " AU01_r", "AU01.r", "X.AU01_r" and "au01 r" are all au01_r."""
    name = column.strip(" \t\"'\ufeff\u200b").lower()
    name = re.sub(r"[\s.\-]+", "_", name).strip("_")
    return re.sub(r"^x_(?=[a-z])", "", name)
