"""Two processes' gates that share one quota, against a provider's real quota."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.provider.limits.simulated import Counting, Provider, Refused, Request, now
from tests.support import virtual_time

from kibitz.provider.limits.account import Account, Answer
from kibitz.provider.limits.gate import Gate
from kibitz.provider.limits.headers import observed
from kibitz.provider.limits.ledger import LedgerQuota
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from kibitz.provider.limits.quota import Limits

COUNT = 500
ROUND_TRIP = 0.001


@dataclass
class Kept:
    """A ledger that both processes reach, a moment away."""

    account: Account = field(default_factory=Account)

    async def prepare(self) -> None:
        """Nothing to load."""

    async def take(self, _scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        await asyncio.sleep(ROUND_TRIP)
        return self.account.take(who, tokens, limits, now())

    async def settle(self, _scope: str, requests: float, tokens: float, least: float) -> None:
        await asyncio.sleep(ROUND_TRIP)
        self.account.settle(requests, tokens, least, now())

    async def pause(self, _scope: str, seconds: float) -> None:
        await asyncio.sleep(ROUND_TRIP)
        self.account.stop(seconds, now())

    async def reach(self) -> None:
        """Always there."""

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass
class Outcome:
    refused: int
    used: float
    """Of the tokens that the provider could have let through in that time."""


class Crowd:
    """Requests of mixed size, all at once, half of them from each process."""

    def __init__(self, chance: random.Random, counting: Counting, underestimated: float) -> None:
        self.chance = chance
        self.provider = Provider(chance, counting=counting)
        self.underestimated = underestimated
        self.counted = 0
        kept = Kept()
        self.gates = [
            Gate(
                requests_per_minute=600,
                tokens_per_minute=30_000,
                max_concurrency=64,
                quota=LedgerQuota(kept, clock=now),
                scope="s",
                uniform=chance.uniform,
            )
            for _ in range(2)
        ]

    def request(self) -> Request:
        return Request(
            input=max(20, min(4_000, int(self.chance.lognormvariate(math.log(200), 0.8)))),
            output=max(5, min(200, int(self.chance.lognormvariate(math.log(60), 0.5)))),
            allowed=200,
        )

    async def one(self, gate: Gate, request: Request) -> None:
        estimated = request.input * (1 - self.underestimated + self.chance.gauss(0, 0.1))
        while True:
            async with gate.admit(
                estimated + 80,
                at_most=estimated + request.allowed,
                urgency=Urgency(Priority.WARMING),
                longest_pause=math.inf,
            ) as permit:
                try:
                    headers = await self.provider.answer(request)
                except Refused as refused:
                    permit.learn(observed(refused.headers))
                    permit.settle(0)
                    gate.throttled()
                    gate.pause(refused.retry_after)
                else:
                    permit.learn(observed(headers))
                    permit.settle(request.used)
                    gate.succeeded()
                    at_most = self.provider.counting is Counting.AT_MOST
                    self.counted += request.at_most if at_most else request.used
                    return

    async def run(self) -> Outcome:
        await asyncio.gather(*(self.one(self.gates[n % 2], self.request()) for n in range(COUNT)))
        took = self.provider.admitted[-1] - self.provider.admitted[0]
        return Outcome(self.provider.refused, (self.counted - 30_000) / 500 / took)


def outcome(seed: int, counting: Counting = Counting.AT_MOST, underestimated: float = 0.0) -> Outcome:
    async def main() -> Outcome:
        chance = random.Random(seed)  # noqa: S311 - to be the same each time
        return await Crowd(chance, counting, underestimated).run()

    return virtual_time.run(main())


@pytest.mark.parametrize("seed", range(4))
def test_two_processes_are_refused_nothing_and_leave_nothing_unused(seed: int) -> None:
    result = outcome(seed)
    assert result.refused == 0
    assert result.used >= 0.95


@pytest.mark.parametrize("counting", [Counting.REFUNDED, Counting.ACTUAL])
def test_a_provider_that_gives_back_refuses_nothing_either(counting: Counting) -> None:
    result = outcome(5, counting)
    assert result.refused == 0
    assert result.used >= 0.6, "what it gives back is not noticed by two: the price of being careful"


def test_wrong_estimates_are_put_right_by_what_the_provider_says() -> None:
    result = outcome(6, underestimated=0.15)
    assert result.refused <= COUNT * 0.02, "in the first burst, before anything was said"
    assert result.used >= 0.95
