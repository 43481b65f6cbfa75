"""A shared quota over a ledger that may be out of reach: what then holds, and how it comes back.

While the ledger is away, each process works by an account of its own with its share of the limits, the N-th
part if N processes were seen last. It begins where the ledger was last seen, so nothing opens. The ledger is
tried again in the background, later and later, so its absence costs nobody any time; when it is back, it is
told what was used meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kibitz.provider.limits.account import Account
from kibitz.provider.limits.mirror import MINUTE
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kibitz.provider.limits.account import Answer

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
"""The wait after a second failure in a row, doubled from there; the first retry is made at once."""
LONGEST_RETRY_S = 30.0


class LedgerUnavailableError(Exception):
    """The ledger is out of reach; the message says why and what to do, and holds no secret."""

    def __init__(self, message: str, *, reported: bool = False) -> None:
        super().__init__(message)
        self.reported = reported
        """The user has been told already."""


class Ledger(Protocol):
    """Accounts that several processes keep together. All but ``aclose`` raise LedgerUnavailableError."""

    async def prepare(self) -> None:
        """Load what is needed. Awaited once, before anything else; may take a while."""

    async def take(self, scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        """See ``Account.take``."""

    async def settle(self, scope: str, requests: float, tokens: float) -> None:
        """See ``Account.settle``."""

    async def pause(self, scope: str, seconds: float) -> None:
        """See ``Account.stop``."""

    async def reach(self) -> None:
        """Find out, patiently, whether it works again."""

    async def aclose(self) -> None:
        """Let go of everything."""


@dataclass(slots=True)
class _Share:
    """This process's part of a scope while the ledger is away."""

    account: Account
    parts: int
    seed: Account
    """What of the account's levels the ledger knew already."""


class LedgerQuota:
    """A ``SharedQuota``; see the module. Belongs to one event loop."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.problem = ""
        """Why the limits are shared by estimate only, in words for people; empty while all is well."""
        self._ledger = ledger
        self._clock = clock
        self._who = secrets.token_hex(8)
        self._prepared: asyncio.Task[None] | None = None
        self._seen: dict[str, tuple[Answer, float]] = {}
        self._shares: dict[str, _Share] = {}
        self._away = False
        self._failures = 0
        self._retry_at = 0.0
        self._errands: set[asyncio.Task[None]] = set()
        self._reaching: asyncio.Task[None] | None = None

    async def take(self, scope: str, tokens: float, limits: Limits) -> float:
        """See ``SharedQuota``. Cancelled, it has taken nothing in the end."""
        if await self._available():
            try:
                answer = await self._taken(scope, tokens, limits)
            except LedgerUnavailableError as error:
                self._leave(error)
            else:
                self._seen[scope] = (answer, self._clock())
                return answer.wait
        share = self._share(scope)
        part = Limits(limits.requests_per_minute / share.parts, limits.tokens_per_minute / share.parts)
        now = self._clock()
        share.seed.limits = part
        share.seed.advance(now)
        return share.account.take(self._who, tokens, part, now).wait

    async def settle(self, scope: str, tokens: float) -> None:
        """See ``SharedQuota``."""
        await self._correct(scope, 0.0, tokens)

    async def pause(self, scope: str, seconds: float) -> None:
        """See ``SharedQuota``."""
        if await self._available():
            try:
                await self._ledger.pause(scope, seconds)
            except LedgerUnavailableError as error:
                self._leave(error)
            else:
                return
        self._share(scope).account.stop(seconds, self._clock())

    async def aclose(self) -> None:
        """See ``SharedQuota``."""
        if self._prepared is not None:
            await asyncio.wait({self._prepared})
        while self._errands:
            await asyncio.wait(self._errands)
        if self._reaching is not None:
            self._reaching.cancel()
            await asyncio.wait({self._reaching})
        await self._ledger.aclose()

    async def _correct(self, scope: str, requests: float, tokens: float) -> None:
        if await self._available():
            try:
                await self._ledger.settle(scope, requests, tokens)
            except LedgerUnavailableError as error:
                self._leave(error)
            else:
                return
        self._share(scope).account.settle(requests, tokens, self._clock())

    # The ledger

    async def _available(self) -> bool:
        """Whether to ask the ledger. While it is away this sees to it that it is tried again, and waits for nothing."""
        if self._prepared is None:
            self._prepared = asyncio.create_task(self._prepare())
        if not self._prepared.done():
            await asyncio.shield(self._prepared)
        if self._away and self._reaching is None and self._clock() >= self._retry_at:
            self._reaching = asyncio.create_task(self._reach())
        return not self._away

    async def _prepare(self) -> None:
        try:
            await self._ledger.prepare()
        except LedgerUnavailableError as error:
            self._leave(error)

    async def _taken(self, scope: str, tokens: float, limits: Limits) -> Answer:
        asking = asyncio.create_task(self._ledger.take(scope, self._who, tokens, limits))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The ledger does not know that nobody waits any more.
            self._send(self._give_back(asking, scope, tokens))
            raise

    async def _give_back(self, asking: asyncio.Task[Answer], scope: str, tokens: float) -> None:
        try:
            answer = await asking
        except LedgerUnavailableError as error:
            self._leave(error)
        else:
            if not answer.wait:
                await self._correct(scope, -1.0, -tokens)

    def _send(self, errand: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # Without it

    def _share(self, scope: str) -> _Share:
        """The local account, which begins with a part of what the ledger's account last was."""
        if scope not in self._shares:
            parts, at, requests, tokens = 1, self._clock(), 0.0, 0.0
            if scope in self._seen:
                answer, at = self._seen[scope]
                parts = answer.processes
                requests, tokens = answer.requests / parts, answer.tokens / parts
            self._shares[scope] = _Share(
                Account(at, requests, tokens), parts, Account(at, requests, tokens)
            )
        return self._shares[scope]

    def _leave(self, error: LedgerUnavailableError) -> None:
        if not self._away:
            self._away = True
            self._failures = 0
            self._retry_at = self._clock()
        self._note(error)
