from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.code_lines import code_lines, without_words

SOURCE = st.text(st.sampled_from("ab1 \t\n\r\"'`#/*\\:;()=é😀\u2028\f"), max_size=200)
LANGUAGE = st.sampled_from(["python", "javascript", "go", "c", "shellscript", "rust", "php", "plaintext"])


def said(text: str, language: str) -> list[tuple[str, ...]]:
    return [line.tokens for line in code_lines(text, language)]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("python", "x = 1  # one", "x=1"),
        ("python", "x = 'a b'", 'x = "a b"'),
        ("javascript", "let x = 1; // one", "let x = 1"),
        ("javascript", "/** doc\n * more */\nlet x;", "let x;"),
        ("go", "x := 1\n\n\n", "\nx := 1 // y"),
        ("c", "a /* why */ = b;", "a = b;"),
        ("python", 'def f():\n    """Doc."""\n    return 1', "def f():\n    return 1"),
        ("python", '"""Module doc,\ntwo lines."""\nx = 1', "x = 1"),
        ("shellscript", "n=$#  # count", "n=$#"),
        ("python", "n = 10_000", "n = 10000"),
    ],
)
def test_looks_do_not_count(language: str, one: str, other: str) -> None:
    assert said(one, language) == said(other, language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("python", "x = 'a b'", "x = 'ab'"),
        ("python", "x = a_1", "x = a1"),
        ("python", "x = 'it\\'s'", "x = 'its'"),
        ("c", "x = 'a';", 'x = "a";'),
        ("c", "x = 1;", "x = 1"),
        ("shellscript", "n=${#name}", "n=${name}"),
        ("python", 'run("""select 1""")', 'run("""select 2""")'),
        ("python", 'x = "#1"', 'x = "#2"'),
        ("javascript", "x = `a ${b}`", "x = `a  ${b}`"),
    ],
)
def test_meaning_counts(language: str, one: str, other: str) -> None:
    assert said(one, language) != said(other, language)


def test_a_line_knows_its_place_and_its_code() -> None:
    line = code_lines("# first\r\n\tx = 1  # note\r\n", "python")[0]
    assert (line.number, line.text, line.code, line.indent, line.column) == (
        1,
        "\tx = 1  # note",
        "\tx = 1",
        "\t",
        8,
    )


@given(SOURCE, LANGUAGE)
def test_any_text_is_read(text: str, language: str) -> None:
    raw = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in code_lines(text, language):
        assert line.text == raw[line.number]
        assert line.text.startswith(line.code)
        assert line.tokens


@pytest.mark.parametrize("bait", ['\\"', "\\'", "\\`", "'", "`", '"""', "/*", "\\"])
@pytest.mark.parametrize("language", ["python", "javascript"])
def test_no_text_is_slow(bait: str, language: str) -> None:
    started = time.process_time()
    code_lines(bait * 10_000, language)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("python", 'x = "a b"  # c', 'x = ""  ""'),
        ("python", 'f"{name!r} of {a.b}"', 'f"{name!r} {a.b}"'),
        ("python", '"""Doc of x."""\ny', '""\ny'),
        ("javascript", "`${a} b`; // c", '"{a}"; ""'),
        ("shellscript", 'rm "$dir/x"', 'rm "$dir"'),
        (
            "rust",
            "fn f<'a, T>(x: &'a Foo<'a>) -> char { 'x' }",
            "fn f<'a, T>(x: &'a Foo<'a>) -> char { \"\" }",
        ),
        ("python", "it's", "it's"),
    ],
)
def test_words_are_left_out_and_the_code_in_them_is_not(language: str, text: str, left: str) -> None:
    assert without_words(text, language) == left


@given(st.text(st.sampled_from("ab1 \t\n\r\\:;()=é😀\u2028\f"), max_size=200), LANGUAGE)
def test_without_marks_there_are_no_words_to_leave_out(text: str, language: str) -> None:
    assert without_words(text, language) == text
