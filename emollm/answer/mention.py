"""One movement that a clause names: its action units, whether it is denied, and what is said beside it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Mention:
    """One movement in one clause; start and end are places in the clause."""

    start: int
    end: int
    units: tuple[str, ...]
    denied: bool = False
    unseen: bool = False  # the text says that it could not be measured
    side: str = ""  # left | right | both, when stated beside it
    number: float | None = None  # strength 0-5
    level: str = ""  # level word or FACS letter
    flips: bool = False  # the words themselves deny: "closed mouth", "brows at rest"
    weak: bool = False  # "hardly": a trace may be there
    names: list[tuple[int, int]] = field(default_factory=list)
