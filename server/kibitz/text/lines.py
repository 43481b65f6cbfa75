r"""The lines of a text, and the three ways in which LSP counts columns.

A line ends at ``\r\n``, ``\n`` or ``\r`` and at nothing else: a form feed, ``\x85`` or U+2028 stands inside
its line, as the protocol has it (``str.splitlines`` would drift away from the editor at the first of them).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

_TERMINATOR = re.compile(r"\r\n|\n|\r")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_CONTINUATION = range(0x80, 0xC0)
"""UTF-8 bytes that go on with a character begun earlier."""


class Encoding(StrEnum):
    """What one column of a ``Position`` stands for: a byte, a 16-bit unit, or a code point."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two characters: line and column from 0, the column in units of some ``Encoding``."""

    line: int
    character: int


class LineIndex:
    """Where the lines of ``text`` begin and end; positions to offsets and back, in the time of one line.

    Offsets are code points into the text. Lines count from 0, and a text always has at least one.
    """

    __slots__ = ("_eol", "_starts", "text")

    def __init__(self, text: str, *, _starts: list[int] | None = None) -> None:
        self.text = text
        self._starts = [0, *_starts_of_next_lines(text)] if _starts is None else _starts
        self._eol: str | None = None

    def __repr__(self) -> str:
        return f"LineIndex({self.line_count} lines, {len(self.text)} code points)"

    @property
    def line_count(self) -> int:
        """How many lines there are; text after the last terminator is a line, even when it is empty."""
        return len(self._starts)

    @property
    def eol(self) -> str:
        r"""The terminator that most lines have; ``\n`` if there is none, and before the others in a tie."""
        if self._eol is None:
            crlf = self.text.count("\r\n")
            counts = {"\n": self.text.count("\n") - crlf, "\r\n": crlf, "\r": self.text.count("\r") - crlf}
            self._eol = max(counts, key=lambda eol: counts[eol])
        return self._eol

    def line_start(self, line: int) -> int:
        """The offset of the line's first character. Raises ``IndexError`` for a line that is not there."""
        self._check(line)
        return self._starts[line]

    def line_limit(self, line: int) -> int:
        """The offset behind the line's terminator, where the next line starts (or the text ends)."""
        self._check(line)
        return self._starts[line + 1] if line + 1 < len(self._starts) else len(self.text)

    def line_end(self, line: int) -> int:
        """The offset behind the line's last character, before its terminator."""
        limit = self.line_limit(line)
        if line + 1 == len(self._starts):
            return limit
        return limit - (2 if self.text.startswith("\r\n", limit - 2) else 1)

    def line_text(self, line: int) -> str:
        """The line without its terminator."""
        return self.text[self.line_start(line) : self.line_end(line)]

    def line_of(self, offset: int) -> int:
        """The line that ``offset`` is on; a terminator belongs to the line it ends. Clamped to the text."""
        return max(bisect_right(self._starts, offset) - 1, 0)

    def offset(self, position: Position, encoding: Encoding) -> int:
        """The offset of ``position``: clamped to its line and to the text, never inside a character."""
        if position.line < 0:
            return 0
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[position.line]
        column = max(position.character, 0)
        plain = encoding is Encoding.UTF32 or self.text.isascii()
        if plain and position.line + 1 < len(self._starts):
            offset = start + column
            if offset + 2 <= self._starts[position.line + 1]:
                # Before the terminator, whichever it is.
                return offset
        end = self.line_end(position.line)
        if plain:
            return min(start + column, end)
        # A column is at least as many code points in as its share: nothing beyond that can matter.
        return start + _columns_to_points(self.text[start : min(start + column, end)], column, encoding)

    def position(self, offset: int, encoding: Encoding) -> Position:
        """The position of ``offset``, clamped to the text; inside a terminator, the end of its line."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        stop = min(offset, self.line_end(line))
        if encoding is Encoding.UTF32 or self.text.isascii():
            return Position(line, stop - start)
        return Position(line, _width(self.text[start:stop], encoding))

    def replaced(self, start: int, end: int, new: str) -> LineIndex:
        """The index of this text with ``start``..``end`` replaced, without reading the rest of it again."""
        text = self.text[:start] + new + self.text[end:]
        # One line more on either side: an edit can join or part a \r and its \n.
        first = max(self.line_of(start) - 1, 0)
        last = min(self.line_of(end) + 1, self.line_count - 1)
        shift = len(text) - len(self.text)
        begin = self._starts[first]
        region = text[begin : self.line_limit(last) + shift]
        inner = [begin + offset for offset in _starts_of_next_lines(region)]
        if last + 1 < self.line_count:
            # The region ends with its last line's terminator: the line after it is the first one kept.
            inner.pop()
        kept = [offset + shift for offset in self._starts[last + 1 :]]
        return LineIndex(text, _starts=[*self._starts[: first + 1], *inner, *kept])

    def _check(self, line: int) -> None:
        if not 0 <= line < len(self._starts):
            raise IndexError(f"no line {line} in a text of {len(self._starts)} lines (counted from 0)")


def _starts_of_next_lines(text: str) -> list[int]:
    """The offsets behind every terminator."""
    returns = text.count("\r")
    if returns == 0 or (returns == text.count("\r\n") == text.count("\n")):
        # Every terminator is, or ends with, \n: splitting is several times faster than matching.
        lengths = [len(part) + 1 for part in text.split("\n")]
        lengths.pop()
        return list(accumulate(lengths))
    return [match.end() for match in _TERMINATOR.finditer(text)]


def _width(text: str, encoding: Encoding) -> int:
    """How many columns ``text`` takes; a lone surrogate takes what its code point would."""
    if text.isascii():
        return len(text)
    if encoding is Encoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + len(_ASTRAL.findall(text))


def _columns_to_points(text: str, column: int, encoding: Encoding) -> int:
    """How many code points of ``text`` lie wholly before ``column``."""
    if text.isascii():
        return min(column, len(text))
    if encoding is Encoding.UTF8:
        encoded = text.encode("utf-8", "surrogatepass")
        while column < len(encoded) and encoded[column] in _CONTINUATION:
            column -= 1
        return len(encoded[:column].decode("utf-8", "surrogatepass"))
    seen = 0
    for match in _ASTRAL.finditer(text):
        # Each astral character before this one took one unit more than it is code points.
        if match.start() + seen + 1 >= column:
            return min(column - seen, match.start())
        seen += 1
    return min(column - seen, len(text))
