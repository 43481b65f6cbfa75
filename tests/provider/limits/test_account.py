from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.limits.account import GRACE_S, PRESENT_S, Account
from kibitz.provider.limits.mirror import SLACK
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMITS = Limits(requests_per_minute=600, tokens_per_minute=30_000)
REQUESTS, TOKENS = 600 - SLACK * 10, 30_000 - SLACK * 500
"""What may be saved up."""
START = 1000.0


def drained(now: float = START) -> Account:
    account = Account()
    account.take("before", TOKENS, LIMITS, now)
    account.askers.clear()
    return account


def test_a_request_takes_both_or_neither() -> None:
    account = Account()
    assert account.take("a", TOKENS - 100, LIMITS, START).wait == 0.0
    answer = account.take("a", 200, LIMITS, START)
    assert answer.wait == pytest.approx(100 / 500)
    assert (account.requests, account.tokens) == (1, TOKENS - 100)
    assert account.take("a", 200, LIMITS, START + answer.wait).wait == 0.0


def test_requests_are_limited_like_tokens() -> None:
    account = Account()
    waits = [account.take("a", 0, LIMITS, START).wait for _ in range(int(REQUESTS) + 1)]
    assert not any(waits[:-1])
    assert waits[-1] == pytest.approx(1 / 10)


def test_more_than_fits_is_taken_when_all_is_there_and_leaves_a_debt() -> None:
    account = Account()
    account.take("a", 1, LIMITS, START)
    wait = account.take("a", 100_000, LIMITS, START).wait
    assert wait == pytest.approx(1 / 500)
    assert account.take("a", 100_000, LIMITS, START + wait).wait == 0.0
    assert account.take("a", 0, LIMITS, START + wait).wait == pytest.approx((100_000 - TOKENS) / 500)


def test_settling_charges_what_is_there_now() -> None:
    account = Account()
    account.take("a", 1000, LIMITS, START)
    account.settle(0, 500, 0, START + 60)
    assert (account.requests, account.tokens) == (0, 500), "what came back meanwhile pays for nothing later"
    account.settle(0, -5000, 0, START + 60)
    assert account.tokens == 0, "no more can be given back than was taken"


def test_the_provider_may_know_of_more_use_than_the_account() -> None:
    account = Account()
    account.take("a", 1000, LIMITS, START)
    account.settle(0, 200, 5000, START)
    assert account.tokens == 5000
    account.settle(0, 200, 300, START)
    assert account.tokens == 5200


def test_a_pause_is_for_all_and_a_shorter_one_changes_nothing() -> None:
    account = Account()
    account.stop(30, START)
    account.stop(10, START + 5)
    assert account.take("a", 1, LIMITS, START + 5).wait == 25
    assert account.take("b", 1, LIMITS, START + 29).wait == 1
    assert account.take("b", 1, LIMITS, START + 30).wait == 0


def test_who_asked_earlier_goes_first_and_what_is_left_over_is_free() -> None:
    account = drained()
    big = account.take("big", 10_000, LIMITS, START).wait
    assert big == pytest.approx(20)
    assert account.take("small", 500, LIMITS, START + 10).wait == pytest.approx(11), (
        "all that is there is big's"
    )
    assert account.take("big", 10_000, LIMITS, START + big).wait == 0.0
    account.settle(0, -2000, 0, START + big)
    assert account.take("small", 500, LIMITS, START + big).wait == 0.0


def test_a_claim_that_nobody_comes_back_for_ends() -> None:
    account = drained()
    wait = account.take("gone", 10_000, LIMITS, START).wait
    later = START + wait + GRACE_S
    assert account.take("here", 10_500, LIMITS, later - 0.1).wait > 0
    assert account.take("here", 10_500, LIMITS, later + 0.1).wait == 0


def test_who_was_not_seen_for_a_minute_is_not_counted() -> None:
    account = Account()
    account.take("a", 1, LIMITS, START)
    assert account.take("b", 1, LIMITS, START + PRESENT_S).processes == 2
    assert account.take("b", 1, LIMITS, START + PRESENT_S + 1).processes == 1


def test_a_clock_that_goes_back_opens_nothing_and_stops_nobody_for_long() -> None:
    account = drained()
    account.take("other", 10_000, LIMITS, START)
    account.stop(5, START)
    assert account.take("a", 500, LIMITS, START - 10_000).wait == 5
    assert account.take("a", 500, LIMITS, START - 9_995).wait == 0
    assert account.tokens == pytest.approx(TOKENS - 5 * 500 + 500)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "settle", "pause"]),
        st.sampled_from("abc"),
        st.floats(0, 60_000),
        st.floats(-100, 100),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_the_clock_does_no_more_than_the_limits_is_given(
    steps: list[tuple[str, str, float, float]],
) -> None:
    account, now, forward, taken = Account(START), START, 0.0, 0.0
    for step, who, tokens, passed in steps:
        now += passed
        forward += max(0.0, passed)
        if step == "take":
            wait = account.take(who, min(tokens, TOKENS), LIMITS, now).wait
            taken += min(tokens, TOKENS) if not wait else 0
        elif step == "settle":
            account.settle(0, tokens, 0, now)
        else:
            account.stop(abs(passed), now)
        assert taken <= TOKENS + forward * 500 + 1e-3


class Process:
    """Asks again as soon as it is worthwhile, for ever."""

    def __init__(self, name: str, sizes: Sequence[float]) -> None:
        self.name = name
        self.own_sizes = sizes
        self.sizes = itertools.cycle(sizes)
        self.wanted = next(self.sizes)
        self.waits_since = START
        self.longest = 0.0
        self.got = 0.0

    def ask(self, account: Account, now: float) -> float:
        wait = account.take(self.name, self.wanted, LIMITS, now).wait
        if not wait:
            self.longest = max(self.longest, now - self.waits_since)
            self.got += self.wanted
            self.wanted, self.waits_since = next(self.sizes), now
        return wait


def simulate(processes: list[Process], seconds: float) -> float:
    """The tokens that all of them got together."""
    account, order = drained(), itertools.count()
    due = [(START, next(order), process) for process in processes]
    while due[0][0] < START + seconds:
        now, _, process = heapq.heappop(due)
        heapq.heappush(due, (now + process.ask(account, now), next(order), process))
        got = sum(p.got for p in processes)
        assert got <= (now - START) * 500 + 1e-3
    return sum(p.got for p in processes)


def test_big_requests_are_not_starved_by_small_ones() -> None:
    small = [Process(f"small{n}", [100, 300, 50]) for n in range(4)]
    big = Process("big", [12_000])
    assert simulate([*small, big], 600) >= 0.95 * 600 * 500
    assert big.longest < 2 * 12_000 / 500, "it waits for its own size, and for those before it"
    assert min(p.got for p in small) > 1000


@given(st.lists(st.lists(st.floats(100, 20_000), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_mix_of_processes_uses_nearly_all_and_never_too_much(mix: list[list[float]]) -> None:
    processes = [Process(str(n), sizes) for n, sizes in enumerate(mix)]
    biggest = sum(max(sizes) for sizes in mix)
    assert simulate(processes, 300) >= 300 * 500 - biggest
    assert all(p.longest < (biggest + max(p.own_sizes)) / 500 + 1 for p in processes), "none was starved"
