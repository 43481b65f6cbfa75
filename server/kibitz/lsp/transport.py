"""Standard input and output as the two ends of the protocol, without ever blocking the event loop.

Reading uses the loop itself where the system lets it (pipes, sockets, terminals) and a thread where not (a
file as standard input, Windows). So does writing, as long as the pipe takes it: a thread would have to wait
for the interpreter, in line with those that compute. An editor that stops reading fills the pipe; what comes
from then on is a thread's job. Our descriptor is not made non-blocking: it would be so for all who share it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import select
import socket
import stat
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from io import FileIO

_CHUNK_BYTES = 64 * 1024
"""What a pipe holds."""
_MAX_UNSENT_BYTES = 64 * 1024 * 1024
"""An editor that leaves so much unread does not read any more."""
_SURE_BYTES = getattr(select, "PIPE_BUF", 512)
"""What is writable takes so many without blocking, says POSIX."""


class PipeReader:
    """Gives ``take`` the bytes that arrive at ``fd``, on the loop. Takes ``fd`` over.

    The loop tells, and what has come is read and taken there and then: a stream and a task between them would
    take a third of what a hover takes.
    """

    def __init__(self, fd: int, take: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._watched = False

    async def run(self) -> None:
        """Read until the end, and close ``fd``."""
        stream = os.fdopen(self._fd, "rb", buffering=0)
        try:
            _check_watchable(self._fd)
            self._loop.add_reader(self._fd, self._read)
        except (ValueError, NotImplementedError, OSError):
            # A regular file, or a loop that cannot watch this kind of descriptor.
            async for chunk in _chunks_by_thread(stream):
                self._take(chunk)
                await self._wanted.wait()
            return
        os.set_blocking(self._fd, False)
        self._watched = True
        try:
            await self._ended.wait()
        finally:
            self._watched = False
            self._loop.remove_reader(self._fd)
            stream.close()

    def pause(self) -> None:
        """Take nothing more for now; whoever writes has to wait."""
        self._wanted.clear()
        if self._watched:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Go on."""
        self._wanted.set()
        if self._watched:
            self._loop.add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # A reset pipe is a closed pipe.
        if chunk:
            self._take(chunk)
        else:
            self._loop.remove_reader(self._fd)
            self._ended.set()


def _check_watchable(fd: int) -> None:
    """Raise ValueError for what the loop cannot watch: of ``/dev/null`` it finds out too late."""
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)):
        raise ValueError("neither a pipe, nor a socket, nor a terminal")


async def _chunks_by_thread(stream: FileIO) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue(maxsize=4)

    def pump() -> None:
        chunk = b" "
        while chunk:
            try:
                chunk = stream.read(_CHUNK_BYTES) or b""
            except OSError:
                chunk = b""
            if not chunk:
                stream.close()
            put = arrived.put(chunk)
            try:
                asyncio.run_coroutine_threadsafe(put, loop).result()
            except RuntimeError:  # the loop is closed: nobody listens any more
                put.close()
                return

    # A daemon: a read from a terminal cannot be interrupted, and must not keep the process.
    threading.Thread(target=pump, name="kibitz-stdin", daemon=True).start()
    while chunk := await arrived.get():
        yield chunk


class PipeWriter:
    """Writes messages to ``fd`` in order: at once what it takes at once, the rest from a thread of its own.

    ``on_closed`` is called on the loop, once, when nobody reads them any more.
    """

    def __init__(self, fd: int, on_closed: Callable[[], None]) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unsent = 0
        self._broken = False
        self._finished = False
        self._done = asyncio.Event()
        self._now = _now(fd)
        threading.Thread(target=self._work, name="kibitz-stdout", daemon=True).start()

    def write(self, data: bytes) -> None:
        """Write or queue ``data``. Nothing happens after ``close``, or once the reader is gone."""
        if self._broken or self._finished:
            return
        # Only here it grows: none unsent means that the thread does nothing, and will not.
        rest = data if self._unsent else self._written_at_once(data)
        if not rest:
            return
        with self._lock:
            self._unsent += len(rest)
            overflow = self._unsent > _MAX_UNSENT_BYTES
        if overflow:
            self._break()
        else:
            self._queue.put(rest)

    def close(self) -> None:
        """Take no more; what is queued is still written."""
        if not self._finished:
            self._finished = True
            self._queue.put(None)

    async def drained(self, seconds: float) -> bool:
        """Wait until all is written, at most ``seconds``; call ``close`` first. Whether it is."""
        try:
            await asyncio.wait_for(self._done.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _written_at_once(self, data: bytes) -> bytes:
        """Write what fits; the rest of ``data``."""
        try:
            return data[self._now.write(data) :]
        except BlockingIOError:
            return data
        except OSError:
            self._break()
            return b""

    def _break(self) -> None:
        """Nobody reads any more."""
        self._broken = True
        self._loop.call_soon(self._on_closed)

    def _work(self) -> None:
        try:
            self._write_queued()
        finally:
            self._now.close()
            self._call(self._done.set)

    def _call(self, callback: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)

    def _write_queued(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                _write_all(self._fd, data)
            except OSError:
                self._broken = True
                self._call(self._on_closed)
                return
            with self._lock:
                self._unsent -= len(data)


class _Now(Protocol):
    """Writes to a descriptor what it takes without blocking.

    Each call of the system lets another thread have the interpreter, which may keep it: so one has to do.
    """

    def write(self, data: bytes) -> int:
        """Write the beginning of ``data``; how much. BlockingIOError: nothing, now."""

    def close(self) -> None:
        """No more is written."""


def _now(fd: int) -> _Now:
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):
        return _Socket(fd)
    if stat.S_ISFIFO(mode):
        with contextlib.suppress(OSError):  # not Linux, or forbidden
            return _OwnPipe(fd)
        if hasattr(select, "poll"):
            return _Polled(fd)
    return _Never()


class _Socket:
    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=os.dup(fd))

    def write(self, data: bytes) -> int:
        return self._socket.send(data, socket.MSG_DONTWAIT)

    def close(self) -> None:
        self._socket.close()


class _OwnPipe:
    """The pipe opened once more, as Linux can: non-blocking for nobody else."""

    def __init__(self, fd: int) -> None:
        self._fd = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def write(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def close(self) -> None:
        os.close(self._fd)


class _Polled:
    """A pipe that is asked for room first."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        # An end that is closed is ready, too, for an error that tells so.
        self._poll.register(fd, select.POLLOUT)

    def write(self, data: bytes) -> int:
        written = 0
        # Somebody who shares the descriptor may have made it non-blocking, and taken the room.
        with contextlib.suppress(BlockingIOError):
            while written < len(data) and self._poll.poll(0):
                written += os.write(self._fd, data[written : written + _SURE_BYTES])
        return written

    def close(self) -> None:
        pass


class _Never:
    """Of other files it is not known."""

    def write(self, data: bytes) -> int:  # noqa: ARG002 - the protocol's
        return 0

    def close(self) -> None:
        pass


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            # Somebody who shares the descriptor made it non-blocking.
            select.select([], [fd], [], 1.0)
