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
    from collections.abc import Callable, Iterable, Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.documents import Document
    from kibitz.lsp.shown import Shown
    from kibitz.text.snapshot import Snapshot

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
        self.withholds = False
        """Whether the editor hears that there is nothing when it asks: it is about to be sent it."""
        self.on_publish: Callable[[Document], None] = lambda _: None
        """Is told whenever something else may be shown of a document."""
        self.on_clear: Callable[[str], None] = lambda _: None
        """Is told the URI of a document of which nothing is shown any more."""
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
        for document in documents:
            for part in document.snapshot.parts:
                # What is sent in any case stays.
                if part is document.snapshot and self._shown.pop(part.uri, None) and pulls:
                    self._screen.publish(part.uri, None, [])
        self.pulls = pulls
        for document in documents:
            self.publish(document)

    def publish(self, document: Document) -> None:
        """Show the document's findings, unless that is what the editor shows already."""
        self.on_publish(document)
        for part, rendered in self._by_part(document):
            if self._is_pulled(part, document):
                self._notice(part.uri, [_gist(each) for each in rendered])
                continue
            shown = [(each.range, *_gist(each)) for each in rendered]
            if shown != self._shown.get(part.uri, []):
                self._shown[part.uri] = shown
                self._screen.publish(part.uri, part.version, rendered)

    def clear(self, document: Document, *, stays: bool = False) -> None:
        """The document is closed; whether what is shown of it ``stays``, by somebody else's word."""
        self.on_clear(document.uri)
        self._dismissed.discard(document.uri)
        for part in document.snapshot.parts:
            if stays or self._is_pulled(part, document):
                self._shown.pop(part.uri, None)
            else:
                self.drop(part.uri)

    def drop(self, uri: str) -> None:
        """What the editor calls so belongs to no document any more."""
        if self._shown.pop(uri, None):
            self._screen.publish(uri, None, [])

    def shows_dismissed(self, uri: str) -> bool:
        """Whether what was dismissed in that document is shown, too."""
        return uri in self._dismissed

    def toggle_dismissed(self, document: Document) -> bool:
        """Show what was dismissed, too, or no longer; whether it is shown now."""
        self._dismissed ^= {document.uri}
        self.publish(document)
        return document.uri in self._dismissed

    def report(self, document: Document, previous: str | None) -> types.DocumentDiagnosticReport:
        """What the editor asks for; nothing new if it has the result ``previous``."""
        wanted = () if self.withholds else self._wanted(document)
        rendered = diagnostics(wanted, document.snapshot, self._client)
        self._shown[document.uri] = [_gist(each) for each in rendered]
        told = [(str(each.range), *map(str, _gist(each))) for each in rendered]
        result = sha256(json.dumps([document.snapshot.digest, told]).encode()).hexdigest()[:16]
        if previous == result:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result)
        return types.RelatedFullDocumentDiagnosticReport(items=rendered, result_id=result)

    def _by_part(self, document: Document) -> Iterable[tuple[Snapshot, list[types.Diagnostic]]]:
        snapshot, every = document.snapshot, self._wanted(document)
        by_part: dict[str, list[types.Diagnostic]] = {part.uri: [] for part in snapshot.parts}
        for each, rendered in zip(every, diagnostics(every, snapshot, self._client), strict=True):
            by_part[snapshot.locate(each.span)[0].uri].append(rendered)
        return ((part, by_part[part.uri]) for part in snapshot.parts)

    def _wanted(self, document: Document) -> Sequence[Shown]:
        dismissed = document.dismissed if document.uri in self._dismissed else ()
        if not dismissed and not document.hints:
            return document.shown
        return sorted((*document.shown, *dismissed, *document.hints), key=lambda each: each.span)

    def _is_pulled(self, part: Snapshot, document: Document) -> bool:
        """Whether the editor asks for a part's diagnostics. Few ask for those of a notebook's cells."""
        return self.pulls and part is document.snapshot

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
