"""Overlapping windows of lines, for what no grammar can cut: unknown languages, oversized functions.

Where a window ends depends on the lines around the cut and not on how many lines came before. So an edit
changes the windows that it touches, and mostly leaves those after it as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from kibitz.provider.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.text.lines import LineIndex

MAX_TOKENS = 1_200
"""Estimated tokens of one window, without its overlap."""
MIN_TOKENS = 400
OVERLAP_LINES = 6
"""Lines of the next window that are shown as well: a defect across the cut is seen whole once."""
MAX_LINE = 4_000
"""Code points; a longer line is data or generated, and is not reviewed."""


def windows(lines: LineIndex, first: int, last: int) -> Iterator[tuple[int, int]]:
    """First and last line (inclusive) of each window over the lines ``first`` to ``last``."""
    start = first
    for line in range(first, last + 2):
        # A line that is too long parts what is before it from what is after.
        if line > last or lines.line_end(line) - lines.line_start(line) > MAX_LINE:
            if start < line:
                yield from _cut(lines, start, line - 1)
            start = line + 1


def _cut(lines: LineIndex, first: int, last: int) -> Iterator[tuple[int, int]]:
    start, size = first, 0
    previous_blank = False
    for line in range(first, last + 1):
        text = lines.line_text(line)
        tokens = estimate(text) + 1
        if line > start and (
            size + tokens > MAX_TOKENS or (size >= MIN_TOKENS and _is_seam(text, previous_blank))
        ):
            yield start, min(line - 1 + OVERLAP_LINES, last)
            start, size = line, 0
        size += tokens
        previous_blank = not text.strip()
    if start <= last:
        yield start, last


def _is_seam(line: str, after_blank: bool) -> bool:  # noqa: FBT001 - private, called once
    """Whether to cut before this line: seldom, by its own text, and rather where a paragraph begins."""
    return bool(line.strip()) and is_one_in(2 if after_blank else 24, line)


def is_one_in(count: int, text: str) -> bool:
    """Whether ``text`` is one of about ``count``: at random, and always the same for the same text."""
    return crc32(text.encode("utf-8", "surrogatepass")) % count == 0
