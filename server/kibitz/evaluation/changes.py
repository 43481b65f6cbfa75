"""Which lines two versions differ in. Pure."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterator


def lines_of(text: str) -> list[str]:
    """The lines without their ends; what follows the last end is one only if there is something."""
    index = LineIndex(text)
    lines = [index.line_text(number) for number in range(index.line_count)]
    return lines[:-1] if lines and not lines[-1] else lines


def changed_lines(before: str, after: str) -> tuple[int, ...]:
    """The lines of ``before``, from 1, that ``after`` has not; where lines come in, those beside the gap."""
    old, new = lines_of(before), lines_of(after)
    found: set[int] = set()
    for tag, start, end, _, _ in _opcodes(old, new):
        if tag == "insert":
            found.update(number for number in (start, start + 1) if 1 <= number <= len(old))
        else:
            found.update(range(start + 1, end + 1))
    return tuple(sorted(found))


def size_of_change(before: str, after: str) -> int:
    """How many lines differ: of each place that does, those before or those after, whichever are more."""
    return sum(
        max(end - start, new_end - new_start)
        for _, start, end, new_start, new_end in _opcodes(lines_of(before), lines_of(after))
    )


def _opcodes(old: list[str], new: list[str]) -> Iterator[tuple[str, int, int, int, int]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return (code for code in matcher.get_opcodes() if code[0] != "equal")
