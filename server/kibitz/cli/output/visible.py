r"""Text of others on a terminal: nothing moves the cursor, reorders or hides; carets stand where they mean.

Source code and a model's words may hold escape sequences (a terminal obeys them) and bidirectional marks
(Trojan Source: what is shown is not what is run). Every such character is shown as ``\u{202e}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len

TAB = 4
"""Cells from one tab stop to the next; the editor's own is not known."""
# Printable in Python's eyes, invisible in people's: joiners, fillers, variation selectors that carry data.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_INVISIBLE_RANGES = ((0x180B, 0x180F), (0xFE00, 0xFE0D), (0xE0000, 0xE0FFF))


def escape(text: str) -> str:
    """``text`` with every character that is not plainly visible spelt out; tabs and line ends included."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    hidden = not char.isprintable() or char in _INVISIBLE
    hidden = hidden or any(low <= ord(char) <= high for low, high in _INVISIBLE_RANGES)
    return f"\\u{{{ord(char):x}}}" if hidden else char


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A source line for the terminal, and the cells that each of its code points takes."""

    text: str
    start: int
    """Cells before the range that is pointed at."""
    width: int
    """Cells of that range, at least 1."""


def show_line(line: str, start: int = 0, end: int = 0, *, limit: int = 160) -> ShownLine:
    """``line`` (without its end) with the code points ``start`` to ``end`` pointed at.

    Tabs become spaces up to the next stop. A line wider than ``limit`` cells is cut around the range, and
    each cut shown as ``…``.
    """
    pieces = _pieces(line)
    widths = [cell_len(piece) for piece in pieces]
    edges = [0, *accumulate(widths)]
    start, end = min(start, len(line)), min(max(start, end), len(line))
    first, last = _window(edges, start, limit)
    text = "".join(pieces[first:last])
    before = cell_len("".join(pieces[first:start]))
    # Measured on whole strings: a combining mark or a joined emoji is not the sum of its parts.
    width = cell_len("".join(pieces[first : min(end, last)])) - before
    cut = "…" if first else ""
    return ShownLine(
        f"{cut}{text}{'…' if last < len(pieces) else ''}",
        before + len(cut),
        max(1, width),
    )


def _pieces(line: str) -> list[str]:
    """What is shown for each code point of ``line``."""
    if line.isascii() and line.isprintable():
        return list(line)
    pieces, column = [], 0
    for char in line:
        piece = " " * (TAB - column % TAB) if char == "\t" else _shown(char)
        pieces.append(piece)
        column += cell_len(piece)
    return pieces


def _window(edges: list[int], start: int, limit: int) -> tuple[int, int]:
    """The code points to show: all of them, or ``limit`` cells from a little before ``start``."""
    count = len(edges) - 1
    if edges[-1] <= limit:
        return 0, count
    first = next(index for index in range(count + 1) if edges[start] - edges[index] <= limit // 4)
    if edges[-1] - edges[first] < limit:
        first = next(index for index in range(count + 1) if edges[-1] - edges[index] <= limit)
        first = min(first, start)
    last = max(index for index in range(first, count + 1) if edges[index] - edges[first] <= limit)
    return first, max(last, min(first + 1, count))
