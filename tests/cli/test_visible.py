from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kibitz.cli.output.visible import escape, show_line
from kibitz.guard.invisible import strip_invisible

HOSTILE = "\x1b[31m\x07\x9b\r\n\u202e\u2066\u200b\u200d\ufeff\u2028\U000e0041\ud800\x00\u3164\u115f"


def pointed(line: str, start: int, end: int, limit: int = 160) -> str:
    """What stands above the caret."""
    shown = show_line(line, start, end, limit=limit)
    text = ""
    for char in shown.text:
        if cell_len(text) >= shown.start:
            break
        text += char
    rest = shown.text[len(text) :]
    assert cell_len(text) == shown.start
    under = ""
    for char in rest:
        if cell_len(under + char) > shown.width:
            break
        under += char
    return under


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("return value", "value"),
        ("\treturn value", "value"),
        ("a\tb\tvalue\t= 1", "value"),
        ("日本語 = value", "value"),
        ("x = '😀é' + value", "value"),
        ("e\u0301 = value", "value"),
        ("\x1b[31m + value", "value"),
        ("\u202e + value", "value"),
    ],
)
def test_the_caret_stands_under_the_word(line: str, word: str) -> None:
    at = line.index(word)
    assert pointed(line, at, at + len(word)) == word


def test_tabs_go_to_the_next_stop() -> None:
    assert show_line("\ta\tbc\tx").text == "    a   bc  x"


def test_an_empty_range_has_one_caret() -> None:
    shown = show_line("", 0, 0)
    assert (shown.text, shown.start, shown.width) == ("", 0, 1)
    assert show_line("abc", 3, 3).start == 3


def test_a_long_line_is_cut_around_the_range() -> None:
    line = "a" * 500 + "value" + "b" * 500
    shown = show_line(line, 500, 505)
    assert len(shown.text) <= 162
    assert shown.text.startswith("…")
    assert shown.text.endswith("…")
    assert pointed(line, 500, 505) == "value"
    assert pointed("a" * 500 + "value", 500, 505) == "value"
    assert pointed("value" + "a" * 500, 0, 5) == "value"


def test_hostile_characters_are_spelt_out() -> None:
    assert escape(HOSTILE).isascii()
    assert escape(HOSTILE).isprintable()
    assert escape("a\u202eb") == "a\\u{202e}b"
    assert escape("\x1b[2J") == "\\u{1b}[2J"
    assert escape("naïve 😀 ok") == "naïve 😀 ok"


@given(st.text() | st.lists(st.sampled_from(list(HOSTILE + "a\t😀é日")), max_size=40).map("".join))
def test_nothing_that_is_shown_can_act(text: str) -> None:
    assert escape(text).isprintable()
    assert strip_invisible(escape(text)).replace("\ufe0e", "").replace("\ufe0f", "") == escape(text).replace(
        "\ufe0e", ""
    ).replace("\ufe0f", "")
    line = text.replace("\n", "").replace("\r", "")
    assert show_line(line).text.isprintable()


@given(
    st.text(alphabet=st.sampled_from("ab\t😀é日\u0301\x1b"), max_size=300),
    st.integers(0, 300),
    st.integers(0, 40),
    st.sampled_from([10, 40, 160]),
)
def test_the_caret_is_always_on_the_line(line: str, start: int, length: int, limit: int) -> None:
    shown = show_line(line, start, start + length, limit=limit)
    assert shown.width >= 1
    assert 0 <= shown.start <= cell_len(shown.text)
    # The widest single piece (an escape) may stick out, and a cut on either side takes one cell.
    assert cell_len(shown.text) <= limit + 8 + 2
