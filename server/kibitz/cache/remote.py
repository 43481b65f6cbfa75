"""A team's server as the cache uses it: what is out of reach costs nobody any time.

The first question starts the reaching and is not answered; after a failure no question is asked. In the
background the server is tried again, ever more rarely, until it answers, and quickly.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from kibitz.cache.connection import CONNECT_S, PATIENCE_S, OutOfReachError, RefusedError, UnusableError
from kibitz.cache.sealing import Sealed, Unsealed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

    from kibitz.cache.connection import Connection
    from kibitz.cache.sealing import Seal

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 1.0
"""Before the second attempt in a row, and doubled from there. The first is made at once."""
LONGEST_PAUSE_S = 30.0


class Remote:
    """See the module. Belongs to one event loop, and is used by all tiers and claims on that server.

    Without a secret, a server that others can listen to on the way is never asked.
    """

    def __init__(self, connection: Connection, *, secret: str = "", patience_s: float = PATIENCE_S) -> None:
        """Does no I/O; the connection stays open when this is closed. ``patience_s``: for each question."""
        self.seal: Seal = Sealed(secret) if secret else Unsealed()
        self.name = connection.address.name
        """Where it is, without any password."""
        self._connection = connection
        self._patience_s = patience_s
        self._is_up = False
        self._is_barred = not secret and not connection.address.is_private
        self._outage = ""
        self._refusals: dict[str, str] = {}
        self._pause_s = 0.0
        self._reaching: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        if self._is_barred:
            self._outage = (
                f"answers are not shared through {self.name}: others could read them on the way. Use TLS "
                "(rediss://) in redis_url, or set shared_cache_secret"
            )

    @property
    def problem(self) -> str:
        """Why it is of no use, in words for people, and what to do; empty while all is well."""
        return self._outage or next(iter(self._refusals.values()), "")

    def is_up(self) -> bool:
        """Whether to ask; where not, it is reached for in the background if that makes sense."""
        if not self._is_up and not self._is_barred and self._reaching is None:
            self._reaching = asyncio.create_task(self._reach())
        return self._is_up

    async def ready(self) -> bool:
        """Wait for the first attempt to reach it, a second or two at most; whether it is up now."""
        if not self.is_up() and not self._is_barred:
            await self._tried.wait()
        return self._is_up

    async def ask(
        self, what: str, ask: Callable[[Redis], Awaitable[T]], *, seconds: float | None = None
    ) -> T | None:
        """What the server answers, or None where there is no answer. ``what`` is asked of it, for people."""
        if not self.is_up():
            return None
        try:
            answer = await self._connection.within(seconds or self._patience_s, ask)
        except RefusedError as error:
            self._refuse(what, error)
            return None
        except OutOfReachError:
            # One late answer is no outage: another attempt is made at once, and tells.
            self._is_up = False
            self.is_up()
            return None
        self._pause_s = 0.0
        self._refusals.pop(what, None)
        return answer

    async def aclose(self) -> None:
        """Reach for it no more, and ask nothing."""
        self._is_barred, self._is_up = True, False
        self._tried.set()
        if self._reaching is not None:
            self._reaching.cancel()
            await asyncio.wait({self._reaching})

    async def _reach(self) -> None:
        while not self._is_up and not self._is_barred:
            # Not reset by reaching it, but by an answer: it may be quick to greet, and slow at work.
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            try:
                await self.seal.prepare()
                await self._connection.prepare()
                for seconds in (CONNECT_S, self._patience_s):
                    await self._connection.within(seconds, lambda redis: redis.ping())
            except OutOfReachError as error:
                self._is_barred = isinstance(error, UnusableError)
                self._leave(error)
            else:
                self._is_up, self._outage = True, ""
            self._tried.set()
        self._reaching = None

    def _leave(self, error: OutOfReachError) -> None:
        problem = (
            f"the shared answers at {self.name} are out of reach: {error.why}. Until they are back, answers "
            f"are kept on this machine only. {error.advice}"
        )
        if not self._outage:
            logger.warning("%s", problem)
        self._outage = problem

    def _refuse(self, what: str, error: RefusedError) -> None:
        problem = (
            f"the server at {self.name} refuses to {what}: {error.why}. Without that, answers are kept on "
            f"this machine only. {error.advice}"
        )
        if what not in self._refusals:
            logger.warning("%s", problem)
        self._refusals[what] = problem
