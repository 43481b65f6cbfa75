"""How often the cache had the answer, and what that saved: counts, and the table that keeps them by day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kibitz.state.store import Component
from kibitz.telemetry.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Of one tier: what it was asked for, and what came of that."""

    looked_up: int = 0
    """Answers that this tier was asked for, whether it had them, a tier below did, or none."""
    hits: int = 0
    """Answers that it had and that were fresh: nothing was sent for them."""
    stale: int = 0
    """Answers that it had and that were shown, and asked for again because of their age."""
    misses: int = 0
    """Answers that no tier had, of which this one was the last to be asked."""
    saved_input_tokens: int = 0
    """What the hits had cost when they were asked for."""
    saved_output_tokens: int = 0
    saved_usd: Decimal | None = None
    """US dollars, as far as prices were known; None where none was."""

    def __add__(self, other: CacheCounts) -> CacheCounts:
        known = [counts.saved_usd for counts in (self, other) if counts.saved_usd is not None]
        return CacheCounts(
            looked_up=self.looked_up + other.looked_up,
            hits=self.hits + other.hits,
            stale=self.stale + other.stale,
            misses=self.misses + other.misses,
            saved_input_tokens=self.saved_input_tokens + other.saved_input_tokens,
            saved_output_tokens=self.saved_output_tokens + other.saved_output_tokens,
            saved_usd=sum(known, Decimal(0)) if known else None,
        )

    @property
    def hit_rate(self) -> float | None:
        """The tier's own, from 0 to 1: of what it was asked for, the share that it had fresh."""
        return self.hits / self.looked_up if self.looked_up else None


def total(tiers: Iterable[CacheCounts]) -> CacheCounts:
    """All tiers as one; ``looked_up`` counts every answer once, and not once for each tier asked."""
    summed = sum(tiers, CacheCounts())
    return CacheCounts(
        looked_up=summed.hits + summed.stale + summed.misses,
        hits=summed.hits,
        stale=summed.stale,
        misses=summed.misses,
        saved_input_tokens=summed.saved_input_tokens,
        saved_output_tokens=summed.saved_output_tokens,
        saved_usd=summed.saved_usd,
    )


def hit_rate(tiers: Iterable[CacheCounts]) -> float | None:
    """All tiers' together, from 0 to 1: the share of answers for which nothing was sent; None of nothing."""
    return total(tiers).hit_rate


def _row(counts: CacheCounts) -> tuple[int | str | None, ...]:
    return (
        counts.looked_up,
        counts.hits,
        counts.stale,
        counts.misses,
        counts.saved_input_tokens,
        counts.saved_output_tokens,
        None if counts.saved_usd is None else str(counts.saved_usd),
    )


def _counts(row: Sequence[Any]) -> CacheCounts:
    looked_up, hits, stale, misses, given, output, usd = row
    return CacheCounts(looked_up, hits, stale, misses, given, output, None if usd is None else Decimal(usd))


TABLE = Table(
    component=Component(
        "savings",
        1,
        (
            """
            CREATE TABLE savings_counts (
                day TEXT, tier TEXT, looked_up INTEGER, hits INTEGER, stale INTEGER, misses INTEGER,
                input_tokens INTEGER, output_tokens INTEGER, usd TEXT,
                PRIMARY KEY (day, tier)
            ) WITHOUT ROWID
            """,
        ),
    ),
    name="savings_counts",
    by="tier",
    nothing=CacheCounts(),
    row_of=_row,
    counts_of=_counts,
)
