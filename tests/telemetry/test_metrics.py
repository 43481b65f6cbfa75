from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.telemetry.metrics import (
    MAX_LABEL,
    MAX_SERIES,
    OTHER,
    SECONDS,
    Counter,
    Described,
    Distribution,
    Gauge,
    Histogram,
)

REQUESTS = Described("requests_total", "Requests.", ("model",))
TOOK = Described("took_seconds", "Time.", ("model",), "seconds")


def test_a_counter_counts_by_labels() -> None:
    counter = Counter(REQUESTS)
    counter.add("a")
    counter.add("a", amount=2.5)
    counter.add("b")
    assert counter.family().numbers == {("a",): 3.5, ("b",): 1.0}


@pytest.mark.parametrize("amount", [0.0, -1.0, math.nan, math.inf])
def test_a_counter_only_grows(amount: float) -> None:
    counter = Counter(REQUESTS)
    counter.add("a", amount=amount)
    assert counter.family().numbers == {}


def test_as_many_labels_are_said_as_there_are() -> None:
    with pytest.raises(ValueError, match="requests_total has the labels"):
        Counter(REQUESTS).add("a", "b")
    with pytest.raises(ValueError, match="took_seconds has the labels"):
        Histogram(TOOK).observe(1.0)


@given(st.lists(st.text(), max_size=3 * MAX_SERIES, unique=True))
def test_a_hostile_server_cannot_make_up_more_series_than_there_are(names: list[str]) -> None:
    counter, histogram = Counter(REQUESTS), Histogram(TOOK)
    for name in names:
        counter.add(name)
        histogram.observe(1.0, name)
    numbers, distributions = counter.family().numbers, histogram.family().distributions
    assert numbers.keys() == distributions.keys()
    assert len(numbers) <= MAX_SERIES
    assert sum(numbers.values()) == sum(each.count for each in distributions.values()) == len(names)
    for (said,) in numbers:
        assert len(said) <= MAX_LABEL
        assert said.isascii()
        assert said.isprintable() or not said


def test_further_labels_are_one() -> None:
    counter = Counter(REQUESTS)
    for number in range(2 * MAX_SERIES):
        counter.add(f"model-{number}")
    numbers = counter.family().numbers
    assert len(numbers) == MAX_SERIES
    assert numbers[OTHER,] == MAX_SERIES + 1
    counter.add("model-0")
    assert counter.family().numbers["model-0",] == 2


def test_a_gauge_says_what_is_now() -> None:
    gauge = Gauge(REQUESTS)
    assert gauge.family().numbers == {}
    level = 1.0
    gauge.read = lambda: [(("a",), level)]
    assert gauge.family().numbers == {("a",): 1.0}
    level = 7.0
    assert gauge.family().numbers == {("a",): 7.0}


def test_a_value_is_in_the_first_bucket_that_is_not_below_it() -> None:
    histogram = Histogram(TOOK, (1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.1):
        histogram.observe(value, "a")
    found = histogram.family().distributions["a",]
    assert found == Distribution((1.0, 2.0), (2, 2, 1), 6.6)
    assert found.count == 5
    assert found.cumulative == (2, 4, 5)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_clock_that_is_set_back_does_not_spoil_the_sum(value: float) -> None:
    histogram = Histogram(TOOK)
    histogram.observe(value, "a")
    found = histogram.family().distributions["a",]
    assert (found.count, found.sum) == (1, 0.0)


def test_percentiles_are_between_the_bounds_of_their_bucket() -> None:
    histogram = Histogram(TOOK)
    for hundredth in range(1, 101):
        histogram.observe(hundredth / 10, "a")
    found = histogram.family().distributions["a",]
    assert found.quantile(0.5) == pytest.approx(5.0, abs=0.1)
    assert found.quantile(0.95) == pytest.approx(9.5, abs=0.1)
    assert found.quantile(0.99) == pytest.approx(9.9, abs=0.1)
    assert Distribution(SECONDS, (0,) * 13).quantile(0.5) is None


def test_beyond_the_last_bound_nothing_more_is_known() -> None:
    histogram = Histogram(TOOK, (1.0, 2.0))
    histogram.observe(1000.0, "a")
    assert histogram.family().distributions["a",].quantile(0.5) == 2.0


VALUES = st.lists(st.floats(0, 200), min_size=1, max_size=50)


@given(VALUES, st.floats(0.01, 1))
def test_an_estimate_is_in_the_bucket_of_the_true_percentile(values: list[float], share: float) -> None:
    histogram = Histogram(TOOK)
    for value in values:
        histogram.observe(value, "a")
    estimate = histogram.family().distributions["a",].quantile(share)
    assert estimate is not None
    true = sorted(values)[max(math.ceil(share * len(values) - 1e-9), 1) - 1]
    above = next((bound for bound in SECONDS if bound >= true), SECONDS[-1])
    below = max((bound for bound in SECONDS if bound < above), default=0.0)
    assert below - 1e-9 <= estimate <= above + 1e-9


@given(VALUES, VALUES)
def test_two_processes_together_are_as_one(one: list[float], other: list[float]) -> None:
    def seen(values: list[float]) -> Distribution:
        histogram = Histogram(TOOK)
        for value in values:
            histogram.observe(value, "a")
        return histogram.family().distributions["a",]

    both, sum_of_both = seen(one) + seen(other), seen([*one, *other])
    assert both.counts == sum_of_both.counts
    assert both.sum == pytest.approx(sum_of_both.sum)


def test_who_cannot_wait_is_told_of_each_event_with_the_labels_that_count() -> None:
    told: list[object] = []
    counter, histogram = Counter(REQUESTS), Histogram(TOOK)
    counter.told = histogram.told = lambda value, labels: told.append((value, labels))
    counter.add("é")
    histogram.observe(0.5, "a")
    assert told == [(1.0, ("?",)), (0.5, ("a",))]
