"""What each document cost, by day: plain SQL, without a loop. The ledger writes it along with its entries.

For the eyes of the user alone, so documents have names here, as they are within the open folder; never more
of the path. Of each day those are kept that cost most, for as long as the ledger keeps the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kibitz.state.store import Component
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.ledger_table import MOST, dollars, pico

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

KEPT = 100
"""So many documents of a day are kept; now and then it is twice as many."""
_COLUMNS = ("requests", "input_tokens", "output_tokens", "cost_pico", "unpriced")
_SUMS = ", ".join(f"sum({name})" for name in _COLUMNS)
_ADDED = ", ".join(
    f"{name} = min(coalesce({name} + excluded.{name}, {name}, excluded.{name}), {MOST})" for name in _COLUMNS
)
_ADD = f"INSERT INTO documents_days VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_ADDED}"  # noqa: S608 - names of ours
_CHEAPEST = (
    "SELECT workspace, name FROM documents_days WHERE day = ? "
    "ORDER BY coalesce(cost_pico, 0) DESC, input_tokens + output_tokens DESC, workspace, name "
    "LIMIT -1 OFFSET ?"
)

COMPONENT = Component(
    "documents",
    1,
    (
        """
        CREATE TABLE documents_days (
            day TEXT, workspace TEXT, name TEXT, requests INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL, cost_pico INTEGER, unpriced INTEGER NOT NULL,
            PRIMARY KEY (day, workspace, name)
        ) WITHOUT ROWID
        """,
    ),
)


class Document(NamedTuple):
    """A document, as the books know it."""

    workspace: str
    """The code of the folder that it is in."""
    name: str
    """Its path within that folder, with ``/`` between the parts."""


def add(connection: sqlite3.Connection, batch: Mapping[tuple[str, Document], Counts]) -> None:
    """Add counts by day (ISO 8601) and document to what is there, and forget the cheapest of too many.

    In the transaction that adds them to the ledger, and after that.
    """
    newest = connection.execute("SELECT max(day) FROM documents_days").fetchone()[0] or ""
    for (day, document), counts in batch.items():
        connection.execute(_ADD, (day, *document, *_row(counts)))
    for day in {day for day, _ in batch}:
        (count,) = connection.execute("SELECT count(*) FROM documents_days WHERE day = ?", (day,)).fetchone()
        if count > 2 * KEPT:
            cheapest = connection.execute(_CHEAPEST, (day, KEPT)).fetchall()
            connection.executemany(
                "DELETE FROM documents_days WHERE day = ? AND workspace = ? AND name = ?",
                [(day, *document) for document in cheapest],
            )
    if any(day > newest for day, _ in batch):
        # What the ledger has forgotten.
        connection.execute(
            "DELETE FROM documents_days WHERE day NOT IN (SELECT substr(period, 1, 10) FROM ledger_entries)"
        )


def since(connection: sqlite3.Connection, day: str) -> dict[Document, Counts]:
    """What was asked about each document from ``day`` (ISO 8601) on, as far as it is kept."""
    found = connection.execute(
        f"SELECT workspace, name, {_SUMS} FROM documents_days WHERE day >= ? GROUP BY workspace, name",  # noqa: S608
        (day,),
    )
    return {Document(*row[:2]): _counts(row[2:]) for row in found}


def _row(counts: Counts) -> Iterator[int | None]:
    for value in (
        counts.requests,
        counts.input_tokens,
        counts.output_tokens,
        pico(counts.cost_usd),
        counts.unpriced,
    ):
        yield None if value is None else min(value, MOST)


def _counts(row: Sequence[Any]) -> Counts:
    requests, given, output, cost, unpriced = row
    usd = None if cost is None else dollars(cost)
    return Counts(requests, given, output_tokens=output, cost_usd=usd, unpriced=unpriced)
