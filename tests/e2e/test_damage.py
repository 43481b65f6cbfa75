"""The server with a disk that fails: findings come as ever, and nothing of it is on the user's screen."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Self

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.deep
SOURCE = (
    "def mean(values):\n    return sum(values) / len(value)\n\n\ndef twice(number):\n    return number * 2\n"
)
NUMBER = {"start": {"line": 5, "character": 20}, "end": {"line": 5, "character": 21}}
POSIX = pytest.mark.skipif(os.name != "posix", reason="the system's limits and modes are POSIX")


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(reviewer(Bug("len(value)", "len(values)"))) as fake:
        yield fake


class Session:
    """An editor with one document, in which something is wrong."""

    def __init__(self, home: Path, fake: FakeProvider, state: Path) -> None:
        self.fake = fake
        self.server = ServerProcess(
            home,
            OPENAI_BASE_URL=fake.base_url,
            OPENAI_API_KEY=canary.KEY,
            KIBITZ_DEBOUNCE_MS="20",
            KIBITZ_STATE_DIR=str(state),
        )
        self.buffer = Buffer(self.server, f"file://{home}/mean.py", SOURCE, Encoding.UTF16)

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        await self.server.initialize()
        self.buffer.open()
        await self.works()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.server.__aexit__(*exc)

    async def works(self) -> None:
        """The finding is there, and nothing else is shown."""
        await self.buffer.diagnostics(1)
        await self.server.at_rest()
        assert self.server.messages == []

    async def edit(self, number: int) -> None:
        """Change the other function, have it reviewed, and be shown as before."""
        asked = len(self.fake.requests)
        self.buffer.replace(NUMBER, str(number))
        await self.fake.seen(asked + 1)
        await self.works()

    async def leave(self) -> list[str]:
        """End as an editor does; what was logged."""
        assert await self.server.leave() == 0
        await self.server.__aexit__()
        # That the access log cannot be written either is a line of its own, once.
        lines = self.server.stderr.decode().splitlines()
        unwritten = [line for line in lines if "the access log" in line]
        assert len(unwritten) <= 1
        return [line for line in lines if line not in unwritten]


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 500)


def torn(path: Path) -> None:
    """All pages but the first are noise, as after a bad disk."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


def removed(path: Path) -> None:
    shutil.rmtree(path.parent)


async def test_a_file_that_was_damaged_between_runs(tmp_path: Path, fake: FakeProvider) -> None:
    state = tmp_path / "state"
    async with Session(tmp_path, fake, state) as session:
        assert await session.leave() == []
    torn(state / "state.db")
    async with Session(tmp_path, fake, state) as session:
        assert len(fake.requests) == 2, "what was lost is asked again"
        lines = await session.leave()
    assert ["was damaged" in line for line in lines] == [True]
    async with Session(tmp_path, fake, state) as session:
        assert len(fake.requests) == 2, "and kept again"
        assert await session.leave() == []


@pytest.mark.parametrize("damage", [garbage, removed])
async def test_a_file_that_is_damaged_while_it_is_used(
    tmp_path: Path, fake: FakeProvider, damage: Callable[[Path], None]
) -> None:
    state = tmp_path / "state"
    async with Session(tmp_path, fake, state) as session:
        damage(state / "state.db")
        for number in range(3, 6):
            await session.edit(number)
        lines = await session.leave()
    assert all("was damaged" in line for line in lines)
    assert len(lines) <= 1
    async with Session(tmp_path, fake, state) as session:
        assert len(await session.leave()) <= 1 - len(lines), "it is said once, now or then"
    before = len(fake.requests)
    async with Session(tmp_path, fake, state) as session:
        assert len(fake.requests) == before
        assert await session.leave() == []


@POSIX
async def test_a_disk_that_is_full_from_the_beginning(tmp_path: Path, fake: FakeProvider) -> None:
    state = tmp_path / "state"
    session = Session(tmp_path, fake, state)
    async with session.server:
        resource.prlimit(session.server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await session.server.initialize()
        session.buffer.open()
        await session.works()
        await session.edit(3)
        lines = await session.leave()
    assert ["cannot use its state database" in line for line in lines] == [True]


def mount(*arguments: str) -> bool:
    """Whether it could be mounted: that takes root, on Linux."""
    command = ["mount", *arguments]
    return (
        sys.platform == "linux" and not subprocess.run(command, check=False, capture_output=True).returncode
    )


@contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - wherever it is


async def kept(state: Path, count: int) -> None:
    """Wait until so many answers are on disk: they are written a moment after they are shown."""
    with closing(sqlite3.connect(state / "state.db")) as connection:
        rows = "SELECT count(*) FROM answers_kept"
        while connection.execute(rows).fetchone() != (count,):  # noqa: ASYNC110 - no event tells of a file
            await asyncio.sleep(0.01)


def fill(folder: Path) -> Path:
    """Take all the space that there is; gives the file that took it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 1024)
    assert shutil.disk_usage(folder).free < 4096
    return filler


async def test_a_file_system_that_is_full(tmp_path: Path, fake: FakeProvider) -> None:
    state = tmp_path / "small"
    state.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=400k,mode=700", "tmpfs", str(state)):
        pytest.skip("only root can make a file system, on Linux")
    with unmounted(state):
        async with Session(tmp_path, fake, state) as session:
            await kept(state, 2)
            filler = fill(state)
            for number in range(3, 6):
                await session.edit(number)
            lines = await session.leave()
        assert ["cannot use its state database" in line for line in lines] == [True]
        filler.unlink()
        asked = len(fake.requests)
        async with Session(tmp_path, fake, state) as session:
            assert len(fake.requests) == asked, "what was kept before is still there"
            assert await session.leave() == []


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write there; root, whom no mode stops, cannot either."""
    if os.geteuid():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    if not mount("--bind", str(folder), str(folder)) or not mount("-o", "remount,bind,ro", str(folder)):
        pytest.skip("root can only be stopped by a read-only file system, on Linux")
    with unmounted(folder):
        yield


@POSIX
async def test_a_folder_that_cannot_be_written_to(tmp_path: Path, fake: FakeProvider) -> None:
    state = tmp_path / "state"
    async with Session(tmp_path, fake, state) as session:
        assert await session.leave() == []
    with read_only(state):
        async with Session(tmp_path, fake, state) as session:
            await session.edit(3)
            lines = await session.leave()
    assert ["cannot use its state database" in line for line in lines] == [True]


async def test_without_a_home_findings_come_as_ever(tmp_path: Path, fake: FakeProvider) -> None:
    session = Session(tmp_path, fake, tmp_path / "state")
    nowhere = str(tmp_path / "not" / "there")
    session.server._environment |= {"HOME": nowhere, "XDG_CONFIG_HOME": nowhere, "XDG_STATE_HOME": nowhere}
    session.server._environment.pop("KIBITZ_STATE_DIR")
    (tmp_path / "not").touch()
    async with session:
        await session.edit(3)
        lines = await session.leave()
    assert ["cannot use its state database" in line for line in lines] == [True]
