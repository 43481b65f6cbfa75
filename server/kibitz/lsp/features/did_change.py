"""``textDocument/didChange``: findings are carried along at once, the review waits for a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.rendering import position
from kibitz.text.snapshot import TextChange

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer


def did_change(ls: KibitzServer, params: types.DidChangeTextDocumentParams) -> None:
    """Handle the notification."""
    changes = [text_change(change) for change in params.content_changes]
    ls.session.changed(params.text_document.uri, params.text_document.version, changes)


def text_change(change: types.TextDocumentContentChangeEvent) -> TextChange:
    """One change, in our terms."""
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return TextChange(None, change.text)
    return TextChange((position(change.range.start), position(change.range.end)), change.text)
