"""A notebook's cells, and the programs that those of each language form together. Pure.

A program is a document like any other: its text is that of its cells, each after a gap of a fixed length. The
gap of the reviewed text is the comment by which a cell is known everywhere, ``# %%``. In the program's own
text it is something that stands in no code. So what was found across a gap, or in a command for the kernel
(see ``magics``), does not stand in the program's text: nothing is shown or mended that no cell holds.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from kibitz.lsp.magics import python_of
from kibitz.lsp.shown import carry, moved
from kibitz.text.languages import PLAIN, block_comments, line_comments
from kibitz.text.snapshot import Snapshot
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kibitz.lsp.shown import Shown
    from kibitz.text.lines import Encoding
    from kibitz.text.remap import Replacement
    from kibitz.text.snapshot import TextChange

_NO_CODE = "\x1e"
"""Information separator two: a record ends."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's place in its notebook."""

    uri: str
    code: bool
    """Whether it holds code; else it is prose."""


@dataclass(frozen=True)
class Program(Snapshot):
    """Cells of one language as one document, in the order of the notebook; at least one."""

    notebook: str = ""
    """The notebook's URI."""
    cells: tuple[Snapshot, ...] = ()

    @classmethod
    def of(cls, notebook: str, version: int, language: str, cells: Sequence[Snapshot]) -> Program:
        """The program that the cells form. Its URI is no editor's: that of the notebook and the language."""
        gap = _NO_CODE * (len(_gap(language)) - 1) + "\n"
        text = "".join(f"{gap}{cell.text}\n" for cell in cells)
        return cls(f"{notebook}#{language}", version, language, text, notebook, tuple(cells))

    @cached_property
    def code(self) -> str:
        """See ``Snapshot``."""
        gap = _gap(self.language)
        python = self.language == "python"
        return "".join(f"{gap}{python_of(cell.text) if python else cell.text}\n" for cell in self.cells)

    @property
    def parts(self) -> tuple[Snapshot, ...]:
        """See ``Snapshot``."""
        return self.cells

    @cached_property
    def names(self) -> frozenset[str]:
        """See ``Snapshot``."""
        return frozenset((self.uri, self.notebook, *self._numbers))

    def part(self, uri: str) -> tuple[Snapshot, int]:
        """See ``Snapshot``."""
        number = self._numbers.get(uri)
        return (self, 0) if number is None else (self.cells[number], self.starts[number])

    def locate(self, span: Span) -> tuple[Snapshot, Span]:
        """See ``Snapshot``. What reaches beyond its cell ends with it."""
        number = max(bisect_right(self.starts, span.start) - 1, 0)
        cell, start = self.cells[number], self.starts[number]
        begin, end = (min(max(at - start, 0), len(cell.text)) for at in (span.start, span.end))
        return cell, Span(begin, end)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset of each cell's text."""
        gap = len(_gap(self.language))
        ends = accumulate(gap + len(cell.text) + 1 for cell in self.cells)
        return tuple(gap + before for before in (0, *ends))[: len(self.cells)]

    def edits(self, typed: Mapping[str, Sequence[Replacement]]) -> list[Replacement]:
        """What was ``typed`` in some of the cells, by their URIs, as edits of the program."""
        edits: list[Replacement] = []
        # From the last cell to the first: until a cell's turn comes, it is where it was.
        for cell, start in reversed(list(zip(self.cells, self.starts, strict=True))):
            edits.extend(replace(each, span=each.span.shift(start)) for each in typed.get(cell.uri, ()))
        return edits

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {cell.uri: number for number, cell in enumerate(self.cells)}


@dataclass(frozen=True, slots=True)
class Splice:
    """Cells that come and go: ``removed`` of them from ``start`` on, in whose place ``cells`` stand now."""

    start: int
    removed: int
    cells: tuple[Cell, ...] = ()
    opened: tuple[Snapshot, ...] = ()
    """The texts of cells that were not there before."""
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as the editor has it."""

    uri: str
    version: int
    cells: tuple[Cell, ...] = ()
    texts: Mapping[str, Snapshot] = field(default_factory=dict)
    """The cells' texts by URI, in kibitz's names of languages."""

    def programs(self) -> dict[str, Program]:
        """The program of each language, by URI."""
        by_language: dict[str, dict[str, Snapshot]] = {}
        for cell in self.cells:
            text = self.texts.get(cell.uri)
            if cell.code and text is not None and text.language != PLAIN:
                by_language.setdefault(text.language, {})[cell.uri] = text
        programs = [
            Program.of(self.uri, self.version, language, tuple(texts.values()))
            for language, texts in by_language.items()
        ]
        return {program.uri: program for program in programs}

    def spliced(self, splice: Splice) -> Notebook | None:
        """The notebook with other cells; None if there are no such cells to remove."""
        if not 0 <= splice.start <= splice.start + splice.removed <= len(self.cells):
            return None
        cells = [*self.cells]
        cells[splice.start : splice.start + splice.removed] = splice.cells
        texts = {uri: text for uri, text in self.texts.items() if uri not in splice.closed}
        texts |= {text.uri: text for text in splice.opened}
        return replace(self, cells=tuple(cells), texts=texts)

    def marked(self, cells: Iterable[Cell]) -> Notebook:
        """The notebook with some cells of another kind, maybe."""
        kinds = {cell.uri: cell for cell in cells}
        return replace(self, cells=tuple(kinds.get(cell.uri, cell) for cell in self.cells))

    def typed(
        self, uri: str, version: int, changes: Sequence[TextChange], encoding: Encoding
    ) -> tuple[Notebook, tuple[Replacement, ...]] | None:
        """The notebook after edits in one cell, and those edits; None if they do not follow what is known."""
        text = self.texts.get(uri)
        if text is None or version <= text.version:
            return None
        text, edits = text.apply(version, changes, encoding)
        return replace(self, texts={**self.texts, uri: text}), edits


def rearranged(shown: Iterable[Shown], old: Program, new: Program) -> tuple[Shown, ...]:
    """The findings where their cells are now; those of cells that are gone, or are other ones, go, too."""
    kept = []
    for each in shown:
        cell, _ = old.locate(each.span)
        after, start = new.part(cell.uri)
        if after is not new and after.text == cell.text:
            kept.append(moved(each, start - old.part(cell.uri)[1]))
    return carry(kept, (), new.text)


def _gap(language: str) -> str:
    """What stands before a cell for whoever reads the program."""
    line, block = line_comments(language), block_comments(language)
    begin, end = (line[0], "") if line else block[0]
    return f"{begin} %% {end}".rstrip() + "\n"
