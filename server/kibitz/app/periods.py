"""How a long time is divided for the eye: into days, or weeks where there are many days."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

MOST_DAYS = 62
"""So many days have periods of their own."""
_WEEK = timedelta(7)


@dataclass(frozen=True, slots=True)
class Periods:
    """Of a time. Each is called by its first day, in ISO 8601."""

    unit: Literal["day", "week"]
    names: tuple[str, ...]
    """In order; at least one."""

    @classmethod
    def between(cls, first: date, last: date) -> Periods:
        """All days from one to another, or the weeks that they are of; those begin on Mondays."""
        count = (last - first).days + 1
        if count <= MOST_DAYS:
            days = [first + timedelta(number) for number in range(max(count, 1))]
            return cls("day", tuple(day.isoformat() for day in days))
        names, monday = [first.isoformat()], first - timedelta(first.weekday()) + _WEEK
        while monday <= last:
            names.append(monday.isoformat())
            monday += _WEEK
        return cls("week", tuple(names))

    @property
    def head(self) -> str:
        """What stands above a column of their names."""
        return "Week of" if self.unit == "week" else "Day"

    def of(self, day: str) -> str:
        """The one that a day or hour belongs to; what is before or after all of them, to the nearest."""
        return self.names[max(bisect_right(self.names, day) - 1, 0)]
