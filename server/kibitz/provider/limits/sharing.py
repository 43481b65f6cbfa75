"""A gate's dealings with the quota that it shares with other processes, if there is one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kibitz.provider.limits.quota import Limits, SharedQuota


class Claim:
    """One request's share of the quota."""

    __slots__ = ("ask_again_at", "error", "granted", "scope", "tokens")

    def __init__(self, tokens: float, scope: str, *, granted: bool) -> None:
        self.tokens = tokens
        """What it asks for, and holds once it is granted."""
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

    def claim(self, tokens: float) -> Claim:
        """A claim that the quota was not asked for yet."""
        return Claim(tokens, self.scope, granted=self._quota is None)

    def ask(self, claim: Claim, limits: Limits, answered: Callable[[], None]) -> None:
        """Ask for that claim, and call ``answered``; does nothing while an earlier question is open."""
        if self._quota is not None and self._asking is None:
            self._asking = claim
            self._send(self._ask(self._quota, claim, limits, answered))

    def settle(self, claim: Claim, tokens: float) -> None:
        """Let the claim hold that many tokens; if it is still asked for, as soon as it is granted."""
        difference, claim.tokens = tokens - claim.tokens, tokens
        if self._quota is not None and claim.granted and difference:
            self._send(self._quota.settle(claim.scope, difference))

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
        asked = claim.tokens
        try:
            wait = await quota.take(claim.scope, asked, limits)
        except Exception as error:  # noqa: BLE001 - the one who waits for the answer gets it
            claim.error = error
        else:
            claim.granted = wait <= 0
            claim.ask_again_at = asyncio.get_running_loop().time() + wait
        finally:
            self._asking = None
        if claim.granted:
            # It may have been given up meanwhile.
            wanted, claim.tokens = claim.tokens, asked
            self.settle(claim, wanted)
        answered()

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
