"""Prepares, while nothing else is to be done, for files that the user has not opened yet."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.faults import describe
from kibitz.lsp.quiet import Quiet
from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS

if TYPE_CHECKING:
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.service import ReviewService
    from kibitz.lsp.session import Session

logger = logging.getLogger(__name__)

PROGRESS_KEY = "kibitz:warming"
"""Stands for a document's URI where the editor is shown what goes on."""
_TITLE = "Preparing recent files"


class Progress(Protocol):
    """Something that the editor shows while it lasts."""

    def report(self, message: str, percentage: int) -> None:
        """It is as far as that."""

    def end(self) -> None:
        """It is over."""


class Editor(Protocol):
    """What the editor is shown."""

    def progress(self, title: str, uri: str) -> Progress:
        """Show that something is under way, if the editor can."""


class Warming:
    """At most one run at a time, for the service that the session uses. Belongs to the event loop."""

    def __init__(self, session: Session, clock: Clock, editor: Editor) -> None:
        self._session = session
        self._clock = clock
        self._editor = editor
        self._over = False
        self._run: _Run | None = None
        session.attention.on_turn = self.stir

    def renew(self) -> None:
        """Begin for the session's service if it is a new one; end for one that is gone or switched off."""
        service = self._session.service
        if self._run is None or self._run.service is not service:
            self.rest()
            self.resume()

    def stir(self) -> None:
        """The user does something: step back."""
        if self._run is not None:
            self._run.quiet.stir()

    def rest(self) -> None:
        """Stop, until ``resume``."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    def resume(self) -> None:
        """Go on after ``rest``, from the start: what is prepared by now takes no time."""
        session = self._session
        wanted = not session.paused and not self._over
        if wanted and session.service is not None and self._run is None:
            self._run = _Run(session, session.service, self._clock, self._editor)

    def end(self) -> None:
        """Stop, for as long as this server runs: the user wants none of it."""
        self._over = True
        self.rest()


class _Run:
    """What is done for one service."""

    def __init__(self, session: Session, service: ReviewService, clock: Clock, editor: Editor) -> None:
        self.service = service
        self.quiet = Quiet(clock, lambda: session.busy > 0, self._show)
        self._session = session
        self._clock = clock
        self._editor = editor
        self._timer: Timer | None = None
        self._progress: Progress | None = None
        self._task = asyncio.get_running_loop().create_task(self._go())

    def stop(self) -> None:
        """End it; what is prepared stays."""
        self._task.cancel()

    async def _go(self) -> None:
        try:
            told = await self.service.warm(self.quiet, self._is_open, self._step)
        except Exception as error:  # noqa: BLE001 - nobody waits for it; what is opened is reviewed anyway
            logger.error("preparing recent files failed: %s", describe(error))  # noqa: TRY400 - no messages
        else:
            if told:
                logger.info("prepared recent files: %s", told)
        finally:
            self.quiet.close()
            self._show(there_is_time=False)

    def _is_open(self, path: str) -> bool:
        return any(document.path == path for document in self._session.documents)

    def _show(self, *, there_is_time: bool) -> None:
        """Have the editor show it while it goes on; what takes no time is not shown."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if there_is_time:
            self._timer = self._clock.call_later(PROGRESS_AFTER_SECONDS, self._begin_progress)
        elif self._progress is not None:
            self._progress.end()
            self._progress = None

    def _begin_progress(self) -> None:
        self._timer = None
        self._progress = self._editor.progress(_TITLE, PROGRESS_KEY)

    def _step(self, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress.report(f"{done} of {of}", 100 * done // of)
