"""Spreads work over time, so that many requests at once do not stop the event loop for long.

Building a request takes the SDK a millisecond of CPU, and reading an answer half of one. A loop runs all that
is ready before it looks at timers and pipes again: 64 answers in one instant would keep an editor waiting for
as many times that. Threads are no way out by themselves: each that computes takes the interpreter from the
loop for up to 5 ms at a time, and the next one takes it from that one.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
_QUIET_SECONDS = 0.05
"""Whoever comes after nobody came for so long need not wait: no step takes that long."""


async def give_way() -> None:
    """Let the loop do all that came meanwhile, before a step that takes milliseconds.

    One round sees what has come, the next wakes who waits for it, and it goes on in the third.
    """
    for _ in range(3):
        await asyncio.sleep(0)


class Turns:
    """What takes turns on one event loop. Starts no thread before one is needed; close it."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()  # wakes its waiters in the order in which they came
        self._last = float("-inf")
        self._bench = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kibitz-compute")
        self._closed = False

    async def turn(self) -> None:
        """Wait for a round of the loop in which nobody else goes on; a step that takes long follows."""
        now = asyncio.get_running_loop().time
        if self._line.locked() or now() - self._last < _QUIET_SECONDS:
            async with self._line:
                await asyncio.sleep(0)
        self._last = now()

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work``, which computes, in a thread: one at a time, in the order of asking.

        Raises:
            ConfigError: it was closed.
        """
        if self._closed:
            raise ConfigError("this client was closed; make a new one")
        job = partial(copy_context().run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._bench, _done, job)

    def close(self) -> None:
        """Let the thread end after its last work."""
        self._closed = True
        self._bench.shutdown(wait=False)


def _done(job: Callable[[], T]) -> T:
    try:
        return job()
    finally:
        # A thread with more to do would get the interpreter back before the loop wakes up.
        time.sleep(0)
