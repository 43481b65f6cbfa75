from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.limits.headers import Observed, observed

NAMES = [
    f"x-ratelimit-{what}-{of}" for of in ("requests", "tokens") for what in ("limit", "remaining", "reset")
]


def test_openais_headers_are_understood() -> None:
    assert observed(
        {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "599",
            "x-ratelimit-reset-requests": "100ms",
            "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-remaining-tokens": "24015",
            "x-ratelimit-reset-tokens": "11.97s",
            "content-type": "application/json",
        }
    ) == Observed(600, 599, 0.1, 30_000, 24_015, 11.97)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120ms", 0.12),
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("2m59.56s", 179.56),
        ("1d", 86_400),
        ("0s", 0),
        ("0", 0),
        ("59", 59),
        ("59.5", 59.5),
        (" 1s ", 1),
        ("250.5ms", 0.2505),
        ("17µs", 1.7e-5),
    ],
)
def test_a_duration_is_as_long_as_it_says(text: str, seconds: float) -> None:
    seen = observed({"x-ratelimit-reset-tokens": text})
    assert seen is not None
    assert seen.reset_tokens == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1s",
        "nan",
        "inf",
        "1e9",
        "s",
        "ms",
        "1x",
        "1 s",
        "soon",
        "1700000000",
        "99d",
        "9" * 400,
        "1s;",
        "\u0661s",
    ],
)
def test_a_duration_that_is_none_is_not_said(text: str) -> None:
    assert observed({"x-ratelimit-reset-tokens": text}) is None


@pytest.mark.parametrize("text", ["", "0", "-5", "nan", "inf", "1e5", "0x10", "many", "9" * 30, "1,000", "²"])
def test_a_limit_that_is_none_is_not_said(text: str) -> None:
    assert observed({"x-ratelimit-limit-tokens": text}) is None


@pytest.mark.parametrize("text", ["", "-5", "nan", "inf", "31000"])
def test_a_rest_that_cannot_be_is_not_said(text: str) -> None:
    assert observed({"x-ratelimit-limit-tokens": "30000", "x-ratelimit-remaining-tokens": text}) == Observed(
        limit_tokens=30_000
    )


def test_nothing_left_is_a_number_too() -> None:
    assert observed({"x-ratelimit-remaining-requests": "0"}) == Observed(remaining_requests=0)


def test_no_headers_say_nothing() -> None:
    assert observed({}) is None
    assert observed({"content-type": "text/html", "x-ratelimit-limit": "5"}) is None


@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.from_regex(r"[0-9.]{1,12}(ms|m|s|h|d)?")))
def test_whatever_comes_no_nonsense_is_passed_on(headers: dict[str, str]) -> None:
    seen = observed(headers)
    if seen is None:
        return
    for limit, remaining, reset in (
        (seen.limit_requests, seen.remaining_requests, seen.reset_requests),
        (seen.limit_tokens, seen.remaining_tokens, seen.reset_tokens),
    ):
        assert limit is None or 1 <= limit <= 1e12
        assert remaining is None or 0 <= remaining <= (limit or math.inf)
        assert reset is None or 0 <= reset <= 32 * 86_400
