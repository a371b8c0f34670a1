"""One training record, as the data engine writes it and training reads it: a line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from emollm.schema import AUEvent, AUSeries

SOURCE = "fer2013"  # of the pictures that records may show


@dataclass
class Record:
    """A conversation about one face, the evidence it was written from, and how raters labelled such a face."""

    id: int
    messages: list[dict[str, str]]  # {"role", "content"}: question, answer, ..., answer
    label: str  # that the answer names
    target: list[float]  # 8 labels, sums to 1
    series: AUSeries
    events: list[AUEvent]
    keys: list[int]  # key frames: positions in the series
    row: int | None  # of the picture in the source; None: no pixels
    provenance: dict[str, str]

    @property
    def turns(self) -> list[str]:
        """Question, answer, ..., answer."""
        return [message["content"] for message in self.messages]

    def to_json(self) -> str:
        au = self.series.to_dict() | {"events": [vars(e) for e in self.events], "keys": self.keys}
        images = [] if self.row is None else [f"{SOURCE}:{self.row}"]
        return json.dumps({"id": self.id, "messages": self.messages, "images": images, "label": self.label,
                           "target": self.target, "au": au, "provenance": self.provenance}, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> Record:
        stored = json.loads(line)
        au, images = stored["au"], stored["images"]
        row = int(images[0].removeprefix(f"{SOURCE}:")) if images else None
        return cls(stored["id"], stored["messages"], stored["label"], stored["target"], AUSeries.from_dict(au),
                   [AUEvent(**e) for e in au["events"]], au["keys"], row, stored["provenance"])
