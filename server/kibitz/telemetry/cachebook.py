"""How often the cache had the answer, and what that saved: in this process, and on this machine by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.telemetry.cachecounts import TABLE, CacheCounts, hit_rate, total
from kibitz.telemetry.daily import Daily

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from kibitz.state.database import Database

__all__ = ["PAUSE_S", "TIERS", "CacheBook", "CacheCounts", "hit_rate", "total"]

TIERS = ("memory", "disk", "team")
"""In the order in which they are asked."""
PAUSE_S = 5.0
"""Looking up happens with every keystroke's review; writing need not. What a crash takes is statistics."""


class CacheBook(Daily[str, CacheCounts]):
    """See the module and ``Daily``; by tier. Belongs to one event loop."""

    def __init__(
        self,
        database: Database | None = None,
        *,
        day: Callable[[], date] | None = None,
        pause_s: float = PAUSE_S,
    ) -> None:
        super().__init__(TABLE, database, day=day, pause_s=pause_s)

    @property
    def run(self) -> Mapping[str, CacheCounts]:
        """What this process counted since it began, by tier."""
        return self._own_since()
