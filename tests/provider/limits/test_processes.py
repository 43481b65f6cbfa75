"""Real processes that share one quota, through the state database and through Redis."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.quota_worker import SCOPE, Job, Taken, Worker
from tests.support.redis_server import RedisServer

from kibitz.provider.limits.account import GRACE_S
from kibitz.provider.limits.mirror import SLACK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAVED = (60 - SLACK) / 60
"""Of a minute's limit, what may be saved up."""


@pytest.fixture(params=["machine", "team"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Job]:
    """10,000 tokens a second, of a clock that is 20 times as fast where a test may choose the clock."""
    job = Job(str(tmp_path / "state.db"), (100,), requests_per_minute=60_000, tokens_per_minute=600_000)
    if request.param == "machine":
        yield replace(job, tokens_per_minute=30_000, speed=20.0)
    else:
        with RedisServer(tmp_path) as server:
            yield replace(job, place=server.url)


async def together(*jobs: Job, seconds: float) -> tuple[float, list[Taken]]:
    """Start with nothing left, and take for that long. Returns the time when nothing was left."""
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(Worker(job)) for job in jobs]
        quota = await stack.enter_async_context(jobs[0].quota())
        start = jobs[0].now()
        saved = jobs[0].tokens_per_minute * SAVED
        assert await quota.take(SCOPE, saved, jobs[0].limits) == 0.0
        for worker in workers:
            await worker.go(start + seconds * jobs[0].speed)
        return start, [await worker.taken() for worker in workers]


async def test_two_processes_use_the_whole_quota_and_never_more(job: Job) -> None:
    start, taken = await together(
        replace(job, sizes=(100, 350, 20)), replace(job, sizes=(2000, 900)), seconds=2.5
    )
    refilled = (max(t.last for t in taken) - start) * job.tokens_per_minute / 60
    used = sum(t.tokens for t in taken)
    assert used <= refilled * 1.001, "more than the quota"
    assert used >= refilled * 0.95, "less than the quota"
    few, many = sorted(t.requests for t in taken)
    assert few >= many * 0.7, "they do not take turns"


async def test_what_was_saved_up_is_given_once(job: Job) -> None:
    jobs = [replace(job, sizes=(1000,), patient=False) for _ in range(2)]
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(Worker(job)) for job in jobs]
        start = job.now()
        for worker in workers:
            await worker.go(math.inf)
        taken = [await worker.taken() for worker in workers]
    saved = job.tokens_per_minute * SAVED
    refilled = (max(t.last for t in taken) - start) * job.tokens_per_minute / 60
    assert saved - 2000 <= sum(t.tokens for t in taken) <= saved + refilled


async def test_a_killed_process_leaves_the_quota_to_the_others(job: Job) -> None:
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(Worker(replace(job, sizes=(3000,))))
        other = await stack.enter_async_context(Worker(replace(job, sizes=(500,))))
        quota = await stack.enter_async_context(job.quota())
        saved = job.tokens_per_minute * SAVED
        assert await quota.take(SCOPE, saved, job.limits) == 0.0
        await victim.go(math.inf)
        while await quota.take(SCOPE, 0.0, job.limits) == 0.0:
            """Until the victim has its claim: then nothing is left over, not even for nothing."""
        victim.process.kill()
        start = job.now()
        await other.go(start + 2 * job.speed)
        taken = await other.taken()
    refilled = (taken.last - start) * job.tokens_per_minute / 60
    claim_ends = GRACE_S * job.tokens_per_minute / 60
    assert refilled - claim_ends - 3000 <= taken.tokens <= refilled + 3000
