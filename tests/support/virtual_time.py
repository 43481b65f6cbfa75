"""An event loop whose clock jumps over every wait, so that tests of minutes take milliseconds.

Only for code that waits by the loop (``asyncio.sleep``, timers), without sockets or threads: where nothing is
ready, the clock is set to the next timer instead of sleeping until then. A loop with nothing to wait for
would hang for real; here it is an error.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
_TICK = 1e-6
"""A real clock moves on while the loop turns; this one must not stand still on a wait of almost nothing."""


class _Jumping(selectors.SelectSelector):
    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("deadlock: nothing is ready, and no timer runs")
        self.now += max(timeout, _TICK)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(main: Coroutine[object, object, T]) -> T:
    """``asyncio.run`` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
