"""The ledger's table, in the state database: plain SQL, without a loop."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kibitz.state.store import Component
from kibitz.telemetry.counts import Account, Counts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence

HOURLY_DAYS = 42
"""So many days, the newest, are kept hour by hour."""
KEPT_DAYS = 400
"""So many days are kept at all."""
PICO = 10**12
"""The cost is kept in whole pico-dollars: a cached token costs less than a nano-dollar in a batch."""
MOST = 10**15
"""Of one kind in one entry. A provider may report what it likes, and SQLite counts to nine times 10**18."""
_HOUR = 13
"""Characters of the name of an hour."""
_COLUMNS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_pico",
    "failed",
    "cache_write_tokens",
    "retries",
    "unpriced",
)
"""In the order of the fields of ``Counts``."""
_NAMES = ", ".join(_COLUMNS)
_SUMS = ", ".join(f"sum({name})" for name in _COLUMNS)
_ADDED = ", ".join(
    f"{name} = min(coalesce({name} + excluded.{name}, {name}, excluded.{name}), {MOST})" for name in _COLUMNS
)
_MARKS = ", ".join("?" * (4 + len(_COLUMNS)))
_ADD = f"INSERT INTO ledger_entries VALUES ({_MARKS}) ON CONFLICT DO UPDATE SET {_ADDED}"  # noqa: S608 - names of ours
_ROLL_UP = (
    "INSERT INTO ledger_entries "  # noqa: S608 - names of ours
    f"SELECT substr(period, 1, 10), model, workspace, purpose, {_SUMS} FROM ledger_entries "
    f"WHERE length(period) = {_HOUR} AND substr(period, 1, 10) = ? GROUP BY model, workspace, purpose "
    f"ON CONFLICT DO UPDATE SET {_ADDED}"
)

COMPONENT = Component(
    "ledger",
    1,
    (
        """
        CREATE TABLE ledger_entries (
            period TEXT, model TEXT, workspace TEXT, purpose TEXT, requests INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
            reasoning_tokens INTEGER NOT NULL, cost_pico INTEGER, failed INTEGER NOT NULL,
            cache_write_tokens INTEGER NOT NULL, retries INTEGER NOT NULL, unpriced INTEGER NOT NULL,
            PRIMARY KEY (period, model, workspace, purpose)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE ledger_holds (
            name TEXT PRIMARY KEY, until REAL NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
            pico INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        # What versions before the ledger counted by day and model. They made the table in these words.
        """
        CREATE TABLE IF NOT EXISTS days_counts (
            day TEXT, model TEXT, requests INTEGER, input_tokens INTEGER, cached_tokens INTEGER,
            output_tokens INTEGER, reasoning_tokens INTEGER, cost_usd TEXT, failed INTEGER,
            PRIMARY KEY (day, model)
        ) WITHOUT ROWID
        """,
        # They had no price for a sum of which a part had none; how many that were is not known.
        f"""
        INSERT INTO ledger_entries
        SELECT day, model, '', '', requests, input_tokens, cached_tokens, output_tokens, reasoning_tokens,
            CAST(round(CAST(cost_usd AS REAL) * {PICO}) AS INTEGER), failed, 0, 0,
            CASE WHEN cost_usd IS NULL THEN requests ELSE 0 END
        FROM days_counts
        """,  # noqa: S608 - a number of ours
        "DROP TABLE days_counts",
        "DELETE FROM components WHERE name = 'days'",
    ),
)


class LedgerTable:
    """Entries by period and account (model, workspace, purpose). See ``Kept``."""

    component = COMPONENT
    nothing = Counts()

    def add(
        self,
        connection: sqlite3.Connection,
        batch: Mapping[tuple[str, Account], Counts],
        released: Collection[str] = (),
    ) -> None:
        """Add counts by period and account, let go of holds, and make old hours days."""
        newest = connection.execute("SELECT max(period) FROM ledger_entries").fetchone()[0] or ""
        for (period, account), counts in batch.items():
            connection.execute(_ADD, (period, *account, *_row(counts)))
        for name in released:
            connection.execute("DELETE FROM ledger_holds WHERE name = ?", (name,))
        if any(period > newest for period, _ in batch):
            _tidy(connection)

    def since(self, connection: sqlite3.Connection, day: str) -> dict[Account, Counts]:
        """What was counted from that period on, by account."""
        found = connection.execute(
            f"SELECT model, workspace, purpose, {_SUMS} FROM ledger_entries WHERE period >= ? "  # noqa: S608
            "GROUP BY model, workspace, purpose",
            (day,),
        )
        return {Account(*row[:3]): _counts(row[3:]) for row in found}

    def rows(self, connection: sqlite3.Connection, day: str) -> list[tuple[str, Account, Counts]]:
        """All entries from ``day`` on, in the order of time."""
        found = connection.execute(
            f"SELECT period, model, workspace, purpose, {_NAMES} FROM ledger_entries "  # noqa: S608 - names of ours
            "WHERE period >= ? ORDER BY period, model, workspace, purpose",
            (day,),
        )
        return [(row[0], Account(*row[1:4]), _counts(row[4:])) for row in found]

    def hours(self, connection: sqlite3.Connection) -> list[tuple[str, Counts]]:
        """What was counted in each hour that is kept as one, in the order of time."""
        found = connection.execute(
            f"SELECT period, {_SUMS} FROM ledger_entries WHERE length(period) = {_HOUR} "  # noqa: S608
            "GROUP BY period ORDER BY period"
        )
        return [(row[0], _counts(row[1:])) for row in found]


def pico(usd: Decimal | None) -> int | None:
    """Dollars in whole pico-dollars."""
    return None if usd is None else min(round(usd * PICO), MOST)


def dollars(amount: int) -> Decimal:
    """The other way round, exactly."""
    return Decimal(amount).scaleb(-12)


def _row(counts: Counts) -> Iterator[int | None]:
    for value in (
        counts.requests,
        counts.input_tokens,
        counts.cached_tokens,
        counts.output_tokens,
        counts.reasoning_tokens,
        pico(counts.cost_usd),
        counts.failed,
        counts.cache_write_tokens,
        counts.retries,
        counts.unpriced,
    ):
        yield None if value is None else min(value, MOST)


def _counts(row: Sequence[Any]) -> Counts:
    requests, given, cached, output, reasoning, cost, *rest = row
    usd = None if cost is None else dollars(cost)
    return Counts(requests, given, cached, output, reasoning, usd, *rest)


def _tidy(connection: sqlite3.Connection) -> None:
    """Make old hours days, and forget the oldest days.

    By number, not by date: a clock that is ahead for a moment must not cost the days of before.
    """
    old = connection.execute(
        f"SELECT DISTINCT substr(period, 1, 10) AS day FROM ledger_entries WHERE length(period) = {_HOUR} "  # noqa: S608
        "ORDER BY day DESC LIMIT -1 OFFSET ?",
        (HOURLY_DAYS,),
    ).fetchall()
    for (day,) in old:
        connection.execute(_ROLL_UP, (day,))
        connection.execute(
            f"DELETE FROM ledger_entries WHERE length(period) = {_HOUR} AND substr(period, 1, 10) = ?",  # noqa: S608
            (day,),
        )
    connection.execute(
        "DELETE FROM ledger_entries WHERE substr(period, 1, 10) NOT IN "
        "(SELECT DISTINCT substr(period, 1, 10) AS day FROM ledger_entries ORDER BY day DESC LIMIT ?)",
        (KEPT_DAYS,),
    )


TABLE = LedgerTable()
