from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.clock import FakeClock

from kibitz.provider.limits.machine import MachineQuota
from kibitz.provider.limits.quota import Limits
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMITS = Limits(requests_per_minute=600, tokens_per_minute=30_000)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def quotas(path: Path, clock: FakeClock) -> AsyncIterator[list[MachineQuota]]:
    """As two processes have them."""
    databases = [Database(path, busy_s=0.05) for _ in range(2)]
    quotas = [MachineQuota(database, clock=clock.now) for database in databases]
    yield quotas
    for quota, database in zip(quotas, databases, strict=True):
        await quota.aclose()
        await database.aclose()


async def test_what_one_takes_the_other_cannot(quotas: list[MachineQuota], clock: FakeClock) -> None:
    one, other = quotas
    assert await one.take("s", 20_000, LIMITS) == 0.0
    assert await other.take("s", 20_000, LIMITS) == pytest.approx(22)
    assert await other.take("another scope", 20_000, LIMITS) == 0.0
    await one.settle("s", -15_000)
    assert await other.take("s", 20_000, LIMITS) == 0.0
    await other.pause("s", 30)
    assert await one.take("s", 0, LIMITS) == 30
    clock.advance(30)
    assert await one.take("s", 19_000, LIMITS) == 0.0


async def test_a_clock_that_is_set_back_opens_nothing(quotas: list[MachineQuota], clock: FakeClock) -> None:
    one, other = quotas
    assert await one.take("s", 29_000, LIMITS) == 0.0
    clock._now -= 900
    assert await other.take("s", 1000, LIMITS) == pytest.approx(2)
    clock.advance(2)
    assert await other.take("s", 1000, LIMITS) == 0.0
    assert await one.take("s", 500, LIMITS) == pytest.approx(1)


async def test_the_default_clock_is_not_the_time_of_day(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(path)
    quota = MachineQuota(database)
    await quota.take("s", 29_000, LIMITS)
    for shift in (-1e6, 1e6):
        monkeypatch.setattr(time, "time", lambda shift=shift: shift)
        assert await quota.take("s", 5000, LIMITS) == pytest.approx(10, abs=0.5)
    await quota.aclose()
    await database.aclose()


async def test_after_a_restart_of_the_machine_nobody_waits_for_long(
    quotas: list[MachineQuota], clock: FakeClock
) -> None:
    one, other = quotas
    clock.advance(1_000_000)
    await one.take("s", 29_000, LIMITS)
    await one.take("s", 29_000, LIMITS)
    await one.pause("s", 20)
    clock._now = 7.0
    assert await other.take("s", 500, LIMITS) == 20
    clock.advance(20)
    assert await other.take("s", 10_000, LIMITS) == 0.0


async def test_a_locked_database_is_waited_for_once(
    quotas: list[MachineQuota], path: Path, clock: FakeClock
) -> None:
    one, other = quotas
    await other.take("s", 1000, LIMITS)
    await one.take("s", 1000, LIMITS)
    stopped = sqlite3.connect(path, isolation_level=None)
    stopped.execute("BEGIN IMMEDIATE")
    assert await one.take("s", 10_000, LIMITS) == 0.0
    began = time.perf_counter()
    for _ in range(20):
        assert await one.take("s", 14_000, LIMITS) > 0, "half of the limits is this process's"
    assert time.perf_counter() - began < 0.05, "nobody waits for it a second time"
    stopped.execute("ROLLBACK")
    stopped.close()
    clock.advance(1)
    while one.problem or one._away:
        await one.take("s", 14_000, LIMITS)
        if one._reaching is not None:
            await one._reaching
    assert await other.take("s", 29_000, LIMITS) == pytest.approx((12_000 - 500) / 500)


async def test_without_a_database_each_process_is_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    database = Database(tmp_path / "file" / "state.db")
    quota = MachineQuota(database)
    assert await quota.take("s", 29_000, LIMITS) == 0.0
    await quota.settle("s", -1000)
    assert await quota.take("s", 1000, LIMITS) == 0.0
    assert await quota.take("s", 1000, LIMITS) > 0
    while quota._reaching is not None:
        await quota._reaching
    await quota.aclose()
    await database.aclose()
    assert "state database" in quota.problem
    assert len(caplog.records) == 1, "said once, by the database"
