from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from kibitz.cache.disk import ROW_OVERHEAD, DiskCache
from kibitz.state.database import Database, StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def opened(path: Path, clock: Clock, *, max_bytes: int = 1 << 20) -> AsyncIterator[DiskCache]:
    database = Database(path / "state.db")
    try:
        yield DiskCache(database, max_bytes=max_bytes, ttl_s=100_000, clock=clock)
    finally:
        await database.aclose()


async def values(cache: DiskCache, *digests: str) -> dict[str, str]:
    return {digest: kept.value for digest, kept in (await cache.get(digests)).items()}


async def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        await cache.put({"a": "1", "b": "2"})
    clock.now += 10
    async with opened(tmp_path, clock) as cache:
        assert await values(cache, "a", "b", "c") == {"a": "1", "b": "2"}
        assert (await cache.get(["a"]))["a"].left_s == 99_990
        assert await cache.get([]) == {}
        await cache.put({"a": "3"}, discard=["b"])
        assert await values(cache, "a", "b") == {"a": "3"}
        assert (await cache.get(["a"]))["a"].left_s == 100_000


async def test_reading_is_news_once_in_a_while(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        await cache.put({"a": "1"})
        assert (await cache.get(["a"]), cache.has_news)[1] is False
        clock.now += 7200
        assert (await cache.get(["a"]), cache.has_news)[1] is True
        await cache.put({})
        assert (await cache.get(["a"]), cache.has_news)[1] is False


async def test_thousands_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock(), max_bytes=1 << 30) as cache:
        many = {f"{number:064x}": str(number) for number in range(5000)}
        await cache.put(many)
        assert await values(cache, *many) == many


@pytest.mark.parametrize("seconds", [100_001, 1e9, -100_001, -1e9])
async def test_what_is_too_old_or_from_the_future_is_gone(tmp_path: Path, seconds: float) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        await cache.put({"a": "1"})
        clock.now += seconds
        assert await values(cache, "a") == {}
        await cache.put({"b": "2"})
        clock.now -= seconds
        # Not merely out of sight.
        assert await values(cache, "a") == {}


async def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, max_bytes=10 * (ROW_OVERHEAD + 1)) as cache:
        for number in range(10):
            clock.now += 1
            await cache.put({str(number): "x"})
        assert len(await values(cache, *map(str, range(10)))) == 10
        clock.now += 7200
        await values(cache, "0")
        await cache.put({})
        await cache.put({"new": "x"})
        assert set(await values(cache, "new", *map(str, range(10)))) == {"new", "0", *map(str, range(3, 10))}


async def test_a_huge_value_does_not_drive_out_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock(), max_bytes=8 * (ROW_OVERHEAD + 9)) as cache:
        await cache.put({"a": "x" * 9})
        await cache.put({"huge": "x" * 10})
        assert set(await values(cache, "a", "huge")) == {"a"}


async def test_clearing_forgets_for_all(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as one, opened(tmp_path, clock) as other:
        await one.put({"a": "1"})
        assert await values(other, "a") == {"a": "1"}
        await one.clear()
        assert await values(other, "a") == {}


async def test_a_value_of_another_type_is_a_miss(tmp_path: Path) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE answers_kept SET value = x'00ff'")

    database = Database(tmp_path / "state.db")
    cache = DiskCache(database, max_bytes=1 << 20, ttl_s=100, clock=Clock())
    await cache.put({"a": "1"})
    await database.run(spoil)
    assert await values(cache, "a") == {}
    await database.aclose()


async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    async with opened(tmp_path, Clock()) as cache:
        with pytest.raises(StateUnavailable):
            await cache.get(["a"])
        with pytest.raises(StateUnavailable):
            await cache.put({"a": "1"})
        with pytest.raises(StateUnavailable):
            await cache.clear()
