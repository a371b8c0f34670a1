"""Items from a table: delimited text or Parquet with the column `path` and, if wanted, `custom_id`, `question` and `what_if`.

Paths are relative to the table's folder (or --root); other columns are ignored. `what_if` is one or more edits such as
"AU04=0 AU12=3". Without a custom_id the path as written stands for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from emollm.caption.incoming.items import Item, shown
from emollm.evidence.cells import plain_name
from emollm.evidence.files import Source, open_source
from emollm.evidence.tables import strings
from emollm.schema import InputError
from emollm.what_if import parse_edits

COLUMNS = ("path", "custom_id", "question", "what_if")


def read_manifest(file: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    """Items of a table, in its order. Raises InputError with the row for whatever cannot be used."""
    rows = _rows(file)
    base = root or os.path.dirname(file)
    items = []
    for place, row in rows:
        if not row.get("path"):
            raise InputError(f"{place}: the column 'path' is empty. Fill it or remove the row.")
        try:
            written = row.get("what_if", "").replace(",", " ").replace(";", " ").split()
            edits = tuple(sorted(parse_edits(written, "what-if ").items())) if written else what_if
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        asked = shown(row["question"]) if row.get("question") else question
        items.append(Item(shown(row.get("custom_id") or row["path"]), os.path.join(base, row["path"]), place, asked, edits))
    if not items:
        raise InputError(f"{file}: the table has no rows. Give one row for every photo or clip.")
    return items


def _rows(file: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells of every row, in order. A row may end early: its last cells are empty."""
    if not os.path.getsize(file):
        _check_columns(file, [])
    source = open_source(Path(file))
    _check_columns(file, source.header)
    names = list(map(plain_name, source.header))
    wanted = {column: names.index(column) for column in COLUMNS if column in names}
    found = [row for block in source.batches(list(wanted.values())) for row in zip(*map(strings, block), strict=True)]
    told = [*zip(source.lines(len(found)).tolist(), found, strict=True), *_short(file, source, wanted)]
    place = "row" if source.first_line == 1 else "line"
    for line, cells in sorted(told):
        yield f"{file} {place} {line}", dict(zip(wanted, cells, strict=True))


def _short(file: str, source: Source, wanted: dict[str, int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and cells of the rows that end early. Raises InputError for one with more cells than the header."""
    for row in source.ragged:
        if len(row.cells) > len(source.header):
            raise InputError(f"{file} line {row.line}: {len(row.cells)} cells, the header has {len(source.header)}. Quote "
                             "cells that hold the delimiter.")
        yield row.line, tuple(row.cells[at] if at < len(row.cells) else "" for at in wanted.values())


def _check_columns(file: str, names: list[str]) -> None:
    if "path" not in map(plain_name, names):
        found = ", ".join(map(str, names[:8])) or "none"
        raise InputError(f"{file}: a list of photos and clips needs the column 'path'; its columns are: {found}")
