from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import encodings, naive_lines, naive_offset, naive_position, texts

from kibitz.text.lines import Encoding, LineIndex, Position


@given(texts)
def test_lines_start_and_end_where_a_naive_scan_says(text: str) -> None:
    index = LineIndex(text)
    found = [(index.line_start(i), index.line_end(i), index.line_limit(i)) for i in range(index.line_count)]
    assert found == naive_lines(text)
    assert [index.line_text(i) for i in range(index.line_count)] == [text[s:e] for s, e, _ in found]


@given(texts)
def test_every_offset_is_on_the_line_that_holds_it(text: str) -> None:
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        line = index.line_of(offset)
        assert index.line_start(line) <= offset
        assert offset < index.line_limit(line) or (offset == len(text) and line == index.line_count - 1)


@given(texts, encodings)
def test_offsets_become_the_naive_positions(text: str, encoding: Encoding) -> None:
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        assert index.position(offset, encoding) == naive_position(text, offset, encoding)


@given(texts, encodings, st.integers(-2, 40), st.integers(-2, 90))
def test_positions_become_the_naive_offsets(text: str, encoding: Encoding, line: int, character: int) -> None:
    position = Position(line, character)
    assert LineIndex(text).offset(position, encoding) == naive_offset(text, position, encoding)


@given(texts, encodings)
def test_positions_lead_back_to_their_offset(text: str, encoding: Encoding) -> None:
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        back = index.offset(index.position(offset, encoding), encoding)
        assert back == min(offset, index.line_end(index.line_of(offset)))


@given(texts, texts, st.data())
def test_a_replaced_index_equals_one_built_anew(text: str, new: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    index = LineIndex(text).replaced(start, end, new)
    fresh = LineIndex(text[:start] + new + text[end:])
    assert index.text == fresh.text
    assert index._starts == fresh._starts
    assert index.eol == fresh.eol


@pytest.mark.parametrize(
    ("text", "eol"),
    [
        ("", "\n"),
        ("one line", "\n"),
        ("a\nb\n", "\n"),
        ("a\r\nb\r\nc\n", "\r\n"),
        ("a\rb\rc\n", "\r"),
        ("a\nb\r\n", "\n"),
    ],
)
def test_eol_is_the_terminator_of_most_lines(text: str, eol: str) -> None:
    assert LineIndex(text).eol == eol


@pytest.mark.parametrize("line", [-1, 2])
def test_a_line_that_is_not_there_is_an_error(line: int) -> None:
    with pytest.raises(IndexError, match="2 lines"):
        LineIndex("a\nb").line_start(line)


def test_surrogate_halves_count_by_themselves_in_utf16() -> None:
    index = LineIndex("\ud83d\ude00x")
    assert index.position(2, Encoding.UTF16) == Position(0, 2)
    assert index.offset(Position(0, 1), Encoding.UTF16) == 1


def test_a_column_inside_a_character_is_its_start() -> None:
    index = LineIndex("a😀b")
    assert index.offset(Position(0, 2), Encoding.UTF16) == 1
    assert [index.offset(Position(0, c), Encoding.UTF8) for c in range(7)] == [0, 1, 1, 1, 1, 2, 3]


def test_repr_shows_size_and_no_text() -> None:
    assert repr(LineIndex("secret\n")) == "LineIndex(2 lines, 7 code points)"


@pytest.mark.parametrize("line", ["x = compute(value)  # é\n", "x = compute(value)\r\n", "mixed\rends\r\n"])
def test_a_megabyte_is_indexed_in_no_time(line: str) -> None:
    text = line * (1_000_000 // len(line))
    began = time.process_time()
    LineIndex(text)
    # Takes 2 to 20 ms; the bound only catches a quadratic scan.
    assert time.process_time() - began < 0.5
