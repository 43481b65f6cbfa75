from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.provider.limits.gates import FOREVER, go, now, open_gate
from tests.support import virtual_time

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.limits.gate import Gate, GateStatus
from kibitz.provider.limits.headers import Observed
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable


def times(
    gate: Callable[[], Gate], asked: list[tuple[float, float]], lasts: float = 0.0
) -> list[tuple[int, float]]:
    """Which request was let in when, if all (tokens, used) are asked for at once."""

    async def main() -> list[tuple[int, float]]:
        limits, start = gate(), now()
        admitted: list[tuple[int, float]] = []
        await asyncio.gather(
            *(
                go(limits, t, lambda i=i: admitted.append((i, now() - start)), used=u, lasts=lasts)  # type: ignore[misc]  # a default binds the loop's variable
                for i, (t, u) in enumerate(asked)
            )
        )
        return admitted

    return virtual_time.run(main())


# The configured limits


def test_requests_start_with_almost_a_minutes_worth_and_then_keep_to_the_rate() -> None:
    admitted = times(lambda: open_gate(requests=60), [(1, 1)] * 70)
    assert [i for i, _ in admitted] == list(range(70))
    assert [at for _, at in admitted[:58]] == pytest.approx([0.0] * 58, abs=1e-3)
    assert [at for _, at in admitted[58:]] == pytest.approx([*range(1, 13)], abs=1e-3)


def test_tokens_keep_to_their_rate_and_what_was_not_used_is_given_back() -> None:
    full = times(lambda: open_gate(tokens=60_000), [(10_000, 10_000)] * 9)
    assert full[-1][1] == pytest.approx(32.0, abs=0.1)  # 90,000 less 58,000 at 1,000 a second
    saved = times(lambda: open_gate(tokens=60_000), [(10_000, 2_000)] * 9)
    assert saved[-1][1] < 1.0


def test_a_big_request_is_not_overtaken_by_small_ones() -> None:
    admitted = times(lambda: open_gate(tokens=6_000), [(5_700, 5_700), (2_900, 2_900), *[(10, 10)] * 5])
    assert [i for i, _ in admitted] == list(range(7))
    assert admitted[1][1] == pytest.approx(28.0, abs=0.1)


def test_a_request_larger_than_the_bucket_goes_and_leaves_a_debt() -> None:
    admitted = times(lambda: open_gate(tokens=6_000), [(9_000, 9_000), (100, 100)])
    # 5,800 fit at once; the other 3,200 and the next 100 drip in at 100 a second.
    assert admitted[0][1] == pytest.approx(0.0, abs=1e-3)
    assert admitted[1][1] == pytest.approx(33.0, abs=0.1)


def test_what_took_more_than_expected_is_a_debt() -> None:
    admitted = times(lambda: open_gate(tokens=6_000, concurrency=1), [(100, 8_800), (1_000, 1_000)])
    assert admitted[1][1] == pytest.approx(40.0, abs=0.1)


def test_a_limit_of_one_a_minute_admits_one_a_minute() -> None:
    admitted = times(lambda: open_gate(requests=1), [(1, 1)] * 3)
    assert [at for _, at in admitted] == pytest.approx([0, 60, 120], abs=0.1)


def test_no_more_are_under_way_than_allowed_and_those_who_wait_keep_their_order() -> None:
    async def main() -> tuple[int, list[int]]:
        gate, running, most = open_gate(concurrency=3), 0, 0
        order: list[int] = []

        async def one(i: int) -> None:
            nonlocal running, most
            async with gate.admit(1, urgency=Urgency(), longest_pause=FOREVER):
                order.append(i)
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(one(i) for i in range(10)))
        return most, order

    assert virtual_time.run(main()) == (3, list(range(10)))


def test_a_permit_may_be_settled_more_than_once_and_afterwards_too() -> None:
    async def main() -> None:
        gate = open_gate(tokens=6_000)
        async with gate.admit(2_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.settle(500)
            permit.settle(2_500)
            permit.settle(1_000)
        assert gate._allowance._tokens.remaining == pytest.approx(4_800, abs=1)
        permit.settle(800)
        assert gate._allowance._tokens.remaining == pytest.approx(5_000, abs=1)

    virtual_time.run(main())


def test_what_was_not_sent_is_given_back_whole() -> None:
    async def main() -> None:
        gate = open_gate(requests=60, tokens=6_000)
        async with gate.admit(2_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.unused()
        assert gate._allowance._tokens.remaining == pytest.approx(5_800)
        assert gate._allowance._requests.remaining == pytest.approx(58)

    virtual_time.run(main())


def test_what_the_block_raises_comes_through_and_frees_the_slot() -> None:
    async def fail(gate: Gate) -> None:
        async with gate.admit(1, urgency=Urgency(), longest_pause=FOREVER):
            raise LookupError("from within")

    async def main() -> int:
        gate = open_gate(concurrency=1)
        with pytest.raises(LookupError):
            await fail(gate)
        await go(gate, 1)
        return gate.status().in_flight

    assert virtual_time.run(main()) == 0


# Who goes first


def test_the_more_urgent_overtake_whoever_waits_also_for_a_slot() -> None:
    async def main() -> list[str]:
        gate = open_gate(concurrency=1)
        order: list[str] = []
        first = asyncio.ensure_future(go(gate, 1, lasts=5))
        await asyncio.sleep(0)
        waiting = [
            asyncio.ensure_future(
                go(gate, 1, lambda p=p, i=i: order.append(f"{p.name} {i}"), urgency=Urgency(p))  # type: ignore[misc]  # defaults bind the loop's variables
            )
            for p in reversed(Priority)
            for i in range(2)
        ]
        await asyncio.gather(first, *waiting)
        return order

    assert virtual_time.run(main()) == [f"{p.name} {i}" for p in Priority for i in range(2)]


def test_the_head_is_overtaken_while_it_waits_for_tokens() -> None:
    async def main() -> list[tuple[str, float]]:
        gate, start = open_gate(tokens=6_000), now()
        order: list[tuple[str, float]] = []
        await go(gate, 5_800)
        big = asyncio.ensure_future(
            go(gate, 5_000, lambda: order.append(("big", now() - start)), urgency=Urgency(Priority.WARMING))
        )
        await asyncio.sleep(10)
        await go(
            gate, 500, lambda: order.append(("asked", now() - start)), urgency=Urgency(Priority.EXPLICIT)
        )
        await big
        return order

    (first, at), (second, later) = virtual_time.run(main())
    assert (first, second) == ("asked", "big")
    assert at == pytest.approx(10)
    assert later == pytest.approx(55)


def test_one_whose_urgency_rises_moves_forward_at_once() -> None:
    async def main() -> list[str]:
        gate = open_gate(tokens=6_000)
        order: list[str] = []
        urgency = Urgency(Priority.WARMING)
        await go(gate, 5_800)
        others = [
            asyncio.ensure_future(
                go(gate, 3_000, lambda i=i: order.append(f"open {i}"), urgency=Urgency(Priority.OPEN))  # type: ignore[misc]  # a default binds the loop's variable
            )
            for i in range(2)
        ]
        mine = asyncio.ensure_future(go(gate, 100, lambda: order.append("mine"), urgency=urgency))
        await asyncio.sleep(2)
        urgency.rise_to(Priority.EXPLICIT)
        await asyncio.gather(*others, mine)
        assert not urgency._listeners
        return order

    assert virtual_time.run(main()) == ["mine", "open 0", "open 1"]


def test_one_that_rises_behind_a_full_house_waits_for_a_slot_all_the_same() -> None:
    async def main() -> float:
        gate, start = open_gate(concurrency=1), now()
        urgency, at = Urgency(Priority.WARMING), 0.0

        def note() -> None:
            nonlocal at
            at = now() - start

        first = asyncio.ensure_future(go(gate, 1, lasts=5))
        await asyncio.sleep(0)
        mine = asyncio.ensure_future(go(gate, 1, note, urgency=urgency))
        await asyncio.sleep(1)
        urgency.rise_to(Priority.OPEN)
        await asyncio.gather(first, mine)
        return at

    assert virtual_time.run(main()) == pytest.approx(5)


# Pauses


def test_a_pause_holds_everyone_also_those_who_already_wait() -> None:
    async def main() -> list[float]:
        gate, start = open_gate(requests=60), now()
        at: list[float] = []
        work = [asyncio.ensure_future(go(gate, 1, lambda: at.append(now() - start))) for _ in range(62)]
        await asyncio.sleep(0.5)
        gate.pause(10)
        gate.pause(3)
        assert gate.paused_for == pytest.approx(10)
        assert gate.status().queued == 4
        await asyncio.gather(*work)
        assert gate.paused_for == 0
        return at

    at = virtual_time.run(main())
    assert at[:58] == pytest.approx([0.0] * 58, abs=1e-3)
    assert all(10.5 <= t <= 12.5 for t in at[58:])
    assert len(set(at[58:])) == 4, "they come back one by one"


@pytest.mark.parametrize("waits_already", [True, False])
def test_a_pause_too_long_to_wait_for_is_an_error_that_says_when(waits_already: bool) -> None:
    async def main() -> None:
        gate = open_gate(concurrency=1)
        if waits_already:
            first = asyncio.ensure_future(go(gate, 1, lasts=1))
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(go(gate, 1, longest_pause=60))
            await asyncio.sleep(0)
            gate.pause(3600)
            try:
                await waiting
            finally:
                await first
                assert gate.status().in_flight == gate.status().queued == 0
        gate.pause(3600)
        await go(gate, 1, longest_pause=60)

    with pytest.raises(RateLimitExceeded, match="pause that lasts another 3600 s") as caught:
        virtual_time.run(main())
    assert caught.value.retry_after == pytest.approx(3600)
    assert caught.value.retryable


def test_a_pause_turns_away_only_those_who_cannot_wait_for_it() -> None:
    async def main() -> list[object]:
        gate = open_gate(concurrency=1)
        first = asyncio.ensure_future(go(gate, 1, lasts=1))
        await asyncio.sleep(0)
        waiting = [asyncio.ensure_future(go(gate, 1, longest_pause=p)) for p in (5, 100, 20)]
        await asyncio.sleep(0)
        gate.pause(30)
        await first
        return [type(result) for result in await asyncio.gather(*waiting, return_exceptions=True)]

    assert virtual_time.run(main()) == [RateLimitExceeded, type(None), RateLimitExceeded]


# Adaptive concurrency


def test_a_refusal_halves_what_may_be_under_way_and_success_brings_it_back() -> None:
    async def main() -> list[int]:
        gate, seen = open_gate(concurrency=8), []
        async with gate.admit(1, urgency=Urgency(), longest_pause=FOREVER):
            gate.throttled()
        seen.append(gate.status().concurrency)
        for _ in range(100):
            gate.succeeded()
        seen.append(gate.status().concurrency)
        return seen

    assert virtual_time.run(main()) == [4, 8]


# Cancellation


def test_those_who_are_cancelled_while_they_wait_take_nothing_and_block_nobody() -> None:
    async def main() -> tuple[list[float], GateStatus]:
        gate, start = open_gate(tokens=6_000), now()
        at: list[float] = []

        def done() -> None:
            at.append(now() - start)

        first = asyncio.ensure_future(go(gate, 5_800, done))
        waiting = [asyncio.ensure_future(go(gate, 3_000, done)) for _ in range(5)]
        last = asyncio.ensure_future(go(gate, 100, done))
        await asyncio.sleep(0.1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(first, last, *waiting, return_exceptions=True)
        return at, gate.status()

    at, status = virtual_time.run(main())
    assert at == pytest.approx([0.0, 1.0], abs=0.01)
    assert (status.in_flight, status.queued) == (0, 0)


def test_one_that_is_cancelled_just_as_it_is_let_in_gives_everything_back() -> None:
    async def main() -> None:
        gate = open_gate(requests=60, tokens=6_000, concurrency=1)
        async with gate.admit(800, urgency=Urgency(), longest_pause=FOREVER):
            second = asyncio.ensure_future(go(gate, 2_000))
            third = asyncio.ensure_future(go(gate, 100))
            await asyncio.sleep(1)
        assert gate.status().in_flight == 1, "the second one is in, and has not noticed yet"
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await third
        assert gate._allowance._tokens.remaining == pytest.approx(5_000, abs=1)
        assert gate._allowance._requests.remaining == pytest.approx(57, abs=0.01)
        assert (gate.status().in_flight, gate.status().queued) == (0, 0)

    virtual_time.run(main())


def test_a_head_that_is_cancelled_and_has_not_noticed_does_not_go() -> None:
    async def main() -> list[str]:
        gate = open_gate(concurrency=1)
        order: list[str] = []
        async with gate.admit(1, urgency=Urgency(), longest_pause=FOREVER):
            head = asyncio.ensure_future(go(gate, 1, lambda: order.append("head")))
            next_one = asyncio.ensure_future(go(gate, 1, lambda: order.append("next")))
            await asyncio.sleep(0)
            head.cancel()
        await asyncio.gather(head, next_one, return_exceptions=True)
        assert gate.status().in_flight == 0
        return order

    assert virtual_time.run(main()) == ["next"]


# What the provider tells


def told(limit: float, remaining: float) -> Observed:
    return Observed(limit_tokens=limit, remaining_tokens=remaining, reset_tokens=1.0)


def test_a_provider_with_lower_limits_than_configured_is_believed() -> None:
    async def main() -> tuple[GateStatus, float]:
        gate = open_gate(tokens=600_000)
        async with gate.admit(1_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.learn(told(30_000, 2_000))
            permit.settle(1_000)
        start = now()
        await go(gate, 3_500)
        return gate.status(), now() - start

    status, waited = virtual_time.run(main())
    assert status.tokens_per_minute == 30_000
    assert status.requests_per_minute == 60_000
    # 1,000 of the 2,000 stay untouched: 2 seconds of 500 a second.
    assert waited == pytest.approx(5.0, abs=0.1)


def test_a_provider_with_higher_limits_than_configured_changes_nothing() -> None:
    async def main() -> tuple[GateStatus, float]:
        gate = open_gate(tokens=6_000)
        async with gate.admit(5_800, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.learn(told(1_000_000, 999_999))
        start = now()
        await go(gate, 100)
        return gate.status(), now() - start

    status, waited = virtual_time.run(main())
    assert status.tokens_per_minute == 6_000
    assert waited == pytest.approx(1.0, abs=0.01)


def test_before_the_first_answer_the_most_that_requests_may_take_is_counted() -> None:
    async def main() -> tuple[int, int]:
        gate = Gate(requests_per_minute=600, tokens_per_minute=6_000, max_concurrency=100)
        let_in = 0

        async def one() -> None:
            nonlocal let_in
            async with gate.admit(100, at_most=1_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
                let_in += 1
                await asyncio.sleep(1)
                permit.learn(None)
                gate.succeeded()
                permit.settle(100)

        tasks = [asyncio.ensure_future(one()) for _ in range(30)]
        await asyncio.sleep(0.5)
        before = let_in
        await asyncio.sleep(1)
        after = let_in
        await asyncio.gather(*tasks)
        return before, after

    assert virtual_time.run(main()) == (5, 30)


def test_status_says_what_holds() -> None:
    async def main() -> GateStatus:
        gate = Gate(requests_per_minute=60, tokens_per_minute=6_000, max_concurrency=1)
        tasks = [asyncio.ensure_future(go(gate, 1, lasts=1)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.pause(7)
        status = gate.status()
        await asyncio.gather(*tasks)
        await gate.aclose()
        return status

    assert virtual_time.run(main()) == GateStatus(60, 6_000, 1, 1, 2, 7)


def test_who_is_held_waits_until_it_is_released_and_others_pass() -> None:
    async def main() -> None:
        gate, admitted = open_gate(), list[str]()
        warming = Urgency(Priority.WARMING)
        warming.hold()
        first = asyncio.create_task(go(gate, 1, lambda: admitted.append("warming"), urgency=warming))
        await go(gate, 1, lambda: admitted.append("typing"))
        await asyncio.sleep(100)
        assert admitted == ["typing"]
        assert gate.status().queued == 1
        warming.release()
        await first
        assert admitted == ["typing", "warming"]

    virtual_time.run(main())


def test_who_is_held_is_let_in_when_somebody_needs_it() -> None:
    async def main() -> None:
        gate, admitted = open_gate(), list[str]()
        warming = Urgency(Priority.WARMING)
        warming.hold()
        first = asyncio.create_task(go(gate, 1, lambda: admitted.append("warming"), urgency=warming))
        await asyncio.sleep(1)
        assert admitted == []
        warming.rise_to(Priority.OPEN)
        await first
        assert admitted == ["warming"]

    virtual_time.run(main())


def test_who_is_held_may_leave() -> None:
    async def main() -> None:
        gate = open_gate()
        warming = Urgency(Priority.WARMING)
        warming.hold()
        task = asyncio.create_task(go(gate, 1, urgency=warming))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert gate.status().queued == 0
        warming.release()
        await go(gate, 1)

    virtual_time.run(main())
