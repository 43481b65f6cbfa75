"""What ``kibitz usage`` knows, gathered: of all windows and runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import TIERS, CacheBook
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.history import History
from kibitz.telemetry.ledger import Ledger, summed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from kibitz.telemetry.cachecounts import CacheCounts
    from kibitz.telemetry.ledger import Entry
    from kibitz.telemetry.metrics import Family


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked in some days, what it cost, and how it went."""

    since: date
    """The first of the days."""
    until: date
    """The last: today."""
    entries: Sequence[Entry]
    """The lines of the ledger, in the order of time."""
    cache: Mapping[str, CacheCounts]
    """What the cache had, by tier."""
    metrics: Sequence[Family]
    """What is measured beside that."""
    problem: str = ""
    """Why nothing is known; empty if all is well."""

    @property
    def total(self) -> Counts:
        """All of it."""
        return summed(entry.counts for entry in self.entries)

    @property
    def days(self) -> dict[str, Counts]:
        """By calendar day (ISO 8601), those on which something was asked."""
        return self._by(lambda entry: entry.day)

    @property
    def models(self) -> dict[str, Counts]:
        """By model, the most expensive or else the busiest first."""
        return _dearest_first(self._by(lambda entry: entry.account.model))

    @property
    def purposes(self) -> dict[str, Counts]:
        """By what it was for."""
        return _dearest_first(self._by(lambda entry: entry.account.purpose))

    def metric(self, name: str) -> Family:
        """One of the metrics."""
        return next(family for family in self.metrics if family.described.name == name)

    def _by(self, what: Callable[[Entry], str]) -> dict[str, Counts]:
        found: dict[str, Counts] = {}
        for entry in self.entries:
            found[what(entry)] = found.get(what(entry), Counts()) + entry.counts
        return found


async def usage(since: date, today: date) -> Usage:
    """Look into the books; a day later than today is one that the clock was set back from, and counts."""
    database, days = Database(database_path()), (today - since).days + 1
    ledger = Ledger(database)
    book = CacheBook(database, day=lambda: today)
    history = History(database, Metrics(), day=lambda: today)
    try:
        entries, counts = await ledger.entries(days), await book.since(days)
        families = await history.since(days)
    finally:
        await database.aclose()
    cache = {tier: counts[tier] for tier in TIERS if tier in counts}
    return Usage(since, today, entries, cache, families, database.problem)


def _dearest_first(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    def cost(item: tuple[str, Counts]) -> tuple[float, int, str]:
        return -float(item[1].cost_usd or 0), -item[1].requests, item[0]

    return dict(sorted(counts.items(), key=cost))
