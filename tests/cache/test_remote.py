from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import virtual_time

from kibitz.cache.connection import Connection, OutOfReachError, RefusedError, UnusableError
from kibitz.cache.remote import LONGEST_PAUSE_S, Remote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECRET = "canary-team-secret-7781"


class Line(Connection):
    """A connection to a server of the test's own mind."""

    def __init__(self, url: str = "redis://localhost") -> None:
        super().__init__(url)
        self.broken: OutOfReachError | None = None
        self.unusable: UnusableError | None = None
        self.attempts: list[float] = []
        self.questions = 0

    async def prepare(self) -> None:
        self.attempts.append(asyncio.get_running_loop().time())
        if self.unusable:
            raise self.unusable

    async def within(self, seconds: float, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        self.questions += 1
        if self.broken:
            await asyncio.sleep(seconds)
            raise self.broken
        return await ask(self)

    async def ping(self) -> bool:
        return True


async def hello(_redis: object) -> str:
    return "hello"


async def refused(_redis: object) -> str:
    raise RefusedError("OOM command not allowed")


async def late(_redis: object) -> str:
    raise OutOfReachError("no answer within 50 ms")


def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_first_question_waits_for_nothing_and_the_next_are_answered() -> None:
    async def main() -> None:
        line = Line()
        remote = Remote(line)
        assert await remote.ask("say hello", hello) is None
        assert line.questions == 0
        assert await remote.ready()
        assert await remote.ask("say hello", hello) == "hello"
        assert remote.problem == ""
        await remote.aclose()

    virtual_time.run(main())


def test_a_dead_server_costs_nothing_and_is_tried_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        line = Line()
        line.broken = OutOfReachError("it is gone")
        remote = Remote(line)
        assert not await remote.ready()
        for _ in range(3000):
            began = now()
            assert await remote.ask("say hello", hello) is None
            assert now() - began < 0.001
            await asyncio.sleep(0.1)
        pauses = [after - before for before, after in zip(line.attempts, line.attempts[1:], strict=False)]
        expected = [1, 2, 4, 8, 16, *[LONGEST_PAUSE_S] * 20]
        # Each attempt takes a second itself.
        assert pauses == [pytest.approx(pause + 1, abs=0.01) for pause in expected[: len(pauses)]]
        assert len(pauses) > 8
        assert "redis://localhost:6379 are out of reach: it is gone" in remote.problem
        assert "redis_url" in remote.problem
        line.broken = None
        await asyncio.sleep(2 * LONGEST_PAUSE_S)
        assert remote.problem == "", "it comes back by itself"
        assert await remote.ask("say hello", hello) == "hello"
        await remote.aclose()

    virtual_time.run(main())
    assert len(caplog.records) == 1


def test_one_late_answer_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        remote = Remote(Line())
        await remote.ready()
        await remote.ask("say hello", hello)
        assert await remote.ask("say hello", late) is None
        assert not remote.is_up()
        await asyncio.sleep(0.001)
        assert remote.is_up()
        assert remote.problem == ""
        await remote.aclose()

    virtual_time.run(main())
    assert caplog.records == []


def test_a_server_that_greets_and_never_answers_is_left_alone_for_longer_each_time() -> None:
    async def main() -> None:
        line = Line()
        remote = Remote(line)
        asked = 0
        for _ in range(600):
            if remote.is_up():
                asked += 1
                await remote.ask("say hello", late)
            await asyncio.sleep(0.1)
        assert 4 <= asked <= 7, "in a minute"
        await remote.aclose()

    virtual_time.run(main())


def test_a_refusal_is_a_problem_of_that_question_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        remote = Remote(Line())
        await remote.ready()
        for _ in range(3):
            assert await remote.ask("keep answers", refused) is None
            assert await remote.ask("say hello", hello) == "hello"
        assert "refuses to keep answers: OOM command not allowed" in remote.problem
        assert await remote.ask("keep answers", hello) == "hello"
        assert remote.problem == ""
        await remote.aclose()

    virtual_time.run(main())
    assert len(caplog.records) == 1


def test_what_will_not_get_better_is_tried_once() -> None:
    async def main() -> None:
        line = Line()
        line.unusable = UnusableError("its client is not installed", "Install it")
        remote = Remote(line)
        assert not await remote.ready()
        for _ in range(10):
            assert await remote.ask("say hello", hello) is None
            await asyncio.sleep(60)
        assert not await remote.ready()
        assert remote.problem.endswith("Install it")
        assert len(line.attempts) == 1
        await remote.aclose()

    virtual_time.run(main())


@pytest.mark.parametrize(
    ("url", "secret", "is_used"),
    [
        ("redis://elsewhere", "", False),
        ("redis://elsewhere", SECRET, True),
        ("rediss://elsewhere", "", True),
        ("redis://127.0.0.1", "", True),
        ("unix:///run/redis.sock", "", True),
    ],
)
async def test_a_line_that_others_can_read_is_not_used_without_a_secret(
    url: str, secret: str, *, is_used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    line = Line(url)
    remote = Remote(line, secret=secret)
    assert await remote.ready() is is_used
    assert await remote.ask("say hello", hello) == ("hello" if is_used else None)
    assert bool(line.attempts) is is_used
    assert ("rediss://" in remote.problem) is ("shared_cache_secret" in remote.problem) is not is_used
    assert SECRET not in remote.problem + caplog.text + repr(remote)
    await remote.aclose()


def test_once_closed_it_reaches_for_nothing() -> None:
    async def main() -> None:
        line = Line()
        line.broken = OutOfReachError("it is gone")
        remote = Remote(line)
        waiting = asyncio.create_task(remote.ready())
        await asyncio.sleep(0.1)
        await remote.aclose()
        assert not await waiting
        assert not remote.is_up()
        assert await remote.ask("say hello", hello) is None
        assert len(line.attempts) == 1

    virtual_time.run(main())
