"""Time as the server sees it, so that tests can say what time it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer(Protocol):
    """A call that was asked for and has not come yet."""

    def cancel(self) -> None:
        """Do not call. Harmless after the call."""


class Clock(Protocol):
    """Seconds that only go forward, and calls at a later time, on the event loop."""

    def now(self) -> float:
        """Seconds since some fixed moment."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the event loop when ``seconds`` have gone by."""


class LoopClock:
    """The running event loop's own time."""

    def now(self) -> float:
        """The loop's monotonic time, in seconds."""
        return asyncio.get_running_loop().time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """See ``Clock``."""
        return asyncio.get_running_loop().call_later(seconds, callback)
