from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.difference import MAX_QUOTED_LINES, Dropped, Hunk, compare

MEDIAN = '''def median(values):
    """The middle value."""
    ordered = sorted(values)  # a copy
    middle = len(ordered) // 2

    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
'''


def only(original: str, rewritten: str, language: str = "python") -> Hunk:
    hunks = compare(original, rewritten, language)
    assert not isinstance(hunks, Dropped), hunks
    assert len(hunks) == 1
    return hunks[0]


def test_a_changed_line_is_quoted_whole() -> None:
    hunk = only(MEDIAN, MEDIAN.replace("middle - 1]", "middle + 1]"))
    assert hunk == Hunk(
        8,
        "    return (ordered[middle - 1] + ordered[middle]) / 2",
        "    return (ordered[middle + 1] + ordered[middle]) / 2",
    )


@pytest.mark.parametrize(
    "rewritten",
    [
        MEDIAN,
        MEDIAN.replace("  # a copy", ""),
        MEDIAN.replace('    """The middle value."""\n', ""),
        MEDIAN.replace("The middle value.", "Return the median."),
        MEDIAN.replace("\n\n", "\n"),
        MEDIAN.replace("\n", "\r\n"),
        MEDIAN.replace(" // 2", "//2  # halved"),
        "\n".join("    " + line for line in MEDIAN.split("\n")),
        MEDIAN.replace("return (", "return (\n        "),
    ],
)
def test_taste_is_no_change(rewritten: str) -> None:
    assert compare(MEDIAN, rewritten, "python") == Dropped("unchanged")


def test_a_trailing_comment_stays_and_a_new_one_goes() -> None:
    hunk = only(MEDIAN, MEDIAN.replace("sorted(values)  # a copy", "list(values)  # Fixed"))
    assert hunk.replacement == "    ordered = list(values)  # a copy"


def test_indentation_is_meaning_in_python() -> None:
    loop = "def f(xs):\n    for x in xs:\n        if x:\n            return False\n        return True\n"
    hunk = only(loop, loop.replace("        return True", "    return True"))
    assert hunk == Hunk(5, "        return True", "    return True")


def test_indentation_is_taste_elsewhere() -> None:
    loop = "for (x of xs) {\n  if (x) {\n    f(x);\n  }\n}\n"
    assert compare(loop, loop.replace("  ", "\t"), "javascript") == Dropped("unchanged")


def test_a_method_given_back_without_its_indentation() -> None:
    method = "    def f(self):\n        x = 1\n        return y\n"
    hunk = only(method, "def f(self):\n    x = 1\n    return x\n")
    assert hunk == Hunk(3, "        return y", "        return x")


def test_a_unit_that_begins_in_the_middle_of_its_first_line() -> None:
    method = "def f(self):\n        x = 1\n        return y\n"
    assert only(method, "def f(self):\n    x = 1\n    return x\n") == Hunk(
        3, "        return y", "        return x"
    )


def test_new_lines_quote_the_line_they_follow() -> None:
    old = "func f() {\n\tmu.Lock()\n\tn++\n}\n"
    hunk = only(old, "func f() {\n\tmu.Lock()\n\tdefer mu.Unlock()\n\tn++\n}\n", "go")
    assert hunk == Hunk(2, "\tmu.Lock()", "\tmu.Lock()\n\tdefer mu.Unlock()")


def test_new_lines_keep_the_original_indentation_character() -> None:
    old = "func f() {\n\tfor {\n\t}\n}\n"
    hunk = only(old, "func f() {\n    for {\n        break\n    }\n}\n", "go")
    assert hunk.replacement == "\tfor {\n\t\tbreak"


def test_new_first_lines_quote_the_line_they_precede() -> None:
    assert only("x = 1\ny = x\n", "import os\nx = 1\ny = x\n") == Hunk(1, "x = 1", "import os\nx = 1")


def test_deleted_lines_become_nothing() -> None:
    assert only("a()\nb()\nc()\n", "a()\nc()\n") == Hunk(2, "b()", "")


def test_two_hunks_are_two() -> None:
    hunks = compare("a(1)\nb\nc\nd\ne(1)\n", "a(2)\nb\nc\nd\ne(2)\n", "python")
    assert not isinstance(hunks, Dropped)
    assert [hunk.start_line for hunk in hunks] == [1, 5]


@pytest.mark.parametrize(
    ("original", "rewritten", "reason"),
    [
        ("a(1)\nx\nb(1)\nx\nc(1)\n", "a(2)\nx\nb(2)\nx\nc(2)\n", "rewrote-too-much"),
        ("a\nb\nc\nd\n", "e\nf\ng\nh\n", "rewrote-too-much"),
        ("a\nb\nc\nd\ne\nf\n", "a\nf\n", "rewrote-too-much"),
        ("a\n", "a\n" + "".join(f"n{i}\n" for i in range(9)), "rewrote-too-much"),
        ("a\n" * 500, "a\n" * 500, "too-long"),
        ("# nothing\n", "x\n", "no-code"),
        ("x\n", "# ... the rest is unchanged\n", "no-code"),
    ],
)
def test_what_is_no_finding_is_dropped_with_its_reason(original: str, rewritten: str, reason: str) -> None:
    assert compare(original, rewritten, "python") == Dropped(reason)


LINE = st.sampled_from(
    ["a = 1", "    b(a)", "", "# note", "\tif a:", "return b", "'x' \"y\"", "}", "é = '😀'"]
)
TEXT = st.lists(LINE, max_size=12).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines))
)


@given(TEXT, TEXT, st.sampled_from(["python", "javascript", "plaintext"]))
def test_whatever_comes_back_the_quote_is_there(original: str, rewritten: str, language: str) -> None:
    hunks = compare(original, rewritten, language)
    if isinstance(hunks, Dropped):
        return
    raw = original.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for hunk in hunks:
        quoted = hunk.quote.split("\n")
        assert 1 <= len(quoted) <= MAX_QUOTED_LINES
        assert raw[hunk.start_line - 1 :][: len(quoted)] == quoted
        assert hunk.quote != hunk.replacement


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert isinstance(compare(text, text, "python"), Dropped)
