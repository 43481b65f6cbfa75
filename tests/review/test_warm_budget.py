from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from kibitz.review.warm_budget import DailyBudget
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TODAY = date(2026, 3, 1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "state.db")
    yield database
    await database.aclose()


async def test_a_days_tokens_are_shared_by_all_windows(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path / "state.db")
    one, two = DailyBudget(database, 100), DailyBudget(other, 100)
    assert await one.take(60)
    assert not await two.take(50)
    assert await two.take(40)
    assert not await one.take(1)
    await one.settle(60, 35)
    assert await two.take(25)
    assert not await two.take(1)
    await other.aclose()


async def test_every_day_has_its_own(database: Database) -> None:
    day = TODAY
    budget = DailyBudget(database, 100, day=lambda: day)
    assert await budget.take(100)
    await budget.settle(100, 130)
    assert not await budget.take(1)
    day += timedelta(days=1)
    assert await budget.take(100)
    await budget.settle(500, 0)
    assert await budget.take(100)


@pytest.mark.parametrize(("ahead", "granted"), [(1, False), (2, True), (400, True)])
async def test_a_clock_that_was_ahead_blocks_nothing_for_long(
    database: Database, ahead: int, granted: bool
) -> None:
    day = TODAY + timedelta(days=ahead)
    budget = DailyBudget(database, 100, day=lambda: day)
    assert await budget.take(100)
    day = TODAY
    assert await budget.take(1) is granted


async def test_without_a_database_nothing_is_granted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    database = Database(tmp_path / "file" / "state.db")
    budget = DailyBudget(database, 100)
    assert not await budget.take(1)
    await budget.settle(1, 0)
    await database.aclose()
