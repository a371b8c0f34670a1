"""Explain many sources in batches, as captioning does, holding one batch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

from emollm import progress
from emollm.explainer import answer
from emollm.explanation import Explanation
from emollm.schema import InputError
from emollm.subject import PreparedSource

BATCH = 64
T = TypeVar("T")


def batches(items: list[T], look: Callable[[T], PreparedSource],
            what: str) -> Iterator[list[tuple[T, PreparedSource | InputError]]]:
    """The items in order, measured, or with the error that kept one from being measured; some at a time.

    look: measures an item; its InputError belongs to that item alone. what: the items are, for progress.
    """
    looked = ((item, _try_prepare(look, item)) for item in progress.track(items, f"reading {what}", len(items)))
    while batch := list(itertools.islice(looked, BATCH)):
        yield batch


def _try_prepare(look: Callable[[T], PreparedSource], item: T) -> PreparedSource | InputError:
    try:
        return look(item)
    except InputError as error:
        return error


def answer_all(batch: list[tuple[T, PreparedSource | InputError]], engine,
               grounded: bool = True) -> list[tuple[T, list[Explanation] | InputError]]:
    """The same items with the explanations of their faces. What the engine refuses is asked one by one, so that only what it
    refuses alone is left out."""
    seen = [prepared for _, prepared in batch if not isinstance(prepared, InputError)]
    try:
        told = iter(answer(seen, engine, [None] * len(seen), grounded))
    except InputError as error:
        if len(batch) == 1:
            return [(batch[0][0], error)]
        return [one for part in batch for one in answer_all([part], engine, grounded)]
    return [(item, prepared if isinstance(prepared, InputError) else next(told)) for item, prepared in batch]
