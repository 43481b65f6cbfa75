from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kibitz.cache.claims import DiskClaims
from kibitz.cache.tier import LEASE_S
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from kibitz.cache.tier import Claims


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def processes(folder: Path, clock: Clock, count: int) -> AsyncIterator[list[Claims]]:
    """So many owners, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        claims: list[Claims] = []
        for _ in range(count):
            database = Database(folder / "state.db")
            stack.push_async_callback(database.aclose)
            claims.append(DiskClaims(database, clock=clock))
        yield claims


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_what_one_has_claimed_the_other_has_not(tmp_path: Path, clock: Clock) -> None:
    async with processes(tmp_path, clock, 2) as (one, other):
        assert await one.take(["a", "b"], 1) == {"a", "b"}
        assert await other.take(["b", "c"], 1) == {"c"}
        assert await one.take(["a", "b", "c"], 1) == {"a", "b"}, "what is ours stays ours"
        await other.release(["a", "b"])
        assert await other.take(["a", "b"], 1) == set(), "only its owner can give it up"
        await one.release(["b"])
        assert await other.take(["a", "b"], 1) == {"b"}
        assert await one.take([], 1) == set()


async def test_of_many_who_ask_at_once_one_gets_it(tmp_path: Path, clock: Clock) -> None:
    digests = [f"{n}" for n in range(300)]
    async with processes(tmp_path, clock, 6) as owners:
        taken = await asyncio.gather(*(owner.take(digests, 0) for owner in owners))
    assert sorted(digest for each in taken for digest in each) == sorted(digests)


async def test_it_is_known_how_urgently_others_wait(tmp_path: Path, clock: Clock) -> None:
    async with processes(tmp_path, clock, 3) as (one, two, three):
        await one.take(["a", "b", "c"], 0)
        assert await one.renew(["a", "b"]) is None
        await two.take(["a"], 3)
        await three.take(["a", "b"], 2)
        await two.take(["a"], 4)
        assert await one.renew(["a"]) == 2
        await three.take(["b"], 0)
        assert await one.renew(["a", "b", "c"]) == 0
        assert await one.renew(["c"]) is None
        assert await two.renew(["a"]) is None, "it is not theirs"
        assert await one.renew([]) is None
        await one.release(["a", "b"])
        await two.take(["a"], 3)
        assert await two.renew(["a"]) is None, "who waited for the one before waits for nobody now"


async def test_a_claim_that_nobody_renews_ends(tmp_path: Path, clock: Clock) -> None:
    async with processes(tmp_path, clock, 2) as (one, other):
        await one.take(["a", "b"], 1)
        for _ in range(3):
            clock.now += LEASE_S - 1
            await one.renew(["a"])
        assert await other.take(["a", "b"], 1) == {"b"}
        clock.now += LEASE_S
        assert await other.take(["a"], 1) == {"a"}
        await one.renew(["a"])
        await one.release(["a"])
        assert await one.take(["a"], 1) == set(), "it is the other's now"


async def test_what_was_lost_in_sleep_is_ours_again_if_nobody_took_it(tmp_path: Path, clock: Clock) -> None:
    async with processes(tmp_path, clock, 2) as (one, other):
        await one.take(["a"], 1)
        clock.now += 3600
        await one.renew(["a"])
        assert await other.take(["a"], 1) == set()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jumps=st.lists(st.floats(-1e9, 1e9), max_size=3))
async def test_no_jump_of_the_clock_holds_anybody_up(
    tmp_path_factory: pytest.TempPathFactory, jumps: list[float]
) -> None:
    clock = Clock()
    async with processes(tmp_path_factory.mktemp("claims"), clock, 2) as (one, other):
        await one.take(["a"], 1)
        for jump in jumps:
            clock.now += jump
        clock.now += 2 * LEASE_S
        assert await other.take(["a"], 1) == {"a"}


async def test_without_a_database_everybody_may_ask(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "state.db").mkdir()
    async with processes(tmp_path, clock, 2) as owners:
        for owner in owners:
            assert await owner.take(["a"], 1) == {"a"}
            assert await owner.renew(["a"]) is None
            await owner.release(["a"])
