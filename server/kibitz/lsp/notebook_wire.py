"""Cells as the protocol has them, in our terms."""

from __future__ import annotations

from lsprotocol import types

from kibitz.lsp.documents import known
from kibitz.lsp.notebooks import Cell, Splice
from kibitz.text.languages import PLAIN
from kibitz.text.snapshot import Snapshot


def cell_of(cell: types.NotebookCell) -> Cell:
    """The cell's place."""
    return Cell(cell.document, cell.kind is types.NotebookCellKind.Code)


def text_of(document: types.TextDocumentItem) -> Snapshot:
    """The cell's text."""
    language = known(str(document.language_id)) or PLAIN
    return Snapshot(document.uri, document.version, language, document.text)


def splice_of(structure: types.NotebookDocumentCellChangeStructure) -> Splice:
    """Which cells came, and which went."""
    array = structure.array
    return Splice(
        array.start,
        array.delete_count,
        tuple(map(cell_of, array.cells or ())),
        opened=tuple(map(text_of, structure.did_open or ())),
        closed=tuple(each.uri for each in structure.did_close or ()),
    )
