"""How late the event loop is, while there is something to do; an idle server is left to sleep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.telemetry.metrics import Histogram

EVERY_SECONDS = 0.25
AFTER_SECONDS = 5.0
"""It goes on for so long after the last that was done."""


class Lag:
    """Looks at the clock again and again. Belongs to the event loop."""

    def __init__(self, clock: Clock, late: Histogram) -> None:
        self._clock = clock
        self._late = late
        self._until = 0.0
        self._timer: Timer | None = None

    def touch(self) -> None:
        """Something is being done."""
        self._until = self._clock.now() + AFTER_SECONDS
        if self._timer is None:
            self._wait()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        due = self._clock.now() + EVERY_SECONDS
        self._timer = self._clock.call_later(EVERY_SECONDS, lambda: self._look(due))

    def _look(self, due: float) -> None:
        now, self._timer = self._clock.now(), None
        self._late.observe(now - due)
        if now < self._until:
            self._wait()
