"""Warming with a real engine behind it: what is not sent yet waits while the user works."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.lsp_wire import Wire, edit, settle, until

from kibitz.lsp.backend import AppBackend
from kibitz.lsp.quiet import QUIET_SECONDS, START_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.reviewing import FakeBackend

LATELY = "\n\n".join(f"def warm{number}():\n    return {number}\n" for number in range(3))
TYPED = "def typed():\n    return 1\n"


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as fake:
        fake.gate = asyncio.Event()
        yield fake


@pytest.fixture
async def wire(fake: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """A server that warms a file of three requests, of which one can be under way at a time."""
    for name, value in (
        ("OPENAI_API_KEY", "sk-test-0123456789abcdef"),
        ("KIBITZ_BASE_URL", fake.base_url),
        ("KIBITZ_WARM", "recent"),
        ("KIBITZ_MAX_CONCURRENCY", "1"),
        ("KIBITZ_MAX_REQUEST_TOKENS", "256"),
    ):
        monkeypatch.setenv(name, value)
    (tmp_path / "lately.py").write_text(LATELY)
    wire = Wire(cast("FakeBackend", AppBackend()))
    await wire.initialize(rootUri=f"file://{tmp_path}")
    yield wire
    await wire.close()


def asked(fake: FakeProvider) -> list[str]:
    return [request.prompt.text.partition("def ")[2].partition("(")[0] for request in fake.requests]


async def warming(wire: Wire, fake: FakeProvider) -> asyncio.Event:
    """Have the first request under way, and the other two wait for it."""
    assert fake.gate is not None
    wire.clock.advance(START_SECONDS)
    await fake.seen(1)
    assert asked(fake) == ["warm0"]
    return fake.gate


async def test_what_is_not_sent_waits_until_it_is_quiet(wire: Wire, fake: FakeProvider) -> None:
    gate = await warming(wire, fake)
    wire.open(TYPED)
    await settle()
    gate.set()
    await until(lambda: [seen.answered for seen in fake.requests] == [True] * 2)
    await until(lambda: wire.server.session.busy == 0)
    assert asked(fake) == ["warm0", "typed"]
    wire.change(2, edit((1, 11), (1, 12), "2"))
    wire.clock.advance(2)
    await fake.seen(3)
    await until(lambda: wire.server.session.busy == 0)
    wire.clock.advance(QUIET_SECONDS - 3)
    await settle()
    assert asked(fake) == ["warm0", "typed", "typed"]
    wire.clock.advance(QUIET_SECONDS)
    await fake.seen(5)
    assert asked(fake)[3:] == ["warm1", "warm2"]


async def test_what_the_user_opens_is_asked_for_at_once(
    wire: Wire, fake: FakeProvider, tmp_path: Path
) -> None:
    gate = await warming(wire, fake)
    wire.open(LATELY, uri=f"file://{tmp_path}/lately.py")
    await settle()
    gate.set()
    await until(lambda: [seen.answered for seen in fake.requests] == [True] * 3)
    assert asked(fake) == ["warm0", "warm1", "warm2"], "each once, though two want them"


async def test_what_the_user_ends_is_not_sent(wire: Wire, fake: FakeProvider) -> None:
    gate = await warming(wire, fake)
    await wire.request("workspace/executeCommand", {"command": "kibitz.stop"})
    await fake.until(lambda: fake.requests[0].disconnected)
    gate.set()
    wire.open(TYPED)
    await fake.seen(2)
    wire.clock.advance(10 * QUIET_SECONDS)
    await until(lambda: wire.server.session.busy == 0)
    assert asked(fake) == ["warm0", "typed"]
