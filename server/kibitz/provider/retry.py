"""Trying again: one layer, with full jitter, within the call's deadline.

Retries are a share of what goes out: each request adds a tenth of one to a purse, time adds one every ten
seconds, and each retry takes one. When nearly all fails, an empty purse keeps kibitz from doubling the load.
After a 429 a retry is free: the gate lets it through only when the provider should have room for it.

A wait is random between 0 and a ceiling that doubles (so that clients which failed together do not come back
together), but never shorter than what the provider asks for. A provider that asks for more time than the
call has left ends it at once. The SDK's own retries are off: they wait without jitter, and retry what cannot
succeed.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from kibitz.provider.errors import InvalidResponse, OpenAIError, RateLimitExceeded, Timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import tenacity as _t

    from kibitz.provider.config import RetryConfig

T = TypeVar("T")
_MOST_RETRIES = 10.0
_RETRIES_PER_REQUEST = 0.1
_RETRIES_PER_SECOND = 0.1


class Budget:
    """The time that a call may take, of which only what is spent inside ``spending`` counts."""

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic, whole: Budget | None = None
    ) -> None:
        self._left = seconds
        self._clock = clock
        self._whole = whole

    @property
    def left(self) -> float:
        """Seconds, never negative."""
        return max(self._left, 0.0)

    def part(self, share: float) -> Budget:
        """A share of what is left, for one of several ways to go; what it spends is spent of the whole."""
        return Budget(self.left * share, self._clock, self)

    @contextmanager
    def spending(self) -> Iterator[float]:
        """Charge the time of the block; gives the seconds that it may take."""
        started = self._clock()
        try:
            yield self.left
        finally:
            self._spend(self._clock() - started)

    def _spend(self, seconds: float) -> None:
        self._left -= seconds
        if self._whole is not None:
            self._whole._spend(seconds)  # noqa: SLF001 - of the same class


class Allowance:
    """How many retries are left to all calls together; see the module. ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: float = _MOST_RETRIES) -> None:
        self._clock = clock
        self._most = most
        self._left = most
        self._at = clock()

    def earn(self) -> None:
        """A request goes out for the first time."""
        self._left = min(self._left + _RETRIES_PER_REQUEST, self._most)

    def take(self) -> bool:
        """Whether one more retry may go out."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * _RETRIES_PER_SECOND, self._most)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Retrier:
    """Repeats calls that failed in a way that may pass."""

    def __init__(
        self,
        config: RetryConfig,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        allowance: Allowance | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._allowance = allowance or Allowance()
        self._sleep = sleep
        self._uniform = uniform

    async def __call__(
        self,
        attempt: Callable[[], Awaitable[T]],
        budget: Budget,
        on_retry: Callable[[OpenAIError, float], None] | None = None,
        *,
        final: Callable[[], bool] = lambda: False,
    ) -> T:
        """The result of the first attempt that succeeds, or the error of the last one.

        ``on_retry`` is told the error and the seconds to wait; where ``final`` says so, nothing is tried
        again. A cancellation passes through untouched.
        """
        self._allowance.earn()
        try:
            # Mostly that is all, without tenacity's 0.1 ms.
            return await attempt()
        except OpenAIError as error:
            first: OpenAIError | None = error

        async def again() -> T:
            nonlocal first
            if first is None:
                return await attempt()
            failure, first = first, None
            raise failure

        async def sleep(seconds: float) -> None:
            with budget.spending():
                await self._sleep(seconds)

        def before_sleep(state: _t.RetryCallState) -> None:
            if on_retry is not None:
                on_retry(_error(state), state.upcoming_sleep)

        if "tenacity" not in sys.modules:
            # Half a megabyte, and 10 ms that the event loop must not wait, for what mostly does not happen.
            await asyncio.to_thread(importlib.import_module, "tenacity")
        import tenacity as _t  # noqa: PLC0415 - loaded by now

        # Built for each call: a shared instance keeps its state per thread, so that concurrent tasks mix
        # theirs up (seen: None in place of 199 of 200 results).
        retrying = _t.AsyncRetrying(
            retry=_Worthwhile(),
            stop=lambda state: (
                state.attempt_number > self._config.max_retries
                or state.upcoming_sleep >= budget.left
                or final()
                or not self._affords(_error(state))
            ),
            wait=self._wait,
            sleep=sleep,
            before_sleep=before_sleep,
            reraise=True,
        )
        return await retrying(again)

    def _affords(self, error: OpenAIError) -> bool:
        """Whether there is a retry left; to be asked last, because it takes."""
        return isinstance(error, RateLimitExceeded) or self._allowance.take()

    def _wait(self, state: _t.RetryCallState) -> float:
        first, most = self._config.initial_backoff_ms / 1000, self._config.max_backoff_ms / 1000
        ceiling = min(first * 2 ** (state.attempt_number - 1), most)
        return max(self._uniform(0, ceiling), _error(state).retry_after or 0.0)


class _Worthwhile:
    """Whether another attempt can help. An unusable or missing answer gets one: it may have been paid for."""

    def __init__(self) -> None:
        self._unusable = 0

    def __call__(self, state: _t.RetryCallState) -> bool:
        if state.outcome is None or not isinstance(error := state.outcome.exception(), OpenAIError):
            return False
        if isinstance(error, InvalidResponse | Timeout):
            self._unusable += 1
        return error.retryable and self._unusable <= 1


def _error(state: _t.RetryCallState) -> OpenAIError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, OpenAIError):
        raise TypeError("only provider errors are retried") from error
    return error
