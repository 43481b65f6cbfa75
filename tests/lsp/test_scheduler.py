from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.clock import FakeClock
from tests.support.lsp_wire import settle

from kibitz.lsp.scheduler import NewestFirst, Scheduler
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    """Work that lasts until it is released, and says what became of it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.prepared: list[str] = []
        self.unwanted: set[str] = set()
        self.release = asyncio.Event()
        self.take_over: dict[str, Callable[[], None]] = {}
        self.urgency: dict[str, Urgency] = {}
        self.focus = ""

    def prepare(self, key: str) -> None:
        self.prepared.append(key)

    def due(self, key: str) -> None:
        """Nothing to note."""

    def wanted(self, key: str) -> bool:
        return key not in self.unwanted

    def priorities(self, keys: str) -> list[Priority]:
        return [self.urgency[key].priority for key in keys]

    def priority(self, key: str) -> Priority:
        return Priority.FOCUSED if key == self.focus else Priority.OPEN

    async def work(self, key: str, urgency: Urgency, take_over: Callable[[], None]) -> None:
        self.log.append(f"begin {key}")
        self.urgency[key] = urgency
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


async def test_work_is_prepared_shortly_before_it_begins(
    scheduler: Scheduler, work: Recorder, clock: FakeClock
) -> None:
    for _ in range(4):
        scheduler.later("a", 1.0, 60)
        clock.advance(0.8)
    assert work.prepared == [], "whoever types on has nothing prepared"
    clock.advance(0.15)
    await settle()
    assert (work.prepared, work.log) == (["a"], [])
    clock.advance(0.1)
    await settle()
    assert (work.prepared, work.log) == (["a"], ["begin a"])
    scheduler.later("b", 1.0, 60)
    scheduler.cancel("b")
    scheduler.later("c", 1.0, 60)
    scheduler.now("c")
    clock.advance(2.0)
    assert work.prepared == ["a"], "what will not come is not prepared either"


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
    for key in ("a", "b", "never seen"):
        scheduler.cancel(key)
    clock.advance(10)
    await settle()
    assert work.log == ["begin a", "cancel a"]
    assert scheduler.pending == 0


async def test_what_is_cancelled_before_it_begins_takes_what_it_replaces_along(
    scheduler: Scheduler, work: Recorder
) -> None:
    scheduler.now("a")
    await settle()
    scheduler.now("a")
    scheduler.cancel("a")
    await settle()
    assert work.log == ["begin a", "cancel a"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


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


async def test_what_waits_is_not_doubled_by_being_wanted_again(scheduler: Scheduler, work: Recorder) -> None:
    for key in ("a", "a", "b", "c", "c"):
        scheduler.now(key)
    await settle()
    scheduler.now("c")
    assert work.log == ["begin a", "begin b"]
    scheduler.cancel("a")
    await settle()
    assert work.log[2:] == ["cancel a", "begin c"]
    scheduler.now("d")
    work.focus = "d"
    scheduler.now("d")
    await settle()
    assert work.log[4:] == ["begin d"], "it came into focus while it waited"


async def test_what_is_looked_at_waits_for_nobody(scheduler: Scheduler, work: Recorder) -> None:
    for key in "abcd":
        scheduler.now(key)
    work.focus = "e"
    scheduler.now("e")
    await settle()
    assert work.log == ["begin a", "begin b", "begin e"]
    scheduler.rise("c", Priority.FOCUSED)
    scheduler.rise("never seen", Priority.FOCUSED)
    await settle()
    assert work.log[3:] == ["begin c"], "its turn was far off"
    assert work.priorities("abce") == [2, 2, 1, 1]
    scheduler.cancel("e")
    scheduler.cancel("c")
    await settle()
    assert "begin d" not in work.log, "there are still as many as there should be"
    scheduler.cancel("b")
    await settle()
    assert work.log[-1] == "begin d"


async def test_urgency_may_rise_before_work_begins_and_while_it_runs(
    scheduler: Scheduler, work: Recorder
) -> None:
    scheduler.now("a")
    scheduler.rise("a", Priority.FOCUSED)
    await settle()
    assert work.priorities("a") == [Priority.FOCUSED]
    scheduler.rise("a", Priority.EXPLICIT)
    assert work.priorities("a") == [Priority.EXPLICIT]
    older = work.urgency["a"]
    scheduler.now("a")
    await settle()
    assert work.urgency["a"] is not older
    assert work.priorities("a") == [Priority.OPEN], "nobody asked for the newer text"


OPEN = Urgency(Priority.OPEN)


async def test_a_turn_given_to_a_cancelled_task_is_passed_on() -> None:
    gate = NewestFirst(1)
    entered: list[str] = []

    async def enter(name: str) -> None:
        await gate.enter(OPEN)
        entered.append(name)
        gate.leave()

    await gate.enter(OPEN)
    first, second = (asyncio.ensure_future(enter(name)) for name in ("first", "second"))
    await settle()
    gate.leave()
    second.cancel()  # its turn came in the line above; it has not run since
    await settle()
    assert entered == ["first"]
    assert first.done()


async def test_a_task_cancelled_before_its_turn_gives_nothing_back() -> None:
    gate = NewestFirst(1)
    await gate.enter(OPEN)
    waiting = asyncio.ensure_future(gate.enter(OPEN))
    await settle()
    waiting.cancel()
    gate.leave()  # it is cancelled already, and does not know yet
    await settle()
    await gate.enter(OPEN)
    third = asyncio.ensure_future(gate.enter(OPEN))
    await settle()
    assert not third.done(), "there is room for one"
    third.cancel()
    await settle()
