"""Limits that a team shares, through a Redis server, or Valkey, which speaks the same protocol.

Needs the extra ``shared``. The server gets hashes and numbers; no key, no source code, no name of anybody.
Each question may take 50 ms; see ``kibitz.provider.limits.ledger`` for what holds while there is no answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kibitz.cache.connection import CONNECT_S, PATIENCE_S, Connection, OutOfReachError
from kibitz.provider.errors import ConfigError
from kibitz.provider.limits import account
from kibitz.provider.limits.account import Answer
from kibitz.provider.limits.ledger import LedgerQuota, LedgerUnavailableError
from kibitz.provider.limits.mirror import MINUTE, SLACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

    from kibitz.provider.limits.quota import Limits

T = TypeVar("T")


class TeamQuota(LedgerQuota):
    """A ``SharedQuota`` for everyone who uses the server at ``url``.

    Raises:
        ConfigError: the URL is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            connection = Connection(url)
        except ValueError as error:
            raise ConfigError(str(error)) from None  # what lies behind it may quote the URL
        super().__init__(_RedisLedger(connection))
        self.place = connection.address.name
        """Where the quota is, without any password."""


class _RedisLedger:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._script = _script()

    async def prepare(self) -> None:
        try:
            await self._connection.prepare()
        except OutOfReachError as error:
            raise self._unavailable(error) from error

    async def take(self, scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        return await self._run(
            scope, "take", who, tokens, limits.requests_per_minute, limits.tokens_per_minute
        )

    async def settle(self, scope: str, requests: float, tokens: float, least: float) -> None:
        await self._run(scope, "settle", requests, tokens, least)

    async def pause(self, scope: str, seconds: float) -> None:
        await self._run(scope, "pause", seconds)

    async def reach(self) -> None:
        """Connect, which may take a while; then it has to be quick, and allow what is needed."""
        await self._within(CONNECT_S, lambda redis: redis.ping())
        await self._run("reach", "settle", 0.0, 0.0, 0.0)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _run(self, scope: str, *step: str | float) -> Answer:
        # The braces keep all that belongs to a scope on one node of a cluster.
        keys = [f"kibitz:1:{{{scope}}}"]

        async def run(redis: Redis) -> Answer:
            wait, processes, requests, tokens = await redis.register_script(self._script)(keys, step)
            return Answer(float(wait), int(processes), float(requests), float(tokens))

        return await self._within(PATIENCE_S, run)

    async def _within(self, seconds: float, ask: Callable[[Redis], Awaitable[T]]) -> T:
        try:
            return await self._connection.within(seconds, ask)
        except OutOfReachError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: OutOfReachError) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            f"the shared limits at {self._connection.address.name} are out of reach: {error.why}. Until they "
            f"are back, each process keeps to its part of the limits. {error.advice}"
        )


def _script() -> str:
    constants = {
        "MINUTE": MINUTE,
        "SLACK": SLACK,
        "ALMOST": account.ALMOST,
        "GRACE": account.GRACE_S,
        "PRESENT": account.PRESENT_S,
    }
    head = "".join(f"local {name} = {value!r}\n" for name, value in constants.items())
    return head + Path(__file__).with_name("team.lua").read_text("utf-8")
