from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.breaker import Breaker, State

if TYPE_CHECKING:
    from kibitz.provider.breaker import Pass


class Bench:
    """A breaker, its clock, and what it told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[State] = []
        self.breaker = Breaker(clock=lambda: self.now, uniform=lambda _, __: 1.0, on_change=self.told.append)

    def sends(self, *outcomes: bool) -> None:
        for works in outcomes:
            leave = self.breaker.enter()
            assert leave is not None
            leave.succeeded() if works else leave.failed()

    def state(self) -> State:
        return self.breaker.state

    def opened(self) -> Bench:
        self.sends(*[False] * 10)
        assert self.breaker.state is State.OPEN
        return self

    def probe(self) -> Pass:
        leave = self.breaker.enter()
        assert leave is not None
        return leave


def test_few_failures_say_nothing() -> None:
    bench = Bench()
    bench.sends(*[False] * 9)
    assert bench.state() is State.CLOSED
    assert bench.breaker.admits


def test_it_opens_when_half_of_ten_fail() -> None:
    bench = Bench()
    bench.sends(*[True] * 5, *[False] * 4)
    assert bench.told == []
    bench.sends(*[False])
    assert bench.told == [State.OPEN]
    assert bench.breaker.enter() is None
    assert bench.breaker.status().probe_in == 15


def test_failures_of_long_ago_are_forgotten() -> None:
    bench = Bench()
    bench.sends(*[False] * 9)
    bench.now += 121
    bench.sends(*[False])
    assert bench.state() is State.CLOSED
    assert bench.breaker.status().outcomes == 1


def test_half_open_lets_exactly_one_look() -> None:
    bench = Bench().opened()
    bench.now += 14.9
    assert bench.breaker.enter() is None
    bench.now += 0.1
    assert bench.state() is State.HALF_OPEN
    probe = bench.probe()
    assert [bench.breaker.enter() for _ in range(100)] == [None] * 100
    probe.succeeded()
    assert bench.state() is State.CLOSED
    assert bench.told == [State.OPEN, State.CLOSED]
    bench.sends(*[False] * 9)
    assert bench.state() is State.CLOSED


def test_each_failed_look_doubles_the_rest_up_to_a_minute() -> None:
    bench = Bench().opened()
    for rest in (30, 60, 60):
        bench.now += bench.breaker.probe_in
        bench.probe().failed()
        assert bench.breaker.probe_in == rest
    bench.now += 60
    bench.probe().succeeded()
    assert bench.opened().breaker.probe_in == 15


def test_a_cancelled_look_makes_room_for_the_next() -> None:
    bench = Bench().opened()
    bench.now += 15
    bench.probe().given_up()
    bench.probe().succeeded()
    assert bench.state() is State.CLOSED


def test_what_was_sent_before_it_opened_does_not_count_after() -> None:
    bench = Bench()
    late = [bench.probe() for _ in range(20)]
    bench.opened()
    bench.now += 15
    probe = bench.probe()
    for leave in late:
        leave.failed()
    assert bench.state() is State.HALF_OPEN
    probe.succeeded()
    assert bench.state() is State.CLOSED


def test_a_pass_speaks_once() -> None:
    bench = Bench()
    leave = bench.probe()
    for _ in range(20):
        leave.failed()
    assert bench.breaker.status().outcomes == 1


ACTIONS = st.lists(st.tuples(st.sampled_from(["enter", "ok", "bad", "gone", "wait"]), st.integers(0, 30)))


@given(ACTIONS)
def test_never_more_than_one_look_and_never_stuck(actions: list[tuple[str, int]]) -> None:
    bench = Bench()
    under_way: list[Pass] = []
    for action, amount in actions:
        if action == "wait":
            bench.now += amount
        elif action == "enter":
            leave = bench.breaker.enter()
            if leave is not None:
                under_way.append(leave)
        elif under_way:
            leave = under_way.pop(amount % len(under_way))
            {"ok": leave.succeeded, "bad": leave.failed, "gone": leave.given_up}[action]()
        if bench.breaker.state is State.HALF_OPEN and bench.breaker.admits:
            probe = bench.probe()
            assert bench.breaker.enter() is None
            probe.given_up()
    for leave in under_way:
        leave.given_up()
    bench.now += 61
    assert bench.breaker.admits
