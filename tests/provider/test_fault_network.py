"""Faults below HTTP: names, ports, certificates. See ``test_fault_table``."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import SecretStr
from tests.provider.clients import CANARY, CODE, client
from tests.provider.faults import failed
from tests.support.fake_faults import reset
from tests.support.fake_provider import FakeProvider

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig
from kibitz.provider.errors import APIError, ConfigError
from kibitz.provider.transport import ssl_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class Attempts:
    """An observer that counts what went wrong on the way."""

    def __init__(self) -> None:
        self.failed_times = 0

    def failed(self, error: object, **_: object) -> None:
        del error
        self.failed_times += 1

    def admitted(self, **_: object) -> None: ...
    def over(self, attempt: object, error: object) -> None: ...
    def answered(self, **_: object) -> None: ...
    def retrying(self, error: object, **_: object) -> None: ...
    def stepped(self, step: object) -> None: ...
    def unconsented(self, error: object) -> None: ...


def to(url: str, seen: Attempts, **changes: Any) -> OpenAIClient:
    """A client whose backoff takes no time."""
    config = OpenAIConfig(base_url=url, api_key=SecretStr(CANARY), **changes)
    return OpenAIClient(config, sleep=lambda _: asyncio.sleep(0), observer=seen)


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        seen = Attempts()
        async with to(url, seen) as tested:
            error = await failed(tested)
    assert isinstance(error, APIError)
    assert "cannot be reached" in error.message
    assert "check that the server runs" in error.message
    assert (error.code, error.retryable, seen.failed_times) == ("unreachable", True, 3)


async def test_a_name_that_does_not_resolve() -> None:
    seen = Attempts()
    async with to("https://no-such-host.invalid/v1", seen) as tested:
        error = await failed(tested)
    assert isinstance(error, APIError)
    assert "no-such-host.invalid cannot be reached" in error.message
    assert "check the network" in error.message
    assert (error.code, error.retryable, seen.failed_times) == ("unreachable", True, 3)


@asynccontextmanager
async def server(context: ssl.SSLContext | None) -> AsyncIterator[tuple[int, list[None]]]:
    """Its port, and one item for each connection that came about."""
    connected: list[None] = []

    async def met(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(None)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(met, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1], connected


def certified(authority: trustme.CA, name: str, *, ended: timedelta | None = None) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for ``name``, which ended that long ago."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    now = datetime.now(UTC)
    until = now + timedelta(days=1) if ended is None else now - ended
    certificate = authority.issue_cert(name, not_before=now - timedelta(days=9), not_after=until)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """One that the client trusts, with ``trust_env``."""
    trusted = trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ssl_context.cache_clear()
    yield trusted
    ssl_context.cache_clear()


async def untrusted(context: ssl.SSLContext) -> None:
    """The certificate is refused at once, nothing is sent, and nothing is tried again."""
    seen = Attempts()
    async with (
        server(context) as (port, connected),
        to(f"https://127.0.0.1:{port}/v1", seen, trust_env=True) as tested,
    ):
        await tested.warm()
        began = time.monotonic()
        error = await failed(tested)
        assert time.monotonic() - began < 3
    assert isinstance(error, ConfigError)
    assert "certificate of 127.0.0.1" in error.message
    assert "is not trusted" in error.message
    assert "check the clock and base_url" in error.message
    assert (error.code, error.retryable, seen.failed_times, connected) == ("certificate", False, 1, [])


async def test_a_certificate_of_nobody_we_know(authority: trustme.CA) -> None:
    del authority
    await untrusted(certified(trustme.CA(), "127.0.0.1"))


async def test_a_certificate_that_has_expired(authority: trustme.CA) -> None:
    await untrusted(certified(authority, "127.0.0.1", ended=timedelta(days=1)))


async def test_a_certificate_for_another_name(authority: trustme.CA) -> None:
    await untrusted(certified(authority, "api.openai.com"))


async def test_a_good_certificate_is_accepted(authority: trustme.CA) -> None:
    async with (
        server(certified(authority, "127.0.0.1")) as (port, connected),
        to(f"https://127.0.0.1:{port}/v1", Attempts(), trust_env=True) as tested,
    ):
        error = await failed(tested)
    assert error.status == 400
    assert len(connected) == 1


async def test_speaking_tls_to_a_server_that_does_not() -> None:
    seen = Attempts()
    async with server(None) as (port, connected), to(f"https://127.0.0.1:{port}/v1", seen) as tested:
        error = await failed(tested)
    assert isinstance(error, APIError)
    assert "no encrypted connection" in error.message
    assert "check base_url and proxies" in error.message
    assert (error.code, error.retryable, len(connected)) == ("tls", False, 1)


async def test_a_dead_provider_is_left_alone_and_looked_at_by_one() -> None:
    now = 1000.0
    async with FakeProvider(lambda _: reset()) as fake:
        config = OpenAIConfig(base_url=fake.base_url, api_key=SecretStr(CANARY), requests_per_minute=10_000)
        async with OpenAIClient(config, sleep=lambda _: asyncio.sleep(0), clock=lambda: now) as tested:
            errors = [await failed(tested) for _ in range(30)]
            # Ten show that it is dead; each of the thirty would have been asked for three times.
            assert len(fake.requests) == 10
            assert errors[-1].code == "breaker-open"
            assert "is left alone for another" in errors[-1].message
            assert "check the network" in errors[-1].message

            now += 20  # the breaker stays open for 15 s, give or take
            fake.gate = asyncio.Event()
            looks = [asyncio.create_task(failed(tested)) for _ in range(8)]
            await fake.seen(11)
            errors = await asyncio.gather(*looks[1:])
            assert {error.code for error in errors} == {"breaker-open"}
            fake.gate.set()
            assert (await looks[0]).code == "breaker-open"  # its look failed
            assert len(fake.requests) == 11


async def test_a_dead_provider_that_comes_back_is_used_again() -> None:
    now = 1000.0
    async with FakeProvider() as fake, client(fake) as usual:
        dead = [reset() for _ in range(10)]
        fake.push(*dead)
        async with OpenAIClient(usual.config, clock=lambda: now) as tested:
            for _ in dead:
                await failed(tested)
            assert (await failed(tested)).code == "breaker-open"
            now += 20
            for _ in range(3):
                await tested.process_code(CODE)
    assert len(fake.requests) == 13
