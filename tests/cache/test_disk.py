from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kibitz.cache.disk import DiskCache, DiskVerdict
from kibitz.cache.rows import COMPONENT, ROW_OVERHEAD, TOUCH_S, look_up, write
from kibitz.cache.tier import Kept, Tier
from kibitz.state.database import Database, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

LIVES = 100_000.0
FRESH = 60_000.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def opened(path: Path, clock: Clock, *, max_bytes: int = 1 << 20) -> AsyncIterator[DiskCache]:
    database = Database(path / "state.db")
    cache = DiskCache(database, max_bytes=max_bytes, clock=clock)
    try:
        yield cache
        await cache.aclose()
    finally:
        await database.aclose()


def lasting(values: Mapping[str, str]) -> dict[str, Kept]:
    return {digest: Kept(value, FRESH, LIVES) for digest, value in values.items()}


async def values(cache: DiskCache, *digests: str) -> dict[str, str]:
    return {digest: kept.value for digest, kept in (await cache.get(digests)).items()}


async def everything(cache: DiskCache) -> dict[str, Kept]:
    return {digest: kept async for digest, kept in cache.rows()}


def spoil(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path / "state.db")
    with connection:
        connection.execute(sql)
    connection.close()


async def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        assert await cache.put(lasting({"a": "1", "b": "2"}))
    clock.now += 10
    async with opened(tmp_path, clock) as cache:
        tier: Tier = cache
        assert await tier.get(["a", "b", "c"]) == {
            d: Kept(v, 59_990, 99_990) for d, v in (("a", "1"), ("b", "2"))
        }
        assert await tier.get([]) == {}
        assert await tier.put(lasting({"a": "3"}), discard=["b"])
        assert await tier.get(["a", "b"]) == {"a": Kept("3", FRESH, LIVES)}
        assert tier.name == "disk"
        assert tier.problem == ""


async def test_each_value_lives_as_long_as_it_was_given(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        short, long = Kept("s", 5, 10), Kept("l", 2000, 1000)
        await cache.put({"short": short, "long": long, "dead": Kept("d", 0, 0)})
        assert await cache.get(["short", "long", "dead"]) == {"short": short, "long": Kept("l", 1000, 1000)}
        clock.now += 7
        assert (await cache.get(["short"]))["short"] == Kept("s", -2, 3)
        clock.now += 3
        assert set(await cache.get(["short", "long"])) == {"long"}


async def test_thousands_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock(), max_bytes=1 << 30) as cache:
        many = {f"{number:064x}": str(number) for number in range(5000)}
        await cache.put(lasting(many))
        assert await values(cache, *many) == many
        assert {digest: kept.value for digest, kept in (await everything(cache)).items()} == many
        stats = await cache.stats()
        assert stats.entries == 5000
        assert stats.file_bytes > stats.bytes > 5000 * ROW_OVERHEAD
        assert await cache.clear()
        assert await everything(cache) == {}
        assert (await cache.stats()).file_bytes < 200_000, "the space is given back"


@pytest.mark.parametrize("seconds", [100_001, 1e9, -100_001, -1e9])
async def test_what_is_too_old_or_from_the_future_is_gone(tmp_path: Path, seconds: float) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as cache:
        await cache.put(lasting({"a": "1"}))
        clock.now += seconds
        assert await values(cache, "a") == {}
        assert await everything(cache) == {}
        await cache.put(lasting({"b": "2"}))
        stats = await cache.stats()
        assert (stats.entries, stats.expirations, stats.evictions) == (1, 1, 0)
        clock.now -= seconds
        # Not merely out of sight.
        assert await values(cache, "a") == {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-3e9, 3e9, allow_nan=False), max_size=6),
    st.floats(1, 1e8),
)
def test_no_jump_of_the_clock_makes_a_row_live_longer(jumps: list[float], lives: float) -> None:
    connection = sqlite3.connect(":memory:")
    for statement in COMPONENT.schema:
        connection.execute(statement)
    start = now = 1.8e9
    put = partial(write, connection, discard=(), worn=(), max_bytes=1 << 20)
    put(values={"a": Kept("1", lives / 2, lives)}, now=start)
    for jump in jumps:
        now += jump
        kept = look_up(connection, ["a"], now).get("a")
        left = lives - abs(now - start)
        assert kept is None or 0 < kept.left_s == pytest.approx(left, abs=1e-3)
        put(values={}, now=now)
    connection.close()


async def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    clock = Clock()
    numbers = [str(n) for n in range(10)]
    async with opened(tmp_path, clock, max_bytes=10 * (ROW_OVERHEAD + 1)) as cache:
        for number in numbers:
            clock.now += 1
            await cache.put({number: Kept("x", 1e6, 1e6)})
        assert len(await values(cache, *numbers)) == 10
        clock.now += TOUCH_S + 10
        await values(cache, "0")
        await cache.put({"new": Kept("x", 1e6, 1e6), "newer": Kept("x", 1e6, 1e6)})
        assert set(await values(cache, "new", "newer", *numbers)) == {"new", "newer", "0", *numbers[3:]}
        stats = await cache.stats()
        assert (stats.entries, stats.bytes, stats.evictions) == (10, 10 * (ROW_OVERHEAD + 1), 2)
        assert stats.oldest_s == TOUCH_S + 10 + 9


async def test_use_is_written_down_once_a_day_and_at_the_end(tmp_path: Path) -> None:
    clock = Clock()

    async def used() -> float:
        connection = sqlite3.connect(tmp_path / "state.db")
        (when,) = connection.execute("SELECT used FROM answers_kept").fetchone()
        connection.close()
        return float(when) - Clock().now

    async with opened(tmp_path, clock) as cache:
        await cache.put({"a": Kept("1", 1e6, 1e6)})
        clock.now += TOUCH_S / 2
        await cache.get(["a"])
    assert await used() == 0
    clock.now += TOUCH_S
    async with opened(tmp_path, clock) as cache:
        await cache.get(["a"])
        assert await used() == 0, "reading writes nothing"
    assert await used() == TOUCH_S * 1.5


async def test_thousands_go_in_steps(tmp_path: Path) -> None:
    clock = Clock()
    many = {f"{n}": Kept("x", LIVES, LIVES) for n in range(6000)}
    async with opened(tmp_path, clock, max_bytes=1 << 30) as cache:
        await cache.put(many)
    async with opened(tmp_path, clock, max_bytes=8 * (ROW_OVERHEAD + 1)) as cache:
        await cache.put({})
        assert (await cache.stats()).entries == 1000
        await cache.put({})
        assert (await cache.stats()).entries == 8
    async with opened(tmp_path, clock, max_bytes=1 << 30) as cache:
        await cache.put(many)
        clock.now += LIVES
        assert await everything(cache) == {}
        await cache.put({})
        assert (await cache.stats()).entries == 1000
        await cache.put({})
        assert (await cache.stats()).entries == 0


async def test_a_huge_value_does_not_drive_out_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock(), max_bytes=8 * (ROW_OVERHEAD + 9)) as cache:
        await cache.put(lasting({"a": "x" * 9}))
        await cache.put(lasting({"huge": "x" * 10}))
        assert set(await values(cache, "a", "huge")) == {"a"}


async def test_the_totals_are_those_of_the_rows(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as cache:
        await cache.put(lasting({"a": "x" * 100, "b": "é"}))
        await cache.put(lasting({"a": "x"}), discard=["no such"])
        stats = await cache.stats()
        assert (stats.entries, stats.bytes) == (2, 2 * ROW_OVERHEAD + 1 + 2)
        await cache.put({}, discard=["a", "b"])
        stats = await cache.stats()
        assert (stats.entries, stats.bytes, stats.oldest_s) == (0, 0, None)


async def test_clearing_forgets_for_all(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as one, opened(tmp_path, clock) as other:
        await one.put(lasting({"a": "1"}))
        assert await values(other, "a") == {"a": "1"}
        assert await one.clear()
        assert await values(other, "a") == {}
        await other.put(lasting({"b": "2"}))
        assert await values(one, "b") == {"b": "2"}


async def test_clearing_waits_for_no_reader(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as cache:
        await cache.put(lasting({f"{n}": "x" * 1000 for n in range(100)}))
        reader = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM answers_kept").fetchone()
        assert await cache.clear(), "the space comes back some other time"
        assert await everything(cache) == {}
        reader.close()


async def test_what_cannot_be_written_as_text_is_left_out(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as cache:
        assert await cache.put(lasting({"a": "\ud800", "b": "fine"}))
        assert await values(cache, "a", "b") == {"b": "fine"}


@pytest.mark.parametrize(
    "change",
    [
        "value = x'00ff'",
        "value = CAST(x'ff' AS TEXT)",
        "dead_at = 'never'",
        "dead_at = x'ff'",
    ],
)
async def test_a_row_that_is_none_is_a_miss(tmp_path: Path, change: str) -> None:
    async with opened(tmp_path, Clock()) as cache:
        await cache.put(lasting({"a": "1"}))
        spoil(tmp_path, f"UPDATE answers_kept SET {change}")  # noqa: S608 - from above
        assert await values(cache, "a") == {}
        assert await everything(cache) == {}
        await cache.put(lasting({"a": "2"}))
        assert await values(cache, "a") == {"a": "2"}


async def test_verifying_deletes_what_is_bad_and_nothing_else(tmp_path: Path) -> None:
    def check(digest: str, value: str) -> bool:
        return value.startswith(digest)

    async with opened(tmp_path, Clock(), max_bytes=1 << 30) as cache:
        good = {f"{n}": f"{n}" for n in range(1200)}
        await cache.put(lasting(good | {"a": "bad", "b": "bu", "c": "cu"}))
        spoil(tmp_path, "UPDATE answers_kept SET value = CAST(x'62ff' AS TEXT) WHERE digest = 'b'")
        spoil(tmp_path, "UPDATE answers_kept SET size = 0 WHERE digest = 'c'")
        spoil(tmp_path, "UPDATE answers_counts SET count = -7")
        assert await cache.verify(check) == DiskVerdict(entries=1200, bad=3, rebuilt=False)
        assert await values(cache, "a", "b", "c", *good) == good
        stats = await cache.stats()
        assert stats.entries == 1200
        assert stats.bytes == sum(ROW_OVERHEAD + len(value) for value in good.values())
        verdict = await cache.verify(check)
        assert verdict == DiskVerdict(entries=1200, bad=0, rebuilt=False)
        assert verdict.sound


async def test_verifying_rebuilds_a_damaged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path, Clock()) as cache:
        await cache.put(lasting({f"{n:064}": "x" * 200 for n in range(500)}))
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    # A page in the middle: nothing that opening the file looks at.
    data[20 * 4096 : 21 * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    async with opened(tmp_path, Clock()) as cache:
        verdict = await cache.verify(lambda _digest, _value: True)
        assert verdict == DiskVerdict(entries=0, bad=0, rebuilt=True)
        assert not verdict.sound
        assert await cache.put(lasting({"a": "1"}))
        assert (await cache.verify(lambda _digest, _value: True)).sound
    assert path.with_name("state.db.damaged").exists()
    assert len(caplog.records) == 1


async def test_without_a_database_nothing_is_there_and_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    async with opened(tmp_path, Clock()) as cache:
        assert await cache.get(["a"]) == {}
        assert not await cache.put(lasting({"a": "1"}))
        assert not await cache.clear()
        assert "KIBITZ_STATE_DIR" in cache.problem
        with pytest.raises(StateUnavailable):
            await cache.stats()
        with pytest.raises(StateUnavailable):
            await cache.verify(lambda _digest, _value: True)
        with pytest.raises(StateUnavailable):
            await everything(cache)


def test_looking_up_needs_no_event_loop() -> None:
    """For whoever wants to be done before asyncio is even imported."""
    code = "import sys, json, kibitz.cache.rows; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert not {"asyncio", "sqlite3", "pydantic", "concurrent.futures"} & set(modules)
