from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.state.database import Database
from kibitz.telemetry.daybook import Counts, Daybook
from kibitz.telemetry.tables import KEPT_DAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ONE = Counts(1, 1000, 400, 90, 60, Decimal("0.0000123"))
TODAY = date(2026, 11, 23)


class Calendar:
    def __init__(self) -> None:
        self.day = TODAY

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def books(path: Path, calendar: Calendar) -> AsyncIterator[list[Daybook]]:
    """As two processes have them."""
    databases = [Database(path, busy_s=0.05) for _ in range(2)]
    books = [Daybook(database, day=calendar) for database in databases]
    yield books
    for book, database in zip(books, databases, strict=True):
        await book.aclose()
        await database.aclose()


async def test_the_run_is_this_processs_and_the_day_is_everybodys(books: list[Daybook]) -> None:
    one, other = books
    one.add("gpt", ONE)
    one.add("gpt", ONE)
    one.add("small", Counts(failed=1))
    assert one.run == Counts(2, 2000, 800, 180, 120, Decimal("0.0000246"), 1)
    await one.aclose()
    other.add("gpt", ONE)
    assert other.run == ONE
    assert await other.today_by_model() == {
        "gpt": Counts(3, 3000, 1200, 270, 180, Decimal("0.0000369")),
        "small": Counts(failed=1),
    }
    assert (
        await one.today() == await other.today() == Counts(3, 3000, 1200, 270, 180, Decimal("0.0000369"), 1)
    )


async def test_a_new_day_begins_with_nothing(books: list[Daybook], calendar: Calendar) -> None:
    one, _ = books
    one.add("gpt", ONE)
    calendar.day += timedelta(1)
    assert await one.today() == Counts()
    one.add("gpt", ONE)
    assert await one.today() == ONE
    assert one.run == ONE + ONE


@pytest.mark.parametrize("days", [1, 20_000])
async def test_a_clock_that_is_set_back_loses_nothing(
    books: list[Daybook], calendar: Calendar, days: int
) -> None:
    one, other = books
    one.add("gpt", ONE)
    assert await one.today() == ONE
    calendar.day -= timedelta(days)
    assert await other.today() == ONE, "what was counted on a day that is yet to come counts"
    one.add("gpt", ONE)
    assert await one.today() == await other.today() == ONE + ONE
    calendar.day += timedelta(days)
    assert await other.today() == ONE, "and the day is as it was when the clock is right again"


async def test_without_a_database_the_day_is_what_this_process_saw(
    tmp_path: Path, calendar: Calendar
) -> None:
    (tmp_path / "file").touch()
    broken = Database(tmp_path / "file" / "state.db")
    for book in (Daybook(None, day=calendar), Daybook(broken, day=calendar)):
        book.add("gpt", ONE)
        assert await book.today() == ONE
        calendar.day += timedelta(1)
        book.add("gpt", ONE)
        assert await book.today() == ONE
        assert book.run == ONE + ONE
        await book.aclose()
    await broken.aclose()


async def test_what_could_not_be_written_is_written_later(books: list[Daybook], path: Path) -> None:
    one, other = books
    one.add("gpt", ONE)
    await one.today()
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    one.add("gpt", ONE)
    one.add("small", ONE)
    assert await one.today() == ONE + ONE + ONE, "its own counts meanwhile"
    assert await other.today() == ONE
    lock.execute("ROLLBACK")
    lock.close()
    assert await one.today() == await other.today() == ONE + ONE + ONE


async def test_old_days_go_by_number(books: list[Daybook], calendar: Calendar, path: Path) -> None:
    one, _ = books
    for _ in range(KEPT_DAYS + 5):
        one.add("gpt", ONE)
        one.add("small", ONE)
        calendar.day += timedelta(1)
    await one.aclose()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT min(day), count(*) FROM days_counts").fetchone()
    connection.close()
    assert rows == ((TODAY + timedelta(5)).isoformat(), 2 * KEPT_DAYS)


async def test_the_default_day_is_the_users() -> None:
    book = Daybook()
    book.add("gpt", ONE)
    assert await book.today() == ONE
    assert {day for day, _ in book._own} <= {
        (date.today() - timedelta(n)).isoformat()  # noqa: DTZ011 - the local calendar's day is meant
        for n in (0, 1)
    }


def test_a_sum_of_which_a_part_has_no_price_has_none() -> None:
    unpriced = Counts(1, 10)
    assert (ONE + unpriced).cost_usd is None
    assert (unpriced + ONE).cost_usd is None
    assert (ONE + Counts()).cost_usd == ONE.cost_usd
    assert (ONE + Counts(failed=1)).cost_usd == ONE.cost_usd
    assert Counts().cost_usd is None


COUNTS = st.builds(
    Counts,
    *(st.integers(0, 9) for _ in range(5)),
    st.none() | st.decimals(0, 9, places=9),
    st.integers(0, 9),
)


@given(COUNTS, COUNTS, COUNTS)
def test_it_does_not_matter_in_which_order_one_counts(a: Counts, b: Counts, c: Counts) -> None:
    assert (a + b) + c == a + (b + c) == (c + b) + a
