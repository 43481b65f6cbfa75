"""``notebookDocument/didOpen``: the cells of each language are reviewed as one program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.notebook_wire import cell_of, text_of
from kibitz.lsp.notebooks import Notebook

if TYPE_CHECKING:
    from lsprotocol import types

    from kibitz.lsp.server import KibitzServer


def notebook_did_open(ls: KibitzServer, params: types.DidOpenNotebookDocumentParams) -> None:
    """Handle the notification."""
    book = params.notebook_document
    texts = {each.uri: text_of(each) for each in params.cell_text_documents}
    ls.notebooks.opened(Notebook(book.uri, book.version, tuple(map(cell_of, book.cells)), texts))
