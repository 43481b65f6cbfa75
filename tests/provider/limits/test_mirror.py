from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest
from tests.provider.limits.gates import now
from tests.support import virtual_time

from kibitz.provider.limits.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DAY = 86_400.0


def with_mirror(check: Callable[[Mirror], Awaitable[None]], per_minute: float = 6_000) -> None:
    async def main() -> None:
        await check(Mirror(per_minute, now))

    virtual_time.run(main())


def left(mirror: Mirror) -> float:
    """What it would let go at once, with the two seconds' flow that it leaves untouched."""
    return mirror._bucket.remaining + (mirror._limit - mirror._bucket.max_rate)


def test_at_first_it_counts_the_most_that_the_configured_limit_allows() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.sent(5_800)
        assert mirror.wait_for(100) == pytest.approx(1)
        assert mirror.per_minute == math.inf

    with_mirror(check)


def test_a_provider_that_answers_and_tells_nothing_holds_nobody() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.sent(50_000)
        mirror.answered()
        assert mirror.wait_for(6_000) == 0
        mirror.sent(50_000)
        assert mirror.wait_for(6_000) == 0

    with_mirror(check)


def test_it_believes_what_the_answer_to_a_lone_request_tells() -> None:
    async def check(mirror: Mirror) -> None:
        mark = mirror.sent(1_000)
        await asyncio.sleep(0.5)
        mirror.told(mark, 30_000, 12_000, 36.0)
        mirror.answered()
        assert mirror.per_minute == 30_000
        # Half a second brought 250.
        assert left(mirror) == pytest.approx(12_250, abs=1)

    with_mirror(check)


def test_what_was_sent_since_is_taken_off_and_what_came_back_since_is_added() -> None:
    async def check(mirror: Mirror) -> None:
        mark = mirror.sent(1_000)
        await asyncio.sleep(10)
        mirror.sent(4_000)
        await asyncio.sleep(10)
        mirror.told(mark, 30_000, 15_000, 30.0)
        # 20 seconds brought 10,000.
        assert left(mirror) == pytest.approx(21_000, abs=1)

    with_mirror(check)


def test_an_answer_that_says_there_is_more_is_believed_as_far_as_is_certain() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.told(mirror.sent(20_000), 30_000, 10_000, 40.0)
        await asyncio.sleep(10)
        # It gave back most of the 20,000 meanwhile, and this one may have left its queue up to 2 s later.
        mirror.told(mirror.sent(500), 30_000, 29_000, 2.0)
        assert left(mirror) == pytest.approx(29_000, abs=1)

    with_mirror(check, 30_000)


def test_of_requests_sent_together_an_early_answer_does_not_hide_those_still_on_their_way() -> None:
    async def check(mirror: Mirror) -> None:
        marks = [mirror.sent(1_000) for _ in range(25)]
        # The last one sent arrived first.
        mirror.told(marks[-1], 30_000, 29_000, 2.0)
        assert left(mirror) == pytest.approx(5_000, abs=1)

    with_mirror(check, 30_000)


def test_of_requests_sent_together_a_late_answer_does_not_count_them_twice() -> None:
    async def check(mirror: Mirror) -> None:
        marks = [mirror.sent(1_000) for _ in range(25)]
        mirror.told(marks[0], 30_000, 5_000, 50.0)
        assert left(mirror) == pytest.approx(5_000, abs=1)

    with_mirror(check, 30_000)


def test_an_answer_to_an_earlier_request_is_moot_once_a_later_one_was_answered() -> None:
    async def check(mirror: Mirror) -> None:
        early = mirror.sent(1_000)
        await asyncio.sleep(5)
        mirror.told(mirror.sent(1_000), 30_000, 20_000, 20.0)
        mirror.told(early, 30_000, 100, 59.0)
        assert left(mirror) == pytest.approx(20_000, abs=1)

    with_mirror(check, 30_000)


def test_others_who_use_the_same_key_are_seen() -> None:
    async def check(mirror: Mirror) -> None:
        await asyncio.sleep(5)
        mirror.told(mirror.sent(100), 30_000, 3_000, 54.0)
        assert left(mirror) == pytest.approx(3_000, abs=1)
        assert mirror.wait_for(4_000) == pytest.approx(4)

    with_mirror(check, 30_000)


def test_a_limit_by_the_day_is_not_taken_for_one_by_the_minute() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.told(mirror.sent(1), 14_400, 14_370, 180.0)
        assert mirror.per_minute == math.inf
        for _ in range(600):
            assert mirror.wait_for(1) == 0
            mirror.sent(1)
        assert left(mirror) == pytest.approx(14_370 - 600, abs=1)

    with_mirror(check, 600)


def test_a_limit_by_the_day_that_is_used_up_is_asked_about_once_a_minute() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.told(mirror.sent(1), 1_000, 0, DAY)
        assert mirror.wait_for(1) == pytest.approx(60)
        await asyncio.sleep(60)
        assert mirror.wait_for(1) == 0
        mark = mirror.sent(1)
        assert mirror.wait_for(1) == pytest.approx(60), "the others wait for what that one hears"
        await asyncio.sleep(1)
        mirror.told(mark, 1_000, 500, DAY / 2)
        assert mirror.wait_for(1) == 0

    with_mirror(check, 600)


@pytest.mark.parametrize(
    ("limit", "remaining"), [(None, 5.0), (6_000.0, None), (None, None)], ids=["limit", "rest", "both"]
)
def test_half_of_the_story_is_no_story(limit: float | None, remaining: float | None) -> None:
    async def check(mirror: Mirror) -> None:
        mirror.told(mirror.sent(100), limit, remaining, 1.0)
        assert left(mirror) == pytest.approx(5_900)

    with_mirror(check)


def test_a_provider_that_stops_telling_is_forgotten() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.told(mirror.sent(1_000), 3_000, 0, 60.0)
        mirror.answered()
        assert mirror.wait_for(1_000) > 0
        await asyncio.sleep(119)
        mirror.answered()
        assert mirror.per_minute == 3_000
        await asyncio.sleep(2)
        mirror.answered()
        assert mirror.per_minute == math.inf
        assert mirror.wait_for(6_000) == 0
        mirror.told(mirror.sent(1_000), 3_000, 1_000, 40.0)
        assert mirror.wait_for(1_000) > 0

    with_mirror(check)


def test_what_never_left_is_not_counted() -> None:
    async def check(mirror: Mirror) -> None:
        mirror.sent(2_000)
        mirror.unsent(2_000)
        assert left(mirror) == pytest.approx(6_000)

    with_mirror(check)


def test_it_keeps_no_more_of_the_past_than_an_answer_may_refer_to() -> None:
    async def check(mirror: Mirror) -> None:
        for _ in range(1_000):
            mark = mirror.sent(10)
            await asyncio.sleep(1)
            mirror.told(mark, 6_000, 5_000, 10.0)
        assert len(mirror._sent) < 10

    with_mirror(check)
