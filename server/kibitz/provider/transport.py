"""The way out of the process: one HTTP client that sends only what we list, only where it was told to.

What the SDK hands down is not trusted further than needed. Its environment variables may add headers, change
the organization or replace the key; it would follow a redirect with the source code in the body; and it
believes any length of answer. So the last step before the wire

- lets a request through to the configured origin only, with an allowlist of headers, and puts the key of
  this one request in here (the SDK never has it, so none of its objects can leak it);
- refuses redirects;
- decompresses by itself and stops at the limit, so that a bomb costs no more than the limit.

Imports httpx2 (0.14 s): load it in a thread.
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

import httpx2

from kibitz.provider.endpoint import Endpoint
from kibitz.provider.meter import Meter, meter
from kibitz.provider.turns import Turns
from kibitz.telemetry import security
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.key import Key

_FORWARDED = ("content-type", "content-length", "transfer-encoding", "accept", "user-agent")
_REDIRECT = range(300, 400)
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_CONNECT_SECONDS = 10.0


class Refused(Exception):  # noqa: N818 - says what was done, and never leaves this room
    """The transport would not go on; ``reason`` is one of the constants below."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


_key: ContextVar[Key | None] = ContextVar("_key", default=None)


@contextmanager
def signed_with(key: Key | None) -> Iterator[None]:
    """Requests of this task carry this key while the block runs."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


_limit: ContextVar[int] = ContextVar("_limit", default=0)


@contextmanager
def reading_up_to(max_bytes: int) -> Iterator[None]:
    """Answers to requests that this task sends in the block may be so large, whatever is configured."""
    token = _limit.set(max_bytes)
    try:
        yield
    finally:
        _limit.reset(token)


REDIRECT = "redirect"
TOO_LARGE = "too-large"
ENCODING = "encoding"
WRONG_ORIGIN = "wrong-origin"


class HardenedTransport(httpx2.AsyncBaseTransport):
    """Wraps a transport with the rules above."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        max_bytes: int,
        turns: Turns | None = None,
    ) -> None:
        self._inner = inner
        self._turns = turns or Turns()
        self._origin = endpoint.origin
        self._address = endpoint.address
        self._headers = dict(headers)
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises:
            Refused: the target, or the answer, breaks a rule.
        """
        if Endpoint(str(request.url)).origin != self._origin:
            security.note(Event.HOST_DENIED, origin=self._address)
            raise Refused(WRONG_ORIGIN)
        kept = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        # Not compressed is simplest for both sides: answers are a few kilobytes.
        headers = {
            "host": request.headers["host"],
            **kept,
            "accept-encoding": "identity",
            **self._headers,
            **_authorization(),
        }
        outgoing = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        count = meter()
        count.sent = int(headers.get("content-length", 0))
        response = await self._inner.handle_async_request(outgoing)
        count.status, count.received = response.status_code, 0
        try:
            return self._checked(response, count)
        except Refused as refused:
            self._note(refused)
            await response.aclose()
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    def _note(self, refused: Refused) -> None:
        event = Event.REDIRECT_BLOCKED if refused.reason == REDIRECT else Event.ANSWER_REFUSED
        security.note(event, origin=self._address, reason=refused.reason)

    def _checked(self, response: httpx2.Response, count: Meter) -> httpx2.Response:
        if response.status_code in _REDIRECT:
            raise Refused(REDIRECT)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", "deflate", ""}:
            raise Refused(ENCODING)
        compressed = encoding not in {"identity", ""}
        stream = response.stream
        if not isinstance(stream, httpx2.AsyncByteStream):
            raise TypeError("an asynchronous transport answers with an asynchronous stream")
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name not in {"content-encoding", "set-cookie"}
            and not (compressed and name == "content-length")
        ]
        return httpx2.Response(
            response.status_code,
            headers=headers,
            stream=_Bounded(
                stream,
                _limit.get() or self._max_bytes,
                compressed=compressed,
                turns=self._turns,
                count=count,
                note=self._note,
            ),
            extensions=response.extensions,
        )


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends with ``Refused`` where it grows beyond the limit, before it takes the memory."""

    def __init__(
        self,
        stream: httpx2.AsyncByteStream,
        limit: int,
        *,
        compressed: bool,
        turns: Turns,
        count: Meter,
        note: Callable[[Refused], None],
    ) -> None:
        self._stream = stream
        self._count = count
        self._note = note
        self._turns = turns
        self._left = limit
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB) if compressed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._count.came(len(chunk))
            try:
                plain = self._plain(chunk)
            except Refused as refused:
                self._note(refused)
                raise
            yield plain
        # The whole body is here: reading it is next.
        await self._turns.turn()

    def _plain(self, chunk: bytes) -> bytes:
        plain = chunk
        if self._inflate is not None:
            try:
                # One byte more than allowed is enough to know.
                plain = self._inflate.decompress(chunk, self._left + 1)
            except zlib.error as error:
                raise Refused(ENCODING) from error
        self._left -= len(plain)
        if self._left < 0:
            raise Refused(TOO_LARGE)
        return plain

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """The operating system's trusted certificates; loading them takes 30 to 80 ms, so load them once.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count only with ``trust_env``.
    """
    return httpx2.create_ssl_context(trust_env=trust_env)


def http_client(config: OpenAIConfig, turns: Turns | None = None) -> httpx2.AsyncClient:
    """A client for one endpoint. Blocks while certificates load: call it in a thread."""
    endpoint = config.endpoint
    # Over plain http, which only goes to this machine, there is no certificate to check.
    context: ssl.SSLContext | bool = False
    if endpoint.is_encrypted:
        context = ssl_context(trust_env=config.trust_env)
    # How many requests are under way is the gates' business: each key of a pool has its own.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=config.max_concurrency)
    proxy = _proxy(endpoint) if config.trust_env else None
    inner = httpx2.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits, proxy=proxy)
    transport = HardenedTransport(
        inner,
        endpoint=endpoint,
        headers=_own_headers(config),
        max_bytes=config.max_response_bytes,
        turns=turns,
    )
    seconds = config.timeout_ms / 1000
    return httpx2.AsyncClient(
        transport=transport,
        # The deadline of a call is kept elsewhere: these hold for one read or write each.
        timeout=httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS), pool=None),
        follow_redirects=False,
        trust_env=False,
    )


def _authorization() -> dict[str, str]:
    # A server on this machine mostly wants no key, but the OpenAI-compatible ones want the header.
    key = _key.get()
    return {"authorization": f"Bearer {key.secret() if key is not None else 'none'}"}


def _own_headers(config: OpenAIConfig) -> dict[str, str]:
    headers: dict[str, str] = {}
    if config.organization:
        headers["openai-organization"] = config.organization
    if config.project:
        headers["openai-project"] = config.project
    return headers


def _proxy(endpoint: Endpoint) -> str | None:
    """The proxy that the environment names for this endpoint."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - rarely needed

    # What is for this machine goes nowhere else, and never in plain text.
    if endpoint.is_loopback or proxy_bypass(endpoint.host):
        return None
    return getproxies().get("https" if endpoint.is_encrypted else "http")
