"""What ``kibitz usage`` knows, gathered: of all windows and runs on this machine, at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from kibitz.app.periods import Periods
from kibitz.state.database import Database, StateUnavailable
from kibitz.state.places import database_path
from kibitz.telemetry import budget, documents, history
from kibitz.telemetry.cachebook import TIERS, CacheCounts
from kibitz.telemetry.cachecounts import TABLE as LOOKUPS
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.ledger import Entry, local_now, summed
from kibitz.telemetry.ledger_table import TABLE as LEDGER
from kibitz.telemetry.metrics import Distribution

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from kibitz.telemetry.caps import Cap
    from kibitz.telemetry.documents import Document
    from kibitz.telemetry.metrics import Family

K = TypeVar("K")

_A_WEEK = timedelta(6)
"""Together with the last day. Less than that is no course of time."""
_NOTHING = Distribution((), ())


@dataclass(frozen=True)
class Usage:
    """What was asked in some days, what it cost, and how it went. Its sums are made once."""

    since: date
    """The first of the days."""
    until: date
    """The last: today."""
    periods: Periods
    """The days, or weeks, from that on which there is something to tell of."""
    entries: Sequence[Entry] = ()
    """The lines of the ledger, in the order of time."""
    lookups: Mapping[str, Mapping[str, CacheCounts]] = field(default_factory=dict)
    """What the cache had, by period and tier."""
    course: Mapping[str, Sequence[Family]] = field(default_factory=dict)
    """What is measured beside that, by period."""
    metrics: Sequence[Family] = ()
    """The same of all periods together."""
    documents: Mapping[Document, Counts] = field(default_factory=dict)
    """What was asked about each, as far as that is kept; the most expensive first."""
    budgets: Sequence[tuple[Cap, int]] = ()
    """The caps, and what is spent of each by now."""
    problem: str = ""
    """Why nothing is known; empty if all is well."""

    @cached_property
    def total(self) -> Counts:
        """All of it."""
        return summed(entry.counts for entry in self.entries)

    @cached_property
    def over_time(self) -> dict[str, Counts]:
        """By period, those in which something was asked."""
        return self.by(lambda entry: self.periods.of(entry.period))

    @cached_property
    def days(self) -> dict[str, Counts]:
        """By calendar day (ISO 8601), those on which something was asked."""
        return self.by(lambda entry: entry.day)

    @cached_property
    def models(self) -> dict[str, Counts]:
        """By model, the most expensive or else the busiest first."""
        return dearest_first(self.by(lambda entry: entry.account.model))

    @cached_property
    def purposes(self) -> dict[str, Counts]:
        """By what it was for."""
        return dearest_first(self.by(lambda entry: entry.account.purpose))

    @cached_property
    def cache(self) -> dict[str, CacheCounts]:
        """What the cache had, by tier, in the order in which they are asked."""
        found: dict[str, CacheCounts] = {}
        for tiers in self.lookups.values():
            for tier, counts in tiers.items():
                found[tier] = found.get(tier, CacheCounts()) + counts
        return {tier: found[tier] for tier in TIERS if tier in found}

    def metric(self, name: str) -> Family:
        """One of the metrics."""
        return next(family for family in self.metrics if family.described.name == name)

    def by(self, what: Callable[[Entry], K]) -> dict[K, Counts]:
        """The counts of the ledger by something."""
        found: dict[K, Counts] = {}
        for entry in self.entries:
            key = what(entry)
            found[key] = found.get(key, Counts()) + entry.counts
        return found


async def usage(since: date, today: date, caps: Sequence[Cap] = ()) -> Usage:
    """Look into the books; a day later than today is one that the clock was set back from, and counts."""
    database = Database(database_path())
    for component in (
        *(LEDGER.component, LOOKUPS.component, history.TABLE.component),
        *(documents.COMPONENT, budget.COMPONENT),
    ):
        database.register(component)
    try:
        return await database.read(partial(_look, since, today, caps, local_now()))
    except StateUnavailable as error:
        return Usage(since, today, Periods.between(since, today), problem=str(error))
    finally:
        await database.aclose()


def _look(
    since: date, today: date, caps: Sequence[Cap], moment: datetime, connection: sqlite3.Connection
) -> Usage:
    """In one transaction, so that what belongs together adds up."""
    day, metrics = since.isoformat(), Metrics()
    periods = Periods.between(_begin(connection, since, today), today)
    measured = history.TABLE.grouped(connection, day, periods.of)
    together: dict[str, Distribution] = {}
    for series in measured.values():
        for name, counted in series.items():
            together[name] = together.get(name, _NOTHING) + counted
    return Usage(
        since,
        today,
        periods,
        entries=[Entry(*row) for row in LEDGER.rows(connection, day)],
        lookups=LOOKUPS.grouped(connection, day, periods.of),
        course={period: history.families(metrics, series) for period, series in measured.items()},
        metrics=history.families(metrics, together),
        documents=dearest_first(documents.since(connection, day)),
        budgets=budget.standing_at(connection, moment).of(caps) if caps else (),
    )


def _begin(connection: sqlite3.Connection, since: date, today: date) -> date:
    """The first day on which there is anything, or a week ago if that is earlier."""
    first = connection.execute(
        "SELECT min(day) FROM (SELECT min(period) AS day FROM ledger_entries WHERE period >= :since "
        "UNION ALL SELECT min(day) FROM savings_counts WHERE day >= :since "
        "UNION ALL SELECT min(day) FROM metrics_days WHERE day >= :since)",
        {"since": since.isoformat()},
    ).fetchone()[0]
    begin = today - _A_WEEK
    if first is not None:
        begin = min(begin, date.fromisoformat(first[:10]))
    return max(since, begin)


def dearest_first(counts: Mapping[K, Counts]) -> dict[K, Counts]:
    """The most expensive, or else the busiest, first."""

    def cost(item: tuple[K, Counts]) -> tuple[float, int, str]:
        return -float(item[1].cost_usd or 0), -item[1].requests, str(item[0])

    return dict(sorted(counts.items(), key=cost))
