from __future__ import annotations

import asyncio
import builtins
import logging
import socket
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from tests.support.redis_server import RedisServer

from kibitz.provider.errors import ConfigError
from kibitz.provider.limits.account import Account
from kibitz.provider.limits.quota import Limits
from kibitz.provider.limits.team import TeamQuota, _script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path
    from typing import Any

LIMITS = Limits(requests_per_minute=600, tokens_per_minute=30_000)
PASSWORD = "canary-pass-f81b"
WITHIN_S = 0.05
BUSY_MACHINE_S = 0.1
"""What the test itself may lose to other processes."""


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
async def quota(server: RedisServer) -> AsyncIterator[TeamQuota]:
    quota = TeamQuota(server.url)
    yield quota
    await quota.aclose()


def admin(server: RedisServer) -> Redis:
    return Redis.from_url(server.url)


async def tried(quota: TeamQuota) -> None:
    while (reaching := quota._reaching) is not None:
        await asyncio.wait({reaching})


NUMBERS = st.floats(0, 60_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from("abc"), NUMBERS, st.sampled_from([600.0, 30.0]), NUMBERS),
        st.tuples(st.just("settle"), st.floats(-2, 2), st.floats(-60_000, 60_000), NUMBERS),
        st.tuples(st.just("pause"), st.floats(0, 90)),
    ),
    min_size=1,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, pauses=st.lists(st.floats(-70, 70), min_size=12, max_size=12))
def test_lua_and_python_agree_whatever_the_clock_does(
    module_server: RedisServer, steps: list[tuple[Any, ...]], pauses: list[float]
) -> None:
    source = _script()
    assert source.count("redis.call('TIME')") == 1
    with admin(module_server) as redis:
        redis.flushall()
        run = redis.register_script(source.replace("redis.call('TIME')", "{ARGV[#ARGV], 0}"))
        account, now = Account(), 1_800_000_000.0
        for step, passed in zip(steps, pauses, strict=False):
            now += passed
            name, *arguments = sent = step
            if name == "take":
                who, tokens, requests_per_minute, tokens_per_minute = arguments
                limits = Limits(requests_per_minute, max(1.0, tokens_per_minute))
                sent = (name, who, tokens, limits.requests_per_minute, limits.tokens_per_minute)
                answer = account.take(who, tokens, limits, now)
                expected = (answer.wait, answer.processes)
            else:
                change: Callable[..., None] = account.settle if name == "settle" else account.stop
                change(*arguments, now)
                expected = (0.0, len(account.askers))
            wait, processes, requests, tokens = run(keys=["k"], args=[*sent, now])
            assert (float(wait), int(processes)) == expected
            assert (float(requests), float(tokens)) == (account.requests, account.tokens)


async def test_all_who_use_the_server_share(server: RedisServer, quota: TeamQuota) -> None:
    other = TeamQuota(server.url)
    assert await quota.take("s", 20_000, LIMITS) == 0.0
    assert await other.take("s", 20_000, LIMITS) == pytest.approx(22, abs=0.5)
    await quota.settle("s", -15_000)
    assert await other.take("s", 20_000, LIMITS) == 0.0
    await other.pause("s", 30)
    assert await quota.take("s", 1, LIMITS) == pytest.approx(30, abs=0.5)
    assert await quota.take("another", 20_000, LIMITS) == 0.0
    await other.aclose()
    with admin(server) as redis:
        assert sorted(redis.keys()) == [b"kibitz:1:{another}", b"kibitz:1:{s}"]
        assert 3600 < redis.ttl("kibitz:1:{s}") <= 3631, "and goes away by itself"


async def test_a_server_that_forgets_the_script_gets_it_again(server: RedisServer, quota: TeamQuota) -> None:
    await quota.take("s", 1000, LIMITS)
    with admin(server) as redis:
        redis.script_flush()
    assert await quota.take("s", 28_500, LIMITS) > 0
    assert quota.problem == ""


async def test_a_dead_server_costs_little_once_and_then_nothing(
    server: RedisServer, quota: TeamQuota, caplog: pytest.LogCaptureFixture
) -> None:
    assert await quota.take("s", 14_000, LIMITS) == 0.0
    server.kill()
    began = time.perf_counter()
    assert await quota.take("s", 14_000, LIMITS) == 0.0, "what is left is all ours"
    assert time.perf_counter() - began < WITHIN_S + BUSY_MACHINE_S
    await tried(quota)
    cpu = time.process_time()
    for _ in range(100):
        assert await quota.take("s", 14_000, LIMITS) > 0
    assert time.process_time() - cpu < 0.1
    assert "out of reach" in quota.problem
    assert f"127.0.0.1:{server.port}" in quota.problem
    assert "redis_url" in quota.problem
    assert len(caplog.records) == 1


async def test_a_server_that_comes_back_is_used_again(server: RedisServer, quota: TeamQuota) -> None:
    await quota.take("s", 1, LIMITS)
    server.kill()
    await quota.take("s", 10_000, LIMITS)
    await tried(quota)
    assert quota.problem
    server.start()
    quota._retry_at = 0.0
    await quota.take("s", 10_000, LIMITS)
    await tried(quota)
    assert quota.problem == ""
    assert await quota.take("s", 10_000, LIMITS) == pytest.approx(2, abs=0.5), (
        "it knows what was used meanwhile"
    )
    assert await quota.take("s", 7_000, LIMITS) == 0.0


async def test_a_server_that_says_nothing_is_waited_for_50_ms(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quota = TeamQuota(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        await quota._within_reach()
        began = time.perf_counter()
        assert await quota.take("s", 28_000, LIMITS) == 0.0
        assert WITHIN_S <= time.perf_counter() - began < WITHIN_S + BUSY_MACHINE_S
        began = time.perf_counter()
        for _ in range(10):
            assert await quota.take("s", 28_000, LIMITS) > 0
        assert time.perf_counter() - began < WITHIN_S, "nobody waits for it a second time"
        await tried(quota)
        assert "no answer within" in quota.problem
        assert len(caplog.records) == 1
        await quota.aclose()


async def test_a_late_answer_is_not_taken_for_that_of_the_next_question(
    server: RedisServer, quota: TeamQuota
) -> None:
    assert await quota.take("s", 1000, LIMITS) == 0.0
    with admin(server) as redis:
        redis.client_pause(200)
        assert await quota.take("s", 100, LIMITS) == 0.0
        await asyncio.to_thread(redis.ping)  # answered when the pause is over
    await tried(quota)
    quota._retry_at = 0.0
    await quota._within_reach()
    await tried(quota)
    assert await quota.take("other", 1000, LIMITS) == 0.0
    assert quota._seen["other"].answer.tokens == 1000


async def test_a_wrong_password_is_an_outage_that_does_not_show_it(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "a%20wrong-one-99"
    quota = TeamQuota(server.url.replace(PASSWORD, wrong))
    assert await quota.take("s", 1, LIMITS) == 0.0
    await tried(quota)
    assert "password" in quota.problem
    shown = [quota.problem, quota.place, repr(quota), repr(vars(quota._ledger)), caplog.text]
    for secret in (wrong, "a wrong-one-99", PASSWORD):
        assert not any(secret in text for text in shown)
    await quota.aclose()


def test_what_is_no_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="redis_url") as caught:
        TeamQuota("http://:hunter2!!@h")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_an_option_that_the_client_does_not_know_is_said(caplog: pytest.LogCaptureFixture) -> None:
    quota = TeamQuota("redis://h?no_such=1")
    assert await quota.take("s", 1, LIMITS) == 0.0
    assert "what follows the “?”" in quota.problem
    await quota.aclose()
    assert len(caplog.records) == 1


async def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def without_redis(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("redis"):
            raise ModuleNotFoundError("No module named 'redis'")
        return there(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_redis)
    quota = TeamQuota("redis://h")
    assert await quota.take("s", 1, LIMITS) == 0.0
    assert "pip install 'kibitz[shared]'" in quota.problem
    await quota.aclose()
