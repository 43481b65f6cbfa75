from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.state.database import Database
from kibitz.telemetry.cachebook import CacheBook, CacheCounts, hit_rate, total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HIT = CacheCounts(
    looked_up=1, hits=1, saved_input_tokens=900, saved_output_tokens=80, saved_usd=Decimal("0.01")
)
PASSED_ON = CacheCounts(looked_up=1)
MISS = CacheCounts(looked_up=1, misses=1)
TODAY = date(2026, 11, 24)


class Calendar:
    def __init__(self) -> None:
        self.day = TODAY

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def books(tmp_path: Path, calendar: Calendar) -> AsyncIterator[list[CacheBook]]:
    """As two processes have them; they write only when somebody wants to know."""
    databases = [Database(tmp_path / "state.db") for _ in range(2)]
    books = [CacheBook(database, day=calendar, pause_s=3600) for database in databases]
    yield books
    for book, database in zip(books, databases, strict=True):
        await book.aclose()
        await database.aclose()


async def test_the_run_is_this_processs_and_the_days_are_everybodys(books: list[CacheBook]) -> None:
    one, other = books
    one.add("memory", PASSED_ON)
    one.add("disk", HIT)
    assert await other.since(1) == {}
    assert await one.since(1) == {"memory": PASSED_ON, "disk": HIT}
    other.add("disk", MISS)
    assert await other.since(1) == {"memory": PASSED_ON, "disk": HIT + MISS}
    assert other.run == {"disk": MISS}
    assert one.run == {"memory": PASSED_ON, "disk": HIT}


async def test_what_was_collected_is_written_at_the_end(books: list[CacheBook]) -> None:
    one, other = books
    one.add("disk", HIT)
    await one.aclose()
    assert await other.since(1) == {"disk": HIT}


async def test_what_is_collected_is_written_after_the_pause(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    book = CacheBook(database, pause_s=0.001)
    book.add("disk", HIT)
    book.add("disk", HIT)
    assert book._writing is not None
    await book._writing
    assert not book._unwritten
    assert await book.since(1) == {"disk": HIT + HIT}
    await database.aclose()


async def test_days_are_counted_with_today(books: list[CacheBook], calendar: Calendar) -> None:
    one, _ = books
    one.add("disk", MISS)
    calendar.day += timedelta(6)
    one.add("disk", HIT)
    for reader in books:
        await one.aclose()
        assert await reader.since(1) == {"disk": HIT}
        assert await reader.since(6) == {"disk": HIT}
        assert await reader.since(7) == {"disk": HIT + MISS}


async def test_without_a_database_the_days_are_this_processs(calendar: Calendar) -> None:
    book = CacheBook(day=calendar)
    book.add("memory", MISS)
    calendar.day += timedelta(1)
    book.add("memory", HIT)
    assert await book.since(1) == {"memory": HIT}
    assert await book.since(2) == {"memory": HIT + MISS} == book.run
    await book.aclose()


def test_the_rate_is_the_share_for_which_nothing_was_sent() -> None:
    memory = CacheCounts(looked_up=10, hits=5, stale=1)
    disk = CacheCounts(looked_up=4, hits=1, misses=3)
    assert memory.hit_rate == 0.5
    assert disk.hit_rate == 0.25
    assert hit_rate([memory, disk]) == 0.6
    assert total([memory, disk]) == CacheCounts(looked_up=10, hits=6, stale=1, misses=3)
    assert hit_rate([]) is hit_rate([CacheCounts()]) is None


def test_what_is_saved_is_at_least_what_is_known_of_it() -> None:
    unpriced = CacheCounts(looked_up=1, hits=1, saved_input_tokens=5)
    assert (HIT + unpriced).saved_usd == (unpriced + HIT).saved_usd == Decimal("0.01")
    assert (unpriced + MISS).saved_usd is None


COUNTS = st.builds(
    CacheCounts, *(st.integers(0, 9) for _ in range(6)), st.none() | st.decimals(0, 9, places=9)
)


@given(COUNTS, COUNTS, COUNTS)
def test_it_does_not_matter_in_which_order_one_counts(a: CacheCounts, b: CacheCounts, c: CacheCounts) -> None:
    assert (a + b) + c == a + (b + c) == (c + b) + a
