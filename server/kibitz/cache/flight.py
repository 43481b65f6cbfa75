"""Work that several wait for is done once.

One flight works on several keys (a packed request). Who needs a key that is already in the air boards that
flight instead of starting another. When the last passenger leaves, the flight is cancelled: nobody pays for
an answer that nobody wants. A failure is told to every passenger and kept for no one. Each flight carries
how urgent it is, for its passengers to raise.

Confined to one event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

V = TypeVar("V")
U = TypeVar("U")


class Flight(Generic[V, U]):
    """A running piece of work, and what of it has landed so far. ``SingleFlight.launch`` makes them."""

    def __init__(self, keys: Sequence[str], urgency: U, registry: dict[str, Flight[V, U]]) -> None:
        self.keys = tuple(keys)
        self.urgency = urgency
        self.landed: dict[str, V] = {}
        """Values by key. What is here is good, even if the rest fails."""
        self.previews: dict[str, V] = {}
        """What may already be shown of keys that have not landed."""
        self.failed: dict[str, BaseException] = {}
        """Why single keys will not land, where that is known."""
        self.error: BaseException | None = None
        """Why it ended early. Set before the passengers are woken for the last time."""
        self.done = False
        self._registry = registry
        self._task: asyncio.Task[None] | None = None
        self._passengers: list[Callable[[], None]] = []

    def land(self, key: str, value: V) -> None:
        """Deliver one value, and wake the passengers."""
        self.landed[key] = value
        self._wake()

    def fail(self, key: str, error: BaseException) -> None:
        """Say why one key will not land, and wake the passengers."""
        self.failed[key] = error
        self._wake()

    def preview(self, key: str, value: V) -> None:
        """Show what is there of one value, and wake the passengers."""
        self.previews[key] = value
        self._wake()

    def board(self, wake: Callable[[], None]) -> None:
        """Wait along: ``wake`` is called whenever something lands, and when the flight is done."""
        self._passengers.append(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        """Wait no longer. The last one to leave a flight that is not done cancels it."""
        self._passengers.remove(wake)
        if not self._passengers and not self.done:
            self.cancel()

    def cancel(self) -> None:
        """Stop the work. Whoever still waits gets ``CancelledError`` as the flight's error."""
        # Nobody may board a flight that is going down: the next one who asks starts afresh.
        self._unregister()
        if self._task is not None:
            self._task.cancel()

    def start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Register the keys and run ``work``, which calls ``land`` for each of them."""
        self._registry.update(dict.fromkeys(self.keys, self))
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._finish)
        return self._task

    def _finish(self, task: asyncio.Task[None]) -> None:
        self.done = True
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._unregister()
        self._wake()

    def _unregister(self) -> None:
        for key in self.keys:
            if self._registry.get(key) is self:
                del self._registry[key]

    def _wake(self) -> None:
        for wake in tuple(self._passengers):
            wake()


class SingleFlight(Generic[V, U]):
    """The flights that are in the air, by key."""

    def __init__(self) -> None:
        self._by_key: dict[str, Flight[V, U]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, key: str) -> Flight[V, U] | None:
        """The flight that works on ``key`` now. Board it before the next await, or it may be gone."""
        return self._by_key.get(key)

    def launch(
        self,
        keys: Sequence[str],
        urgency: U,
        work: Callable[[Flight[V, U]], Coroutine[object, object, None]],
    ) -> Flight[V, U]:
        """Start ``work`` for keys that are not in the air. Board before the next await."""
        flight: Flight[V, U] = Flight(keys, urgency, self._by_key)
        task = flight.start(work(flight))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def aclose(self) -> None:
        """Cancel all flights, and wait until they are gone."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
