"""What a provider says with 429: wait, or stop asking. See ``test_fault_table``."""

from __future__ import annotations

import asyncio
import email.utils
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.provider.clients import CANARY, CODE, config, planted
from tests.provider.faults import failed, queued
from tests.support.fake_faults import status
from tests.support.fake_provider import FakeProvider
from tests.support.lsp_wire import until

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool

if TYPE_CHECKING:
    from tests.support.fake_faults import Fault
    from tests.support.fake_http import Exchange
    from tests.support.fake_provider import Prompt

NO_BACKOFF = RetryConfig(initial_backoff_ms=0, max_backoff_ms=0)
ROOM = 2.0
"""Seconds that a busy machine may add."""


def in_seconds(seconds: float) -> str:
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


async def dated(exchange: Exchange) -> None:
    """A date is told in whole seconds, so this is between one and two away."""
    await status(429, retry_after=in_seconds(2))(exchange)


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (status(429, retry_after=1), 1.0, 1.2),
        (status(429, retry_after="0.3"), 0.3, 0.4),
        (status(429, retry_after_ms=300), 0.3, 0.4),
        (status(429, retry_after=9, retry_after_ms=300), 0.3, 0.4),
        (status(429, retry_after=in_seconds(-60)), 1.0, 1.2),
        (status(429, retry_after="soon"), 1.0, 1.2),
        (status(429), 1.0, 1.2),
        (dated, 1.0, 2.4),
        (status(503, retry_after="0.3"), 0.3, 0.4),
    ],
    ids=["seconds", "fraction", "ms", "both", "past", "nonsense", "nothing", "date", "503"],
)
async def test_the_wait_that_is_asked_for_is_kept(fault: Fault, least: float, most: float) -> None:
    async with planted() as fake, OpenAIClient(config(fake, retry_config=NO_BACKOFF)) as tested:
        fake.push(fault)
        assert (await tested.process_code(CODE)).findings
    first, second = fake.requests
    assert least - 0.01 <= second.arrived - first.arrived <= most + ROOM


async def in_an_hour(exchange: Exchange) -> None:
    await status(429, retry_after=in_seconds(3601))(exchange)


@pytest.mark.parametrize("fault", [status(429, retry_after=3600), in_an_hour], ids=["seconds", "date"])
async def test_a_wait_that_nobody_would_wait_ends_the_call_and_the_next_ones_at_once(fault: Fault) -> None:
    async with planted() as fake, OpenAIClient(config(fake, retry_config=RetryConfig())) as tested:
        fake.push(fault)
        began = time.monotonic()
        error = await failed(tested)
        assert isinstance(error, RateLimitExceeded)
        assert error.retryable
        assert error.retry_after == pytest.approx(3600, abs=10)
        for _ in range(3):
            later = await failed(tested)
            assert isinstance(later, RateLimitExceeded)
            assert "pause that lasts another" in later.message
            assert "try again after that" in later.message
        assert time.monotonic() - began < 5
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    ],
)
async def test_without_credit_nothing_is_asked_for_a_quarter_of_an_hour(code: str) -> None:
    now = 1000.0
    async with FakeProvider(lambda _: status(429, code, headers={"x-should-retry": "true"})) as fake:
        keys = KeyPool(FixedKeys((Key(CANARY, "file /keys"),)), clock=lambda: now)
        async with OpenAIClient(config(fake, retry_config=RetryConfig()), keys=keys) as tested:
            error = await failed(tested)
            assert isinstance(error, RateLimitExceeded)
            assert not error.retryable
            assert error.code == code
            assert "credit or spending limit" in error.message
            assert "check the plan and billing there" in error.message
            now += 890
            later = await failed(tested)
            assert isinstance(later, RateLimitExceeded)
            assert "no credit left" in later.message
            assert "Add credit at the provider, or another key" in later.message
            assert len(fake.requests) == 1
            now += 20
            await failed(tested)
    assert len(fake.requests) == 2


async def test_what_is_tried_again_keeps_its_place_in_the_line() -> None:
    def name(prompt: Prompt) -> str:
        return prompt.lines[0][1]

    async with planted() as fake:
        limits = config(fake, max_concurrency=1, retry_config=NO_BACKOFF)
        async with OpenAIClient(limits) as tested:
            fake.push(status(500))
            fake.gate = asyncio.Event()
            reviews = []
            for number in range(4):
                reviews.append(asyncio.create_task(tested.process_code(f"x = {number}\n")))
                await until(lambda: queued(tested) + len(fake.requests) == len(reviews))
            fake.gate.set()
            await asyncio.gather(*reviews)
    # The next one goes when the first one has failed; those behind it do not overtake.
    assert [name(seen.prompt) for seen in fake.requests] == ["x = 0", "x = 1", "x = 0", "x = 2", "x = 3"]
