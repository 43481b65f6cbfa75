"""Tells subscribers about an event."""

from collections.abc import Awaitable, Callable
from typing import Any

Subscriber = Callable[[dict[str, Any]], Awaitable[None]]


class Hub:
    """A list of subscribers."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    async def publish(self, event: dict[str, Any]) -> int:
        """Tell everybody, one after the other; how many took the event without a failure."""
        told = 0
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except ConnectionError:
                self._subscribers.remove(subscriber)
            else:
                told += 1
        return told
