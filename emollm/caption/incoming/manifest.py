"""Items from a table: delimited text or Parquet with the column `path` and, if wanted, `custom_id`, `question` and `what_if`.

Paths are relative to the table's folder (or --root); other columns are ignored. `what_if` is one or more edits such as
"AU04=0 AU12=3". Without a custom_id the path as written stands for it.
"""

from __future__ import annotations

import os

from emollm.caption.incoming.items import Item, escape_name
from emollm.evidence.rows import named_rows
from emollm.schema import InputError
from emollm.what_if import parse_edits

COLUMNS = ("path", "custom_id", "question", "what_if")


def read_manifest(file: str, root: str | None, question: str | None, what_if: tuple) -> list[Item]:
    """Items of a table, in its order. Raises InputError with the row for whatever cannot be used."""
    rows = named_rows(file, COLUMNS, (("path",),), "a list of photos and clips")
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
        asked = escape_name(row["question"]) if row.get("question") else question
        name = escape_name(row.get("custom_id") or row["path"])
        items.append(Item(name, os.path.join(base, row["path"]), place, asked, edits))
    if not items:
        raise InputError(f"{file}: the table has no rows. Give one row for every photo or clip.")
    return items
