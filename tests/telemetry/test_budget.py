from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.budget_worker import Job, Worker

from kibitz.state.database import Database, StateUnavailable
from kibitz.telemetry.budget import LONGEST_S, LOOKS, TRIES, Budget, BudgetUsedUpError
from kibitz.telemetry.caps import Amount, Cap
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import PICO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
GPT = Account("gpt", "", "review")
CAP = Cap("usd", "day", PICO)
DIME = Amount(1, 1000, PICO // 10)
SPENT = Counts(1, 1000, cost_usd=Decimal("0.05"))


class Desk:
    """A process: its ledger and its budget, and a clock that all share."""

    moment = NOW

    def __init__(self, path: Path | None, *caps: Cap) -> None:
        self.looks = 0
        self.database = None if path is None else Database(path, busy_s=5.0)
        self.ledger = Ledger(self.database, now=lambda: self.moment)
        self.budget = Budget(self.ledger, self.database, caps, clock=self.time, sleep=self.look)
        self.told: list[tuple[int, str]] = []
        self.budget.on_warning = lambda warned: self.told.append((warned.level, warned.message))

    def time(self) -> float:
        return self.moment.timestamp()

    async def look(self, _seconds: float) -> None:
        self.looks += 1

    async def spend(self, counts: Counts = SPENT, wanted: Amount = DIME) -> None:
        name = await self.budget.hold(wanted, 60.0)
        self.ledger.book(GPT, counts, release=name)
        self.budget.settled(name)
        await self.ledger.written()

    async def close(self) -> None:
        await self.budget.aclose()
        await self.ledger.aclose()
        if self.database is not None:
            await self.database.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=["shared", "alone"])
async def desk(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Desk]:
    """With the state database, and without one."""
    desk = Desk(path if request.param == "shared" else None, CAP)
    yield desk
    await desk.close()


async def test_a_cap_holds_and_says_how_to_go_on(desk: Desk) -> None:
    for _ in range(19):
        await desk.spend()
    with pytest.raises(BudgetUsedUpError) as refused:
        await desk.spend()
    assert str(refused.value) == (
        "today's budget of $1.00 does not allow for another request ($0.9500 spent, and this one may take "
        "$0.1000); nothing is sent until midnight. To go on, run the command kibitz.raiseBudget in the "
        "editor, give --ignore-budget on the command line, or set budget_usd_per_day higher"
    )
    assert desk.budget.refusal is refused.value
    assert [level for level, _ in desk.told] == [50, 80, 100]
    assert (
        desk.told[0][1]
        == "today's budget of $1.00 is used to 50 % ($0.5000 spent; setting budget_usd_per_day)"
    )
    await desk.budget.raise_today()
    await desk.spend()
    assert (await desk.budget.standing()).of([CAP]) == [(Cap("usd", "day", 2 * PICO), PICO)]


async def test_a_new_day_begins_with_nothing(desk: Desk) -> None:
    await desk.spend(Counts(1, 1000, cost_usd=Decimal(1)), Amount(1, 1000, PICO))
    with pytest.raises(BudgetUsedUpError):
        await desk.spend()
    desk.moment += timedelta(1)
    assert desk.budget.refusal is None
    await desk.spend()


async def test_an_hour_set_back_keeps_the_larger_total(desk: Desk) -> None:
    desk.budget.caps = (Cap("requests", "hour", 2),)
    for _ in range(2):
        await desk.spend()
    desk.moment -= timedelta(hours=1)
    with pytest.raises(BudgetUsedUpError) as refused:
        await desk.spend()
    assert "this hour's budget of 2 requests" in str(refused.value)
    assert "until the next full hour" in str(refused.value)


async def test_a_clock_that_was_years_ahead_does_not_pause_for_years(path: Path) -> None:
    desk = Desk(path, CAP)
    desk.moment += timedelta(3650)
    await desk.spend(Counts(1, 1000, cost_usd=Decimal(1)), Amount(1, 1000, PICO))
    desk.moment -= timedelta(3650)
    await desk.spend()
    await desk.close()


async def test_it_waits_for_what_is_under_way_and_not_for_ever(path: Path) -> None:
    desk, other = Desk(path, CAP), Desk(path, CAP)
    name = await other.budget.hold(Amount(1, 1000, PICO), 60.0)
    with pytest.raises(BudgetUsedUpError):
        await desk.spend()
    assert desk.looks == LOOKS
    other.ledger.book(GPT, SPENT, release=name)
    await other.ledger.aclose()
    await desk.spend()
    assert desk.looks == LOOKS
    assert await desk.ledger.today() == SPENT + SPENT
    await desk.close()
    await other.close()


async def test_what_was_not_needed_is_let_go(desk: Desk) -> None:
    desk.budget.let_go(await desk.budget.hold(Amount(1, 1000, PICO), 60.0))
    await desk.budget.aclose()
    await desk.spend()


async def test_a_hold_that_nobody_waits_for_any_more_is_let_go(path: Path) -> None:
    desk = Desk(path, CAP)
    await desk.spend()
    task = asyncio.create_task(desk.budget.hold(Amount(1, 1000, PICO * 9 // 10), 60.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await desk.budget.aclose()
    await desk.spend()
    await desk.close()


async def test_what_a_process_held_that_died_lapses(path: Path) -> None:
    dead, desk = Desk(path, CAP), Desk(path, CAP)
    await dead.budget.hold(Amount(1, 1000, PICO), 60.0)
    await dead.close()
    with pytest.raises(BudgetUsedUpError):
        await desk.spend()
    desk.moment += timedelta(seconds=61)
    await desk.spend()
    await desk.close()


async def test_no_hold_outlasts_the_longest(path: Path) -> None:
    ahead, desk = Desk(path, CAP), Desk(path, CAP)
    ahead.moment += timedelta(30)
    await ahead.budget.hold(Amount(1, 1000, PICO), 60.0)
    await ahead.close()
    await desk.spend()
    assert timedelta(30).total_seconds() > LONGEST_S
    await desk.close()


async def test_all_windows_are_told_once(path: Path) -> None:
    one, other = Desk(path, CAP), Desk(path, CAP)
    for _ in range(11):
        await one.spend()
    await one.ledger.aclose()
    await other.spend()
    assert [level for level, _ in one.told] == [50]
    assert other.told == []
    await other.budget.raise_today()
    assert (await one.budget.standing()).raised == 1
    await one.close()
    await other.close()


async def test_without_the_database_each_keeps_to_the_caps_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    desk = Desk(tmp_path / "file" / "state.db", CAP)
    for _ in range(19):
        await desk.spend()
    with pytest.raises(BudgetUsedUpError):
        await desk.spend()
    assert [level for level, _ in desk.told] == [50, 80, 100]
    await desk.budget.raise_today()
    await desk.spend()
    desk.budget.let_go(await desk.budget.hold(DIME, 60.0))
    await desk.close()


async def test_a_database_that_others_keep_locked_is_waited_for(path: Path) -> None:
    """Else each would go by what it spent itself, and all together over the cap."""
    desk = Desk(path, CAP)
    await desk.spend()
    assert desk.database is not None
    run, failures = desk.database.run, [StateUnavailable("locked", lasting="no")] * (TRIES - 1)

    async def busy(job: Any) -> Any:
        if failures:
            raise failures.pop()
        return await run(job)

    desk.database.run = busy  # type: ignore[method-assign]  # as if another process had it
    name = await desk.budget.hold(DIME, 60.0)
    assert not failures
    assert (await desk.budget.standing()).held == DIME, "it is held for all to see"
    desk.budget.let_go(name)
    await desk.close()


async def test_four_processes_at_once_spend_a_dollar_and_no_more(path: Path) -> None:
    """Sixteen requests side by side, each up to 3 cents; what they cost is at least half of what is held."""
    estimate = 3 * PICO // 100
    workers = [Worker(Job(str(path), PICO, estimate, seed)) for seed in range(4)]
    for worker in workers:
        await worker.__aenter__()
    try:
        await asyncio.gather(*(worker.go() for worker in workers))
        spent = await asyncio.gather(*(worker.spent() for worker in workers))
    finally:
        for worker in workers:
            await worker.__aexit__(None, None, None)
    total = sum(pico for _, pico in spent)
    assert PICO - estimate < total <= PICO, "all of it is spent but what is too little for another"
    connection = sqlite3.connect(path)
    booked = connection.execute("SELECT sum(cost_pico), sum(requests) FROM ledger_entries").fetchone()
    held = connection.execute("SELECT count(*) FROM ledger_holds").fetchone()
    connection.close()
    assert booked == (total, sum(requests for requests, _ in spent)), "and the ledger knows each of them"
    assert held == (0,)


async def test_processes_that_are_killed_leave_what_they_held(path: Path) -> None:
    job = Job(str(path), PICO, PICO // 10, 0, stall=True)
    async with Worker(job) as worker:
        await worker.go()
        connection = sqlite3.connect(path)
        while connection.execute("SELECT count(*) FROM ledger_holds").fetchone() != (10,):  # noqa: ASYNC110 - filled from outside
            await asyncio.sleep(0.01)
        worker.process.kill()
    held = connection.execute("SELECT sum(pico), max(until) FROM ledger_holds").fetchone()
    connection.close()
    assert held[0] == PICO
    desk = Desk(path, CAP)
    desk.moment = datetime.fromtimestamp(held[1] - 1, UTC)
    with pytest.raises(BudgetUsedUpError):
        await desk.spend()
    desk.moment = datetime.fromtimestamp(held[1] + 1, UTC)
    await desk.spend()
    await desk.close()
