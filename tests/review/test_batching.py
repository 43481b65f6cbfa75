from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.support import fake_faults
from tests.support.answers import answers, kept_in
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.cache.disk import DiskCache
from kibitz.cache.key import Identity
from kibitz.provider.batch_wire import chunked
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import APIError, ConfigError, OpenAIError
from kibitz.provider.models import Usage
from kibitz.review.batch_state import BatchStates
from kibitz.review.batching import Batching
from kibitz.review.reviewer import Reviewer, ReviewSettings, Source
from kibitz.state.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.fake_batches import FakeBatches

    from kibitz.review.batch_result import Estimate, Outcome, Progress
    from kibitz.review.batch_state import Sent

SCOPE = "paths"


def function(name: str, body: str = "good") -> str:
    return f"def {name}():\n    return {body}\n"


def source(*parts: str) -> Source:
    return Source("\n\n".join(parts), "python")


ONE = source(function("a", "bad"), function("b"))
TWO = source(function("c"), function("d", "bad"))


class KilledError(Exception):
    """Stands for `kill -9`."""


@dataclass
class Told:
    estimates: list[Estimate] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    def planned(self, estimate: Estimate) -> None:
        self.estimates.append(estimate)

    def taken(self, usage: Usage) -> None:
        self.usage += usage

    def waiting(self, progress: Progress) -> None:
        self.progress.append(progress)


@dataclass
class Process:
    """One kibitz process."""

    batching: Batching
    reviewer: Reviewer
    states: BatchStates
    told: Told
    slept: list[float]

    async def run(self, *sources: Source, wait: bool = True, scope: str = SCOPE) -> Outcome:
        return await self.batching.run(sources, scope, self.told, wait=wait)

    async def found(self, *sources: Source) -> list[str]:
        """What an ordinary review finds; it must not ask for anything."""
        reviews = [await self.reviewer.review(each) for each in sources]
        assert all(review.stats.usage.requests == 0 for review in reviews)
        return [finding.quote for review in reviews for finding in review.findings]


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(reviewer(Bug("return bad", "return good"))) as provider:
        yield provider


@asynccontextmanager
async def process(
    folder: Path, fake: FakeProvider, *, model: str = "fake-1", disk: bool = True, **changes: Any
) -> AsyncIterator[Process]:
    database = Database(folder / "state.db")
    config = OpenAIConfig(
        api_key=SecretStr("sk-test-0123456789"),
        base_url=fake.base_url,
        model=model,
        retry_config=RetryConfig(max_retries=0),
        **changes,
    )
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    kept = kept_in(DiskCache(database, max_bytes=1 << 20)) if disk else None
    async with OpenAIClient(config, sleep=sleep) as client:
        identity = Identity(fake.base_url, model, "list", "p", "s", "r")
        reviewer_ = Reviewer(client, answers(kept), identity, ReviewSettings(max_request_tokens=100_000))
        states = BatchStates(database)
        told = Told()
        yield Process(
            Batching(await client.batches(), reviewer_, states, sleep=sleep), reviewer_, states, told, slept
        )
        await reviewer_.aclose()
    await database.aclose()


def all_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def batches(fake: FakeProvider) -> FakeBatches:
    assert fake.batches is not None
    return fake.batches


def asked(fake: FakeProvider) -> list[int]:
    """How many requests each batch had."""
    return [batch.counts["total"] for batch in batches(fake).made.values()]


async def rows(process: Process) -> int:
    return len(await process.states.all(process.batching._endpoint))


async def test_a_folder_is_reviewed_and_everything_is_cleaned_up(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE, TWO)
        assert (outcome.known, outcome.landed, outcome.waiting, outcome.batches) == (0, 4, 0, 0)
        assert (outcome.failed, outcome.problems) == ({}, [])
        assert outcome.usage.requests == 2, "a pack never spans files"
        assert outcome.usage.input_tokens > 0
        assert outcome.usage == one.told.usage
        (estimate,) = one.told.estimates
        assert (estimate.units, estimate.requests) == (4, 2)
        assert one.told.progress
        assert batches(fake).files == {}
        assert await rows(one) == 0
    async with process(tmp_path, fake) as later:
        assert await later.found(ONE, TWO) == ["return bad", "return bad"]
        outcome = await later.run(ONE, TWO)
        assert (outcome.known, outcome.landed) == (4, 0)
        assert later.told.estimates == []
    assert fake.requests == []
    assert len(batches(fake).made) == 1


async def test_another_process_takes_the_results_days_later(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE, wait=False)
        assert (outcome.landed, outcome.waiting, outcome.batches) == (0, 2, 1)
        again = await one.run(ONE, wait=False)
        assert (again.waiting, len(one.told.estimates)) == (2, 1), "nothing is sent twice"
    batches(fake).end()
    async with process(tmp_path, fake) as later:
        outcome = await later.run(ONE)
        assert (outcome.landed, outcome.waiting) == (2, 0)
        assert later.slept == []
        assert await later.found(ONE) == ["return bad"]
    assert asked(fake) == [1]


async def test_only_what_changed_meanwhile_is_asked_again(tmp_path: Path, fake: FakeProvider) -> None:
    changed = source(function("a", "better"), function("b"))
    async with process(tmp_path, fake) as one:
        await one.run(ONE, wait=False)
    batches(fake).end()
    async with process(tmp_path, fake) as later:
        outcome = await later.run(changed)
        assert outcome.landed == 2
        assert [estimate.units for estimate in later.told.estimates] == [1]
        assert await later.found(changed) == []
    assert len(batches(fake).made) == 2


class Mortal:
    """Passes calls on until it is time to die: before the last one is done, or right after."""

    CALLS = frozenset({"upload", "create", "get", "discard", "add", "update", "remove"})

    def __init__(self, real: Any, life: list[int], *, after: bool) -> None:
        self._real = real
        self._life = life
        self._after = after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if name not in self.CALLS:
            return call

        async def passed(*arguments: Any) -> Any:
            self._life[0] -= 1
            if self._life[0] == 0 and not self._after:
                raise KilledError
            result = await call(*arguments)
            if self._life[0] == 0:
                raise KilledError
            return result

        return passed


@pytest.mark.parametrize("after", [False, True])
async def test_wherever_a_process_dies_nothing_is_paid_twice_or_left_behind(
    tmp_path: Path, fake: FakeProvider, *, after: bool
) -> None:
    """The process dies at its first step, then at its second one, and so on, until it survives."""
    for steps in range(1, 100):
        folder, made = tmp_path / str(steps), len(batches(fake).made)
        async with process(folder, fake) as one:
            life = [steps]
            for part in ("_client", "_states"):
                real = getattr(one.batching, part)
                setattr(one.batching, part, Mortal(real, life, after=after))
            with suppress(KilledError):
                await one.run(ONE)
        async with process(folder, fake) as later:
            await later.run(ONE)
            assert await later.found(ONE) == ["return bad"]
            assert await rows(later) == 0
        assert len(batches(fake).made) == made + 1, f"died at step {steps}"
        assert batches(fake).files == {}, f"died at step {steps}"
        if life[0] > 0:
            break
    assert steps > 8


async def test_an_answer_that_gets_lost_is_looked_for(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).failing("create", fake_faults.reset(), after=True)
    async with process(tmp_path, fake) as one:
        with pytest.raises(APIError):
            await one.run(ONE)
        assert await rows(one) == 1
        assert (await one.run(ONE)).landed == 2
    assert len(batches(fake).made) == 1


async def test_a_refusal_leaves_nothing_behind(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).failing("create", fake_faults.status(400))
    async with process(tmp_path, fake) as one:
        with pytest.raises(APIError, match="did not accept a batch"):
            await one.run(ONE)
        assert await rows(one) == 0
    assert batches(fake).files == {}


async def test_a_crash_before_the_results_are_cleaned_up_takes_them_again(
    tmp_path: Path, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with process(tmp_path, fake) as one:
        real = one.states.update

        async def killed(sent: Sent) -> None:
            if sent.landed:
                raise KilledError
            await real(sent)

        monkeypatch.setattr(one.states, "update", killed)
        with pytest.raises(KilledError):
            await one.run(ONE)
    async with process(tmp_path, fake) as later:
        await later.run(ONE)
        assert await later.found(ONE) == ["return bad"]
        assert await rows(later) == 0
    assert len(batches(fake).made) == 1


async def test_files_that_could_not_be_deleted_are_deleted_by_the_next_run(
    tmp_path: Path, fake: FakeProvider
) -> None:
    for _ in range(2):
        batches(fake).failing("delete", fake_faults.status(500))
    async with process(tmp_path, fake) as one:
        assert (await one.run(ONE)).landed == 2
        assert await rows(one) == 1
        assert len(batches(fake).files) == 2
    async with process(tmp_path, fake) as later:
        await later.run(ONE)
        assert await rows(later) == 0
    assert batches(fake).files == {}


async def test_what_expired_in_part_is_taken_in_part(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).ends = "expired"
    batches(fake).unanswered = 1
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE, TWO)
        assert outcome.landed == 2
        assert outcome.failed == {"batch_expired": 2}
        batches(fake).ends, batches(fake).unanswered = "completed", 0
        outcome = await one.run(ONE, TWO)
        assert (outcome.known, outcome.landed) == (2, 2)
        assert await one.found(ONE, TWO) == ["return bad", "return bad"]
    assert asked(fake) == [2, 1]


async def test_a_batch_that_was_not_accepted_says_what_to_do(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).ends = "failed"
    batches(fake).errors = ["token_limit_exceeded"]
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE)
        assert outcome.failed == {"failed": 2}
        (problem,) = outcome.problems
        assert "more is waiting there than the account may have" in problem
        assert await rows(one) == 0
    assert batches(fake).files == {}


async def test_what_was_not_accepted_is_not_sent_again_at_once(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).ends = "failed"
    async with process(tmp_path, fake) as one:
        await one.run(ONE, wait=False)
        batches(fake).end()
        outcome = await one.run(ONE, wait=False)
        assert len(outcome.problems) == 1
        assert len(batches(fake).made) == 1
        await one.run(ONE, wait=False)
        assert len(batches(fake).made) == 2, "whoever runs it again has seen why"


async def test_answers_that_cannot_be_used_are_counted(tmp_path: Path, fake: FakeProvider) -> None:
    fake.answer = lambda _: "no JSON"
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE)
        assert outcome.failed == {"malformed": 2}
        assert outcome.usage.requests == 1
        assert await rows(one) == 0


async def test_results_that_come_twice_or_for_nobody_count_once(tmp_path: Path, fake: FakeProvider) -> None:
    stray = b'{"custom_id": "r99", "response": {"status_code": 200, "body": {}}}\n'
    batches(fake).change = lambda lines: [*lines, *lines, stray]
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE)
        assert (outcome.landed, outcome.usage.requests, outcome.failed) == (2, 1, {})


async def test_a_missing_line_is_an_unanswered_request(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).change = lambda lines: lines[1:]
    async with process(tmp_path, fake) as one:
        outcome = await one.run(ONE, TWO)
        assert outcome.landed == 2
        assert outcome.failed == {"completed": 2}


async def test_waiting_looks_less_and_less_often_and_as_the_provider_says(
    tmp_path: Path, fake: FakeProvider
) -> None:
    batches(fake).polls = 9
    async with process(tmp_path, fake) as one:
        await one.run(ONE)
        assert one.slept[0] == 5
        assert one.slept == sorted(one.slept)
        assert one.slept[-1] == 60
    batches(fake).headers = {"retry-after": "300"}
    async with process(tmp_path, fake) as one:
        await one.run(TWO)
        assert one.slept[1:3] == [300, 300]


async def test_a_network_that_is_away_for_a_while_does_not_end_the_wait(
    tmp_path: Path, fake: FakeProvider
) -> None:
    for _ in range(5):
        batches(fake).failing("get", fake_faults.reset())
    batches(fake).failing("get", fake_faults.status(429, retry_after=7))
    async with process(tmp_path, fake) as one:
        assert (await one.run(ONE)).landed == 2
        assert 7 in one.slept


async def test_a_network_that_stays_away_does(tmp_path: Path, fake: FakeProvider) -> None:
    for _ in range(30):
        batches(fake).failing("get", fake_faults.reset())
    async with process(tmp_path, fake) as one:
        with pytest.raises(OpenAIError):
            await one.run(ONE)
        assert await rows(one) == 1


async def test_another_command_leaves_what_it_does_not_want(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one:
        await one.run(ONE, TWO, wait=False)
        outcome = await one.run(ONE, scope="fewer paths")
        assert outcome.landed == 2
        assert len(one.told.estimates) == 1, "what is on its way is waited for, not asked again"
        assert await rows(one) == 1
        outcome = await one.run(ONE, TWO)
        assert outcome.landed == 2
        assert await rows(one) == 0
    assert asked(fake) == [2]


async def test_a_batch_that_is_gone_is_asked_again(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one:
        await one.run(ONE, wait=False)
        batches(fake).made.clear()
        outcome = await one.run(ONE)
        assert outcome.landed == 2
        assert "not known at the provider any more" in outcome.problems[0]


async def test_another_model_does_not_take_the_answers_of_the_first(
    tmp_path: Path, fake: FakeProvider
) -> None:
    async with process(tmp_path, fake) as one:
        await one.run(ONE, wait=False)
    async with process(tmp_path, fake, model="fake-2") as later:
        outcome = await later.run(ONE)
        assert outcome.landed == 2
        assert [estimate.units for estimate in later.told.estimates] == [2]


async def test_cancelling_stops_what_is_under_way(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one:
        await one.run(ONE, wait=False)
        assert await one.batching.cancel([ONE], SCOPE, one.told) == 1
        assert batches(fake).made["batch_1"].status == "cancelling"
        outcome = await one.run(ONE, wait=False)
        # All of it was answered before it was stopped, and counts.
        assert (outcome.landed, len(one.told.estimates)) == (2, 1)


async def test_large_folders_go_in_several_batches(
    tmp_path: Path, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kibitz.review.batching.chunked", lambda lines: chunked(lines, max_requests=2))
    many = [source(function(f"f{number}", "bad")) for number in range(5)]
    async with process(tmp_path, fake) as one:
        outcome = await one.run(*many)
        assert outcome.landed == 5
        assert len(await one.found(*many)) == 5
    assert asked(fake) == [2, 2, 1]


async def test_two_at_once_do_not_send_the_same(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake) as one, process(tmp_path, fake) as other:
        async with one.states.alone():
            with pytest.raises(ConfigError, match="another kibitz"):
                await other.run(ONE)
        assert (await other.run(ONE)).landed == 2


async def test_without_a_disk_nothing_is_sent(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake, disk=False) as one:
        with pytest.raises(ConfigError, match="set disk_cache to true"):
            await one.run(ONE)
    assert batches(fake).calls == []


async def test_rewriting_is_not_for_batches(tmp_path: Path, fake: FakeProvider) -> None:
    async with process(tmp_path, fake, review="rewrite") as one:
        with pytest.raises(ConfigError, match="set review to list"):
            await one.run(ONE)
    assert batches(fake).calls == []


async def test_no_code_and_no_names_are_remembered(tmp_path: Path, fake: FakeProvider) -> None:
    secretive = Source(function("remarkable_name", "remarkable_value"), "python", "remarkable_file.py")
    async with process(tmp_path, fake) as one:
        await one.run(secretive, wait=False)
    assert b"remarkable" not in all_of(tmp_path)


async def test_a_cancelled_wait_is_taken_up_again(tmp_path: Path, fake: FakeProvider) -> None:
    batches(fake).polls = 1_000_000
    async with process(tmp_path, fake) as one:
        task = asyncio.ensure_future(one.run(ONE))
        await fake.until(lambda: batches(fake).calls.count("get") > 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    batches(fake).end()
    async with process(tmp_path, fake) as later:
        assert (await later.run(ONE)).landed == 2
    assert len(batches(fake).made) == 1
