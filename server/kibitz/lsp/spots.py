"""Where the findings of a text are, so that those at a place are found without a look at all others. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.lsp.shown import Shown


class Spots:
    """Findings, in the order of their places."""

    def __init__(self, every: Iterable[Shown]) -> None:
        self.all = sorted(every, key=_start)
        spans = [each.span for each in self.all]
        self._starts = [span.start for span in spans]
        self._ends = [span.end for span in spans]
        self._reach = list(accumulate(self._ends, max))
        """How far each and those before it go: what ends before a place stands before all that do not."""

    def at(self, start: int, end: int) -> list[Shown]:
        """Those that have something of ``start`` to ``end``, or touch it."""
        first, behind = bisect_left(self._reach, start), bisect_right(self._starts, end)
        return [self.all[number] for number in range(first, behind) if self._ends[number] >= start]


def _start(shown: Shown) -> int:
    return shown.span.start
