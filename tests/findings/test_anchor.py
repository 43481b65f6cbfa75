from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.findings.anchor import (
    MAX_DISTANCE,
    MAX_QUOTE_LINES,
    Anchor,
    Indentation,
    find,
    is_numbered,
    split_lines,
    strip_number,
)
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

CODE = """\
def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(value)


def last(values):
    return values[len(values)]
"""


def anchor(quote: str, hint: int = 1, text: str = CODE) -> Anchor | None:
    return find(quote, hint, LineIndex(text))


def test_an_exact_quote_is_found_wherever_the_hint_points() -> None:
    for hint in (-5, 1, 5, 9, 10_000):
        assert anchor("    return total / len(value)", hint) == Anchor(4, 4, exact=True)


def test_several_lines_are_found_together() -> None:
    assert anchor("    for value in values:\n        total += value\n") == Anchor(2, 3, exact=True)


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted_eol", ["\n", "\r\n"])
def test_line_ends_do_not_matter(eol: str, quoted_eol: str) -> None:
    quote = f"    for value in values:{quoted_eol}        total += value"
    assert anchor(quote, text=CODE.replace("\n", eol)) == Anchor(2, 3, exact=True)


def test_blank_lines_around_a_quote_are_dropped() -> None:
    assert anchor("\n\n    total = 0\n  \n") == Anchor(1, 1, exact=True)


def test_a_copied_number_column_is_dropped() -> None:
    assert anchor("3|     for value in values:\n 4|         total += value") == Anchor(2, 3, exact=True)


def test_a_number_column_without_its_space_shifts_the_indentation() -> None:
    found = anchor("5|    return total / len(value)")
    assert found == Anchor(4, 4, exact=True, indentation=Indentation("", " "))


def test_code_that_looks_numbered_is_found_as_it_is() -> None:
    text = "case $n in\n1| echo one;;\n2|3) echo more;;\nesac\n"
    assert anchor("1| echo one;;", text=text) == Anchor(1, 1, exact=True)
    assert anchor("2|3) echo more;;", text=text) == Anchor(2, 2, exact=True)


def test_trailing_whitespace_does_not_matter() -> None:
    assert anchor("    total = 0   ") == Anchor(1, 1, exact=True)
    assert anchor("x = 1", text="x = 1 \t\n") == Anchor(0, 0, exact=True)


def test_missing_indentation_is_an_indentation() -> None:
    found = anchor("return total / len(value)")
    assert found == Anchor(4, 4, exact=True, indentation=Indentation("", "    "))
    found = anchor("        return total / len(value)")
    assert found == Anchor(4, 4, exact=True, indentation=Indentation("    ", ""))


def test_spaces_for_a_tab_are_an_indentation() -> None:
    found = anchor("    return 1", text="def f():\n\treturn 1\n")
    assert found == Anchor(1, 1, exact=True, indentation=Indentation("    ", "\t"))


def test_uneven_indentation_is_shown_but_not_edited() -> None:
    found = anchor("for value in values:\n        total += value")
    assert found == Anchor(2, 3, exact=False)


def test_typographic_characters_are_shown_but_not_edited() -> None:
    text = "print('a - b')\n"
    assert anchor("print(\u2018a \u2013 b\u2019)", text=text) == Anchor(0, 0, exact=False)


def test_an_exact_match_far_away_beats_a_trimmed_one_nearby() -> None:
    text = "x = 1\n" + "y = 2\n" * 50 + "    x = 1\n"
    assert anchor("    x = 1", 1, text) == Anchor(51, 51, exact=True)


def test_the_nearest_of_several_wins() -> None:
    text = "a\nx\nb\nc\nd\nx\n"
    assert anchor("x", 3, text) == Anchor(1, 1, exact=True)
    assert anchor("x", 5, text) == Anchor(5, 5, exact=True)


def test_between_two_as_near_nothing_is_edited() -> None:
    assert anchor("x", 2, "x\ny\nx\n") == Anchor(0, 0, exact=False)


def test_several_far_from_the_hint_are_refused() -> None:
    text = "x\ny\nx\n"
    assert anchor("x", MAX_DISTANCE + 3, text) == Anchor(2, 2, exact=True)
    assert anchor("x", MAX_DISTANCE + 4, text) is None


@pytest.mark.parametrize("quote", ["", " \n\t\n", "nowhere", "line: 12", "x\n" * 30])
def test_what_is_not_there_is_not_found(quote: str) -> None:
    assert anchor(quote) is None


def test_form_feeds_and_separators_stay_inside_their_line() -> None:
    text = "a\x0cb\nc\u2028d\ne\x85f\n"
    assert anchor("c\u2028d", text=text) == Anchor(1, 1, exact=True)
    assert anchor("a\x0cb\nc\u2028d\ne\x85f", text=text) == Anchor(0, 2, exact=True)


def test_the_span_leaves_out_indentation_and_line_end() -> None:
    text = "if x:\r\n\t  y = '😀é'  \r\nz\r\n"
    found = anchor("\t  y = '😀é'", text=text)
    assert found is not None
    assert found.span(LineIndex(text)).of(text) == "y = '😀é'  "


def test_the_span_of_blank_lines_is_empty_not_wrong() -> None:
    assert Anchor(0, 0, exact=True).span(LineIndex("   \nx")) == Span(3, 3)


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("12\tx = 1", "x = 1"),
        ("12\t\tx = 1", "\tx = 1"),
        ("12| x = 1", "x = 1"),
        ("  7|y", "y"),
        ("12|     z", "    z"),
        ("x | y", "x | y"),
        ("3|", ""),
        ("", ""),
    ],
)
def test_strip_number(line: str, bare: str) -> None:
    assert strip_number(line) == bare


def test_only_what_is_numbered_throughout_is_numbered() -> None:
    assert is_numbered(["1| a", "", "2| b"])
    assert not is_numbered(["1| a", "b"])
    assert not is_numbered(["", " "])


@given(texts)
def test_split_lines_keeps_what_is_between_the_blanks(text: str) -> None:
    lines = split_lines(text)
    assert not lines or (lines[0].strip() and lines[-1].strip())
    assert "".join(lines).replace("\r", "") in text.replace("\r", "").replace("\n", "")


@given(texts, st.data())
def test_lines_of_a_text_are_found_where_they_are(text: str, data: st.DataObject) -> None:
    lines = LineIndex(text)
    first = data.draw(st.integers(0, lines.line_count - 1))
    last = data.draw(st.integers(first, min(first + 3, lines.line_count - 1)))
    quoted = [lines.line_text(number) for number in range(first, last + 1)]
    found = find("\n".join(quoted), first + 1, lines)
    if not quoted[0].strip() or not quoted[-1].strip():
        return
    assert found == Anchor(first, last, exact=True)
    assert found.span(lines).of(text) == text[lines.line_start(first) : lines.line_end(last)].lstrip()


@given(texts, texts, st.integers(-3, 30))
def test_an_exact_anchor_holds_the_quote(text: str, quote: str, hint: int) -> None:
    lines = LineIndex(text)
    found = find(quote, hint, lines)
    if found is not None and found.exact:
        for number, quoted in zip(
            range(found.first_line, found.last_line + 1), split_lines(quote), strict=True
        ):
            assert lines.line_text(number).strip() == quoted.strip()


def test_the_longest_quote_is_one() -> None:
    code = "\n".join(f"line {number}" for number in range(MAX_QUOTE_LINES + 2))
    lines = code.split("\n")
    longest = find("\n".join(lines[1 : MAX_QUOTE_LINES + 1]), 2, LineIndex(code))
    assert longest is not None
    assert (longest.first_line, longest.last_line) == (1, MAX_QUOTE_LINES)
    assert find("\n".join(lines[: MAX_QUOTE_LINES + 1]), 1, LineIndex(code)) is None


def test_all_lines_of_a_quote_count_wherever_the_first_stands() -> None:
    code = "x = 1\ny = 1\nz = 1\nx = 1\ny = 2\n"
    anchor = find("x = 1\ny = 2", 1, LineIndex(code))
    assert anchor is not None
    assert (anchor.first_line, anchor.exact) == (3, True)


@pytest.mark.parametrize(
    ("quoted", "stands", "difference"),
    [
        ("\t  x = 1", "  \t  x = 1", Indentation("", "  ")),
        ("  \t  x = 1", "\t  x = 1", Indentation("  ", "")),
        (" \t\tx = 1", "\t\t\tx = 1", Indentation(" ", "\t")),
        ("    x = 1", "\tx = 1", Indentation("    ", "\t")),
    ],
)
def test_indentations_differ_in_what_they_do_not_end_with_alike(
    quoted: str, stands: str, difference: Indentation
) -> None:
    anchor = find(quoted, 1, LineIndex(f"if y:\n{stands}\n"))
    assert anchor is not None
    assert anchor.indentation == difference
