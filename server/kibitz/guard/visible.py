"""Shows a model what a reader of code does not see: an invisible character becomes ``⟦U+202E⟧``.

Lines stay as they were; places in them do not, so they are counted back. A fix gets its characters back, and
never one that the lines it replaces do not have.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass

from kibitz.guard.invisible import INVISIBLE
from kibitz.text.spans import Span

_OPEN, _CLOSE = "⟦", "⟧"
_MARK = re.compile(rf"{_OPEN}U\+([0-9A-F]{{4,6}}){_CLOSE}")
_HARMLESS = "\x0b\x0c"
"""Old-fashioned white space, which parsers know."""
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Visible:
    """A text without invisible characters, and where those were."""

    text: str
    _origins: tuple[int, ...] = ()
    """Where each of them stood in the original, in order."""
    _starts: tuple[int, ...] = ()
    """Where its mark begins in ``text``."""
    _ends: tuple[int, ...] = ()
    _ambiguous: bool = False
    """Whether the original itself holds what looks like a mark."""

    def origin(self, span: Span) -> Span:
        """The part of the original that became ``span`` of the text."""
        return Span(self._origin(span.start), self._origin(span.end))

    def shown(self, span: Span) -> Span:
        """What became of ``span`` of the original."""
        return Span(self._shown(span.start), self._shown(span.end))

    def restore(self, new: str, old: str) -> str | None:
        """What a model wrote in place of ``old``, a part of the text, as it belongs in the original.

        None if it holds a mark that ``old`` does not have, a part of one, or one that may be the code's own.
        """
        marks = Counter(_MARK.findall(new))
        if marks and (self._ambiguous or marks - Counter(_MARK.findall(old))):
            return None
        rest, left = _MARK.sub("", new), _MARK.sub("", old)
        if any(rest.count(bracket) > left.count(bracket) for bracket in (_OPEN, _CLOSE)):
            return None
        return _MARK.sub(lambda mark: chr(int(mark[1], 16)), new)

    def _origin(self, offset: int) -> int:
        last = bisect_right(self._starts, offset) - 1
        if last < 0:
            return offset
        return self._origins[last] + (offset >= self._ends[last]) + max(offset - self._ends[last], 0)

    def _shown(self, offset: int) -> int:
        before = bisect_left(self._origins, offset)
        if not before:
            return offset
        return self._ends[before - 1] + offset - self._origins[before - 1] - 1


def visible(text: str) -> Visible:
    """The text with marks in place of its invisible, control and bidirectional characters.

    A byte order mark at the beginning stays, and so do form feeds.
    """
    if (text.isascii() and text.isprintable()) or INVISIBLE.search(text) is None:
        return Visible(text, _ambiguous=_MARK.search(text) is not None)
    parts: list[str] = []
    origins: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    at = length = 0
    for match in INVISIBLE.finditer(text):
        if match[0] in _HARMLESS or (match[0] == _BOM and not match.start()):
            continue
        mark = f"{_OPEN}U+{ord(match[0]):04X}{_CLOSE}"
        start = length + match.start() - at
        parts += [text[at : match.start()], mark]
        at, length = match.end(), start + len(mark)
        origins.append(match.start())
        starts.append(start)
        ends.append(length)
    shown = "".join([*parts, text[at:]])
    return Visible(shown, tuple(origins), tuple(starts), tuple(ends), _MARK.search(text) is not None)
