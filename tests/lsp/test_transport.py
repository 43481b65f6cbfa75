from __future__ import annotations

import asyncio
import itertools
import os
import select
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from tests.support.lsp_wire import settle, until

from kibitz.lsp import transport
from kibitz.lsp.transport import PipeReader, PipeWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def test_reads_a_pipe_to_its_end() -> None:
    far, near = os.pipe()
    got: list[bytes] = []
    os.write(near, b"one")
    reading = asyncio.create_task(PipeReader(far, got.append).run())
    await until(lambda: got == [b"one"])
    os.write(near, b"two")
    await until(lambda: got == [b"one", b"two"])
    os.close(near)
    await reading
    assert got == [b"one", b"two"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(far)


async def test_nothing_is_taken_from_a_pipe_while_it_is_not_wanted() -> None:
    far, near = os.pipe()
    got: list[bytes] = []

    def take(chunk: bytes) -> None:
        got.append(chunk)
        reader.pause()

    reader = PipeReader(far, take)
    reading = asyncio.create_task(reader.run())
    os.write(near, b"one")
    await until(lambda: got == [b"one"])
    os.write(near, b"two")
    await settle()
    assert os.read(far, 100) == b"two", "it is in the pipe"
    os.write(near, b"three")
    reader.resume()
    await until(lambda: got == [b"one", b"three"])
    os.close(near)
    reader.resume()
    await reading


async def test_reads_a_file_though_the_loop_cannot_watch_it(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"x" * 1_000_000)
    got: list[bytes] = []
    await PipeReader(os.open(path, os.O_RDONLY), got.append).run()
    assert b"".join(got) == path.read_bytes()


async def test_a_file_is_not_read_on_while_that_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"x" * 1_000_000)
    got: list[bytes] = []

    def take(chunk: bytes) -> None:
        got.append(chunk)
        reader.pause()

    reader = PipeReader(os.open(path, os.O_RDONLY), take)
    reading = asyncio.create_task(reader.run())
    for count in itertools.count(1):
        await until(partial(_is_longer, got, count - 1, reading))
        await settle()
        assert len(got) <= count
        if reading.done():
            break
        reader.resume()
    assert b"".join(got) == path.read_bytes()


def _is_longer(got: list[bytes], count: int, reading: asyncio.Task[None]) -> bool:
    return len(got) > count or reading.done()


async def test_an_end_that_went_away_is_an_end() -> None:
    near, far = socket.socketpair()
    got: list[bytes] = []
    reading = asyncio.create_task(PipeReader(far.detach(), got.append).run())
    near.send(b"one")
    await until(lambda: bool(got))
    # What was not read makes the other end see a reset.
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    near.close()
    await reading
    assert got == [b"one"]


async def test_writes_in_order_and_drains() -> None:
    far, near = os.pipe()
    writer = PipeWriter(near, lambda: None)
    for number in range(100):
        writer.write(b"%d," % number)
    writer.close()
    assert await writer.drained(5)
    os.close(near)
    assert os.read(far, 10_000) == b"".join(b"%d," % number for number in range(100))
    writer.write(b"too late")
    os.close(far)


async def test_a_reader_that_left_is_noticed_once_and_nothing_is_written_any_more() -> None:
    far, near = os.pipe()
    closed: list[bool] = []
    writer = PipeWriter(near, lambda: closed.append(True))
    os.close(far)
    writer.write(b"x")
    await until(lambda: bool(closed))
    for _ in range(10):
        writer.write(b"x")
    await asyncio.sleep(0)
    assert closed == [True]
    os.close(near)


async def test_a_reader_that_reads_no_more_does_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MAX_UNSENT_BYTES", 1_000_000)
    far, near = os.pipe()
    closed: list[bool] = []
    writer = PipeWriter(near, lambda: closed.append(True))
    for _ in range(20):
        writer.write(b"x" * 100_000)
    await until(lambda: bool(closed))
    writer.close()
    assert not await writer.drained(0.01)
    os.close(far)  # the thread's write fails, and it ends
    assert await writer.drained(5)
    os.close(near)


async def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for() -> None:
    far, near = os.pipe()
    os.set_blocking(near, False)
    writer = PipeWriter(near, lambda: None)
    writer.write(b"x" * 300_000)
    writer.close()
    got = b""
    while len(got) < 300_000:
        got += await asyncio.to_thread(os.read, far, 65_536)
    assert await writer.drained(5)
    os.close(near)
    os.close(far)


async def test_nothing_is_written_twice_where_somebody_else_takes_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TakenSince(transport._Polled):
        """There was room when it was asked for."""

        def __init__(self, fd: int) -> None:
            super().__init__(fd)
            self._poll = Mock(**{"poll.return_value": [(fd, select.POLLOUT)]})

    monkeypatch.setattr(transport, "_OwnPipe", TakenSince)
    far, near = os.pipe()
    os.set_blocking(near, False)
    writer = PipeWriter(near, lambda: None)
    sent = b"".join(b"%7d" % number for number in range(40_000))
    writer.write(sent)
    writer.close()
    assert await arrived(far, len(sent)) == sent
    assert await writer.drained(5)
    os.close(near)
    os.close(far)


async def arrived(fd: int, size: int) -> bytes:
    """The next ``size`` bytes and what came with them, once they are there."""
    got = b""
    while len(got) < size:
        got += await asyncio.to_thread(os.read, fd, 65_536)
    return got


def a_pipe() -> tuple[int, int]:
    return os.pipe()


def a_socket() -> tuple[int, int]:
    """As Node gives its children."""
    far, near = socket.socketpair()
    return far.detach(), near.detach()


@pytest.fixture(params=["opened once more", "asked for room"])
def pipes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways to write to a pipe without blocking: Linux has one, and all of POSIX the other."""
    if request.param == "asked for room":
        monkeypatch.setattr(transport, "_OwnPipe", transport._Polled)
    elif sys.platform != "linux":
        pytest.skip("a pipe cannot be opened once more")


@pytest.mark.usefixtures("pipes")
@pytest.mark.parametrize("ends", [a_pipe, a_socket])
async def test_what_fits_is_there_at_once(ends: Callable[[], tuple[int, int]]) -> None:
    far, near = ends()
    os.set_blocking(far, False)
    writer = PipeWriter(near, lambda: None)
    writer.write(b"x" * 10_000)
    assert os.read(far, 20_000) == b"x" * 10_000
    writer.close()
    assert await writer.drained(5)
    os.close(near)
    os.close(far)


@pytest.mark.usefixtures("pipes")
@pytest.mark.parametrize("ends", [a_pipe, a_socket])
async def test_what_does_not_fit_follows_in_order(ends: Callable[[], tuple[int, int]]) -> None:
    far, near = ends()
    writer = PipeWriter(near, lambda: None)
    sent = [bytes([number]) * size for number, size in enumerate([10, 40_000, 70_000, 5, 300_000, 1])]
    wanted = b"".join(sent)
    for message in sent:
        writer.write(message)
    assert await arrived(far, len(wanted)) == wanted
    # It has caught up, and begins anew.
    for message in sent:
        writer.write(message)
    writer.close()
    assert await arrived(far, len(wanted)) == wanted
    assert await writer.drained(5)
    os.close(near)
    os.close(far)


@pytest.mark.usefixtures("pipes")
@pytest.mark.parametrize("ends", [a_pipe, a_socket])
async def test_others_keep_a_descriptor_that_blocks_and_the_reader_sees_the_end(
    ends: Callable[[], tuple[int, int]],
) -> None:
    far, near = ends()
    writer = PipeWriter(near, lambda: None)
    writer.write(b"x")
    assert os.get_blocking(near)
    writer.close()
    assert await writer.drained(5)
    os.close(near)
    assert os.read(far, 10) == b"x"
    assert os.read(far, 10) == b"", "nothing of it is open any more"
    os.close(far)
