from __future__ import annotations

import math
import statistics

import pytest
from benchmarks.measures import Spread, digits, growth, markdown, table
from hypothesis import given
from hypothesis import strategies as st

SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000)
TIMES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=300)


@given(st.floats(-1, 3), st.floats(1e-6, 1e3), st.integers(2, 7))
def test_a_power_is_found_again(exponent: float, factor: float, count: int) -> None:
    sizes = SIZES[:count]
    found = growth(sizes, [factor * size**exponent for size in sizes])
    assert found.exponent == pytest.approx(exponent, abs=1e-6)
    assert found.factor == pytest.approx(factor, rel=1e-4)
    assert found.r_squared == pytest.approx(1, abs=1e-3)
    assert found.left_out == 0


@given(st.floats(0.5, 3), st.floats(1e-6, 1e3), st.lists(st.floats(0.8, 1.25), min_size=7, max_size=7))
def test_noise_changes_it_little(exponent: float, factor: float, noise: list[float]) -> None:
    values = [factor * size**exponent * by for size, by in zip(SIZES, noise, strict=True)]
    found = growth(SIZES, values)
    assert found.exponent == pytest.approx(exponent, abs=0.35)
    assert 0 <= found.r_squared <= 1


@given(st.floats(0.8, 2.5))
def test_what_is_constant_at_first_is_left_out_and_said(exponent: float) -> None:
    values = [1000**exponent + size**exponent for size in SIZES]
    found = growth(SIZES, values)
    assert found.left_out == 2
    whole = statistics.linear_regression([*map(math.log, SIZES)], [*map(math.log, values)]).slope
    assert whole < found.exponent < exponent


def test_what_does_not_grow_keeps_all_its_sizes() -> None:
    found = growth(SIZES, [3.0] * len(SIZES))
    assert (found.left_out, found.r_squared) == (0, 1.0)
    assert found.exponent == pytest.approx(0)


def test_what_each_of_many_shares_is_constant_too() -> None:
    """What a queue takes for itself, divided by those who go through."""
    found = growth(SIZES, [5 + 3000 / size for size in SIZES])
    assert found.left_out == 2
    assert -0.3 < found.exponent < 0


def test_of_few_sizes_none_is_left_out() -> None:
    assert growth(SIZES[:4], [1, 1, 100, 10_000]).left_out == 0


@given(TIMES)
def test_a_spread_is_in_order_and_does_not_depend_on_it(values: list[float]) -> None:
    found = Spread.of(values)
    assert min(values) <= found.lower <= found.median <= found.upper <= max(values)
    assert found.p99 in values
    assert found == Spread.of(values[::-1])
    assert found.median == pytest.approx(statistics.median(values))


def test_the_99th_of_a_hundred() -> None:
    assert Spread.of([float(each) for each in range(1000)]).p99 == 990
    assert Spread.of([1.0, 9.0]).p99 == 9
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0, 7.0)


@given(st.floats(1e-9, 1e9))
def test_three_digits_are_near_enough(value: float) -> None:
    shown = digits(value)
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.04123, "0.0412"), (4.123, "4.12"), (41.23, "41.2"), (412.3, "412"), (41_234, "41,200")],
)
def test_three_digits_are_shown(value: float, shown: str) -> None:
    assert digits(value) == shown


def test_tables() -> None:
    head, rows = ("", "ms"), [["kibitz", "12.0"], ["ruff", "4"]]
    assert table(head, rows) == "          ms\nkibitz  12.0\nruff       4"
    assert markdown(head, rows) == "|  | ms |\n| --- | ---: |\n| kibitz | 12.0 |\n| ruff | 4 |"
