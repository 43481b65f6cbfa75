from __future__ import annotations

import asyncio
import builtins
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.redis_server import RedisServer, free_port

from kibitz.cache.connection import (
    CONNECT_S,
    PATIENCE_S,
    Connection,
    OutOfReachError,
    RefusedError,
    UnusableError,
    address,
)
from kibitz.telemetry.masking import mask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

PASSWORD = "canary-pass-9c31"
BUSY_MACHINE_S = 0.5
"""What the test itself may lose to other processes."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
async def connection(server: RedisServer) -> AsyncIterator[Connection]:
    connection = Connection(server.url)
    await connection.prepare()
    yield connection
    await connection.aclose()


@pytest.mark.parametrize(
    ("url", "name", "is_private"),
    [
        ("redis://localhost", "redis://localhost:6379", True),
        ("redis://127.3.2.1", "redis://127.3.2.1:6379", True),
        ("redis://[::1]:7000", "redis://::1:7000", True),
        ("redis://u:hunter2!@h:7000/3", "redis://h:7000", False),
        ("valkey://localhost.example", "redis://localhost.example:6379", False),
        ("rediss://:hunter2!@h/1?ssl_cert_reqs=none", "rediss://h:6379", True),
        ("valkeys://:hunter2!@h", "rediss://h:6379", True),
        ("unix://:hunter2!@/run/redis.sock?db=1", "unix:///run/redis.sock", True),
        ("redis://h?password=hunter2!x", "redis://h:6379", False),
    ],
)
def test_an_address_shows_the_place_and_no_password(url: str, name: str, *, is_private: bool) -> None:
    place = address(url)
    assert (place.name, place.is_private) == (name, is_private)
    assert "hunter2" not in repr(place)
    assert "hunter2" not in mask(f"cannot connect to {url}")
    assert place.url.split(":")[0] in {"redis", "rediss", "unix"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://:hunter2!!@h",
        "redis://",
        "redis://:hunter2!!@h:port",
        "unix://",
        "redis://[x",
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="redis_url") as caught:
        Connection(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://h?no_such=1", "options"),
        ("redis://h?socket_timeout=soon", "options"),
        ("rediss://h?ssl_cert_reqs=perhaps", "options"),
        ("rediss://h?ssl_ca_certs=/no/such/file", "certificate"),
    ],
)
async def test_an_option_that_is_of_no_use_is_said(url: str, why: str) -> None:
    with pytest.raises(UnusableError, match=why) as caught:
        await Connection(url).prepare()
    assert "no/such" not in caught.value.why
    assert "what follows the “?”" in caught.value.advice


async def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def without_redis(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("redis"):
            raise ModuleNotFoundError("No module named 'redis'")
        return there(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_redis)
    with pytest.raises(UnusableError, match="not installed") as caught:
        await Connection("redis://h").prepare()
    assert "pip install 'kibitz[shared]'" in caught.value.advice


async def test_an_answer_in_time_is_handed_out(connection: Connection) -> None:
    assert await connection.within(CONNECT_S, lambda redis: redis.echo("hello")) == b"hello"


async def test_it_has_to_be_prepared(server: RedisServer) -> None:
    with pytest.raises(RuntimeError, match="prepare"):
        await Connection(server.url).within(CONNECT_S, lambda redis: redis.ping())


async def test_a_refusal_is_told_from_an_outage(server: RedisServer, connection: Connection) -> None:
    with pytest.raises(RefusedError, match="RANK"):
        await connection.within(CONNECT_S, lambda redis: redis.lpos("a", "b", rank=0))
    server.kill()
    with pytest.raises(OutOfReachError) as caught:
        await connection.within(CONNECT_S, lambda redis: redis.ping())
    assert not isinstance(caught.value, RefusedError)
    assert "redis_url" in caught.value.advice


async def test_a_frozen_server_takes_no_more_than_its_time(
    server: RedisServer, connection: Connection
) -> None:
    await connection.within(CONNECT_S, lambda redis: redis.ping())
    server.freeze()
    for ask in (
        lambda redis: redis.get("little"),
        lambda redis: redis.set("much", b"x" * 32_000_000),  # more than the buffers on the way hold
    ):
        began = time.perf_counter()
        with pytest.raises(OutOfReachError, match="no answer within 50 ms"):
            await connection.within(PATIENCE_S, ask)
        assert time.perf_counter() - began < PATIENCE_S + BUSY_MACHINE_S
    began = time.perf_counter()
    await connection.aclose()
    assert time.perf_counter() - began < CONNECT_S + BUSY_MACHINE_S
    server.thaw()
    assert await connection.within(CONNECT_S, lambda redis: redis.exists("much")) == 0


async def test_many_questions_at_once_each_get_their_own_answer(connection: Connection) -> None:
    async def echo(number: int) -> bytes | str:
        return await connection.within(CONNECT_S, lambda redis: redis.echo(str(number)))

    assert await asyncio.gather(*map(echo, range(20))) == [str(number).encode() for number in range(20)]


async def test_what_the_server_says_is_shown_on_one_line_without_secrets(server: RedisServer) -> None:
    connection = Connection(server.url.replace(PASSWORD, "another-secret-77"))
    await connection.prepare()

    async def say(_redis: Redis) -> None:
        raise ValueError(f"{PASSWORD}\n\x1b[31m another-secret-77 \u202e" + "long " * 100)

    address(server.url)
    with pytest.raises(OutOfReachError) as caught:
        await connection.within(CONNECT_S, say)
    assert caught.value.__cause__ is None
    assert "secret-77" not in caught.value.why
    assert PASSWORD not in caught.value.why
    assert caught.value.why.isprintable()
    assert len(caught.value.why) <= 200


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"+OK\r\n",
            b"-ERR no\r\n",
            b"-MOVED 1 there:1\r\n",
            b"-NOSCRIPT no\r\n",
            b"$-1\r\n",
            b"$5\r\nhello\r\n",
            b"$-7\r\n",
            b"$99999999999999999999\r\n",
            b"*-1\r\n",
            b"*3\r\n",
            b"*99999999\r\n",
            b":12\r\n",
            b":twelve\r\n",
            b"%1\r\n",
            b">2\r\n",
            b"*1\r\n" * 3000,
            b"\xff\xfe\r\n",
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(says=st.lists(PIECES, max_size=12).map(b"".join))
def test_whatever_a_server_says_is_an_answer_or_out_of_reach(says: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.write_eof()
        while await reader.read(65_536):
            pass
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            connection = Connection(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/1")
            await connection.prepare()
            for _ in range(2):
                with suppress(OutOfReachError):
                    await connection.within(CONNECT_S, lambda redis: redis.register_script("")(["a"], [1]))
            await connection.aclose()

    asyncio.run(main())


async def test_a_server_that_says_nothing_is_waited_for_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        await connection.prepare()
        began = time.perf_counter()
        with pytest.raises(OutOfReachError, match="no answer within 50 ms"):
            await connection.within(PATIENCE_S, lambda redis: redis.ping())
        assert PATIENCE_S <= time.perf_counter() - began < PATIENCE_S + BUSY_MACHINE_S
        await connection.aclose()


async def test_a_busy_loop_is_no_outage(connection: Connection) -> None:
    await connection.within(CONNECT_S, lambda redis: redis.ping())

    async def hold_the_loop() -> None:
        for _ in range(5):
            time.sleep(2 * PATIENCE_S)  # noqa: ASYNC251 - that is what a busy loop does
            await asyncio.sleep(0)

    busy = asyncio.create_task(hold_the_loop())
    assert await connection.within(PATIENCE_S, lambda redis: redis.echo("there")) == b"there"
    await busy


async def test_with_tls_certificates_are_read_once_and_not_by_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    identity = authority.issue_cert("127.0.0.1")
    identity.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    identity.private_key_pem.write_to_path(tmp_path / "key.pem")
    readers: list[threading.Thread] = []
    create = ssl.create_default_context

    def noted(*arguments: Any, **options: Any) -> ssl.SSLContext:
        readers.append(threading.current_thread())
        return create(*arguments, **options)

    monkeypatch.setattr(ssl, "create_default_context", noted)
    port = str(free_port())
    files = {f"tls_{name}_file": str(tmp_path / f"{name}.pem") for name in ("cert", "key")}
    with RedisServer(
        tmp_path, tls_port=port, tls_auth_clients="no", **files, tls_ca_cert_file=files["tls_cert_file"]
    ):
        connection = Connection(f"rediss://127.0.0.1:{port}?ssl_ca_certs={tmp_path / 'ca.pem'}")
        await connection.prepare()
        asked = [connection.within(CONNECT_S, lambda redis: redis.ping()) for _ in range(5)]
        assert all(await asyncio.gather(*asked))
        assert len(readers) == 1
        assert readers[0] is not threading.main_thread()
        await connection.aclose()
        stranger = Connection(f"rediss://127.0.0.1:{port}")
        await stranger.prepare()
        with pytest.raises(OutOfReachError, match="certificate"):
            await stranger.within(CONNECT_S, lambda redis: redis.ping())
        await stranger.aclose()
