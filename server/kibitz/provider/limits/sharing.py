"""A gate's dealings with the quota that it shares with other processes, if there is one.

Alone, a gate learns from the provider's answers how it counts. What several processes send, no one of them
can tell apart in what the provider says is left; so they count the most that each request may take, and keep
that, as providers tend to, unless the provider keeps its limits to itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kibitz.provider.limits.quota import Limits, SharedQuota


class Claim:
    """One request's share of the quota."""

    __slots__ = ("ask_again_at", "at_most", "cautious", "error", "granted", "held", "scope", "tokens")

    def __init__(self, tokens: float, at_most: float, scope: str, *, granted: bool) -> None:
        self.tokens = tokens
        """What it will probably use, or used."""
        self.at_most = at_most
        self.cautious = False
        """It counts with ``at_most``, if it is used at all."""
        self.held = 0.0
        """What it asked for, and holds once it is granted."""
        self.scope = scope
        self.granted = granted
        self.ask_again_at = 0.0
        """The loop's time until which asking is no use."""
        self.error: Exception | None = None
        """What the quota raised, although it should not."""


class Sharing:
    """See the module. Without a quota, every claim is granted."""

    def __init__(self, quota: SharedQuota | None, scope: str) -> None:
        self._quota = quota
        self.scope = scope
        """Under which new claims count."""
        self._asking: Claim | None = None
        self._errands: set[asyncio.Task[None]] = set()

    def claim(self, tokens: float, at_most: float) -> Claim:
        """A claim that the quota was not asked for yet."""
        return Claim(tokens, at_most, self.scope, granted=self._quota is None)

    def ask(self, claim: Claim, limits: Limits, answered: Callable[[], None], *, told: bool) -> None:
        """Ask for that claim, and call ``answered``; does nothing while an earlier question is open.

        ``told``: the provider says, or may say, how much it counts.
        """
        if self._quota is not None and self._asking is None:
            self._asking = claim
            claim.cautious = told and self._quota.processes(claim.scope) > 1
            claim.held = _due(claim)
            self._send(self._ask(self._quota, claim, limits, answered))

    def settle(self, claim: Claim, tokens: float, least: float = 0.0) -> None:
        """Note what was used; the quota hears it at once, or as soon as the claim is granted.

        ``least``: what all have in use at the least, by what the provider says.
        """
        claim.tokens = tokens
        if self._quota is not None and claim.granted:
            difference, claim.held = _due(claim) - claim.held, _due(claim)
            if difference or least > 0:
                self._send(self._quota.settle(claim.scope, difference, least))

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
            wait = await quota.take(claim.scope, claim.held, limits)
        except Exception as error:  # noqa: BLE001 - the one who waits for the answer gets it
            claim.error = error
        else:
            claim.granted = wait <= 0
            claim.ask_again_at = asyncio.get_running_loop().time() + wait
        finally:
            self._asking = None
        if claim.granted:
            # It may have been given up meanwhile.
            self.settle(claim, claim.tokens)
        answered()

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _due(claim: Claim) -> float:
    """What the quota should count for it."""
    return max(claim.tokens, claim.at_most) if claim.cautious and claim.tokens else claim.tokens
