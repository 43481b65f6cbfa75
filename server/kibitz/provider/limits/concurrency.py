"""How many requests may be under way at once: one more after each round that went well, half after a 429."""

from __future__ import annotations


class Concurrency:
    """Additive increase, multiplicative decrease, between 1 and ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = most
        self.in_flight = 0
        self._well = 0
        self._sent_before = 0
        """Requests under way that were sent under a limit which was cut since."""

    @property
    def full(self) -> bool:
        """Whether the next one has to wait."""
        return self.in_flight >= self.limit

    def enter(self) -> None:
        """One more is under way."""
        self.in_flight += 1

    def leave(self) -> None:
        """One is over."""
        self.in_flight -= 1
        self._sent_before = max(0, self._sent_before - 1)

    def succeeded(self) -> None:
        """The provider was content with one."""
        self._well += 1
        if self._well >= self.limit:
            self._well = 0
            self.limit = min(self._most, self.limit + 1)

    def throttled(self) -> None:
        """The provider wanted fewer. Those sent along with the first one that it refused say nothing new."""
        self._well = 0
        if self._sent_before == 0:
            self.limit = max(1, self.limit // 2)
            self._sent_before = self.in_flight
