"""Shows anew what is dismissed and what is not, in all open documents. Asks nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.documents import Document
    from kibitz.lsp.service import ReviewService
    from kibitz.lsp.session import Session
    from kibitz.review.result import Source

SETTLE_SECONDS = 0.3
"""A file that changes may be one of many, as after a checkout."""


class Sorting:
    """Belongs to the event loop."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Something else may be dismissed: look, once no more news come."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(SETTLE_SECONDS, self._begin)

    async def now(self) -> None:
        """Show what is known of each document as it is wanted now."""
        service = self._session.service
        if service is None:
            return
        for document in self._session.documents:
            if document.shown or document.dismissed:
                await self._sort(document, service)

    def stop(self) -> None:
        """It is over."""
        for pending in (self._timer, self._task):
            if pending is not None:
                pending.cancel()

    def _begin(self) -> None:
        self._timer = None
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self.now())

    async def _sort(self, document: Document, service: ReviewService) -> None:
        session, snapshot = self._session, document.snapshot
        why = await asyncio.to_thread(service.dismissals.of, source_of(document))
        if session.documents.get(document.uri) is document and document.snapshot is snapshot:
            document.judge(why)
            session.publisher.publish(document)
        # What had no place beside what is dismissed now may have one.
        session.look_again(document.uri)


def source_of(document: Document) -> Source:
    """The document as it is, for what is said about findings in it."""
    from kibitz.review.result import Source  # noqa: PLC0415 - loaded with the reviewer

    snapshot = document.snapshot
    return Source(snapshot.code, document.language or snapshot.language, path=document.path or "")
