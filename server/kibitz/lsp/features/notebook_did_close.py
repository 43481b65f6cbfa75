"""``notebookDocument/didClose``: the reviews are cancelled and the diagnostics of all cells go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def notebook_did_close(ls: KibitzServer, params: types.DidCloseNotebookDocumentParams) -> None:
    """Handle the notification."""
    ls.notebooks.closed(params.notebook_document.uri)
