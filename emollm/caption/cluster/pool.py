"""Ray actors of one kind that are kept busy; one that dies is replaced, and the work it had comes back to be given again.

Ray can restart actors and repeat their calls by itself. It is not left to Ray here, because whoever gives the work must
know what a dead process had: items that kill process after process must be told apart from those that shared a batch with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emollm.caption.run.answering import GIVE_UP
from emollm.caption.run.scheduler import FinishedWork
from emollm.schema import InputError

DEPTH = 2  # calls an actor has: one it works on and one that waits, so that it never idles


class Pool:
    """`count` actors. make: starts one. Actors that are not ready yet get no work."""

    def __init__(self, ray, name: str, count: int, make: Callable[[], Any]):
        self.ray, self.name, self.make = ray, name, make
        self.count = count
        self.coming: dict[Any, Any] = {}  # reference of ready() -> actor
        self.given: dict[Any, tuple[Any, Any, Any]] = {}  # reference -> actor, work, second reference
        self.loads: dict[Any, int] = {}  # ready actor -> calls it has
        self.deaths = 0  # since the last call that came back
        for _ in range(count):
            self._start()

    @property
    def refs(self) -> list:
        """What to wait for."""
        return [*self.coming, *self.given]

    @property
    def room(self) -> int:
        """Calls that can be given now."""
        return sum(DEPTH - load for load in self.loads.values())

    def give(self, work: Any, call: Callable[[Any], Any]) -> None:
        """Let the least busy actor do it. call: function (actor) -> reference, or two: the second is not fetched."""
        actor = min(self.loads, key=self.loads.__getitem__)
        refs = call(actor)
        value, prepared = refs if isinstance(refs, list) else (refs, None)
        self.loads[actor] += 1
        self.given[value] = actor, work, prepared

    def knows(self, ref) -> bool:
        return ref in self.coming or ref in self.given

    def take(self, ref) -> FinishedWork | None:
        """What has come of a reference of `refs`; None when an actor became ready or failed to.

        Raises InputError for what the actor raises, and when actors die without doing any work.
        """
        if ref in self.coming:
            self._welcome(ref)
            return None
        actor, work, prepared = self.given.pop(ref)
        errors = self.ray.exceptions
        try:
            value = self.ray.get(ref)
        except errors.RayActorError:
            self._bury(actor)
            return FinishedWork(work, died=True)
        except errors.RayError as error:
            self._free(actor)
            if isinstance(error, errors.RayTaskError) and not isinstance(error.cause, errors.RayError):
                raise _unwrap(error) from None
            return FinishedWork(work, lost=True)
        self.deaths = 0
        self._free(actor)
        return FinishedWork(work, value, prepared)

    def _start(self) -> None:
        actor = self.make()
        self.coming[actor.ready.remote()] = actor

    def _welcome(self, ref) -> None:
        actor = self.coming.pop(ref)
        try:
            self.ray.get(ref)
            self.loads[actor] = 0
        except self.ray.exceptions.RayTaskError as error:
            raise _unwrap(error) from None
        except self.ray.exceptions.RayActorError as error:
            self._replace(error)

    def _free(self, actor) -> None:
        if actor in self.loads:
            self.loads[actor] -= 1

    def _bury(self, actor) -> None:
        """The first of its calls to come back replaces it."""
        if self.loads.pop(actor, None) is not None:
            self._replace()

    def _replace(self, error: Exception | None = None) -> None:
        self.deaths += 1
        if self.deaths > GIVE_UP + 2 * self.count:
            why = f" ({str(error).splitlines()[0]})" if error else ""
            raise InputError(f"{self.deaths} {self.name} processes of the cluster died without finishing anything{why}. "
                             "Finished lines are kept; look at the memory of the machines, then run the same command again.")
        self._start()

    def stop(self) -> None:
        for actor in [*self.loads, *self.coming.values()]:
            self.ray.kill(actor)


def _unwrap(error) -> InputError:
    """What an actor raised, without Ray's wrapping."""
    if isinstance(error.cause, InputError):
        return InputError(str(error.cause))
    reason = f"{type(error.cause).__name__}: {str(error.cause).strip().splitlines()[0] if str(error.cause).strip() else ''}"
    return InputError(f"a process of the cluster failed ({reason[:200]}). Please report it.")
