from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.app import App
from kibitz.config import Settings
from kibitz.review.reviewer import Source
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.history import History

if TYPE_CHECKING:
    from kibitz.review.reviewer import Review

KEY = SecretStr("sk-test-0123456789")
CODE = "def mean(values):\n    return sum(values) / len(value)\n"
NO_FIX = Bug("len(value)", "len(value)")


async def review(app: App, code: str = CODE) -> Review:
    return await (await app.reviewer()).review(Source(code, "python"))


def made(fake: FakeProvider, metrics: Metrics | None = None, **settings: Any) -> App:
    return App.create(
        Settings(base_url=fake.base_url, api_key=KEY, initial_backoff_ms=1, **settings), metrics=metrics
    )


async def test_what_a_review_takes_is_measured() -> None:
    async with FakeProvider(reviewer(NO_FIX)) as fake:
        app = made(fake)
        fake.push(fake_faults.status(503, "busy"))
        await review(app)
        metrics = app.metrics
        assert metrics.requests.family().numbers == {
            ("gpt-6-luna", "findings", "api_error"): 1,
            ("gpt-6-luna", "findings", "answered"): 1,
        }
        assert metrics.retries.family().numbers == {("http_503",): 1}
        assert metrics.rate_limited.family().numbers == {}
        (latency,) = metrics.latency.family().distributions.values()
        (waits,) = metrics.waits.family().distributions.values()
        assert latency.count == waits.count == 2
        assert metrics.dropped.family().numbers == {("fix-no-op",): 1}
        assert metrics.tokens.family().numbers["gpt-6-luna", "input"] > 100
        assert metrics.unpriced.family().numbers == {}, "this machine costs nothing"
        assert metrics.lookups.family().numbers == {("memory", "passed"): 1, ("disk", "miss"): 1}
        ((target, _key),) = metrics.breakers.family().numbers
        assert target == f"gpt-6-luna at {fake.base_url.removeprefix('http://').removesuffix('/v1')}"

        # What is known is looked up, and counts for the cache alone.
        await review(app, f"\n{CODE}")
        assert metrics.lookups.family().numbers["memory", "hit"] == 1
        assert metrics.saved_tokens.family().numbers["memory", "input"] > 100
        assert sum(metrics.requests.family().numbers.values()) == 2
        assert metrics.dropped.family().numbers == {("fix-no-op",): 1}
        await app.aclose()


async def test_a_429_is_counted_with_the_retry_that_it_causes() -> None:
    async with FakeProvider(reviewer(NO_FIX)) as fake:
        app = made(fake)
        fake.push(fake_faults.status(429, "slow_down"))
        await review(app)
        assert app.metrics.rate_limited.family().numbers == {("gpt-6-luna",): 1}
        assert app.metrics.retries.family().numbers == {("http_429",): 1}
        assert ("gpt-6-luna", "findings", "rate_limit_exceeded") in app.metrics.requests.family().numbers
        await app.aclose()


@pytest.mark.parametrize("again", [False, True])
async def test_what_was_measured_is_there_for_other_processes_once(*, again: bool) -> None:
    """With ``again`` another app takes the place of the first, in the same process."""
    metrics = Metrics()
    async with FakeProvider(reviewer(NO_FIX)) as fake:
        first = made(fake, metrics)
        await review(first)
        await first.aclose()
        if again:
            second = made(fake, metrics, disk_cache=False)
            await review(second)
            await second.aclose()
        sent = len(fake.requests)
    assert sent == 1 + again
    other = App.create(Settings(base_url="http://127.0.0.1:9/v1"))
    families = await History(other.database, Metrics()).since(1)
    numbers = {each.described.name: each.numbers for each in families}
    assert numbers["kibitz_requests_total"] == {("gpt-6-luna", "findings", "answered"): sent}
    assert numbers["kibitz_dropped_total"] == {("fix-no-op",): sent}
    await other.aclose()
