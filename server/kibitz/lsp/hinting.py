"""Hints about the open documents: what kibitz sees by itself, at once, also where nobody reviews."""

from __future__ import annotations

import asyncio
import logging
from pathlib import PurePath
from typing import TYPE_CHECKING

from kibitz.lsp.faults import describe
from kibitz.lsp.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.documents import Document, Documents
    from kibitz.lsp.service import Knobs
    from kibitz.text.snapshot import Snapshot

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.3
"""A look costs some milliseconds: one for each pause in the typing, not for each key."""


class Hinting:
    """Looks at documents in threads, one look at a time for each. Belongs to the event loop."""

    def __init__(
        self,
        documents: Documents,
        clock: Clock,
        *,
        publish: Callable[[Document], None],
        knobs_of: Callable[[Document], Knobs],
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._publish = publish
        self._knobs_of = knobs_of
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._timers: dict[str, Timer] = {}
        self._wanted: set[str] = set()
        """Of which documents something is news since the last look began."""
        self._hinted: set[str] = set()
        """In which documents there was something at the last look."""

    def look(self, document: Document) -> None:
        """Look at the document now."""
        uri = document.uri
        self._forget_timer(uri)
        self._wanted.add(uri)
        if (task := self._tasks.get(uri)) is None or task.done():
            self._tasks[uri] = asyncio.get_running_loop().create_task(self._look(uri))

    def later(self, document: Document) -> None:
        """Look at it once the typing rests."""
        self._forget_timer(document.uri)
        self._timers[document.uri] = self._clock.call_later(PAUSE_SECONDS, lambda: self._due(document.uri))

    def closed(self, uri: str) -> None:
        """It is not open any more."""
        self._forget_timer(uri)
        self._wanted.discard(uri)
        self._hinted.discard(uri)

    def stop(self) -> None:
        """Look no more."""
        for uri in list(self._timers):
            self._forget_timer(uri)
        for task in self._tasks.values():
            task.cancel()
        # One that had not begun will not say that it is over.
        self._tasks.clear()

    def _due(self, uri: str) -> None:
        document = self._documents.get(uri)
        if document is not None:
            self.look(document)

    def _forget_timer(self, uri: str) -> None:
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()

    async def _look(self, uri: str) -> None:
        try:
            while uri in self._wanted:
                self._wanted.discard(uri)
                if (document := self._documents.get(uri)) is not None and document.synced:
                    await self._look_at(document)
        except Exception as error:  # noqa: BLE001 - our own mistake: hints are not worth more than a line
            logger.error("no hints about a document: %s", describe(error))  # noqa: TRY400 - no texts
        finally:
            if self._tasks.get(uri) is asyncio.current_task():
                del self._tasks[uri]

    async def _look_at(self, document: Document) -> None:
        snapshot, knobs = document.snapshot, self._knobs_of(document)
        found: tuple[Shown, ...] = ()
        if knobs.enabled and document.language is not None:
            found = await asyncio.to_thread(_shown, snapshot, document.path, frozenset(knobs.rules_off))
        if self._documents.get(document.uri) is not document or not document.synced:
            return
        if document.snapshot.text != snapshot.text:
            self._wanted.add(document.uri)
        else:
            document.hints = found
            if found or document.uri in self._hinted:
                # Even if they are the same: what is shown may be from before they moved.
                self._publish(document)
            (self._hinted.add if found else self._hinted.discard)(document.uri)


def _shown(snapshot: Snapshot, path: str | None, off: frozenset[str]) -> tuple[Shown, ...]:
    """The hints about a document as findings. For a thread: the patterns alone take 60 ms to compile."""
    from kibitz.findings.finding import Confidence, Finding  # noqa: PLC0415 - after initialize
    from kibitz.findings.hint_rules import HINT_RULES  # noqa: PLC0415 - as above
    from kibitz.guard.denied import denied  # noqa: PLC0415 - as above
    from kibitz.guard.hints import hints  # noqa: PLC0415 - as above

    if path is not None and denied(PurePath(path).parts):
        return ()  # Where secrets are kept, that there are some is no news.
    # Part by part: what is between the cells of a notebook is nobody's text.
    return tuple(
        Shown(
            Finding(
                rule=hint.code,
                severity=HINT_RULES[hint.code].severity,
                confidence=Confidence.CERTAIN,
                title=hint.title,
                trigger=hint.why,
                span=hint.span.shift(snapshot.part(part.uri)[1]),
                quote=hint.span.of(part.text),
            )
        )
        for part in snapshot.parts
        for hint in hints(part.text)
        if hint.code not in off
    )
