from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.tokens import counted, estimate


def test_source_code_is_estimated_within_the_measured_bounds() -> None:
    # 430 bytes of o200k_base's average Python are 100 tokens.
    assert 100 <= estimate("x" * 430) <= 130
    assert estimate("") == 0
    assert estimate("日本語") >= 3


@given(st.text(), st.text())
def test_a_longer_text_is_never_estimated_shorter(first: str, second: str) -> None:
    assert estimate(first) <= estimate(first + second)
    assert estimate(first + second) <= estimate(first) + estimate(second) + 1


def test_what_limits_count_is_the_length_of_the_whole_request() -> None:
    # {"a":"é\\n"}: twelve bytes, two of which are the letter, and two the end of the line.
    assert counted({"a": "é\n"}) == 12 // 4 + 1
    short = {"messages": [{"role": "user", "content": "x = 1"}], "max_tokens": 16}
    assert counted(short) > estimate("x = 1")
