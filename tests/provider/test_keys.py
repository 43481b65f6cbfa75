"""A key never shows: not in errors (see test_faults), not in logs, not in any object that is printed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from tests.provider.clients import CANARY, CODE, client
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider

from kibitz.provider.errors import OpenAIError
from kibitz.telemetry import logs
from kibitz.telemetry.masking import MASK, mask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log_of_everything(tmp_path: Path) -> Iterator[Path]:
    root, level = logging.getLogger(), logging.getLogger().level
    logs.configure("debug", tmp_path / "log")
    noisy = [logging.getLogger(name) for name in ("openai", "httpx2", "httpcore2")]
    before = [each.level for each in noisy]
    for each in noisy:
        each.setLevel(logging.DEBUG)
    yield tmp_path / "log"
    for each, old in zip(noisy, before, strict=True):
        each.setLevel(old)
    root.removeHandler(logs._handler)
    root.setLevel(level)
    logs.close()


async def test_not_in_logs_even_if_everything_is_logged(log_of_everything: Path) -> None:
    async with FakeProvider() as fake, client(fake) as tested:
        fake.push(fake_faults.echo_key(401), fake_faults.echo_key(500), fake_faults.hang())
        await tested.warm()
        for _ in range(2):
            try:
                await tested.process_code(CODE)
            except OpenAIError:
                logs.logger("test").exception("failed")
                logging.getLogger("test").exception("failed")
        logging.getLogger("test").warning("headers %s", fake.requests[0].headers)
    text = log_of_everything.read_text("ascii")  # noqa: ASYNC240 - a small local file
    assert "does not accept the API key" in text
    assert "httpcore2" in text
    assert MASK in text
    assert CANARY not in text
    assert "return sum(values)" not in text


async def test_no_object_of_the_sdk_has_it() -> None:
    async with FakeProvider() as fake, client(fake) as tested:
        await tested.process_code(CODE)
        assert fake.requests[0].headers["authorization"] == f"Bearer {CANARY}"
        sdk = tested._connection.targets[0].link._sdk
        assert sdk is not None
        for thing in (sdk.result()._client, sdk.result()._http, tested, tested.config, tested._connection):
            assert CANARY not in repr(thing) + str(thing)
        assert sdk.result()._client.api_key != CANARY


def test_what_looks_like_a_key_is_masked() -> None:
    for text in ("sk-proj-abc_DEF-123456", "Bearer abc.def", "bearer  xyz"):
        assert mask(f"a {text}, b") == f"a {MASK}, b"
    assert mask("risk-free and task-based") == "risk-free and task-based"
