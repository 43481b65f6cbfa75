from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support import virtual_time
from tests.support.answers import LIVES

from kibitz.cache.key import Identity
from kibitz.cache.memory import MemoryCache
from kibitz.provider.errors import APIError, ConfigError, InvalidResponse, RateLimitExceeded
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.models import Usage
from kibitz.review.answers import Answers, Held, size_of
from kibitz.review.entries import entries_of
from kibitz.review.result import Review, ReviewSettings, Source, Stats
from kibitz.review.reviewer import REQUEST_OVERHEAD, Reviewer
from kibitz.review.warm import Warmed, Warmer, tokens_of, unless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.models import BatchAnalysis
    from kibitz.review.entries import Entry

IDENTITY = Identity("e", "m", "list", "p", "s", "r")
A, B, C = Path("a.py"), Path("b.py"), Path("c.py")


def source(path: Path) -> Source:
    return Source(f"def {path.stem}():\n    return 1\n", "python", path.name)


def entries(text: str) -> list[Entry]:
    return list(entries_of(text, "python", IDENTITY))


@dataclass
class FakeReviewer:
    """Knows some files, answers for others, and notes what it is asked."""

    known: set[str] = field(default_factory=set)
    errors: dict[str, OpenAIError] = field(default_factory=dict)
    seconds: float = 0.0
    settings: ReviewSettings = field(default_factory=ReviewSettings)
    looked_up: list[str] = field(default_factory=list)
    reviewed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def missing(self, source: Source) -> tuple[list[Entry], int]:
        self.looked_up.append(source.name)
        found = entries(source.text)
        return ([] if source.name in self.known else found), len(found)

    async def review(self, source: Source, *, urgency: Urgency | None = None, stale: bool = True) -> Review:
        assert urgency is not None
        assert urgency.priority is Priority.WARMING
        assert not stale
        self.reviewed.append(source.name)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled.append(source.name)
            raise
        error = self.errors.get(source.name)
        if error is not None:
            (entry,) = entries(source.text)
            return Review(unreviewed=(entry.unit.span,), errors=(error,))
        self.known.add(source.name)
        return Review(stats=Stats(usage=Usage(requests=1, input_tokens=123)))


@dataclass
class FakeBudget:
    left: int = 1_000_000
    log: list[tuple[int, int] | int] = field(default_factory=list)

    async def take(self, tokens: int) -> bool:
        if tokens > self.left:
            return False
        self.left -= tokens
        self.log.append(tokens)
        return True

    async def settle(self, taken: int, used: int) -> None:
        self.left += taken - used
        self.log.append((taken, used))


class Road:
    """A ``Pace`` that a test opens and closes."""

    def __init__(self) -> None:
        self.urgency = Urgency(Priority.WARMING)
        self.free = asyncio.Event()
        self.free.set()

    async def wait(self) -> None:
        await self.free.wait()


class Room:
    """A warmer and its neighbours."""

    def __init__(self, reviewer: FakeReviewer, budget: FakeBudget | None = None) -> None:
        self.road = Road()
        self.limited = asyncio.Event()
        self.steps: list[tuple[int, int]] = []
        self.closed: set[Path] = set()
        self.warmer = Warmer(
            reviewer,
            self.read,
            pace=self.road,
            limited=self.limited,
            budget=budget,
            on_step=lambda done, of: self.steps.append((done, of)),
        )

    async def read(self, path: Path) -> Source | None:
        return None if path in self.closed else source(path)


def warmed(reviewer: FakeReviewer, budget: FakeBudget | None, paths: Sequence[Path] = (A, B, C)) -> Warmed:
    async def main() -> Warmed:
        return await Room(reviewer, budget).warmer.run(paths)

    return virtual_time.run(main())


COST = tokens_of(entries(source(A).text), 6000)


def test_without_a_budget_nothing_is_asked() -> None:
    reviewer = FakeReviewer(known={"b.py"})
    assert warmed(reviewer, None) == Warmed(files=3, units=3, known=1, left=2)
    assert reviewer.looked_up == ["a.py", "b.py", "c.py"]
    assert reviewer.reviewed == []


def test_what_is_missing_is_asked_for_once_all_is_restored() -> None:
    reviewer, budget = FakeReviewer(known={"b.py"}), FakeBudget()
    assert warmed(reviewer, budget) == Warmed(files=3, units=3, known=1, asked=2)
    assert reviewer.looked_up[:3] == ["a.py", "b.py", "c.py"]
    assert reviewer.reviewed == ["a.py", "c.py"]
    assert budget.log == [COST, (COST, 123), COST, (COST, 123)]


def test_it_ends_where_the_budget_does() -> None:
    reviewer = FakeReviewer()
    found = warmed(reviewer, FakeBudget(COST + 123))
    assert reviewer.reviewed == ["a.py", "b.py"], "the first one took less than it was thought to"
    assert found == Warmed(files=3, units=3, asked=2, left=1, stopped="the day's tokens for it are used up")
    assert str(found) == (
        "3 files: 0 of 3 units known, 2 asked for, 1 files left; "
        "stopped, because the day's tokens for it are used up"
    )


def test_what_nobody_can_read_is_passed_over() -> None:
    async def main() -> None:
        reviewer = FakeReviewer()
        room = Room(reviewer, FakeBudget())
        room.closed = {B}
        assert await room.warmer.run([A, B]) == Warmed(files=1, units=1, asked=1)
        assert room.steps == [(1, 2), (2, 2), (1, 1)]

    virtual_time.run(main())


def test_nothing_begins_while_there_is_no_time() -> None:
    async def main() -> None:
        reviewer = FakeReviewer(seconds=10)
        room = Room(reviewer, FakeBudget())
        room.road.free.clear()
        task = asyncio.create_task(room.warmer.run([A, B]))
        await asyncio.sleep(100)
        assert reviewer.looked_up == []
        room.road.free.set()
        await asyncio.sleep(5)
        assert reviewer.reviewed == ["a.py"]
        room.road.free.clear()
        await asyncio.sleep(100)
        assert reviewer.reviewed == ["a.py"]
        assert reviewer.cancelled == [], "what is sent is paid: its answer is kept"
        room.closed = {B}  # opened meanwhile, say
        room.road.free.set()
        assert (await task).asked == 1

    virtual_time.run(main())


def test_it_stops_at_the_first_429() -> None:
    async def main() -> None:
        reviewer, budget = FakeReviewer(seconds=10), FakeBudget()
        room = Room(reviewer, budget)
        task = asyncio.create_task(room.warmer.run([A, B]))
        await asyncio.sleep(5)
        room.limited.set()
        found = await task
        assert found.stopped == "the provider wants fewer requests"
        assert found.left == 2
        assert reviewer.cancelled == ["a.py"]
        assert budget.log == [COST], "it may have been read, so it counts"
        again = Room(reviewer, budget)
        again.limited.set()
        assert (await again.warmer.run([B])).stopped == "the provider wants fewer requests"
        assert reviewer.reviewed == ["a.py"]

    virtual_time.run(main())


@pytest.mark.parametrize(
    "error",
    [
        RateLimitExceeded("slow down", retryable=True),
        APIError("it does not answer", retryable=True),
        ConfigError("the key is wrong"),
    ],
)
def test_what_would_meet_the_next_file_too_ends_it(error: OpenAIError) -> None:
    reviewer, budget = FakeReviewer(errors={"a.py": error}), FakeBudget()
    found = warmed(reviewer, budget)
    assert reviewer.reviewed == ["a.py"]
    assert found.left == 3
    assert str(error) in found.stopped
    assert budget.log == [COST, (COST, 0)]


def test_what_is_wrong_with_one_file_does_not_keep_others_from_it() -> None:
    reviewer = FakeReviewer(errors={"a.py": InvalidResponse("refused", code="refusal")})
    assert warmed(reviewer, FakeBudget()) == Warmed(files=3, units=3, asked=2)


def test_the_estimate_counts_what_each_request_costs() -> None:
    found = [entry for path in (A, B, C) for entry in entries(source(path).text)]
    assert tokens_of([], 6000) == 0
    pieces = sum(entry.tokens for entry in found)
    assert tokens_of(found, 100_000) == REQUEST_OVERHEAD + pieces
    assert tokens_of(found, 256) == 3 * REQUEST_OVERHEAD + pieces


def test_work_ends_with_what_it_waits_for_or_before() -> None:
    async def main() -> None:
        event = asyncio.Event()

        async def work(seconds: float) -> str:
            await asyncio.sleep(seconds)
            return "done"

        assert await unless(event, work(1)) == "done"
        asyncio.get_running_loop().call_later(1, event.set)
        assert await unless(event, work(2)) is None

        async def fails() -> None:
            raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            await unless(asyncio.Event(), fails())

    virtual_time.run(main())


def test_looking_ahead_counts_for_nothing() -> None:
    counted: list[str] = []
    cache: MemoryCache[Held] = MemoryCache(max_bytes=1 << 20, ttl_s=100, size_of=size_of)
    known = Answers(cache, LIVES, count=lambda tier, _: counted.append(tier))
    reviewer = Reviewer(_Nobody(), known, IDENTITY)
    found, units = asyncio.run(reviewer.missing(source(A)))
    assert (len(found), units) == (1, 1)
    assert counted == [], "or each file that nobody opens would be a miss"


class _Nobody:
    async def process_pieces(self, *_: object, **__: object) -> BatchAnalysis:
        raise AssertionError("nobody is to be asked")
