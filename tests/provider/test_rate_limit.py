from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import virtual_time

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.rate_limit import Bucket, RateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

FOREVER = 1e9


def limiter(requests: int = 60_000, tokens: int = 6_000_000, concurrency: int = 1000) -> RateLimiter:
    return RateLimiter(requests_per_minute=requests, tokens_per_minute=tokens, max_concurrency=concurrency)


def now() -> float:
    return asyncio.get_running_loop().time()


async def send(
    gate: RateLimiter, tokens: int, *, used: int | None = None, lasts: float = 0.0, done: Callable[[], None]
) -> None:
    async with gate.admit(tokens, longest_pause=FOREVER) as permit:
        done()
        await asyncio.sleep(lasts)
        permit.settle(tokens if used is None else used)


def times(
    gate: Callable[[], RateLimiter], asked: list[tuple[int, int]], lasts: float = 0.0
) -> list[tuple[int, float]]:
    """Which request was admitted when, if all (tokens, used) are asked for at once."""

    async def main() -> list[tuple[int, float]]:
        limits, start = gate(), now()
        admitted: list[tuple[int, float]] = []
        await asyncio.gather(
            *(
                send(limits, t, used=u, lasts=lasts, done=lambda i=i: admitted.append((i, now() - start)))  # type: ignore[misc]  # a default binds the loop's variable
                for i, (t, u) in enumerate(asked)
            )
        )
        return admitted

    return virtual_time.run(main())


def test_requests_start_with_a_burst_and_then_keep_to_the_rate() -> None:
    admitted = times(lambda: limiter(requests=60), [(1, 1)] * 70)
    assert [i for i, _ in admitted] == list(range(70))
    assert [at for _, at in admitted[:10]] == pytest.approx([0.0] * 10, abs=1e-3)
    assert admitted[-1][1] == pytest.approx(60.0, abs=0.1)


def test_tokens_keep_to_their_rate_and_what_was_not_used_is_given_back() -> None:
    full = times(lambda: limiter(tokens=60_000), [(10_000, 10_000)] * 9)
    assert full[-1][1] == pytest.approx(60.0, abs=0.1)
    saved = times(lambda: limiter(tokens=60_000), [(10_000, 2_000)] * 9)
    assert saved[-1][1] < 1.0


def test_a_big_request_is_not_overtaken_by_small_ones() -> None:
    admitted = times(lambda: limiter(tokens=6_000), [(2_900, 2_900), (2_900, 2_900), *[(10, 10)] * 5])
    assert [i for i, _ in admitted] == list(range(7))


def test_a_request_larger_than_the_bucket_goes_and_leaves_a_debt() -> None:
    admitted = times(lambda: limiter(tokens=6_000), [(9_000, 9_000), (100, 100)])
    # 3,000 fit at once; the other 6,000 and the next 100 drip in at 100 a second, less the 3,000 of room.
    assert admitted[0][1] == pytest.approx(0.0, abs=1e-3)
    assert admitted[1][1] == pytest.approx(61.0, abs=0.1)


def test_no_more_are_under_way_than_allowed() -> None:
    async def main() -> int:
        gate, running, most = limiter(concurrency=3), 0, 0

        async def one() -> None:
            nonlocal running, most
            async with gate.admit(1, longest_pause=FOREVER):
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(one() for _ in range(10)))
        return most

    assert virtual_time.run(main()) == 3


def test_a_pause_holds_everyone_also_those_who_already_wait() -> None:
    async def main() -> list[float]:
        gate, start = limiter(requests=60), now()
        at: list[float] = []
        work = [
            asyncio.ensure_future(send(gate, 1, done=lambda: at.append(now() - start))) for _ in range(12)
        ]
        await asyncio.sleep(0.5)
        gate.pause(10)
        gate.pause(3)
        await asyncio.gather(*work)
        return at

    at = virtual_time.run(main())
    assert at[:10] == pytest.approx([0.0] * 10, abs=1e-3)
    assert all(t >= 10.5 for t in at[10:])


def test_a_pause_too_long_to_wait_for_is_an_error_that_says_when() -> None:
    async def main() -> None:
        gate = limiter()
        gate.pause(3600)
        async with gate.admit(1, longest_pause=60):
            pass

    with pytest.raises(RateLimitExceeded) as caught:
        virtual_time.run(main())
    assert caught.value.retry_after == pytest.approx(3600)
    assert caught.value.retryable


def test_one_that_is_cancelled_while_it_waits_takes_nothing_and_blocks_nobody() -> None:
    async def main() -> tuple[float, float]:
        gate, start = limiter(tokens=6_000), now()
        at: list[float] = []

        def done() -> None:
            at.append(now() - start)

        first = asyncio.ensure_future(send(gate, 3_000, done=done))
        waiting = [asyncio.ensure_future(send(gate, 3_000, done=done)) for _ in range(5)]
        last = asyncio.ensure_future(send(gate, 100, done=done))
        await asyncio.sleep(0.1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(first, last, *waiting, return_exceptions=True)
        assert len(at) == 2
        return at[0], at[1]

    first, last = virtual_time.run(main())
    assert first == pytest.approx(0.0, abs=1e-3)
    assert last == pytest.approx(1.0, abs=0.1)


def test_one_that_is_cancelled_behind_a_pause_gives_its_tokens_back() -> None:
    async def main() -> float:
        gate = limiter(requests=6, tokens=6_000)
        await send(gate, 1, used=0, done=lambda: None)  # takes the only request
        blocked = asyncio.ensure_future(send(gate, 3_000, done=lambda: None))
        await asyncio.sleep(1)
        assert not gate._tokens.has_capacity(2_900)
        blocked.cancel()
        await asyncio.gather(blocked, return_exceptions=True)
        return float(gate._tokens.has_capacity(2_900))

    assert virtual_time.run(main())


def test_a_permit_may_be_settled_more_than_once() -> None:
    async def main() -> None:
        gate = limiter(tokens=6_000)
        async with gate.admit(2_000, longest_pause=FOREVER) as permit:
            permit.settle(500)
            permit.settle(2_500)
            permit.settle(1_000)
        assert gate._tokens.has_capacity(2_000)
        assert not gate._tokens.has_capacity(2_001)

    virtual_time.run(main())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=40),
    st.integers(6, 200),
    st.integers(1_000, 20_000),
)
def test_no_window_holds_more_than_the_bucket_and_its_refill(
    asked: list[tuple[int, int]], requests: int, tokens: int
) -> None:
    admitted = times(lambda: limiter(requests=requests, tokens=tokens), asked)
    assert [i for i, _ in admitted] == list(range(len(asked)))
    stamps = [at for _, at in admitted]
    assert stamps == sorted(stamps)
    burst = max(1.0, requests / 6)
    for i, start in enumerate(stamps):
        for j in range(i, len(stamps)):
            assert j - i + 1 <= burst + (stamps[j] - start) * requests / 60 + 1e-3


def test_a_bucket_of_less_than_one_a_burst_still_admits_one() -> None:
    async def main() -> None:
        bucket = Bucket(1, 1 / 6)
        assert bucket.max_rate == 1.0
        assert bucket._rate_per_sec == pytest.approx(1 / 60)

    virtual_time.run(main())
