"""How much may be asked ahead of time in a day, over all windows; the state database keeps the sum.

Without the database nobody knows what the others have asked, so nothing is granted.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from kibitz.state.database import Component, StateUnavailable
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import date

    from kibitz.state.database import Database

COMPONENT = Component(
    "warming",
    1,
    ("CREATE TABLE warming_days (day TEXT PRIMARY KEY, tokens INTEGER NOT NULL) WITHOUT ROWID",),
)


class DailyBudget:
    """``most`` input tokens for each calendar day, where the user is. Belongs to one event loop."""

    def __init__(self, database: Database, most: int, *, day: Callable[[], date] = local_day) -> None:
        """Do no I/O."""
        self._database = database
        self._most = most
        self._day = day
        database.register(COMPONENT)

    async def take(self, tokens: int) -> bool:
        """Take so many, if there are as many left."""
        try:
            return await self._database.run(partial(_take, self._day(), tokens, self._most))
        except StateUnavailable:
            return False

    async def settle(self, taken: int, used: int) -> None:
        """What was taken is used by now, and was so much in truth."""
        with suppress(StateUnavailable):  # the database has said so, and the estimate stands
            await self._database.run(partial(_add, self._day(), used - taken))


def _take(day: date, tokens: int, most: int, connection: sqlite3.Connection) -> bool:
    # Tomorrow counts: the clock may have been set back from there. What is later was never a real day.
    days = (day.isoformat(), (day + timedelta(days=1)).isoformat())
    connection.execute("DELETE FROM warming_days WHERE day NOT IN (?, ?)", days)
    (spent,) = connection.execute("SELECT coalesce(sum(tokens), 0) FROM warming_days").fetchone()
    if spent + tokens > most:
        return False
    _add(day, tokens, connection)
    return True


def _add(day: date, tokens: int, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO warming_days VALUES (?, max(?, 0)) "
        "ON CONFLICT (day) DO UPDATE SET tokens = max(tokens + ?, 0)",
        (day.isoformat(), tokens, tokens),
    )
