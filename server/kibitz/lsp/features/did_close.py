"""``textDocument/didClose``: the review is cancelled and the diagnostics go.

Unless the file is shown anyway, because the workspace was reviewed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_close(ls: KibitzServer, params: types.DidCloseTextDocumentParams) -> None:
    """Handle the notification."""
    uri, closed = params.text_document.uri, ls.closed_files
    document = ls.session.documents.get(uri)
    stays = closed is not None and document is not None and closed.closing(document)
    ls.session.closed(uri, stays=stays)
