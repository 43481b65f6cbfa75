from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from tests.support.redis_server import RedisServer
from tests.support.slow_proxy import SlowProxy

from kibitz.cache import shared
from kibitz.cache.connection import PATIENCE_S, Connection
from kibitz.cache.remote import Remote
from kibitz.cache.shared import MAX_BYTES, NAMESPACE, SharedCache
from kibitz.cache.tier import Kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

TTL_S, STALE_S = 1000.0, 500.0
SECRET = "canary-team-secret-55a2"
PASSWORD = "canary-pass-1b70"
GOOD = Kept('{"findings": []}', TTL_S, TTL_S + STALE_S)
PLAIN = f"{NAMESPACE}:plain:answer:"
BUSY_MACHINE_S = 1.0
"""What the test itself may lose to other processes."""


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(module_server: RedisServer) -> RedisServer:
    with admin(module_server) as redis:
        redis.flushall()
    return module_server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that the test may harm."""
    with RedisServer(tmp_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
async def tier(server: RedisServer) -> AsyncIterator[SharedCache]:
    async with opened(server.url) as tier:
        yield tier


def admin(server: RedisServer) -> Redis:
    return Redis.from_url(server.url)


@asynccontextmanager
async def opened(
    url: str,
    *,
    secret: str = "",
    ttl_s: float = TTL_S,
    stale_s: float = STALE_S,
    patience_s: float = BUSY_MACHINE_S,
) -> AsyncIterator[SharedCache]:
    connection = Connection(url)
    remote = Remote(connection, secret=secret, patience_s=patience_s)
    await remote.ready()
    tier = SharedCache(remote, ttl_s=ttl_s, stale_s=stale_s)
    try:
        yield tier
    finally:
        await tier.aclose()
        await remote.aclose()
        await connection.aclose()


async def test_what_one_keeps_the_others_find(server: RedisServer, tier: SharedCache) -> None:
    values = {f"d{number}": Kept(f'[{number}, "ü\u2028"]', TTL_S, TTL_S + STALE_S) for number in range(1200)}
    assert await tier.put(values)
    async with opened(server.url) as other:
        found = await other.get([*values, "unknown"])
        assert {digest: kept.value for digest, kept in found.items()} == {
            digest: kept.value for digest, kept in values.items()
        }
        assert await other.put({"d0": Kept("newer", 10, 20)}, discard=["d1", "unknown"])
    assert sorted(await tier.get(["d0", "d1", "d2"])) == ["d0", "d2"]
    assert (await tier.get(["d0"]))["d0"].value == "newer"
    assert tier.problem == ""
    assert await tier.get([]) == {}
    assert await tier.put({})


async def test_how_fresh_it_is_follows_from_what_is_left(server: RedisServer, tier: SharedCache) -> None:
    await tier.put({"d": GOOD, "brief": Kept("failed", 900, 900), "gone": Kept("x", -1, 0.0004)})
    with admin(server) as redis:
        for left_s, fresh_s in [(1400, 900), (600, 100), (500, 0), (30, -470)]:
            redis.pexpire(f"{PLAIN}d", left_s * 1000)
            kept = (await tier.get(["d"]))["d"]
            assert kept.left_s == pytest.approx(left_s, abs=1)
            assert kept.fresh_s == pytest.approx(fresh_s, abs=1)
    brief = (await tier.get(["brief"]))["brief"]
    assert brief.fresh_s == brief.left_s == pytest.approx(900, abs=1)
    async with asyncio.timeout(5):
        while await tier.get(["gone"]):
            pass


async def test_nothing_lives_longer_than_our_own_settings_say(server: RedisServer, tier: SharedCache) -> None:
    await tier.put({"d": GOOD, "e": Kept("e", TTL_S, TTL_S)})
    with admin(server) as redis:
        redis.pexpire(f"{PLAIN}d", 10**15)
        redis.pexpire(f"{PLAIN}e", 10**15)
    found = await tier.get(["d", "e"])
    assert (found["d"].fresh_s, found["d"].left_s) == (TTL_S, TTL_S + STALE_S)
    assert found["e"].fresh_s == TTL_S
    async with opened(server.url, ttl_s=60, stale_s=0) as brief:
        kept = (await brief.get(["d"]))["d"]
        assert kept.left_s == 60
        assert kept.fresh_s < 0


async def test_what_is_no_answer_is_not_there(server: RedisServer, tier: SharedCache) -> None:
    await tier.put({"good": GOOD})
    with admin(server) as redis:
        redis.hset(f"{PLAIN}hash", "a", "b")
        redis.rpush(f"{PLAIN}list", "a", "b")
        redis.set(f"{PLAIN}immortal", b"0\nvalue")
        for name, data in {
            "empty": b"",
            "huge": b"0\n" + b"x" * MAX_BYTES,
            "no-head": b"value",
            "no-number": b"-5\nvalue",
            "long-number": b"9" * 400 + b"\nvalue",
            "no-utf-8": b"0\n\xff\xfe",
        }.items():
            redis.set(f"{PLAIN}{name}", data, ex=1000)
        names = [name.decode().removeprefix(PLAIN) for name in redis.scan_iter()]
    assert len(names) >= 9
    assert list(await tier.get(names)) == ["good"]
    assert tier.problem == ""
    assert await tier.put({"hash": GOOD}), "and is written over"
    assert list(await tier.get(["hash"])) == ["hash"]


async def test_what_is_too_large_or_no_text_is_not_kept(server: RedisServer, tier: SharedCache) -> None:
    values = {"huge": Kept("x" * MAX_BYTES, 10, 20), "torn": Kept("\ud800", 10, 20), "d": GOOD}
    assert await tier.put(values)
    with admin(server) as redis:
        assert redis.keys() == [f"{PLAIN}d".encode()]


async def test_more_than_there_is_time_for_is_not_transferred(
    tier: SharedCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MAX_BYTES_AT_ONCE", 1000)
    await tier.put({f"d{number}": Kept("x" * 300, 10, 20) for number in range(5)})
    assert len(await tier.get([f"d{number}" for number in range(5)])) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    reply=st.recursive(
        st.none() | st.booleans() | st.integers() | st.binary() | st.text() | st.floats(),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    )
)
async def test_any_reply_is_some_answers_or_none(reply: Any) -> None:
    class Said(Remote):
        async def ask(self, *_question: object, **_more: object) -> Any:
            return reply

    tier = SharedCache(Said(Connection("redis://h")), ttl_s=TTL_S, stale_s=STALE_S)
    for kept in (await tier.get(["d", "e"])).values():
        assert isinstance(kept.value, str)
        assert kept.fresh_s <= kept.left_s <= TTL_S + STALE_S


async def test_with_a_secret_the_server_learns_nothing(server: RedisServer) -> None:
    digest = "5e" * 32
    async with (
        opened(server.url, secret=SECRET) as tier,
        opened(server.url, secret=SECRET) as mate,
        opened(server.url, secret="another-secret-of-16") as stranger,
        opened(server.url) as nobody,
    ):
        await tier.put({digest: GOOD})
        assert (await mate.get([digest]))[digest].value == GOOD.value
        assert await stranger.get([digest]) == await nobody.get([digest]) == {}
        with admin(server) as redis:
            (name,) = redis.keys()
            data = redis.get(name)
            assert isinstance(data, bytes)
            assert digest.encode() not in name
            assert b"findings" not in data
            redis.set(name, data[:-1] + bytes([data[-1] ^ 1]), ex=100)
            assert await tier.get([digest]) == {}, "changed on the way"
            redis.set(name, b"0\n" + GOOD.value.encode(), ex=100)
            assert await tier.get([digest]) == {}, "written without the secret"
            redis.set(f"{PLAIN}{digest}", b"0\nforged", ex=100)
            assert await tier.get([digest]) == {}
            redis.set(tier._key("other"), data, ex=100)
            assert await tier.get(["other"]) == {}, "the answer to another question"
        assert await tier.put({"full": Kept("x" * (MAX_BYTES - 60), 10, 20)}, discard=[digest])
        assert len(await mate.get([digest, "full"])) == 1


async def test_it_forgets_its_own_answers_and_nothing_else(server: RedisServer, tier: SharedCache) -> None:
    await tier.put({f"d{number}": Kept("x", 50, 100) for number in range(1500)})
    async with opened(server.url, secret=SECRET) as sealed:
        await sealed.put({"d": GOOD})
        with admin(server) as redis:
            others = ["theirs", "kibitz:1:{s}", f"{NAMESPACE}:plain:claim:d", sealed._key("d")]
            for name in others[:3]:
                redis.set(name, "x", ex=100)
            assert await tier.clear()
            assert sorted(name.decode() for name in redis.scan_iter()) == sorted(others)
            assert await sealed.clear()
            assert redis.dbsize() == 3


async def test_a_full_server_is_still_read(own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(own_server.url) as tier:
        await tier.put({"d": GOOD})
        with admin(own_server) as redis:
            redis.config_set("maxmemory", 1)
            for _ in range(3):
                assert not await tier.put({"e": Kept("canary-value", 10, 20)})
                assert list(await tier.get(["d", "e"])) == ["d"]
            assert "refuses to keep answers" in tier.problem
            assert "maxmemory" in tier.problem
            assert "canary" not in tier.problem + caplog.text
            assert len(caplog.records) == 1
            redis.config_set("maxmemory", 0)
        assert await tier.put({"e": GOOD})
        assert tier.problem == ""


async def test_a_replica_is_read_and_says_why_it_is_not_written(own_server: RedisServer) -> None:
    async with opened(own_server.url) as tier:
        await tier.put({"d": GOOD})
        with admin(own_server) as redis:
            redis.replicaof("127.0.0.1", "1")
        assert list(await tier.get(["d"])) == ["d"]
        assert not await tier.put({"e": GOOD})
        assert "read only replica" in tier.problem
        assert not await tier.clear()


async def test_what_the_server_does_not_allow_is_said(own_server: RedisServer) -> None:
    with admin(own_server) as redis:
        redis.acl_setuser("guest", enabled=True, passwords=["+guest-pass"], commands=["+ping"])
    async with opened(f"redis://guest:guest-pass@127.0.0.1:{own_server.port}") as tier:
        assert await tier.get(["d"]) == {}
        assert "NOPERM" in tier.problem or "permissions" in tier.problem
        assert not await tier.put({"d": GOOD})
        assert not await tier.clear()


@pytest.mark.parametrize("user", ["", ":a-wrong-password@"])
async def test_a_server_that_wants_a_password_is_out_of_reach(own_server: RedisServer, user: str) -> None:
    async with opened(f"redis://{user}127.0.0.1:{own_server.port}") as tier:
        assert await tier.get(["d"]) == {}
        assert not await tier.put({"d": GOOD})
        assert not await tier.clear()
        assert "out of reach" in tier.problem
        assert "assword" in tier.problem or "uthentication" in tier.problem
        assert "a-wrong-password" not in tier.problem


async def test_a_cluster_is_refused_in_its_own_words() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line == b"PING\r\n":
                writer.write(b"+PONG\r\n")
            elif line == b"SETINFO\r\n":
                writer.write(b"+OK\r\n")
            elif line in {b"EVALSHA\r\n", b"SET\r\n"}:
                writer.write(b"-MOVED 3999 10.0.0.1:6381\r\n")
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, opened(f"redis://127.0.0.1:{port}") as tier:
        assert await tier.get(["d"]) == {}
        assert "refuses to hand out answers" in tier.problem
        assert not await tier.put({"d": GOOD})


async def outage(tier: SharedCache) -> None:
    """Ask while the server is away, until that is known."""
    tier._remote._tried.clear()
    for most in (PATIENCE_S, *[0.0] * 200):
        began = asyncio.get_running_loop().time()
        assert await tier.get(["d"]) == {}
        assert asyncio.get_running_loop().time() - began < most + BUSY_MACHINE_S
    assert not await tier.put({"d": GOOD})
    await tier._remote._tried.wait()
    assert "out of reach" in tier.problem


async def back(tier: SharedCache) -> None:
    """Ask again until there is an answer; 50 ms are not always enough while other tests run."""
    while not (await tier.put({"d": GOOD}) and await tier.get(["d"])):
        tier._remote._tried.clear()
        if not tier._remote.is_up():
            await tier._remote._tried.wait()
    assert tier.problem == ""


async def test_a_dead_a_frozen_and_a_slow_server_cost_50_ms_once(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kibitz.cache.remote.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("kibitz.cache.remote.LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr("kibitz.cache.remote.CONNECT_S", 0.1)
    async with SlowProxy(own_server.port, delay_s=0) as proxy:
        url = own_server.url.replace(str(own_server.port), str(proxy.port))
        async with opened(url, patience_s=PATIENCE_S) as tier, asyncio.timeout(60):
            await back(tier)
            own_server.freeze()
            await outage(tier)
            own_server.thaw()
            await back(tier)
            proxy.delay_s = 0.5
            await outage(tier)
            proxy.delay_s = 0.0
            await back(tier)
            own_server.kill()
            await outage(tier)
            await asyncio.to_thread(own_server.start)
            await back(tier)
