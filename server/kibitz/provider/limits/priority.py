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

    Requests of one review share one. Whoever boards a review that already waits raises it. What nobody waits
    for may be held back for a while, as long as it has not been sent.
    """

    __slots__ = ("_holding", "_listeners", "_priority")

    def __init__(self, priority: Priority = Priority.FOCUSED) -> None:
        self._priority = priority
        self._listeners: dict[object, Callable[[], None]] = {}
        self._holding: set[Urgency] = set()

    @property
    def priority(self) -> Priority:
        """The highest so far."""
        return self._priority

    @property
    def held(self) -> bool:
        """Whether it is not to be sent now. Nothing that somebody waits for is held."""
        return bool(self._holding) and self._priority >= Priority.WARMING

    def rise_to(self, priority: Priority) -> None:
        """Be at least that urgent, and tell those who listen; changes nothing if it already is."""
        if priority >= self._priority:
            return
        self._priority = priority
        self._tell()

    def hold(self) -> None:
        """Have what is not sent yet wait, until ``release``."""
        self._hold(self, held=True)

    def release(self) -> None:
        """Go on after ``hold``."""
        self._hold(self, held=False)

    def follow(self, leader: Urgency) -> Callable[[], None]:
        """Be as urgent as ``leader`` is and becomes, or more, until what this returns is called.

        Until then ``leader`` can also hold it.
        """

        def align() -> None:
            self.rise_to(leader.priority)
            self._hold(leader, held=leader.held)

        align()
        unsubscribe = leader.on_change(align)

        def part() -> None:
            unsubscribe()
            self._hold(leader, held=False)

        return part

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have ``callback`` called when it rises, is held or released, until what this returns is called."""
        ticket = object()
        self._listeners[ticket] = callback

        def unsubscribe() -> None:
            self._listeners.pop(ticket, None)

        return unsubscribe

    def _hold(self, who: Urgency, *, held: bool) -> None:
        if held != (who in self._holding):
            (self._holding.add if held else self._holding.discard)(who)
            self._tell()

    def _tell(self) -> None:
        for tell in tuple(self._listeners.values()):
            tell()
