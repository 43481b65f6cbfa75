from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.state.database import Database
from kibitz.telemetry import documents
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.documents import KEPT, Document
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.ledger_table import COMPONENT, KEPT_DAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
FOLDER = "0123456789abcdef"
GPT = Account("gpt", FOLDER, "review")
ONE = Counts(1, 1000, 400, 90, 60, Decimal("0.0000123"))
KNOWN = Counts(1, 1000, output_tokens=90, cost_usd=Decimal("0.0000123"))
"""What is kept of it."""


class Books:
    """A process with a ledger."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.database = Database(folder / "state.db", busy_s=0.05)
        self.ledger = Ledger(self.database, now=lambda: self.now)

    async def read(self, day: str = "") -> Mapping[Document, Counts]:
        await self.ledger.written()
        return await self.database.read(lambda connection: documents.since(connection, day))


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    made = Books(tmp_path)
    yield made
    await made.ledger.aclose()
    await made.database.aclose()


async def test_what_is_asked_about_a_document_is_booked_for_it(books: Books) -> None:
    books.ledger.book(GPT, ONE, document="src/a.py")
    books.ledger.book(GPT, ONE, document="src/a.py")
    books.ledger.book(Account("gpt", purpose="doctor"), ONE)
    books.ledger.book(GPT._replace(workspace=""), Counts(1, unpriced=1), document="src/a.py")
    assert await books.read() == {
        Document(FOLDER, "src/a.py"): KNOWN + KNOWN,
        Document("", "src/a.py"): Counts(1, unpriced=1),
    }
    assert (await books.ledger.today()).requests == 4


async def test_days_are_told_apart(books: Books) -> None:
    books.ledger.book(GPT, ONE, document="a.py")
    books.now += timedelta(1)
    books.ledger.book(GPT, ONE, document="a.py")
    assert await books.read("2026-11-24") == {Document(FOLDER, "a.py"): KNOWN}
    assert await books.read("2026-11-23") == {Document(FOLDER, "a.py"): KNOWN + KNOWN}


async def test_what_could_not_be_written_is_written_later_and_once(books: Books, tmp_path: Path) -> None:
    await books.ledger.today()
    lock = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    for name in ("a.py", "b.py"):
        lock.execute("BEGIN IMMEDIATE")
        books.ledger.book(GPT, ONE, document=name)
        await books.ledger.written()
        lock.execute("ROLLBACK")
    lock.close()
    books.ledger.book(GPT, ONE, document="a.py")
    for _ in range(2):
        assert await books.read() == {
            Document(FOLDER, "a.py"): KNOWN + KNOWN,
            Document(FOLDER, "b.py"): KNOWN,
        }


async def test_a_database_that_is_never_written_fills_no_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    books = Books(tmp_path / "file")
    for number in range(3000):
        books.ledger.book(GPT, ONE, document=f"{number}.py")
        if not number % 500:
            await books.ledger.written()
    assert len(books.ledger._named) + len(books.ledger._naming) <= 1000
    assert books.ledger.run.requests == 3000
    await books.database.aclose()


def tables(*periods: str) -> sqlite3.Connection:
    """The tables, and a ledger of those periods."""
    connection = sqlite3.connect(":memory:")
    for statement in (*COMPONENT.schema[:1], *documents.COMPONENT.schema):
        connection.execute(statement)
    entry = "INSERT INTO ledger_entries VALUES (?, 'gpt', '', '', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
    connection.executemany(entry, [(period,) for period in periods])
    return connection


def test_of_too_many_the_dearest_stay() -> None:
    connection = tables("2026-11-23T09", "2026-11-24T09")
    for number in range(5 * KEPT):
        # The dearest come first, and last those that have no price but most tokens.
        cost = Decimal(number % 251) if number < 4 * KEPT else None
        place = ("2026-11-23", Document("", f"{number}.py"))
        documents.add(connection, {place: Counts(1, number, cost_usd=cost, unpriced=int(cost is None))})
        assert len(documents.since(connection, "")) <= 2 * KEPT
    kept = documents.since(connection, "")
    assert kept.keys() >= {Document("", f"{number}.py") for number in range(200, 251)}
    documents.add(connection, {("2026-11-24", Document("", "tomorrow.py")): ONE})
    assert len(documents.since(connection, "")) == len(kept) + 1, "each day has room of its own"


def test_days_that_the_ledger_forgot_are_forgotten() -> None:
    connection = tables("2026-11-22T09", "2026-11-23")
    for day in ("2026-11-21", "2026-11-22", "2026-11-23"):
        documents.add(connection, {(day, Document("", f"{day}.py")): ONE})
    assert {name for _, name in documents.since(connection, "")} == {"2026-11-22.py", "2026-11-23.py"}


COUNTS = st.builds(
    Counts,
    requests=st.integers(0, 10**9),
    input_tokens=st.integers(0, 10**20),
    output_tokens=st.integers(0, 10**9),
    cost_usd=st.none() | st.decimals(0, 1000, places=12),
    unpriced=st.integers(0, 10**6),
)
ROOM = 10**15


@given(st.lists(st.tuples(st.sampled_from(["a", "b/c", "ä.py"]), COUNTS), max_size=12))
def test_sums_are_exact_and_bounded(booked: list[tuple[str, Counts]]) -> None:
    connection = tables("2026-11-23")
    expected: dict[Document, Counts] = {}
    for name, counts in booked:
        documents.add(connection, {("2026-11-23", Document("", name)): counts})
        total = expected.get(Document("", name), Counts()) + counts
        expected[Document("", name)] = Counts(
            total.requests,
            min(total.input_tokens, ROOM),
            output_tokens=total.output_tokens,
            cost_usd=total.cost_usd and min(total.cost_usd, Decimal(ROOM).scaleb(-12)),
            unpriced=total.unpriced,
        )
    assert documents.since(connection, "") == expected


def test_as_many_days_as_the_ledger_has() -> None:
    days = [(NOW.date() + timedelta(number)).isoformat() for number in range(KEPT_DAYS)]
    connection = tables(*days)
    for day in days:
        documents.add(connection, {(day, Document("", "a.py")): ONE})
    assert documents.since(connection, "")[Document("", "a.py")].requests == KEPT_DAYS
