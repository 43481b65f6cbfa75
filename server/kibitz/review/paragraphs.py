"""Where a long run of code outside of functions is cut, so that an edit in it does not ask about all of it.

As with windows, a cut depends on the lines around it and not on how many came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.tokens import estimate
from kibitz.review.windows import is_one_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.review.outline import Outline

MIN_TOKENS = 120
"""Estimated tokens: less is not parted from what follows."""
_ONE_IN = 2
"""So many paragraphs are one part, on average; more where they are short."""
_GOES_ON = ("else", "elif", "elsif", "except", "catch", "rescue", "finally", "ensure", "end", "fi", "done")


def paragraphs(document: Outline, first: int, last: int) -> Iterator[tuple[int, int]]:
    """First and last line (inclusive) of each part of the lines ``first`` to ``last``, without overlap.

    A part begins with a statement after a blank line, and no statement is cut.
    """
    lines = document.lines
    inside = bytearray(last + 1 - first)
    for statement in document.statements:
        low, high = max(statement.first + 1, first), min(statement.last, last)
        if low <= high:
            inside[low - first : high + 1 - first] = b"\1" * (high + 1 - low)
    margin = _indent(lines.line_text(first))
    start, size, seam = first, 0, False
    for line in range(first, last + 1):
        text = lines.line_text(line)
        if seam and size >= MIN_TOKENS and not inside[line - first] and _begins(text, margin):
            yield start, _without_blank(document, start, line - 1)
            start, size = line, 0
        size += estimate(text) + 1
        seam = not text.strip()
    yield start, last


def _begins(line: str, margin: int) -> bool:
    """Whether to cut before this line, which follows a blank one: by its own text alone."""
    bare = line.strip()
    return (
        bool(bare)
        and _indent(line) <= margin
        and bare[0] not in "}])"
        and not bare.startswith(_GOES_ON)
        and is_one_in(_ONE_IN, bare)
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without_blank(document: Outline, first: int, last: int) -> int:
    while last > first and not document.lines.line_text(last).strip():
        last -= 1
    return last
