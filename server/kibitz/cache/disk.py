"""Answers on disk, for all kibitz processes of a user: bounded in bytes and in age, gone with one word.

Knows nothing of what it keeps: text by digest. Whoever reads it back has to check it, because anybody who can
write the user's files could have written it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.state.database import Component

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping

    from kibitz.state.database import Database

COMPONENT = Component(
    name="answers",
    version=1,
    schema=(
        """CREATE TABLE answers_kept (digest TEXT PRIMARY KEY, value TEXT NOT NULL, size INTEGER NOT NULL,
        stored REAL NOT NULL, used REAL NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX answers_by_age ON answers_kept (stored)",
        "CREATE INDEX answers_by_use ON answers_kept (used, size)",
    ),
)
ROW_OVERHEAD = 320
"""Bytes that a row takes beside its value: the digest, three times, and the columns."""
_TOUCH_S = 3600.0
"""How exactly it is known when a row was last used. Finer costs a write for every read."""
_LARGEST = 1 / 8
"""A value that takes a larger share of the limit is not kept: it would drive out all others."""
_ROOM = 0.9
"""Down to this share of the limit rows are deleted, so that not every write has to delete one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept, and how long it will be."""

    value: str
    left_s: float


class DiskCache:
    """Text by digest in the state database. Times are the wall clock's: they outlive processes."""

    def __init__(
        self, database: Database, *, max_bytes: int, ttl_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Does no I/O. ``ttl_s`` counts from the writing; reading does not prolong it."""
        database.register(COMPONENT)
        self._database = database
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._touched: set[str] = set()

    async def get(self, digests: Collection[str]) -> dict[str, Kept]:
        """Those of ``digests`` that are known.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        if not digests:
            return {}
        now, wanted = self._clock(), json.dumps(list(digests))
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT digest, value, stored, used FROM answers_kept"
                " WHERE digest IN (SELECT value FROM json_each(?))",
                (wanted,),
            ).fetchall()
        )
        found: dict[str, Kept] = {}
        for digest, value, stored, used in rows:
            # A clock that was set back must not make rows immortal.
            left = self._ttl_s - abs(now - stored)
            if isinstance(value, str) and left >= 0:
                found[digest] = Kept(value, left)
                if abs(now - used) > _TOUCH_S:
                    self._touched.add(digest)
        return found

    async def put(self, values: Mapping[str, str], *, discard: Collection[str] = ()) -> None:
        """Keep ``values``, forget ``discard``, and delete what is too old or too much.

        Raises:
            StateUnavailable: the database cannot be used; nothing was kept.
        """
        now = self._clock()
        touched, self._touched = self._touched, set()
        rows = [
            (digest, value, ROW_OVERHEAD + len(value), now, now)
            for digest, value in values.items()
            if ROW_OVERHEAD + len(value) <= self._max_bytes * _LARGEST
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE answers_kept SET used = ? WHERE digest = ?", [(now, digest) for digest in touched]
            )
            connection.executemany(
                "DELETE FROM answers_kept WHERE digest = ?", [(digest,) for digest in discard]
            )
            connection.executemany("INSERT OR REPLACE INTO answers_kept VALUES (?, ?, ?, ?, ?)", rows)
            self._tidy(connection, now)

        await self._database.run(write)

    async def clear(self) -> None:
        """Forget everything, for all processes.

        Raises:
            StateUnavailable: the database cannot be used; what it holds is still there.
        """
        self._touched.clear()

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM answers_kept")

        await self._database.run(delete)

    @property
    def has_news(self) -> bool:
        """Whether there is something to write besides new values: what was used lately."""
        return bool(self._touched)

    def _tidy(self, connection: sqlite3.Connection, now: float) -> None:
        connection.execute(
            "DELETE FROM answers_kept WHERE stored <= ? OR stored >= ?",
            (now - self._ttl_s, now + self._ttl_s),
        )
        (size,) = connection.execute("SELECT coalesce(sum(size), 0) FROM answers_kept").fetchone()
        if size > self._max_bytes:
            connection.execute(
                "DELETE FROM answers_kept WHERE digest IN (SELECT digest FROM (SELECT digest,"
                " sum(size) OVER (ORDER BY used DESC, digest) AS newer FROM answers_kept) WHERE newer > ?)",
                (self._max_bytes * _ROOM,),
            )
