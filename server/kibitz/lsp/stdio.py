"""Runs a server on the process's standard input and output, and ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kibitz.lsp.faults import EARLY_LOG
from kibitz.lsp.framing import FrameReader
from kibitz.lsp.transport import PipeReader, PipeWriter
from kibitz.telemetry import last_words
from kibitz.telemetry.masking import Masking

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.framing import Frame, Oversize
    from kibitz.lsp.server import KibitzServer

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 0.8
"""How long the end may take, after the editor is gone."""
WORKERS_SECONDS = 0.1
"""How long threads may take to end, after that."""
_SLICE_SECONDS = 0.005
"""Messages are handled for so long before other work gets a turn."""


def run(create: Callable[[], KibitzServer]) -> int:
    """Serve until the editor leaves, its pipe closes, its process dies, or SIGTERM; the exit code."""
    last_words.install()
    _log_to_stderr()
    stdin, stdout = _take_stdio()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(thread_name_prefix="kibitz")
    loop.set_default_executor(workers)
    code = loop.run_until_complete(_serve(create, stdin, stdout))
    workers.shutdown(wait=False, cancel_futures=True)
    logging.shutdown()
    if not _gone(WORKERS_SECONDS):
        # A thread that cannot be interrupted (an import, a model's step): do not make the editor wait for it.
        sys.stderr.flush()
        os._exit(code)
    loop.close()
    return code


def _gone(seconds: float) -> bool:
    """Whether all threads that would hold up the end of the process are gone, in at most ``seconds``."""
    deadline = time.monotonic() + seconds
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(max(deadline - time.monotonic(), 0))
    return not any(thread.is_alive() for thread in others)


async def serve(server: KibitzServer, stdin: int, stdout: int) -> int:
    """The conversation of ``server`` over two descriptors, which are taken over; the exit code."""
    writer = PipeWriter(stdout, server.stop)
    server.protocol.connect(writer)
    reading = asyncio.get_running_loop().create_task(_Conversation(server, stdin).run())
    reading.add_done_callback(lambda _: server.stop())
    try:
        await server.stopped.wait()
    finally:
        code = server.exit_code
        reading.cancel()
        await server.wind_down(DRAIN_SECONDS / 2)
        server.protocol.disconnect()
        writer.close()
        await writer.drained(DRAIN_SECONDS / 2)
    return code


async def _serve(create: Callable[[], KibitzServer], stdin: int, stdout: int) -> int:
    server = create()
    # What the imports made is there to stay: it need not be looked at before the first answer.
    gc.freeze()
    # A look at all that came since takes tens of milliseconds, so it has to be rare.
    gc.set_threshold(700, 10, 50)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(last_words.of_loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, server.stop)
    return await serve(server, stdin, stdout)


class _Conversation:
    """Cuts what arrives into messages, and has them handled: a few at a time, so that others get a turn."""

    def __init__(self, server: KibitzServer, stdin: int) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._cutter = FrameReader()
        self._frames: deque[Frame | Oversize] = deque()
        self._reader = PipeReader(stdin, self._take)

    async def run(self) -> None:
        """Until the editor closes its end."""
        await self._reader.run()

    def _take(self, chunk: bytes) -> None:
        self._frames.extend(self._cutter.feed(chunk))
        if not self._handled():
            self._reader.pause()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._handled():
            self._reader.resume()
        else:
            self._loop.call_soon(self._go_on)

    def _handled(self) -> bool:
        """Handle messages until none is left, or their time is up; whether none is left."""
        began = self._loop.time()
        while self._frames and not self._server.stopped.is_set():
            self._server.protocol.handle_frame(self._frames.popleft())
            if self._frames and self._loop.time() - began > _SLICE_SECONDS:
                return False
        return True


def _take_stdio() -> tuple[int, int]:
    """The two descriptors of the protocol, for us alone.

    Whatever else writes to standard output (a library's ``print``, native code) would corrupt the stream: it
    goes to standard error instead; and whatever reads standard input finds it empty.
    """
    stdin, stdout = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return stdin, stdout


def _log_to_stderr() -> None:
    """Until the settings say where logs go."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(EARLY_LOG)
    handler.setFormatter(Masking("kibitz: %(levelname)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    # pygls logs whole messages, which hold source code; what matters is logged by our protocol.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
