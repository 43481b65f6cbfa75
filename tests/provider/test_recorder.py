from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import CODE, config, planted
from tests.support import fake_faults

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import OpenAIError
from kibitz.provider.fallback import Kind, Step
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.models import Piece
from kibitz.provider.purse import Purse
from kibitz.provider.recorder import Recorder
from kibitz.telemetry import logs
from kibitz.telemetry.access import Attempt
from kibitz.telemetry.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = "sk-recorded-first-0123456789", "sk-recorded-second-0123456789"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("info", tmp_path / "log", records_only=True)
    yield tmp_path / "log"
    root.handlers[:] = before
    root.setLevel(level)
    logs.close()


def lines(path: Path) -> list[dict[str, Any]]:
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in kept if line["logger"] == "kibitz.provider.recorder"]


async def test_all_that_happens_is_counted_and_logged_without_a_key_or_a_line_of_code(log: Path) -> None:
    ledger = Ledger()
    recorder = Recorder()
    steps: list[Step] = []
    recorder.on_step = steps.append
    pool = KeyPool(FixedKeys([Key(FIRST, "a test"), Key(SECOND, "a test")]))
    async with planted() as fake:
        fake.push(
            fake_faults.echo_key(401), fake_faults.status(503, "busy"), fake_faults.body('{"choices": []}')
        )
        chosen = config(fake, retry_config=RetryConfig(max_retries=3))
        tested = OpenAIClient(
            chosen, keys=pool, sleep=lambda _: asyncio.sleep(0), observer=recorder, purse=Purse(ledger)
        )
        async with tested:
            analysis = await tested.process_code(CODE)
    assert (ledger.run.requests, ledger.run.failed) == (4, 3)
    assert ledger.run.requests == analysis.usage.requests
    assert ledger.run.input_tokens == analysis.usage.input_tokens > 0
    assert [step.kind for step in steps] == [Kind.NEXT_KEY]
    assert [line["event"] for line in lines(log)] == [
        "request failed",
        "provider: next key",
        "request failed",
        "request tried again",
        "request answered",
        "request failed",
        "request tried again",
        "request answered",
    ]
    step = lines(log)[1]
    assert (step["level"], step["why"], step["after"]) == ("warning", "invalid_api_key", "another key")
    assert lines(log)[-1]["input_tokens"] > 0
    written = "".join(map(str, lines(log)))
    assert FIRST not in written
    assert SECOND not in written
    assert "len(value)" not in written


async def test_a_stream_of_failures_counts_each_request_once() -> None:
    ledger = Ledger()
    async with planted() as fake:
        fake.push(*[fake_faults.status(503)] * 3)
        chosen = config(fake, retry_config=RetryConfig(max_retries=2))
        async with OpenAIClient(
            chosen, sleep=lambda _: asyncio.sleep(0), observer=Recorder(), purse=Purse(ledger)
        ) as tested:
            with pytest.raises(OpenAIError):
                await tested.process_code(CODE)
        assert (ledger.run.requests, ledger.run.failed) == (len(fake.requests), 3)


def test_what_nobody_listens_to_is_logged_all_the_same(log: Path) -> None:
    recorder = Recorder()
    recorder.stepped(Step(Kind.BREAKER_OPENED, "most of the last requests failed", "m at e", "m at e"))
    recorder.unconsented(ConsentNeeded("https://e.example:443", "file /x/key"))
    opened, unsent = lines(log)
    assert (opened["event"], opened["before"]) == ("provider: breaker opened", "m at e")
    assert (unsent["place"], unsent["origin"]) == ("file /x/key", "https://e.example:443")


@pytest.mark.parametrize("early", [True, False])
async def test_the_first_byte_is_timed_where_an_answer_is_streamed(*, early: bool) -> None:
    recorder, seen = Recorder(), list[Attempt]()
    recorder.on_over = lambda attempt, _: seen.append(attempt)
    show = (lambda *_: None) if early else None
    async with planted() as fake, OpenAIClient(config(fake), observer=recorder) as tested:
        await tested.process_pieces([Piece(CODE, "python")], on_finding=show)
    (attempt,) = seen
    assert (attempt.first_seconds is not None) == early
    if attempt.first_seconds is not None:
        assert 0 < attempt.first_seconds <= attempt.seconds
