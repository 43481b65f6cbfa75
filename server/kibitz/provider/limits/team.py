"""Limits that a team shares, through a Redis server, or Valkey, which speaks the same protocol.

Needs the extra ``shared``. The server gets hashes and numbers; no key, no source code, no name of anybody.
Each question may take 50 ms; see ``kibitz.provider.limits.ledger`` for what holds while there is no answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from kibitz.provider.errors import ConfigError
from kibitz.provider.limits import account
from kibitz.provider.limits.account import Answer
from kibitz.provider.limits.ledger import LedgerQuota, LedgerUnavailableError
from kibitz.provider.limits.mirror import MINUTE, SLACK
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

    from kibitz.provider.limits.quota import Limits

T = TypeVar("T")

PATIENCE_S = 0.05
_SLICES = 5
CONNECT_S = 1.0
"""For a connection that is made in the background."""
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is; built by ``address``."""

    url: str
    """With its password: for the connection alone."""
    name: str
    """Without it: for people."""

    def __repr__(self) -> str:
        return f"Address({self.name})"


def address(url: str) -> Address:
    """Take the URL apart; from now on its secrets are masked wherever they would appear.

    Raises:
        ConfigError: it is no such URL.
    """
    masking.hide(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # The reason would quote the URL.
        parts, host, port = urlsplit(""), None, None
    for secret in (parts.password or "", *parse_qs(parts.query).get("password", ())):
        masking.hide(secret)
        masking.hide(unquote(secret))
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not (parts.path if scheme == "unix" else host):
        raise ConfigError(
            "redis_url is not the address of a Redis or Valkey server. It should look like "
            "redis://host:6379/0, rediss://:password@host:6379/0 (TLS) or unix:///path/to/socket"
        )
    where = parts.path if scheme == "unix" else f"{host}:{port or 6379}"
    return Address(scheme + url[len(parts.scheme) :], f"{scheme}://{where}")


class TeamQuota(LedgerQuota):
    """A ``SharedQuota`` for everyone who uses the server at ``url``.

    Raises:
        ConfigError: the URL is wrong.
    """

    def __init__(self, url: str) -> None:
        place = address(url)
        super().__init__(_RedisLedger(place))
        self.place = place.name
        """Where the quota is, without any password."""


class _Client(NamedTuple):
    redis: Redis
    script: AsyncScript
    outages: tuple[type[Exception], ...]
    """What it raises where the server does not do as it should."""


class _RedisLedger:
    def __init__(self, place: Address) -> None:
        self._place = place
        self._client: _Client | None = None

    async def prepare(self) -> None:
        # The import alone takes a third of a second.
        self._client = await asyncio.to_thread(_client, self._place)

    async def take(self, scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        wait, processes, *levels = await self._run(
            scope, "take", who, tokens, limits.requests_per_minute, limits.tokens_per_minute
        )
        return Answer(float(wait), int(processes), float(levels[0]), float(levels[1]))

    async def settle(self, scope: str, requests: float, tokens: float, least: float) -> None:
        await self._run(scope, "settle", requests, tokens, least)

    async def pause(self, scope: str, seconds: float) -> None:
        await self._run(scope, "pause", seconds)

    async def reach(self) -> None:
        """Connect, which may take a while; then it has to be quick, and allow what is needed."""
        await self._within(CONNECT_S, lambda client: client.redis.ping())
        await self._run("reach", "settle", 0.0, 0.0, 0.0)

    async def aclose(self) -> None:
        if self._client is not None:
            with suppress(*self._client.outages):
                await self._client.redis.aclose()

    async def _run(self, scope: str, *step: str | float) -> list[str]:
        # The braces keep all that belongs to a scope on one node of a cluster.
        keys = [f"kibitz:1:{{{scope}}}"]
        answer = await self._within(PATIENCE_S, lambda client: client.script(keys=keys, args=step))
        return [item if isinstance(item, str) else item.decode() for item in answer]

    async def _within(self, seconds: float, ask: Callable[[_Client], Awaitable[T]]) -> T:
        client = self._client
        if client is None:
            raise RuntimeError("prepare() comes first")
        try:
            return await _in_time(seconds, ask(client))
        except client.outages as error:
            why = masking.mask(str(error)).rstrip(".") or f"no answer within {seconds * 1000:.0f} ms"
            raise LedgerUnavailableError(
                f"the shared limits at {self._place.name} are out of reach: {why}. Until they are back, each "
                "process keeps to its part of the limits. Check the server and the setting redis_url"
            ) from None  # a client's traceback shows its arguments


async def _in_time(seconds: float, answer: Awaitable[T]) -> T:
    """The answer, if it comes within that time. A loop that is busy is no outage of the server.

    So the time is waited in slices: in each of them the loop gets to look at what has come.
    """
    asked = asyncio.ensure_future(answer)
    try:
        for _ in range(_SLICES):
            await asyncio.wait({asked}, timeout=seconds / _SLICES)
            if asked.done():
                return asked.result()
        raise TimeoutError
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


def _client(place: Address) -> _Client:
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra, and slow
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        from redis.exceptions import RedisError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise LedgerUnavailableError(
            f"redis_url is set, but its client is not installed, so limits are not shared ({error}). "
            "Install kibitz with the extra: pip install 'kibitz[shared]'"
        ) from error
    try:
        # The client's own retries would take seconds.
        redis = Redis.from_url(place.url, retry=Retry(NoBackoff(), 0))
        pool = redis.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise LedgerUnavailableError(
            f"redis_url ({place.name}) has options that its client does not know, so limits are not shared. "
            "Correct what follows the “?”"
        ) from None  # the reason may quote the URL
    return _Client(redis, redis.register_script(_script()), (OSError, TimeoutError, RedisError))


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
