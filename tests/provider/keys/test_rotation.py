"""A key file is replaced while many requests are under way, and while many more wait for their turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.provider.clients import config
from tests.provider.keys.sources import FIRST, SECOND
from tests.support import fake_faults
from tests.support.clock import FakeClock
from tests.support.fake_provider import FakeProvider, Prompt, reviewer

from kibitz.provider.client import OpenAIClient
from kibitz.provider.keys.file import FileKeys
from kibitz.provider.keys.pool import KeyPool, State

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from tests.support.fake_provider import Answer

REQUESTS = 200
AT_ONCE = 8
LATENCY = 0.1
"""Seconds; so 200 requests take two and a half."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return replaced(tmp_path / "key", FIRST)


def replaced(path: Path, secret: str) -> Path:
    new = path.with_suffix(".new")
    new.write_text(secret + "\n")
    new.chmod(0o600)
    new.rename(path)
    return path


class Provider(FakeProvider):
    """Takes the keys that it is told, and notes when it saw which."""

    def __init__(self) -> None:
        super().__init__(self._checked, latency=LATENCY)
        self.good = {FIRST, SECOND}
        self.uses: list[str] = []
        self._review = reviewer()

    def _checked(self, prompt: Prompt) -> Answer | Awaitable[Answer]:
        secret = self.requests[-1].headers["authorization"].removeprefix("Bearer ")
        self.uses.append(secret)
        if secret not in self.good:
            return fake_faults.echo_key(401)
        return self._review(prompt)


def client_of(fake: FakeProvider, path: Path, clock: FakeClock) -> OpenAIClient:
    keys = KeyPool(FileKeys(path, clock=clock.now))
    return OpenAIClient(config(fake, api_key=None, max_concurrency=AT_ONCE), keys=keys)


async def all_of(client: OpenAIClient) -> list[object]:
    """What comes of all requests; they are all waiting or under way at once."""
    asking = [client.process_code(f"def f{n}():\n    return {n}\n") for n in range(REQUESTS)]
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_no_request_fails_and_the_old_key_is_out_of_use_a_second_later(path: Path) -> None:
    clock = FakeClock()
    async with Provider() as fake, client_of(fake, path, clock) as client:
        running = asyncio.create_task(all_of(client))
        await fake.seen(40)
        replaced(path, SECOND)
        clock.advance(1.0)
        before = len(fake.uses)
        results = await running
    assert [result for result in results if isinstance(result, BaseException)] == []
    assert len(fake.requests) == REQUESTS
    assert set(fake.uses[:before]) == {FIRST}
    assert set(fake.uses[before + AT_ONCE :]) == {SECOND}, "but for what was on its way"


async def test_a_key_that_is_taken_back_at_once_fails_nobody_either(path: Path) -> None:
    async with Provider() as fake, client_of(fake, path, FakeClock()) as client:
        running = asyncio.create_task(all_of(client))
        await fake.seen(40)
        fake.good = {SECOND}
        replaced(path, SECOND)
        before = len(fake.uses)
        results = await running
        keys = client.status().targets[0].keys
    assert [result for result in results if isinstance(result, BaseException)] == []
    assert [key.state for key in keys] == [State.IN_USE]
    refused = fake.uses[before:].count(FIRST)
    assert refused <= 3 * AT_ONCE, "only what was on its way, and what followed before the file was read"
    assert set(fake.uses[before + 3 * AT_ONCE :]) == {SECOND}
