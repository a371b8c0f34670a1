"""Whether 1,000 is a thousand or one: decided over a column, and where that leaves it open over the table, never cell by cell.

A mark between digits ends the whole number (decimal) or only groups its digits by three. A column in which it can only be
the one settles it: 0,5 and 12,34 are decimals, 1,234,567 and 1,234.5 are groups. Frame numbers have no decimals.
Blanks and apostrophes between groups of three (1 000, 1'000) are never decimal.
"""

from __future__ import annotations

from collections.abc import Iterable

_OTHER = {",": ".", ".": ","}
_SIGNS = ",'’ \u00a0\u202f"
_BETWEEN = r"^[+-]?\d{1,3}(?:['’ \x{a0}\x{202f}]\d{3})+(?:[.,]\d*)?$"
_BLANKS = r"['’ \x{a0}\x{202f}]"


def certain_marks(column, known: Iterable[str] = ()) -> set[str]:
    """The marks, of "," and "." without those known, that an Arrow array of text can only mean as decimal."""
    return {mark for mark, other in _OTHER.items() if mark not in known and _holds(column, mark if mark == "," else ",.") and (
        _has_ungroupable(column, mark) or _any_matches(column, _groups_before(other, mark)))}


def needs_look(column) -> bool:
    """Whether some cell may hold another mark than a decimal point."""
    return _holds(column, _SIGNS)


def table_mark(columns: Iterable[set[str]]) -> str:
    """The decimal mark of a table by what its columns are certain of; "" when they do not say, or not the same."""
    marks = set().union(*columns)
    return marks.pop() if len(marks) == 1 else ""


def ungroup(column, whole: bool, decimal: str, high: float = float("inf")):
    """The column without the marks that only group digits. whole: it holds whole numbers. decimal: mark of the table, or "".
    high: end of its scale; below a thousand nothing is grouped."""
    import pyarrow.compute as pc

    if high < 1000:
        return column
    between = pc.match_substring_regex(column, _BETWEEN)
    if pc.any(between).as_py():
        column = pc.if_else(between, pc.replace_substring_regex(column, _BLANKS, ""), column)
    sure = certain_marks(column)
    for mark in ",.":
        if _is_only_grouping(column, mark, sure, whole, decimal):
            grouped = pc.match_substring_regex(column, _groups(mark, rf"(?:[{_OTHER[mark]}]\d*)?"))
            column = pc.if_else(grouped, pc.replace_substring(column, mark, ""), column)
    return column


def ungroup_texts(cells: list[str], whole: bool, decimal: str) -> list[str]:
    """The same for a list of text."""
    import pyarrow as pa

    column = pa.array(cells, pa.string())
    return ungroup(column, whole, decimal).to_pylist() if whole or needs_look(column) else cells


def _is_only_grouping(column, mark: str, sure: set[str], whole: bool, decimal: str) -> bool:
    if mark in sure or not _any_matches(column, _groups(mark, rf"(?:[{_OTHER[mark]}]\d*)?")):
        return False
    if _OTHER[mark] in sure:
        return True
    if not whole or (mark == "." and decimal == "."):
        return decimal == _OTHER[mark]
    # 998, 999, 1,000 and 1,001 count; 1,000 2,000 3,000 throughout are 1, 2, 3 with three decimals, unless decimals have points
    plain = _any_matches(column, r"^[+-]?\d+$")
    return plain or _any_matches(column, _groups(mark, except_zeros=True)) or decimal == _OTHER[mark]


def _groups(mark: str, end: str = "", except_zeros: bool = False) -> str:
    """Pattern of digits in groups of three, such as 1,000; except_zeros: of which the last is not 000."""
    last = rf"[{mark}](?:[1-9]\d\d|\d[1-9]\d|\d\d[1-9])" if except_zeros else ""
    return rf"^[+-]?[1-9]\d{{0,2}}(?:[{mark}]\d{{3}}){'*' if except_zeros else '+'}{last}{end}$"


def _groups_before(mark: str, decimal: str) -> str:
    """Pattern of groups that leave only the other mark for decimals: 1,234.5 and 1,234,567."""
    return rf"^[+-]?[1-9]\d{{0,2}}(?:(?:[{mark}]\d{{3}})+[{decimal}]\d*|(?:[{mark}]\d{{3}}){{2,}})$"


def _has_ungroupable(column, mark: str) -> bool:
    """Whether a cell is a number with the mark once, and not in the place of a group."""
    import pyarrow.compute as pc

    once = pc.match_substring_regex(column, rf"^[+-]?(?:\d+[{mark}]\d*|[{mark}]\d+)(?:[eE][+-]?\d+)?$")
    return bool(pc.any(pc.and_not(once, pc.match_substring_regex(column, _groups(mark)))).as_py())


def _holds(column, signs: str) -> bool:
    """Whether one of the signs may stand anywhere in the column, at once by its bytes."""
    import pyarrow as pa

    data = column.cast(pa.string()).buffers()[2]
    raw = b"" if data is None else data.to_pybytes()
    return any(sign.encode() in raw for sign in signs)


def _any_matches(column, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())
