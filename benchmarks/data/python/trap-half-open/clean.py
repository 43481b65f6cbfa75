"""Ranges of days, from the first one up to, but not including, the last one."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Days:
    """Half open: ``end`` is the day after the last one. ``start`` is not after ``end``."""

    start: date
    end: date

    def __len__(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def overlaps(self, other: "Days") -> bool:
        """Whether a day is in both."""
        return max(self.start, other.start) < min(self.end, other.end)

    def list(self) -> list[date]:
        """All days."""
        return [self.start + timedelta(days=number) for number in range(len(self))]
