"""When there is time for what nobody waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer

QUIET_SECONDS = 30.0
"""Without an edit and a review: so much quiet is needed."""
START_SECONDS = 1.0
"""The same at the start, when most editors open their documents."""


class OnChange(Protocol):
    """Is told about changes."""

    def __call__(self, *, there_is_time: bool) -> None:
        """There is time from now on, or there is none."""


def _nobody(*, there_is_time: bool) -> None:
    pass


class Quiet:
    """There is time while neither the user types nor a document is reviewed. A ``review.warm.Pace``."""

    def __init__(self, clock: Clock, is_busy: Callable[[], bool], on_change: OnChange = _nobody) -> None:
        """Begin to wait for it. ``on_change`` is told when there is time, and when there no longer is."""
        self.urgency = Urgency(Priority.WARMING)
        self._clock = clock
        self._is_busy = is_busy
        self._on_change = on_change
        self._free = asyncio.Event()
        self._timer: Timer | None = None
        self._rest(START_SECONDS)

    def stir(self) -> None:
        """The user did something."""
        was_free = self._free.is_set()
        self._free.clear()
        self.urgency.hold()
        self._until = self._clock.now() + QUIET_SECONDS
        if self._timer is None:
            self._rest(QUIET_SECONDS)
        if was_free:
            self._on_change(there_is_time=False)

    async def wait(self) -> None:
        """Until there is time."""
        if self._is_busy():
            self.stir()
        await self._free.wait()

    def close(self) -> None:
        """Tell nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _rest(self, seconds: float) -> None:
        self.urgency.hold()
        self._until = self._clock.now() + seconds
        self._timer = self._clock.call_later(seconds, self._look)

    def _look(self) -> None:
        """See whether it has been quiet since, and is."""
        self._timer = None
        left = QUIET_SECONDS if self._is_busy() else self._until - self._clock.now()
        if left > 0:
            self._rest(left)
            return
        self._free.set()
        self.urgency.release()
        self._on_change(there_is_time=True)
