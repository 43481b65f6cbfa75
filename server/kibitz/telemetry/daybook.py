"""What was asked and what it cost: by this process, and by all of this machine's processes today.

The state database keeps the days; without it, a day is what this process saw of it. Counts are written in the
background, and kept until they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from kibitz.state.database import Component, StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from kibitz.state.database import Database

KEPT_DAYS = 100
COMPONENT = Component(
    "days",
    1,
    (
        """
        CREATE TABLE days_counts (
            day TEXT, model TEXT, requests INTEGER, input_tokens INTEGER, cached_tokens INTEGER,
            output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd TEXT, failed INTEGER,
            PRIMARY KEY (day, model)
        ) WITHOUT ROWID
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one or more requests; unreported numbers are 0."""

    requests: int = 0
    input_tokens: int = 0
    """All input tokens, cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    """US dollars; None where the price of any of the requests is unknown."""
    failed: int = 0
    """How many came to nothing."""

    def __add__(self, other: Counts) -> Counts:
        known = [counts.cost_usd for counts in (self, other) if counts.requests]
        priced = [cost for cost in known if cost is not None]
        return Counts(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=sum(priced, Decimal(0)) if known and len(priced) == len(known) else None,
            failed=self.failed + other.failed,
        )


class Daybook:
    """See the module. Belongs to one event loop."""

    def __init__(self, database: Database | None = None, *, day: Callable[[], date] | None = None) -> None:
        self._database = database
        self._day = day or _local_day
        self._own: dict[tuple[str, str], Counts] = {}
        """By day and model: all that this process counted."""
        self._unwritten: dict[tuple[str, str], Counts] = {}
        self._writing: asyncio.Task[None] | None = None
        if database is not None:
            database.register(COMPONENT)

    def add(self, model: str, counts: Counts) -> None:
        """Count, at once and in the background for the other processes."""
        place = (self._day().isoformat(), model)
        _merge(self._own, place, counts)
        if self._database is not None:
            _merge(self._unwritten, place, counts)
            self._begin_writing(self._database)

    @property
    def run(self) -> Counts:
        """What this process counted since it began."""
        return _sum(self._own.values())

    async def today(self) -> Counts:
        """What all processes counted on this calendar day, where the user is."""
        return _sum((await self.today_by_model()).values())

    async def today_by_model(self) -> dict[str, Counts]:
        """The same by model. A day later than today is one that the clock was set back from; it counts."""
        day = self._day().isoformat()
        if self._database is not None:
            try:
                await self._written()
                if not self._unwritten:
                    return await self._database.read(partial(_read, day))
            except StateUnavailable:
                pass  # the database has said so
        found: dict[str, Counts] = {}
        for (own_day, model), counts in self._own.items():
            if own_day >= day:
                found[model] = found.get(model, Counts()) + counts
        return found

    async def aclose(self) -> None:
        """Write what is not yet written, if that can be."""
        await self._written()

    async def _written(self) -> None:
        if self._database is not None and self._unwritten:
            self._begin_writing(self._database)
        if self._writing is not None:
            await asyncio.shield(self._writing)

    def _begin_writing(self, database: Database) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(database))

    async def _write(self, database: Database) -> None:
        try:
            while batch := self._unwritten:
                self._unwritten = {}
                try:
                    await database.run(partial(_add, batch))
                except StateUnavailable:
                    for place, counts in batch.items():
                        _merge(self._unwritten, place, counts)
                    return
        finally:
            self._writing = None


def _add(batch: dict[tuple[str, str], Counts], connection: sqlite3.Connection) -> None:
    for (day, model), counts in batch.items():
        row = connection.execute(
            "SELECT * FROM days_counts WHERE day = ? AND model = ?", (day, model)
        ).fetchone()
        new = counts if row is None else _counts(row) + counts
        connection.execute(
            "INSERT OR REPLACE INTO days_counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                day,
                model,
                new.requests,
                new.input_tokens,
                new.cached_tokens,
                new.output_tokens,
                new.reasoning_tokens,
                None if new.cost_usd is None else str(new.cost_usd),
                new.failed,
            ),
        )
    # By number, not by date: a clock that is ahead for a moment must not cost the days of before.
    connection.execute(
        "DELETE FROM days_counts WHERE day NOT IN "
        "(SELECT DISTINCT day FROM days_counts ORDER BY day DESC LIMIT ?)",
        (KEPT_DAYS,),
    )


def _read(day: str, connection: sqlite3.Connection) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for row in connection.execute("SELECT * FROM days_counts WHERE day >= ?", (day,)):
        found[row[1]] = found.get(row[1], Counts()) + _counts(row)
    return found


def _counts(row: tuple[str, str, int, int, int, int, int, str | None, int]) -> Counts:
    _day, _model, requests, given, cached, output, reasoning, cost, failed = row
    return Counts(requests, given, cached, output, reasoning, None if cost is None else Decimal(cost), failed)


def _merge(into: dict[tuple[str, str], Counts], place: tuple[str, str], counts: Counts) -> None:
    into[place] = into.get(place, Counts()) + counts


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())


def _local_day() -> date:
    return datetime.now().astimezone().date()
