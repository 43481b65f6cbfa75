from __future__ import annotations

from tests.support.findings import finding

from kibitz.cli.fixing import apply
from kibitz.findings.finding import Confidence

TEXT = "def f(values):\n    total = len(value)\n    return totl\n"


def test_fixes_that_do_not_touch_are_all_applied() -> None:
    first, second = finding(TEXT, "len(value)", "len(values)"), finding(TEXT, "totl", "total")
    result = apply(TEXT, "python", [second, first])
    assert result.text == "def f(values):\n    total = len(values)\n    return total\n"
    assert set(result.applied) == {first, second}
    assert result.left == ()


def test_the_first_of_two_that_touch_wins() -> None:
    first, second = finding(TEXT, "len(value)", "len(values)"), finding(TEXT, "value)\n", "values)\n")
    result = apply(TEXT, "python", [first, second])
    assert result.applied == (first,)
    assert [(left, "overlaps" in why) for left, why in result.left] == [(second, True)]


def test_what_needs_a_look_or_is_unsure_is_left() -> None:
    risky = finding(TEXT, "totl", "eval('total')", needs_review=True)
    unsure = finding(TEXT, "len(value)", "len(values)", confidence=Confidence.UNSURE)
    result = apply(TEXT, "python", [risky, unsure, finding(TEXT, "total")])
    assert result.text == TEXT
    assert [left for left, _ in result.left] == [risky, unsure]


def test_a_fix_of_another_text_is_left() -> None:
    result = apply(TEXT.replace("totl", "sum_"), "python", [finding(TEXT, "totl", "total")])
    assert result.applied == ()
    assert "not what was reviewed" in result.left[0][1]


def test_fixes_that_break_the_syntax_together_are_all_left() -> None:
    text = "x = f(\n    1\n)\n"
    findings = [finding(text, "f(", "f"), finding(text, "1", "2")]
    result = apply(text, "python", findings)
    assert result.text == text
    assert [left for left, _ in result.left] == findings
