from __future__ import annotations

from kibitz.provider.limits.concurrency import Concurrency


def busy(limit: int) -> Concurrency:
    concurrency = Concurrency(limit)
    for _ in range(limit):
        concurrency.enter()
    return concurrency


def test_it_is_full_at_its_limit() -> None:
    concurrency = busy(3)
    assert concurrency.full
    concurrency.leave()
    assert not concurrency.full


def test_requests_that_were_sent_together_and_refused_together_count_once() -> None:
    concurrency = busy(16)
    for _ in range(16):
        concurrency.throttled()
        concurrency.leave()
    assert concurrency.limit == 8
    concurrency.enter()
    concurrency.throttled()
    assert concurrency.limit == 4


def test_one_may_always_be_under_way() -> None:
    concurrency = Concurrency(4)
    for _ in range(10):
        concurrency.enter()
        concurrency.throttled()
        concurrency.leave()
    assert concurrency.limit == 1
    assert not concurrency.full


def test_it_grows_by_one_a_round_up_to_what_is_configured() -> None:
    concurrency = Concurrency(4)
    concurrency.enter()
    concurrency.throttled()
    concurrency.leave()
    assert concurrency.limit == 2
    grown = []
    for _ in range(12):
        concurrency.succeeded()
        grown.append(concurrency.limit)
    assert grown == [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]


def test_a_refusal_starts_the_round_again() -> None:
    concurrency = Concurrency(4)
    concurrency.enter()
    concurrency.throttled()
    concurrency.leave()
    concurrency.succeeded()
    concurrency.enter()
    concurrency.throttled()
    concurrency.leave()
    assert concurrency.limit == 1
    concurrency.succeeded()
    assert concurrency.limit == 2
