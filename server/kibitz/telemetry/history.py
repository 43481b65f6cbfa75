"""The metrics of all of this machine's processes, by calendar day: what the books do not have by themselves.

Each process adds what it counted since it did so last, now and then and when it ends; what a crash takes is
statistics.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kibitz.state.store import Component
from kibitz.telemetry.daily import Daily
from kibitz.telemetry.metrics import Distribution, Family, Kind
from kibitz.telemetry.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from kibitz.state.database import Database
    from kibitz.telemetry.catalogue import Metrics
    from kibitz.telemetry.metrics import Labels

PAUSE_S = 60.0

_NOTHING = Distribution((), ())


class History:
    """See the module. Belongs to one event loop."""

    def __init__(
        self, database: Database | None, metrics: Metrics, *, day: Callable[[], date] | None = None
    ) -> None:
        """Do no I/O. What ``metrics`` counted before is somebody else's to keep."""
        self._metrics = metrics
        self._days = Daily(TABLE, database, day=day)
        self._before = self._counted()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Keep what is counted from now on."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._again)

    def note(self) -> None:
        """Add what was counted since. Written in the background."""
        now = self._counted()
        for series, counted in now.items():
            if (more := _less(counted, self._before.get(series, _NOTHING))) is not None:
                self._days.add(json.dumps(series), more)
        self._before = now

    async def since(self, days: int) -> list[Family]:
        """What all processes counted in the last ``days`` calendar days, today included."""
        self.note()
        return families(self._metrics, await self._days.since(days))

    async def written(self) -> None:
        """Write what was counted by now, if that can be."""
        self.note()
        await self._days.written()

    async def aclose(self) -> None:
        """Write what is not yet written, if that can be."""
        if self._timer is not None:
            self._timer.cancel()
        self.note()
        await self._days.aclose()

    def _again(self) -> None:
        self._timer = None
        self.note()
        self.begin()

    def _counted(self) -> dict[Labels, Distribution]:
        """By the instrument's name and the labels."""
        return {
            (family.described.name, *labels): counted
            for family in _kept(self._metrics)
            for labels, counted in (
                *family.distributions.items(),
                *((labels, Distribution((), (), number)) for labels, number in family.numbers.items()),
            )
        }


def families(metrics: Metrics, counted: Mapping[str, Distribution]) -> list[Family]:
    """Those of the metrics that are kept, with what was counted by series, as the table names them."""
    found = {_series(name): each for name, each in counted.items()}
    return [_family(family, found) for family in _kept(metrics)]


def _kept(metrics: Metrics) -> Iterator[Family]:
    return (each.family() for each in metrics if each.described.kept)


def _less(now: Distribution, before: Distribution) -> Distribution | None:
    """What came since; None: nothing."""
    if now == before:
        return None
    counts = now.counts
    if before.counts:
        counts = tuple(one - other for one, other in zip(now.counts, before.counts, strict=True))
    return Distribution(now.bounds, counts, now.sum - before.sum)


def _family(family: Family, found: Mapping[Labels, Distribution]) -> Family:
    name, length = family.described.name, len(family.described.labels)
    mine = {series[1:]: counted for series, counted in found.items() if series[:1] == (name,)}
    # What another version of kibitz counted by other labels is not the same.
    mine = {labels: counted for labels, counted in mine.items() if len(labels) == length}
    if family.kind is Kind.HISTOGRAM:
        return replace(family, distributions={labels: each for labels, each in mine.items() if each.bounds})
    return replace(family, numbers={labels: each.sum for labels, each in mine.items()})


def _series(name: str) -> Labels:
    return tuple(map(str, json.loads(name)))


def _row(counted: Distribution) -> tuple[int | str | None, ...]:
    return json.dumps(counted.bounds), json.dumps(counted.counts), repr(counted.sum)


def _counts(row: Sequence[Any]) -> Distribution:
    bounds, counts, total = row
    return Distribution(_numbers(bounds), tuple(json.loads(counts)), float(total))


@lru_cache(maxsize=8)
def _numbers(bounds: str) -> tuple[float, ...]:
    """There are few, and thousands of rows have each of them."""
    return tuple(json.loads(bounds))


TABLE = Table(
    component=Component(
        "metrics",
        1,
        (
            """
            CREATE TABLE metrics_days (
                day TEXT, series TEXT, bounds TEXT, counts TEXT, total TEXT,
                PRIMARY KEY (day, series)
            ) WITHOUT ROWID
            """,
        ),
    ),
    name="metrics_days",
    by="series",
    nothing=_NOTHING,
    row_of=_row,
    counts_of=_counts,
)
