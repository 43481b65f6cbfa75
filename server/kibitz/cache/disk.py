"""Answers on disk, for all kibitz processes of a user: bounded in bytes and in age, gone with one word.

Knows nothing of what it keeps: text by digest. Whoever reads it back has to check it, because anybody who can
write the user's files could have written it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kibitz.cache import rows
from kibitz.cache.rows import COMPONENT, DiskStats, look_up
from kibitz.state.database import StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from kibitz.cache.tier import Kept
    from kibitz.state.database import Database

__all__ = ["DiskCache", "DiskStats", "DiskVerdict", "look_up"]


@dataclass(frozen=True, slots=True)
class DiskVerdict:
    """What ``verify`` found, and did about it."""

    entries: int
    """Answers that are all right."""
    bad: int
    """Answers that were none; they are deleted."""
    rebuilt: bool
    """Whether the file was damaged: then it was renamed to ``….damaged``, and a new one begun."""

    @property
    def sound(self) -> bool:
        """Whether there was nothing to mend."""
        return not self.bad and not self.rebuilt


class DiskCache:
    """The tier ``disk``, in the state database."""

    name = "disk"

    def __init__(self, database: Database, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        """Does no I/O. ``clock`` tells the wall clock's seconds."""
        database.register(COMPONENT)
        self._database = database
        self._max_bytes = max_bytes
        self._clock = clock
        self._worn: set[str] = set()
        """What was used, and is to be said so with the next write."""

    @property
    def problem(self) -> str:
        """Why it cannot be used, in words for people, and what to do; empty while it can."""
        return self._database.problem

    async def get(self, digests: Collection[str]) -> dict[str, Kept]:
        """Those of ``digests`` that are known, stale ones too. Reading does not prolong a life."""
        if not digests:
            return {}
        worn: set[str] = set()
        try:
            found = await self._database.read(partial(look_up, digests=digests, now=self._clock(), worn=worn))
        except StateUnavailable:
            return {}
        self._worn |= worn
        return found

    async def put(self, values: Mapping[str, Kept], *, discard: Collection[str] = ()) -> bool:
        """Keep ``values``, forget ``discard``, and delete what is too old or too much.

        False if the database cannot be used; then nothing was done.
        """
        worn, self._worn = self._worn, set()
        return await self._write(
            partial(
                rows.write,
                values=values,
                discard=discard,
                worn=worn,
                max_bytes=self._max_bytes,
                now=self._clock(),
            )
        )

    async def clear(self) -> bool:
        """Forget everything, for all processes, and give the space back. False if that cannot be done now."""
        self._worn.clear()
        try:
            newest = await self._database.read(rows.newest_id)
            while await self._database.run(partial(rows.delete_some, newest=newest)):
                pass
            await self._database.shrink()
        except StateUnavailable:
            return False
        return True

    async def aclose(self) -> None:
        """Write down what was used lately. The database is not this one's to close."""
        if self._worn:
            worn, self._worn = self._worn, set()
            await self._write(partial(rows.touch, digests=worn, now=self._clock()))

    async def stats(self) -> DiskStats:
        """What there is, of all processes.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        return await self._database.read(partial(rows.stats, path=self._database.path, now=self._clock()))

    async def rows(self) -> AsyncIterator[tuple[str, Kept]]:
        """All that is known, in no order that means anything; what is written meanwhile may be missing.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        after: int | None = 0
        while after is not None:
            living, after = await self._database.read(partial(rows.living, now=self._clock(), after=after))
            for row in living:
                yield row

    async def verify(self, check: Callable[[str, str], bool]) -> DiskVerdict:
        """Look through the whole file and every row, and delete those for which ``check`` is false.

        Args:
            check: is given a digest and a value, in the database's thread.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        rebuilt = not await self._database.check()
        entries = bad = 0
        after: int | None = 0
        while after is not None:
            good, spoilt, after = await self._database.read(partial(rows.examine, check=check, after=after))
            entries += good
            if spoilt:
                bad += await self._database.run(partial(rows.delete_exactly, rows=spoilt))
        await self._database.run(rows.recount)
        return DiskVerdict(entries, bad, rebuilt)

    async def _write(self, job: Callable[[sqlite3.Connection], None]) -> bool:
        try:
            await self._database.run(job)
        except StateUnavailable:
            return False
        return True
