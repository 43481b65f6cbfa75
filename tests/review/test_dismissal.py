from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.review.dismissal import MAX_LINE, MAX_REASON, Dismissal, decode, encode, worded

PRINT = "0123456789abcdef" * 2
ONE = Dismissal("off-by-one", PRINT, "src/a.py", "/w", "it is meant so", "2026-11-24T09:12:43Z")
RULE = Dismissal("project/no-print", file="src/été.py", at="2026-11-24T09:12:43Z")
WORDS = st.text(alphabet="abcé 中/.-_", min_size=1, max_size=20)


@pytest.mark.parametrize("dismissal", [ONE, RULE, Dismissal("x", PRINT)])
def test_a_line_brings_back_what_was_written(dismissal: Dismissal) -> None:
    line = encode(dismissal)
    assert line.isascii()
    assert "\n" not in line
    assert decode(line) == dismissal


@given(WORDS, WORDS, st.text())
def test_whatever_is_said_comes_back(file: str, root: str, reason: str) -> None:
    said = replace(ONE, file=f"x{file.strip('/').replace('//', '/')}y", root=root, reason=worded(reason))
    if not {"", ".", ".."}.intersection(said.file.split("/")):
        assert decode(encode(said)) == said


@pytest.mark.parametrize(
    "change",
    [
        {"rule": ""},
        {"rule": "a b"},
        {"rule": "../x"},
        {"fingerprint": PRINT[:-1]},
        {"fingerprint": PRINT.upper()},
        {"fingerprint": "", "file": ""},
        {"file": "/etc/passwd"},
        {"file": "../a.py"},
        {"file": "src//a.py"},
        {"file": "a\u202eb.py"},
        {"root": "\x1b[31m"},
        {"reason": "two\nlines"},
        {"reason": "see https://example.com/"},
        {"reason": "x" * (MAX_REASON + 1)},
        {"at": "yesterday"},
        {"rule": 7},
        {"reason": None},
        {"until": "2027"},
    ],
)
def test_what_is_not_sound_is_no_dismissal(change: dict[str, object]) -> None:
    value = json.loads(encode(ONE))
    assert decode(json.dumps(value)) == ONE
    assert decode(json.dumps(value | change)) is None


@pytest.mark.parametrize("line", ["", "null", "[]", "{}", "{", '{"rule": "x"}', "[" * 5000, "<<<<<<< HEAD"])
def test_what_is_no_object_of_ours_is_no_dismissal(line: str) -> None:
    assert decode(line) is None


def test_a_line_is_bounded() -> None:
    assert decode(encode(ONE) + " " * MAX_LINE) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert decode(text) is None


@given(st.text())
def test_reasons_are_one_line_of_plain_text(text: str) -> None:
    said = worded(text)
    assert worded(said) == said
    assert len(said) <= MAX_REASON
    assert "\n" not in said


def test_lines_sort_by_what_they_dismiss() -> None:
    other = replace(ONE, fingerprint="f" * 32)
    assert sorted([RULE, other, ONE], key=lambda each: each.key) == [ONE, other, RULE]
    assert replace(ONE, reason="", at="", file="b.py").key == ONE.key
