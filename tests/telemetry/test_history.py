from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from kibitz.state.database import Database
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.history import History

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from kibitz.telemetry.metrics import Family, Labels

TODAY = date(2026, 11, 24)


class Process:
    """One of several that share a state database."""

    def __init__(self, folder: Path) -> None:
        self.day = TODAY
        self.metrics = Metrics()
        self.database = Database(folder / "state.db")
        self.history = History(self.database, self.metrics, day=lambda: self.day)

    async def end(self) -> None:
        await self.history.aclose()
        await self.database.aclose()

    async def family(self, name: str, days: int = 1) -> Family:
        return {each.described.name: each for each in await self.history.since(days)}[name]

    async def numbers(self, name: str, days: int = 1) -> dict[Labels, float]:
        return dict((await self.family(name, days)).numbers)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    processes = Process(tmp_path), Process(tmp_path)
    yield processes
    for process in processes:
        await process.end()


async def test_all_processes_are_counted_together(two: tuple[Process, Process]) -> None:
    one, other = two
    one.metrics.findings.add("off-by-one", "shown")
    one.metrics.latency.observe(0.3, "gpt", "findings")
    await one.history.since(1)
    other.metrics.findings.add("off-by-one", "shown", amount=2)
    other.metrics.latency.observe(3.0, "gpt", "findings")
    assert await other.numbers("kibitz_findings_total") == {("off-by-one", "shown"): 3}
    latency = (await one.family("kibitz_request_seconds")).distributions["gpt", "findings"]
    assert (latency.count, latency.sum) == (2, 3.3)
    assert latency.quantile(0.99) == pytest.approx(5.0, abs=0.1)


async def test_nothing_is_counted_twice(two: tuple[Process, Process]) -> None:
    one, other = two
    one.metrics.retries.add("http_503")
    for _ in range(3):
        assert await one.numbers("kibitz_retries_total") == {("http_503",): 1}
    # Another service of the same process goes on where the one before it ended.
    await one.history.aclose()
    again = History(one.database, one.metrics, day=lambda: TODAY)
    one.metrics.retries.add("http_503")
    await again.aclose()
    assert await other.numbers("kibitz_retries_total") == {("http_503",): 2}


async def test_days_are_counted_with_today(two: tuple[Process, Process]) -> None:
    one, _ = two
    one.metrics.retries.add("http_429")
    one.history.note()
    one.day += timedelta(6)
    one.metrics.retries.add("http_503")
    assert await one.numbers("kibitz_retries_total") == {("http_503",): 1}
    assert await one.numbers("kibitz_retries_total", 6) == {("http_503",): 1}
    assert await one.numbers("kibitz_retries_total", 7) == {("http_429",): 1, ("http_503",): 1}


async def test_what_has_a_book_of_its_own_is_not_kept_again(two: tuple[Process, Process]) -> None:
    one, _ = two
    one.metrics.tokens.add("gpt", "input", amount=100)
    one.metrics.lag.observe(0.2)
    families = await one.history.since(1)
    kept = {each.described.name for each in families}
    assert "kibitz_tokens_total" not in kept
    assert "kibitz_event_loop_lag_seconds" not in kept
    assert "kibitz_resident_memory_bytes" not in kept
    assert not any(each.numbers or each.distributions for each in families)


async def test_without_a_database_it_is_this_processs() -> None:
    metrics = Metrics()
    history = History(None, metrics)
    metrics.dropped.add("quote-not-found")
    (family,) = [each for each in await history.since(1) if each.numbers]
    assert family.numbers == {("quote-not-found",): 1}
    await history.aclose()


async def test_it_is_written_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kibitz.telemetry.history.PAUSE_S", 0.0)
    one, other = Process(tmp_path), Process(tmp_path)
    one.history.begin()
    one.metrics.dropped.add("refuted")
    while not await other.numbers("kibitz_dropped_total"):
        pass
    one.metrics.dropped.add("refuted")
    await one.end()
    assert await other.numbers("kibitz_dropped_total") == {("refuted",): 2}
    await other.end()


async def test_what_another_version_counted_by_other_labels_is_left_out(
    two: tuple[Process, Process],
) -> None:
    one, other = two
    one.history._days.add('["kibitz_retries_total", "a", "b"]', one.history._days._table.nothing)
    one.history._days.add('["kibitz_gone_total"]', one.history._days._table.nothing)
    await one.history.since(1)
    assert await other.numbers("kibitz_retries_total") == {}
