"""``textDocument/didSave``: reviewed at once, unless that text is reviewed already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def did_save(ls: KibitzServer, params: types.DidSaveTextDocumentParams) -> None:
    """Handle the notification."""
    ls.session.saved(params.text_document.uri)
    ls.watching.saved(params.text_document.uri)
    if ls.closed_files is not None:
        ls.closed_files.look()
