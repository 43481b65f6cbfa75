"""Spreads work over time, so that many requests at once do not stop the event loop for long.

Building a request takes the SDK a millisecond of CPU, and reading an answer half of one. A loop runs all that
is ready before it looks at timers and pipes again: 64 answers in one instant would keep an editor waiting for
as many times that. Threads are no way out by themselves: each that computes takes the interpreter from the
loop for up to 5 ms at a time, and the next one takes it from that one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Turns:
    """What takes turns on one event loop."""

    def __init__(self) -> None:
        # Locks wake their waiters in the order in which they came.
        self._line = asyncio.Lock()
        self._bench = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for a round of the loop in which nobody else goes on; a step that takes long follows."""
        async with self._line:
            await asyncio.sleep(0)

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work``, which computes, in a thread: one at a time."""
        async with self._bench:
            return await asyncio.to_thread(work, *args, **kwargs)
