"""No more requests and tokens per minute than allowed, and in the order in which they were asked for.

Two token buckets (aiolimiter) behind one line: only the head of the line may take from them, so a big request
is not overtaken for ever by small ones, as it would be in aiolimiter alone. A request takes what it may use
at most, and gives back what it did not (``Permit.settle``). What the provider says stops everyone: ``pause``.

Requests come in bursts of at most a sixth of a minute's allowance, tokens of half of one. A request larger
than that is admitted when the bucket is empty, and its excess is a debt that the next ones wait for.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

from kibitz.provider.errors import RateLimitExceeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_REQUEST_BURST = 1 / 6
_TOKEN_BURST = 1 / 2
_MINUTE = 60.0


class Bucket(AsyncLimiter):
    """A leaky bucket that can take back and can be in debt. One event loop, like its parent."""

    __slots__ = ()

    def __init__(self, per_minute: float, burst: float) -> None:
        capacity = max(1.0, per_minute * burst)
        super().__init__(capacity, capacity * _MINUTE / per_minute)

    def give_back(self, amount: float) -> None:
        """Return what was taken and not used."""
        self._leak()
        self._level = max(0.0, self._level - amount)
        self._wake_next()

    def charge(self, amount: float) -> None:
        """Take without waiting; whoever comes next waits for it."""
        self._leak()
        self._level += amount


class Permit:
    """Leave to send one request, for which ``reserved`` tokens were set aside."""

    def __init__(self, bucket: Bucket, reserved: float) -> None:
        self._bucket = bucket
        self._reserved = reserved

    def settle(self, tokens: float) -> None:
        """Say how many tokens it took. The last word counts; without one, the reservation stays."""
        if tokens < self._reserved:
            self._bucket.give_back(self._reserved - tokens)
        else:
            self._bucket.charge(tokens - self._reserved)
        self._reserved = tokens


class RateLimiter:
    """Admits requests one by one; see the module. Belongs to one event loop."""

    def __init__(self, *, requests_per_minute: int, tokens_per_minute: int, max_concurrency: int) -> None:
        self._requests = Bucket(requests_per_minute, _REQUEST_BURST)
        self._tokens = Bucket(tokens_per_minute, _TOKEN_BURST)
        self._slots = asyncio.Semaphore(max_concurrency)
        self._line = asyncio.Lock()  # wakes its waiters in the order in which they came
        self._paused_until = 0.0

    @asynccontextmanager
    async def admit(self, tokens: int, *, longest_pause: float) -> AsyncIterator[Permit]:
        """Wait until a request of that many tokens may be sent; it is under way while the block runs.

        Raises:
            RateLimitExceeded: the provider asked for a pause of more than ``longest_pause`` seconds.
        """
        async with self._slots:
            async with self._line:
                permit = await self._take(tokens, longest_pause)
            yield permit

    def pause(self, seconds: float) -> None:
        """Let nobody through for that long. A shorter pause than the present one changes nothing."""
        self._paused_until = max(self._paused_until, self._now() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until the pause ends."""
        return max(0.0, self._paused_until - self._now())

    async def _take(self, tokens: int, longest_pause: float) -> Permit:
        reserved = min(float(tokens), self._tokens.max_rate)
        await self._wait_out(longest_pause)
        await self._tokens.acquire(reserved)
        try:
            await self._requests.acquire()
            # A pause may have begun while this one waited for its turn.
            await self._wait_out(longest_pause)
        except BaseException:
            self._tokens.give_back(reserved)
            raise
        permit = Permit(self._tokens, reserved)
        permit.settle(tokens)
        return permit

    async def _wait_out(self, longest_pause: float) -> None:
        while left := self.paused_for:
            if left > longest_pause:
                raise RateLimitExceeded(
                    f"the provider asked for a pause that lasts another {left:.0f} s; try again after that",
                    retryable=True,
                    retry_after=left,
                )
            await asyncio.sleep(left)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
