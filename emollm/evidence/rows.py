"""Rows of a table that lists something, by the names of their columns, each with the place that messages call it by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from emollm.evidence.cells import plain_name
from emollm.evidence.files import Source, open_source
from emollm.evidence.tables import strings
from emollm.schema import InputError

Row = tuple[str, dict[str, str]]  # "faces.csv line 3", and the cells of the columns that the table has


def named_rows(file: str, columns: tuple[str, ...], needed: tuple[tuple[str, ...], ...], what: str) -> Iterator[Row]:
    """Place and cells of every row, in order. A row may end early: its last cells are empty.

    needed: of each of these groups of columns the table must have one. what: what is listed, for messages. Raises InputError.
    """
    if os.path.isfile(file) and not os.path.getsize(file):
        _check_columns(file, [], needed, what)
    source = open_source(Path(file))
    _check_columns(file, source.header, needed, what)
    names = list(map(plain_name, source.header))
    wanted = {column: names.index(column) for column in columns if column in names}
    rows = [row for block in source.batches(list(wanted.values())) for row in zip(*map(strings, block), strict=True)]
    told = [*zip(source.lines(len(rows)).tolist(), rows, strict=True), *_pad_short_rows(file, source, wanted)]
    place = "row" if source.first_line == 1 else "line"
    for line, cells in sorted(told):
        yield f"{file} {place} {line}", dict(zip(wanted, cells, strict=True))


def _pad_short_rows(file: str, source: Source, wanted: dict[str, int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and cells of the rows that end early. Raises InputError for one with more cells than the header."""
    for row in source.ragged:
        if len(row.cells) > len(source.header):
            raise InputError(f"{file} line {row.line}: {len(row.cells)} cells, the header has {len(source.header)}. Quote "
                             "cells that hold the delimiter.")
        yield row.line, tuple(row.cells[at] if at < len(row.cells) else "" for at in wanted.values())


def _check_columns(file: str, names: list[str], needed: tuple[tuple[str, ...], ...], what: str) -> None:
    for group in needed:
        if not set(group) & set(map(plain_name, names)):
            columns = ", ".join(map(str, names[:8])) or "none"
            wanted = " or ".join(f"'{column}'" for column in group)
            raise InputError(f"{file}: {what} needs the column {wanted}; its columns are: {columns}")
