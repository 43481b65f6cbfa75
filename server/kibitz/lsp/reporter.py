"""Keeps the editor up to date about what kibitz is doing: told when it changes, and not too often."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kibitz.lsp.faults import describe
from kibitz.lsp.status import State, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.service import ReviewService
    from kibitz.lsp.session import Session
    from kibitz.lsp.status import Setup, Status
    from kibitz.telemetry.counts import Counts

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.3
"""Between two that are sent: what comes and goes faster than that is nobody's news."""
BUSY_SECONDS, DEGRADED_SECONDS = 1.0, 15.0
"""What goes on may end without an event of its own, and so may trouble: it is looked at again so soon."""


class Reporter:
    """Sends the status when it is another one. Belongs to the event loop."""

    def __init__(self, session: Session, setup: Setup, clock: Clock, send: Callable[[Status], None]) -> None:
        self._session = session
        self._setup = setup
        self._clock = clock
        self._send = send
        self._sent: Status | None = None
        self._timer: Timer | None = None
        self._again: Timer | None = None
        self._today: Counts | None = None
        self._counted: tuple[ReviewService, int] | None = None
        """Whose requests were counted when ``_today`` was read, and how many."""
        self._counting: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Something may be different now."""
        if self._timer is None:
            self._timer = self._clock.call_later(PAUSE_SECONDS, self._look)

    def now(self) -> Status:
        """What kibitz is doing."""
        return status_of(self._session, self._setup, self._today)

    def stop(self) -> None:
        """Tell nobody any more."""
        for timer in filter(None, (self._timer, self._again)):
            timer.cancel()
        if self._counting is not None:
            self._counting.cancel()

    def _look(self) -> None:
        self._timer = None
        self._count()
        status = self.now()
        if status != self._sent:
            self._sent = status
            self._send(status)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if status.state is State.BUSY or status.reviews:
            self._again = self._clock.call_later(BUSY_SECONDS, self.touch)
        elif status.state in {State.DEGRADED, State.PAUSED}:
            self._again = self._clock.call_later(DEGRADED_SECONDS, self.touch)

    def _count(self) -> None:
        """See what today cost if there were requests since that was done last."""
        service = self._session.service
        if service is None or self._counting is not None:
            return
        counted = (service, service.health().requests)
        if counted != self._counted:
            self._counted = counted
            self._counting = asyncio.get_running_loop().create_task(self._read(service))

    async def _read(self, service: ReviewService) -> None:
        try:
            self._today = await service.today()
        except Exception as error:  # noqa: BLE001 - what it cost is told with the next one
            logger.error("today's cost is not known: %s", describe(error))  # noqa: TRY400 - no messages
        finally:
            self._counting = None
        self.touch()
