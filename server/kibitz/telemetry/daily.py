"""Counts by calendar day: this process's own, and those of all of this machine's processes.

The state database keeps the days; without it, a day is what this process saw of it. Counts are written in the
background, and kept until they are.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Generic

from kibitz.state.database import StateUnavailable
from kibitz.telemetry.tables import C, local_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from kibitz.state.database import Database
    from kibitz.telemetry.tables import Table


class Daily(Generic[C]):
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        table: Table[C],
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
        self._own: dict[tuple[str, str], C] = {}
        """By day and name: all that this process counted."""
        self._unwritten: dict[tuple[str, str], C] = {}
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        if database is not None:
            database.register(table.component)

    def add(self, name: str, counts: C) -> None:
        """Count, at once and in the background for the other processes."""
        place = (self._day().isoformat(), name)
        self._merge(self._own, place, counts)
        if self._database is not None:
            self._merge(self._unwritten, place, counts)
            self._begin_writing(self._database)

    async def since(self, days: int) -> dict[str, C]:
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

    async def aclose(self) -> None:
        """Write what is not yet written, if that can be."""
        await self._written()

    def _own_since(self, day: str = "") -> dict[str, C]:
        """What this process counted from ``day`` on, by name."""
        found: dict[str, C] = {}
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
                    await database.run(partial(self._table.add, batch=batch))
                except StateUnavailable:
                    for place, counts in batch.items():
                        self._merge(self._unwritten, place, counts)
                    return
        finally:
            self._writing = None

    def _merge(self, into: dict[tuple[str, str], C], place: tuple[str, str], counts: C) -> None:
        into[place] = into.get(place, self._table.nothing) + counts
