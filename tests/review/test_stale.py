"""Answers that are too old: shown at once, and asked for again when nothing else is to be done."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.review.test_sharing import IDENTITY, Client, document, until
from tests.support.answers import answers, kept_in
from tests.support.tiers import MemoryTier

from kibitz.cache.tier import Kept
from kibitz.provider.errors import APIError
from kibitz.provider.limits.priority import Priority
from kibitz.review.known import FAILURE_S
from kibitz.review.reviewer import Reviewer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOURCE = document(a="bug", b="good")


class Timer:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def aged(
    client: Client, *, restarted: bool, age: float = 1_500
) -> AsyncIterator[tuple[Reviewer, Timer]]:
    """A reviewer whose answers are all too old, in its memory or (after a restart) on disk."""
    disk, timer = MemoryTier(), Timer()
    reviewer = Reviewer(client, answers(kept_in(disk), timer=timer), IDENTITY)
    await reviewer.review(SOURCE)
    await reviewer.save()
    disk.rows = {
        digest: Kept(kept.value, kept.fresh_s - age, kept.left_s - age)
        for digest, kept in disk.rows.items()
        if kept.left_s > age
    }
    if restarted:
        await reviewer.aclose()
        reviewer = Reviewer(client, answers(kept_in(disk), timer=timer), IDENTITY)
    timer.now += age
    client.asked.clear()
    client.urgencies.clear()
    yield reviewer, timer
    await reviewer.aclose()


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_stale_answer_is_shown_at_once_and_asked_for_again_behind_everything_else(
    restarted: bool,
) -> None:
    client = Client()
    async with aged(client, restarted=restarted) as (reviewer, _):
        client.go, client.title = asyncio.Event(), "Another"
        renewed: list[bool] = []
        reviewer.on_renewed = lambda: renewed.append(True)
        review = await reviewer.review(SOURCE)
        assert [finding.title for finding in review.findings] == ["Bug"]
        assert (review.complete, review.stats.cached_units) == (True, 2)
        await until(lambda: client.asked)
        assert client.urgencies[0].priority is Priority.WARMING
        # What is being asked for again is not asked for once more.
        await reviewer.review(SOURCE)
        client.go.set()
        await until(lambda: renewed)
        review = await reviewer.review(SOURCE)
        assert [finding.title for finding in review.findings] == ["Another"]
        assert client.asked == ["a", "b"]
        assert renewed == [True]


async def test_nobody_is_told_when_the_new_answer_says_the_same() -> None:
    client = Client()
    async with aged(client, restarted=True) as (reviewer, _):
        renewed: list[bool] = []
        reviewer.on_renewed = lambda: renewed.append(True)
        await reviewer.review(SOURCE)
        await until(lambda: reviewer.cache_stats().entries == 2 and client.asked == ["a", "b"])
        await reviewer.review(SOURCE)
        assert client.asked == ["a", "b"]
        assert renewed == []


async def test_an_answer_that_cannot_be_had_anew_stays_and_is_tried_again_later() -> None:
    client = Client()
    # Too old, and still good for longer than a failure is remembered.
    async with aged(client, restarted=False, age=1_000) as (reviewer, timer):
        client.errors["return"] = APIError("down", retryable=True)
        for _ in range(3):
            review = await reviewer.review(SOURCE)
            assert [finding.title for finding in review.findings] == ["Bug"]
            assert not review.errors
            await until(lambda: not reviewer._flights._single._tasks)
        assert client.asked == ["a", "b"]
        timer.now += FAILURE_S - 1
        await reviewer.review(SOURCE)
        assert not reviewer._flights._single._tasks
        assert client.asked == ["a", "b"]
        timer.now += 2
        await reviewer.review(SOURCE)
        await until(lambda: client.asked == ["a", "b", "a", "b"])


async def test_whoever_wants_it_new_waits_and_gets_the_old_one_only_if_there_is_no_other() -> None:
    client = Client()
    async with aged(client, restarted=True) as (reviewer, _):
        client.errors["bug"] = APIError("down", retryable=True)
        review = await reviewer.review(SOURCE, stale=False)
        assert client.asked == ["a", "b"]
        assert [finding.title for finding in review.findings] == ["Bug"]
        assert [error.message for error in review.errors] == ["down"]
        assert not review.unreviewed
        client.errors.clear()
        client.title = "Another"
        review = await reviewer.review(SOURCE, stale=False)
        assert [finding.title for finding in review.findings] == ["Another"]
        assert client.asked == ["a", "b", "a"]


async def test_what_is_older_than_that_is_gone() -> None:
    client = Client()
    async with aged(client, restarted=False, age=2_200) as (reviewer, _):
        await reviewer.review(SOURCE)
        assert client.asked == ["a", "b"]
        assert client.urgencies[0].priority is Priority.FOCUSED
