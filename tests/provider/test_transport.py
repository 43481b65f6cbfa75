from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import httpx2
import pytest
from pydantic import SecretStr
from tests.support import canary

from kibitz.provider import transport
from kibitz.provider.config import OpenAIConfig
from kibitz.provider.keys.key import Key
from kibitz.provider.transport import HardenedTransport, Refused, http_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = canary.KEY
URL = "https://api.example.com/v1"
CONFIG = OpenAIConfig(base_url=URL, api_key=SecretStr(KEY))


class Chunks(httpx2.AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


class Upstream(httpx2.AsyncBaseTransport):
    """Answers with what it is given, and remembers what it was asked."""

    def __init__(self, status: int, headers: dict[str, str], *chunks: bytes) -> None:
        self.answer = status, headers
        self.stream = Chunks(*chunks)
        self.seen: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(self.answer[0], headers=self.answer[1], stream=self.stream)


def client(upstream: Upstream, max_bytes: int = 1000) -> httpx2.AsyncClient:
    hardened = HardenedTransport(
        upstream,
        endpoint=CONFIG.endpoint,
        headers=transport._own_headers(CONFIG),
        max_bytes=max_bytes,
    )
    return httpx2.AsyncClient(transport=hardened, trust_env=False)


async def test_only_listed_headers_leave_and_the_key_is_put_in_last() -> None:
    upstream = Upstream(200, {}, b"{}")
    async with client(upstream) as http:
        with transport.signed_with(Key(KEY, "a test")):
            await http.post(
                URL + "/x",
                json={},
                headers={
                    "Authorization": "Bearer stolen",
                    "Cookie": "a=b",
                    "OpenAI-Organization": "theirs",
                    "X-Stainless-OS": "Linux",
                    "X-Injected": "yes",
                },
            )
        await http.post(URL + "/x", json={})
    assert upstream.seen[1].headers["authorization"] == "Bearer none"
    sent = upstream.seen[0].headers
    assert sorted(sent) == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    assert sent["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/x",
        "http://api.example.com/v1/x",
        "https://api.example.com:444/v1/x",
        "https://api.example.com.evil.example/x",
        "https://api.example.com@evil.example/x",
    ],
)
async def test_nothing_is_sent_to_another_origin(url: str) -> None:
    upstream = Upstream(200, {}, b"{}")
    async with client(upstream) as http:
        with pytest.raises(Refused) as caught:
            await http.post(url, json={})
    assert caught.value.reason == transport.WRONG_ORIGIN
    assert upstream.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_refused_and_the_answer_is_closed(status: int) -> None:
    upstream = Upstream(status, {"location": URL + "/elsewhere"})
    async with client(upstream) as http:
        with pytest.raises(Refused) as caught:
            await http.post(URL, json={}, follow_redirects=True)
    assert caught.value.reason == transport.REDIRECT
    assert upstream.stream.closed
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", b"hello"),
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("GZIP", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
    ],
)
async def test_answers_are_decompressed_piece_by_piece(encoding: str, body: bytes) -> None:
    chunks = [body[i : i + 1] for i in range(len(body))]
    async with client(Upstream(200, {"content-encoding": encoding}, *chunks)) as http:
        assert (await http.get(URL)).content == b"hello"


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, b"x" * 1001, transport.TOO_LARGE),
        ({"content-encoding": "gzip"}, gzip.compress(b"x" * 1001, mtime=0), transport.TOO_LARGE),
        ({"content-encoding": "gzip"}, b"not gzip", transport.ENCODING),
        ({"content-encoding": "br"}, b"x", transport.ENCODING),
        ({"content-encoding": "gzip, gzip"}, b"x", transport.ENCODING),
    ],
)
async def test_bodies_that_are_too_large_or_unreadable_are_refused(
    headers: dict[str, str], body: bytes, reason: str
) -> None:
    upstream = Upstream(200, headers, body)
    async with client(upstream) as http:
        with pytest.raises(Refused) as caught:
            await http.get(URL)
    assert caught.value.reason == reason
    assert upstream.stream.closed


async def test_exactly_as_much_as_allowed_is_read() -> None:
    async with client(Upstream(200, {"content-encoding": "gzip"}, gzip.compress(b"x" * 1000))) as http:
        assert len((await http.get(URL)).content) == 1000


async def test_a_bomb_costs_no_more_than_the_limit() -> None:
    bomb = gzip.compress(b" " * 50_000_000, 9)
    async with client(Upstream(200, {"content-encoding": "gzip"}, bomb), max_bytes=100_000) as http:
        tracemalloc.start()
        try:
            with pytest.raises(Refused):
                await http.get(URL)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1_500_000


async def test_the_client_is_hardened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    async with http_client(CONFIG) as http:
        assert not http.follow_redirects
        assert not http.trust_env
    # Certificates are loaded once.
    assert transport.ssl_context(trust_env=False) is transport.ssl_context(trust_env=False)


async def test_the_proxy_of_the_environment_counts_only_when_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    assert transport._proxy(CONFIG.endpoint) == "http://127.0.0.1:9"
    inside = OpenAIConfig(base_url="https://internal.example/v1", api_key=SecretStr(KEY))
    assert transport._proxy(inside.endpoint) is None
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    for url in ("http://127.0.0.1:11434/v1", "http://localhost:1234/v1", "https://[::1]:8000/v1"):
        assert transport._proxy(OpenAIConfig(base_url=url).endpoint) is None
