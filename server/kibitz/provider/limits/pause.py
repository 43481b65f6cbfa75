"""A pause that a provider asked for, and how those who waited come back from it one by one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_JITTER = 0.2


class Pause:
    """Times are the event loop's, in seconds.

    Each waiter comes back at a random moment in the fifth of the pause that follows it, in the line's order:
    the moments are drawn one at a time, each as the smallest of as many as still wait.
    """

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._until = self._spread_until = -math.inf
        self._next: float | None = None

    def begin(self, now: float, seconds: float) -> bool:
        """Pause from ``now`` on; false if that ends no later than the present pause."""
        if now + seconds <= self._until:
            return False
        self._until = now + seconds
        self._spread_until = self._until + seconds * _JITTER
        self._next = None
        return True

    def left(self, now: float) -> float:
        """Seconds until it ends, without anybody's jitter."""
        return max(0.0, self._until - now)

    def wait(self, now: float, waiting: int) -> float:
        """Seconds until the first of ``waiting`` may go."""
        if now >= self._spread_until:
            return 0.0
        if self._next is None:
            share = 1 - (1 - self._uniform(0.0, 1.0)) ** (1 / max(1, waiting))
            start = max(now, self._until)
            self._next = start + (self._spread_until - start) * share
        return max(0.0, self._next - now)

    def passed(self) -> None:
        """One went."""
        self._next = None
