from __future__ import annotations

import pytest

from kibitz.cache.key import Identity
from kibitz.review.entries import entries_of
from kibitz.text.spans import Span

IDENTITY = Identity("e", "m", "list", "p", "s", "r")
PYTHON = """\
def first(a, b):
    return a + b


def second(items):
    total = 0
    for item in items:
        total += item
    return total


def third(x):
    return x * 2
"""


def waiting(text: str, typed: str, language: str = "python") -> list[str]:
    """The names of the units that wait, after ``typed`` (somewhere in ``text``) was typed."""
    start = text.index(typed)
    entries = entries_of(text, language, IDENTITY, edited=(Span(start, start + len(typed)),))
    return [entry.unit.name for entry in entries if entry.waits]


@pytest.mark.parametrize(
    ("old", "typed"),
    [
        ("total += item", "total += item *"),
        ("total += item", "total += (item"),
        ("for item in items:", "for item in"),
        ("total = 0", "total = items["),
        ("return total", "return total."),
    ],
)
def test_a_unit_that_is_half_typed_waits_and_those_before_it_do_not(old: str, typed: str) -> None:
    found = waiting(PYTHON.replace(old, typed, 1), typed)
    assert "second" in found
    assert "first" not in found


def test_a_unit_that_parses_does_not_wait() -> None:
    assert waiting(PYTHON, "total += item") == []


def test_what_does_not_parse_elsewhere_is_no_reason_to_wait() -> None:
    text = PYTHON.replace("return a + b", "return a +")
    assert waiting(text, "total += item") == []
    assert waiting(text, "return a +") == ["first"]


def test_without_an_edit_nothing_waits() -> None:
    entries = entries_of(PYTHON.replace("total = 0", "total = ("), "python", IDENTITY)
    assert not any(entry.waits for entry in entries)


def test_a_file_that_is_one_error_does_not_wait_for_ever() -> None:
    text = "}}}} <<<\n" + PYTHON + "\n)))\n"
    assert "second" not in waiting(text, "total += item")


@pytest.mark.parametrize(
    ("language", "text", "typed"),
    [
        ("javascript", "function f(a) {\n  return a.\n}\n\nfunction g(b) {\n  return b;\n}\n", "return a."),
        ("go", "package p\n\nfunc F(a int) int {\n\treturn a +\n}\n", "return a +"),
        ("rust", "fn f(a: i32) -> i32 {\n    let b = ;\n    a\n}\n", "let b = ;"),
    ],
)
def test_in_other_languages_too(language: str, text: str, typed: str) -> None:
    assert waiting(text, typed, language)


def test_what_has_no_grammar_never_waits() -> None:
    assert waiting("some text (", "(", "lua") == []
