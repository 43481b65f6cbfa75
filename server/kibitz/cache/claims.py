"""Who on this machine is asking for what, kept in the state database. See ``Claims``."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kibitz.cache.tier import LEASE_S
from kibitz.state.database import Component, StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection

    from kibitz.state.database import Database

COMPONENT = Component(
    name="claims",
    version=1,
    schema=(
        """CREATE TABLE claims_held (digest TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL,
        wanted INTEGER) WITHOUT ROWID""",
    ),
)
# What ends that late was claimed before the clock was set back: it holds for two leases at most.
_EXPIRE = "DELETE FROM claims_held WHERE until <= :now OR until > :now + 2 * :lease"
_HOLD = """INSERT INTO claims_held SELECT value, :me, :now + :lease, NULL FROM json_each(:digests) WHERE true
ON CONFLICT (digest) DO UPDATE SET until = excluded.until WHERE owner = :me"""
_THESE = "FROM claims_held WHERE owner = :me AND digest IN (SELECT value FROM json_each(:digests))"
_WANT = """UPDATE claims_held SET wanted = min(coalesce(wanted, :priority), :priority)
WHERE owner != :me AND digest IN (SELECT value FROM json_each(:digests))"""


class DiskClaims:
    """``Claims`` for everybody who uses that database; each instance is an owner of its own."""

    def __init__(
        self, database: Database, *, lease_s: float = LEASE_S, clock: Callable[[], float] = time.time
    ) -> None:
        """Does no I/O. A claim ends ``lease_s`` seconds after it was last renewed, by the wall ``clock``."""
        database.register(COMPONENT)
        self._database = database
        self._lease_s = lease_s
        self._clock = clock
        self._owner = secrets.token_hex(8)

    async def take(self, digests: Collection[str], priority: int) -> frozenset[str]:
        """See ``Claims``."""
        given = {**self._given(digests), "priority": priority}

        def take(connection: sqlite3.Connection) -> frozenset[str]:
            for statement in (_EXPIRE, _HOLD, _WANT):
                connection.execute(statement, given)
            return frozenset(digest for (digest,) in connection.execute(f"SELECT digest {_THESE}", given))

        try:
            return await self._database.run(take) if digests else frozenset()
        except StateUnavailable:
            return frozenset(digests)

    async def renew(self, digests: Collection[str]) -> int | None:
        """See ``Claims``. What was lost meanwhile, and nobody has claimed, is claimed again."""
        given = self._given(digests)

        def renew(connection: sqlite3.Connection) -> int | None:
            for statement in (_EXPIRE, _HOLD):
                connection.execute(statement, given)
            (wanted,) = connection.execute(f"SELECT min(wanted) {_THESE}", given).fetchone()
            return wanted if isinstance(wanted, int) else None

        try:
            return await self._database.run(renew) if digests else None
        except StateUnavailable:
            return None

    async def release(self, digests: Collection[str]) -> None:
        """See ``Claims``. If that cannot be written, they end by themselves."""
        given = self._given(digests)
        if digests:
            with suppress(StateUnavailable):
                await self._database.run(lambda connection: connection.execute(f"DELETE {_THESE}", given))

    def _given(self, digests: Collection[str]) -> dict[str, str | float]:
        """What the statements are told."""
        return {
            "me": self._owner,
            "now": self._clock(),
            "lease": self._lease_s,
            "digests": json.dumps(list(digests)),
        }
