"""A bucket of requests or tokens that fills continuously, on aiolimiter's, for a line that takes in order."""

from __future__ import annotations

from aiolimiter import AsyncLimiter

_ALMOST = 1e-6
"""A wait computed to the last bit may end that much too early."""


class Bucket(AsyncLimiter):
    """Tells how long to wait instead of waiting; can take back, and be in debt. One event loop.

    Capacity and rate are apart: ``capacity`` may be taken at once, and ``per_second`` comes back.
    """

    __slots__ = ()

    def __init__(self, capacity: float, per_second: float) -> None:
        super().__init__(capacity, capacity / per_second)

    @property
    def per_second(self) -> float:
        """What comes back each second."""
        return self._rate_per_sec

    @property
    def remaining(self) -> float:
        """What may be taken now; negative in debt."""
        self._leak()
        return self.max_rate - self._level

    def wait_for(self, amount: float) -> float:
        """Seconds until that much is there (0.0: now); for more than fits, until the bucket is full."""
        missing = min(amount, self.max_rate) - self.remaining
        return missing / self._rate_per_sec if missing > _ALMOST else 0.0

    def charge(self, amount: float) -> None:
        """Take without waiting; what is not there is a debt."""
        self._leak()
        self._level += amount

    def give_back(self, amount: float) -> None:
        """Return what was taken and not used."""
        self._leak()
        self._level = max(0.0, self._level - amount)

    def set_remaining(self, amount: float) -> None:
        """Let that much be left, no more than fits."""
        self._leak()
        self._level = max(0.0, self.max_rate - amount)
