"""Frames read ahead: while one frame of a clip is measured, another thread decodes the next ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ROOM = 3  # frames that wait at most; of a 4K clip each holds 25 MB

T = TypeVar("T")
_END = object()


def read_ahead(items: Iterator[T], begin: Callable[[], None] | None = None, room: int = ROOM) -> Iterator[T]:
    """The same items in the same order, each made by another thread while those before it are in use.

    One thread makes them all, one after the other; it calls `begin` first. What making one raises is raised here in its place.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read ahead", initializer=begin) as maker:
        waiting = deque(maker.submit(next, items, _END) for _ in range(room))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(maker.submit(next, items, _END))
            yield item
