from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import naive_lines

from kibitz.guard import budget
from kibitz.guard.budget import MAX_BYTES, MAX_LINE, MAX_LINES, check_text, check_tokens, check_units
from kibitz.guard.secrets import Refused

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * MAX_LINE,
        ("x" * MAX_LINE + "\r") * 3,
        "\n" * (MAX_LINES - 1),
        "\r\n" * (MAX_LINES - 1),
        ("x" * 99 + "\n") * (MAX_BYTES // 100),
    ],
)
def test_what_is_just_within_passes(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * (MAX_LINE + 1), "line-too-long"),
        ("a\r" + "é" * (MAX_LINE + 1) + "\nb", "line-too-long"),
        ("\n" * MAX_LINES, "too-many-lines"),
        ("\r" * MAX_LINES, "too-many-lines"),
        (("x" * 99 + "\n") * (MAX_BYTES // 100 + 1), "too-large"),
        (("é" * 99 + "\n") * (MAX_BYTES // 199 + 1), "too-large"),
        (("\ud800" * 99 + "\n") * (MAX_BYTES // 298 + 1), "too-large"),
    ],
)
def test_what_is_beyond_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        check_text(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("check", "most", "reason"),
    [
        (check_units, budget.MAX_UNITS, "too-many-units"),
        (check_tokens, budget.MAX_TOKENS, "too-many-tokens"),
    ],
)
def test_counts(check: Callable[[int], None], most: int, reason: str) -> None:
    check(most)
    with pytest.raises(Refused) as caught:
        check(most + 1)
    assert caught.value.reason == reason
    assert str(most) in str(caught.value)


@given(st.lists(st.sampled_from(["a" * 2000, "b", "\r\n", "\n", "\r", "é"]), max_size=12).map("".join))
def test_only_the_longest_line_matters(text: str) -> None:
    longest = max(end - start for start, end, _ in naive_lines(text))
    try:
        check_text(text)
    except Refused as refused:
        assert refused.reason == "line-too-long"  # noqa: PT017 - either outcome is right, by the oracle
        assert longest > MAX_LINE
    else:
        assert longest <= MAX_LINE
