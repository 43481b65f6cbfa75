from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.provider.keys.sources import FIRST, SECOND, THIRD, Clock, Scripted

from kibitz.provider.errors import ConfigError, RateLimitExceeded
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import REFUSED_SECONDS, KeyPool, State

if TYPE_CHECKING:
    from collections.abc import Collection


async def picked(pool: KeyPool, avoid: Collection[str] = ()) -> Key:
    key = await pool.pick(avoid)
    assert key is not None
    return key


def states(pool: KeyPool) -> list[State]:
    return [key.state for key in pool.status()]


async def test_the_first_key_is_used_as_long_as_it_works() -> None:
    pool = KeyPool(Scripted(FIRST, SECOND), Clock())
    assert pool.status() == ()
    assert [(await picked(pool)).secret() for _ in range(3)] == [FIRST] * 3
    assert states(pool) == [State.IN_USE, State.READY]
    assert [key.place for key in pool.status()] == ["a test", "a test"]
    assert pool.place == "a test"


async def test_a_source_without_any_key_gives_none() -> None:
    assert await KeyPool(FixedKeys([])).pick() is None


async def test_a_source_that_fails_says_why() -> None:
    source = Scripted(FIRST)
    source.fails = True
    with pytest.raises(ConfigError, match="the test took it away"):
        await KeyPool(source).pick()


async def test_a_refused_key_makes_way_for_the_next_and_stays_away() -> None:
    clock, source = Clock(), Scripted(FIRST, SECOND)
    pool = KeyPool(source, clock)
    first = await picked(pool)
    assert await pool.rejected(first)
    assert source.looks == 1
    assert (await picked(pool)).secret() == SECOND
    assert states(pool) == [State.REFUSED, State.IN_USE]
    clock.now += REFUSED_SECONDS
    assert states(pool) == [State.READY, State.IN_USE], "and the one that works goes on"
    assert (await picked(pool)).secret() == SECOND


async def test_the_last_key_that_is_refused_says_what_to_do() -> None:
    clock, source = Clock(), Scripted(FIRST)
    pool = KeyPool(source, clock)
    first = await picked(pool)
    assert not await pool.rejected(first)
    source.problem = "the file cannot be read"
    with pytest.raises(ConfigError) as error:
        await pool.pick()
    assert error.value.message == (
        f"the API key cannot be used: {first.id} (a test): the provider refuses it; tried again in 15 min. "
        "Put a good key there; `kibitz key status` shows what is found. Also, the file cannot be read."
    )
    assert FIRST not in str(error.value)
    clock.now += REFUSED_SECONDS
    assert (await picked(pool)).secret() == FIRST


async def test_a_new_key_at_the_old_place_is_found_when_the_old_one_is_refused() -> None:
    source = Scripted(FIRST)
    pool = KeyPool(source, Clock())
    first = await picked(pool)
    source.next = (SECOND,)
    assert await pool.rejected(first)
    assert (await picked(pool)).secret() == SECOND
    assert not pool.holds(first)


async def test_all_who_are_refused_at_once_look_once() -> None:
    source = Scripted(FIRST)
    pool = KeyPool(source, Clock())
    first = await picked(pool)
    source.next = (SECOND,)
    assert await asyncio.gather(*(pool.rejected(first) for _ in range(50))) == [True] * 50
    assert source.looks == 1


async def test_a_late_refusal_of_a_key_that_is_gone_changes_nothing() -> None:
    source = Scripted(FIRST)
    pool = KeyPool(source, Clock())
    first = await picked(pool)
    source.put(SECOND)
    assert pool.holds(first), "nobody has looked yet"
    assert not await pool.still_works(first)
    assert not pool.holds(first)
    await picked(pool)
    assert await pool.rejected(first)
    pool.exhausted(first)
    pool.worked(first)
    assert source.looks == 0
    assert states(pool) == [State.IN_USE]


async def test_a_refusal_while_the_source_fails_leaves_no_key() -> None:
    source = Scripted(FIRST)
    pool = KeyPool(source, Clock())
    first = await picked(pool)
    source.fails = True
    assert not await pool.rejected(first)
    with pytest.raises(ConfigError, match="the test took it away"):
        await pool.pick()


async def test_a_key_without_credit_rests() -> None:
    clock = Clock()
    pool = KeyPool(Scripted(FIRST, SECOND), clock)
    pool.exhausted(await picked(pool), 60)
    assert (await picked(pool)).secret() == SECOND
    pool.exhausted(await picked(pool), 30)
    with pytest.raises(RateLimitExceeded, match=r"none of 2 API keys works.*no credit left.*Add credit") as e:
        await pool.pick()
    assert (e.value.code, e.value.retryable) == ("insufficient_quota", False)
    clock.now += 30
    assert (await picked(pool)).secret() == SECOND


async def test_a_key_without_credit_rests_for_a_quarter_of_an_hour_unless_told_otherwise() -> None:
    clock = Clock()
    pool = KeyPool(Scripted(FIRST, SECOND), clock)
    pool.exhausted(await picked(pool))
    pool.exhausted(await picked(pool), 3600)
    assert [key.why.partition("again in ")[2] for key in pool.status()] == ["15 min", "60 min"]
    clock.now += 899.5
    assert states(pool) == [State.NO_CREDIT, State.NO_CREDIT]
    clock.now += 0.5
    assert (await picked(pool)).secret() == FIRST


async def test_refused_and_without_credit_together_are_a_matter_of_the_keys() -> None:
    pool = KeyPool(Scripted(FIRST, SECOND), Clock())
    assert await pool.rejected(await picked(pool))
    pool.exhausted(await picked(pool))
    with pytest.raises(ConfigError, match=r"none of 2 API keys works"):
        await pool.pick()


async def test_success_clears_a_mark() -> None:
    pool = KeyPool(Scripted(FIRST), Clock())
    first = await picked(pool)
    pool.exhausted(first)
    pool.worked(first)
    assert await picked(pool) == first


async def test_keys_to_avoid_are_taken_only_if_no_other_works() -> None:
    pool = KeyPool(Scripted(FIRST, SECOND, THIRD), Clock())
    first, second, third = (Key(secret, "") for secret in (FIRST, SECOND, THIRD))
    assert await pool.pick({first.id}) == second
    assert await pool.pick() == second, "it was in use by then"
    assert await pool.pick({second.id}) == first
    assert await pool.pick() == second, "avoided once is not given up"
    assert await pool.pick({first.id, second.id, third.id}) == second


async def test_reloading_looks_anew_and_forgives() -> None:
    source = Scripted(FIRST)
    pool = KeyPool(source, Clock())
    await pool.rejected(await picked(pool))
    await pool.reload()
    assert source.looks == 2
    assert states(pool) == [State.IN_USE]
    source.fails = True
    with pytest.raises(ConfigError):
        await pool.reload()


async def test_a_key_that_comes_back_later_is_not_held_against_its_past() -> None:
    source = Scripted(FIRST, SECOND)
    pool = KeyPool(source, Clock())
    await pool.rejected(await picked(pool))
    source.put(SECOND)
    await picked(pool)
    source.put(FIRST)
    assert (await picked(pool)).secret() == FIRST


async def test_a_cancelled_look_leaves_the_pool_usable() -> None:
    source = Scripted(FIRST, SECOND)
    pool = KeyPool(source, Clock())
    first = await picked(pool)
    hang = asyncio.Event()
    looking = asyncio.Event()

    async def hanging() -> tuple[Key, ...]:
        looking.set()
        await hang.wait()
        return source.held

    source.refresh = hanging  # type: ignore[method-assign]  # it hangs, for once
    task = asyncio.create_task(pool.rejected(first))
    await looking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.rejected(first)
    assert (await picked(pool)).secret() == SECOND


async def test_closing_lets_go_of_the_source() -> None:
    source = Scripted(FIRST)
    await KeyPool(source).aclose()
    assert source.held == ()


async def test_fixed_keys_say_where_they_are_from() -> None:
    source = FixedKeys([Key(FIRST, "A"), Key(SECOND, "B"), Key(THIRD, "A")])
    assert source.place == "A and B"
    assert await source.refresh() == await source.keys()
    await source.aclose()
    assert source.problem == ""
    assert FixedKeys([]).place == "nowhere"


async def test_looking_knows_the_keys_and_never_fails() -> None:
    source = Scripted(FIRST, SECOND)
    pool = KeyPool(source, Clock())
    assert pool.secrets() == ()
    await pool.look()
    assert pool.secrets() == (FIRST, SECOND)
    source.fails = True
    await pool.look()
    assert pool.secrets() == (FIRST, SECOND)


async def test_a_key_that_is_refused_again_while_it_is_known_is_not_looked_for_again() -> None:
    clock, source = Clock(), Scripted(FIRST, SECOND)
    pool = KeyPool(source, clock)
    first = await picked(pool)
    await pool.rejected(first)
    clock.now += REFUSED_SECONDS / 2
    await pool.rejected(first)
    assert source.looks == 1, "two requests that were under way with it are one piece of news"
    clock.now += REFUSED_SECONDS / 2
    assert states(pool)[0] is State.IN_USE, "and the time counts from the first"
    await pool.rejected(first)
    assert source.looks == 2


async def test_a_key_that_is_gone_is_not_marked() -> None:
    clock, source = Clock(), Scripted(FIRST, SECOND)
    pool = KeyPool(source, clock)
    await picked(pool)
    await pool.rejected(Key(THIRD, "elsewhere"))
    assert source.looks == 0
    assert states(pool) == [State.IN_USE, State.READY]


async def test_what_is_known_of_a_key_stays_when_others_come() -> None:
    clock, source = Clock(), Scripted(FIRST, SECOND)
    pool = KeyPool(source, clock)
    await pool.rejected(await picked(pool))
    source.put(FIRST, THIRD)
    assert (await picked(pool)).secret() == THIRD
    assert states(pool) == [State.REFUSED, State.IN_USE]


async def test_when_all_are_to_be_avoided_one_is_used_all_the_same() -> None:
    pool = KeyPool(Scripted(FIRST, SECOND), Clock())
    every = [Key(each, "a test").id for each in (FIRST, SECOND)]
    assert (await picked(pool, every)).secret() == FIRST


async def test_a_refusal_is_told_by_its_code_place_and_time() -> None:
    clock = Clock()
    pool = KeyPool(Scripted(FIRST, SECOND), clock)
    for _ in range(2):
        await pool.rejected(await picked(pool))
    with pytest.raises(ConfigError) as error:
        await pool.pick()
    assert error.value.code == "invalid_api_key"
    assert "; " in error.value.message
    assert "Also" not in error.value.message
    clock.now += REFUSED_SECONDS - 61
    assert [key.why.partition("again in ")[2] for key in pool.status()] == ["1 min", "1 min"]
    assert [key.place for key in pool.status()] == ["a test", "a test"]
    clock.now += 60.5
    assert states(pool) == [State.REFUSED, State.REFUSED]
