from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.cli.output.hunk import Hunk, hunk_of
from kibitz.findings.finding import Fix
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span


def hunk(text: str, start: int, end: int, new: str) -> Hunk:
    return hunk_of(Fix(Span(start, end), text[start:end], new), LineIndex(text))


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("a\nb\nc\n", "b", "B", Hunk(2, ("b",), ("B",))),
        ("a\nb\nc\n", "b\n", "B\n", Hunk(2, ("b",), ("B",))),
        ("a\nb\nc\n", "b\n", "", Hunk(2, ("b",), ())),
        ("a\nb\nc", "c", "", Hunk(3, ("c",), ())),
        ("a\nb\nc\n", "b\nc\n", "b\nX\nc\n", Hunk(3, (), ("X",))),
        ("  x = y\n", "y", "z", Hunk(1, ("  x = y",), ("  x = z",))),
        ("a\nb\nc\n", "b\n", "B", Hunk(2, ("b", "c"), ("Bc",))),
        ("a\r\nb\r\n", "b\r\n", "B\r\n", Hunk(2, ("b",), ("B",))),
        ("a\x0cb\u2028c\n", "b", "B", Hunk(1, ("a\x0cb\u2028c",), ("a\x0cB\u2028c",))),
    ],
)
def test_whole_lines(text: str, old: str, new: str, expected: Hunk) -> None:
    at = text.index(old)
    assert hunk(text, at, at + len(old), new) == expected


@given(texts, st.data(), texts)
def test_removing_and_adding_gives_the_fixed_text(text: str, data: st.DataObject, new: str) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    result = hunk(text, start, end, new)
    before, after = LineIndex(text), LineIndex(text[:start] + new + text[end:])
    old_lines = [before.line_text(line) for line in range(before.line_count)]
    new_lines = [after.line_text(line) for line in range(after.line_count)]
    first = result.first_line - 1
    assert old_lines[first : first + len(result.removed)] == list(result.removed)
    patched = [*old_lines[:first], *result.added, *old_lines[first + len(result.removed) :]]
    # An empty last line (the text ends with a terminator, or does not) is no line of the picture.
    assert [line for line in patched if line] == [line for line in new_lines if line]
