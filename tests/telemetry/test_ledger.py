from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.state.database import Database
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger, hour_of, summed
from kibitz.telemetry.ledger_table import COMPONENT, HOURLY_DAYS, KEPT_DAYS, TABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ONE = Counts(1, 1000, 400, 90, 60, Decimal("0.0000123"))
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
GPT, SMALL = Account("gpt"), Account("small", "0123456789abcdef", "verify")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def books(path: Path, clock: Clock) -> AsyncIterator[list[Ledger]]:
    """As two processes have them."""
    databases = [Database(path, busy_s=0.05) for _ in range(2)]
    books = [Ledger(database, now=clock) for database in databases]
    yield books
    for book, database in zip(books, databases, strict=True):
        await book.aclose()
        await database.aclose()


async def test_the_run_is_this_processs_and_the_day_is_everybodys(books: list[Ledger]) -> None:
    one, other = books
    one.add(GPT, ONE)
    one.add(GPT, ONE)
    one.add(SMALL, Counts(failed=1))
    assert one.run == Counts(2, 2000, 800, 180, 120, Decimal("0.0000246"), 1)
    await one.aclose()
    other.add(GPT, ONE)
    assert other.run == ONE
    assert await other.today_by_model() == {
        "gpt": Counts(3, 3000, 1200, 270, 180, Decimal("0.0000369")),
        "small": Counts(failed=1),
    }
    assert (
        await one.today() == await other.today() == Counts(3, 3000, 1200, 270, 180, Decimal("0.0000369"), 1)
    )


async def test_a_new_day_begins_with_nothing(books: list[Ledger], clock: Clock) -> None:
    one, _ = books
    one.add(GPT, ONE)
    clock.now += timedelta(1)
    assert await one.today() == Counts()
    one.add(GPT, ONE)
    assert await one.today() == ONE
    assert one.run == ONE + ONE


@pytest.mark.parametrize("days", [1, 20_000])
async def test_a_clock_that_is_set_back_loses_nothing(books: list[Ledger], clock: Clock, days: int) -> None:
    one, other = books
    one.add(GPT, ONE)
    assert await one.today() == ONE
    clock.now -= timedelta(days)
    assert await other.today() == ONE, "what was counted on a day that is yet to come counts"
    one.add(GPT, ONE)
    assert await one.today() == await other.today() == ONE + ONE
    clock.now += timedelta(days)
    assert await other.today() == ONE, "and the day is as it was when the clock is right again"


async def test_without_a_database_the_day_is_what_this_process_saw(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    broken = Database(tmp_path / "file" / "state.db")
    for book in (Ledger(None, now=clock), Ledger(broken, now=clock)):
        book.add(GPT, ONE)
        assert await book.today() == ONE
        clock.now += timedelta(1)
        book.add(GPT, ONE)
        assert await book.today() == ONE
        assert book.run == ONE + ONE
        await book.aclose()
    await broken.aclose()


async def test_what_could_not_be_written_is_written_later(books: list[Ledger], path: Path) -> None:
    one, other = books
    one.add(GPT, ONE)
    await one.today()
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    one.add(GPT, ONE)
    one.add(SMALL, ONE)
    assert await one.today() == ONE + ONE + ONE, "its own counts meanwhile"
    assert await other.today() == ONE
    lock.execute("ROLLBACK")
    lock.close()
    assert await one.today() == await other.today() == ONE + ONE + ONE


async def test_the_cents_are_exact_and_each_kind_of_token_is_kept(books: list[Ledger]) -> None:
    one, other = books
    spent = Counts(1, 7, 3, 5, 2, Decimal("0.000000000001"), 1, 2, 1, 0)
    for _ in range(3):
        one.add(SMALL, spent)
    await one.aclose()
    assert await other.since(1) == {SMALL: spent + spent + spent}
    other.add(SMALL, Counts(1, unpriced=1))
    (entry,) = await other.entries(1)
    assert (entry.period, entry.day, entry.account) == ("2026-11-23T14", "2026-11-23", SMALL)
    assert entry.counts.cost_usd == Decimal("0.000000000003"), "what is known of it"
    assert entry.counts.whole_cost_usd is None
    assert entry.counts.unpriced == 1


async def test_what_a_provider_makes_up_breaks_no_sum(books: list[Ledger]) -> None:
    one, other = books
    for _ in range(3):
        one.add(GPT, Counts(1, 10**25, cost_usd=Decimal(10**25)))
    await one.aclose()
    assert (await other.today()).input_tokens == 10**15


async def test_what_is_asked_for_by_hand_is_counted_apart(books: list[Ledger], clock: Clock) -> None:
    one, _ = books
    one.add(GPT, ONE)
    one.add(SMALL, ONE)
    clock.now += timedelta(hours=1)
    one.add(SMALL, ONE)
    assert await one.since(1) == {GPT: ONE, SMALL: ONE + ONE}
    assert [(entry.period[-2:], entry.account) for entry in await one.entries(1)] == [
        ("14", GPT),
        ("14", SMALL),
        ("15", SMALL),
    ]
    alone = Ledger(now=clock)
    alone.add(GPT, ONE)
    assert [entry.account for entry in await alone.entries(1)] == [GPT]
    assert alone.own_since("2026-11-23T16") == Counts()


async def test_a_year_takes_no_more_than_its_days(books: list[Ledger], clock: Clock, path: Path) -> None:
    one, other = books
    clock.now = NOW.replace(hour=0)
    for _ in range(KEPT_DAYS + 5):
        for _ in range(3):
            one.add(GPT, ONE)
            one.add(SMALL, ONE)
            clock.now += timedelta(hours=8)
        await one.today()
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT count(DISTINCT substr(period, 1, 10)), sum(length(period) = 10), sum(length(period) = 13) "
        "FROM ledger_entries"
    ).fetchone()
    connection.close()
    assert rows == (KEPT_DAYS, 2 * (KEPT_DAYS - HOURLY_DAYS), 6 * HOURLY_DAYS)
    assert (await other.since(KEPT_DAYS + 1)) == {
        account: summed([ONE] * 3 * KEPT_DAYS) for account in (GPT, SMALL)
    }
    assert len(one._own) <= 2048, "and the process forgets when exactly it was"
    assert one.run.requests == 6 * (KEPT_DAYS + 5), "but not that it was"


async def test_what_earlier_versions_counted_is_taken_over(path: Path, clock: Clock) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE components (name TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    connection.execute("INSERT INTO components VALUES ('days', 1)")
    connection.execute(next(sql for sql in COMPONENT.schema if "days_counts" in sql))
    connection.executemany(
        "INSERT INTO days_counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            ("2026-11-23", "gpt", 2, 2000, 800, 180, 120, "1234.000024600001", 1),
            ("2026-11-22", "odd", 3, 10, 0, 1, 0, None, 0),
        ],
    )
    connection.close()
    database = Database(path)
    book = Ledger(database, now=clock)
    assert await book.today() == Counts(2, 2000, 800, 180, 120, Decimal("1234.000024600001"), 1)
    book.add(GPT, ONE)
    assert (await book.since(2))[Account("odd")] == Counts(3, 10, 0, 1, unpriced=3)
    assert (await book.today()).requests == 3
    await book.aclose()
    await database.aclose()
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "days_counts" not in tables
    assert connection.execute("SELECT count(*) FROM components WHERE name = 'days'").fetchone() == (0,)
    connection.close()


async def test_the_default_hour_is_the_users() -> None:
    book = Ledger()
    before = datetime.now().astimezone()
    book.add(GPT, ONE)
    assert await book.today() == ONE
    (entry,) = await book.entries(2)
    assert entry.period in {f"{moment:%Y-%m-%dT%H}" for moment in (before, datetime.now().astimezone())}


def test_a_sum_of_which_a_part_has_no_price_says_so() -> None:
    unpriced = Counts(1, 10, unpriced=1)
    assert (ONE + unpriced).whole_cost_usd is None
    assert (unpriced + ONE).cost_usd == ONE.cost_usd
    assert (ONE + Counts(failed=1)).whole_cost_usd == ONE.cost_usd
    assert Counts().cost_usd is None


COUNTS = st.builds(
    Counts,
    *(st.integers(0, 9) for _ in range(5)),
    st.none() | st.decimals(0, 9, places=9),
    *(st.integers(0, 9) for _ in range(4)),
)


@given(COUNTS, COUNTS, COUNTS)
def test_it_does_not_matter_in_which_order_one_counts(a: Counts, b: Counts, c: Counts) -> None:
    assert (a + b) + c == a + (b + c) == (c + b) + a


@given(
    st.lists(
        st.tuples(st.integers(-40, 24 * 60), st.sampled_from([GPT, SMALL]), COUNTS), min_size=1, max_size=40
    )
)
def test_hours_add_up_to_days_and_days_to_the_total(steps: list[tuple[int, Account, Counts]]) -> None:
    """Whatever the clock does meanwhile: it may also be set back."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE components (name TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    for statement in COMPONENT.schema:
        connection.execute(statement)
    now, whole, days = NOW, Counts(), dict[str, Counts]()
    for hours, account, counts in steps:
        now += timedelta(hours=hours)
        day = now.date().isoformat()
        before = summed(TABLE.since(connection, day).values())
        TABLE.add(connection, {(hour_of(now), account): counts})
        whole += counts
        days[day] = days.get(day, Counts()) + counts
        assert summed(TABLE.since(connection, day).values()) == before + counts, "no total ever falls"
    newest = sorted(days)[-KEPT_DAYS:]
    found = dict[str, Counts]()
    for period, _account, counts in TABLE.rows(connection, ""):
        found[period[:10]] = found.get(period[:10], Counts()) + counts
    assert found == {day: days[day] for day in newest}
    if len(days) <= KEPT_DAYS:
        assert summed(TABLE.since(connection, "").values()) == whole == summed(days.values())
    hourly = {period[:10] for period, _, _ in TABLE.rows(connection, "") if len(period) > 10}
    assert len(hourly) <= HOURLY_DAYS
    connection.close()
