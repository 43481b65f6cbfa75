"""``notebookDocument/didChange``: cells come, go, move or are typed in. What they put out does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.features.did_change import text_change
from kibitz.lsp.notebook_wire import cell_of, splice_of

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def notebook_did_change(ls: KibitzServer, params: types.DidChangeNotebookDocumentParams) -> None:
    """Handle the notification."""
    uri, cells = params.notebook_document.uri, params.change.cells
    if cells is None:
        return
    if cells.structure is not None:
        ls.notebooks.spliced(uri, splice_of(cells.structure))
    if cells.data:
        ls.notebooks.marked(uri, map(cell_of, cells.data))
    if cells.text_content:
        ls.notebooks.typed(
            uri,
            [
                (each.document.uri, each.document.version, [text_change(change) for change in each.changes])
                for each in cells.text_content
            ],
        )
