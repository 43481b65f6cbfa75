from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.guard.invisible import introduces_invisible
from kibitz.guard.visible import visible
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

BIDI = "if role != 'user\u202e \u2066// admins only\u2069 \u2066':\n"


def test_plain_text_is_the_same() -> None:
    assert visible("x = 'é😀'\n\tpass\r\n").text == "x = 'é😀'\n\tpass\r\n"


def test_what_a_reader_does_not_see_is_named() -> None:
    assert visible(BIDI).text == ("if role != 'user⟦U+202E⟧ ⟦U+2066⟧// admins only⟦U+2069⟧ ⟦U+2066⟧':\n")
    assert visible("a\x1b[2J\u200bb\U000e0041").text == "a⟦U+001B⟧[2J⟦U+200B⟧b⟦U+E0041⟧"


def test_a_mark_at_the_beginning_and_a_form_feed_stay() -> None:
    assert visible("\ufeffx\x0c\n\ufeff").text == "\ufeffx\x0c\n⟦U+FEFF⟧"


def test_places_are_counted_both_ways() -> None:
    text = "ab\u200bcd\u202eef"
    shown = visible(text)
    assert shown.text == "ab⟦U+200B⟧cd⟦U+202E⟧ef"
    for offset in range(len(text) + 1):
        there = shown.shown(Span(0, offset)).end
        assert shown.origin(Span(0, there)).end == offset
    assert shown.origin(Span(2, 10)) == Span(2, 3)
    assert shown.origin(Span(4, 5)) == Span(2, 2)
    assert shown.shown(Span(2, 3)) == Span(2, 10)
    assert shown.shown(Span(3, 5)) == Span(10, 12)


def test_a_fix_gets_its_characters_back() -> None:
    old = visible(BIDI).text
    assert visible(BIDI).restore(old.replace("!=", "=="), old) == BIDI.replace("!=", "==")
    assert visible(BIDI).restore("pass\n", old) == "pass\n"


@pytest.mark.parametrize(
    "new",
    ["x⟦U+200B⟧", "x⟦U+202E⟧⟦U+202E⟧", "x⟦U+20", "U+202E⟧⟧⟧⟧⟧", "⟦⟦⟦⟦⟦", "⟦U+202E", "⟦U+110000⟧"],
)
def test_what_the_old_lines_do_not_have_is_refused(new: str) -> None:
    shown = visible("'\u202e'")
    assert shown.restore(new, shown.text) is None


def test_code_that_writes_marks_itself_gets_none_made() -> None:
    shown = visible("x = '⟦U+202E⟧'  # \u202e")
    assert shown.restore("x = '⟦U+202E⟧'", shown.text) is None
    assert visible("x = '⟦U+202E⟧'").restore("x = '⟦U+202E⟧'", "x = '⟦U+202E⟧'") is None
    assert shown.restore("x = ''", shown.text) == "x = ''"


hidden = st.lists(
    texts | st.sampled_from(["\u202e", "\u200b", "\x00", "\ufeff", "\U000e0041", "⟦U+202E⟧", "⟦", "\u00ad"]),
    max_size=12,
).map("".join)


@given(hidden)
def test_lines_stay_and_all_is_shown_or_restored(text: str) -> None:
    shown = visible(text)
    assert LineIndex(shown.text).line_count == LineIndex(text).line_count
    assert not introduces_invisible("\ufeff\x0b\x0c" * len(text), shown.text)
    assert shown.restore(shown.text, shown.text) in {text, None}
    for start, end in zip(LineIndex(shown.text)._starts, LineIndex(text)._starts, strict=True):
        assert shown.origin(Span(start, start)) == Span(end, end)


@given(hidden, st.text(max_size=30) | hidden)
def test_restoring_is_total_and_adds_nothing(text: str, new: str) -> None:
    shown = visible(text)
    restored = shown.restore(new, shown.text)
    if restored is not None:
        assert not introduces_invisible(text + new, restored)
