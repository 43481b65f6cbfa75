"""The database file itself, for one thread: opens it, makes its tables, replaces it when it is damaged.

Everything here blocks. ``kibitz.state.database`` is the way in.

Write-ahead logging keeps readers and the one writer out of each other's way, and a killed process harms
nothing: its unfinished transaction never was. What a power failure can take is the last transactions
(``synchronous = NORMAL``), which is right for caches, limits and counts.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from kibitz.state.places import private_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

T = TypeVar("T")
logger = logging.getLogger(__name__)

_OWNER_ONLY = 0o600
_OTHERS = 0o077
_RETRY_S = 0.01
_PRIMARY = 0xFF
"""SQLite's error codes say in their upper bytes how exactly something went wrong."""
_BUSY = frozenset({5, 6})
_DAMAGED = frozenset({11, 26})
"""SQLITE_CORRUPT and SQLITE_NOTADB."""
_GENERIC = 1
"""SQLITE_ERROR: bad SQL, or SQL for tables that are not there."""
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 256",
    "PRAGMA journal_size_limit = 1048576",
    "PRAGMA cache_size = -1024",
    "CREATE TABLE IF NOT EXISTS components (name TEXT PRIMARY KEY, version INTEGER NOT NULL)",
)


class StateUnavailable(Exception):  # noqa: N818 - a state of affairs that callers live with
    """The database cannot be used now; the message says why and what to do. Go on without it."""

    def __init__(self, message: str, *, lasting: Literal["no", "writing", "all"]) -> None:
        super().__init__(message)
        self.lasting = lasting
        """What need not be tried again soon."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the database: tables that one module owns, and whose names begin with ``{name}_``."""

    name: str
    """Letters only."""
    version: int
    """Of the schema. Where the file has another one, the component's tables are dropped and made anew."""
    schema: tuple[str, ...]
    """SQL statements that make its tables and indexes, one each."""


class Store:
    """One connection to the file at ``path``, opened when it is first needed. One thread."""

    def __init__(self, path: Path, busy_s: float) -> None:
        self._path = path
        self._busy_s = busy_s
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._made: set[Component] = set()

    def transact(
        self, job: Callable[[sqlite3.Connection], T], components: Iterable[Component], *, write: bool
    ) -> T:
        """Do ``job`` in a transaction: all of it or nothing. After a damaged file is replaced, do it again.

        Raises:
            StateUnavailable: the file cannot be used, or another process keeps it locked.
        """
        return self._guarded(lambda: self._mended(job, components, write=write), components, write=write)

    def check(self) -> bool:
        """Look through the whole file; a damaged one is replaced. Whether there was no damage.

        Raises:
            StateUnavailable: as ``transact`` does.
        """
        return self._guarded(self._checked, (), write=False)

    def shrink(self) -> None:
        """Give the space that the file does not use back to the disk, unless somebody is in the way.

        Raises:
            StateUnavailable: the file cannot be used.
        """
        try:
            self._guarded(self._vacuumed, (), write=True)
        except StateUnavailable as error:
            if error.lasting != "no":
                raise

    def close(self) -> None:
        """Close the file; the next transaction opens it again."""
        connection, self._connection = self._connection, None
        self._made.clear()
        if connection is not None:
            connection.close()

    def _guarded(self, action: Callable[[], T], components: Iterable[Component], *, write: bool) -> T:
        """Do ``action``, and tell outages from mistakes."""
        import sqlite3  # noqa: PLC0415 - in this thread, so that nobody waits for it

        try:
            return action()
        except sqlite3.Error as error:
            code = _code(error)
            if code is None or (code == _GENERIC and not self._outdated(components)):
                raise  # a mistake in the job's SQL, not an outage
            raise self._unavailable(error, code, write=write) from error
        except OSError as error:
            self.close()
            raise self._unavailable(error, None, write=write) from error

    def _mended(
        self, job: Callable[[sqlite3.Connection], T], components: Iterable[Component], *, write: bool
    ) -> T:
        import sqlite3  # noqa: PLC0415 - see _guarded

        try:
            return self._attempt(job, components, write=write)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside()
            return self._attempt(job, components, write=write)

    def _checked(self) -> bool:
        import sqlite3  # noqa: PLC0415 - see _guarded

        try:
            sound = self._attempt(_is_sound, (), write=False)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            sound = False
        if not sound:
            self._set_aside()
        return sound

    def _vacuumed(self) -> None:
        connection = self._open()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {self._busy_s * 1000:.0f}")

    def _attempt(
        self, job: Callable[[sqlite3.Connection], T], components: Iterable[Component], *, write: bool
    ) -> T:
        connection = self._open()
        for component in components:
            if component not in self._made:
                # Looked at first, so that a reader need not wait for a writer.
                if _version(connection, component) != component.version:
                    _within(connection, partial(_make, component), write=True)
                self._made.add(component)
        return _within(connection, job, write=write)

    def _open(self) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415 - see _guarded

        # Another process may have replaced a damaged file, or the user removed it.
        if self._connection is not None and self._file != _identity(self._path):
            self.close()
        if self._connection is None:
            private_folder(self._path.parent)
            _make_private(self._path)
            # The identity first: if the file is replaced right now, the next transaction sees that.
            self._file = _identity(self._path)
            connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        """Several processes that begin at once: SQLite does not wait for the one that changes the mode."""
        import sqlite3  # noqa: PLC0415 - see _guarded

        until = time.monotonic() + self._busy_s
        while True:
            try:
                for setting in _SETTINGS:
                    connection.execute(setting)
            except sqlite3.OperationalError as error:
                if _code(error) not in _BUSY or time.monotonic() > until:
                    raise
                time.sleep(_RETRY_S)
            else:
                return

    def _set_aside(self) -> None:
        """Rename the damaged file. Of several processes that find it damaged, one does."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - 20 ms for what hardly ever happens

        damaged = self._file
        self.close()
        path = self._path
        try:
            with FileLock(f"{path}.lock", timeout=self._busy_s, mode=_OWNER_ONLY):
                if _identity(path) != damaged:
                    return
                for suffix in ("-wal", "-shm", ""):
                    with suppress(FileNotFoundError):
                        Path(f"{path}{suffix}").replace(f"{path}.damaged{suffix}")
        except Timeout as error:
            raise OSError(f"it is damaged, and {path}.lock is held") from error
        logger.warning(
            "the state database %s was damaged and is now %s.damaged; a new one begins, so cached answers "
            "and the day's totals of before are gone; nothing needs to be done",
            path,
            path,
        )

    def _outdated(self, components: Iterable[Component]) -> bool:
        """Whether another version of kibitz has made the tables its own way since they were opened."""
        import sqlite3  # noqa: PLC0415 - see _guarded

        if self._connection is None:
            return False
        try:
            versions = dict(self._connection.execute("SELECT name, version FROM components").fetchall())
        except sqlite3.Error:
            return False
        return any(versions.get(c.name) != c.version for c in components)

    def _unavailable(self, error: Exception, code: int | None, *, write: bool) -> StateUnavailable:
        if code in _BUSY:
            why, advice = "another process keeps it locked", "It is tried again next time"
        elif code == _GENERIC:
            why, advice = "another version of kibitz uses it now", "Restart this one"
        else:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            advice = (
                f"Check the free space and the permissions of {self._path.parent}, or set KIBITZ_STATE_DIR"
            )
        lasting: Literal["no", "writing", "all"] = "all"
        if code in _BUSY:
            lasting = "no"
        elif write and self._connection is not None:
            lasting = "writing"
        return StateUnavailable(
            f"kibitz cannot use its state database {self._path}: {why}. It works on without: answers and "
            f"totals are kept by this process alone, and limits are not shared exactly. {advice}",
            lasting=lasting,
        )


def _within(connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
    # A writer that begins as a reader would fail where it could have waited.
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        result = job(connection)
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _version(connection: sqlite3.Connection, component: Component) -> int | None:
    """Which version of the component the file has, if any."""
    row = connection.execute("SELECT version FROM components WHERE name = ?", (component.name,)).fetchone()
    return None if row is None else row[0]


def _make(component: Component, connection: sqlite3.Connection) -> None:
    name = component.name
    if _version(connection, component) == component.version:
        return  # another process has just done it
    prefix = f"{name}_"
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, ?) = ?",
        (len(prefix), prefix),
    ).fetchall()
    for (table,) in tables:
        connection.execute('DROP TABLE "{}"'.format(table.replace('"', '""')))
    for statement in component.schema:
        connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO components VALUES (?, ?)", (name, component.version))


def _code(error: sqlite3.Error) -> int | None:
    """SQLite's primary error code; None if the error is Python's own."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # The second is Python's own error, without a code: a damaged page can hold text that is none.
    return _code(error) in _DAMAGED or str(error).startswith("Could not decode to UTF-8")


def _is_sound(connection: sqlite3.Connection) -> bool:
    found: object = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return found == ("ok",)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _make_private(path: Path) -> None:
    """Make the file, or take other users' rights to it. SQLite gives its companions the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
    except FileExistsError:
        # Not opened: closing it would end SQLite's locks on it, as POSIX has it.
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            path.chmod(_OWNER_ONLY)
