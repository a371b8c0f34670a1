"""A file of rows, whoever saved it, as Arrow columns: delimited text in any dialect and encoding, or Parquet.

pyarrow parses (only the columns that are wanted, block by block); what is decided here is the dialect: which delimiter, which
encoding, where the header is, whether rows begin with a name that the header does not count (R's write.table) or end
with an empty cell, and what becomes of rows of another width.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emollm.evidence.cells import is_missing, is_number
from emollm.schema import InputError

MAX_ROW = 8 * 2**20  # bytes: a header or row longer than this is no table
LOOK_AHEAD = 20  # rows that tell the shape
MAX_RAGGED = 1000  # rows of another width that are collected before a file is given up


@dataclass
class RaggedRow:
    """A row with fewer or more cells than the header has columns."""

    line: int  # counted from 1 at the header, empty lines left out
    cells: list[str]


@dataclass
class Source:
    """Rows on their way in. `batches(positions)` yields those columns block by block, as Arrow arrays."""

    name: str
    header: list[str]
    batches: Callable[[list[int]], Iterator[list]]
    first_line: int = 2  # number of the first row, header = 1
    ragged: list[RaggedRow] = field(default_factory=list)  # filled while batches are read
    notices: list[str] = field(default_factory=list)

    def lines(self, rows: int) -> np.ndarray:
        """Numbers of the first rows that were read, header = 1, empty lines left out: all but the ragged ones."""
        every = np.arange(self.first_line, self.first_line + rows + len(self.ragged))
        return every[~np.isin(every, [ragged.line for ragged in self.ragged])][:rows]


def open_source(path: Path) -> Source:
    """A delimited or Parquet file with its header read, told by its first bytes. Raises InputError for an empty file, one
    that is no text, or a workbook."""
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(f"{path.name}: reading tables needs pyarrow: pip install pyarrow") from None
    try:
        with open(path, "rb") as handle:
            magic = handle.read(4)
    except OSError as error:
        raise InputError(f"{path.name}: this table cannot be read ({error.strerror}).") from None
    if not magic:
        raise InputError(f"{path.name}: the file is empty. Expected a header row and one row a frame.")
    if magic == b"PAR1":
        return _parquet(path)
    if magic in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{path.name}: this is a workbook or an archive, not a text table. Save the sheet as CSV.")
    if magic.startswith(b"\x1f\x8b"):
        raise InputError(f"{path.name}: this is a gzip archive, not a text table. Unpack it.")
    return _read_delimited(path)


def from_arrow(table, name: str) -> Source:
    """An Arrow table, or anything that hands itself over as one (pandas, polars): its columns as a source. Raises
    InputError."""
    import pyarrow as pa

    try:
        table = pa.table(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0][:120]
        raise InputError(f"{name}: this table cannot be read ({reason}). Give every column one kind of value.") from None
    return Source(name, list(map(str, table.column_names)),
                  lambda wanted: iter([[table.column(k).combine_chunks() for k in wanted]]), first_line=1)


def check_file(path: Path, max_bytes: int) -> None:
    """Raises InputError when there is no such file or it is larger than max_bytes."""
    if not path.is_file():
        raise InputError(f"{path}: no such file. Give the path of an AU table.")
    if path.stat().st_size > max_bytes:
        raise InputError(f"{path.name}: larger than {max_bytes // 2**20} MB. Split the table.")


def text_of(path: Path) -> str:
    """The text of a file in any of the encodings of decode(). Raises InputError."""
    return bytes(decode(path)[0]).decode()


def decode(path: Path) -> tuple[memoryview | bytes, list[str]]:
    """The bytes of a text file as UTF-8 without byte order mark, and what had to be assumed.

    Raises InputError when they are neither UTF-8, UTF-16, UTF-32 nor Windows-1252.
    """
    import pyarrow as pa

    raw = memoryview(pa.memory_map(str(path)).read_buffer()) if path.stat().st_size else memoryview(b"")
    head = bytes(raw[:4096])
    if head.startswith(codecs.BOM_UTF8):
        raw, head = raw[3:], head[3:]
    coding = _wide_encoding(head)
    if coding is None and _is_utf8(raw):
        return raw, []
    try:
        text = bytes(raw).decode(coding or "cp1252")
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: not UTF-8 text, nor UTF-16 or Windows-1252. Save the table as UTF-8.") from None
    notices = [] if coding else ["the file is not UTF-8 and was read as Windows-1252"]
    return text.removeprefix("\ufeff").encode(), notices


def _wide_encoding(head: bytes) -> str | None:
    """utf-16 or utf-32, by byte order mark or by where the zeros of Latin text fall; None for bytes of one each."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) < 4 or head.count(0) < len(head) * 0.3:
        return None
    return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"


def _is_utf8(raw: memoryview) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), 2**20):
            decoder.decode(raw[start:start + 2**20])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


# --- delimited text ----------------------------------------------------------------------------------------------

def _read_delimited(path: Path) -> Source:
    body, notices = decode(path)
    header_line, skipped, body = _header(body, path.name)
    delimiter = _delimiter(header_line)
    if above := _lines_above(body, header_line):
        header_line, body, delimiter = above.header, above.body, above.delimiter
        skipped += above.count
        notices = [*notices, f"{above.count} line{'s' if above.count > 1 else ''} above the header left out"]
    if delimiter == " ":  # columns that were filled up with blanks
        body = memoryview(re.sub(rb"(?m)^[ \t]+|[ \t]+$|(?<=[ \t])[ \t]+", b"", bytes(body)))
    if re.search(rb'[,;\t|] +"[^"]', bytes(body[:MAX_ROW])):  # blanks before a quote: Python's csv knows them, Arrow does not
        body = _requote(body, delimiter)
    header = _cells(header_line, delimiter)
    if not any(cell.strip() for cell in header):
        raise InputError(f"{path.name}: the file is empty. Expected a header row and one row a frame.")
    rows = _first_rows(body, delimiter)
    header = _fit_header(header, rows)
    if _is_units(rows):
        body, skipped, notices = _after_line(body), skipped + 1, [*notices, "the row of units below the header was left out"]
    source = Source(path.name, header, lambda wanted: iter(()), 2 + skipped, notices=notices)
    source.batches = lambda wanted: _blocks(source, body, delimiter, wanted)
    return source


def _header(body, name: str) -> tuple[str, int, memoryview]:
    """The header line, how many lines stand before it, and the bytes after it. Empty lines, comments (#) and Excel's
    sep=; are no header, but a comment right above numbers is (numpy's savetxt)."""
    start, skipped, view, comment = 0, 0, memoryview(body), ""
    while start < len(view):
        chunk = bytes(view[start:start + MAX_ROW])
        newline = re.search(rb"\r\n|\n|\r", chunk)
        if newline is None and len(chunk) == MAX_ROW:
            raise InputError(f"{name}: its first line is longer than {MAX_ROW // 2**20} MB: not a table.")
        line = chunk[:newline.start()] if newline else chunk
        text = line.decode("utf-8", "replace")
        if text.strip() and not text.startswith("#") and not re.fullmatch(r'"?sep=."?\s*', text, re.IGNORECASE):
            if comment.strip("# ") and all(is_number(cell) for cell in _cells(text, _delimiter(text))):
                return comment.lstrip("# "), skipped - 1, view[start:]
            return text, skipped, view[start + (newline.end() if newline else len(chunk)):]
        start += newline.end() if newline else len(chunk)
        comment = text if text.startswith("#") else ""
        skipped += bool(text.strip())
    return "", skipped, view[start:]


class _TitledHeader(NamedTuple):
    """A header with lines above it that are none of its table's: a title, the recording, the program."""

    header: str
    body: memoryview
    delimiter: str
    count: int


def _lines_above(body, first: str) -> _TitledHeader | None:
    """The header further down, when the first line is shorter than the table below it by more than a row's name."""
    raw = bytes(body[:MAX_ROW])
    lines = raw.decode("utf-8", "replace").splitlines(keepends=True)[:LOOK_AHEAD]
    own = len(_cells(first, _delimiter(first)))
    alike = [abs(len(_cells(line, _delimiter(first))) - own) <= 1 for line in lines if line.strip()]
    if own > 2 and sum(alike) * 2 >= len(alike):
        return None
    for delimiter in ";\t|,":  # a comma may be decimal
        widths = [len(_cells(line, delimiter)) if line.strip() else 0 for line in lines]
        width = max(widths, default=0)
        if width < 3 or len(_cells(first, delimiter)) >= width - 1 or widths.count(width) < min(3, len(lines) // 2):
            continue
        at = next(k for k, count in enumerate(widths) if count >= width - 1)
        if any(is_number(cell) for cell in _cells(lines[at], delimiter)):
            continue
        start = sum(len(line.encode()) for line in lines[:at + 1])
        return _TitledHeader(lines[at].strip("\r\n"), memoryview(body)[start:], delimiter, 1 + sum(1 for n in widths[:at] if n))
    return None


def _is_units(rows: list[list[str]]) -> bool:
    """Whether the first row says in which units the columns are: no number in three columns or more that else hold some."""
    if len(rows) < 2 or any(is_number(cell) for cell in rows[0]):
        return False
    numeric = [k for k in range(len(rows[0])) if all(k < len(row) and is_number(row[k]) for row in rows[1:4])]
    return len(numeric) >= 3 and all(not is_missing(rows[0][k]) for k in numeric)


def _after_line(body) -> memoryview:
    return memoryview(body)[re.search(rb"\r\n|\n|\r|$", bytes(body[:MAX_ROW])).end():]


def _delimiter(header_line: str) -> str:
    """Comma, semicolon, tab, bar or blank: whichever cuts the header into most cells, the former first."""
    counts = {sign: len(_cells(header_line, sign)) for sign in ",;\t|"}
    best = max(counts, key=counts.get)
    return " " if counts[best] == 1 and " " in header_line.strip() else best


def _cells(line: str, delimiter: str) -> list[str]:
    csv.field_size_limit(MAX_ROW)
    return [cell.strip() for cell in next(csv.reader([line.replace("\0", "")], delimiter=delimiter, skipinitialspace=True), [])]


def _requote(body, delimiter: str) -> memoryview:
    """The same rows without blanks before quotes."""
    out = io.StringIO()
    text = io.StringIO(bytes(body).decode("utf-8", "replace"), newline="")
    rows = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return memoryview(out.getvalue().encode())


def _first_rows(body, delimiter: str) -> list[list[str]]:
    """The first rows, to see their shape; the last of them only when nothing follows it."""
    lines = bytes(body[:MAX_ROW]).decode("utf-8", "replace").splitlines()[:LOOK_AHEAD]
    return [row for row in csv.reader((line.replace("\0", "") for line in lines), delimiter=delimiter) if row]


def _fit_header(header: list[str], rows: list[list[str]]) -> list[str]:
    """The header with a nameless column where every row has one more cell than it: the row's name, or an empty end."""
    width = len(header)
    full = [row for row in rows if len(row) > width] if rows else []
    if full and len(full) >= len(rows) - 1 and all(len(row) == width + 1 for row in full):
        return [*header, ""] if all(not row[-1].strip() for row in full) else ["", *header]
    if header[-1] == "" and rows and all(len(row) == width - 1 for row in rows):
        return header[:-1]
    return header


def _blocks(source: Source, body, delimiter: str, wanted: list[int]) -> Iterator[list]:
    """Blocks of the wanted columns as text; rows of another width are collected in source.ragged."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def handle_ragged(row) -> str:
        if len(source.ragged) >= MAX_RAGGED:
            return "error"
        source.ragged.append(RaggedRow(row.number + source.first_line - 1, _cells(row.text, delimiter)))
        return "skip"

    if not bytes(body[:MAX_ROW]).strip():
        return
    names = [str(k) for k in range(len(source.header))]
    kept = [names[k] for k in wanted]
    try:
        reader = arrow_csv.open_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=MAX_ROW),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True,
                                                 invalid_row_handler=handle_ragged),
            convert_options=arrow_csv.ConvertOptions(include_columns=kept, strings_can_be_null=False,
                                                     column_types=dict.fromkeys(kept, pa.string())))
        for batch in reader:
            yield batch.columns
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0][:120]
        raise InputError(f"{source.name}: not a readable table ({reason}). Save it as CSV in UTF-8.") from None


# --- Parquet -----------------------------------------------------------------------------------------------------

def _parquet(path: Path) -> Source:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, pa.ArrowException):
        raise InputError(f"{path.name}: this is no Parquet file that can be read. Write it again or save it as CSV.") from None
    names = file.schema_arrow.names

    def batches(wanted: list[int]) -> Iterator[list]:
        try:
            for batch in file.iter_batches(batch_size=2**14, columns=[names[k] for k in wanted]):
                yield [batch.column(names[k]) for k in wanted]
        except (OSError, pa.ArrowException):
            raise InputError(f"{path.name}: this Parquet file is damaged. Write it again or save it as CSV.") from None

    return Source(path.name, names, batches, first_line=1)
