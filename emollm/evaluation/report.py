"""What every suite hands back, and how it is printed and stored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from emollm.files import write_file
from emollm.schema import plain_json

Figure = tuple[float, float | None, float | None, int]  # value, 95 % interval, n
NAMED = 10  # rows or files that could not be read, by name in the text; the JSON has all of them
WIDTH = 60  # columns of a figure's name


@dataclass
class Report:
    """The figures of a suite by name, what else it has to say in lines, and what it stores."""

    figures: dict[str, Figure]
    lines: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    by_name: bool = True  # figures are stored by name; otherwise `stored` has them

    def merge(self, other: Report) -> Report:
        return Report(self.figures | other.figures, self.lines + other.lines, self.stored | other.stored, self.by_name)

    def as_text(self) -> str:
        return "\n".join([*(_line(name, figure) for name, figure in self.figures.items()), *self.lines])

    def as_json(self) -> str:
        """{name: {"value", "low", "high", "n"}}, and what else is stored."""
        figures = {name: stored_figure(figure) for name, figure in self.figures.items()} if self.by_name else {}
        return json.dumps(plain_json(figures | self.stored), indent=1)

    def write(self, path: str) -> None:
        """Raises InputError when the place cannot be written."""
        write_file(path, self.as_json() + "\n")


def stored_figure(figure: Figure) -> dict[str, float | int | None]:
    return dict(zip(("value", "low", "high", "n"), figure, strict=True))


def _line(name: str, figure: Figure) -> str:
    value, low, high, n = figure
    interval = "" if low is None or math.isnan(low) else f"  [{low:.3f}, {high:.3f}]"
    return f"{name:<{WIDTH}} {value:.3f}{interval}  n={n}"


def unread_lines(unread: list[dict[str, str]], what: str) -> list[str]:
    """What could not be read, named; nothing when all could. unread: dicts with `place` and `reason`."""
    if not unread:
        return []
    named = [f"  {one['place']}: {one['reason']}" for one in unread[:NAMED]]
    more = [f"  and {len(unread) - NAMED} more"] if len(unread) > NAMED else []
    return [f"{len(unread)} {what} could not be read:", *named, *more]
