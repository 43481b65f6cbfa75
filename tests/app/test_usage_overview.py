from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from kibitz.app.usage_overview import usage
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheBook, CacheCounts
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.documents import Document
from kibitz.telemetry.history import History
from kibitz.telemetry.ledger import Ledger, local_now
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from pathlib import Path

GPT = Account("gpt", "0123456789abcdef", "review")
ONE = Counts(1, 1000, 400, 90, 60, Decimal("0.0123"))
HIT = CacheCounts(looked_up=4, hits=3, misses=1)


async def used(*ago: int) -> None:
    """One of everything, so many days ago."""
    for days in ago:
        day = local_day() - timedelta(days)
        now = local_now().replace(year=day.year, month=day.month, day=day.day)
        database, metrics = Database(database_path()), Metrics()
        ledger, book = Ledger(database, now=lambda now=now: now), CacheBook(database, day=lambda day=day: day)  # type: ignore[misc]  # bound at once
        history = History(database, metrics, day=lambda day=day: day)  # type: ignore[misc]  # as above
        ledger.book(GPT, ONE, document="a.py")
        book.add("disk", HIT)
        metrics.retries.add("http_503")
        for each in (history, book, ledger, database):
            await each.aclose()


async def look(days: int) -> tuple[date, date]:
    today = local_day()
    return today - timedelta(days - 1), today


async def test_all_that_belongs_to_the_days_is_there_by_period() -> None:
    await used(0, 0, 8, 40)
    found = await usage(*await look(30))
    today, before = (local_day().isoformat(), (local_day() - timedelta(8)).isoformat())
    assert found.over_time == {before: ONE, today: ONE + ONE}
    assert found.lookups == {before: {"disk": HIT}, today: {"disk": HIT + HIT}}
    assert found.cache == {"disk": HIT + HIT + HIT}
    retries = {
        period: next(dict(each.numbers) for each in families if each.described.name == "kibitz_retries_total")
        for period, families in found.course.items()
    }
    assert retries == {before: {("http_503",): 1}, today: {("http_503",): 2}}
    assert found.metric("kibitz_retries_total").numbers == {("http_503",): 3}
    (document,) = found.documents.items()
    assert document == (
        Document(GPT.workspace, "a.py"),
        Counts(3, 3000, 0, 270, 0, ONE.cost_usd and 3 * ONE.cost_usd),
    )
    assert found.problem == ""


@pytest.mark.parametrize(
    ("ago", "days", "first"), [(20, 30, 20), (2, 30, 6), (0, 1, 0), (2, 3, 2), (35, 30, 6)]
)
async def test_an_empty_beginning_is_left_out_but_a_week_stays(ago: int, days: int, first: int) -> None:
    await used(ago)
    since, today = await look(days)
    found = await usage(since, today)
    assert found.periods.names[0] == (today - timedelta(first)).isoformat()
    assert found.periods.names[-1] == today.isoformat()
    assert found.since == since, "what was asked for is said all the same"


async def test_what_a_wrong_clock_booked_for_later_counts() -> None:
    await used(-3)
    found = await usage(*await look(1))
    assert found.total == ONE
    assert found.over_time == {local_day().isoformat(): ONE}
    assert found.lookups == {local_day().isoformat(): {"disk": HIT}}


async def test_that_the_books_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "file"))
    found = await usage(*await look(30))
    assert "cannot use its state database" in found.problem
    assert found.total == Counts()
