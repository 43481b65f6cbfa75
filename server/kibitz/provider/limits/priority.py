"""Who goes first when there is not enough for all."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Priority(IntEnum):
    """A smaller one goes first."""

    EXPLICIT = 0
    """Somebody asked for it and waits."""
    FOCUSED = 1
    """The document that is looked at."""
    OPEN = 2
    """Another open document."""
    WARMING = 3
    """Nobody asked yet."""


class Urgency:
    """How urgent a request is by now: it may rise while the request waits, and never falls.

    Requests of one review share one. Whoever boards a review that already waits raises it.
    """

    __slots__ = ("_listeners", "_priority")

    def __init__(self, priority: Priority = Priority.FOCUSED) -> None:
        self._priority = priority
        self._listeners: dict[object, Callable[[], None]] = {}

    @property
    def priority(self) -> Priority:
        """The highest so far."""
        return self._priority

    def rise_to(self, priority: Priority) -> None:
        """Be at least that urgent, and tell those who listen; changes nothing if it already is."""
        if priority >= self._priority:
            return
        self._priority = priority
        for tell in tuple(self._listeners.values()):
            tell()

    def follow(self, leader: Urgency) -> Callable[[], None]:
        """Be as urgent as ``leader`` is and becomes, or more, until what this returns is called."""
        self.rise_to(leader.priority)
        return leader.on_rise(lambda: self.rise_to(leader.priority))

    def on_rise(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``callback`` called at each rise, until the function that this returns is called."""
        ticket = object()
        self._listeners[ticket] = callback

        def unsubscribe() -> None:
            self._listeners.pop(ticket, None)

        return unsubscribe
