"""What is asked: an item is one question about one photo or clip, a medium all items about the same one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HEADER_BYTES = 512


@dataclass(frozen=True, slots=True)
class Inline:
    """Media within a line of a batch file, fetched only when its turn comes."""

    file: str
    offset: int  # of the line, bytes
    length: int  # of the line, bytes
    custom_id: str  # what that line must still hold then


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be: a question about one photo or clip."""

    custom_id: str
    source: str | Inline  # path, or where the bytes are
    place: str  # where the user listed it, for messages
    question: str | None = None
    what_if: tuple[tuple[str, float], ...] = ()
    error: tuple[str, str] | None = None  # code, message: a request that cannot be answered


@dataclass(slots=True)
class Medium:
    """One photo or clip with every item that asks about it: measured once."""

    source: str | Inline
    items: list[Item] = field(default_factory=list)


def by_medium(items: list[Item]) -> Iterator[Medium]:
    """Items grouped by what they ask about, in order of first mention."""
    media: dict[str | Inline, Medium] = {}
    for item in items:
        media.setdefault(item.source, Medium(item.source)).items.append(item)
    return iter(media.values())


def shown(text: str) -> str:
    """A name that JSON can hold: bytes of a file name that are no UTF-8 are written as \\udcXX."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
