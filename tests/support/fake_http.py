"""A small HTTP/1.1 server on loopback that can also misbehave; the ground under ``fake_provider``.

It parses one request at a time, hands it to a handler together with the raw writer, and notices when the
client hangs up while the handler is still busy (``Exchange.disconnected``): that is how tests see that a
cancelled call was really aborted on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CRLF = b"\r\n"
MAX_BODY = 64 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Exchange:
    """One request, the wire it came on, and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    writer: asyncio.StreamWriter
    arrived: float = field(default_factory=time.monotonic)
    """Seconds, ``time.monotonic``."""
    answered: bool = False
    """The whole reply was written."""
    disconnected: bool = False
    """The client hung up before the reply was written."""

    @property
    def body(self) -> Any:
        """The parsed JSON body; an empty object if there is none."""
        return json.loads(self.raw) if self.raw else {}

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def respond(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        """Send a whole answer; ``length`` lies about its size."""
        await self.write(head(status, content_type, len(body) if length is None else length, headers) + body)

    async def write_chunk(self, data: bytes) -> None:
        """Send a part of an answer whose length is not known yet; nothing ends it."""
        await self.write(f"{len(data):x}".encode() + CRLF + data + CRLF)

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection, with a TCP reset if asked."""
        if reset:
            self.writer.transport.abort()
        else:
            self.writer.close()


def head(status: int, content_type: str, length: int | None, headers: dict[str, str] | None = None) -> bytes:
    """The status line and headers of an answer; no length means that it comes in chunks."""
    lines = [f"HTTP/1.1 {status} Fake", f"content-type: {content_type}"]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + CRLF + CRLF


class HttpServer:
    """Listens on 127.0.0.1 and gives every request to ``handler``; it survives whatever the client does."""

    def __init__(self, handler: Callable[[Exchange], Awaitable[None]]) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.connections_opened = 0

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Drop every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain callback, so that the task is ours: asyncio logs cancelled handler tasks as errors.
        self.connections_opened += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead = b""
        try:
            while (exchange := await _read_request(reader, writer, ahead)) is not None:
                ahead = await self._handle(exchange, reader)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            # Closing a connection that the client has already reset is not a test's concern.
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _handle(self, exchange: Exchange, reader: asyncio.StreamReader) -> bytes:
        """Run the handler while watching the wire; returns a byte that was read ahead of time."""
        work = asyncio.ensure_future(self._handler(exchange))
        watch = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not work.done() and (watch.exception() or not watch.result()):
                exchange.disconnected = True
                return b""
            await work
            exchange.answered = True
            return watch.result() if watch.done() and not watch.exception() else b""
        finally:
            if not work.done() and not exchange.answered:
                exchange.disconnected = True
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead: bytes
) -> Exchange | None:
    first = ahead + await reader.readline()
    if not first:
        return None
    method, path, _ = first.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (CRLF, b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raw = await _read_body(reader, headers)
    return Exchange(method, path, headers, raw, writer)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(min(int(headers.get("content-length", 0)), MAX_BODY))
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)
