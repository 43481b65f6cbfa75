"""No more requests and tokens than allowed, in the order of (priority, arrival), and as many as allowed.

Everyone stands in one line. Only its head may go, and only when nothing holds it: a free slot, a pause that the
provider asked for, the configured limits, what the provider's headers say is left, and the quota shared with
other processes. So a big request is not overtaken for ever by small ones; only who is more urgent overtakes.
A request takes what it will probably use, and settles for what it did use (``Permit.settle``).

One gate per endpoint, model family and key. Belongs to one event loop, whose clock it goes by.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.limits.bucket import Bucket
from kibitz.provider.limits.concurrency import Concurrency
from kibitz.provider.limits.line import Line
from kibitz.provider.limits.mirror import MINUTE, SLACK, Mirror
from kibitz.provider.limits.pause import Pause
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from kibitz.provider.limits.headers import Observed
    from kibitz.provider.limits.mirror import Mark
    from kibitz.provider.limits.priority import Urgency
    from kibitz.provider.limits.quota import SharedQuota

_LONGEST_REFILL = MINUTE
"""Seconds: a quota that wants a longer wait than this is not filling up but paused."""


@dataclass(frozen=True, slots=True)
class GateStatus:
    """A gate at one moment, for people and metrics."""

    requests_per_minute: float
    """The configured limit, or the provider's if that is lower."""
    tokens_per_minute: float
    concurrency: int
    """How many may be under way at present."""
    in_flight: int
    queued: int
    paused_for: float
    """Seconds."""


class _Waiter:
    __slots__ = ("ask_again_at", "at_most", "longest_pause", "paid", "permit", "tokens")

    def __init__(self, tokens: float, at_most: float, longest_pause: float) -> None:
        self.tokens = tokens
        self.at_most = at_most
        self.longest_pause = longest_pause
        self.permit: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self.paid = False
        """The shared quota gave its tokens."""
        self.ask_again_at = 0.0
        """When the shared quota said it is worthwhile."""


class Permit:
    """Leave to send one request."""

    __slots__ = ("_at_most", "_gate", "_marks", "_over", "_shared", "_tokens")

    def __init__(self, gate: Gate, tokens: float, at_most: float, marks: tuple[Mark, Mark]) -> None:
        self._gate = gate
        self._tokens = self._shared = tokens
        self._at_most = at_most
        self._marks = marks
        self._over = False

    def settle(self, tokens: float) -> None:
        """Say how many tokens it took. The last word counts; without one, what was asked for stays taken."""
        self._gate._settle(tokens - self._tokens)
        self._tokens = tokens
        if self._over:
            self._share()

    def unused(self) -> None:
        """Say that nothing was sent: the request is given back too."""
        self._gate._unsent(self._marks, self._at_most)
        self.settle(0)

    def learn(self, observed: Observed | None) -> None:
        """Pass on what the headers of this request's answer (or refusal) say."""
        if observed is not None:
            self._gate._learn(self._marks, observed)

    def _end(self) -> None:
        self._over = True
        self._share()
        self._gate._left()

    def _share(self) -> None:
        difference, self._shared = self._tokens - self._shared, self._tokens
        self._gate._settle_shared(difference)


class Gate:
    """See the module."""

    def __init__(
        self,
        *,
        requests_per_minute: float,
        tokens_per_minute: float,
        max_concurrency: int,
        quota: SharedQuota | None = None,
        scope: str = "",
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._limits = Limits(requests_per_minute, tokens_per_minute)
        self._requests = _minute_of(requests_per_minute)
        self._tokens = _minute_of(tokens_per_minute)
        self._provider_requests = Mirror(self._now)
        self._provider_tokens = Mirror(self._now)
        self._concurrency = Concurrency(max_concurrency)
        self._pause = Pause(uniform)
        self._line: Line[_Waiter] = Line()
        self._timer: asyncio.TimerHandle | None = None
        self._quota = quota
        self.scope = scope
        """The name of its limits in the shared quota. A key that replaces another brings a new one."""
        self._asking = False
        self._errands: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def admit(
        self, tokens: float, *, urgency: Urgency, longest_pause: float, at_most: float | None = None
    ) -> AsyncIterator[Permit]:
        """Wait until a request may be sent; it is under way while the block runs.

        It will probably use ``tokens``, and ``at_most`` that many (the input and the longest answer allowed):
        some providers count those until they prove otherwise.

        Raises:
            RateLimitExceeded: the provider wants a pause of more than ``longest_pause`` seconds.
        """
        self._refuse_if_paused(longest_pause)
        waiter = _Waiter(tokens, tokens if at_most is None else max(tokens, at_most), longest_pause)
        self._line.join(waiter, urgency.priority)
        unsubscribe = urgency.on_rise(lambda: self._rise(waiter, urgency))
        try:
            if self._line.head is waiter:
                self._advance()
            permit = await waiter.permit
        except BaseException:
            self._abandon(waiter)
            raise
        finally:
            unsubscribe()
        try:
            yield permit
        finally:
            permit._end()

    def pause(self, seconds: float) -> None:
        """Let nobody through for that long. A shorter pause than the present one changes nothing."""
        if not self._pause.begin(self._now(), seconds):
            return
        for waiter in self._line:
            if (error := self._too_long(waiter.longest_pause)) is not None:
                self._turn_away(waiter, error)
        if self._quota is not None:
            self._send(self._quota.pause(self.scope, seconds))
        self._advance()

    @property
    def paused_for(self) -> float:
        """Seconds until the pause ends."""
        return self._pause.left(self._now())

    def succeeded(self) -> None:
        """Note that the provider answered; slowly more may be under way again."""
        self._concurrency.succeeded()
        self._advance()

    def throttled(self) -> None:
        """Note a 429: only half as many may be under way. To be called within the request's block."""
        self._concurrency.throttled()

    def status(self) -> GateStatus:
        """What holds at this moment."""
        limits = self._effective()
        return GateStatus(
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
            concurrency=self._concurrency.limit,
            in_flight=self._concurrency.in_flight,
            queued=len(self._line),
            paused_for=self.paused_for,
        )

    async def aclose(self) -> None:
        """Wait until the shared quota knows everything. The quota stays open."""
        while self._errands:
            await asyncio.wait(self._errands)

    # The line

    def _advance(self) -> None:
        """Let everyone through who may go, and be back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (waiter := self._line.head) is not None and not self._concurrency.full:
            wait = self._wait_for(waiter)
            if wait > max(waiter.longest_pause, _LONGEST_REFILL):
                self._turn_away(waiter, _paused(wait))
            elif wait > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._advance)
                return
            elif self._quota is not None and not waiter.paid:
                self._ask(self._quota, waiter)
                return
            else:
                self._line.leave(waiter)
                waiter.permit.set_result(self._permit(waiter))

    def _wait_for(self, waiter: _Waiter) -> float:
        now = self._now()
        return max(
            self._pause.wait(now, len(self._line)),
            self._requests.wait_for(1),
            self._tokens.wait_for(waiter.tokens),
            self._provider_requests.wait_for(1),
            self._provider_tokens.wait_for(waiter.at_most),
            waiter.ask_again_at - now,
        )

    def _permit(self, waiter: _Waiter) -> Permit:
        self._pause.passed()
        self._concurrency.enter()
        self._requests.charge(1)
        self._tokens.charge(waiter.tokens)
        marks = (self._provider_requests.sent(1), self._provider_tokens.sent(waiter.at_most))
        return Permit(self, waiter.tokens, waiter.at_most, marks)

    def _rise(self, waiter: _Waiter, urgency: Urgency) -> None:
        self._line.move(waiter, urgency.priority)
        self._advance()

    def _turn_away(self, waiter: _Waiter, error: RateLimitExceeded) -> None:
        self._line.leave(waiter)
        waiter.permit.set_exception(error)

    def _abandon(self, waiter: _Waiter) -> None:
        """Undo all for one who does not come in, however far it got."""
        self._line.leave(waiter)
        if waiter.permit.done() and not waiter.permit.cancelled() and waiter.permit.exception() is None:
            permit = waiter.permit.result()
            permit.unused()
            permit._end()
        elif waiter.paid:
            self._settle_shared(-waiter.tokens)
        self._advance()

    # Permits

    def _settle(self, difference: float) -> None:
        if difference > 0:
            self._tokens.charge(difference)
        elif difference < 0:
            self._tokens.give_back(-difference)
            self._advance()

    def _unsent(self, marks: tuple[Mark, Mark], at_most: float) -> None:
        self._requests.give_back(1)
        self._provider_requests.unsent(marks[0], 1)
        self._provider_tokens.unsent(marks[1], at_most)

    def _learn(self, marks: tuple[Mark, Mark], seen: Observed) -> None:
        self._provider_requests.told(
            marks[0], seen.limit_requests, seen.remaining_requests, seen.reset_requests
        )
        self._provider_tokens.told(marks[1], seen.limit_tokens, seen.remaining_tokens, seen.reset_tokens)
        self._advance()

    def _left(self) -> None:
        self._concurrency.leave()
        self._advance()

    # The shared quota

    def _ask(self, quota: SharedQuota, waiter: _Waiter) -> None:
        if not self._asking:
            self._asking = True
            self._send(self._asked(quota, waiter))

    async def _asked(self, quota: SharedQuota, waiter: _Waiter) -> None:
        try:
            wait = await quota.take(self.scope, waiter.tokens, self._effective())
        except BaseException as error:
            if not waiter.permit.done():
                self._line.leave(waiter)
                waiter.permit.set_exception(error)
            raise
        else:
            if wait > 0:
                waiter.ask_again_at = self._now() + wait
            elif waiter.permit.done():
                self._settle_shared(-waiter.tokens)
            else:
                waiter.paid = True
        finally:
            self._asking = False
            self._advance()

    def _settle_shared(self, difference: float) -> None:
        if self._quota is not None and difference:
            self._send(self._quota.settle(self.scope, difference))

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # The rest

    def _effective(self) -> Limits:
        return Limits(
            min(self._limits.requests_per_minute, self._provider_requests.per_minute),
            min(self._limits.tokens_per_minute, self._provider_tokens.per_minute),
        )

    def _refuse_if_paused(self, longest_pause: float) -> None:
        if (error := self._too_long(longest_pause)) is not None:
            raise error

    def _too_long(self, longest_pause: float) -> RateLimitExceeded | None:
        return _paused(self.paused_for) if self.paused_for > longest_pause else None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _minute_of(per_minute: float) -> Bucket:
    rate = per_minute / MINUTE
    return Bucket(max(1.0, per_minute - SLACK * rate), rate)


def _paused(seconds: float) -> RateLimitExceeded:
    return RateLimitExceeded(
        f"the provider asked for a pause that lasts another {seconds:.0f} s; try again after that",
        retryable=True,
        retry_after=seconds,
    )
