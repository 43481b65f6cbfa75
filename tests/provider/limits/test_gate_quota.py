"""The gate against a provider's real quota: nothing refused, nothing left unused, nobody starved."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.provider.limits.simulated import Counting, Provider, Refused, Request, now
from tests.support import virtual_time

from kibitz.provider.limits.account import Account
from kibitz.provider.limits.gate import Gate
from kibitz.provider.limits.headers import observed
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from kibitz.provider.limits.quota import Limits

REQUESTS_PER_MINUTE = 600
TOKENS_PER_MINUTE = 30_000
COUNT = 500
SCOPE = "scope"


@dataclass
class SharedAccount:
    """A ``SharedQuota`` for several gates in one process, each of which is somebody else."""

    account: Account
    who: str

    async def take(self, scope: str, tokens: float, limits: Limits) -> float:
        assert scope == SCOPE
        await asyncio.sleep(0.002)
        return self.account.take(self.who, tokens, limits, now()).wait

    async def settle(self, scope: str, tokens: float, least: float = 0.0) -> None:
        assert scope == SCOPE
        await asyncio.sleep(0.002)
        self.account.settle(0, tokens, least, now())

    async def pause(self, scope: str, seconds: float) -> None:
        assert scope == SCOPE
        await asyncio.sleep(0.002)
        self.account.stop(seconds, now())

    def processes(self, scope: str) -> int:
        assert scope == SCOPE
        return max(1, len(self.account.askers))

    async def aclose(self) -> None:
        """Nothing to let go of."""


def mixed(chance: random.Random, allowed: int = 200) -> list[Request]:
    """Many small requests and a few as large as an eighth of a minute's tokens."""
    return [
        Request(
            input=max(20, min(4_000, int(chance.lognormvariate(math.log(200), 0.8)))),
            output=max(5, min(allowed, int(chance.lognormvariate(math.log(60), 0.5)))),
            allowed=allowed,
        )
        for _ in range(COUNT)
    ]


@dataclass
class Outcome:
    refused: int
    used: float
    """Of the tokens that the provider would have let through in the time that it took."""
    waits: dict[int, float]
    admitted: list[int]
    """In which order."""


async def all_at_once(
    provider: Provider,
    requests: list[Request],
    *,
    error: float = 0.1,
    gates: int = 1,
    shared: bool = False,
    configured: float = TOKENS_PER_MINUTE,
) -> Outcome:
    """Everything is asked for at the same moment; estimates are off by ``error`` (standard deviation)."""
    chance, account = provider.chance, Account()
    queues = [
        Gate(
            requests_per_minute=REQUESTS_PER_MINUTE,
            tokens_per_minute=configured,
            max_concurrency=64,
            quota=SharedAccount(account, str(i)) if shared else None,
            scope=SCOPE,
            uniform=chance.uniform,
        )
        for i in range(gates)
    ]
    start, counted = now(), 0
    waits: dict[int, float] = {}
    admitted: list[int] = []

    async def one(i: int, request: Request) -> None:
        nonlocal counted
        gate = queues[i % gates]
        estimated = request.input * (1 + chance.gauss(0, error))
        answered = False
        while not answered:
            async with gate.admit(
                estimated + 80,
                at_most=estimated + request.allowed,
                urgency=Urgency(Priority.WARMING),
                longest_pause=math.inf,
            ) as permit:
                waits.setdefault(i, now() - start)
                admitted.append(i)
                try:
                    headers = await provider.answer(request)
                except Refused as refused:
                    permit.learn(observed(refused.headers))
                    permit.settle(0)
                    gate.throttled()
                    gate.pause(refused.retry_after)
                else:
                    permit.learn(observed(headers))
                    gate.succeeded()
                    permit.settle(request.used)
                    counted += request.at_most if provider.counting is Counting.AT_MOST else request.used
                    answered = True

    await asyncio.gather(*(one(i, request) for i, request in enumerate(requests)))
    for gate in queues:
        await gate.aclose()
    took = provider.admitted[-1] - provider.admitted[0]
    at_best = (counted - provider.tokens_per_minute) / provider.tokens_per_minute * 60
    return Outcome(provider.refused, at_best / took, waits, admitted)


def outcome(seed: int, counting: Counting = Counting.AT_MOST, **options: object) -> Outcome:
    async def main() -> Outcome:
        chance = random.Random(seed)  # noqa: S311 - to be the same each time
        provider = Provider(chance, REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE, counting)
        for name in set(options) & set(Provider.__dataclass_fields__):
            setattr(provider, name, options.pop(name))
        return await all_at_once(provider, mixed(chance), **options)  # type: ignore[arg-type]  # named by each test

    return virtual_time.run(main())


@pytest.mark.parametrize("late_headers", [False, True], ids=["headers as it begins", "headers as it ends"])
@pytest.mark.parametrize("counting", Counting, ids=lambda counting: counting.name)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_refused_and_nothing_left_unused(
    seed: int, counting: Counting, late_headers: bool
) -> None:
    result = outcome(seed, counting, late_headers=late_headers)
    assert result.refused == 0
    assert result.used >= 0.95
    assert len(result.waits) == COUNT
    assert result.admitted == sorted(result.admitted), "in the order in which they were asked for"


@pytest.mark.parametrize(
    "latency",
    [lambda r: r.uniform(0.1, 0.3), lambda r: r.lognormvariate(math.log(20), 0.5)],
    ids=["fast", "slow"],
)
def test_it_does_not_matter_how_long_answers_take(latency: object) -> None:
    result = outcome(4, latency=latency)
    assert result.refused == 0
    assert result.used >= 0.95


def test_requests_may_overtake_each_other_by_more_than_a_second() -> None:
    result = outcome(5, travel=lambda r: r.uniform(0.0, 1.5))
    assert result.refused == 0
    assert result.used >= 0.95


def test_estimates_may_be_wrong_by_a_fifth() -> None:
    result = outcome(6, error=0.2)
    assert result.refused == 0
    assert result.used >= 0.95


def test_limits_that_are_configured_too_high_are_found_out() -> None:
    result = outcome(7, configured=200_000)
    assert result.refused <= 5
    assert result.used >= 0.95


def test_a_provider_that_tells_nothing_and_counts_what_is_used_is_used_up_too() -> None:
    result = outcome(8, Counting.ACTUAL, headers=False)
    assert result.refused == 0
    assert result.used >= 0.95


def test_a_provider_that_tells_nothing_and_counts_more_refuses_some_and_all_come_through() -> None:
    result = outcome(9, headers=False)
    assert len(result.waits) == COUNT
    assert result.used >= 0.95


def test_two_who_know_nothing_of_each_other_are_refused_at_times_and_come_through() -> None:
    result = outcome(10, gates=2)
    assert len(result.waits) == COUNT
    assert result.used >= 0.95


@pytest.mark.parametrize("seed", range(3))
def test_two_who_share_a_quota_are_not_refused_and_leave_nothing_unused(seed: int) -> None:
    result = outcome(seed, gates=2, shared=True)
    assert result.refused == 0
    assert result.used >= 0.95
