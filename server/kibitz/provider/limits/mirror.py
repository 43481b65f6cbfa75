"""What a provider's own bucket holds now, judged by what its answers say it held.

An answer's headers are old by the time they come: they tell what was left when its request was let in there.
So what came back since is added, and what was sent after that request is taken off. How much a provider
counts for a request is its secret (with or without the longest answer allowed, given back or not), and others
may use the same key: so what was sent is weighed by how the provider's count went down for what was sent
before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from kibitz.provider.limits.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0
SLACK = 1.5
"""Seconds of flow that are left untouched, as one request may travel that much longer than the next."""
_ANOTHER_WINDOW = 2 * MINUTE
_SHORTEST_TELLING_RESET = 1.0
"""Seconds: shorter ones are rounded too much to tell how fast a bucket fills."""
_TRUSTED_AT_FIRST = 0.1
"""Until this share of the limit was sent, the weight stays near 1."""
_LIGHTEST, _HEAVIEST = 0.1, 4.0


class Mark(NamedTuple):
    """When a request was sent, and all that was sent until then, itself included."""

    at: float
    total: float


class Mirror:
    """One limit (requests or tokens) of one provider; knows nothing until it is ``told``."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bucket: Bucket | None = None
        self._limit = math.inf
        self._window = MINUTE
        self._total = 0.0
        self._told = Mark(-math.inf, -math.inf)
        self._remaining = 0.0
        self._ours = self._gone = 0.0

    @property
    def per_minute(self) -> float:
        """The limit, if it is known and counted by the minute, or infinity."""
        return self._limit if self._window == MINUTE else math.inf

    @property
    def weight(self) -> float:
        """What the provider counts for one of ours."""
        return min(max(self._gone / self._ours, _LIGHTEST), _HEAVIEST) if self._ours else 1.0

    def wait_for(self, amount: float) -> float:
        """Seconds until the provider will have room for that much."""
        return 0.0 if self._bucket is None else self._bucket.wait_for(amount * self.weight)

    def sent(self, amount: float) -> Mark:
        """Note that a request is on its way."""
        self._total += amount
        if self._bucket is not None:
            self._bucket.charge(amount * self.weight)
        return Mark(self._clock(), self._total)

    def unsent(self, mark: Mark, amount: float) -> None:
        """Note that the request never left."""
        if self._bucket is not None and mark.total > self._told.total:
            self._bucket.give_back(amount * self.weight)

    def told(self, mark: Mark, limit: float | None, remaining: float | None, reset: float | None) -> None:
        """Take in what the answer to that request says; nothing, if one to a later request already came."""
        if limit is None or remaining is None or mark.total < self._told.total:
            return
        self._window = _window(limit, remaining, reset)
        rate = limit / self._window
        if limit != self._limit:
            self._limit = limit
            self._ours = self._gone = limit * _TRUSTED_AT_FIRST
        else:
            self._weigh(mark, remaining, rate)
        self._told, self._remaining = mark, remaining
        slack = min(SLACK * rate, limit / 2)
        capacity = max(limit - slack, 1.0)
        if self._bucket is None:
            self._bucket = Bucket(capacity, rate)
        self._bucket.set_rate(capacity, rate)
        back = min(limit, remaining + (self._clock() - mark.at) * rate)
        self._bucket.set_remaining(back - (self._total - mark.total) * self.weight - slack)

    def _weigh(self, mark: Mark, remaining: float, rate: float) -> None:
        full = self._remaining + (mark.at - self._told.at) * rate
        ours = mark.total - self._told.total
        if full >= self._limit or ours <= 0:
            return  # what ran over is not known
        memory = math.exp(-ours / self._limit)
        self._ours = self._ours * memory + ours
        self._gone = self._gone * memory + full - remaining


def _window(limit: float, remaining: float, reset: float | None) -> float:
    """Seconds in which the limit comes back: a minute, unless the headers clearly tell of a longer time."""
    if reset is None or reset < _SHORTEST_TELLING_RESET or remaining >= limit:
        return MINUTE
    window = reset * limit / (limit - remaining)
    return window if window > _ANOTHER_WINDOW else MINUTE
