"""What one captioning run was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from emollm.caption.run.log import Entry
from emollm.caption.run.settings import settings_of
from emollm.model.engine import BACKENDS
from emollm.schema import DEFAULT_MODEL
from emollm.subject import AS_IT_IS, Viewing


@dataclass(frozen=True)
class Job:
    """Options of a run. Frozen: every process of it, on whatever machine, is given the same."""

    output: str
    question: str | None = None  # of items that bring none
    what_if: tuple[tuple[str, float], ...] = ()  # of items that bring none
    model: str = DEFAULT_MODEL
    engine: str = BACKENDS[0]
    grounded: bool = True
    batch: int = 16  # faces the model answers at once
    workers: int | None = None  # measuring processes
    retry_errors: bool = False
    progress: str = "auto"
    ray: str | None = None  # address of a cluster, or cluster.connect.HERE
    engines: int | None = None  # answering processes
    engine_gpus: float | None = None  # of each of them
    keep_shards: bool = False
    viewing: Viewing = AS_IT_IS  # of every photo and clip
    folder: str = field(default_factory=os.getcwd)  # that the command was started in

    @property
    def measuring(self) -> dict[str, Any]:
        """How every photo and clip is measured: arguments of explainer.prepare()."""
        return vars(self.viewing)

    def settings(self) -> dict:
        """What decides the answers (settings.py). Raises InputError when the model cannot be found."""
        return settings_of(self.model, self.grounded, self.question, self.what_if, self.viewing)

    def wants(self, entry: Entry | None, key: str) -> bool:
        """Whether an item with this key must be done. entry: what is known of it from an earlier run."""
        return entry is None or entry.key != key or (self.retry_errors and not entry.ok)
