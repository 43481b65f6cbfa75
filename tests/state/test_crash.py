"""The database among real processes, some of which are killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kibitz.state.database import Component, Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")
PAIRS = Component(
    "pairs", 1, ("CREATE TABLE pairs_left (n INTEGER)", "CREATE TABLE pairs_right (n INTEGER, filler TEXT)")
)
START_UP = 6
"""Processes that open the file at the same moment."""
ROUNDS = 25


def add(connection: sqlite3.Connection) -> int:
    """Write to two tables what must be in both or neither."""
    (n,) = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM pairs_left").fetchone()
    connection.execute("INSERT INTO pairs_left VALUES (?)", (n,))
    connection.execute("INSERT INTO pairs_right VALUES (?, ?)", (n, "x" * 3000))
    number: int = n
    return number


def both(connection: sqlite3.Connection) -> tuple[list[int], list[int]]:
    def numbers(table: str) -> list[int]:
        return [n for (n,) in connection.execute(f"SELECT n FROM pairs_{table} ORDER BY n")]  # noqa: S608 - constants

    return numbers("left"), numbers("right")


async def writing(path: str, rounds: int) -> None:
    """What the processes do: write, and say so."""
    database = Database(Path(path), busy_s=20)
    database.register(PAIRS)
    for _ in range(rounds):
        print(await database.run(add), flush=True)  # noqa: T201 - for the test
    await database.aclose()


async def process(path: Path, rounds: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(path), str(rounds)), stdout=asyncio.subprocess.PIPE
    )


async def inspected(path: Path, look: Callable[[sqlite3.Connection], T]) -> T:
    database = Database(path)
    database.register(PAIRS)
    try:
        return await database.read(look)
    finally:
        await database.aclose()


async def test_processes_that_begin_at_once_all_get_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "state" / "state.db"
    processes = [await process(path, ROUNDS) for _ in range(START_UP)]
    for one in processes:
        await one.communicate()
        assert one.returncode == 0
    everything = list(range(1, START_UP * ROUNDS + 1))
    assert await inspected(path, both) == (everything, everything)


async def test_a_killed_process_leaves_a_working_database(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    said = 0
    for lines in (1, 3, 10, 30, 100):
        victim = await process(path, 1_000_000)
        assert victim.stdout
        for _ in range(lines):
            said = int(await victim.stdout.readline())
        victim.kill()
        await victim.communicate()
        left, right = await inspected(path, both)
        assert left == right == list(range(1, len(left) + 1)), "half a transaction is there"
        assert len(left) >= said, "what was written and said is gone"
        check = await inspected(path, lambda c: c.execute("PRAGMA integrity_check").fetchall())
        assert check == [("ok",)]


if __name__ == "__main__":
    asyncio.run(writing(sys.argv[1], int(sys.argv[2])))
