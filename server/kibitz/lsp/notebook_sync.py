"""The open notebooks, and their programs among the session's documents."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kibitz.lsp.documents import SCHEMES, Change, Document, path_of
from kibitz.lsp.notebooks import Program, rearranged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.notebooks import Cell, Notebook, Splice
    from kibitz.lsp.session import Session
    from kibitz.text.remap import Replacement
    from kibitz.text.snapshot import TextChange

logger = logging.getLogger(__name__)


class NotebookSync:
    """Follows what the editor does with notebooks. Belongs to the event loop."""

    def __init__(self, session: Session, client: Client) -> None:
        self._session = session
        self._client = client
        self._open: dict[str, Notebook] = {}

    def opened(self, notebook: Notebook) -> None:
        """A notebook is open now."""
        self.closed(notebook.uri)
        if notebook.uri.partition(":")[0] in SCHEMES:
            self._take(notebook)

    def spliced(self, uri: str, splice: Splice) -> None:
        """Cells came, went or moved."""
        notebook = self._open.get(uri)
        if notebook is not None:
            self._take(notebook.spliced(splice), uri)

    def marked(self, uri: str, cells: Iterable[Cell]) -> None:
        """Cells may be of another kind now."""
        notebook = self._open.get(uri)
        if notebook is not None:
            self._take(notebook.marked(cells))

    def typed(self, uri: str, cells: Iterable[tuple[str, int, Sequence[TextChange]]]) -> None:
        """Cells (their URIs), were edited, and are at those versions now."""
        notebook = self._open.get(uri)
        if notebook is None:
            logger.warning("ignored a change of a notebook that is not open")
            return
        edits: dict[str, tuple[Replacement, ...]] = {}
        for cell, version, changes in cells:
            done = notebook.typed(cell, version, changes, self._client.encoding)
            if done is None:
                self._take(None, uri)
                return
            notebook, edits[cell] = done[0], (*edits.get(cell, ()), *done[1])
        self._take(notebook, typed=edits)

    def saved(self, uri: str) -> None:
        """A notebook was saved."""
        for document in self._programs(uri):
            self._session.saved(document.uri)

    def closed(self, uri: str) -> None:
        """A notebook is not open any more."""
        if self._open.pop(uri, None) is not None:
            for document in self._programs(uri):
                self._session.closed(document.uri)

    def lost(self, uri: str | None) -> None:
        """The cells of a notebook (None: of any) may not be what they were: a message was unreadable."""
        for name, notebook in [*self._open.items()]:
            if uri in {None, name, *notebook.texts}:
                logger.warning("a notebook is not reviewed until it is opened again")
                self.closed(name)

    def _take(
        self,
        notebook: Notebook | None,
        uri: str = "",
        typed: Mapping[str, Sequence[Replacement]] | None = None,
    ) -> None:
        """The notebook is like that now; None: nobody knows how."""
        if notebook is None:
            self.lost(uri)
            return
        self._open[notebook.uri] = notebook
        programs = notebook.programs()
        taken = {cell.uri for program in programs.values() for cell in program.cells}
        for document in self._programs(notebook.uri):
            for cell in document.snapshot.parts:
                if cell.uri not in taken:
                    self._session.publisher.drop(cell.uri)
            if document.uri not in programs:
                self._session.closed(document.uri)
        for program in programs.values():
            self._renew(program, typed or {})

    def _renew(self, program: Program, typed: Mapping[str, Sequence[Replacement]]) -> None:
        document = self._session.documents.get(program.uri)
        before = document.snapshot if document is not None else None
        if document is None or not isinstance(before, Program):
            document = Document(program, path_of(program.notebook), program.language)
            self._session.documents.add(document)
            self._session.entered(document)
        elif [cell.uri for cell in before.cells] != [cell.uri for cell in program.cells]:
            shown = rearranged((*document.shown, *document.dismissed), before, program)
            document.rearrange(program, shown)
            self._session.applied(program.uri, Change.TOUCHED)
        elif before.text != program.text:
            self._session.applied(program.uri, document.edit(program, before.edits(typed)))
        else:
            document.snapshot = program

    def _programs(self, uri: str) -> list[Document]:
        return [
            document
            for document in self._session.documents.meant(uri)
            if isinstance(document.snapshot, Program) and document.snapshot.notebook == uri
        ]
