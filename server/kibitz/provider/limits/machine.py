"""Limits that all kibitz processes on this machine share, through the state database."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeVar

from kibitz.provider.limits.account import Account, Asker
from kibitz.provider.limits.ledger import LedgerQuota, LedgerUnavailableError
from kibitz.provider.limits.quota import Limits
from kibitz.state.database import Component, StateUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from kibitz.provider.limits.account import Answer
    from kibitz.state.database import Database

T = TypeVar("T")

COMPONENT = Component(
    "quota",
    1,
    (
        """
        CREATE TABLE quota_accounts (
            scope TEXT PRIMARY KEY, at REAL, requests REAL, tokens REAL, pause REAL,
            requests_per_minute REAL, tokens_per_minute REAL, askers TEXT
        ) WITHOUT ROWID
        """,
    ),
)


class MachineQuota(LedgerQuota):
    """A ``SharedQuota`` for one machine. The database stays open when it is closed.

    ``clock`` has to be the same for all processes. The default one counts from the start of the machine and
    is never set back, unlike the time of day.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_DatabaseLedger(database, clock), clock=clock)


class _DatabaseLedger:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        database.register(COMPONENT)

    async def prepare(self) -> None:
        """Nothing to do: the database opens itself."""

    async def take(self, scope: str, who: str, tokens: float, limits: Limits) -> Answer:
        return await self._change(scope, lambda account, now: account.take(who, tokens, limits, now))

    async def settle(self, scope: str, requests: float, tokens: float, least: float) -> None:
        await self._change(scope, lambda account, now: account.settle(requests, tokens, least, now))

    async def pause(self, scope: str, seconds: float) -> None:
        await self._change(scope, lambda account, now: account.stop(seconds, now))

    async def reach(self) -> None:
        await self._within(lambda _connection: None)

    async def aclose(self) -> None:
        """The database belongs to others."""

    async def _change(self, scope: str, change: Callable[[Account, float], T]) -> T:
        def job(connection: sqlite3.Connection) -> T:
            account = _load(connection, scope)
            # The clock is read with the lock held, so that it does not go back from one process to the next.
            result = change(account, self._clock())
            _save(connection, scope, account)
            return result

        return await self._within(job)

    async def _within(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.run(job)
        except StateUnavailable as error:
            # The database says so itself, once.
            raise LedgerUnavailableError(str(error), reported=True) from error


def _load(connection: sqlite3.Connection, scope: str) -> Account:
    row = connection.execute("SELECT * FROM quota_accounts WHERE scope = ?", (scope,)).fetchone()
    if row is None:
        return Account()
    _, at, requests, tokens, pause, requests_per_minute, tokens_per_minute, askers = row
    return Account(
        at,
        requests,
        tokens,
        pause,
        Limits(requests_per_minute, tokens_per_minute),
        {who: Asker(*asker) for who, asker in json.loads(askers).items()},
    )


def _save(connection: sqlite3.Connection, scope: str, account: Account) -> None:
    limits = account.limits
    connection.execute(
        "INSERT OR REPLACE INTO quota_accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            scope,
            account.at,
            account.requests,
            account.tokens,
            account.pause,
            limits.requests_per_minute,
            limits.tokens_per_minute,
            json.dumps(account.askers),
        ),
    )
