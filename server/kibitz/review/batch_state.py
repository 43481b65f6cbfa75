"""Which batches were sent, so that another process can take their results, days later.

What is written are ids and digests: no code, no names of files. A row is there before anything is sent, so
that a crash in between leaves a trace at both ends.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.provider.errors import ConfigError
from kibitz.state.database import Component, StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Mapping

    from kibitz.state.database import Database

COMPONENT = Component(
    name="batches",
    version=1,
    schema=(
        """CREATE TABLE batches_sent (tag TEXT PRIMARY KEY, endpoint TEXT NOT NULL, scope TEXT NOT NULL,
        sent REAL NOT NULL, file TEXT NOT NULL, batch TEXT NOT NULL, landed INTEGER NOT NULL)""",
        """CREATE TABLE batches_requests (tag TEXT NOT NULL, custom_id TEXT NOT NULL, units TEXT NOT NULL,
        PRIMARY KEY (tag, custom_id)) WITHOUT ROWID""",
    ),
)
_KEPT_S = 30 * 86_400.0
"""After that, the provider has deleted what it kept."""
_MOST_LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class AskedUnit:
    """A unit that a request asked about."""

    digest: str
    lines: int
    """As many lines of its text were numbered in the request."""


@dataclass(slots=True)
class Sent:
    """A batch of ours, or the intent to make one."""

    tag: str
    """Its name at the provider, in the metadata."""
    endpoint: str
    """Where it is: a hash."""
    scope: str
    """What was to be reviewed: a hash of the paths that were given."""
    requests: Mapping[str, tuple[AskedUnit, ...]] = field(default_factory=dict)
    """By custom id."""
    file: str = ""
    """Id of its input file; empty while nobody knows it."""
    batch: str = ""
    """Id of the batch; empty while nobody knows it."""
    landed: bool = False
    """Its results were taken; only its files are left to delete."""

    @property
    def digests(self) -> set[str]:
        """All units that it asked about."""
        return {unit.digest for units in self.requests.values() for unit in units}


class BatchStates:
    """The table of what was sent. Every method raises ``StateUnavailable`` where it cannot be used."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """Does no I/O."""
        database.register(COMPONENT)
        self._database = database
        self._clock = clock

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keeps all other processes out of their own ``alone`` while the block runs.

        Raises:
            ConfigError: another one is in it.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - 20 ms that only batches need

        lock = FileLock(f"{self._database.path}.batches.lock", timeout=0, mode=0o600, thread_local=False)
        # Something is read first, because that makes the folder.
        await self._database.read(lambda connection: connection.execute("SELECT 1").fetchone())
        try:
            await asyncio.to_thread(lock.acquire)
        except Timeout:
            raise ConfigError(
                "another kibitz is sending or taking batches right now; try again when it is done with that"
            ) from None
        except OSError as error:
            raise StateUnavailable(f"{lock.lock_file} cannot be locked: {error}", lasting="no") from error
        try:
            yield
        finally:
            await asyncio.to_thread(lock.release)

    async def add(self, sent: Sent) -> None:
        """Note what is about to be sent."""
        now = self._clock()
        rows = [
            (sent.tag, name, json.dumps([[unit.digest, unit.lines] for unit in units], separators=(",", ":")))
            for name, units in sent.requests.items()
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO batches_sent VALUES (?, ?, ?, ?, ?, ?, ?)",
                (sent.tag, sent.endpoint, sent.scope, now, sent.file, sent.batch, sent.landed),
            )
            connection.executemany("INSERT INTO batches_requests VALUES (?, ?, ?)", rows)

        await self._database.run(write)

    async def update(self, sent: Sent) -> None:
        """Note its ids, and whether it has landed."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE batches_sent SET file = ?, batch = ?, landed = ? WHERE tag = ?",
                (sent.file, sent.batch, sent.landed, sent.tag),
            )

        await self._database.run(write)

    async def remove(self, sent: Sent) -> None:
        """Forget it: nothing of it is left to take or to delete."""

        def write(connection: sqlite3.Connection) -> None:
            for table in ("sent", "requests"):
                connection.execute(f"DELETE FROM batches_{table} WHERE tag = ?", (sent.tag,))  # noqa: S608 - our own two

        await self._database.run(write)

    async def all(self, endpoint: str) -> list[Sent]:
        """What was sent to an endpoint, oldest first. What is too old to be there still is forgotten."""
        oldest = self._clock() - _KEPT_S

        def look(connection: sqlite3.Connection) -> list[Sent]:
            connection.execute("DELETE FROM batches_sent WHERE sent < ?", (oldest,))
            connection.execute("DELETE FROM batches_requests WHERE tag NOT IN (SELECT tag FROM batches_sent)")
            rows = connection.execute(
                "SELECT tag, endpoint, scope, file, batch, landed FROM batches_sent WHERE endpoint = ?"
                " ORDER BY sent, tag",
                (endpoint,),
            ).fetchall()
            return [
                Sent(tag, where, scope, _requests(connection, tag), file, batch, bool(landed))
                for tag, where, scope, file, batch, landed in rows
            ]

        return await self._database.run(look)


def _requests(connection: sqlite3.Connection, tag: str) -> dict[str, tuple[AskedUnit, ...]]:
    rows = connection.execute("SELECT custom_id, units FROM batches_requests WHERE tag = ?", (tag,))
    found: dict[str, tuple[AskedUnit, ...]] = {}
    for custom_id, units in rows:
        # What somebody else wrote there, and cannot be read, is asked again.
        with suppress(TypeError, ValueError):
            found[custom_id] = tuple(_unit(digest, lines) for digest, lines in json.loads(units))
    return found


def _unit(digest: object, lines: object) -> AskedUnit:
    if not isinstance(digest, str) or not isinstance(lines, int) or not 0 < lines <= _MOST_LINES:
        raise ValueError("not a unit")
    return AskedUnit(digest, lines)
