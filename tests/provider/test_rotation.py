"""A key file is replaced while 200 requests are under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.provider.clients import BUG, CODE, config
from tests.provider.test_fault_keys import NEW, OLD, used
from tests.support.clock import FakeClock
from tests.support.fake_faults import status
from tests.support.fake_provider import FakeProvider, reviewer

from kibitz.provider.client import OpenAIClient
from kibitz.provider.keys.file import FileKeys
from kibitz.provider.keys.pool import KeyPool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_provider import Answer, Prompt

REQUESTS = 200
AFTERWARDS = 20
GOOD = reviewer(BUG)


def put(key: str, file: Path) -> None:
    """As tools do it: a new file that takes the old one's place."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(f"{key}\n")
    new.replace(file)


def rotating(fake: FakeProvider, file: Path, clock: FakeClock) -> OpenAIClient:
    put(OLD, file)
    keys = KeyPool(FileKeys(file, clock=clock.now))
    return OpenAIClient(config(fake, max_concurrency=REQUESTS), keys=keys)


@pytest.mark.parametrize("grace", [False, True], ids=["old key refused at once", "old key still accepted"])
async def test_none_fails_and_the_old_key_is_out_of_use_a_second_later(tmp_path: Path, grace: bool) -> None:
    file, valid, clock = tmp_path / "key", {OLD}, FakeClock()

    def answer(prompt: Prompt) -> Answer:
        return GOOD(prompt) if prompt.exchange.headers["authorization"][7:] in valid else status(401)

    async def when_released(prompt: Prompt) -> Answer:
        # Judged when it is answered: a request that is under way is refused, too.
        await released.wait()
        return answer(prompt)

    released = asyncio.Event()
    async with FakeProvider(when_released) as fake, rotating(fake, file, clock) as tested:
        under_way = [asyncio.create_task(tested.process_code(CODE)) for _ in range(REQUESTS)]
        await fake.seen(REQUESTS)
        assert set(used(fake)) == {OLD}

        put(NEW, file)
        clock.advance(1.0)
        valid.add(NEW)
        if not grace:
            valid.remove(OLD)
        released.set()
        asked = [await tested.process_code(CODE) for _ in range(AFTERWARDS)]
        answers = await asyncio.gather(*under_way)

    assert all(each.findings for each in answers + asked)
    assert used(fake).count(OLD) == REQUESTS, "none that was sent afterwards"
    # Each of those that were refused was sent again, once, and nothing else was.
    assert used(fake).count(NEW) == AFTERWARDS + (0 if grace else REQUESTS)
