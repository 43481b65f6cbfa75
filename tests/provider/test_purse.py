from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import CODE, config, planted
from tests.support import fake_faults

from kibitz.config.prices import Price
from kibitz.provider import pricing
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import OpenAIError, RateLimitExceeded
from kibitz.provider.fallback import BUDGET
from kibitz.provider.purse import Planned, Purse, counts_of
from kibitz.provider.usage import Usage
from kibitz.state.database import Database
from kibitz.telemetry import booking, documents
from kibitz.telemetry.access import about
from kibitz.telemetry.budget import Budget
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import PICO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fake_provider import FakeProvider

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
FOLDER = "0123456789abcdef"


@pytest.fixture(autouse=True)
def own_price() -> Iterator[None]:
    """The fake's model costs something, although it is on this machine."""
    pricing.use({"gpt-6-luna": Price(input=Decimal(100), output=Decimal(1000))})
    yield
    pricing.use({})


class Till:
    """A client with a purse."""

    def __init__(
        self, fake: FakeProvider, *caps: Cap, database: Database | None = None, **changes: Any
    ) -> None:
        self.ledger = Ledger(database, now=lambda: NOW)
        self.budget = Budget(self.ledger, None, caps, sleep=lambda _: asyncio.sleep(0))
        purse = Purse(
            self.ledger,
            self.budget,
            workspace=lambda document: FOLDER if document else "",
            name=lambda document: (document or "").removeprefix("/w/"),
        )
        chosen = config(fake, model="gpt-6-luna", max_tokens=1000, **changes)
        self.client = OpenAIClient(chosen, sleep=lambda _: asyncio.sleep(0), purse=purse)

    async def entries(self) -> dict[Account, Counts]:
        return await self.ledger.since(1)


async def until_refused(client: OpenAIClient) -> RateLimitExceeded:
    for _ in range(10):
        try:
            await client.process_code(CODE)
        except RateLimitExceeded as error:
            return error
    raise AssertionError("all of it was sent")


async def test_what_was_asked_about_a_document_is_booked_for_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    async with planted() as fake:
        till = Till(fake, database=database)
        async with till.client:
            with about("/w/src/a.py"):
                used = (await till.client.process_code(CODE)).usage
            await till.client.probe()
    await till.ledger.aclose()
    booked = await database.read(lambda connection: documents.since(connection, "2026-11-23"))
    assert {name: counts.cost_usd for name, counts in booked.items()} == {
        documents.Document(FOLDER, "src/a.py"): used.cost_usd
    }
    await database.aclose()


@pytest.mark.parametrize(
    "question", ["findings", "rewrite", "bug", "verdicts", "suggestions", "analysis", "probe"]
)
def test_each_question_is_for_one_of_the_purposes_that_are_known(question: str) -> None:
    assert Purse(Ledger()).account("gpt", question).purpose in booking.PURPOSES


async def test_each_request_is_booked_as_the_provider_counted_it() -> None:
    async with planted() as fake:
        till = Till(fake)
        async with till.client:
            with about("/w/a.py"):
                analysis = await till.client.process_code(CODE)
            await till.client.probe()
    used = analysis.usage
    assert used.cost_usd == (used.input_tokens * 100 + used.output_tokens * 1000) / Decimal(10**6)
    booked = await till.entries()
    assert booked[Account("gpt-6-luna", FOLDER, "review")] == counts_of(used)
    assert booked[Account("gpt-6-luna", "", "doctor")].requests == 1
    assert till.ledger.run.unpriced == 0


async def test_failures_and_retries_are_booked_and_verifying_apart() -> None:
    async with planted() as fake:
        fake.push(fake_faults.status(503), fake_faults.status(503))
        till = Till(fake, verify="on", retry_config=RetryConfig(max_retries=3))
        async with till.client:
            await till.client.process_code(CODE)
    booked = await till.entries()
    review = booked[Account("gpt-6-luna", "", "review")]
    assert (review.requests, review.failed, review.retries) == (3, 2, 2)
    assert booked[Account("gpt-6-luna", "", "verify")].requests == 1
    assert till.ledger.run.requests == len(fake.requests)


async def test_who_asks_ahead_of_time_says_so() -> None:
    async with planted() as fake:
        till = Till(fake)
        async with till.client:
            with booking.purpose("warm"):
                await till.client.process_code(CODE)
    assert [account.purpose for account in await till.entries()] == ["warm"]


async def test_nothing_is_sent_that_the_budget_does_not_allow_for() -> None:
    async with planted() as fake:
        till = Till(fake, Cap("usd", "day", PICO * 3 // 2), retry_config=RetryConfig(max_retries=3))
        async with till.client:
            await till.client.process_code(CODE)
            refused = await until_refused(till.client)
        sent = len(fake.requests)
    assert refused.code == BUDGET
    assert not refused.retryable
    assert "kibitz.raiseBudget" in refused.message
    assert till.ledger.run.requests == sent
    cost = till.ledger.run.cost_usd
    assert cost is not None
    assert cost <= Decimal("1.5")
    assert till.budget.refusal is not None


async def test_another_endpoint_that_costs_nothing_goes_on() -> None:
    async with planted() as fake, planted() as spare:
        till = Till(
            fake, Cap("usd", "day", 1), fallback_base_url=spare.base_url, fallback_model="of-this-machine"
        )
        async with till.client:
            await till.client.process_code(CODE)
        assert not fake.requests
        assert len(spare.requests) == 1
    free = (await till.entries())[Account("of-this-machine", "", "review")]
    assert (free.cost_usd, free.unpriced) == (Decimal(0), 0)


async def test_a_cancelled_request_is_booked_as_it_was_estimated() -> None:
    async with planted() as fake:
        fake.push(fake_faults.hang())
        till = Till(fake, Cap("usd", "day", 100 * PICO))
        async with till.client:
            task = asyncio.create_task(till.client.process_code(CODE))
            while not fake.requests:  # noqa: ASYNC110 - the fake has no event for it
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    booked = till.ledger.run
    assert (booked.requests, booked.failed, booked.output_tokens) == (1, 0, 0)
    assert booked.input_tokens > 0
    assert booked.cost_usd == Decimal(booked.input_tokens) / 10_000
    assert (await till.budget.standing()).held.pico == 0


async def test_what_failed_before_it_was_sent_holds_nothing() -> None:
    async with planted() as fake:
        address = fake.base_url
    till = Till(fake, Cap("usd", "day", 100 * PICO), base_url=address)
    async with till.client:
        with pytest.raises(OpenAIError):
            await till.client.process_code(CODE)
    assert (await till.budget.standing()).held.pico == 0
    assert till.ledger.run.cost_usd == 0


async def test_a_hold_is_settled_once() -> None:
    ledger = Ledger(now=lambda: NOW)
    budget = Budget(ledger, None, [Cap("requests", "day", 1)])
    hold = await Purse(ledger, budget).hold(Planned("m", "findings", Usage(1), 1.0))
    hold.settle(Usage(1))
    hold.settle(Usage(1))
    hold.unused()
    assert ledger.run == Counts(1, unpriced=1)
    assert (await budget.standing()).held.requests == 0
