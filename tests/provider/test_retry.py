from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError, RateLimitExceeded, Timeout
from kibitz.provider.retry import Allowance, Budget, Retrier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PASSES = APIError("broken", retryable=True)
STAYS = APIError("refused")
CUT = InvalidResponse("malformed", retryable=True)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def scripted(*outcomes: OpenAIError | str) -> Callable[[], Awaitable[str]]:
    rest = list(outcomes)

    async def attempt() -> str:
        await asyncio.sleep(0)
        outcome = rest.pop(0)
        if isinstance(outcome, str):
            return outcome
        raise outcome

    return attempt


def retrier(
    clock: Clock,
    *,
    retries: int = 2,
    allowance: Allowance | None = None,
    uniform: Callable[[float, float], float] = lambda _, high: high,
) -> Retrier:
    config = RetryConfig(max_retries=retries, initial_backoff_ms=500, max_backoff_ms=1500)
    return Retrier(config, sleep=clock.sleep, allowance=allowance, uniform=uniform)


async def test_tries_again_with_waits_that_double_up_to_the_longest() -> None:
    clock = Clock()
    told: list[float] = []
    result = await retrier(clock, retries=4)(
        scripted(PASSES, PASSES, PASSES, PASSES, "ok"),
        Budget(60, clock),
        lambda error, wait: told.append(wait) if error is PASSES else None,
    )
    assert result == "ok"
    assert clock.slept == told == [0.5, 1.0, 1.5, 1.5]


async def test_gives_up_after_so_many_and_raises_the_last_error_itself() -> None:
    clock = Clock()
    last = APIError("last", retryable=True)
    with pytest.raises(APIError) as caught:
        await retrier(clock)(scripted(PASSES, PASSES, last), Budget(60, clock))
    assert caught.value is last
    assert len(clock.slept) == 2


async def test_never_repeats_what_cannot_succeed() -> None:
    clock = Clock()
    with pytest.raises(APIError, match="refused"):
        await retrier(clock)(scripted(STAYS, "never"), Budget(60, clock))
    assert clock.slept == []


@pytest.mark.parametrize("error", [CUT, Timeout("late", after_ms=1, retryable=True)])
async def test_an_answer_that_may_have_been_paid_for_gets_one_more_attempt(error: OpenAIError) -> None:
    clock = Clock()
    with pytest.raises(type(error)):
        await retrier(clock, retries=5)(scripted(error, PASSES, error, "never"), Budget(60, clock))
    assert len(clock.slept) == 2


async def test_waits_at_least_as_long_as_the_provider_asks() -> None:
    clock = Clock()
    error = RateLimitExceeded("slow down", retryable=True, retry_after=7.0)
    assert await retrier(clock)(scripted(error, "ok"), Budget(60, clock)) == "ok"
    assert clock.slept == [7.0]


async def test_does_not_begin_a_wait_that_the_deadline_would_cut() -> None:
    clock = Clock()
    error = RateLimitExceeded("slow down", retryable=True, retry_after=61.0)
    with pytest.raises(RateLimitExceeded):
        await retrier(clock)(scripted(error, "never"), Budget(60, clock))
    assert clock.slept == []


async def test_waits_count_towards_the_deadline() -> None:
    clock = Clock()
    budget = Budget(2.0, clock)
    with pytest.raises(APIError):
        await retrier(clock, retries=9)(scripted(*[PASSES] * 10), budget)
    assert clock.slept == [0.5, 1.0]
    assert budget.left == 0.5


async def test_a_cancellation_passes_through() -> None:
    async def attempt() -> str:
        await asyncio.Event().wait()
        return "never"

    task = asyncio.ensure_future(retrier(Clock())(attempt, Budget(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_concurrent_calls_keep_their_own_state() -> None:
    # A tenacity instance that concurrent tasks share hands out None and other tasks' results.
    clock = Clock()
    shared = retrier(clock, retries=3, allowance=Allowance(clock, most=1000))
    calls = [shared(scripted(*[PASSES] * (i % 4), f"r{i}"), Budget(600, Clock())) for i in range(200)]
    assert await asyncio.gather(*calls) == [f"r{i}" for i in range(200)]


@given(st.floats(0, 1), st.integers(1, 10))
def test_every_wait_is_random_below_its_ceiling(share: float, attempt: int) -> None:
    class State:
        attempt_number = attempt

        class outcome:  # noqa: N801 - stands for tenacity's attribute
            @staticmethod
            def exception() -> OpenAIError:
                return PASSES

    wait = retrier(Clock(), uniform=lambda low, high: low + share * (high - low))._wait(State)  # type: ignore[arg-type]  # two attributes of many
    assert 0 <= wait <= min(0.5 * 2 ** (attempt - 1), 1.5)


async def test_when_nearly_all_fails_retries_stay_a_share_of_the_requests() -> None:
    clock = Clock()
    shared, attempts = retrier(clock, retries=2, allowance=Allowance(lambda: 0.0)), 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        raise PASSES

    for _ in range(200):
        with pytest.raises(APIError):
            await shared(attempt, Budget(600, Clock()))
    # Ten to begin with, and a tenth of one for each request.
    assert 200 + 25 <= attempts <= 200 + 31


async def test_after_a_429_it_is_the_gate_that_holds_back() -> None:
    clock, limited = Clock(), RateLimitExceeded("fewer", retryable=True)
    shared = retrier(clock, allowance=Allowance(clock, most=1))
    for _ in range(5):
        assert await shared(scripted(limited, limited, "ok"), Budget(60, clock)) == "ok"


def test_time_brings_retries_back() -> None:
    clock = Clock()
    allowance = Allowance(clock)
    assert sum(allowance.take() for _ in range(50)) == 10
    clock.now += 35
    assert sum(allowance.take() for _ in range(50)) == 3
    clock.now += 100_000
    assert sum(allowance.take() for _ in range(50)) == 10


async def test_what_was_shown_is_not_asked_for_again() -> None:
    clock = Clock()
    with pytest.raises(APIError):
        await retrier(clock)(scripted(PASSES, "fine"), Budget(600, clock), final=lambda: True)
    assert clock.slept == []


def test_a_part_of_a_budget_is_spent_of_the_whole() -> None:
    clock = Clock()
    whole = Budget(9, clock)
    part = whole.part(2 / 3)
    assert part.left == pytest.approx(6)
    with part.spending():
        clock.now += 5
    assert part.left == pytest.approx(1)
    assert whole.left == pytest.approx(4)
