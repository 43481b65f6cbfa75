"""What was asked and what it cost: by this process, and by all of this machine's processes today."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kibitz.state.store import Component
from kibitz.telemetry.daily import Daily
from kibitz.telemetry.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from kibitz.state.database import Database


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one or more requests; unreported numbers are 0."""

    requests: int = 0
    input_tokens: int = 0
    """All input tokens, cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    """US dollars; None where the price of any of the requests is unknown."""
    failed: int = 0
    """How many came to nothing."""

    def __add__(self, other: Counts) -> Counts:
        known = [counts.cost_usd for counts in (self, other) if counts.requests]
        priced = [cost for cost in known if cost is not None]
        return Counts(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=sum(priced, Decimal(0)) if known and len(priced) == len(known) else None,
            failed=self.failed + other.failed,
        )


def _row(counts: Counts) -> tuple[int | str | None, ...]:
    return (
        counts.requests,
        counts.input_tokens,
        counts.cached_tokens,
        counts.output_tokens,
        counts.reasoning_tokens,
        None if counts.cost_usd is None else str(counts.cost_usd),
        counts.failed,
    )


def _counts(row: Sequence[Any]) -> Counts:
    requests, given, cached, output, reasoning, cost, failed = row
    return Counts(requests, given, cached, output, reasoning, None if cost is None else Decimal(cost), failed)


TABLE = Table(
    component=Component(
        "days",
        1,
        (
            """
            CREATE TABLE days_counts (
                day TEXT, model TEXT, requests INTEGER, input_tokens INTEGER, cached_tokens INTEGER,
                output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd TEXT, failed INTEGER,
                PRIMARY KEY (day, model)
            ) WITHOUT ROWID
            """,
        ),
    ),
    name="days_counts",
    by="model",
    nothing=Counts(),
    row_of=_row,
    counts_of=_counts,
)


class Daybook(Daily[Counts]):
    """See the module and ``Daily``; by model. Belongs to one event loop."""

    def __init__(self, database: Database | None = None, *, day: Callable[[], date] | None = None) -> None:
        super().__init__(TABLE, database, day=day)

    @property
    def run(self) -> Counts:
        """What this process counted since it began."""
        return _sum(self._own.values())

    async def today(self) -> Counts:
        """What all processes counted on this calendar day, where the user is."""
        return _sum((await self.today_by_model()).values())

    async def today_by_model(self) -> dict[str, Counts]:
        """The same by model."""
        return await self.since(1)


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())
