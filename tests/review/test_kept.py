from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.support.answers import answers, kept_in

from kibitz.cache.disk import DiskCache
from kibitz.cache.key import Identity
from kibitz.findings.finding import Confidence, Finding, Severity
from kibitz.provider.models import BatchAnalysis, PieceAnalysis, Usage
from kibitz.review.reviewer import Reviewer, Source
from kibitz.state.database import Database
from kibitz.text.spans import Span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from kibitz.provider.models import Piece

WHOLE = 1
"""The record of a file as a whole."""
TEXT = "def a():\n    return bug\n\n\ndef b():\n    return good\n"


class Client:
    """Finds every ``bug``; counts what it was asked."""

    def __init__(self, answered_by: str = "") -> None:
        self.asked = 0
        self.answered_by = answered_by

    async def process_pieces(self, pieces: Sequence[Piece], **_: object) -> BatchAnalysis:
        self.asked += len(pieces)
        return BatchAnalysis(tuple(self.analyse(p.text) for p in pieces), Usage(requests=1), "fake")

    def analyse(self, text: str) -> PieceAnalysis:
        at = text.find("bug")
        span = Span(at, at + 3) if at >= 0 else Span(0, 0)
        found = Finding("wrong-value", Severity.ERROR, Confidence.CERTAIN, "Bug", "Always", span, "bug")
        return PieceAnalysis((found,) if at >= 0 else (), answered_by=self.answered_by)


@asynccontextmanager
async def process(
    folder: Path, client: Client, *, pause_s: float = 0.0, memory: int = 1 << 20
) -> AsyncIterator[tuple[Reviewer, Database]]:
    """A reviewer as a process of its own would have it."""
    database = Database(folder / "state.db")
    kept = kept_in(DiskCache(database, max_bytes=1 << 20), pause_s=pause_s)
    identity = Identity("e", "m", "list", "p", "s", "r")
    reviewer = Reviewer(client, answers(kept, memory=memory), identity)
    try:
        yield reviewer, database
    finally:
        await reviewer.aclose()
        await database.aclose()


async def rows(database: Database) -> int:
    def count(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM answers_kept").fetchone()[0])

    return await database.read(count)


@pytest.mark.parametrize("memory", [0, 1 << 20])
async def test_a_restart_costs_nothing(tmp_path: Path, memory: int) -> None:
    client = Client()
    async with process(tmp_path, client, memory=memory) as (reviewer, _):
        first = await reviewer.review(Source(TEXT, "python"))
    assert client.asked == 2
    async with process(tmp_path, client, memory=memory) as (reviewer, _):
        second = await reviewer.review(Source(f"# moved\n\n\n{TEXT}", "python"))
    assert client.asked == 2
    assert second.stats.cached_units == 2
    assert [finding.title for finding in second.findings] == [finding.title for finding in first.findings]


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    client = Client()
    async with process(tmp_path, client, pause_s=3600) as (reviewer, database):
        await reviewer.review(Source(TEXT, "python"))
        assert await rows(database) == 0
    async with process(tmp_path, client) as (_, database):
        assert await rows(database) == 2 + WHOLE


async def test_what_another_window_learns_is_known_here(tmp_path: Path) -> None:
    client = Client()
    async with process(tmp_path, client) as (one, database), process(tmp_path, client) as (other, _):
        await one.review(Source(TEXT, "python"))
        assert await one.save()
        assert await rows(database) == 2 + WHOLE
        await other.review(Source(TEXT, "python"))
    assert client.asked == 2


async def test_what_a_substitute_answered_is_not_written(tmp_path: Path) -> None:
    client = Client(answered_by="gpt-other")
    async with process(tmp_path, client) as (reviewer, database):
        await reviewer.review(Source(TEXT, "python"))
        await reviewer.review(Source(TEXT, "python"))
        assert client.asked == 2
        assert await rows(database) == 0
    async with process(tmp_path, client) as (reviewer, _):
        await reviewer.review(Source(TEXT, "python"))
    assert client.asked == 4


async def test_a_row_that_somebody_changed_is_asked_again_and_replaced(tmp_path: Path) -> None:
    client = Client()
    async with process(tmp_path, client) as (reviewer, database):
        await reviewer.review(Source(TEXT, "python"))
    async with process(tmp_path, client) as (reviewer, database):
        await database.run(
            lambda connection: (
                connection.execute(
                    "UPDATE answers_kept SET value = replace(value, '\"start\":20', '\"start\":0')"
                ).rowcount
            )
        )
        review = await reviewer.review(Source(TEXT, "python"))
        assert [finding.quote for finding in review.findings] == ["bug"]
        assert client.asked == 3
    async with process(tmp_path, client) as (reviewer, _):
        await reviewer.review(Source(TEXT, "python"))
    assert client.asked == 3


async def test_forgetting_forgets_the_disk_too(tmp_path: Path) -> None:
    client = Client()
    async with process(tmp_path, client) as (reviewer, _):
        await reviewer.review(Source(TEXT, "python"))
        await reviewer.forget()
        await reviewer.review(Source(TEXT, "python"))
        assert client.asked == 4
        await reviewer.forget()
    async with process(tmp_path, client) as (reviewer, _):
        await reviewer.review(Source(TEXT, "python"))
    assert client.asked == 6


async def test_a_disk_that_cannot_be_used_costs_no_review(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    client = Client()
    async with process(tmp_path, client) as (reviewer, _):
        await reviewer.review(Source(TEXT, "python"))
        review = await reviewer.review(Source(TEXT, "python"))
        assert len(review.findings) == 1
        assert client.asked == 2
        await reviewer.forget()
        await reviewer.review(Source(TEXT, "python"))
        assert client.asked == 4
