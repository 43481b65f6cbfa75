"""Several processes that share answers, and what each of them asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.answers import answers, kept_in
from tests.support.tiers import MemoryClaims, MemoryTier, Registry

from kibitz.cache.key import Identity
from kibitz.findings.finding import Confidence, Finding, Severity
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.models import BatchAnalysis, PieceAnalysis, Usage
from kibitz.review.reviewer import Reviewer, ReviewSettings, Source
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.provider.models import Piece
    from kibitz.review.result import Review

IDENTITY = Identity("e", "m", "list", "p", "s", "r")


def document(**bodies: str) -> Source:
    return Source(
        "\n\n".join(f"def {name}():\n    return {body}\n" for name, body in bodies.items()), "python"
    )


@dataclass
class Client:
    """Finds every ``bug``, when it may; fails for pieces that hold a word of ``errors``."""

    asked: list[str] = field(default_factory=list)
    urgencies: list[Urgency] = field(default_factory=list)
    go: asyncio.Event | None = None
    errors: dict[str, OpenAIError] = field(default_factory=dict)
    title: str = "Bug"

    async def process_pieces(self, pieces: Sequence[Piece], **how: Any) -> BatchAnalysis:
        self.asked += [piece.text.split("(")[0].removeprefix("def ") for piece in pieces]
        self.urgencies.append(how["urgency"])
        if self.go is not None:
            await self.go.wait()
        failures = []
        for index, piece in enumerate(pieces):
            error = next((error for word, error in self.errors.items() if word in piece.text), None)
            if error is None:
                how["on_piece"](index, self.analyse(piece.text))
            else:
                failures.append(error)
                how["on_failure"](index, error)
        if failures:
            raise failures[0]
        analyses = tuple(self.analyse(piece.text) for piece in pieces)
        return BatchAnalysis(analyses, Usage(requests=1), "fake")

    def analyse(self, text: str) -> PieceAnalysis:
        at = text.find("bug")
        if at < 0:
            return PieceAnalysis()
        span = Span(at, at + 3)
        found = Finding("wrong-value", Severity.ERROR, Confidence.CERTAIN, self.title, "Always", span, "bug")
        return PieceAnalysis((found,))


@dataclass
class Machine:
    """What processes share: a disk, and claims."""

    disk: MemoryTier = field(default_factory=MemoryTier)
    registry: Registry = field(default_factory=Registry)
    looks: int = 0

    def process(self, name: str, client: Client, settings: ReviewSettings | None = None) -> Reviewer:
        reviewer = Reviewer(
            client,
            answers(kept_in(self.disk)),
            IDENTITY,
            settings,
            claims=MemoryClaims(self.registry, name),
        )
        reviewer._flights._sleep = self.sleep
        return reviewer

    async def sleep(self, _seconds: float) -> None:
        self.looks += 1
        await asyncio.sleep(0)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - no one event tells of all that tests wait for
            await asyncio.sleep(0)


async def reviewing(reviewer: Reviewer, source: Source, **how: Any) -> asyncio.Task[Review]:
    return asyncio.create_task(reviewer.review(source, **how))


async def test_what_one_process_is_asking_another_waits_for() -> None:
    machine, first, second = Machine(), Client(go=asyncio.Event()), Client()
    one, other = machine.process("one", first), machine.process("other", second)
    source = document(a="bug", b="good")
    leading = await reviewing(one, source)
    await until(lambda: first.asked)
    following = await reviewing(other, source)
    await until(lambda: machine.looks > 3)
    assert not following.done()
    assert first.go
    first.go.set()
    reviews = await asyncio.gather(leading, following)
    assert [[f.title for f in review.findings] for review in reviews] == [["Bug"], ["Bug"]]
    assert (first.asked, second.asked) == (["a", "b"], [])
    await one.aclose()
    await other.aclose()
    assert machine.registry.owners == {}


async def test_what_nobody_else_asks_is_asked_meanwhile() -> None:
    machine, first, second = Machine(), Client(go=asyncio.Event()), Client()
    one, other = machine.process("one", first), machine.process("other", second)
    leading = await reviewing(one, document(a="bug"))
    await until(lambda: first.asked)
    seen: list[Review] = []
    following = await reviewing(other, document(a="bug", b="bug"), on_progress=seen.append)
    await until(lambda: seen and seen[-1].findings)
    assert second.asked == ["b"]
    assert first.go
    first.go.set()
    assert len((await following).findings) == 2
    await leading
    assert second.asked == ["b"]
    await one.aclose()
    await other.aclose()


@pytest.mark.parametrize("how", ["cancelled", "failed", "died"])
async def test_what_another_process_gives_up_is_asked_here(how: str) -> None:
    machine, first, second = Machine(), Client(go=asyncio.Event()), Client()
    one, other = machine.process("one", first), machine.process("other", second)
    source = document(a="bug")
    leading = await reviewing(one, source)
    await until(lambda: first.asked)
    following = await reviewing(other, source)
    await until(lambda: machine.looks > 3)
    if how == "died":
        machine.registry.owners.clear()
    elif how == "failed":
        first.errors["bug"] = APIError("no", retryable=True)
        assert first.go
        first.go.set()
    else:
        leading.cancel()
    review = await following
    assert [finding.title for finding in review.findings] == ["Bug"]
    assert second.asked == ["a"]
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    await one.aclose()
    await other.aclose()


async def test_whoever_is_asking_hurries_when_others_wait_for_it() -> None:
    machine, first, second = Machine(), Client(go=asyncio.Event()), Client()
    one, other = machine.process("one", first), machine.process("other", second)
    source = document(a="bug")
    leading = await reviewing(one, source, urgency=Urgency(Priority.WARMING))
    await until(lambda: first.asked)
    following = await reviewing(other, source, urgency=Urgency(Priority.EXPLICIT))
    await until(lambda: first.urgencies[0].priority is Priority.EXPLICIT)
    assert first.go
    first.go.set()
    await asyncio.gather(leading, following)
    assert second.asked == []
    await one.aclose()
    await other.aclose()


async def test_an_answer_that_was_written_just_before_is_not_asked_again() -> None:
    machine, first, second = Machine(), Client(), Client()
    one, other = machine.process("one", first), machine.process("other", second)
    source = document(a="bug")
    fetch = other._answers.fetch
    looks = 0

    async def late(pieces: Any) -> Any:
        nonlocal looks
        found = await fetch(pieces)
        looks += 1
        if looks == 1:  # Between the first look and the claim.
            await one.review(source)
            await one.save()
        return found

    other._answers.fetch = late  # type: ignore[method-assign]  # a race, made to happen
    review = await other.review(source)
    assert len(review.findings) == 1
    assert second.asked == []
    await one.aclose()
    await other.aclose()


REFUSED = InvalidResponse("the model refuses", code="refusal")
REFUSED.pieces = 1


async def test_what_fails_for_good_is_not_asked_again_by_anybody_unless_somebody_insists() -> None:
    machine, client = Machine(), Client(errors={"bad": REFUSED})
    one, other = machine.process("one", client), machine.process("other", client)
    source = document(a="bug", b="bad")
    first = await one.review(source)
    assert (len(first.findings), len(first.unreviewed), [e.code for e in first.errors]) == (1, 1, ["refusal"])
    again = await one.review(source)
    await one.save()
    elsewhere = await other.review(source)
    for review in (again, elsewhere):
        assert (len(review.findings), len(review.unreviewed)) == (1, 1)
        assert [type(error) for error in review.errors] == [InvalidResponse]
        assert "not asked about again" in review.errors[0].message
    assert client.asked == ["a", "b"]
    client.errors.clear()
    insisted = await one.review(source, retry=True)
    assert not insisted.unreviewed
    assert client.asked == ["a", "b", "b"]
    assert not (await one.review(source)).unreviewed
    await one.aclose()
    await other.aclose()


async def test_a_failure_that_may_pass_is_asked_again() -> None:
    machine, client = Machine(), Client(errors={"bad": APIError("down", retryable=True)})
    one = machine.process("one", client)
    for _ in range(2):
        assert len((await one.review(document(b="bad"))).unreviewed) == 1
    assert client.asked == ["b", "b"]
    await one.aclose()
    assert machine.disk.rows == {}
