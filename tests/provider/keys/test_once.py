from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.once import Aside, Once


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_together_get_the_same_outcome_and_the_next_gets_a_new_one() -> None:
    runs: list[int] = []

    async def work() -> int:
        runs.append(len(runs))
        await asyncio.sleep(0)
        return runs[-1]

    once = Once(work)
    assert not once.running
    assert list(await asyncio.gather(once(), once(), once())) == [0, 0, 0]
    assert await once() == 1


async def test_all_who_ask_together_get_the_same_failure() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("no")

    once = Once(work)
    outcomes = await asyncio.gather(once(), once(), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no", "no"]


async def test_who_waits_when_it_is_closed_is_told_and_not_cancelled() -> None:
    once = Once(asyncio.Event().wait)
    await once.aclose()
    waiting = asyncio.create_task(once())
    await asyncio.sleep(0)
    await once.aclose()
    with pytest.raises(ConfigError, match="was closed"):
        await waiting


async def test_a_waiter_that_is_cancelled_is_cancelled() -> None:
    once = Once(asyncio.Event().wait)
    waiting = asyncio.create_task(once())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert once.running
    await once.aclose()
    assert not once.running


async def test_who_is_cancelled_while_it_is_being_closed_is_cancelled() -> None:
    end = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await end.wait()

    once = Once(slow_to_end)
    waiting = asyncio.create_task(once())
    await settled()
    closing = asyncio.create_task(once.aclose())
    await settled()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert once.running
    end.set()
    await closing
    assert not once.running


async def test_work_that_is_cancelled_by_itself_is_no_sign_of_being_closed() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Once(work)()


async def test_a_call_aside_hands_on_what_it_returns_and_raises() -> None:
    aside = Aside()
    assert await aside(lambda: threading.current_thread().daemon, 10)
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0, 10)


async def test_a_call_that_ends_after_its_time_is_no_error_of_the_loop() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    release, before = threading.Event(), set(threading.enumerate())
    with pytest.raises(TimeoutError):
        await Aside()(release.wait, 0.01)
    [thread] = set(threading.enumerate()) - before
    assert thread.name == "kibitz-keys"
    release.set()
    thread.join(10)
    await settled()
    assert errors == []


def test_a_call_that_ends_after_its_loop_disturbs_nobody() -> None:
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait()
        ended.set()

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await Aside()(work, 0.01)

    asyncio.run(impatient())
    before = [thread for thread in threading.enumerate() if thread.name == "kibitz-keys"]
    release.set()
    assert ended.wait(10)
    for thread in before:
        thread.join(10)
