from __future__ import annotations

import asyncio

from tests.support.clock import FakeClock

from kibitz.lsp.quiet import QUIET_SECONDS, START_SECONDS, Quiet


class Room:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.busy = False
        self.told: list[bool] = []
        self.quiet = Quiet(self.clock, lambda: self.busy, self.tell)

    def tell(self, *, there_is_time: bool) -> None:
        assert self.quiet.urgency.held is not there_is_time
        self.told.append(there_is_time)


async def test_there_is_time_soon_after_the_start() -> None:
    room = Room()
    assert room.quiet.urgency.held
    room.clock.advance(START_SECONDS)
    assert room.told == [True]
    await room.quiet.wait()


async def test_who_types_is_left_alone() -> None:
    room = Room()
    room.quiet.stir()
    room.clock.advance(QUIET_SECONDS - 1)
    room.quiet.stir()
    room.clock.advance(QUIET_SECONDS - 1)
    assert room.told == []
    room.clock.advance(1)
    assert room.told == [True]
    room.quiet.stir()
    room.quiet.stir()
    assert room.told == [True, False]
    assert room.clock.waiting == 1, "a keystroke costs no timer"
    room.clock.advance(QUIET_SECONDS)
    assert room.told == [True, False, True]


async def test_reviews_go_first() -> None:
    room = Room()
    room.busy = True
    room.clock.advance(START_SECONDS + 3 * QUIET_SECONDS)
    assert room.told == []
    room.busy = False
    room.clock.advance(QUIET_SECONDS)
    assert room.told == [True]
    room.busy = True
    waiting = asyncio.ensure_future(room.quiet.wait())
    await asyncio.sleep(0)
    assert room.told == [True, False]
    room.busy = False
    room.clock.advance(QUIET_SECONDS)
    await waiting


async def test_when_it_is_closed_nobody_is_told() -> None:
    room = Room()
    room.quiet.close()
    room.clock.advance(100)
    assert room.told == []
    assert room.clock.waiting == 0
