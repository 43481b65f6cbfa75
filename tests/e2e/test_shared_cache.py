"""Answers that a team shares, through a Redis server that comes and goes, seen from editors."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import RedisError
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess
from tests.support.redis_server import RedisServer
from tests.support.slow_proxy import SlowProxy

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.deep
BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")
PASSWORD = "canary-pass-7d20"
SECRET = "canary-team-secret-3b11"
LATE_S = 2.0
QUICK_S = 1.0
"""A request takes some ten milliseconds; a machine that is busy with other tests adds to that."""
MACHINES = 3
"""50 ms for an answer are not always enough on such a machine, so several try to ask nothing."""
EDITS = 6


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder, password=PASSWORD) as redis:
        yield redis


def source(name: str) -> str:
    return f"def {name}(values):\n    return sum(values) / len(value)\n"


def machine(home: Path, fake: FakeProvider, redis_url: str, **environment: str) -> ServerProcess:
    """A server that has nothing in common with others but the provider and Redis."""
    home.mkdir()
    return ServerProcess(
        home,
        OPENAI_BASE_URL=fake.base_url,
        OPENAI_API_KEY=canary.KEY,
        KIBITZ_DEBOUNCE_MS="50",
        KIBITZ_MAX_RETRIES="0",
        KIBITZ_REQUESTS_PER_MINUTE="100000",
        KIBITZ_TOKENS_PER_MINUTE="100000000",
        KIBITZ_REDIS_URL=redis_url,
        **environment,
    )


def opened(editor: ServerProcess, name: str) -> Buffer:
    buffer = Buffer(editor, f"untitled:{name}.py", source(name), Encoding.UTF16)
    buffer.open()
    return buffer


def at(line: int, start: int, end: int) -> dict[str, dict[str, int]]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def names(redis: RedisServer) -> list[str]:
    """What has been kept there; empty while it is away."""
    with Redis.from_url(redis.url, socket_timeout=1) as client, suppress(RedisError):
        return [name.decode() for name in client.scan_iter("kibitz:2:*:answer:*")]
    return []


async def asks_nothing(machine: ServerProcess, fake: FakeProvider, name: str) -> bool:
    """Whether a machine shows the finding in that code without asking for it."""
    paid = len(fake.requests)
    async with machine as editor:
        await editor.initialize()
        (found,) = await opened(editor, name).diagnostics(1)
        assert found["message"].startswith("Undefined name")
        assert editor.messages == []
        assert PASSWORD.encode() not in editor.stderr
        assert await editor.leave() == 0
    return len(fake.requests) == paid


async def test_what_one_machine_has_paid_for_another_shows_without_asking(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with FakeProvider(reviewer(BUG)) as fake:

        def sealed(name: str) -> ServerProcess:
            return machine(tmp_path / name, fake, redis.url, KIBITZ_SHARED_CACHE_SECRET=SECRET)

        assert not await asks_nothing(sealed("first"), fake, "mean")
        for number in range(MACHINES):
            if await asks_nothing(sealed(f"other{number}"), fake, "mean"):
                break
        else:
            pytest.fail("all others asked, too")
    with Redis.from_url(redis.url) as client:
        (name,) = client.scan_iter("kibitz:2:*:answer:*")
        assert b"Undefined" not in (client.get(name) or b"Undefined"), "and the server learns nothing"


async def typed(editor: ServerProcess, fake: FakeProvider, name: str) -> float:
    """Type for a while; the seconds that the slowest request took meanwhile."""
    time = asyncio.get_running_loop().time
    longest = 0.0
    buffer = opened(editor, name)
    for number in range(EDITS):
        seen = len(fake.requests)
        buffer.replace(at(1, 4, 4), f"print({number}); ")
        # What was typed is looked for and reviewed, while the editor goes on asking.
        while f"print({number})" not in "".join(s.prompt.text for s in fake.requests[seen:]):
            began = time()
            await buffer.actions(at(1, 0, 0))
            longest = max(longest, time() - began)
    (found,) = await buffer.diagnostics(1)
    assert found["message"].startswith("Undefined name")
    return longest


async def back(editor: ServerProcess, fake: FakeProvider, redis: RedisServer) -> str:
    """Have new code reviewed until an answer is shared again; the name of the last."""
    before = set(await asyncio.to_thread(names, redis))
    name = ""
    async with asyncio.timeout(60):
        while set(await asyncio.to_thread(names, redis)) <= before:
            name = f"mean_{len(fake.requests)}"
            await opened(editor, name).diagnostics(1)
    return name


async def test_nobody_waits_for_a_server_that_is_away_and_then_it_comes_back(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, SlowProxy(redis.port, delay_s=0.0) as line:

        def slow() -> None:
            line.delay_s = LATE_S

        def quick() -> None:
            line.delay_s = 0.0

        url = redis.url.replace(str(redis.port), str(line.port))
        last: list[str] = []
        async with machine(tmp_path / "a", fake, url) as editor:
            await editor.initialize()
            await back(editor, fake, redis)
            for name, begin, end in [
                ("killed", redis.kill, redis.start),
                ("frozen", redis.freeze, redis.thaw),
                ("slow", slow, quick),
            ]:
                begin()
                longest = await typed(editor, fake, name)
                print(f"{name}: the slowest request took {longest:.3f} s")  # noqa: T201 - for who runs it by hand
                assert longest < QUICK_S, name
                await asyncio.to_thread(end)
                last.append(await back(editor, fake, redis))
            assert editor.messages == []
            assert editor.stderr.count(b"out of reach") <= 6, "for each outage: the limits, the answers"
            assert PASSWORD.encode() not in editor.stderr
            assert await editor.leave() == 0

        for name in reversed(last):
            if await asks_nothing(machine(tmp_path / name, fake, redis.url), fake, name):
                break
        else:
            pytest.fail("all others asked, too")
