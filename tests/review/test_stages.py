"""What a review shows before and after the answers that it waits for: early findings, and verified ones."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.answers import answers, kept_in
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, fake_faults, reviewer

from kibitz.cache.disk import DiskCache
from kibitz.cache.key import Identity
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import APIError
from kibitz.review.reviewer import Review, Reviewer, ReviewSettings, Source
from kibitz.state.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.review.kept import KeptAnswers


IDENTITY = Identity("e", "m", "list", "p", "s", "r")
GOOD = Bug("a - b", "a + b", title="Minus in place of plus")
BAD = Bug("a < b", "a <= b", title="Equality is forgotten")
CODE = """\
def plus(a, b):
    return a - b


def quiet(a):
    return a


def least(a, b):
    return a if a < b else b
"""
SOURCE = Source(CODE, "python")


def answering(prompt: Prompt) -> Reply:
    return reviewer(GOOD, BAD, refuted=("Equality",))(prompt)


def client_of(fake: FakeProvider, **changes: Any) -> OpenAIClient:
    retries = RetryConfig(max_retries=0)
    return OpenAIClient(OpenAIConfig(base_url=fake.base_url, retry_config=retries, **changes))


def make(client: OpenAIClient, settings: ReviewSettings, kept: KeptAnswers | None = None) -> Reviewer:
    return Reviewer(client, answers(kept), IDENTITY, settings, verifier="m v1")


def titles(review: Review) -> list[str]:
    return [finding.title for finding in review.findings]


def asked(fake: FakeProvider) -> list[str]:
    """What each request was for."""
    return [next(iter((seen.prompt.schema or {})["properties"])) for seen in fake.requests]


EARLY = ReviewSettings(early=True)


def after_first(prompt: Prompt, **changes: Any) -> Reply:
    reply = answering(prompt)
    return reply.but(breaks_after=reply.content.index("}") + 1, **changes)


async def test_a_unit_that_is_waited_for_shows_what_is_found_so_far_and_is_not_kept() -> None:
    holds, shown = asyncio.Event(), asyncio.Event()
    states: list[Review] = []

    def on_progress(state: Review) -> None:
        states.append(state)
        if state.findings:
            shown.set()

    async with (
        FakeProvider(lambda prompt: after_first(prompt, holds=holds)) as fake,
        client_of(fake) as client,
    ):
        reviews = make(client, EARLY)
        task = asyncio.create_task(reviews.review(SOURCE, on_progress=on_progress))
        await shown.wait()
        assert titles(states[-1]) == [GOOD.title]
        assert len(states[-1].pending) == 3
        assert reviews.cache_stats().entries == 0
        holds.set()
        review = await task
        assert titles(review) == [GOOD.title, BAD.title]
        assert review.complete
        assert reviews.cache_stats().entries == 3


@pytest.mark.parametrize("breaks", ["cut", "end", "malformed", "error"])
async def test_a_unit_that_fails_after_all_keeps_showing_it_and_counts_as_unreviewed(breaks: str) -> None:
    async with (
        FakeProvider(lambda prompt: after_first(prompt, breaks=breaks)) as fake,
        client_of(fake) as client,
    ):
        reviews = make(client, EARLY)
        review = await reviews.review(SOURCE)
        assert titles(review)[:1] == [GOOD.title]
        assert len(review.unreviewed) == 3
        assert len(review.errors) == 1
        assert reviews.cache_stats().entries == 0
        fake.answer = answering
        review = await reviews.review(SOURCE)
        assert titles(review) == [GOOD.title, BAD.title]
        assert not review.errors
        assert len(fake.requests) == 2


async def test_whoever_boards_later_sees_the_same() -> None:
    holds, shown, boarded = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def on_progress(state: Review) -> None:
        if state.findings:
            shown.set()

    held = partial(after_first, holds=holds)
    async with FakeProvider(held) as fake, client_of(fake) as client:
        reviews = make(client, EARLY)
        one = asyncio.create_task(reviews.review(SOURCE, on_progress=on_progress))
        await shown.wait()
        two = asyncio.create_task(reviews.review(SOURCE, on_progress=lambda _: boarded.set()))
        await boarded.wait()
        holds.set()
        assert titles(await one) == titles(await two)
        assert (await two).stats.shared_units == 3
        assert len(fake.requests) == 1


async def test_without_the_setting_nothing_is_streamed() -> None:
    async with FakeProvider(answering) as fake, client_of(fake) as client:
        await make(client, ReviewSettings()).review(SOURCE)
        assert "stream" not in fake.requests[0].body


ON = ReviewSettings(verify="on", early=True)
ON_DEMAND = ReviewSettings(verify="on-demand")


async def test_refuted_findings_are_not_shown_and_what_it_took_is_told() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on") as client:
        reviews = make(client, ON)
        review = await reviews.review(SOURCE)
        assert titles(review) == [GOOD.title]
        checked = review.stats.verification
        assert (checked.confirmed, checked.refuted, checked.usage.requests) == (1, 1, 1)
        assert review.stats.dropped["refuted"] == 1
        assert review.stats.usage.requests == 2
        assert not any("stream" in seen.body for seen in fake.requests)
        again = await reviews.review(SOURCE)
        assert len(fake.requests) == 2
        assert titles(again) == [GOOD.title]
        assert again.stats.verification.usage.requests == 0


async def test_on_demand_only_what_was_found_already_is_verified_and_stays_so() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on-demand") as client:
        reviews = make(client, ON_DEMAND)
        assert titles(await reviews.review(SOURCE)) == [GOOD.title, BAD.title]
        review = await reviews.review(SOURCE, verify=True)
        assert titles(review) == [GOOD.title]
        assert asked(fake) == ["findings", "verdicts"]
        assert review.stats.cached_units == 1, "nothing was found in it, so there is nothing to verify"
        # The background takes what was verified: the refuted finding does not come back.
        assert titles(await reviews.review(SOURCE)) == [GOOD.title]
        assert len(fake.requests) == 2


async def test_off_means_off() -> None:
    async with FakeProvider(answering) as fake, client_of(fake) as client:
        review = await make(client, ReviewSettings()).review(SOURCE, verify=True)
        assert len(review.findings) == 2
        assert asked(fake) == ["findings"]


async def test_a_review_that_verifies_waits_for_what_another_is_asking_about() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on-demand") as client:
        fake.gate = asyncio.Event()
        reviews = make(client, ON_DEMAND)
        plain = asyncio.create_task(reviews.review(SOURCE))
        await fake.seen()
        boarded = asyncio.Event()
        verified = asyncio.create_task(
            reviews.review(SOURCE, verify=True, on_progress=lambda _: boarded.set())
        )
        await boarded.wait()
        fake.gate.set()
        assert titles(await plain) == [GOOD.title, BAD.title]
        assert titles(await verified) == [GOOD.title]
        assert asked(fake) == ["findings", "verdicts"]


async def test_a_review_in_the_background_shares_what_is_being_verified() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on-demand") as client:
        fake.gate = asyncio.Event()
        reviews = make(client, ON_DEMAND)
        verified = asyncio.create_task(reviews.review(SOURCE, verify=True))
        await fake.seen()
        boarded = asyncio.Event()
        plain = asyncio.create_task(reviews.review(SOURCE, on_progress=lambda _: boarded.set()))
        await boarded.wait()
        fake.gate.set()
        assert titles(await verified) == titles(await plain) == [GOOD.title]
        assert len(fake.requests) == 2


async def test_a_verifier_that_fails_is_told_of_and_hides_nothing() -> None:
    def answer(prompt: Prompt) -> Any:
        return fake_faults.status(500) if "verdicts" in json.dumps(prompt.schema) else answering(prompt)

    async with FakeProvider(answer) as fake, client_of(fake, verify="on") as client:
        reviews = make(client, ON)
        review = await reviews.review(SOURCE)
        assert titles(review) == [GOOD.title, BAD.title]
        assert not review.unreviewed
        assert [type(error) for error in review.errors] == [APIError]
        assert review.stats.verification.unanswered == 2
        fake.answer = answering
        assert titles(await reviews.review(SOURCE)) == [GOOD.title]
        assert asked(fake) == ["findings", "verdicts", "verdicts"], "what was found is not asked for again"


async def test_what_was_verified_is_known_to_the_next_process(tmp_path: Path) -> None:
    async with FakeProvider(answering) as fake:
        for _ in range(2):
            database = Database(tmp_path / "state.db")
            kept = kept_in(DiskCache(database, max_bytes=1_000_000))
            async with client_of(fake, verify="on-demand") as client:
                reviews = make(client, ON_DEMAND, kept)
                assert titles(await reviews.review(SOURCE, verify=True)) == [GOOD.title]
                assert titles(await reviews.review(SOURCE)) == [GOOD.title]
                await reviews.aclose()
            await database.aclose()
        assert asked(fake) == ["findings", "verdicts"]


async def test_another_verifier_verifies_again_but_finds_nothing_anew() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on-demand") as client:
        reviews = make(client, ON_DEMAND)
        await reviews.review(SOURCE)
        await reviews.review(SOURCE, verify=True)
        reviews._verifier = "m v2"
        await reviews.review(SOURCE, verify=True)
        assert asked(fake) == ["findings", "verdicts", "verdicts"]


async def test_switched_off_again_it_shows_all_without_asking() -> None:
    async with FakeProvider(answering) as fake, client_of(fake, verify="on-demand") as client:
        reviews = make(client, ON_DEMAND)
        await reviews.review(SOURCE)
        await reviews.review(SOURCE, verify=True)
        reviews.settings = replace(reviews.settings, verify="off")
        assert len((await reviews.review(SOURCE)).findings) == 2
        assert len(fake.requests) == 2
