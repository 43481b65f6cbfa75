from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.tokens import estimate


def test_source_code_is_estimated_within_the_measured_bounds() -> None:
    # 430 bytes of o200k_base's average Python are 100 tokens.
    assert 100 <= estimate("x" * 430) <= 130
    assert estimate("") == 0
    assert estimate("日本語") >= 3


@given(st.text(), st.text())
def test_a_longer_text_is_never_estimated_shorter(first: str, second: str) -> None:
    assert estimate(first) <= estimate(first + second)
    assert estimate(first + second) <= estimate(first) + estimate(second) + 1
