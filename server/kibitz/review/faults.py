"""Where code does not parse, as far as what was typed is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from kibitz.review.nodes import Source
    from kibitz.text.lines import LineIndex
    from kibitz.text.spans import Span

_MOST = 100
"""Who has more faults in a file is not typing."""
_SHORT = 20
"""Lines: a longer fault swallowed what comes after its cause, which is where it begins."""
_NEAR = 1
"""Lines around a cause in which a parser may see the fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Lines that do not parse, counted from 0, both included."""

    first: int
    last: int

    def is_caused_in(self, first: int, last: int) -> bool:
        """Whether what stands on these lines may be what does not parse."""
        end = self.last if self.last - self.first < _SHORT else self.first
        return first <= end + _NEAR and self.first - _NEAR <= last


def faults_of(root: Node, source: Source) -> tuple[Fault, ...]:
    """The faults of a tree, outermost first. Looks only where there are any."""
    found: list[Fault] = []
    nodes = [root] if root.has_error else []
    while nodes and len(found) < _MOST:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            found.append(Fault(source.first(node), source.last(node)))
        # A whole file that is one error still has its parts.
        nodes.extend(child for child in node.children if child.has_error or child.is_missing)
    return tuple(found)


def half_typed(faults: Iterable[Fault], edited: Iterable[Span], lines: LineIndex) -> tuple[Fault, ...]:
    """The faults that what was typed may be the cause of; ``edited`` in code points."""
    typed = [
        (lines.line_of(min(span.start, len(lines.text))), lines.line_of(min(span.end, len(lines.text))))
        for span in edited
    ]
    return tuple(fault for fault in faults if any(fault.is_caused_in(first, last) for first, last in typed))
