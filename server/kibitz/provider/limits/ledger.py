"""A quota over a ledger that several processes keep, and that may be out of reach.

While the ledger is away, each process works by its ``Share`` of the limits. The ledger is tried again in the
background, ever more rarely, so its absence costs nobody any time; when it is back, it is told what was used
meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from typing import TYPE_CHECKING, Protocol

from kibitz.provider.limits.share import Seen, Share

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kibitz.provider.limits.account import Answer
    from kibitz.provider.limits.quota import Limits

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
"""After the second failure in a row, and doubled from there. After the first it is tried again at once."""
LONGEST_RETRY_S = 30.0


class LedgerUnavailableError(Exception):
    """The ledger is out of reach; the message says why and what to do, and holds no secret."""

    def __init__(self, message: str, *, reported: bool = False) -> None:
        super().__init__(message)
        self.reported = reported
        """The user has been told already."""


class Ledger(Protocol):
    """Accounts that several processes keep together. All but ``aclose`` may raise LedgerUnavailableError."""

    async def prepare(self) -> None:
        """Load what is needed. Awaited once, before all else; may take a while; a failure is for good."""

    async def take(self, scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        """See ``Account.take``."""

    async def settle(self, scope: str, requests: float, tokens: float, least: float) -> None:
        """See ``Account.settle``."""

    async def pause(self, scope: str, seconds: float) -> None:
        """See ``Account.stop``."""

    async def reach(self) -> None:
        """Find out, patiently, whether it works again."""

    async def aclose(self) -> None:
        """Let go of everything."""


class LedgerQuota:
    """A ``SharedQuota``; see the module. Belongs to one event loop."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.problem = ""
        """Why each process goes by its share alone, in words for people; empty while all is well."""
        self._ledger = ledger
        self._clock = clock
        self._who = secrets.token_hex(8)
        self._preparing: asyncio.Task[None] | None = None
        self._seen: dict[str, Seen] = {}
        self._shares: dict[str, Share] = {}
        self._away = False
        self._failures = 0
        self._retry_at = -math.inf
        self._reaching: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()

    async def take(self, scope: str, tokens: float, limits: Limits) -> float:
        """See ``SharedQuota``. Cancelled, it takes nothing in the end."""
        if await self._within_reach():
            try:
                answer = await self._taken(scope, tokens, limits)
            except LedgerUnavailableError:
                self._leave()
            else:
                self._seen[scope] = Seen(answer, self._clock())
                return answer.wait
        return self._share(scope).take(tokens, limits, self._clock())

    async def settle(self, scope: str, tokens: float, least: float = 0.0) -> None:
        """See ``SharedQuota``."""
        await self._correct(scope, 0.0, tokens, least)

    async def pause(self, scope: str, seconds: float) -> None:
        """See ``SharedQuota``."""
        if await self._within_reach():
            try:
                return await self._ledger.pause(scope, seconds)
            except LedgerUnavailableError:
                self._leave()
        return self._share(scope).stop(seconds, self._clock())

    def processes(self, scope: str) -> int:
        """See ``SharedQuota``."""
        return self._seen[scope].answer.processes if scope in self._seen else 1

    async def aclose(self) -> None:
        """See ``SharedQuota``."""
        while self._errands:
            await asyncio.wait(self._errands)
        for task in (self._preparing, self._reaching):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        await self._ledger.aclose()

    async def _correct(self, scope: str, requests: float, tokens: float, least: float) -> None:
        if await self._within_reach():
            try:
                return await self._ledger.settle(scope, requests, tokens, least)
            except LedgerUnavailableError:
                self._leave()
        return self._share(scope).settle(requests, tokens, self._clock())

    async def _taken(self, scope: str, tokens: float, limits: Limits) -> Answer:
        asking = asyncio.create_task(self._ledger.take(scope, self._who, tokens, limits))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The ledger does not know that nobody is waiting for this any more.
            self._send(self._give_back(asking, scope, tokens))
            raise

    async def _give_back(self, asking: asyncio.Task[Answer], scope: str, tokens: float) -> None:
        try:
            answer = await asking
        except LedgerUnavailableError:
            self._leave()
        else:
            if not answer.wait:
                await self._correct(scope, -1.0, -tokens, 0.0)

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _share(self, scope: str) -> Share:
        if scope not in self._shares:
            self._shares[scope] = Share(self._seen.get(scope), self._clock())
        return self._shares[scope]

    # Away and back

    async def _within_reach(self) -> bool:
        """Whether to ask the ledger. Waits for nothing but the first preparation."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare())
        if not self._preparing.done():
            await asyncio.shield(self._preparing)
        if self._away and self._reaching is None and self._clock() >= self._retry_at:
            self._reaching = asyncio.create_task(self._reach())
        return not self._away

    async def _prepare(self) -> None:
        try:
            await self._ledger.prepare()
        except LedgerUnavailableError as error:
            self._away, self._retry_at = True, math.inf
            self._report(error)

    def _leave(self) -> None:
        if not self._away:
            # One late answer is no outage: another attempt is made at once, and tells.
            self._away, self._failures = True, 0
            self._reaching = asyncio.create_task(self._reach())

    async def _reach(self) -> None:
        try:
            await self._ledger.reach()
            for scope, share in list(self._shares.items()):
                used = share.unknown(self._clock())
                await self._ledger.settle(scope, used.requests, used.tokens, 0.0)
                if used.pause:
                    await self._ledger.pause(scope, used.pause)
        except LedgerUnavailableError as error:
            self._retry_at = self._clock() + min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0**self._failures)
            self._failures += 1
            self._report(error)
        else:
            self._shares.clear()
            self._away, self.problem = False, ""
        finally:
            self._reaching = None

    def _report(self, error: LedgerUnavailableError) -> None:
        if not self.problem and not error.reported:
            logger.warning("%s", error)
        self.problem = str(error)
