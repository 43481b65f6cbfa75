"""Tables of counts by calendar day and one name, in the state database: plain SQL, without a loop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from kibitz.state.store import Component

KEPT_DAYS = 400
"""So many days are kept, as in the ledger."""


class Addable(Protocol):
    """Counts of one kind; in which order they are added does not matter."""

    def __add__(self, other: Self, /) -> Self: ...


C = TypeVar("C", bound=Addable)
K = TypeVar("K")
"""What is counted by, within a period."""


@dataclass(frozen=True, slots=True)
class Table(Generic[C]):
    """A table whose first columns are the day and ``by``, which are its key; the others are the counts."""

    component: Component
    """What makes the table."""
    name: str
    by: str
    """What it counts by: the name of its second column."""
    nothing: C
    row_of: Callable[[C], tuple[int | str | None, ...]]
    """The counts as their columns have them."""
    counts_of: Callable[[Sequence[Any]], C]
    """The other way round."""

    def add(self, connection: sqlite3.Connection, batch: Mapping[tuple[str, str], C]) -> None:
        """Add counts by day (ISO 8601) and name to what is there, and forget the oldest days."""
        newest = connection.execute(f"SELECT max(day) FROM {self.name}").fetchone()[0] or ""  # noqa: S608 - names of ours
        for (day, name), counts in batch.items():
            row = connection.execute(
                f"SELECT * FROM {self.name} WHERE day = ? AND {self.by} = ?",  # noqa: S608 - as above
                (day, name),
            ).fetchone()
            new = counts if row is None else self.counts_of(row[2:]) + counts
            values = (day, name, *self.row_of(new))
            marks = ", ".join("?" * len(values))
            connection.execute(
                f"INSERT OR REPLACE INTO {self.name} VALUES ({marks})",  # noqa: S608 - as above
                values,
            )
        if any(day > newest for day, _ in batch):
            # By number, not by date: a clock that is ahead for a moment must not cost the days of before.
            connection.execute(
                f"DELETE FROM {self.name} WHERE day NOT IN "  # noqa: S608 - as above
                f"(SELECT DISTINCT day FROM {self.name} ORDER BY day DESC LIMIT ?)",
                (KEPT_DAYS,),
            )

    def since(self, connection: sqlite3.Connection, day: str) -> dict[str, C]:
        """What was counted from ``day`` (ISO 8601) on, by name."""
        return self.grouped(connection, day, lambda _: "").get("", {})

    def grouped(
        self, connection: sqlite3.Connection, day: str, period: Callable[[str], str]
    ) -> dict[str, dict[str, C]]:
        """The same by the ``period`` that each day belongs to, and then by name; days are not kept apart."""
        rows = connection.execute(f"SELECT * FROM {self.name} WHERE day >= ?", (day,))  # noqa: S608 - as above
        found: dict[str, dict[str, C]] = {}
        for of, name, *counts in rows:
            group = found.setdefault(period(of), {})
            group[name] = group.get(name, self.nothing) + self.counts_of(counts)
        return found


def local_day() -> date:
    """The calendar day where the user is."""
    return datetime.now().astimezone().date()
