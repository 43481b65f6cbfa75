"""Brings a document's findings to the editor, by one way: sent when they change, or handed out when asked.

Editors move their marks along with what is typed, so what only moved waits until the typing rests.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from lsprotocol import types

from kibitz.lsp.rendering import diagnostics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.documents import Document

REFRESH_SECONDS = 0.1
"""Editors that are told to ask again ask for all that is visible: news that come together are one."""


class Screen(Protocol):
    """What the editor shows of diagnostics."""

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        """These are all diagnostics of the document now."""

    def refresh(self) -> None:
        """Ask for the diagnostics again."""


class Publisher:
    """What the editor shows of each document, and what it should. Belongs to the event loop."""

    def __init__(self, screen: Screen, client: Client, clock: Clock) -> None:
        self.pulls = False
        """Whether the editor asks, and is sent nothing; see ``switch``."""
        self._screen = screen
        self._client = client
        self._clock = clock
        self._shown: dict[str, object] = {}
        """What the editor shows, by URI, as far as it matters whether it is the same."""
        self._dismissed: set[str] = set()
        self._timer: Timer | None = None

    def switch(self, *, pulls: bool, documents: Sequence[Document]) -> None:
        """From now on the editor asks, or is told. What it shows by the other way goes."""
        if pulls == self.pulls:
            return
        if pulls:
            for uri in [uri for uri, shown in self._shown.items() if shown]:
                self._screen.publish(uri, None, [])
        self.pulls = pulls
        self._shown.clear()
        for document in documents:
            self.publish(document)

    def publish(self, document: Document) -> None:
        """Show the document's findings, unless that is what the editor shows already."""
        rendered = self._rendered(document)
        if self.pulls:
            self._notice(document.uri, [_gist(each) for each in rendered])
            return
        shown = [(each.range, *_gist(each)) for each in rendered]
        if shown != self._shown.get(document.uri, []):
            self._shown[document.uri] = shown
            self._screen.publish(document.uri, document.snapshot.version, rendered)

    def clear(self, uri: str) -> None:
        """The document is closed."""
        self._dismissed.discard(uri)
        if self._shown.pop(uri, None) and not self.pulls:
            self._screen.publish(uri, None, [])

    def toggle_dismissed(self, document: Document) -> bool:
        """Show what was dismissed, too, or no longer; whether it is shown now."""
        self._dismissed ^= {document.uri}
        self.publish(document)
        return document.uri in self._dismissed

    def report(self, document: Document, previous: str | None) -> types.DocumentDiagnosticReport:
        """What the editor asks for; nothing new if it has the result ``previous``."""
        rendered = self._rendered(document)
        self._shown[document.uri] = [_gist(each) for each in rendered]
        told = [(str(each.range), *map(str, _gist(each))) for each in rendered]
        result = sha256(json.dumps([document.snapshot.digest, told]).encode()).hexdigest()[:16]
        if previous == result:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result)
        return types.RelatedFullDocumentDiagnosticReport(items=rendered, result_id=result)

    def _rendered(self, document: Document) -> list[types.Diagnostic]:
        every = list(document.shown)
        if document.uri in self._dismissed:
            every = sorted((*every, *document.dismissed), key=lambda each: each.span)
        return diagnostics(every, document.snapshot, self._client)

    def _notice(self, uri: str, shown: object) -> None:
        """Have the editor ask again if it shows something else; what only moved it moves itself."""
        if shown == self._shown.get(uri, []):
            return
        self._shown[uri] = shown
        if self._timer is None:
            self._timer = self._clock.call_later(REFRESH_SECONDS, self._refresh)

    def _refresh(self) -> None:
        self._timer = None
        self._screen.refresh()


def _gist(diagnostic: types.Diagnostic) -> tuple[object, ...]:
    return diagnostic.message, diagnostic.severity, diagnostic.code
