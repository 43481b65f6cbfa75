"""A gate's dealings with the quota that it shares with other processes, if there is one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kibitz.provider.limits.quota import Limits, SharedQuota

_PATIENCE = 10.0
"""Seconds after which a claim goes into debt: small ones of others could overtake a big one for ever."""


class Claim:
    """One request's share of the quota."""

    __slots__ = ("ask_again_at", "asked_since", "dropped", "error", "granted", "in_debt", "tokens")

    def __init__(self, tokens: float, *, granted: bool) -> None:
        self.tokens = tokens
        self.granted = granted
        self.ask_again_at = 0.0
        """The loop's time until which asking is no use."""
        self.error: Exception | None = None
        """What a quota raised that should not have."""
        self.asked_since: float | None = None
        self.in_debt = False
        self.dropped = False


class Sharing:
    """See the module. Without a quota, every claim is granted."""

    def __init__(self, quota: SharedQuota | None, scope: str) -> None:
        self._quota = quota
        self.scope = scope
        self._asking: Claim | None = None
        self._errands: set[asyncio.Task[None]] = set()

    def claim(self, tokens: float) -> Claim:
        """A claim that nobody was asked for yet."""
        return Claim(tokens, granted=self._quota is None)

    def ask(self, claim: Claim, limits: Limits, answered: Callable[[], None]) -> None:
        """Ask for that claim, and call ``answered``; does nothing while an earlier question is open."""
        if self._quota is not None and self._asking is None:
            self._asking = claim
            self._send(self._ask(self._quota, claim, limits, answered))

    def drop(self, claim: Claim) -> None:
        """Give back all that the claim holds, or will turn out to hold."""
        claim.dropped = True
        if claim is not self._asking and (claim.granted or claim.in_debt):
            self.settle(-claim.tokens)

    def settle(self, difference: float) -> None:
        """Charge that many more tokens, or give them back if negative."""
        if self._quota is not None and difference:
            self._send(self._quota.settle(self.scope, difference))

    def pause(self, seconds: float) -> None:
        """Have everybody pause."""
        if self._quota is not None:
            self._send(self._quota.pause(self.scope, seconds))

    async def aclose(self) -> None:
        """Wait until the quota knows everything. It stays open."""
        while self._errands:
            await asyncio.wait(self._errands)

    async def _ask(
        self, quota: SharedQuota, claim: Claim, limits: Limits, answered: Callable[[], None]
    ) -> None:
        try:
            wait = await self._take(quota, claim, limits)
        except Exception as error:
            if claim.dropped:
                raise
            claim.error = error
        else:
            claim.granted = wait <= 0
            claim.ask_again_at = _now() + wait
        finally:
            self._asking = None
        if claim.dropped:
            self.drop(claim)
        answered()

    async def _take(self, quota: SharedQuota, claim: Claim, limits: Limits) -> float:
        if claim.asked_since is None:
            claim.asked_since = _now()
        if not claim.in_debt and _now() - claim.asked_since >= _PATIENCE:
            # From here on nobody gets tokens before the debt is paid, which is when nothing is missing for
            # this one: it asks for no more than a request.
            claim.in_debt = True
            await quota.settle(self.scope, claim.tokens)
        return await quota.take(self.scope, 0.0 if claim.in_debt else claim.tokens, limits)

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()
