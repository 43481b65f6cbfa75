from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.clock import FakeClock
from tests.support.lsp_wire import settle

from kibitz.lsp.scheduler import NewestFirst, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    """Work that lasts until it is released, and says what became of it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.unwanted: set[str] = set()
        self.release = asyncio.Event()
        self.take_over: dict[str, Callable[[], None]] = {}

    def wanted(self, key: str) -> bool:
        return key not in self.unwanted

    async def work(self, key: str, take_over: Callable[[], None]) -> None:
        self.log.append(f"begin {key}")
        self.take_over[key] = take_over
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.log.append(f"cancel {key}")
            raise
        self.log.append(f"end {key}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def work() -> Recorder:
    return Recorder()


@pytest.fixture
async def scheduler(work: Recorder, clock: FakeClock) -> Scheduler:
    return Scheduler(work, clock, at_once=2)


async def test_work_begins_after_a_pause(scheduler: Scheduler, work: Recorder, clock: FakeClock) -> None:
    for _ in range(4):
        scheduler.later("a", 1.0, 60)
        clock.advance(0.9)
    await settle()
    assert work.log == []
    clock.advance(0.2)
    await settle()
    assert work.log == ["begin a"]
    assert clock.waiting == 0


async def test_typing_on_puts_work_off_only_so_long(
    scheduler: Scheduler, work: Recorder, clock: FakeClock
) -> None:
    for _ in range(12):
        scheduler.later("a", 1.0, 5.0)
        clock.advance(0.5)
    await settle()
    assert work.log == ["begin a"], "after 5 s, and the next 5 s are not over"


async def test_the_newest_wins(scheduler: Scheduler, work: Recorder, clock: FakeClock) -> None:
    scheduler.now("a")
    await settle()
    scheduler.later("a", 1.0, 5.0)
    await settle()
    assert work.log == ["begin a"], "what runs may land while the user still types"
    clock.advance(1.0)
    await settle()
    assert work.log == ["begin a", "begin a"], "the newer may need what the older waits for"
    work.take_over["a"]()
    await settle()
    assert work.log == ["begin a", "begin a", "cancel a"]
    work.release.set()
    await settle()
    assert work.log[3:] == ["end a"]
    assert scheduler.pending == 0


async def test_now_takes_the_place_of_what_was_to_come_later(
    scheduler: Scheduler, work: Recorder, clock: FakeClock
) -> None:
    scheduler.later("a", 1.0, 5.0)
    scheduler.now("a")
    clock.advance(10)
    await settle()
    assert work.log == ["begin a"]


async def test_what_is_not_wanted_is_not_begun_and_cancels_nothing(
    scheduler: Scheduler, work: Recorder
) -> None:
    scheduler.now("a")
    await settle()
    work.unwanted.add("a")
    scheduler.now("a")
    await settle()
    assert work.log == ["begin a"]


async def test_work_that_ends_takes_over_from_what_it_replaced(scheduler: Scheduler, work: Recorder) -> None:
    scheduler.now("a")
    await settle()
    scheduler.now("a")
    scheduler.now("b")
    await settle()
    assert work.log == ["begin a", "begin a", "begin b"], "both of a count as one"
    scheduler.cancel("a")
    await settle()
    assert work.log[3:] == ["cancel a", "cancel a"]
    scheduler.now("c")
    await settle()
    assert work.log[5:] == ["begin c"], "and give back one turn"


async def test_cancel_ends_work_and_forgets_timers(
    scheduler: Scheduler, work: Recorder, clock: FakeClock
) -> None:
    scheduler.now("a")
    await settle()
    scheduler.later("a", 1.0, 5.0)
    scheduler.later("b", 1.0, 5.0)
    scheduler.cancel_all()
    scheduler.cancel("never seen")
    clock.advance(10)
    await settle()
    assert work.log == ["begin a", "cancel a"]
    assert scheduler.pending == 0


async def test_few_at_a_time_and_the_newest_of_the_others_first(scheduler: Scheduler, work: Recorder) -> None:
    for key in "abcd":
        scheduler.now(key)
    await settle()
    assert work.log == ["begin a", "begin b"]
    scheduler.cancel("a")
    await settle()
    assert work.log[2:] == ["cancel a", "begin d"]
    scheduler.cancel("c")
    work.release.set()
    await settle()
    assert "begin c" not in work.log
    assert scheduler.pending == 0


async def test_a_turn_given_to_a_cancelled_task_is_passed_on() -> None:
    gate = NewestFirst(1)
    entered: list[str] = []

    async def enter(name: str) -> None:
        await gate.enter()
        entered.append(name)
        gate.leave()

    await gate.enter()
    first, second = (asyncio.ensure_future(enter(name)) for name in ("first", "second"))
    await settle()
    gate.leave()
    second.cancel()  # its turn came in the line above; it has not run since
    await settle()
    assert entered == ["first"]
    assert first.done()
