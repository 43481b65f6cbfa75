"""``notebookDocument/didSave``: reviewed at once, unless that is done already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def notebook_did_save(ls: KibitzServer, params: types.DidSaveNotebookDocumentParams) -> None:
    """Handle the notification."""
    ls.notebooks.saved(params.notebook_document.uri)
