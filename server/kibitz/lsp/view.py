"""One document as an editor asks about it at each move of the cursor, until something is typed or found."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from kibitz.lsp.actions import Offers
from kibitz.lsp.spots import Spots

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.documents import Document
    from kibitz.lsp.server import KibitzServer


class View:
    """What is found in a document that is as it is now, for one client; all is made once."""

    def __init__(self, document: Document, client: Client, as_json: Callable[[object], Any]) -> None:
        self.document = document
        self.snapshot = document.snapshot
        self._shown = document.shown
        self._dismissed = document.dismissed
        self._client = client
        self._as_json = as_json

    def holds(self, document: Document) -> bool:
        """Whether it is of that document, and that is as it was."""
        return (
            self.document is document
            and self.snapshot is document.snapshot
            and self._shown is document.shown
            and self._dismissed is document.dismissed
        )

    @cached_property
    def shown(self) -> Spots:
        """What is shown."""
        return Spots(self._shown)

    @cached_property
    def dismissed(self) -> Spots:
        """What was dismissed."""
        return Spots(self._dismissed)

    @cached_property
    def offers(self) -> Offers:
        """What can be done about it."""
        return Offers(self.document, self._client, self._as_json)


def view_of(ls: KibitzServer, document: Document) -> View:
    """That of the document as it is now."""
    if ls.view is None or not ls.view.holds(document):
        ls.view = View(document, ls.client, ls.protocol.as_json)
    return ls.view
