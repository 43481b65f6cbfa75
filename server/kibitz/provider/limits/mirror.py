"""What a provider's own bucket holds by now, as far as its answers tell.

The mirror counts along: what came back since, and the most that each request sent may take (some providers
count the longest answer allowed, and never give it back). It is put right by the headers of answers. Those
are old by the time they come: they tell what was left when their request was let in there, and requests
overtake each other on the way. So an answer only tells between which bounds the truth lies. And headers may
be nonsense: nobody waits longer than a minute because of them; then one request goes to hear the next word.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kibitz.provider.limits.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0
_at = attrgetter("at")
SLACK = 2.0
"""Seconds. One request may travel that much longer than another; that much flow is left untouched."""
_ANOTHER_WINDOW = 2 * MINUTE
_SHORTEST_TELLING_RESET = 1.0
"""Seconds: shorter ones are rounded too much to tell how fast a bucket fills."""
_FORGOTTEN_AFTER = 2 * MINUTE


class Mark(NamedTuple):
    """When a request was sent, and all that was sent until then, itself included."""

    at: float
    total: float
    amount: float


class Mirror:
    """One limit (requests or tokens) of one provider, assumed to be ``per_minute`` until it is told."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limit = per_minute
        self._window = MINUTE
        self._bucket = bucket_of(per_minute)
        self._told_at: float | None = None
        self._silent = False
        self._total = 0.0
        self._sent: list[Mark] = []
        """As far back as an answer may still refer to."""
        self._last = self._forgotten = Mark(-math.inf, 0.0, 0.0)

    @property
    def per_minute(self) -> float:
        """The provider's limit, if it is known and counts by the minute, or infinity."""
        known = self._told_at is not None and not self._silent
        return self._limit if known and self._window == MINUTE else math.inf

    @property
    def silent(self) -> bool:
        """Whether the provider answers without telling anything."""
        return self._silent

    def wait_for(self, amount: float) -> float:
        """Seconds until the provider should have room for that much, or until it is time to ask it again."""
        if self._silent or (wait := self._bucket.wait_for(amount)) == 0:
            return 0.0
        if self._told_at is None:
            return wait
        return min(wait, max(0.0, self._told_at + MINUTE - self._clock()))

    def sent(self, amount: float) -> Mark:
        """Note that a request is on its way."""
        self._total += amount
        mark = Mark(self._clock(), self._total, amount)
        if self._silent:
            self._forgotten = mark
            return mark
        if self._told_at is not None and self._bucket.wait_for(amount):
            self._told_at = mark.at  # it goes to ask whether the last word still holds; the others wait
        self._bucket.charge(amount)
        self._sent.append(mark)
        return mark

    def unsent(self, amount: float) -> None:
        """Note that a request never left."""
        self._bucket.give_back(amount)

    def answered(self) -> None:
        """Note an answer: if none has told anything for long, the provider keeps its limits to itself."""
        if self._told_at is None or self._clock() - self._told_at > _FORGOTTEN_AFTER:
            self._silent = True
            self._forget_until(math.inf)

    def told(self, mark: Mark, limit: float | None, remaining: float | None, reset: float | None) -> None:
        """Take in what the answer to the request of that mark says."""
        if limit is None or remaining is None or mark.total < self._last.total:
            return
        self._told_at, self._silent, self._last = self._clock(), False, mark
        self._resize(limit, _window(limit, remaining, reset))
        since, rate = self._clock() - mark.at, self._bucket.per_second
        overtaken = max(0.0, self._sent_after(mark.at - SLACK) - mark.amount)
        low = min(limit, remaining + max(0.0, since - SLACK) * rate) - overtaken
        high = min(limit, remaining + since * rate) - self._sent_after(mark.at + SLACK)
        spare = limit - self._bucket.max_rate
        self._bucket.set_remaining(min(max(self._bucket.remaining, low - spare), high - spare))
        self._forget_until(mark.at - SLACK)

    def _resize(self, limit: float, window: float) -> None:
        if (limit, window) != (self._limit, self._window):
            self._limit, self._window = limit, window
            used = self._bucket.max_rate - self._bucket.remaining
            self._bucket = bucket_of(limit, window)
            self._bucket.charge(used)

    def _sent_after(self, moment: float) -> float:
        first = bisect_right(self._sent, moment, key=_at)
        return self._total - (self._sent[first - 1] if first else self._forgotten).total

    def _forget_until(self, moment: float) -> None:
        first = bisect_right(self._sent, moment, key=_at)
        if first:
            self._forgotten = self._sent[first - 1]
            del self._sent[:first]


def bucket_of(limit: float, window: float = MINUTE) -> Bucket:
    """A bucket for that many in so many seconds, of which some flow is left untouched."""
    rate = limit / window
    return Bucket(max(1.0, limit - min(SLACK * rate, limit / 2)), rate)


def _window(limit: float, remaining: float, reset: float | None) -> float:
    """Seconds in which the limit comes back: a minute, unless the headers clearly tell of a longer time."""
    if reset is None or reset < _SHORTEST_TELLING_RESET or remaining >= limit:
        return MINUTE
    window = reset * limit / (limit - remaining)
    return window if window > _ANOTHER_WINDOW else MINUTE
