"""``textDocument/didClose``: the review is cancelled and the diagnostics go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_close(ls: KibitzServer, params: types.DidCloseTextDocumentParams) -> None:
    """Handle the notification."""
    ls.session.closed(params.text_document.uri)
