"""No more requests and tokens than allowed, as many as allowed, and in the order of (priority, arrival).

Everyone stands in one line. Only its head may go, and only when nothing holds it: a free slot, a pause that
the provider asked for, the configured limits, what the provider's headers say is left, and the quota shared
with other processes. So a big request is not overtaken for ever by small ones; only who is more urgent
overtakes. A request takes what it will probably use, and settles for what it did use (``Permit.settle``).

One gate per endpoint, model family and key. Belongs to one event loop, and goes by its clock.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.limits.allowance import Allowance
from kibitz.provider.limits.concurrency import Concurrency
from kibitz.provider.limits.line import Line
from kibitz.provider.limits.mirror import MINUTE
from kibitz.provider.limits.pause import Pause
from kibitz.provider.limits.permit import Permit
from kibitz.provider.limits.quota import Limits
from kibitz.provider.limits.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kibitz.provider.limits.priority import Urgency
    from kibitz.provider.limits.quota import SharedQuota
    from kibitz.provider.limits.sharing import Claim

_LONGEST_REFILL = MINUTE
"""Seconds: where a shared quota wants a longer wait than this, others are in debt, or paused."""


@dataclass(frozen=True, slots=True)
class GateStatus:
    """A gate at one moment, for people and metrics."""

    requests_per_minute: float
    """The configured limit, or the provider's if that is lower."""
    tokens_per_minute: float
    """Likewise."""
    concurrency: int
    """How many may be under way at present."""
    in_flight: int
    queued: int
    paused_for: float
    """Seconds."""


class _Waiter:
    __slots__ = ("claim", "longest_pause", "permit", "urgency")

    def __init__(self, claim: Claim, urgency: Urgency, longest_pause: float) -> None:
        self.claim = claim
        self.urgency = urgency
        self.longest_pause = longest_pause
        self.permit: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()


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
        self._allowance = Allowance(Limits(requests_per_minute, tokens_per_minute), _now)
        self._concurrency = Concurrency(max_concurrency)
        self._pause = Pause(uniform)
        self._sharing = Sharing(quota, scope)
        self._line: Line[_Waiter] = Line()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def admit(
        self,
        tokens: float,
        *,
        urgency: Urgency,
        longest_pause: float,
        at_most: float | None = None,
        since: float | None = None,
    ) -> AsyncIterator[Permit]:
        """Wait until a request may be sent; it is under way while the block runs.

        Args:
            tokens: how many it will probably use.
            at_most: the input and the longest answer allowed: some providers count those until they prove
                otherwise.
            urgency: who is more urgent goes first, also if that rises meanwhile. Who is held waits, and so
                do those behind it: they are no more urgent.
            longest_pause: seconds, see below.
            since: the loop's time at which the wait began, if that was earlier: what is tried again goes
                before what came after it.

        Raises:
            RateLimitExceeded: the provider wants a pause of more than ``longest_pause`` seconds.
        """
        if self.paused_for > longest_pause:
            raise _paused(self.paused_for)
        at_most = tokens if at_most is None else max(tokens, at_most)
        waiter = _Waiter(self._sharing.claim(tokens, at_most), urgency, longest_pause)
        self._line.join(waiter, urgency.priority, _now() if since is None else since)
        unsubscribe = urgency.on_change(lambda: self._move(waiter))
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
            self._end(permit)

    def rename(self, scope: str) -> None:
        """Count under another name in the shared quota from now on: a key took the place of another."""
        self._sharing.scope = scope

    def pause(self, seconds: float) -> None:
        """Let nobody through for that long. A shorter pause than the present one changes nothing."""
        if not self._pause.begin(_now(), seconds):
            return
        for waiter in self._line:
            if seconds > waiter.longest_pause:
                self._turn_away(waiter, _paused(seconds))
        self._sharing.pause(seconds)
        self._advance()

    @property
    def paused_for(self) -> float:
        """Seconds until the pause ends."""
        return self._pause.left(_now())

    def succeeded(self) -> None:
        """Note that the provider answered: slowly, more may be under way again."""
        self._allowance.answered()
        self._concurrency.succeeded()
        self._advance()

    def throttled(self) -> None:
        """Note a 429: only half as many may be under way. To be called within the request's block."""
        self._concurrency.throttled()

    def status(self) -> GateStatus:
        """What holds at this moment."""
        limits = self._allowance.limits
        return GateStatus(
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
            concurrency=self._concurrency.limit,
            in_flight=self._concurrency.in_flight,
            queued=len(self._line),
            paused_for=self.paused_for,
        )

    async def aclose(self) -> None:
        """Wait until the shared quota knows everything. The quota itself stays open."""
        await self._sharing.aclose()

    def _advance(self) -> None:
        """Let everyone through who may go, and be back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (waiter := self._line.head) is not None and not self._concurrency.full:
            if waiter.urgency.held:
                return  # it is back when it is released, or somebody needs it
            now = _now()
            shared = waiter.claim.ask_again_at - now
            if waiter.claim.error is not None:
                self._turn_away(waiter, waiter.claim.error)
            elif shared > max(waiter.longest_pause, _LONGEST_REFILL):
                self._turn_away(waiter, _no_room(shared))
            elif (wait := max(shared, self._wait_for(waiter, now))) > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._advance)
                return
            elif not waiter.claim.granted:
                self._ask_for(waiter.claim)
                return
            else:
                self._let_in(waiter)

    def _wait_for(self, waiter: _Waiter, now: float) -> float:
        pause = self._pause.wait(now, len(self._line))
        return max(pause, self._allowance.wait_for(waiter.claim.tokens, waiter.claim.at_most))

    def _ask_for(self, claim: Claim) -> None:
        self._sharing.ask(claim, self._allowance.limits, self._advance, told=self._allowance.told)

    def _let_in(self, waiter: _Waiter) -> None:
        self._line.leave(waiter)
        if waiter.permit.done():
            return  # cancelled, and has not noticed yet
        self._pause.passed()
        self._concurrency.enter()
        taken = self._allowance.take(waiter.claim.tokens, waiter.claim.at_most)
        waiter.permit.set_result(Permit(taken, self._allowance, waiter.claim, self._sharing, self._advance))

    def _end(self, permit: Permit) -> None:
        permit.close()
        self._concurrency.leave()
        self._advance()

    def _move(self, waiter: _Waiter) -> None:
        self._line.move(waiter, waiter.urgency.priority)
        self._advance()

    def _turn_away(self, waiter: _Waiter, error: Exception) -> None:
        self._line.leave(waiter)
        if not waiter.permit.done():
            waiter.permit.set_exception(error)

    def _abandon(self, waiter: _Waiter) -> None:
        """Undo everything for one who does not come in, however far it got."""
        self._line.leave(waiter)
        future = waiter.permit
        if future.done() and not future.cancelled() and future.exception() is None:
            # Let in, and cancelled before it knew.
            future.result().unused()
            self._end(future.result())
        else:
            self._sharing.settle(waiter.claim, 0)
            self._advance()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _no_room(seconds: float) -> RateLimitExceeded:
    return RateLimitExceeded(
        f"those who share the provider's limits have used them up for another {seconds:.0f} s; "
        "try again after that",
        retryable=True,
        retry_after=seconds,
    )


def _paused(seconds: float) -> RateLimitExceeded:
    return RateLimitExceeded(
        f"the provider asked for a pause that lasts another {seconds:.0f} s; try again after that",
        retryable=True,
        retry_after=seconds,
    )
