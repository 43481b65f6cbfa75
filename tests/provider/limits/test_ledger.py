from __future__ import annotations

import asyncio
import logging

import pytest
from tests.support.clock import FakeClock

from kibitz.provider.limits.account import Account, Answer
from kibitz.provider.limits.ledger import LONGEST_RETRY_S, LedgerQuota, LedgerUnavailableError
from kibitz.provider.limits.quota import Limits

LIMITS = Limits(requests_per_minute=600, tokens_per_minute=30_000)


class Shared:
    """A ledger in memory that can be taken away."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.account = Account()
        self.broken = ""
        self.attempts = 0
        self.asked = asyncio.Event()
        self.slow: asyncio.Event | None = None
        self.prepared = self.closed = 0

    async def prepare(self) -> None:
        self.prepared += 1

    async def take(self, _scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        await self.reach()
        return self.account.take(who, tokens, limits, self.clock.now())

    async def settle(self, _scope: str, requests: float, tokens: float, least: float) -> None:
        await self.reach()
        self.account.settle(requests, tokens, least, self.clock.now())

    async def pause(self, _scope: str, seconds: float) -> None:
        await self.reach()
        self.account.stop(seconds, self.clock.now())

    async def reach(self) -> None:
        self.attempts += 1
        self.asked.set()
        if self.slow:
            await self.slow.wait()
        if self.broken:
            raise LedgerUnavailableError(self.broken)

    async def aclose(self) -> None:
        self.closed += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shared(clock: FakeClock) -> Shared:
    return Shared(clock)


@pytest.fixture
def quota(shared: Shared, clock: FakeClock) -> LedgerQuota:
    return LedgerQuota(shared, clock=clock.now)


async def tried(quota: LedgerQuota) -> None:
    """Wait until the attempt to get back, if one is being made, is over."""
    while (reaching := quota._reaching) is not None:
        await asyncio.wait({reaching})


async def test_the_ledger_is_asked_while_it_is_there(quota: LedgerQuota, shared: Shared) -> None:
    assert await quota.take("s", 1000, LIMITS) == 0.0
    await quota.settle("s", -400)
    await quota.pause("s", 7)
    assert (shared.account.tokens, shared.account.pause, shared.prepared) == (600, 7, 1)
    assert await quota.take("s", 1000, LIMITS) == 7
    await quota.aclose()
    assert shared.closed == 1


async def test_while_it_is_away_each_keeps_to_its_part(quota: LedgerQuota, shared: Shared) -> None:
    for other in ("b", "c"):
        shared.account.take(other, 6000, LIMITS, shared.clock.now())
    await quota.take("s", 6000, LIMITS)
    shared.broken = "gone"
    free = 30_000 / 3 - 2 * 10_000 / 60 - 18_000 / 3
    assert await quota.take("s", free, LIMITS) == 0.0, "a third of what was left is ours"
    assert await quota.take("s", 1000, LIMITS) == pytest.approx(6), "and a third of what comes back"


async def test_a_missing_ledger_is_no_obstacle_to_one_process(quota: LedgerQuota, shared: Shared) -> None:
    shared.broken = "never there"
    assert await quota.take("s", 28_000, LIMITS) == 0.0
    await quota.settle("s", -27_000)
    assert await quota.take("s", 27_000, LIMITS) == 0.0
    await quota.pause("s", 3)
    assert await quota.take("s", 1, LIMITS) == 3


async def test_its_absence_is_said_once_and_costs_nothing(
    quota: LedgerQuota, shared: Shared, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    shared.broken = "the server is down"
    for second in range(1000):
        assert await quota.take("s", 0, LIMITS) == 0.0
        await tried(quota)
        assert second == 0 or quota.problem == "the server is down"
        clock.advance(1)
    assert shared.attempts < 10 + 1000 / LONGEST_RETRY_S, "tried ever more rarely"
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == ["the server is down"]


async def test_nobody_waits_for_the_attempt_to_get_back(quota: LedgerQuota, shared: Shared) -> None:
    shared.broken = "gone"
    await quota.take("s", 1, LIMITS)
    shared.slow = asyncio.Event()
    for _ in range(5):
        assert await quota.take("s", 1, LIMITS) == 0.0
    await asyncio.sleep(0)
    assert shared.attempts == 2, "the one that failed, and one that is under way"
    shared.slow.set()
    await tried(quota)


async def test_one_late_answer_is_no_outage(
    quota: LedgerQuota, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    shared.broken = "late"
    await quota.take("s", 100, LIMITS)
    shared.broken = ""
    await quota.take("s", 200, LIMITS)
    await tried(quota)
    await quota.take("s", 400, LIMITS)
    assert shared.account.tokens == 700, "and it is told what was used meanwhile"
    assert (quota.problem, caplog.records) == ("", [])


async def test_back_again_it_is_told_what_was_used_and_what_to_wait_for(
    quota: LedgerQuota, shared: Shared, clock: FakeClock
) -> None:
    await quota.take("s", 10_000, LIMITS)
    shared.broken = "gone"
    await quota.take("s", 0, LIMITS)
    await tried(quota)
    await quota.take("s", 12_000, LIMITS)
    await quota.pause("s", 40)
    shared.broken = ""
    clock.advance(2)
    await quota.take("s", 1, LIMITS)
    await tried(quota)
    assert quota.problem == ""
    assert shared.account.tokens == pytest.approx(22_000 - 2 * 500)
    assert shared.account.pause == pytest.approx(38)
    assert await quota.take("s", 1, LIMITS) == pytest.approx(38)


async def test_who_gives_up_has_taken_nothing(quota: LedgerQuota, shared: Shared) -> None:
    await quota.take("s", 1, LIMITS)
    shared.slow = asyncio.Event()
    taking = asyncio.create_task(quota.take("s", 5000, LIMITS))
    shared.asked.clear()
    await shared.asked.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    shared.slow.set()
    await quota.aclose()
    assert (shared.account.requests, shared.account.tokens) == (1, 1)


async def test_what_cannot_be_prepared_is_not_tried_again(
    quota: LedgerQuota, shared: Shared, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unprepared() -> None:
        raise LedgerUnavailableError("the client is not installed")

    monkeypatch.setattr(shared, "prepare", unprepared)
    for _ in range(10):
        assert await quota.take("s", 100, LIMITS) == 0.0
        clock.advance(100)
    assert (quota.problem, shared.attempts) == ("the client is not installed", 0)
    await quota.aclose()


async def test_a_mistake_is_not_taken_for_an_outage(
    quota: LedgerQuota, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(*_: object) -> Answer:
        raise ZeroDivisionError

    monkeypatch.setattr(shared, "take", wrong)
    with pytest.raises(ZeroDivisionError):
        await quota.take("s", 1, LIMITS)
