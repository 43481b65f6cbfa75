"""The gate and a quota that it shares with others."""

from __future__ import annotations

import asyncio

import pytest
from tests.provider.limits.gates import FOREVER, MemoryQuota, go, now, open_gate
from tests.support import virtual_time

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.limits.headers import Observed
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.limits.quota import Limits


def test_two_gates_never_take_more_than_there_is_together_and_leave_nothing_unused() -> None:
    async def main() -> tuple[float, float]:
        quota = MemoryQuota(delay=0.002)
        gates = [open_gate(requests=600, tokens=6_000, quota=quota) for _ in range(2)]
        start = now()
        await asyncio.gather(*(go(gate, 300) for gate in gates for _ in range(40)))
        took = now() - start
        for gate in gates:
            await gate.aclose()
        return took, quota.held

    took, held = virtual_time.run(main())
    assert held == 24_000
    # 6,000 at once, and the others at 100 a second.
    assert took == pytest.approx(180, rel=0.01)


def test_the_quota_hears_what_was_used_in_the_end() -> None:
    async def main() -> MemoryQuota:
        quota = MemoryQuota(delay=0.01)
        gate = open_gate(quota=quota)
        async with gate.admit(1_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.settle(700)
            permit.settle(300)
        await gate.aclose()
        assert quota.held == 300
        permit.settle(350)
        await gate.aclose()
        assert quota.held == 350
        async with gate.admit(1_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            permit.unused()
        await gate.aclose()
        return quota

    quota = virtual_time.run(main())
    assert quota.held == 350
    assert quota.scopes == {"scope"}


def test_it_is_asked_for_the_limits_that_the_provider_told_if_they_are_lower() -> None:
    async def main() -> list[Limits | None]:
        quota = MemoryQuota()
        gate, seen = open_gate(requests=600, tokens=6_000, quota=quota), []
        async with gate.admit(10, urgency=Urgency(), longest_pause=FOREVER) as permit:
            seen.append(quota.limits)
            permit.learn(Observed(limit_requests=60, remaining_requests=59))
            permit.learn(Observed(limit_tokens=60_000, remaining_tokens=59_000))
        await go(gate, 10)
        seen.append(quota.limits)
        await gate.aclose()
        return seen

    assert virtual_time.run(main()) == [Limits(600, 6_000), Limits(60, 6_000)]


def test_the_head_is_overtaken_while_it_waits_as_long_as_the_quota_says() -> None:
    async def main() -> list[tuple[str, float]]:
        quota = MemoryQuota(delay=0.001)
        other, gate = (open_gate(tokens=6_000, quota=quota) for _ in range(2))
        await go(other, 5_900)
        start, order = now(), []
        warm = asyncio.ensure_future(
            go(gate, 3_000, lambda: order.append(("warm", now() - start)), urgency=Urgency(Priority.WARMING))
        )
        await asyncio.sleep(5)
        await go(
            gate, 400, lambda: order.append(("asked", now() - start)), urgency=Urgency(Priority.EXPLICIT)
        )
        await warm
        await gate.aclose()
        return order

    (first, at), (second, later) = virtual_time.run(main())
    assert (first, second) == ("asked", "warm")
    assert at == pytest.approx(5, abs=0.01)
    assert later == pytest.approx(33, abs=0.1)


def test_one_that_was_granted_and_then_overtaken_keeps_its_grant() -> None:
    async def main() -> tuple[list[str], list[float]]:
        quota = MemoryQuota(delay=1.0)
        gate, order = open_gate(quota=quota), []
        warm = asyncio.ensure_future(
            go(gate, 10, lambda: order.append("warm"), urgency=Urgency(Priority.WARMING))
        )
        await asyncio.sleep(0.5)
        asked = asyncio.ensure_future(
            go(gate, 20, lambda: order.append("asked"), urgency=Urgency(Priority.EXPLICIT))
        )
        await asyncio.gather(warm, asked)
        await gate.aclose()
        return order, quota.asked

    assert virtual_time.run(main()) == (["asked", "warm"], [10, 20])


@pytest.mark.parametrize(
    "after", [0.0, 0.5, 1.0], ids=["at once", "while it is asked for", "as it is granted"]
)
def test_one_that_is_cancelled_gives_its_tokens_back(after: float) -> None:
    async def main() -> tuple[float, float]:
        quota = MemoryQuota(delay=1.0)
        gate = open_gate(quota=quota)
        waiting = asyncio.ensure_future(go(gate, 10))
        await asyncio.sleep(after)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await gate.aclose()
        held = quota.held
        await go(gate, 20)
        await gate.aclose()
        return held, quota.held

    assert virtual_time.run(main()) == (0, 20)


def test_a_pause_is_everybodys() -> None:
    async def main() -> float:
        quota = MemoryQuota()
        gate = open_gate(quota=quota)
        gate.pause(30)
        await gate.aclose()
        return quota.paused_until - now()

    assert virtual_time.run(main()) == pytest.approx(30)


def test_anothers_pause_that_is_too_long_turns_the_head_away() -> None:
    async def main() -> None:
        gate = open_gate(quota=MemoryQuota(paused_until=now() + 3600))
        await go(gate, 10, longest_pause=100)

    with pytest.raises(RateLimitExceeded, match="used them up for another 3600 s"):
        virtual_time.run(main())


def test_what_a_quota_raises_against_its_promise_is_not_hidden() -> None:
    async def main() -> None:
        gate = open_gate(quota=MemoryQuota(clash=LookupError("a mistake")))
        try:
            await go(gate, 10)
        finally:
            assert gate.status().queued == 0

    with pytest.raises(LookupError, match="a mistake"):
        virtual_time.run(main())


def test_a_renamed_gate_settles_under_the_name_by_which_it_took() -> None:
    async def main() -> tuple[set[str], set[str]]:
        quota = MemoryQuota()
        gate = open_gate(quota=quota)
        async with gate.admit(1_000, urgency=Urgency(), longest_pause=FOREVER) as permit:
            gate.rename("another")
            permit.settle(10)
        await gate.aclose()
        before = set(quota.scopes)
        await go(gate, 10)
        return before, quota.scopes

    assert virtual_time.run(main()) == ({"scope"}, {"scope", "another"})
