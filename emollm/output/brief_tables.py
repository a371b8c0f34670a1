"""`emollm spot`: brief movements as CSV and as JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emollm.perception.spot import BriefMovement

COLUMNS = ("face_id", "region", "side", "direction", "units", "onset", "apex", "offset", "displacement", "strain")


def as_csv(movements: list[BriefMovement]) -> str:
    """One row a movement; units joined by a space, the likeliest first."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(movement) | {"units": " ".join(movement.units)} for movement in movements)
    return out.getvalue()


def as_json(movements: list[BriefMovement], media: str) -> str:
    return json.dumps({"media": media, "brief_movements": [_row(movement) for movement in movements]}, indent=1) + "\n"


def _row(movement: BriefMovement) -> dict:
    times = {name: round(getattr(movement, name), 3) for name in ("onset", "apex", "offset")}
    return dataclasses.asdict(movement) | times
