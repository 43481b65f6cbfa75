"""A document at one version. Never changes, so a task may hold one across an ``await``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from kibitz.text.lines import LineIndex
from kibitz.text.remap import Replacement, difference
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.text.lines import Encoding, Position


@dataclass(frozen=True, slots=True)
class TextChange:
    """One change of a ``didChange`` notification: new text for a range, or (None) for the whole document."""

    range: tuple[Position, Position] | None
    text: str


@dataclass(frozen=True)
class Snapshot:
    """The text of a document at a version, with its language id."""

    uri: str
    version: int
    language: str
    text: str

    @cached_property
    def lines(self) -> LineIndex:
        """The line index, built when it is first wanted."""
        return LineIndex(self.text)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the text, in hex: equal exactly for equal texts, lone surrogates included."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    # A document may be made of several that the editor has: of a notebook's cells, say. Most are not.

    @property
    def code(self) -> str:
        """What of the text is reviewed: as long as it, and different where that is no code."""
        return self.text

    @property
    def parts(self) -> tuple[Snapshot, ...]:
        """The editor's documents that it is made of."""
        return (self,)

    @property
    def names(self) -> frozenset[str]:
        """The URIs by which the editor may mean it, or a part of it."""
        return frozenset((self.uri,))

    def part(self, uri: str) -> tuple[Snapshot, int]:  # noqa: ARG002 - there is but one
        """The part that the editor calls so, and where it begins; all of it, if none is called so."""
        return self, 0

    def locate(self, span: Span) -> tuple[Snapshot, Span]:
        """The part in which ``span`` begins, and where it is in that."""
        return self, span

    def apply(
        self, version: int, changes: Iterable[TextChange], encoding: Encoding
    ) -> tuple[Snapshot, tuple[Replacement, ...]]:
        """The document after ``changes``, each of which counts in the text that the one before it left.

        Returns the new snapshot and what was replaced, in order, for ``remap``. Positions beyond a line or
        the text are clamped, and a reversed range means the same range: LSP asks for the former, clients
        commit the latter. Whether ``version`` may follow this one is for the caller to say.
        """
        lines = self.lines
        replacements = []
        for change in changes:
            if change.range is None:
                replacements.append(difference(lines.text, change.text))
                lines = LineIndex(change.text)
                continue
            start, end = sorted(lines.offset(position, encoding) for position in change.range)
            replacements.append(Replacement(Span(start, end), len(change.text)))
            lines = lines.replaced(start, end, change.text)
        snapshot = Snapshot(self.uri, version, self.language, lines.text)
        # The index is already known: fill the cache, which lives in the instance's __dict__.
        snapshot.__dict__["lines"] = lines
        return snapshot, tuple(replacements)
