from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.findings import finding

from kibitz.review.inline import FILE_LINES, Directive, inline


def said(text: str, quote: str, language: str = "python", rule: str = "wrong-value") -> Directive | None:
    """The comment that dismisses a finding about ``quote``."""
    known = inline(text, language)
    return None if known is None else known.about(finding(text, quote, rule=rule))


@pytest.mark.parametrize(
    ("language", "comment"),
    [
        ("python", "# kibitz: ignore[wrong-value] it is so"),
        ("ruby", "# kibitz: ignore[wrong-value] it is so"),
        ("shellscript", "# kibitz: ignore[wrong-value] it is so"),
        ("javascript", "// kibitz: ignore[wrong-value] it is so"),
        ("typescript", "/* kibitz: ignore[wrong-value] it is so */"),
        ("go", "// kibitz: ignore[wrong-value] it is so"),
        ("rust", "// kibitz:ignore[wrong-value]: it is so"),
        ("java", "/* kibitz: ignore[wrong-value] it is so */"),
        ("c", "/* kibitz: ignore[ wrong-value , deadlock ] it is so */"),
        ("cpp", "// kibitz: ignore[wrong-value] - it is so"),
        ("csharp", "// kibitz: ignore[wrong-value] it is so"),
        ("php", "# kibitz: ignore[wrong-value] it is so"),
    ],
)
def test_a_comment_is_about_its_line_or_the_one_below(language: str, comment: str) -> None:
    for text in (f"before\nbug here {comment}\nafter\n", f"before\n    {comment}\n    bug here\nafter\n"):
        found = said(text, "bug here", language)
        assert found is not None
        assert (found.line, found.reason) == (1, "it is so")
        assert said(text, "after", language) is None
        assert said(text, "before", language) is None
        assert said(text, "bug here", language, rule="off-by-one") is None


def test_an_empty_line_parts_a_comment_from_the_code_below() -> None:
    assert said("# kibitz: ignore\n\nbug\n", "bug") is None


def test_comments_in_a_row_are_about_the_code_below_them() -> None:
    text = "# kibitz: ignore[wrong-value]\n# kibitz: ignore[off-by-one] why\n# words\nbug\n"
    for rule, line in (("wrong-value", 0), ("off-by-one", 1)):
        found = said(text, "bug", rule=rule)
        assert found is not None
        assert found.line == line


def test_without_rules_it_is_about_all() -> None:
    found = said("bug  # kibitz: ignore\n", "bug", rule="anything")
    assert found is not None
    assert (found.rules, found.why) == (None, "by the comment in line 1")
    found = said("bug  # kibitz: ignore it is meant so\n", "bug")
    assert found is not None
    assert found.why == "by a comment: it is meant so"


def test_any_line_of_a_finding_counts() -> None:
    text = "if a:\n    bug()  # kibitz: ignore[wrong-value]\n"
    assert said(text, "if a:\n    bug()") is not None


@pytest.mark.parametrize(
    "text",
    [
        "bug\n",
        's = "# kibitz: ignore"; bug\n',
        '"""kibitz: ignore"""; bug\n',
        "bug  # not`kibitz: ignore`\n",
        "bug  # 'kibitz: ignore[wrong-value]'\n",
        "bug  # kibitz: ignore[wrong-value\n",
        "bug  # kibitz: ignore-all\n",
        "bug  # kibitz: ignored\n",
        "bug  # kibitz: ignore[]\n",
        "bug  # mykibitz: ignore\n",
        "bug  # https://kibitz: ignore\n",
    ],
)
def test_what_only_looks_like_such_a_comment_dismisses_nothing(text: str) -> None:
    assert said(text, "bug") is None


def test_a_whole_file_is_spoken_for_in_its_first_lines() -> None:
    text = "\n" * (FILE_LINES - 1) + "# kibitz: ignore-file[wrong-value] generated\nx = 1\n\nbug\n"
    found = said(text, "bug")
    assert found is not None
    assert found.why == "by a comment: generated"
    assert said(text, "bug", rule="off-by-one") is None
    assert said("\n" + text, "bug") is None, "too far down to be seen"


@given(st.text(alphabet="kibitz: ignore-file[]#\"'\n\r\t ab,", max_size=200))
def test_no_text_raises_and_one_without_the_word_says_nothing(text: str) -> None:
    known = inline(text, "python")
    assert known is None or "kibitz:" in text


def test_long_lines_of_half_comments_are_read_in_linear_time() -> None:
    text = "# kibitz: ignore[" * 20_000
    began = time.process_time()
    inline(text, "python")
    inline("# kibitz: ignore " * 20_000, "python")
    assert time.process_time() - began < 2
