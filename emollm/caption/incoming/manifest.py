"""Items from a table: CSV or Parquet with the column `path` and, if wanted, `custom_id`, `question` and `what_if`.

Paths are relative to the table's folder (or --root); other columns are ignored. `what_if` is one or more edits such as
"AU04=0 AU12=3". Without a custom_id the path as written stands for it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator

from emollm.caption.incoming.items import Item, shown
from emollm.schema import InputError
from emollm.what_if import parse_edits

COLUMNS = ("path", "custom_id", "question", "what_if")
MAX_CELL = 2**20  # characters


def read_manifest(file: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    """Items of a table, in its order. Raises InputError with the row for whatever cannot be used."""
    rows = _parquet_rows(file) if file.lower().endswith(".parquet") else _csv_rows(file)
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


def _csv_rows(file: str) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(MAX_CELL)
    try:
        with open(file, encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, skipinitialspace=True)
            _check_columns(file, reader.fieldnames or [])
            for row in reader:
                yield f"{file} line {reader.line_num}", {k: (row[k] or "").strip() for k in COLUMNS if k in row}
    except UnicodeDecodeError:
        raise InputError(f"{file}: this CSV is not UTF-8. Save it as UTF-8.") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{file}: this CSV cannot be read ({error}).") from None


def _parquet_rows(file: str) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise InputError(f"{file}: reading Parquet needs pyarrow: pip install pyarrow, or save the table as CSV.") from None
    try:
        with parquet.ParquetFile(file) as table:
            names = table.schema_arrow.names
            _check_columns(file, names)
            number = 0
            for batch in table.iter_batches(columns=[k for k in COLUMNS if k in names]):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file} row {number}", {k: "" if v is None else str(v) for k, v in row.items()}
    except (OSError, pyarrow.ArrowInvalid, pyarrow.ArrowException):
        raise InputError(f"{file}: this is no Parquet file that can be read. Write it again or save it as CSV.") from None


def _check_columns(file: str, names: list[str]) -> None:
    if "path" not in names:
        found = ", ".join(map(str, names[:8])) or "none"
        raise InputError(f"{file}: a list of photos and clips needs the column 'path'; its columns are: {found}")
