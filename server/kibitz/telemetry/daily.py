"""Counts by calendar day: this process's own, and those of all of this machine's processes.

The state database keeps the days; without it, a day is what this process saw of it. Counts are written in the
background, and kept until they are.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol

from kibitz.state.database import StateUnavailable
from kibitz.telemetry.tables import C, K, local_day

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import date

    from kibitz.state.database import Component, Database


class Kept(Protocol[K, C]):
    """A table of counts by period and name."""

    @property
    def component(self) -> Component:
        """What makes the table."""

    @property
    def nothing(self) -> C:
        """No counts."""

    def add(self, connection: sqlite3.Connection, batch: Mapping[tuple[str, K], C]) -> None:
        """Add counts to what is there, and forget the oldest days."""

    def since(self, connection: sqlite3.Connection, day: str) -> dict[K, C]:
        """What was counted from ``day`` (ISO 8601) on, by name."""


class Daily(Generic[K, C]):
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        table: Kept[K, C],
        database: Database | None,
        *,
        day: Callable[[], date] | None = None,
        pause_s: float = 0.0,
    ) -> None:
        """Do no I/O. For ``pause_s`` seconds counts are collected before they are written."""
        self._table = table
        self._database = database
        self._day = day or local_day
        self._pause_s = pause_s
        self._own: dict[tuple[str, K], C] = {}
        """By day and name: all that this process counted."""
        self._unwritten: dict[tuple[str, K], C] = {}
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        if database is not None:
            database.register(table.component)

    def add(self, name: K, counts: C) -> None:
        """Count, at once and in the background for the other processes."""
        place = (self._stamp(), name)
        self._merge(self._own, place, counts)
        if self._database is not None:
            self._merge(self._unwritten, place, counts)
            self._begin_writing(self._database)

    async def since(self, days: int) -> dict[K, C]:
        """What all processes counted in the last ``days`` calendar days, today included, by name.

        A day later than today is one that the clock was set back from; it counts.
        """
        day = (self._day() - timedelta(days - 1)).isoformat()
        if self._database is not None:
            try:
                await self._written()
                if not self._unwritten:
                    return await self._database.read(partial(self._table.since, day=day))
            except StateUnavailable:
                pass  # the database has said so
        return self._own_since(day)

    async def written(self) -> None:
        """Write what is not yet written, if that can be."""
        await self._written()

    async def aclose(self) -> None:
        """The same, at the end."""
        await self._written()

    def _stamp(self) -> str:
        """The name of the period that it is now."""
        return self._day().isoformat()

    def _job(self, batch: Mapping[tuple[str, K], C]) -> Callable[[sqlite3.Connection], None]:
        """What writes the counts."""
        return partial(self._table.add, batch=batch)

    def _landed(self) -> None:
        """What was to be written is."""

    def _own_since(self, day: str = "") -> dict[K, C]:
        """What this process counted from ``day`` on, by name."""
        found: dict[K, C] = {}
        for (own_day, name), counts in self._own.items():
            if own_day >= day:
                found[name] = found.get(name, self._table.nothing) + counts
        return found

    async def _written(self) -> None:
        if self._database is not None and self._unwritten:
            self._begin_writing(self._database)
        if self._writing is not None:
            self._hurry.set()
            await asyncio.shield(self._writing)

    def _begin_writing(self, database: Database) -> None:
        if self._writing is None:
            self._hurry.clear()
            self._writing = asyncio.create_task(self._write(database))

    async def _write(self, database: Database) -> None:
        try:
            if self._pause_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s):
                        await self._hurry.wait()
            while batch := self._unwritten:
                self._unwritten = {}
                try:
                    await database.run(self._job(batch))
                except StateUnavailable:
                    for place, counts in batch.items():
                        self._merge(self._unwritten, place, counts)
                    return
                self._landed()
        finally:
            self._writing = None

    def _merge(self, into: dict[tuple[str, K], C], place: tuple[str, K], counts: C) -> None:
        into[place] = into.get(place, self._table.nothing) + counts
