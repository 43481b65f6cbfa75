"""``textDocument/didOpen``: reviewed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_open(ls: KibitzServer, params: types.DidOpenTextDocumentParams) -> None:
    """Handle the notification."""
    document = params.text_document
    ls.watching.look()
    closed = ls.closed_files
    known = closed.opened(document.uri, document.text) if closed is not None else ()
    ls.session.opened(document.uri, document.version, str(document.language_id), document.text, known)
    if closed is not None:
        closed.look()
