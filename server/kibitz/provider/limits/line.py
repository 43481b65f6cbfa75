"""A line of waiters by (priority, arrival), in which one may move forward or leave at any time."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.provider.limits.priority import Priority

W = TypeVar("W")
_Arrival: TypeAlias = "tuple[float, int]"
"""Since when, and what number."""
_TOLERATED = 64
"""Entries of those who left or moved stay in the heap until they come up, or are most of it and this many."""


class Line(Generic[W]):
    """Everything in logarithmic time. Waiters are told apart by hash and equality."""

    def __init__(self) -> None:
        self._heap: list[tuple[Priority, _Arrival, W]] = []
        self._places: dict[W, tuple[Priority, _Arrival]] = {}
        self._arrivals = itertools.count()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[W]:
        """All who wait, in no particular order."""
        return iter(tuple(self._places))

    @property
    def head(self) -> W | None:
        """Who is next."""
        while self._heap:
            priority, arrival, waiter = self._heap[0]
            if self._places.get(waiter) == (priority, arrival):
                return waiter
            heapq.heappop(self._heap)
        return None

    def join(self, waiter: W, priority: Priority, since: float = 0.0) -> None:
        """Stand behind everyone of the same priority who has waited since then, or longer."""
        self._put(waiter, priority, (since, next(self._arrivals)))

    def move(self, waiter: W, priority: Priority) -> None:
        """Stand where one who arrived then with that priority would; nothing if it already left or does."""
        if (place := self._places.get(waiter)) is not None and place[0] != priority:
            self._put(waiter, priority, place[1])
            self._tidy()

    def leave(self, waiter: W) -> None:
        """Stand there no more; nothing if it already left."""
        if self._places.pop(waiter, None) is not None:
            self._tidy()

    def _put(self, waiter: W, priority: Priority, arrival: _Arrival) -> None:
        self._places[waiter] = (priority, arrival)
        heapq.heappush(self._heap, (priority, arrival, waiter))

    def _tidy(self) -> None:
        if len(self._heap) > _TOLERATED + 2 * len(self._places):
            self._heap = [(*place, waiter) for waiter, place in self._places.items()]
            heapq.heapify(self._heap)
