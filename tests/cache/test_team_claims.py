from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from tests.support.redis_server import RedisServer

from kibitz.cache.connection import Connection
from kibitz.cache.remote import Remote
from kibitz.cache.shared import NAMESPACE
from kibitz.cache.team_claims import TeamClaims
from kibitz.cache.tier import LEASE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECRET = "canary-team-secret-90ff"
BUSY_MACHINE_S = 1.0
"""What the test itself may lose to other processes."""
PLAIN = f"{NAMESPACE}:plain:claim:"


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(module_server: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(module_server.url) as redis:
        redis.flushall()
        yield redis


@asynccontextmanager
async def reached(url: str, secret: str = "") -> AsyncIterator[Remote]:
    connection = Connection(url)
    remote = Remote(connection, secret=secret, patience_s=BUSY_MACHINE_S)
    await remote.ready()
    try:
        yield remote
    finally:
        await remote.aclose()
        await connection.aclose()


@pytest.fixture
async def remote(module_server: RedisServer, redis: Redis) -> AsyncIterator[Remote]:
    assert redis.dbsize() == 0
    async with reached(module_server.url) as remote:
        yield remote


async def test_what_one_asks_the_others_wait_for(remote: Remote) -> None:
    ours, theirs = TeamClaims(remote), TeamClaims(remote)
    assert await ours.take(["a", "b"], 3) == {"a", "b"}
    assert await ours.take(["b", "c"], 3) == {"b", "c"}, "what is ours stays ours"
    assert await theirs.take(["a", "d"], 3) == {"d"}
    await theirs.release(["a", "d"])
    assert await theirs.take(["a"], 3) == frozenset(), "only the owner gives up"
    await ours.release(["a", "b", "c", "unknown"])
    assert await theirs.take(["a", "b"], 3) == {"a", "b"}
    assert await theirs.take([], 0) == frozenset()
    await theirs.release([])
    assert remote.problem == ""


async def test_the_owner_learns_how_urgently_others_wait(remote: Remote) -> None:
    ours, *others = (TeamClaims(remote) for _ in range(3))
    await ours.take(["a", "b", "c"], 3)
    assert await ours.renew(["a", "b", "c"]) is None
    await others[0].take(["a"], 2)
    assert await ours.renew(["a", "b"]) == 2
    await others[1].take(["b"], 0)
    await others[0].take(["b"], 4)
    assert await ours.renew(["a", "b"]) == 0
    assert await ours.renew(["c"]) is None
    assert await ours.renew([]) is None
    await ours.release(["b"])
    await ours.take(["b"], 3)
    assert await ours.renew(["b"]) is None, "who waited for an earlier claim has its answer"


async def test_a_claim_ends_some_seconds_after_it_was_last_renewed(remote: Remote, redis: Redis) -> None:
    ours, theirs = TeamClaims(remote), TeamClaims(remote)
    await ours.take(["a"], 3)
    redis.pexpire(f"{PLAIN}a", 100)
    await theirs.take(["a"], 1)
    assert 0 < redis.pttl(f"{PLAIN}a") <= 100, "who waits does not prolong it"
    await ours.renew(["a"])
    assert redis.pttl(f"{PLAIN}a") > LEASE_S * 1000 - 5000
    redis.delete(f"{PLAIN}a")
    assert await theirs.take(["a"], 1) == {"a"}
    assert await ours.renew(["a"]) is None
    assert await ours.take(["a"], 1) == frozenset(), "lost is lost"
    redis.delete(f"{PLAIN}a")
    await ours.renew(["a"])
    assert await theirs.take(["a"], 1) == frozenset(), "what nobody took meanwhile is ours again"


async def test_no_claim_lasts_longer_than_a_lease(remote: Remote, redis: Redis) -> None:
    ours, theirs = TeamClaims(remote), TeamClaims(remote)
    await ours.take(["a", "b"], 3)
    redis.persist(f"{PLAIN}a")
    redis.pexpire(f"{PLAIN}b", 10**12)
    redis.set(f"{PLAIN}c", "no claim", ex=5)
    redis.hset(f"{PLAIN}d", "owner", "nobody")
    assert await theirs.take(["a", "b", "c", "d"], 3) == {"a", "b", "c", "d"}
    assert all(0 < redis.pttl(f"{PLAIN}{name}") <= LEASE_S * 1000 for name in "abcd")


async def test_a_thousand_at_once(remote: Remote) -> None:
    digests = [f"{number:064x}" for number in range(1000)]
    takers = [TeamClaims(remote) for _ in range(4)]
    taken = await asyncio.gather(*(taker.take(digests, 3) for taker in takers))
    assert sum(map(len, taken)) == 1000
    assert frozenset().union(*taken) == frozenset(digests)


async def test_with_a_secret_names_tell_nothing(module_server: RedisServer, redis: Redis) -> None:
    async with (
        reached(module_server.url, SECRET) as ours,
        reached(module_server.url, SECRET) as theirs,
        reached(module_server.url) as strangers,
    ):
        digest = "ab" * 32
        assert await TeamClaims(ours).take([digest], 3) == {digest}
        assert digest not in str(list(redis.scan_iter()))
        assert await TeamClaims(theirs).take([digest], 3) == frozenset()
        assert await TeamClaims(strangers).take([digest], 3) == {digest}


async def test_without_the_server_everybody_may_ask(module_server: RedisServer) -> None:
    url = module_server.url.replace(str(module_server.port), "1")
    async with reached(url) as remote:
        claims = TeamClaims(remote)
        assert await claims.take(["a", "b"], 3) == {"a", "b"}
        assert await claims.renew(["a"]) is None
        await claims.release(["a"])
        assert "out of reach" in remote.problem


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    reply=st.none()
    | st.integers()
    | st.binary()
    | st.lists(st.none() | st.integers(-1, 2) | st.binary(max_size=3), max_size=4)
)
async def test_any_reply_is_a_claim_or_none(reply: Any) -> None:
    class Said(Remote):
        async def ask(self, *_question: object, **_more: object) -> Any:
            return reply

    claims = TeamClaims(Said(Connection("redis://h")))
    assert await claims.take(["a", "b"], 3) <= {"a", "b"}
    urgency = await claims.renew(["a", "b"])
    assert urgency is None or urgency >= 0
