"""The connection to a Redis server, or Valkey, which speaks the same protocol. Needs the extra ``shared``.

Nothing that the server says is trusted, nor that it says anything: each question has its time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from kibitz.config.checks import is_loopback
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis, SSLConnection

T = TypeVar("T")

PATIENCE_S = 0.05
"""For an answer that somebody waits for."""
CONNECT_S = 1.0
"""For a connection that is made, or given up, in the background."""
_SLICES = 5
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_QUOTE_LENGTH = 200


class OutOfReachError(Exception):
    """No answer. The message says why, in words that fit behind a colon, and holds no secret."""

    def __init__(self, why: str, advice: str = "Check the server and the setting redis_url") -> None:
        super().__init__(why)
        self.why = why
        self.advice = advice
        """What the user can do."""


class UnusableError(OutOfReachError):
    """It will not get better by itself: something is missing on this machine, or set wrongly."""


class RefusedError(OutOfReachError):
    """The server is well, and says no."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is; built by ``address``."""

    url: str
    """With its password: for the connection alone."""
    name: str
    """Without it: for people."""
    is_private: bool
    """Nobody can listen on the way: it is on this machine, or spoken to with TLS."""

    def __repr__(self) -> str:
        return f"Address({self.name})"


def address(url: str) -> Address:
    """Take the URL apart; from now on its secrets are masked wherever they would appear.

    Raises:
        ValueError: it is no such URL; the message does not show it.
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
        raise ValueError(
            "redis_url is not the address of a Redis or Valkey server. It should look like "
            "redis://host:6379/0, rediss://:password@host:6379/0 (TLS) or unix:///path/to/socket"
        )
    where = parts.path if scheme == "unix" else f"{host}:{port or 6379}"
    return Address(
        scheme + url[len(parts.scheme) :],
        f"{scheme}://{where}",
        is_private=scheme != "redis" or is_loopback(host or ""),
    )


class _Client(NamedTuple):
    redis: Redis
    refusals: type[Exception]


class Connection:
    """One pool of connections, for all that talks to that server. Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        """Does no I/O.

        Raises:
            ValueError: the URL is wrong.
        """
        self.address = address(url)
        self._client: _Client | None = None
        self._preparing = asyncio.Lock()

    async def prepare(self) -> None:
        """Load what is needed; awaited before all else. Takes a third of a second the first time.

        Raises:
            UnusableError: the client is not installed, or does not know an option of the URL.
        """
        async with self._preparing:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self.address)

    async def within(self, seconds: float, ask: Callable[[Redis], Awaitable[T]]) -> T:
        """What the server answers in that time.

        Raises:
            RefusedError: it will not do that.
            OutOfReachError: anything else went wrong.
        """
        if self._client is None:
            raise RuntimeError("prepare() comes first")
        redis, refusals = self._client
        try:
            return await _in_time(seconds, ask(redis))
        # A client's traceback shows its arguments: so none of these errors has a cause.
        except refusals as error:
            raise RefusedError(_said(error)) from None
        except TimeoutError:
            raise OutOfReachError(f"no answer within {seconds * 1000:.0f} ms") from None
        except Exception as error:  # noqa: BLE001 - what a server sends can make its client raise anything
            raise OutOfReachError(_said(error)) from None

    async def aclose(self) -> None:
        """Let go of the server, also of one that has stopped to listen."""
        if self._client is not None:
            with suppress(OutOfReachError):
                await self.within(CONNECT_S, lambda redis: redis.aclose())


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


def _said(error: Exception) -> str:
    """The error on one line, as far as it may be shown."""
    text = "".join(
        character if character.isprintable() else " " for character in str(error)[: _QUOTE_LENGTH * 50]
    )
    line = masking.mask(" ".join(text.split())).rstrip(".")
    return line[:_QUOTE_LENGTH] or type(error).__name__


def _client(place: Address) -> _Client:
    try:
        from redis.asyncio import Redis, SSLConnection  # noqa: PLC0415 - an extra, and slow
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UnusableError(
            f"its client is not installed ({error})",
            "Install kibitz with the extra: pip install 'kibitz[shared]'",
        ) from error
    try:
        # The client's own retries would take seconds, and nothing here needs what came with protocol 3.
        redis = Redis.from_url(place.url, retry=Retry(NoBackoff(), 0), protocol=2)
        pool = redis.connection_pool
        sample = pool.connection_class(**pool.connection_kwargs)
        if isinstance(sample, SSLConnection):
            pool.connection_class = _trusting_likewise(sample)
    except (TypeError, ValueError, RedisError):
        raise UnusableError(
            "redis_url has options that its client does not know", "Correct what follows the “?”"
        ) from None  # the reason may quote the URL
    except OSError:
        raise UnusableError(
            "a certificate or key that redis_url names cannot be read", "Correct what follows the “?”"
        ) from None  # as above
    return _Client(redis, ResponseError)


def _trusting_likewise(sample: SSLConnection) -> type[SSLConnection]:
    """Connections that share the sample's certificates: reading them takes 40 ms, which no loop has."""
    from redis.asyncio import SSLConnection  # noqa: PLC0415 - as above

    certificates = sample.ssl_context
    certificates.get()

    class Alike(SSLConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.ssl_context = certificates

    return Alike
