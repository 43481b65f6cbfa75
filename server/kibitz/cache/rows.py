"""The table of answers on disk, for whoever has a connection to the state database: all that is SQL.

Everything here blocks, and works within a transaction of the caller's; whoever has an event loop uses
``kibitz.cache.disk``. Times are the wall clock's, since they outlive processes; a row from the future
counts as old as it is young, so that a clock that was set back makes none immortal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.cache.tier import Kept
from kibitz.state.store import Component

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping

ROW_OVERHEAD = 240
"""Bytes that a row takes beside its value: the digest, twice, the other columns and the indexes."""
TOUCH_S = 86_400.0
"""How exactly it is known when a row was last used. Finer costs a write for every read."""
_LARGEST = 1 / 8
"""A value that takes a larger share of the limit is not kept: it would drive out all others."""
_SLICE = 500
"""Rows that are read at a time."""
_MOST_DELETED = 5000
"""Rows that are deleted at a time, which takes some 50 ms: nobody waits long for the lock. More would go with
the next write."""

# The totals are kept by triggers: a sum over all rows at every write would take longer the more is kept.
COMPONENT = Component(
    name="answers",
    version=2,
    schema=(
        """CREATE TABLE answers_kept (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL, stored REAL NOT NULL, fresh_until REAL NOT NULL, dead_at REAL NOT NULL,
        used REAL NOT NULL, value TEXT NOT NULL)""",
        "CREATE INDEX answers_by_death ON answers_kept (dead_at)",
        "CREATE INDEX answers_by_use ON answers_kept (used, size)",
        "CREATE TABLE answers_counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
        """INSERT INTO answers_counts VALUES ('entries', 0), ('bytes', 0), ('evictions', 0),
        ('expirations', 0)""",
        """CREATE TRIGGER answers_in AFTER INSERT ON answers_kept BEGIN
        UPDATE answers_counts SET count = count + 1 WHERE name = 'entries';
        UPDATE answers_counts SET count = count + new.size WHERE name = 'bytes'; END""",
        """CREATE TRIGGER answers_out AFTER DELETE ON answers_kept BEGIN
        UPDATE answers_counts SET count = count - 1 WHERE name = 'entries';
        UPDATE answers_counts SET count = count - old.size WHERE name = 'bytes'; END""",
        """CREATE TRIGGER answers_over AFTER UPDATE OF size ON answers_kept BEGIN
        UPDATE answers_counts SET count = count + new.size - old.size WHERE name = 'bytes'; END""",
    ),
)
# Values are read as bytes: a flipped bit that is no UTF-8 any more would else fail the whole query.
# Arithmetic is SQL's, which makes a number of whatever a damaged column holds.
_ROW = """CAST(digest AS BLOB), CAST(value AS BLOB),
min(coalesce(fresh_until, stored), dead_at) - stored - abs(:now - stored),
dead_at - stored - abs(:now - stored) AS life"""
_LOOK_UP = f"""SELECT {_ROW}, abs(:now - used) > :touch FROM answers_kept
WHERE digest IN (SELECT value FROM json_each(:digests)) AND life > 0"""  # noqa: S608 - a constant
_SLICE_OF_LIVING = f"""SELECT {_ROW}, id FROM answers_kept
WHERE id > :after AND life > 0 ORDER BY id LIMIT {_SLICE}"""  # noqa: S608 - constants
_PUT = """INSERT INTO answers_kept (digest, size, stored, fresh_until, dead_at, used, value)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET size = excluded.size,
stored = excluded.stored, fresh_until = excluded.fresh_until, dead_at = excluded.dead_at,
used = excluded.used, value = excluded.value"""
_TOUCH = "UPDATE answers_kept SET used = ? WHERE digest IN (SELECT value FROM json_each(?))"
# What was used in the future may be from there; there is hardly ever such a row.
_EXPIRE = f"""DELETE FROM answers_kept WHERE id IN (SELECT id FROM answers_kept WHERE dead_at <= :now
OR (used > :now AND dead_at - stored - abs(:now - stored) <= 0) LIMIT {_MOST_DELETED})"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class DiskStats:
    """What is on disk now, and what went from there since the tables were made, by any process."""

    entries: int
    bytes: int
    """Of the answers; this is what is limited."""
    file_bytes: int
    """Of the whole database, with all else that it holds and what it keeps free."""
    oldest_s: float | None
    """The age of the oldest answer in seconds; None if there is none."""
    evictions: int
    """Answers that made room for others."""
    expirations: int


def look_up(
    connection: sqlite3.Connection, digests: Collection[str], now: float, worn: set[str] | None = None
) -> dict[str, Kept]:
    """Those of ``digests`` that are known. Blocks; for whoever has a connection to a file with the tables.

    Args:
        connection: to the state database, within a transaction.
        digests: any number of them.
        now: seconds of the wall clock.
        worn: gets the digests for which ``touch`` is due.
    """
    rows = connection.execute(
        _LOOK_UP, {"now": now, "touch": TOUCH_S, "digests": json.dumps(list(digests))}
    ).fetchall()
    found: dict[str, Kept] = {}
    for raw_digest, raw_value, fresh_s, left_s, is_worn in rows:
        digest, value = _text(raw_digest), _text(raw_value)
        if digest is not None and value is not None:
            found[digest] = Kept(value, fresh_s, left_s)
            if is_worn and worn is not None:
                worn.add(digest)
    return found


def touch(connection: sqlite3.Connection, digests: Collection[str], now: float) -> None:
    """Note that ``digests`` were used. Blocks; within a transaction that may write."""
    connection.execute(_TOUCH, (now, json.dumps(list(digests))))


def write(
    connection: sqlite3.Connection,
    *,
    values: Mapping[str, Kept],
    discard: Collection[str],
    worn: Collection[str],
    max_bytes: int,
    now: float,
) -> None:
    """Keep ``values``, forget ``discard``, note that ``worn`` were used, and tidy up."""
    if worn:
        touch(connection, worn, now)
    connection.executemany("DELETE FROM answers_kept WHERE digest = ?", [(digest,) for digest in discard])
    connection.executemany(_PUT, list(_rows(values, max_bytes, now)))
    expired = connection.execute(_EXPIRE, {"now": now}).rowcount
    evicted = _evict(connection, max_bytes)
    if expired or evicted:
        connection.executemany(
            "UPDATE answers_counts SET count = count + ? WHERE name = ?",
            [(expired, "expirations"), (evicted, "evictions")],
        )


def _rows(
    values: Mapping[str, Kept], max_bytes: int, now: float
) -> list[tuple[str, int, float, float, float, float, str]]:
    rows = []
    for digest, kept in values.items():
        size = _size(kept.value)
        if size is not None and size <= max_bytes * _LARGEST and kept.left_s > 0:
            rows.append(
                (digest, size, now, now + min(kept.fresh_s, kept.left_s), now + kept.left_s, now, kept.value)
            )
    return rows


def _size(value: str) -> int | None:
    """What a row with the value counts; None if it is no text that can be written."""
    try:
        return ROW_OVERHEAD + len(value.encode())
    except UnicodeEncodeError:
        return None


def _evict(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Delete the least recently used until the rest is within the limit; how many went."""
    excess = _counts(connection)["bytes"] - max_bytes
    if excess <= 0:
        return 0
    going: list[tuple[int]] = []
    for row_id, size in connection.execute("SELECT id, size FROM answers_kept ORDER BY used, size"):
        if excess <= 0 or len(going) == _MOST_DELETED:
            break
        going.append((row_id,))
        excess -= size
    connection.executemany("DELETE FROM answers_kept WHERE id = ?", going)
    return len(going)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT name, count FROM answers_counts").fetchall())


def newest_id(connection: sqlite3.Connection) -> int:
    """The id that no row is beyond; 0 if there is none."""
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM answers_kept").fetchone()
    return int(newest)


def delete_some(connection: sqlite3.Connection, *, newest: int) -> int:
    """Delete some rows up to ``newest``; how many."""
    return connection.execute(
        "DELETE FROM answers_kept WHERE id IN (SELECT id FROM answers_kept WHERE id <= ? LIMIT ?)",
        (newest, _MOST_DELETED),
    ).rowcount


def stats(connection: sqlite3.Connection, *, path: Path, now: float) -> DiskStats:
    """What there is; ``path`` is the database's."""
    counts = _counts(connection)
    (oldest,) = connection.execute("SELECT min(stored) FROM answers_kept").fetchone()
    files = (Path(f"{path}{suffix}") for suffix in ("", "-wal"))
    return DiskStats(
        entries=counts["entries"],
        bytes=counts["bytes"],
        file_bytes=sum(file.stat().st_size for file in files if file.exists()),
        oldest_s=None if oldest is None else max(0.0, now - oldest),
        evictions=counts["evictions"],
        expirations=counts["expirations"],
    )


def living(
    connection: sqlite3.Connection, *, now: float, after: int
) -> tuple[list[tuple[str, Kept]], int | None]:
    """Some rows after the id ``after``, and the id to go on from; None at the end."""
    rows = connection.execute(_SLICE_OF_LIVING, {"now": now, "after": after}).fetchall()
    found: list[tuple[str, Kept]] = []
    for raw_digest, raw_value, fresh_s, left_s, _ in rows:
        digest, value = _text(raw_digest), _text(raw_value)
        if digest is not None and value is not None:
            found.append((digest, Kept(value, fresh_s, left_s)))
    return found, rows[-1][-1] if rows else None


def examine(
    connection: sqlite3.Connection, *, check: Callable[[str, str], bool], after: int
) -> tuple[int, list[tuple[int, object]], int | None]:
    """How many of some rows after the id ``after`` are good, the bad ones, and the id to go on from."""
    rows = connection.execute(
        "SELECT id, CAST(digest AS BLOB), CAST(value AS BLOB), size FROM answers_kept"
        " WHERE id > ? ORDER BY id LIMIT ?",
        (after, _SLICE),
    ).fetchall()
    bad: list[tuple[int, object]] = []
    for row_id, raw_digest, raw_value, size in rows:
        digest, value = _text(raw_digest), _text(raw_value)
        if digest is None or value is None or size != _size(value) or not check(digest, value):
            bad.append((row_id, raw_value))
    return len(rows) - len(bad), bad, rows[-1][0] if rows else None


def delete_exactly(connection: sqlite3.Connection, *, rows: list[tuple[int, object]]) -> int:
    """Delete rows as they were read; one that was replaced since is another. How many went."""
    return connection.executemany(
        "DELETE FROM answers_kept WHERE id = ? AND CAST(value AS BLOB) IS ?", rows
    ).rowcount


def recount(connection: sqlite3.Connection) -> None:
    """Make the totals right, whatever somebody did to them."""
    connection.execute(
        "UPDATE answers_counts SET count = (SELECT count(*) FROM answers_kept) WHERE name = 'entries'"
    )
    connection.execute(
        "UPDATE answers_counts SET count = (SELECT coalesce(sum(size), 0) FROM answers_kept)"
        " WHERE name = 'bytes'"
    )


def _text(raw: object) -> str | None:
    """What a column holds, if that is text."""
    try:
        return raw.decode() if isinstance(raw, bytes) else None
    except UnicodeDecodeError:
        return None
