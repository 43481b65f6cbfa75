"""A line to a TCP server that takes its time."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import Self


class SlowProxy:
    """Listens on a free loopback port while entered, and passes on each answer ``delay_s`` late."""

    def __init__(self, port: int, *, delay_s: float) -> None:
        self.delay_s = delay_s
        """May be changed at any time."""
        self.port = 0
        self._upstream = port
        self._lines: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._line(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            with closing(downstream):
                ways = [
                    asyncio.create_task(self._pass(reader, downstream, late=False)),
                    asyncio.create_task(self._pass(upstream, writer, late=True)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, late: bool) -> None:
        while data := await source.read(65_536):
            if late:
                await asyncio.sleep(self.delay_s)
            target.write(data)
            await target.drain()
