from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support import virtual_time

from kibitz.provider.limits.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def with_bucket(check: Callable[[Bucket], Awaitable[None]], capacity: float = 100, rate: float = 10) -> None:
    async def main() -> None:
        await check(Bucket(capacity, rate))

    virtual_time.run(main())


def test_it_starts_full_and_fills_steadily() -> None:
    async def check(bucket: Bucket) -> None:
        assert bucket.wait_for(100) == 0
        bucket.charge(100)
        assert bucket.wait_for(30) == pytest.approx(3)
        await asyncio.sleep(2)
        assert bucket.remaining == pytest.approx(20)
        await asyncio.sleep(60)
        assert bucket.remaining == 100

    with_bucket(check)


def test_a_wait_is_long_enough_to_the_last_bit() -> None:
    async def check(bucket: Bucket) -> None:
        for amount in (1 / 3, 7.77, 99.9):
            bucket.charge(bucket.remaining)
            await asyncio.sleep(bucket.wait_for(amount))
            assert bucket.wait_for(amount) == 0

    with_bucket(check, rate=1 / 7)


def test_more_than_fits_waits_for_a_full_bucket_and_leaves_a_debt() -> None:
    async def check(bucket: Bucket) -> None:
        bucket.charge(50)
        assert bucket.wait_for(250) == pytest.approx(5)
        await asyncio.sleep(5)
        bucket.charge(250)
        assert bucket.remaining == pytest.approx(-150)
        assert bucket.wait_for(10) == pytest.approx(16)

    with_bucket(check)


def test_what_comes_back_does_not_make_it_more_than_full() -> None:
    async def check(bucket: Bucket) -> None:
        bucket.charge(50)
        bucket.give_back(20)
        assert bucket.remaining == pytest.approx(70)
        bucket.give_back(1000)
        assert bucket.remaining == 100

    with_bucket(check)


def test_what_is_left_can_be_told() -> None:
    async def check(bucket: Bucket) -> None:
        bucket.set_remaining(-20)
        assert bucket.remaining == pytest.approx(-20)
        bucket.set_remaining(1000)
        assert bucket.remaining == 100

    with_bucket(check)
