"""The ledger: what was asked and what it cost, by hour, model, workspace and purpose.

All processes of this machine write into one book, in the state database, off the event loop. An hour is one
on the user's clock, and a day's hours add up to the day. After six weeks the hours of a day become one entry,
and after a year and a month a day is forgotten, so the book does not grow with the years.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from kibitz.state.database import StateUnavailable
from kibitz.telemetry import documents
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.daily import Daily
from kibitz.telemetry.ledger_table import TABLE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from kibitz.state.database import Database

__all__ = ["Account", "Counts", "Entry", "Ledger", "hour_of", "local_now", "summed"]

_OWN_MOST = 2048
"""So many entries of its own a process remembers by hour; the oldest are then one."""
_UNWRITTEN_MOST = 1000
"""So many documents wait for a database that cannot be written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the book."""

    period: str
    """``2026-11-23T14``, the hour on the user's clock; of what is older than six weeks, the day alone."""
    account: Account
    counts: Counts

    @property
    def day(self) -> str:
        """The calendar day, in ISO 8601."""
        return self.period[:10]


def local_now() -> datetime:
    """The time where the user is."""
    return datetime.now().astimezone()


def hour_of(moment: datetime) -> str:
    """The period of an hour."""
    return moment.strftime("%Y-%m-%dT%H")


class Ledger(Daily[Account, Counts]):
    """See the module and ``Daily``. Belongs to one event loop."""

    def __init__(self, database: Database | None = None, *, now: Callable[[], datetime] = local_now) -> None:
        """Do no I/O."""
        super().__init__(TABLE, database, day=lambda: now().date())
        self.now = now
        self._released: set[str] = set()
        self._releasing: set[str] = set()
        self._named: dict[tuple[str, documents.Document], Counts] = {}
        """What is not yet written about documents, by day."""
        self._naming: dict[tuple[str, documents.Document], Counts] = {}
        """What is being written, or was and could not be."""
        if database is not None:
            database.register(documents.COMPONENT)

    @property
    def run(self) -> Counts:
        """What this process counted since it began."""
        return summed(self._own.values())

    def book(self, account: Account, counts: Counts, *, release: str = "", document: str = "") -> None:
        """Count, and in the same transaction let go of what was held for it under that name.

        ``document`` is what it was about, by its name within the account's workspace.
        """
        if release:
            self._released.add(release)
        if document and self._database is not None and len(self._named) + len(self._naming) < _UNWRITTEN_MOST:
            place = (self._day().isoformat(), documents.Document(account.workspace, document))
            self._named[place] = self._named.get(place, Counts()) + counts
        self.add(account, counts)

    def own_since(self, period: str) -> Counts:
        """What this process counted from that hour or day on. Waits for nothing."""
        return summed(self._own_since(period).values())

    async def today(self) -> Counts:
        """What all processes counted on this calendar day, where the user is."""
        return summed((await self.since(1)).values())

    async def today_by_model(self) -> dict[str, Counts]:
        """The same by model."""
        found: dict[str, Counts] = {}
        for account, counts in (await self.since(1)).items():
            found[account.model] = found.get(account.model, Counts()) + counts
        return found

    async def entries(self, days: int) -> list[Entry]:
        """All lines of the last ``days`` calendar days, today included, in the order of time."""
        day: date = self.now().date() - timedelta(days - 1)
        if self._database is not None:
            with suppress(StateUnavailable):  # the database has said so
                await self._written()
                if not self._unwritten:
                    rows = await self._database.read(partial(TABLE.rows, day=day.isoformat()))
                    return [Entry(period, account, counts) for period, account, counts in rows]
        return sorted(
            (Entry(period, name, counts) for (period, name), counts in self._own.items()),
            key=lambda entry: (entry.period, entry.account),
        )

    async def hours(self) -> list[tuple[str, Counts]]:
        """All that was counted hour by hour, of the last six weeks, in the order of time."""
        if self._database is not None:
            with suppress(StateUnavailable):  # as above
                await self._written()
                return await self._database.read(TABLE.hours)
        found: dict[str, Counts] = {}
        for (period, _), counts in self._own.items():
            found[period] = found.get(period, Counts()) + counts
        return [(period, found[period]) for period in sorted(found) if period]

    def _stamp(self) -> str:
        return hour_of(self.now())

    def _job(self, batch: Mapping[tuple[str, Account], Counts]) -> Callable[[sqlite3.Connection], None]:
        self._releasing |= self._released
        self._released = set()
        for place, counts in self._named.items():
            self._naming[place] = self._naming.get(place, Counts()) + counts
        self._named = {}
        return partial(_write, batch, frozenset(self._releasing), dict(self._naming))

    def _landed(self) -> None:
        self._releasing = set()
        self._naming = {}
        if len(self._own) > _OWN_MOST:
            self._fold()

    def _fold(self) -> None:
        """Make the oldest of its own entries one for each account, before all time."""
        oldest = sorted(self._own)[: _OWN_MOST // 2]
        for place in oldest:
            counts = self._own.pop(place)
            self._merge(self._own, ("", place[1]), counts)


def _write(
    batch: Mapping[tuple[str, Account], Counts],
    released: frozenset[str],
    named: Mapping[tuple[str, documents.Document], Counts],
    connection: sqlite3.Connection,
) -> None:
    TABLE.add(connection, batch, released)
    documents.add(connection, named)


def summed(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(counts, Counts())
