from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.support.clock import FakeClock

from kibitz.state.database import REST_S, Component, Database, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOTES = Component(
    "notes", 1, ("CREATE TABLE notes_texts (text TEXT)", "CREATE INDEX notes_by ON notes_texts (text)")
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def database(path: Path, clock: FakeClock) -> AsyncIterator[Database]:
    database = Database(path, busy_s=0.05, clock=clock.now)
    database.register(NOTES)
    yield database
    await database.aclose()


def write(text: str, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO notes_texts VALUES (?)", (text,))


def execute(sql: str, connection: sqlite3.Connection) -> None:
    connection.execute(sql)


def texts(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes_texts")]


def readable_by_all(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(0o644)


async def test_what_was_written_is_there_the_next_time(database: Database, path: Path) -> None:
    await database.run(partial(write, "one"))
    await database.aclose()
    again = Database(path)
    again.register(NOTES)
    assert await again.read(texts) == ["one"]
    await again.aclose()


async def test_it_is_opened_late_and_never_in_the_event_loops_thread(database: Database, path: Path) -> None:
    assert not path.parent.exists()
    thread = await database.run(lambda _: threading.current_thread())
    assert thread is not threading.current_thread()
    assert thread is await database.read(lambda _: threading.current_thread())


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
async def test_only_its_owner_can_read_it(database: Database, path: Path) -> None:
    readable_by_all(path)
    await database.run(partial(write, "mine"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("state.db", "state.db-wal", "state.db-shm"), 0o600)


async def test_a_job_that_fails_leaves_nothing(database: Database) -> None:
    def halfway(connection: sqlite3.Connection) -> None:
        write("half", connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(halfway)
    await database.run(partial(write, "whole"))
    assert await database.read(texts) == ["whole"]


async def test_wrong_sql_is_a_mistake_and_no_outage(database: Database) -> None:
    for sql in ("SELEC 1", "SELECT * FROM no_such_table"):
        with pytest.raises(sqlite3.OperationalError):
            await database.run(partial(execute, sql))
    assert database.problem == ""
    assert await database.read(texts) == []


async def test_a_component_may_come_late_and_twice(database: Database) -> None:
    await database.run(partial(write, "one"))
    late = Component("late", 3, ("CREATE TABLE late_t (x)",))
    database.register(late)
    database.register(late)
    await database.run(lambda connection: connection.execute("INSERT INTO late_t VALUES (1)"))
    assert await database.read(texts) == ["one"]


async def test_another_version_makes_its_tables_anew_and_leaves_others_alone(
    database: Database, path: Path
) -> None:
    more = Component("notesx", 1, ("CREATE TABLE notesx_t (x)",))
    database.register(more)
    await database.run(partial(write, "old"))
    await database.run(lambda connection: connection.execute("INSERT INTO notesx_t VALUES (7)"))
    newer = Database(path)
    newer.register(Component("notes", 2, ("CREATE TABLE notes_words (word)",)))
    assert await newer.read(lambda c: c.execute("SELECT * FROM notes_words").fetchall()) == []
    with pytest.raises(StateUnavailable, match=r"another version of kibitz uses it now.*Restart"):
        await database.run(partial(write, "lost"))
    assert await database.read(lambda c: c.execute("SELECT x FROM notesx_t").fetchall()) == [(7,)]
    await newer.aclose()


async def test_one_process_after_the_other_writes(database: Database, path: Path) -> None:
    await database.run(partial(write, "one"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match="another process keeps it locked"):
        await database.run(partial(write, "two"))
    newcomer = Database(path, busy_s=0)
    newcomer.register(NOTES)
    for reader in (database, newcomer):
        assert await reader.read(texts) == ["one"], "reading waits for nobody"
    await newcomer.aclose()
    other.execute("COMMIT")
    other.close()
    await database.run(partial(write, "three"))
    assert await database.read(texts) == ["one", "three"]
    assert database.problem == "", "a lock is no lasting problem"


async def test_closing_waits_for_what_is_under_way(database: Database, path: Path) -> None:
    runs = [asyncio.create_task(database.run(partial(write, str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    await database.aclose()
    await asyncio.gather(*runs)
    await database.aclose()
    with pytest.raises(StateUnavailable, match="closed"):
        await database.run(partial(write, "late"))
    again = Database(path)
    again.register(NOTES)
    assert len(await again.read(texts)) == 20
    await again.aclose()


async def test_closing_what_was_never_open(database: Database, path: Path) -> None:
    await database.aclose()
    assert not path.parent.exists()


# Outages


def mode(path: Path, bits: int) -> None:
    path.chmod(bits)


def remove(path: Path) -> None:
    path.unlink()


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 500)


def torn(path: Path) -> None:
    """All pages but the first are noise, as after a bad disk."""
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xa5" * (len(data) - 100))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [garbage, torn, cut])
async def test_a_damaged_file_is_put_aside_and_a_new_one_begins(
    database: Database, path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    for n in range(200):
        await database.run(partial(write, f"{n}" * 20))
    await database.aclose()
    damage(path)
    after = Database(path)
    after.register(NOTES)
    await after.run(partial(write, "new"))
    assert await after.read(texts) == ["new"]
    assert path.with_name("state.db.damaged").exists()
    (record,) = caplog.records
    assert "was damaged" in record.getMessage()
    assert after.problem == ""
    await after.aclose()


async def test_damage_that_shows_later_is_no_different(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.run(partial(write, "old"))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM notes_texts").fetchone()) == (1,)

    attempts = []

    def unlucky(connection: sqlite3.Connection) -> None:
        attempts.append(texts(connection))
        if len(attempts) == 1:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        write("new", connection)

    await database.run(unlucky)
    assert attempts == [["old"], []], "done again on the new file"
    assert await database.read(texts) == ["new"]
    assert len(caplog.records) == 1


async def test_of_two_processes_that_find_damage_one_mends_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(mode=0o700)
    garbage(path)
    databases = [Database(path) for _ in range(4)]
    for database in databases:
        database.register(NOTES)
    await asyncio.gather(*(d.run(partial(write, str(n))) for n, d in enumerate(databases)))
    assert sorted(await databases[0].read(texts)) == ["0", "1", "2", "3"], "all use the same new one"
    assert len(caplog.records) == 1
    for database in databases:
        await database.aclose()


async def test_a_file_that_was_removed_or_replaced_is_noticed(database: Database, path: Path) -> None:
    await database.run(partial(write, "one"))
    remove(path)
    other = Database(path)
    other.register(NOTES)
    await other.run(partial(write, "two"))
    assert await database.read(texts) == ["two"]
    await other.aclose()


async def test_a_full_disk_stops_writing_and_nothing_else(
    database: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await database.run(partial(write, "kept"))
    await database.read(lambda c: c.execute("PRAGMA max_page_count = 8"))
    for _ in range(3):
        with pytest.raises(StateUnavailable, match="full"):
            await database.run(partial(write, "x" * 100_000))
    assert await database.read(texts) == ["kept"]
    assert "free space" in database.problem
    assert len(caplog.records) == 1, "said once"
    await database.read(lambda c: c.execute("PRAGMA max_page_count = 10000"))
    with pytest.raises(StateUnavailable):
        await database.run(partial(write, "too early to try again"))
    clock.advance(REST_S)
    await database.run(partial(write, "more"))
    assert await database.read(texts) == ["kept", "more"]
    assert database.problem == ""


async def test_no_folder_can_be_made_there(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    database = Database(file / "state.db", clock=clock.now)
    for _ in range(3):
        with pytest.raises(StateUnavailable, match="KIBITZ_STATE_DIR"):
            await database.run(texts)
    assert len(caplog.records) == 1
    file.unlink()
    clock.advance(REST_S)
    await database.run(lambda _: None)
    await database.aclose()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("begun", [False, True])
async def test_a_folder_that_cannot_be_written_to(
    nobody: Path, begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = nobody / "state.db"
    if begun:
        first = Database(path)
        await first.run(lambda _: None)
        await first.aclose()
        mode(path, 0o400)
    mode(nobody, 0o500)
    database = Database(path)
    with pytest.raises(StateUnavailable, match=r"cannot use its state database .*permission"):
        await database.run(texts)
    assert len(caplog.records) == 1
    await database.aclose()
    mode(nobody, 0o700)


# Looking through the whole file, and giving space back


async def test_a_sound_file_is_left_alone(database: Database) -> None:
    await database.run(partial(write, "one"))
    assert await database.check()
    assert await database.read(texts) == ["one"]


@pytest.mark.parametrize("damage", [garbage, torn, cut])
async def test_looking_through_the_file_finds_damage_and_mends_it(
    database: Database, path: Path, damage: object
) -> None:
    assert callable(damage)
    for n in range(200):
        await database.run(partial(write, f"{n}" * 20))
    await database.aclose()
    damage(path)
    after = Database(path)
    after.register(NOTES)
    assert not await after.check()
    assert path.with_name("state.db.damaged").exists()
    assert await after.check()
    await after.run(partial(write, "new"))
    assert await after.read(texts) == ["new"]
    await after.aclose()


async def test_text_that_is_none_is_damage(database: Database, path: Path) -> None:
    await database.run(partial(execute, "INSERT INTO notes_texts VALUES (CAST(x'ff' AS TEXT))"))
    assert await database.read(texts) == []
    assert path.with_name("state.db.damaged").exists()


async def test_space_is_given_back_unless_somebody_is_in_the_way(database: Database, path: Path) -> None:
    def size() -> int:
        return path.stat().st_size + path.with_name("state.db-wal").stat().st_size

    await database.run(partial(write, "x" * 1_000_000))
    await database.run(partial(execute, "DELETE FROM notes_texts"))
    large = size()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await database.shrink()
    assert size() == large
    other.execute("COMMIT")
    other.close()
    await database.shrink()
    assert size() < large / 10
    assert database.problem == ""
    await database.run(partial(write, "still there"))
    assert await database.read(texts) == ["still there"]


async def test_there_is_nothing_to_look_through(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with pytest.raises(StateUnavailable):
        await database.check()
    with pytest.raises(StateUnavailable):
        await database.shrink()
    await database.aclose()
