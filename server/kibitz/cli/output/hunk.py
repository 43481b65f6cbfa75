"""A fix as the few lines that it takes away and puts in their place. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from kibitz.findings.finding import Fix

_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Whole lines, without their ends."""

    first_line: int
    """The number, from 1, of the first line that is removed, or before which lines are added."""
    removed: tuple[str, ...]
    added: tuple[str, ...]


def hunk_of(fix: Fix, lines: LineIndex) -> Hunk:
    """What ``fix`` does to the text of ``lines``, in whole lines; lines that stay the same are left out."""
    text = lines.text
    first = lines.line_of(fix.span.start)
    begin = lines.line_start(first)
    head = text[begin : fix.span.start] + fix.new_text
    # Where the new text ends in the middle of a line, the rest of that line belongs to the picture.
    stop = fix.span.end
    if not (stop == lines.line_start(lines.line_of(stop)) and (not head or head.endswith(_ENDS))):
        stop = lines.line_limit(lines.line_of(stop))
    old, new = _split(text[begin:stop]), _split(head + text[fix.span.end : stop])
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    old, new = old[same:], new[same:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return Hunk(first + same + 1, old, new)


def _split(region: str) -> tuple[str, ...]:
    index = LineIndex(region)
    parts = [index.line_text(line) for line in range(index.line_count)]
    return tuple(parts[:-1] if not parts[-1] else parts)
