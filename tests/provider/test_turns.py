from __future__ import annotations

import asyncio
import threading
import time

from kibitz.provider.turns import Turns


async def test_one_goes_on_in_each_round_of_the_loop_in_the_order_of_asking() -> None:
    turns, rounds = Turns(), 0
    went_on: list[tuple[int, int]] = []

    async def count() -> None:
        nonlocal rounds
        while len(went_on) < 20:
            await asyncio.sleep(0)
            rounds += 1

    async def step(number: int) -> None:
        await turns.turn()
        went_on.append((number, rounds))

    await asyncio.gather(count(), *(step(number) for number in range(20)))
    assert [number for number, _ in went_on] == list(range(20))
    assert len({when for _, when in went_on}) == 20


async def test_who_gives_up_waiting_does_not_hold_up_others() -> None:
    turns = Turns()
    waiting = [asyncio.create_task(turns.turn()) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[3].cancel()
    await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)
    await asyncio.wait_for(turns.turn(), 1)


async def test_one_thread_computes_at_a_time() -> None:
    turns, busy, most = Turns(), 0, 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass
        with lock:
            busy -= 1
        return number

    assert await asyncio.gather(*(turns.in_thread(work, n) for n in range(8))) == list(range(8))
    assert most == 1
