from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.guard.hints import (
    HIDDEN_CHARACTERS,
    MAX_CHARACTERS,
    MAX_HINTS,
    SECRET_IN_CODE,
    TROJAN_SOURCE,
    hints,
)
from kibitz.text.spans import Span

KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def test_a_secret_is_marked_where_it_stands_and_not_repeated() -> None:
    text = f"é = 1\ntoken = '{KEY}'\n"
    (hint,) = hints(text)
    assert (hint.code, hint.span.of(text)) == (SECRET_IN_CODE, KEY)
    assert "github" in hint.title
    assert KEY not in hint.title + hint.why


def test_a_key_of_many_lines_is_marked_at_its_first() -> None:
    body = "MIIEpAIBAAKCAQEA1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL\r\nQ==\r\n"
    text = f"-----BEGIN PRIVATE KEY-----\r\n{body}-----END PRIVATE KEY-----\r\n"
    (hint,) = hints(text)
    assert hint.span.of(text) == body.partition("\r\n")[0]


def test_a_line_that_reads_in_another_order_is_one_hint() -> None:
    text = "x = 1\nif role != 'user\u202e \u2066// admins only\u2069 \u2066':\n    y\n"
    (hint,) = hints(text)
    assert hint.code == TROJAN_SOURCE
    assert hint.span.of(text).startswith("\u202e")
    assert hint.span.of(text).endswith("\u2066")
    assert "U+202E right-to-left override" in hint.title
    assert "\u202e" not in hint.title + hint.why


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_each_line_has_its_own(eol: str) -> None:
    text = eol.join(["a\u200b = 1", "a = 2", "b\u200b\u200b = 3"])
    assert [(hint.code, hint.span) for hint in hints(text)] == [
        (HIDDEN_CHARACTERS, Span(1, 2)),
        (HIDDEN_CHARACTERS, Span(12 + 2 * len(eol), 14 + 2 * len(eol))),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a\u00adb",
        "x\x00y",
        "x\x1b[31m",
        "a\u2060b",
        "\U000e0041\U000e0042",
        "x\ufeff",
        "a\u200db",
        "3\ufe0f",
        "ㅤㅤ\u3164",
    ],
)
def test_what_nobody_sees_is_named(text: str) -> None:
    (hint,) = hints(text)
    assert hint.code == HIDDEN_CHARACTERS
    assert "U+" in hint.title


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n",
        "\ufeffx = 1\n",
        "a\n\x0c\nb",
        "s = '❤\ufe0f 👨\u200d👩\u200d👧 1\ufe0f\u20e3'",
        "s = '🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f'",
        "s = '\u0645\u06cc\u200c\u062e\u0648'",
        "naïve = 'Straße — “quoted” 日本語'",
        "password = getpass()",
    ],
)
def test_ordinary_text_has_none(text: str) -> None:
    assert hints(text) == ()


def test_there_are_never_many() -> None:
    assert len(hints("a\u200b\n" * 100 + f"{KEY}\n" * 100)) == 2 * MAX_HINTS
    assert hints("\u202e" * (MAX_CHARACTERS + 1)) == ()


def test_a_text_that_is_too_costly_to_search_still_tells_what_is_hidden() -> None:
    text = "\u202e" + "key=" * 100_000
    assert [hint.code for hint in hints(text)] == [TROJAN_SOURCE]


def test_a_text_full_of_it_takes_little() -> None:
    began = time.process_time()
    hints("a\u200d" * 200_000 + "é\u200d" * 50_000)
    assert time.process_time() - began < 3


@given(st.lists(texts | st.text() | st.sampled_from([KEY, "\u202e", "\u200d", "\U000e0041"])).map("".join))
def test_they_are_in_the_text_in_order_and_quote_nothing_hidden(text: str) -> None:
    found = hints(text)
    assert list(found) == sorted(found)
    for hint in found:
        assert 0 <= hint.span.start < hint.span.end <= len(text)
        said = hint.title + hint.why
        assert said.isprintable()
        assert KEY not in said
